//! What came of each host, as a table or as JSON.
//!
//! Owns the look and the exit status. Must not know how a result came about.
use std::process::ExitCode;

use serde_json::{Value, json};

/// What came of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is as wanted.
    Ok,
    /// It would be done; this was a dry run.
    Planned,
    /// Checks found that it would not work there; the host is untouched.
    Refused,
    /// It could not be reached.
    Unreachable,
    /// It was begun and did not end well.
    Failed,
    /// It did not end well and was taken back.
    Undone,
    /// It was not begun.
    NotTried,
}

impl Outcome {
    /// As the table says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Planned => "planned",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Failed => "failed",
            Self::Undone => "rolled back",
            Self::NotTried => "not tried",
        }
    }

    /// Whether it counts against the exit status.
    pub(crate) fn is_failure(self) -> bool {
        !matches!(self, Self::Ok | Self::Planned)
    }
}

/// One host's line.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) host: String,
    pub(crate) kernel: String,
    /// Version before; empty when there was none.
    pub(crate) before: String,
    /// Version now; empty when there is none.
    pub(crate) after: String,
    pub(crate) action: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) seconds: f64,
    /// One line: the cause, or what was proven.
    pub(crate) reason: String,
}

impl Row {
    /// A line for `host` on which nothing is known yet.
    pub(crate) fn new(host: String) -> Self {
        let (kernel, before, after, reason) = (String::new(), String::new(), String::new(), String::new());
        Self { host, kernel, before, after, action: "-", outcome: Outcome::NotTried, seconds: 0.0, reason }
    }

    /// The same with this end.
    pub(crate) fn ended(mut self, outcome: Outcome, reason: impl Into<String>) -> Self {
        (self.outcome, self.reason) = (outcome, reason.into());
        self
    }

    fn cells(&self) -> Vec<String> {
        let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let version = match (self.before.as_str(), self.after.as_str()) {
            ("", "") => "-".to_owned(),
            (before, after) if before == after => before.to_owned(),
            (before, after) => format!("{} -> {}", or(before, "none"), or(after, "none")),
        };
        vec![
            self.host.clone(),
            or(&self.kernel, "-"),
            version,
            self.action.to_owned(),
            self.outcome.name().to_owned(),
            format!("{:.1}", self.seconds),
            self.reason.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "host": self.host, "kernel": self.kernel, "before": self.before, "after": self.after,
            "action": self.action, "result": self.outcome.name(), "seconds": self.seconds, "reason": self.reason,
        })
    }
}

/// Prints all lines, and says by the exit status whether all is well.
pub(crate) fn print(rows: &[Row], as_json: bool) -> ExitCode {
    if as_json {
        println!("{}", Value::Array(rows.iter().map(Row::json).collect()));
    } else {
        let head = ["host", "kernel", "version", "action", "result", "seconds", "reason"];
        let lines = rows.iter().map(Row::cells).collect::<Vec<_>>();
        print!("{}", aligned(&head, &lines));
        println!("{}", sum(rows));
    }
    let failed = rows.iter().any(|row| row.outcome.is_failure());
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Columns two blanks apart; the last one is not padded.
pub(crate) fn aligned(head: &[&str], lines: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let all = || std::iter::once(&head).chain(lines);
    let width =
        |column: usize| all().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let padded = |line: &Vec<String>| {
        let cells = line.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or_default();
            format!("{cell:width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    all().map(padded).collect()
}

/// `4 ok, 1 refused`.
fn sum(rows: &[Row]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for name in rows.iter().map(|row| row.outcome.name()) {
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(host: &str, outcome: Outcome, reason: &str) -> Row {
        Row::new(host.to_owned()).ended(outcome, reason)
    }

    #[test]
    fn columns_are_aligned_and_versions_read_as_a_change() {
        let mut first = row("web1", Outcome::Ok, "agent-started, self-test passed");
        (first.kernel, first.after, first.action, first.seconds) =
            ("6.1.0".into(), "0.2.0".into(), "install", 3.25);
        let lines = [first, row("database1", Outcome::Unreachable, "timed out")].map(|row| row.cells());
        let table = aligned(&["host", "kernel", "version", "action", "result", "seconds", "reason"], &lines);
        let expected = "\
host       kernel  version        action   result       seconds  reason
web1       6.1.0   none -> 0.2.0  install  ok           3.2      agent-started, self-test passed
database1  -       -              -        unreachable  0.0      timed out
";
        assert_eq!(table, expected);
    }

    #[test]
    fn one_host_that_is_not_well_makes_the_exit_status() {
        let good = row("a", Outcome::Ok, "");
        let planned = row("b", Outcome::Planned, "");
        let bad = row("c", Outcome::NotTried, "");
        assert_eq!(print(&[good.clone(), planned], true), ExitCode::SUCCESS);
        assert_eq!(print(&[good.clone(), bad.clone()], true), ExitCode::FAILURE);
        assert_eq!(sum(&[good.clone(), bad, good]), "2 ok, 1 not tried");
    }
}
