//! `minewarden explain RULE`: what a rule sees, what it is worth, when it is wrong, and what to do.
//!
//! Owns the text for a person. What is known of false alarms is the documentation's, word for word. Must not know how
//! a rule is judged.
use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, anyhow};

use super::{
    one_line,
    rules::{
        catalog::{Catalog, ContentRule},
        family,
    },
};
use crate::detect::{Family, RULES, Rule};

/// `docs/detection.md`.
const DOC: &str = include_str!("../../../docs/detection.md");

/// Options of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a rule, as a notice or `minewarden rules` names it
    #[arg(value_name = "RULE")]
    rule: String,
}

/// Prints what is known of the rule.
///
/// # Errors
/// There is no such rule.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = match RULES.iter().find(|rule| rule.name == args.rule) {
        Some(rule) => of_detector(rule),
        None => {
            let rules = Catalog::new(&[] as &[&Path])?.rules();
            let rule = rules.iter().find(|rule| rule.name == args.rule);
            of_content(rule.ok_or_else(|| anyhow!("{}", unknown(&args.rule, &rules)))?)
        }
    };
    io::stdout().write_all(text.as_bytes()).context("stdout")?;
    Ok(ExitCode::SUCCESS)
}

/// A mistake, with the names that hold what was given.
fn unknown(name: &str, content: &[ContentRule]) -> String {
    let names = RULES.iter().map(|rule| rule.name).chain(content.iter().map(|rule| rule.name.as_str()));
    let alike: Vec<_> = names.filter(|known| !name.is_empty() && known.contains(name)).collect();
    let hint = if alike.is_empty() { String::new() } else { format!("; there are {}", alike.join(", ")) };
    format!("there is no rule {}{hint} (see minewarden rules)", one_line(name))
}

fn of_detector(rule: &Rule) -> String {
    let mut out = String::new();
    let proof = if rule.proof { ", and is proof" } else { "" };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}\n", rule.name);
    let _ = writeln!(out, "sees:          {}", rule.sees);
    let _ = writeln!(out, "weight:        {} in the family {}{proof}", rule.weight, family(rule.name));
    if let Some(alarms) = false_alarms(rule.name) {
        let _ = writeln!(out, "false alarms:  {alarms}");
    }
    let _ = writeln!(out, "what to do:    {}", what_to_do(rule.family));
    if let Some(detail) = detail(rule.name) {
        let _ = writeln!(out, "\n{detail}");
    }
    out
}

fn of_content(rule: &ContentRule) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}\n", rule.name);
    let _ = writeln!(out, "sees:          {}", rule.description);
    let _ = writeln!(out, "demands:       {}", rule.marks);
    let _ = writeln!(out, "where:         in an executable, or in the memory of a packed one");
    let binary = RULES.iter().filter(|other| matches!(other.family, Family::Binary));
    if let Some(weight) = binary.map(|other| other.weight).max() {
        let _ = writeln!(out, "weight:        {weight} in the family binary");
    }
    let _ = writeln!(out, "source:        {}", rule.source);
    let _ = writeln!(out, "false alarms:  {}", rule.false_alarms);
    let _ = writeln!(out, "what to do:    {}", what_to_do(Family::Binary));
    out
}

/// The last cell of the rule's row.
fn false_alarms(name: &str) -> Option<String> {
    let row = DOC.lines().find(|line| line.starts_with(&format!("| `{name}` |")))?;
    Some(row.trim_matches('|').rsplit('|').next()?.trim().replace('`', ""))
}

/// What stands under the rule's own heading.
fn detail(name: &str) -> Option<String> {
    let (_, rest) = DOC.split_once(&format!("\n### `{name}` in detail\n"))?;
    Some(rest.split("\n#").next()?.trim().replace('`', ""))
}

fn what_to_do(family: Family) -> &'static str {
    match family {
        Family::Stratum => {
            "see whose process it is and whether it may mine; if not, keep a copy of its executable \
             (/proc/PID/exe), stop it, and look for what starts it: its parent, timers, cron, the unit"
        }
        Family::Binary => {
            "see whether the file belongs to a package (dpkg -S, rpm -qf) and who put it there; keep a copy \
             of it, and look for what starts it"
        }
        Family::Argv => {
            "see who started it and from what: the ancestry names the shell, the timer or the service; a \
             miner's own configuration may lie beside it"
        }
        Family::Destination => {
            "by itself nothing: see what else the incident names, and why the host speaks to this address"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_detectors_has_its_false_alarms_from_the_documentation() {
        for rule in RULES {
            let text = of_detector(rule);
            assert!(text.starts_with(rule.name) && text.contains(rule.sees), "{text}");
            assert!(false_alarms(rule.name).is_some_and(|alarms| !alarms.is_empty()), "{}", rule.name);
        }
        assert!(
            of_detector(&crate::detect::STRATUM_SHARE).contains("100 in the family stratum, and is proof")
        );
    }

    #[test]
    fn what_stands_under_a_rule_s_heading_is_told_to_its_end() {
        let detail = detail("argv.stratum-url").unwrap();
        assert!(
            detail.starts_with("The argument itself") && detail.ends_with("the password is not read."),
            "{detail}"
        );
        assert_eq!(super::detail("stratum.share"), None);
    }

    #[test]
    fn a_name_that_is_no_rule_s_is_refused_with_those_that_are_like_it() {
        let message = unknown("session", &[]);
        assert_eq!(message, "there is no rule session; there are stratum.session (see minewarden rules)");
        assert_eq!(unknown("\u{1b}x", &[]), "there is no rule \u{fffd}x (see minewarden rules)");
    }
}
