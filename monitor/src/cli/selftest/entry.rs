//! One entry of the journal about the test.
//!
//! Owns the fields that are looked at. Must not know where entries come from; any user may write to the journal, so
//! only those of root count, by journald's own word.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::{notice::Level, selftest::WALLET};

/// What of `journalctl --output=json` is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    #[serde(rename = "_UID")]
    uid: String,
    #[serde(rename = "_PID")]
    pub(super) writer: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    micros: String,
    #[serde(rename = "PRIORITY")]
    pub(super) priority: String,
    #[serde(rename = "MINEWARDEN_TEST")]
    test: String,
    #[serde(rename = "MINEWARDEN_INCIDENT")]
    pub(super) incident: String,
    #[serde(rename = "MINEWARDEN_LEVEL")]
    pub(super) level: String,
    #[serde(rename = "MINEWARDEN_ROLE")]
    role: String,
    #[serde(rename = "MINEWARDEN_PID")]
    pid: String,
    #[serde(rename = "MINEWARDEN_WALLET")]
    wallet: String,
    #[serde(rename = "MINEWARDEN_REMOTE")]
    remote: String,
    #[serde(rename = "MINEWARDEN_DIALECT")]
    dialect: String,
    #[serde(rename = "MINEWARDEN_VERSION")]
    pub(super) version: String,
}

impl Entry {
    /// From a line; `None` when it is no entry of root's.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().filter(|entry: &Self| entry.uid == "0")
    }

    /// Whether it is marked as a self-test's.
    pub(super) fn is_marked(&self) -> bool {
        self.test == "1"
    }

    /// From `began` to its arrival at journald.
    pub(super) fn after(&self, began: SystemTime) -> Option<Duration> {
        let at = UNIX_EPOCH + Duration::from_micros(self.micros.parse().ok()?);
        at.duration_since(began).ok()
    }

    /// Each field that does not say what it should, `pids` being ours in the PID namespaces that we are in.
    pub(super) fn wrong(&self, pids: &[String], pool: &str) -> Vec<String> {
        let one_of = |wanted: &[String], found: &str| wanted.iter().any(|wanted| wanted == found);
        let (level, pool) = (Level::Confirmed.to_string(), pool.to_owned());
        [
            ("level", &self.level, &[level][..]),
            ("role", &self.role, &["miner".to_owned()]),
            ("pid", &self.pid, pids),
            ("wallet", &self.wallet, &[WALLET.to_owned()]),
            ("remote", &self.remote, &[pool]),
            ("dialect", &self.dialect, &["cryptonote".to_owned()]),
            ("priority", &self.priority, &["6".to_owned()]),
        ]
        .into_iter()
        .filter(|(_, found, wanted)| !one_of(wanted, found))
        .map(|(name, found, wanted)| format!("{name} is {found:?}, not {}", wanted.join(" or ")))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"_UID":"0","_PID":"9","__REALTIME_TIMESTAMP":"2500000","PRIORITY":"6","MINEWARDEN_TEST":"1",
        "MINEWARDEN_INCIDENT":"00c0ffee00c0ffee","MINEWARDEN_LEVEL":"confirmed","MINEWARDEN_ROLE":"miner",
        "MINEWARDEN_PID":"42","MINEWARDEN_WALLET":"minewarden-selftest","MINEWARDEN_REMOTE":"127.0.0.1:7",
        "MINEWARDEN_DIALECT":"cryptonote","MINEWARDEN_VERSION":"0.1.0","_HOSTNAME":"h"}"#;

    #[test]
    fn an_entry_that_says_it_all_is_right_and_each_other_field_is_named() {
        let entry = Entry::read(LINE.as_bytes()).unwrap();
        let pids = ["1".to_owned(), "42".to_owned()];
        assert_eq!(entry.wrong(&pids, "127.0.0.1:7"), Vec::<String>::new());
        assert!(entry.is_marked());
        assert_eq!(entry.after(UNIX_EPOCH + Duration::from_secs(2)), Some(Duration::from_millis(500)));
        let other = Entry { level: "likely".to_owned(), pid: "43".to_owned(), ..entry };
        assert_eq!(
            other.wrong(&pids, "127.0.0.1:7"),
            ["level is \"likely\", not confirmed", "pid is \"43\", not 1 or 42"]
        );
        assert_eq!(Entry::default().wrong(&pids, "").len(), 6, "no remote is right where none is wanted");
    }

    #[test]
    fn only_roots_word_counts() {
        assert_eq!(Entry::read(LINE.replace(r#""_UID":"0""#, r#""_UID":"1000""#).as_bytes()), None);
        assert_eq!(Entry::read(b"-- No entries --"), None);
        assert_eq!(Entry::read(br#"{"_UID":["0","0"]}"#), None);
    }
}
