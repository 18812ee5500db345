//! Whether the agent on a host is well: its unit, an entry of this very run in the host's journal, its self-test.
//!
//! Owns what counts as well. Must not know what was done before.
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{
    plan::fact,
    shell::{Facts, LOOK, Shell},
};

const SETTLE: &str = include_str!("scripts/settle.sh");
const SELFTEST: &str = include_str!("scripts/selftest.sh");
/// For a start: hooks are attached in a second, on a busy host in some; twice that is waited for over ssh.
const START: u64 = 120;
/// For one that runs already.
const LOOK_ONLY: u64 = 5;
/// Over two missed heartbeats, for a busy journald.
const SLACK: Duration = Duration::from_secs(60);

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect<'a> {
    /// It was just started: an entry of this run is enough, however long ago heartbeats came.
    pub(crate) fresh: bool,
    /// Version that must run; any when absent.
    pub(crate) version: Option<&'a str>,
    /// Whether the self-test is run; it writes entries, which are marked as such.
    pub(crate) selftest: bool,
}

/// What was proven, as the version that runs and a clause.
pub(crate) struct Proof {
    pub(crate) version: String,
    pub(crate) text: String,
    /// `MINEWARDEN_ID` of the last sign of life.
    pub(crate) entry: String,
}

/// Looks, and waits where it was just started.
///
/// # Errors
/// Why it is not well.
pub(crate) fn verify(shell: &Shell, expect: Expect<'_>) -> Result<Proof> {
    let seconds = if expect.fresh { START } else { LOOK_ONLY };
    let (seconds, fresh) = (seconds.to_string(), if expect.fresh { "yes" } else { "no" });
    let facts = shell.facts(SETTLE, &[&seconds, fresh], Duration::from_secs(2 * START))?;
    let mut text = alive(&facts, expect)?;
    if expect.selftest {
        text += ", ";
        text += selftest(&shell.facts(SELFTEST, &[], LOOK)?)?;
    }
    let entry: Value = serde_json::from_str(fact(&facts, "entry")).context("journalctl's entry")?;
    let entry = entry.get("MINEWARDEN_ID").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Proof { version: fact(&facts, "version").to_owned(), text, entry })
}

fn alive(facts: &Facts, expect: Expect<'_>) -> Result<String> {
    let last = fact(facts, "last");
    let cause = if last.is_empty() { String::new() } else { format!(": {last}") };
    let state = fact(facts, "state");
    ensure!(state == "active", "the unit is {state} ({}){cause}", fact(facts, "result"));
    ensure!(fact(facts, "same") == "yes", "what runs is not the executable that is installed");
    let restarts = fact(facts, "restarts");
    ensure!(!expect.fresh || matches!(restarts, "" | "0"), "the unit was restarted {restarts} times{cause}");
    if let Some(version) = expect.version {
        let runs = fact(facts, "version");
        ensure!(runs == version, "version {version} was expected, {runs} runs");
    }
    let entry = fact(facts, "entry");
    ensure!(!entry.is_empty(), "the unit is active, but the journal has no entry of this run{cause}");
    let entry: Value = serde_json::from_str(entry).context("journalctl's entry")?;
    let event = entry.get("MINEWARDEN_EVENT").and_then(Value::as_str).unwrap_or_default().to_owned();
    let age = age(&entry, fact(facts, "now"));
    if expect.fresh {
        return Ok(event);
    }
    let age = age.context("the journal's entry has no time")?;
    let limit = interval(fact(facts, "heartbeat")) * 2 + SLACK;
    if age > limit {
        bail!("the last {event} is {} s old, {} s is the most", age.as_secs(), limit.as_secs());
    }
    Ok(format!("{event} {} s ago", age.as_secs()))
}

/// Time from a journal entry to `now`, in seconds since 1970 on the same host.
pub(crate) fn age(entry: &Value, now: &str) -> Option<Duration> {
    let micros: u64 = entry.get("__REALTIME_TIMESTAMP")?.as_str()?.parse().ok()?;
    let now: u64 = now.parse().ok()?;
    Some(Duration::from_secs(now).saturating_sub(Duration::from_micros(micros)))
}

/// Time between heartbeats, as the agent's configuration says it; its default where that cannot be read.
pub(crate) fn interval(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap_or(Duration::from_secs(300))
}

fn selftest(facts: &Facts) -> Result<&'static str> {
    match fact(facts, "selftest") {
        "passed" => Ok("self-test passed"),
        "absent" => Ok("this version has no self-test"),
        _ => bail!("the self-test failed: {}", fact(facts, "said")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Expect<'_> = Expect { fresh: true, version: Some("0.2.0"), selftest: false };
    const OLD: Expect<'_> = Expect { fresh: false, version: Some("0.2.0"), selftest: false };

    fn host(changes: &[(&str, &str)]) -> Facts {
        let entry = r#"{"__REALTIME_TIMESTAMP":"1000000000","MINEWARDEN_EVENT":"heartbeat"}"#;
        let well = [
            ("state", "active"),
            ("same", "yes"),
            ("restarts", "0"),
            ("version", "0.2.0"),
            ("entry", entry),
            ("now", "1100"),
            ("heartbeat", "5m"),
        ];
        let all = well.iter().chain(changes);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn refused(changes: &[(&str, &str)], expect: Expect<'_>) -> String {
        alive(&host(changes), expect).unwrap_err().to_string()
    }

    #[test]
    fn a_run_with_an_entry_of_its_own_is_well() {
        assert_eq!(alive(&host(&[]), FRESH).unwrap(), "heartbeat");
        assert_eq!(alive(&host(&[]), OLD).unwrap(), "heartbeat 100 s ago");
    }

    #[test]
    fn each_thing_that_can_be_wrong_is_named() {
        let failed = [("state", "failed"), ("result", "exit-code"), ("last", "error: no BTF")];
        assert_eq!(refused(&failed, FRESH), "the unit is failed (exit-code): error: no BTF");
        assert!(refused(&[("same", "no")], OLD).starts_with("what runs is not the executable"));
        assert!(refused(&[("entry", "")], FRESH).contains("the journal has no entry of this run"));
        assert_eq!(refused(&[("version", "0.1.0")], FRESH), "version 0.2.0 was expected, 0.1.0 runs");
        assert_eq!(refused(&[("restarts", "3")], FRESH), "the unit was restarted 3 times");
        assert!(alive(&host(&[("restarts", "3")]), OLD).is_ok());
        assert_eq!(refused(&[("now", "1700")], OLD), "the last heartbeat is 700 s old, 660 s is the most");
        assert!(alive(&host(&[("now", "1700"), ("heartbeat", "1h")]), OLD).is_ok());
        assert_eq!(refused(&[("entry", "{}")], OLD), "the journal's entry has no time");
    }

    #[test]
    fn a_self_test_that_says_nothing_has_failed() {
        let of = |value: &str| {
            selftest(&host(&[("selftest", value), ("said", "no entry")])).map_err(|e| e.to_string())
        };
        assert_eq!(of("passed"), Ok("self-test passed"));
        assert_eq!(of("absent"), Ok("this version has no self-test"));
        assert_eq!(of(""), Err("the self-test failed: no entry".to_owned()));
    }
}
