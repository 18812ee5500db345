//! A network namespace of its own for one child process.
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
