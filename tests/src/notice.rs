//! One notice as the JSON sink prints it, or one entry as journalctl does, read as a user would.
//!
//! Owns the names of the fields that tests and the demo look at. Numbers may be numbers or text, lists may be
//! lists or comma-separated text.
use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

/// A notice, or a journal entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    value: Value,
    prefix: &'static str,
}

impl Notice {
    /// From one line of the JSON sink; `None` when the line is no JSON object with an `event`.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        value.get("event")?;
        Some(Self { value, prefix: "" })
    }

    /// From an entry of `journalctl -o json`.
    #[must_use]
    pub const fn from_entry(value: Value) -> Self {
        Self { value, prefix: "MINEWARDEN_" }
    }

    /// The whole object.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    fn get(&self, key: &str) -> Option<&Value> {
        if self.prefix.is_empty() {
            self.value.get(key)
        } else {
            self.value.get(format!("{}{}", self.prefix, key.to_uppercase()))
        }
    }

    /// A field as text; empty when it is not there.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        self.get(key).map(plain).unwrap_or_default()
    }

    /// A field as a number; `None` when it is not there or is no number.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u64> {
        self.text(key).parse().ok()
    }

    /// A field that may hold several values.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::Array(items)) => items.iter().map(plain).collect(),
            Some(value) => vec![plain(value)],
            None => Vec::new(),
        }
    }

    /// Why it was written.
    #[must_use]
    pub fn event(&self) -> String {
        self.text("event")
    }

    /// Is it about an incident?
    #[must_use]
    pub fn is_incident(&self) -> bool {
        self.event().starts_with("incident-")
    }

    /// The process it names.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.number("pid").and_then(|pid| u32::try_from(pid).ok())
    }

    /// Is it about an incident of this process?
    #[must_use]
    pub fn names(&self, pid: u32) -> bool {
        self.is_incident() && self.pid() == Some(pid)
    }

    /// Is it about an incident of this process, at level `confirmed`?
    #[must_use]
    pub fn confirms(&self, pid: u32) -> bool {
        self.names(pid) && self.text("level") == "confirmed"
    }

    /// Names of the rules that fired.
    #[must_use]
    pub fn rules(&self) -> Vec<String> {
        let parts = self.list("rules");
        parts.iter().flat_map(|part| part.split(',')).map(|rule| rule.trim().to_owned()).collect()
    }

    /// Rule and weight of each line of evidence (`rule (weight): what was seen`).
    #[must_use]
    pub fn weights(&self) -> Vec<(String, u32)> {
        self.list("evidence").iter().filter_map(|line| weight(line)).collect()
    }

    /// The sum redone from the evidence: the strongest of each family, families added, 95 without proof.
    #[must_use]
    pub fn sum(&self) -> u32 {
        let mut families: BTreeMap<String, u32> = BTreeMap::new();
        for (rule, weight) in self.weights() {
            let family = rule.split('.').next().unwrap_or_default().to_owned();
            let strongest = families.entry(family).or_default();
            *strongest = weight.max(*strongest);
        }
        let cap = if families.values().any(|weight| *weight == 100) { 100 } else { 95 };
        families.values().sum::<u32>().min(cap)
    }

    /// The agent's counters (`exec=20000 lost.exec=0`) by name.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let text = self.text("counters");
        let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.filter_map(|(name, n)| Some((name.to_owned(), n.parse().ok()?))).collect()
    }

    /// All of an incident for a person, one field a line.
    #[must_use]
    pub fn describe(&self) -> String {
        const FIELDS: [&str; 16] = [
            "message",
            "incident",
            "level",
            "role",
            "pid",
            "exe",
            "cmdline",
            "user",
            "cgroup",
            "remote",
            "dialect",
            "wallet",
            "worker",
            "agent",
            "algorithm",
            "since",
        ];
        let mut text = String::new();
        for key in FIELDS {
            let value = self.text(key);
            if !value.is_empty() {
                let _ = writeln!(text, "    {key:<10} {value}");
            }
        }
        for line in self.list("evidence") {
            let _ = writeln!(text, "    {:<10} {line}", "rule");
        }
        let _ = writeln!(text, "    {:<10} {}", "score", self.text("score"));
        text
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn weight(line: &str) -> Option<(String, u32)> {
    let (rule, rest) = line.split_once(" (")?;
    let (weight, _) = rest.split_once(')')?;
    Some((rule.to_owned(), weight.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_ways_of_writing_a_field() {
        let line = r#"{"event":"incident-raised","pid":7,"level":"confirmed","rules":["a.b","c.d"]}"#;
        let notice = Notice::from_line(line).unwrap();
        assert!(notice.confirms(7) && !notice.confirms(8));
        assert_eq!(notice.rules(), ["a.b", "c.d"]);
        let entry = serde_json::json!({"MINEWARDEN_EVENT": "incident-raised", "MINEWARDEN_PID": "7",
            "MINEWARDEN_LEVEL": "confirmed", "MINEWARDEN_RULES": "a.b,c.d"});
        let entry = Notice::from_entry(entry);
        assert!(entry.confirms(7));
        assert_eq!(entry.rules(), ["a.b", "c.d"]);
        assert_eq!(Notice::from_line("plain text"), None);
    }

    #[test]
    fn sums_families_by_their_strongest() {
        let with = |evidence: Value| {
            Notice::from_line(&serde_json::json!({"event": "x", "evidence": evidence}).to_string()).unwrap()
        };
        assert_eq!(with(serde_json::json!(["stratum.client (80): x", "argv.stratum-url (60): y"])).sum(), 95);
        assert_eq!(
            with(serde_json::json!(["stratum.client (80): x", "stratum.session (100): y"])).sum(),
            100
        );
        assert_eq!(with(serde_json::json!("argv.stratum-url (60): y")).sum(), 60);
        assert_eq!(with(serde_json::json!([])).sum(), 0);
    }

    #[test]
    fn reads_counters() {
        let notice = Notice::from_line(r#"{"event":"x","counters":"exec=3 lost.exec=0 odd"}"#).unwrap();
        assert_eq!(
            notice.counters().into_iter().collect::<Vec<_>>(),
            [("exec".into(), 3), ("lost.exec".into(), 0)]
        );
    }
}
