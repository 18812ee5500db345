//! What the checks of a whole system told, over its boots.
use std::fmt::Write as _;

/// What a boot ended with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Reboot,
    Done,
    /// It did not say.
    Lost,
}

#[derive(Debug)]
struct Check {
    name: String,
    passed: bool,
    evidence: String,
}

/// Every check so far.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    checks: Vec<Check>,
    lost: Vec<String>,
}

impl Outcomes {
    /// Adds what one boot wrote on its serial line.
    pub(super) fn read(&mut self, text: &str) -> Next {
        let (mut next, mut begun) = (Next::Lost, None);
        for line in text.lines() {
            let Ok(words) = serde_json::from_str::<Vec<String>>(line) else { continue };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["begin", name] => begun = Some((*name).to_owned()),
                ["check", name, outcome, evidence] => {
                    begun = None;
                    let (name, evidence) = ((*name).to_owned(), (*evidence).to_owned());
                    self.checks.push(Check { name, passed: *outcome == "PASS", evidence });
                }
                ["end", "reboot"] => next = Next::Reboot,
                ["end", _] => next = Next::Done,
                _ => {}
            }
        }
        if let Some(name) = begun {
            self.lost.push(format!("the machine ended within the check: {name}"));
        }
        next
    }

    /// Something that kept checks from being made.
    pub(super) fn lost(&mut self, why: &str) {
        self.lost.push(why.to_owned());
    }

    pub(super) fn count(&self) -> usize {
        self.checks.len()
    }

    /// One line for each check, with its evidence below.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        for Check { name, passed, evidence } in &self.checks {
            let outcome = if *passed { "PASS" } else { "FAIL" };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{outcome}  {name}\n      {evidence}");
        }
        out
    }

    /// Failed checks, and what kept others from being made; nothing when all is well.
    pub(super) fn problems(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|check| !check.passed);
        let mut problems: Vec<String> = failed.map(|check| format!("failed: {}", check.name)).collect();
        problems.extend(self.lost.iter().cloned());
        if self.checks.is_empty() {
            problems.push("no check was made".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_gathered_over_boots() {
        let mut outcomes = Outcomes::default();
        let first = "[\"begin\",\"a\"]\n[\"check\",\"a\",\"PASS\",\"seen\"]\nnoise\n[\"end\",\"reboot\"]\n";
        assert_eq!(outcomes.read(first), Next::Reboot);
        assert_eq!(outcomes.problems(), Vec::<String>::new());
        assert_eq!(
            outcomes.read("[\"check\",\"b\",\"FAIL\",\"gone\"]\n[\"end\",\"poweroff\"]\n"),
            Next::Done
        );
        assert_eq!(outcomes.problems(), ["failed: b"]);
        assert_eq!(outcomes.table(), "PASS  a\n      seen\nFAIL  b\n      gone\n");
        assert_eq!(outcomes.count(), 2);
    }

    #[test]
    fn a_machine_that_ends_within_a_check_is_told() {
        let mut outcomes = Outcomes::default();
        assert_eq!(outcomes.read("[\"begin\",\"a\"]\n[\"che"), Next::Lost);
        assert_eq!(outcomes.problems(), ["the machine ended within the check: a", "no check was made"]);
    }
}
