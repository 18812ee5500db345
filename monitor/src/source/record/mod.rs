//! Recordings: events in a file, one JSON object per line.
//!
//! Owns the format, [`Recorder`] and [`Recording`]. Must not know the pipeline: what the header says of the host is
//! the caller's own type. A recording holds captured payload, so it is made for its owner alone.
//!
//! The first line is `{"minewarden_recording":1,"version":"0.1.0","host":{..}}`, every other line one
//! [`crate::event::Event`]. A replay starts at the time of the first event and ends at that of the last, so an agent
//! that begins and ends its recording with a tick at its own start and stop gets the same entries again.
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

pub use self::read::Recording;
use crate::event::{Body, Event};

mod read;
#[cfg(test)]
mod tests;

/// Number of the format that is written and read.
const FORMAT: u32 = 1;
/// Bytes after which a recording stops: 1 GiB.
pub const LIMIT: u64 = 1 << 30;
/// Bytes held back before they go to the file; a tick writes them out too.
const BUFFER: usize = 64 << 10;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header<H> {
    minewarden_recording: u32,
    version: String,
    host: H,
}

/// Writes events to a new file. Never stops the agent: what cannot be written is said once, and counted.
#[derive(Debug)]
pub struct Recorder {
    name: String,
    out: BufWriter<File>,
    line: Vec<u8>,
    /// Bytes that may still be written.
    left: u64,
    stopped: bool,
    recorded: u64,
    lost: u64,
}

impl Recorder {
    /// Makes the file, which only its owner may read, and writes the header. At most [`LIMIT`] bytes are written.
    ///
    /// # Errors
    /// When the file exists already (also as a symbolic link) or cannot be made: one line with its name.
    pub fn create<H: Serialize>(path: &Path, host: &H) -> io::Result<Self> {
        Self::with_limit(path, host, LIMIT)
    }

    /// As [`Recorder::create`], with another limit, in bytes.
    ///
    /// # Errors
    /// Those of [`Recorder::create`].
    pub fn with_limit<H: Serialize>(path: &Path, host: &H, limit: u64) -> io::Result<Self> {
        let name = path.display().to_string();
        let named = |error: io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::AlreadyExists => " (a recording needs a new file)",
                _ => "",
            };
            io::Error::new(error.kind(), format!("{name}: {error}{hint}"))
        };
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).custom_flags(flags);
        let file = options.open(path).map_err(named)?;

        let version = env!("CARGO_PKG_VERSION").to_owned();
        let mut line = serde_json::to_vec(&Header { minewarden_recording: FORMAT, version, host })?;
        line.push(b'\n');
        let mut out = BufWriter::with_capacity(BUFFER, file);
        out.write_all(&line).and_then(|()| out.flush()).map_err(named)?;
        let left = limit.saturating_sub(line.len() as u64);
        Ok(Self { name, out, line, left, stopped: false, recorded: 0, lost: 0 })
    }

    /// Events written.
    #[must_use]
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Events that were not written, because the limit was reached or the file could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Appends one event; a tick also writes out what was held back.
    pub fn write(&mut self, event: &Event) {
        if self.stopped {
            self.lost += 1;
            return;
        }
        match self.append(event) {
            Ok(true) => self.recorded += 1,
            Ok(false) => self.stop("the size limit was reached"),
            Err(error) => self.stop(&error.to_string()),
        }
    }

    /// Writes out what was held back. Dropping does too.
    pub fn finish(&mut self) {
        if self.stopped {
            return;
        }
        if let Err(error) = self.out.flush() {
            self.stopped = true;
            log::warn!("{}: the end of the recording is lost: {error}", self.name);
        }
    }

    /// Says whether there was room.
    fn append(&mut self, event: &Event) -> io::Result<bool> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        let Some(left) = self.left.checked_sub(self.line.len() as u64) else { return Ok(false) };
        self.left = left;
        self.out.write_all(&self.line)?;
        if matches!(event.body, Body::Tick) {
            self.out.flush()?;
        }
        Ok(true)
    }

    fn stop(&mut self, why: &str) {
        self.stopped = true;
        self.lost += 1;
        log::warn!("{}: recording stops after {} events: {why}", self.name, self.recorded);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}
