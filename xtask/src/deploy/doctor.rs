//! What the agent's own `doctor --json` says of a host, in one line.
//!
//! Owns reading that report. Must not know how it was fetched.
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::process::plain;

#[derive(Deserialize)]
struct Report {
    works: bool,
    checks: Vec<Check>,
    hooks: Option<Vec<Hook>>,
}

#[derive(Deserialize)]
struct Check {
    what: String,
    state: String,
    found: String,
}

#[derive(Deserialize)]
struct Hook {
    program: String,
    required: bool,
    error: Option<String>,
}

/// Names of what a host lacks that the agent can do without, perhaps none.
///
/// # Errors
/// What it lacks that the agent cannot do without.
pub(crate) fn judge(report: &str) -> Result<Vec<String>> {
    let report: Report = serde_json::from_str(report.trim()).context("doctor printed no report")?;
    let hooks = report.hooks.unwrap_or_default();
    let broken = |hook: &&Hook| hook.error.is_some();
    let cause =
        |hook: &Hook| format!("hook {}: {}", hook.program, plain(hook.error.as_deref().unwrap_or_default()));
    let mut missing: Vec<String> =
        report.checks.iter().filter(|check| check.state == "missing").map(found).collect();
    // One cause often takes every hook away.
    let required = hooks.iter().filter(broken).filter(|hook| hook.required);
    missing.extend(required.map(cause).take(1));
    ensure!(missing.is_empty() && report.works, "the agent would not work there: {}", missing.join("; "));
    let degraded =
        report.checks.iter().filter(|check| check.state == "degraded").map(|check| plain(&check.what));
    let optional = hooks.iter().filter(broken).map(|hook| format!("hook {}", plain(&hook.program)));
    Ok(degraded.chain(optional).collect())
}

fn found(check: &Check) -> String {
    plain(&format!("{}: {}", check.what, check.found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(works: bool, state: &str, hooks: &str) -> String {
        format!(
            r#"{{"version":"0.1.0","works":{works},"checks":[{{"what":"BTF","state":"{state}","found":"none",
            "lost":"x","remedy":"y"}}],"hooks":{hooks}}}"#
        )
    }

    fn hook(required: bool) -> String {
        format!(r#"[{{"program":"exec","required":{required},"error":"load: EPERM"}}]"#)
    }

    #[test]
    fn what_is_required_refuses_and_what_is_not_is_named() {
        assert_eq!(judge(&report(true, "ok", "null")).unwrap(), Vec::<String>::new());
        assert_eq!(judge(&report(true, "degraded", &hook(false))).unwrap(), ["BTF", "hook exec"]);
        let error = |report: String| judge(&report).unwrap_err().to_string();
        assert_eq!(error(report(false, "missing", "null")), "the agent would not work there: BTF: none");
        let both = error(report(false, "ok", &hook(true)));
        assert_eq!(both, "the agent would not work there: hook exec: load: EPERM");
        assert!(judge("Segmentation fault").is_err());
    }
}
