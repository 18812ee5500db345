//! Takes secrets out of command lines and free text.
//!
//! Owns the knowledge of which arguments hold a secret. Pure. Must not know who shows the result. Errs towards
//! hiding: `mkdir -p dir`, `ssh -p 22` and `docker run -u 1000:1000` lose a harmless value. What is not found:
//! a secret without any mark (a bare positional argument, JSON or a header inside an argument).
use std::borrow::Cow;

use crate::event::CommandLine;

mod option;
#[cfg(test)]
mod tests;
mod url;
mod words;

/// Stands where a secret was.
pub const MASK: &str = "***";

/// Splits NUL-separated arguments, as in /proc/PID/cmdline, and takes secrets out. Empty arguments are kept.
/// When `truncated`, the last argument may have been cut anywhere, also in the middle of a secret.
#[must_use]
pub fn command_line(raw: &[u8], truncated: bool) -> CommandLine {
    if raw.is_empty() {
        return CommandLine { args: Vec::new(), truncated, redacted: false };
    }
    let open = truncated && raw.last() != Some(&0);
    let body = raw.strip_suffix(&[0]).unwrap_or(raw);
    let args: Vec<Cow<'_, str>> = body.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let last = args.len().saturating_sub(1);
    let mut words = words::Words::default();
    let args = args.iter().enumerate().map(|(i, arg)| words.argument(arg, open && i == last)).collect();
    CommandLine { args, truncated, redacted: words.replaced() }
}

/// Takes the passwords of URLs (`scheme://user:secret@host`) out of free text; a lone `user@` stays.
#[must_use]
pub fn text(text: &str) -> String {
    url::mask(text, url::Ends::AtSpace, false).unwrap_or_else(|| text.to_owned())
}
