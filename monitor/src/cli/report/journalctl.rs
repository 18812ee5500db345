//! One run of journalctl: its lines, one at a time, none longer than a stated size.
//!
//! Owns the process, which is ended with its guard, and what it says when it fails. Must not know what a line means.
use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, bail};

/// Longest line that is looked at. Values of 4,096 bytes and more are shown as null, so an entry of ours has some
/// 30 KiB at most, and only one that repeats its fields hundreds of times is longer than this.
const LINE_MAX: usize = 1 << 20;
/// What is kept of its complaints.
const COMPLAINT_MAX: u64 = 4_096;

/// A journalctl that runs.
pub(super) struct Journalctl {
    child: Child,
    out: BufReader<ChildStdout>,
    complaints: Option<JoinHandle<String>>,
    line: Vec<u8>,
}

/// The next of its lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// One, without its end.
    Whole(&'a [u8]),
    /// One that is longer than [`LINE_MAX`]; it was passed over.
    TooLong,
    /// There is no more.
    End,
}

impl Journalctl {
    /// # Errors
    /// When there is no journalctl.
    pub(super) fn start(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Self> {
        let mut child = Command::new("journalctl")
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run journalctl, which is part of systemd")?;
        let out = BufReader::with_capacity(1 << 16, child.stdout.take().context("no stdout")?);
        let complaints = child.stderr.take().map(|stream| thread::spawn(|| complaints(stream)));
        Ok(Self { child, out, complaints, line: Vec::new() })
    }

    /// # Errors
    /// When its output cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Line<'_>> {
        next(&mut self.out, &mut self.line)
    }

    /// Waits for its end; what it complained of, if it did.
    ///
    /// # Errors
    /// When it failed, with why.
    pub(super) fn finish(mut self) -> anyhow::Result<Option<String>> {
        let status = self.child.wait().context("journalctl")?;
        let said = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if !status.success() {
            bail!("journalctl: {}", if said.is_empty() { status.to_string() } else { said });
        }
        Ok((!said.is_empty()).then_some(said))
    }
}

impl Drop for Journalctl {
    fn drop(&mut self) {
        // After `finish` it has ended, and both say so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last line says what went wrong; the rest is read so that the process never waits for us.
fn complaints(mut stream: impl Read) -> String {
    let mut said = Vec::new();
    let _ = stream.by_ref().take(COMPLAINT_MAX).read_to_end(&mut said);
    let _ = io::copy(&mut stream, &mut io::sink());
    let said = String::from_utf8_lossy(&said);
    said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

fn next<'a>(out: &mut impl BufRead, line: &'a mut Vec<u8>) -> io::Result<Line<'a>> {
    line.clear();
    let most = LINE_MAX as u64 + 1;
    if out.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Line::Whole(line));
    }
    if line.len() <= LINE_MAX {
        return Ok(Line::Whole(line));
    }
    line.clear();
    out.skip_until(b'\n')?;
    Ok(Line::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_too_long_is_passed_over_and_the_next_is_read() {
        let text = format!("one\n{}\ntwo\n{}", "x".repeat(3 * LINE_MAX), "y".repeat(LINE_MAX));
        let mut input = text.as_bytes();
        let mut line = Vec::new();
        assert_eq!(next(&mut input, &mut line).unwrap(), Line::Whole(b"one"));
        assert_eq!(next(&mut input, &mut line).unwrap(), Line::TooLong);
        assert_eq!(next(&mut input, &mut line).unwrap(), Line::Whole(b"two"));
        assert!(matches!(next(&mut input, &mut line).unwrap(), Line::Whole(last) if last.len() == LINE_MAX));
        assert_eq!(next(&mut input, &mut line).unwrap(), Line::End);
    }

    #[test]
    fn the_last_complaint_is_the_reason_and_none_is_waited_for() {
        let said = format!("first\nthe reason\n\n{}", "z".repeat(100_000));
        assert!(complaints(said.as_bytes()).starts_with("zz"));
        assert_eq!(complaints("first\nthe reason\n\n".as_bytes()), "the reason");
        assert_eq!(complaints("".as_bytes()), "");
    }
}
