//! What a machine told on its second serial line (see tests/src/bin/test-init.rs), and what is wrong with it.
//!
//! Owns the verdict on one kernel. Must not know how the machine was run.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The step that runs `doctor --json`.
pub(super) const DOCTOR: &str = "doctor";
/// The step that runs the live tests.
pub(super) const LIVE: &str = "live";
/// Found, with the right process, or the kernel is not supported.
pub(super) const STRATUM: &str = "bare::stratum_over_loopback_is_confirmed";

/// How a hook does on a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Attached for as long as the agent runs.
    Attached,
    /// An iterator that is loaded: attached for as long as a pass takes.
    PerPass,
    /// Loaded, but not seen attached.
    Loaded,
    /// Not taken, with the kernel's word.
    Refused(String),
}

/// A row of the agent's table of hooks, on one kernel.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) program: String,
    pub(super) attach: String,
    pub(super) since: String,
    pub(super) required: bool,
    pub(super) lost: String,
    pub(super) state: State,
}

/// All that a machine told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// `uname -r`.
    pub(super) release: String,
    pub(super) hooks: Vec<Hook>,
    /// Name and outcome (`ok`, `failed`, `ignored`) of each live test.
    pub(super) tests: BTreeMap<String, String>,
    /// Why tests failed.
    failures: Vec<String>,
    statuses: BTreeMap<String, String>,
    /// Lines that are no test's outcome, as they came.
    pub(super) lines: Vec<String>,
    modules: Vec<String>,
    ended: bool,
}

impl Told {
    /// From the lines of the serial file; a line that was cut is passed over.
    pub(super) fn read(text: &str) -> Self {
        let mut told = Self::default();
        let mut doctor = Value::Null;
        for line in text.lines() {
            let Ok((step, stream, text)) = serde_json::from_str::<(String, String, String)>(line) else {
                continue;
            };
            match (step.as_str(), stream.as_str()) {
                ("kernel", _) => told.release = text,
                ("modules", _) => told.modules.push(text),
                ("end", _) => told.ended = true,
                (_, "status") => drop(told.statuses.insert(step, text)),
                (DOCTOR, "out") => doctor = serde_json::from_str(&text).unwrap_or_default(),
                (LIVE, "out") => told.test(text),
                _ => told.lines.push(text),
            }
        }
        told.hooks = told.hooks(&doctor);
        told
    }

    /// A line of the live tests: an event of the harness, or what a test printed.
    fn test(&mut self, line: String) {
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        match (text("type"), text("event")) {
            ("test", "started") | ("suite", _) => {}
            ("test", outcome) => {
                if outcome == "failed" {
                    self.failures.push(format!("{} failed: {}", text("name"), text("stdout").trim()));
                }
                self.tests.insert(text("name").to_owned(), outcome.to_owned());
            }
            _ => self.lines.push(line),
        }
    }

    fn hooks(&self, doctor: &Value) -> Vec<Hook> {
        let (attached, loaded) = (self.names("attached: "), self.names("loaded: "));
        let rows = doctor.get("hooks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        rows.iter()
            .map(|row| {
                let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let (program, attach) = (text("program"), text("attach"));
                let state = match row.get("error").and_then(Value::as_str) {
                    Some(error) => State::Refused(error.to_owned()),
                    None if attached.contains(program.as_str()) => State::Attached,
                    None if attach.starts_with("iter/") && loaded.contains(program.as_str()) => {
                        State::PerPass
                    }
                    None => State::Loaded,
                };
                let required = row.get("required").and_then(Value::as_bool).unwrap_or(true);
                Hook { program, attach, since: text("since"), required, lost: text("lost_without"), state }
            })
            .collect()
    }

    /// The names that the live tests printed behind a word.
    fn names(&self, word: &str) -> BTreeSet<&str> {
        self.lines.iter().filter_map(|line| line.strip_prefix(word)).flat_map(str::split_whitespace).collect()
    }

    pub(super) fn count(&self, outcome: &str) -> usize {
        self.tests.values().filter(|found| *found == outcome).count()
    }

    /// Everything that must not be; nothing when the kernel is as it should be.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.failures.clone();
        if !self.ended {
            problems.push("the machine ended before its plan did".to_owned());
        }
        if self.tests.get(STRATUM).map(String::as_str) != Some("ok") {
            problems.push(format!("Stratum was not found: {STRATUM} is not ok"));
        }
        if self.statuses.get(LIVE).map(String::as_str) != Some("0") {
            let status = self.statuses.get(LIVE).map_or("none", String::as_str);
            problems.push(format!("the live tests ended with status {status}"));
        }
        if self.hooks.is_empty() {
            problems.push("doctor told of no hook".to_owned());
        }
        problems.extend(self.modules.iter().filter(|line| !line.ends_with(": loaded")).cloned());
        problems.extend(self.hooks.iter().filter_map(|hook| hook.problem(&self.release)));
        problems
    }
}

