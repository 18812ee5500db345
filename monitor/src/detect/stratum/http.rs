//! Finds where an HTTP/1 message ends, so that what follows it on the same socket begins a line.
//!
//! Owns [`Http`]. Must not know JSON, and hides nothing: a body's bytes are scanned like any others, since the
//! length that a message states may be a lie. Source: RFC 9112 sections 2, 6 and 7.1.

/// Enough for the longest header that is read, and for a chunk's size.
const PREFIX: usize = 32;
/// ` HTTP/1.1`
const VERSION: usize = 9;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Http {
    phase: Phase,
    line: LineEnds,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Outside,
    /// Behind a start line.
    Headers { body: u64, chunked: bool },
    /// This many bytes to the end of the body or chunk.
    Body { left: u64, chunked: bool },
    /// Before the size of a chunk.
    ChunkSize,
}

/// Both ends of the current line: the rest says nothing here.
#[derive(Debug, Default)]
struct LineEnds {
    prefix: [u8; PREFIX],
    length: usize,
    last: [u8; VERSION],
}

impl Http {
    /// Takes a part of a line that is no JSON object.
    pub(super) fn note(&mut self, part: &[u8]) {
        let line = &mut self.line;
        let free = line.prefix.iter_mut().skip(line.length);
        free.zip(part).for_each(|(to, from)| *to = *from);
        line.length = line.length.saturating_add(part.len());
        for byte in part.iter().skip(part.len().saturating_sub(VERSION + 1)).filter(|byte| **byte != b'\r') {
            line.last.rotate_left(1);
            if let Some(last) = line.last.last_mut() {
                *last = *byte;
            }
        }
    }

    /// The line that was noted has ended.
    pub(super) fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.phase = match self.phase {
            Phase::Headers { body, chunked } => match line.header() {
                Some(("content-length", value)) => {
                    Phase::Headers { body: value.parse().unwrap_or_default(), chunked }
                }
                Some(("transfer-encoding", value)) => {
                    Phase::Headers { body, chunked: value.eq_ignore_ascii_case("chunked") }
                }
                _ => self.phase,
            },
            Phase::ChunkSize => match line.chunk_size() {
                Some(0) => Phase::Headers { body: 0, chunked: false },
                Some(left) => Phase::Body { left, chunked: true },
                None => Phase::Outside,
            },
            _ if line.starts_message() => Phase::Headers { body: 0, chunked: false },
            phase => phase,
        };
    }

    /// An empty line. True when it ends the headers.
    pub(super) fn blank_line(&mut self) -> bool {
        let Phase::Headers { body, chunked } = self.phase else { return false };
        self.phase = match (chunked, body) {
            (true, _) => Phase::ChunkSize,
            (false, 0) => Phase::Outside,
            (false, left) => Phase::Body { left, chunked },
        };
        true
    }

    /// Bytes to the end of the body; `None` outside of one.
    pub(super) const fn left(&self) -> Option<u64> {
        match self.phase {
            Phase::Body { left, .. } => Some(left),
            _ => None,
        }
    }

    /// Bytes of a body went by. True when they were its last.
    pub(super) fn pass(&mut self, count: usize) -> bool {
        let Phase::Body { left, chunked } = self.phase else { return false };
        let left = left.saturating_sub(count as u64);
        self.phase = match (left, chunked) {
            (0, true) => Phase::ChunkSize,
            (0, false) => Phase::Outside,
            _ => Phase::Body { left, chunked },
        };
        left == 0
    }
}

impl LineEnds {
    /// The line; nothing when it is longer than what is kept.
    fn text(&self) -> &str {
        let bytes = self.prefix.get(..self.length).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default().trim()
    }

    fn starts_message(&self) -> bool {
        let is_version = |text: &[u8]| text.starts_with(b"HTTP/1.");
        is_version(&self.prefix) || self.last.strip_prefix(b" ").is_some_and(is_version)
    }

    /// Name, in lower case when it is one that is read, and value.
    fn header(&self) -> Option<(&'static str, &str)> {
        let (name, value) = self.text().split_once(':')?;
        let known = ["content-length", "transfer-encoding"];
        let name = known.into_iter().find(|known| name.eq_ignore_ascii_case(known))?;
        Some((name, value.trim()))
    }

    /// Hexadecimal digits, before any extension.
    fn chunk_size(&self) -> Option<u64> {
        let digits = self.text().split(';').next()?.trim();
        u64::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds whole lines; says what is known behind the last.
    fn after(lines: &[&str]) -> Http {
        let mut http = Http::default();
        for line in lines {
            if line.is_empty() {
                http.blank_line();
                continue;
            }
            line.as_bytes().chunks(5).for_each(|part| http.note(part));
            http.end_line();
        }
        http
    }

    #[test]
    fn a_length_says_where_the_body_ends() {
        let long = format!("GET /{} HTTP/1.1\r", "x".repeat(9000));
        for first in ["POST / HTTP/1.1\r", "HTTP/1.0 200 OK\r", &long] {
            let mut http = after(&[first, "Host: a\r", "content-LENGTH:  12 \r", ""]);
            assert_eq!(http.left(), Some(12), "{first}");
            assert!(!http.pass(11) && http.pass(1) && http.left().is_none());
        }
    }

    #[test]
    fn chunks_end_at_an_empty_one() {
        let mut http = after(&["HTTP/1.1 200 OK\r", "Transfer-Encoding: chunked\r", "", "1a;x=y\r"]);
        assert_eq!(http.left(), Some(26));
        assert!(http.pass(26));
        http.note(b"0\r");
        http.end_line();
        assert!(http.blank_line() && !http.blank_line() && http.phase == Phase::Outside);
    }

    #[test]
    fn without_a_length_there_is_no_body_to_count() {
        for lines in [
            &["GET / HTTP/1.1\r", "Host: a\r", ""][..],
            &["HTTP/1.1 200 OK\r", "Content-Length: -1\r", ""],
            &["HTTP/1.1 200 OK\r", "Content-Length: 99999999999999999999999\r", ""],
            &["HTTP/1.1 200 OK\r", "Transfer-Encoding: chunked\r", "", "what\r"],
            &["Content-Length: 12\r", ""],
            &["I like HTTP/1.1\r\u{2}", "Content-Length: 12\r", ""],
        ] {
            assert_eq!(after(lines).left(), None, "{lines:?}");
        }
    }
}
