//! A network namespace of its own for child processes.
use std::ffi::OsString;

/// A command line that makes a network namespace, sets loopback up and becomes `argv`, under the same pid. The
/// namespace ends with its last process.
#[must_use]
pub fn wrap(argv: Vec<OsString>) -> Vec<OsString> {
    let script = r#"ip link set lo up && exec "$@""#;
    let mut wrapped: Vec<OsString> =
        ["unshare", "-n", "--", "sh", "-c", script, "sh"].iter().map(OsString::from).collect();
    wrapped.extend(argv);
    wrapped
}

/// A command line that enters the network namespace of the process `pid` and becomes `argv`, under the same pid.
#[must_use]
pub fn enter(pid: u32, argv: Vec<OsString>) -> Vec<OsString> {
    let mut wrapped: Vec<OsString> =
        vec!["nsenter".into(), "-n".into(), "-t".into(), pid.to_string().into(), "--".into()];
    wrapped.extend(argv);
    wrapped
}