impl Hook {
    /// Not attached although it is required, or although the kernel is new enough for it.
    fn problem(&self, release: &str) -> Option<String> {
        let State::Refused(why) = &self.state else {
            let loaded = self.state == State::Loaded;
            return loaded.then(|| format!("hook {} is loaded, but not attached", self.program));
        };
        let new_enough = match (version(release), version(&self.since)) {
            (Some(ours), Some(since)) => ours >= since,
            // What cannot be compared is no excuse.
            _ => true,
        };
        if self.required {
            return Some(format!("required hook {} is refused: {why}", self.program));
        }
        new_enough.then(|| {
            format!("hook {} is refused by {release}, but stated since {}: {why}", self.program, self.since)
        })
    }
}

/// Major and minor of `5.12` or `6.12.117+deb13-cloud-amd64`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(step: &str, stream: &str, text: &str) -> String {
        json!([step, stream, text]).to_string()
    }

    /// A machine that told `release` and one hook with an error or none, and whose tests went well.
    fn machine(release: &str, required: bool, error: Option<&str>) -> Vec<String> {
        let hook = json!({"program": "connect4", "attach": "cgroup/connect4", "since": "5.10",
            "required": required, "lost_without": "owners", "error": error});
        vec![
            line("kernel", "out", release),
            line("modules", "out", "/modules/0-inet_diag.ko: loaded"),
            line(DOCTOR, "out", &json!({"hooks": [hook]}).to_string()),
            line(DOCTOR, "status", "0"),
            line(LIVE, "out", "attached: connect4 exec"),
            line(LIVE, "out", &format!(r#"{{ "type": "test", "name": "{STRATUM}", "event": "ok" }}"#)),
            line(LIVE, "out", r#"{ "type": "test", "event": "started", "name": "argv::one" }"#),
            line(LIVE, "out", r#"{ "type": "test", "name": "argv::one", "event": "ignored" }"#),
            line(LIVE, "status", "0"),
            line("end", "status", "0"),
        ]
    }

    fn problems(lines: &[String]) -> String {
        Told::read(&lines.join("\n")).problems().join("; ")
    }

    #[test]
    fn all_well_is_no_problem() {
        let told = Told::read(&machine("6.1.0-50", true, None).join("\n"));
        assert_eq!(told.problems(), Vec::<String>::new());
        assert_eq!((told.count("ok"), told.count("ignored")), (1, 1));
        assert_eq!(told.hooks.first().map(|hook| hook.state.clone()), Some(State::Attached));
    }

    #[test]
    fn a_refused_hook_is_excused_by_an_old_kernel_and_by_nothing_else() {
        assert_eq!(problems(&machine("5.9.1", false, Some("EINVAL"))), "");
        assert!(problems(&machine("5.10.0", false, Some("EINVAL"))).contains("stated since 5.10: EINVAL"));
        assert!(problems(&machine("odd", false, Some("EINVAL"))).contains("is refused by odd"));
        assert!(problems(&machine("5.9.1", true, Some("EINVAL"))).contains("required hook connect4"));
    }

    #[test]
    fn what_is_missing_is_a_problem() {
        let whole = machine("6.1.0-50", true, None);
        let without = |text: &str| {
            let left: Vec<String> = whole.iter().filter(|line| !line.contains(text)).cloned().collect();
            problems(&left)
        };
        assert!(without("\"end\"").contains("ended before its plan"));
        assert!(without("stratum").contains("Stratum was not found"));
        assert!(without("hooks").contains("doctor told of no hook"));
        assert!(without("attached:").contains("connect4 is loaded, but not attached"));
        assert!(problems(&[]).contains("the live tests ended with status none"));
    }

    #[test]
    fn a_failed_test_and_a_module_that_does_not_load_are_told() {
        let mut lines = machine("6.1.0-50", true, None);
        lines.push(line(
            LIVE,
            "out",
            r#"{ "type": "test", "name": "a", "event": "failed", "stdout": "Error: \"no\"\n" }"#,
        ));
        lines.push(line("modules", "out", "/modules/1-tcp_diag.ko: Exec format error"));
        let told = problems(&lines);
        assert!(
            told.contains("a failed: Error: \"no\"") && told.contains("tcp_diag.ko: Exec format"),
            "{told}"
        );
    }
}
