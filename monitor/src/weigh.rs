//! What findings are worth together.
//!
//! Owns the sum: within a family the strongest counts, families add, only proof reaches 100. Must not know
//! what the findings are about.
use std::collections::BTreeMap;

use crate::{
    finding::{Family, Rule},
    notice::Level,
};

/// The most that anything but proof sums up to.
pub const WITHOUT_PROOF: u32 = 95;
/// The score of proof, and the lowest of [`Level::Confirmed`].
pub const CONFIRMED: u32 = 100;
/// The lowest score of [`Level::Likely`].
pub const LIKELY: u32 = 70;
/// The lowest score of [`Level::Suspicious`].
pub const SUSPICIOUS: u32 = 40;

/// A sum and its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How sure.
    pub level: Level,
    /// Sum of the families, capped.
    pub score: u32,
}

/// Sums up the rules that matched, in any order; a rule given twice counts once.
#[must_use]
pub fn weigh<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Verdict {
    let mut families: BTreeMap<Family, u32> = BTreeMap::new();
    let mut proof = false;
    for rule in rules {
        let strongest = families.entry(rule.family).or_default();
        *strongest = rule.weight.max(*strongest);
        proof |= rule.proof;
    }
    let sum = families.into_values().fold(0, u32::saturating_add);
    let score = sum.min(if proof { CONFIRMED } else { WITHOUT_PROOF });
    Verdict { level: level(score), score }
}

/// Evidence in the order that readers see: strongest first, then by name.
pub fn strongest_first(evidence: &mut [(&'static Rule, String)]) {
    evidence.sort_by_key(|(rule, _)| (std::cmp::Reverse(rule.weight), rule.name));
}

fn level(score: u32) -> Level {
    match score {
        CONFIRMED.. => Level::Confirmed,
        LIKELY.. => Level::Likely,
        SUSPICIOUS.. => Level::Suspicious,
        _ => Level::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{
        ARGV_STRATUM_URL, BINARY_DIGEST, BINARY_YARA, DESTINATION_LIST, RULES, STRATUM_CLIENT,
        STRATUM_SERVER, STRATUM_SESSION, STRATUM_SHARE,
    };

    const DOC: &str = include_str!("../../docs/detection.md");

    /// The cells of every row of the table under `heading`, code marks taken off.
    fn table(heading: &str) -> Vec<Vec<String>> {
        let section = DOC.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
        let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
        rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
            .collect()
    }

    #[test]
    fn the_strongest_of_a_family_counts_and_families_add() {
        let weak = Rule { weight: 20, ..ARGV_STRATUM_URL };
        assert_eq!(weigh([]).score, 0);
        assert_eq!(weigh([&STRATUM_CLIENT, &STRATUM_SERVER, &STRATUM_CLIENT]).score, 80);
        assert_eq!(weigh([&weak, &ARGV_STRATUM_URL]).score, 60);
        assert_eq!(weigh([&STRATUM_SESSION, &STRATUM_SHARE, &ARGV_STRATUM_URL]).score, 100);
    }

    #[test]
    fn only_proof_reaches_confirmed() {
        let strong = Rule { weight: 100, ..ARGV_STRATUM_URL };
        assert_eq!(weigh([&strong, &STRATUM_CLIENT]), Verdict { level: Level::Likely, score: 95 });
        assert_eq!(weigh([&STRATUM_SESSION]), Verdict { level: Level::Confirmed, score: 100 });
        let weak_proof = Rule { weight: 80, ..STRATUM_SESSION };
        assert_eq!(weigh([&weak_proof]).level, Level::Likely);
        assert_eq!(weigh([&weak_proof, &ARGV_STRATUM_URL]).level, Level::Confirmed);
    }

    #[test]
    fn levels_begin_where_they_say() {
        let levels = [0, 39, 40, 69, 70, 99, 100].map(level);
        use Level::{Confirmed, Likely, None, Suspicious};
        assert_eq!(levels, [None, None, Suspicious, Suspicious, Likely, Likely, Confirmed]);
    }

    #[test]
    fn evidence_is_sorted_strongest_first() {
        let mut evidence: Vec<_> = RULES.iter().rev().map(|rule| (*rule, String::new())).collect();
        strongest_first(&mut evidence);
        let names: Vec<_> = evidence.iter().map(|(rule, _)| rule.name).collect();
        let expected = [
            "stratum.session",
            "stratum.share",
            "stratum.client",
            "stratum.server",
            "binary.content",
            "binary.memory",
            "stratum.handshake",
            "argv.config",
            "argv.options",
            "argv.stratum-url",
            "argv.environment",
            "binary.digest",
            "binary.yara",
            "destination.list",
            "argv.wallet",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn no_list_alerts_alone() {
        let lists = [&BINARY_YARA, &BINARY_DIGEST, &DESTINATION_LIST];
        assert!(lists.iter().all(|list| weigh([*list]).level == Level::None));
        assert_eq!(weigh([&BINARY_YARA, &BINARY_DIGEST]).level, Level::None, "of one family");
        assert_eq!(weigh(lists), Verdict { level: Level::Suspicious, score: 60 });
    }

    #[test]
    fn every_rule_is_documented_as_it_is() {
        let documented: Vec<_> = table("Rules").into_iter().map(|row| row[..4].to_vec()).collect();
        let rules: Vec<_> = RULES
            .iter()
            .map(|rule| {
                let family = serde_json::to_value(rule.family).unwrap();
                let proof = if rule.proof { "yes" } else { "no" };
                [rule.name, family.as_str().unwrap(), &rule.weight.to_string(), proof]
                    .map(String::from)
                    .to_vec()
            })
            .collect();
        assert_eq!(documented, rules);
    }

    #[test]
    fn the_scenarios_of_the_documentation_sum_up_as_they_say() {
        let rows = table("Scenarios");
        assert!(rows.len() >= 10, "{} scenarios", rows.len());
        for row in rows {
            let [scenario, findings, sum, expected] = &row[..] else { panic!("not four cells: {row:?}") };
            let matched: Vec<&Rule> = findings
                .split(", ")
                .filter(|name| *name != "none")
                .map(|name| *RULES.iter().find(|rule| rule.name == name).expect(name))
                .collect();
            let verdict = weigh(matched);
            assert_eq!(verdict.score.to_string(), *sum, "{scenario}");
            assert_eq!(format!("{:?}", verdict.level).to_lowercase(), *expected, "{scenario}");
        }
    }
}
