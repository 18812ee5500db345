//! Reading recordings back.
//!
//! Owns [`Recording`]: line numbers, the cap on a line's length, and the last line that a killed agent left half
//! written. Must not know what the events mean.
use std::{
    io::{self, BufRead as _, BufReader, Read},
    path::Path,
};

use serde::{Deserialize, de::DeserializeOwned};

use super::{FORMAT, Header};
use crate::{event::Event, source::Source};

/// Longest line that is read, bytes; an event with the largest TCP segment has about 90,000.
const MAX_LINE: u64 = 4 << 20;

/// What tells a recording from other files.
#[derive(Deserialize)]
struct Mark {
    minewarden_recording: u32,
}

/// A recording as a source of events.
pub struct Recording {
    name: String,
    input: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    number: u64,
    truncated: bool,
    done: bool,
}

impl Recording {
    /// Reads the header of `input`, and what it says of the host; `name` is for messages.
    ///
    /// # Errors
    /// When the input cannot be read, and when it is no recording of a format that is read: one line with the name.
    pub fn new<H: DeserializeOwned>(name: &Path, input: Box<dyn Read + Send>) -> io::Result<(H, Self)> {
        let mut recording = Self {
            name: name.display().to_string(),
            input: BufReader::new(input),
            line: Vec::new(),
            number: 0,
            truncated: false,
            done: false,
        };
        recording.read_line()?;
        let mark: Mark = serde_json::from_slice(&recording.line)
            .map_err(|_| recording.fault("not a recording: the first line is not the header of one"))?;
        if mark.minewarden_recording != FORMAT {
            let format = mark.minewarden_recording;
            return Err(
                recording.fault(&format!("a recording of format {format}; this version reads {FORMAT}"))
            );
        }
        let header: Header<H> =
            serde_json::from_slice(&recording.line).map_err(|error| recording.fault(&described(&error)))?;
        Ok((header.host, recording))
    }

    /// Opens the file and reads its header, as [`Recording::new`].
    ///
    /// # Errors
    /// Those of [`Recording::new`], and when the file cannot be opened.
    pub fn open<H: DeserializeOwned>(path: &Path) -> io::Result<(H, Self)> {
        let file = std::fs::File::open(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        Self::new(path, Box::new(file))
    }

    /// What a reader of the verdict must know, complete at the end: that the last line was cut off.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let (name, number) = (&self.name, self.number);
        let what = format!("{name}: line {number} is cut off; what came before was judged");
        self.truncated.then_some(what).into_iter().collect()
    }

    pub(super) fn advance(&mut self) -> io::Result<Option<Event>> {
        if self.done {
            return Ok(None);
        }
        match self.read_event() {
            Ok(Some(event)) => Ok(Some(event)),
            end => {
                self.done = true;
                end
            }
        }
    }

    fn read_event(&mut self) -> io::Result<Option<Event>> {
        self.read_line()?;
        if self.line.is_empty() {
            return Ok(None);
        }
        match serde_json::from_slice(&self.line) {
            Ok(event) => Ok(Some(event)),
            Err(_) if !self.line.ends_with(b"\n") => {
                self.truncated = true;
                Ok(None)
            }
            Err(error) => Err(self.fault(&described(&error))),
        }
    }

    /// The next line with its end, empty at the end of the file.
    fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        self.number += 1;
        let read = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.line);
        read.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.name)))?;
        if self.line.len() as u64 == MAX_LINE && !self.line.ends_with(b"\n") {
            return Err(self.fault(&format!("longer than the {MAX_LINE} bytes that are read")));
        }
        Ok(())
    }

    fn fault(&self, what: &str) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: line {}: {what}", self.name, self.number))
    }
}

impl Source for Recording {
    async fn next(&mut self) -> io::Result<Option<Event>> {
        self.advance()
    }
}

/// A parser's message with the column; its own line number is always 1 here.
fn described(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
    format!("column {}: {what}", error.column())
}
