//! A moment as a person names it.
//!
//! Owns RFC 3339; every other form is resolved by systemd itself, so that it means what it means to journalctl.
use std::process::Command;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

/// The line of `systemd-analyze timestamp` that has the seconds since the epoch.
const SECONDS: &str = "UNIX seconds: @";

/// The moment that `text` names; `None` without one.
///
/// # Errors
/// When nobody understands it; names `option`.
pub(super) fn resolve(option: &str, text: Option<&str>) -> anyhow::Result<Option<Timestamp>> {
    text.map(|text| one(text).with_context(|| format!("{option} {text:?}"))).transpose()
}

fn one(text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let output = Command::new("systemd-analyze")
        .args(["timestamp", "--", text])
        .env("LC_ALL", "C")
        .output()
        .context("cannot run systemd-analyze, which knows such times (RFC 3339 needs no help)")?;
    let shown = String::from_utf8_lossy(&output.stdout);
    let Some(seconds) = shown.lines().find_map(|line| line.trim().strip_prefix(SECONDS)) else {
        bail!("no time: neither RFC 3339 (2026-05-20T18:00:00Z) nor as journalctl takes it (yesterday, -2h)");
    };
    from_seconds(seconds.trim()).context("a time outside of the calendar")
}

/// `1795486506.253537`.
fn from_seconds(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    from_micros(whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?)
}

/// Microseconds since the epoch, as journals have them.
pub(super) fn from_micros(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_needs_nobody_and_seconds_keep_their_fraction() {
        let moment = resolve("--since", Some("2026-05-20T18:00:00+02:00")).unwrap().unwrap();
        assert_eq!(moment.to_string(), "2026-05-20T16:00:00Z");
        assert_eq!(resolve("--since", None).unwrap(), None);
        assert_eq!(from_seconds("1795486506.25").unwrap().as_microsecond(), 1_795_486_506_250_000);
        assert_eq!(from_seconds("1795486506").unwrap().as_second(), 1_795_486_506);
        assert_eq!(from_seconds("nine"), None);
        assert_eq!(from_seconds("99999999999999999999"), None);
    }

    #[test]
    fn nonsense_is_refused_with_the_options_name() {
        let error = format!("{:#}", resolve("--until", Some("next full moon")).unwrap_err());
        assert!(error.starts_with("--until \"next full moon\": "), "{error}");
    }
}
