//! The journal's entries about one nonce, as they come.
//!
//! Owns the journalctl that follows it, which ends with this. Must not know what an entry should say.
use std::{
    io::{self, BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};

use super::entry::Entry;

/// Entries that wait to be looked at.
const WAITING: usize = 64;
/// Longest line of journalctl: an entry has some 60 fields of at most 4 KiB.
const LINE: u64 = 1 << 20;

/// A journalctl that follows the journal.
pub(super) struct Journal {
    child: Child,
    lines: Receiver<io::Result<Vec<u8>>>,
}

impl Journal {
    /// Follows what is written since `since` about the worker `nonce`; why that cannot be, otherwise.
    pub(super) fn follow(nonce: &str, since: SystemTime) -> Result<Self, String> {
        let since = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut child = Command::new("journalctl")
            .args(["--follow", "--no-tail", "--all", "--no-pager", "--quiet", "--output=json"])
            .arg(format!("--since=@{since}"))
            .args(["SYSLOG_IDENTIFIER=minewarden".to_owned(), format!("MINEWARDEN_WORKER={nonce}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| format!("journalctl cannot be run here ({error})"))?;
        let stdout = child.stdout.take();
        let (send, lines) = sync_channel(WAITING);
        thread::spawn(move || stdout.map(|stdout| read(stdout, &send)));
        Ok(Self { child, lines })
    }

    /// The next entry that root wrote; `None` when the time is over.
    pub(super) fn next(&self, deadline: Instant) -> anyhow::Result<Option<Entry>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line.context("journalctl")?,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => bail!("journalctl ended early"),
            };
            if line.is_empty() {
                bail!("journalctl ended early");
            }
            if let Some(entry) = Entry::read(&line) {
                return Ok(Some(entry));
            }
        }
    }
}

/// Sends every line; an empty one is the end.
fn read(stdout: ChildStdout, send: &SyncSender<io::Result<Vec<u8>>>) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LINE).read_until(b'\n', &mut line);
        let end = !matches!(read, Ok(1..));
        if send.send(read.map(|_| line)).is_err() || end {
            return;
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
