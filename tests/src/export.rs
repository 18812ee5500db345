//! Journals of hosts that do not exist: entries in the journal export format, made into files by
//! systemd-journal-remote.
//!
//! Owns the format (<https://systemd.io/JOURNAL_EXPORT_FORMATS/>). Must not know what minewarden makes of an entry.
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};

use crate::collector::REMOTE;

/// A host that does not exist.
#[derive(Clone, Debug)]
pub struct FakeHost {
    name: String,
    /// 32 hex digits.
    machine: String,
}

impl FakeHost {
    /// With a machine id of its own.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let digits = name.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { name: name.to_owned(), machine: format!("{digits:a<32}").chars().take(32).collect() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An entry that root wrote at `at`, with these fields; one named here replaces journald's own.
    #[must_use]
    pub fn entry(&self, at: SystemTime, fields: &[(&str, &str)]) -> Vec<u8> {
        let micros = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros().to_string();
        let own = [
            ("__REALTIME_TIMESTAMP", micros.as_str()),
            ("__MONOTONIC_TIMESTAMP", micros.as_str()),
            ("_BOOT_ID", &self.machine),
            ("_MACHINE_ID", &self.machine),
            ("_HOSTNAME", &self.name),
            ("_TRANSPORT", "journal"),
            ("_UID", "0"),
            ("_PID", "77"),
            ("_SYSTEMD_UNIT", "minewarden.service"),
            ("SYSLOG_IDENTIFIER", "minewarden"),
        ];
        let mut entry = Vec::new();
        for (name, value) in own.into_iter().filter(|(name, _)| fields.iter().all(|(given, _)| given != name))
        {
            field(&mut entry, name, value.as_bytes());
        }
        for (name, value) in fields {
            field(&mut entry, name, value.as_bytes());
        }
        entry.push(b'\n');
        entry
    }

    /// An entry of an agent: `number` makes its id, unless `fields` has one.
    #[must_use]
    pub fn agent(&self, at: SystemTime, number: usize, event: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        let (id, time) = (format!("{}-{number}", self.name), rfc3339(at));
        let mut all = vec![
            ("MINEWARDEN_ID", id.as_str()),
            ("MINEWARDEN_EVENT", event),
            ("MINEWARDEN_TIME", time.as_str()),
            ("MINEWARDEN_VERSION", "0.1.0"),
            ("MESSAGE", event),
            ("PRIORITY", "6"),
        ];
        all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        all.extend(fields);
        self.entry(at, &all)
    }

    /// A confirmed incident's entry.
    #[must_use]
    pub fn incident(&self, at: SystemTime, number: usize, event: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        let (since, exe) = (rfc3339(at), format!("/home/stranger/{}", self.name));
        let mut all = vec![
            ("MINEWARDEN_INCIDENT", "00c0ffee00c0ffee"),
            ("MINEWARDEN_LEVEL", "confirmed"),
            ("MINEWARDEN_SCORE", "100"),
            ("MINEWARDEN_ROLE", "miner"),
            ("MINEWARDEN_RULES", "stratum.session,stratum.client"),
            ("MINEWARDEN_EVIDENCE", "stratum.client (80): login sent"),
            ("MINEWARDEN_EVIDENCE", "stratum.session (100): login answered with a job"),
            ("MINEWARDEN_PID", "2411"),
            ("MINEWARDEN_COMM", "kworker"),
            ("MINEWARDEN_EXE", exe.as_str()),
            ("MINEWARDEN_USER", "stranger"),
            ("MINEWARDEN_LOGIN_USER", "alice"),
            ("MINEWARDEN_UNIT", "session-3.scope"),
            ("MINEWARDEN_POOL", "pool.example:3333"),
            ("MINEWARDEN_DIALECT", "cryptonote"),
            ("MINEWARDEN_WALLET", "48edfHu7V9Z84YzzM"),
            ("MINEWARDEN_SHARES_ACCEPTED", "1"),
            ("MINEWARDEN_SHARES_REJECTED", "0"),
            ("MINEWARDEN_SINCE", since.as_str()),
        ];
        all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        all.extend(fields);
        self.agent(at, number, event, &all)
    }
}

/// One field: as text, or with its length where it holds a newline.
fn field(entry: &mut Vec<u8>, name: &str, value: &[u8]) {
    entry.extend(name.as_bytes());
    if value.contains(&b'\n') {
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend(value);
    entry.push(b'\n');
}

/// UTC to the microsecond, without a library: days to date as in Howard Hinnant's `civil_from_days`.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400 + 719_468, since.as_secs() % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let (year, micros) = (era * 400 + year + next, since.subsec_micros());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// So long before now.
#[must_use]
pub fn ago(time: Duration) -> SystemTime {
    SystemTime::now().checked_sub(time).unwrap_or(UNIX_EPOCH)
}

/// Makes the journal file `path` of entries.
///
/// # Errors
/// When systemd-journal-remote does not take them.
pub fn write(path: &Path, entries: &[u8]) -> Result<()> {
    let mut child = Command::new(REMOTE)
        .arg("--output")
        .arg(path)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {REMOTE}"))?;
    let mut stdin = child.stdin.take().context("no input")?;
    let fed = stdin.write_all(entries);
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{REMOTE}: {}", String::from_utf8_lossy(&output.stderr));
    fed.context("systemd-journal-remote's input")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_right() {
        let at = |seconds| rfc3339(UNIX_EPOCH + Duration::new(seconds, 25_000));
        assert_eq!(at(0), "1970-01-01T00:00:00.000025Z");
        assert_eq!(at(951_868_799), "2000-02-29T23:59:59.000025Z");
        assert_eq!(at(1_779_300_000), "2026-05-20T18:00:00.000025Z");
        assert_eq!(at(4_102_444_799), "2099-12-31T23:59:59.000025Z");
    }

    #[test]
    fn a_given_field_replaces_the_usual_one() {
        let entry = FakeHost::new("a").entry(UNIX_EPOCH, &[("_UID", "7"), ("X", "1\n2")]);
        let text = String::from_utf8(entry).unwrap();
        assert!(text.contains("\n_UID=7\n") && !text.contains("_UID=0"), "{text}");
        assert!(text.ends_with("X\n\u{3}\0\0\0\0\0\0\u{0}1\n2\n\n"), "{text:?}");
    }
}
