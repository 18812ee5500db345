//! Follows HTTP/1 messages: which object is one's body, and where one ends, so that what follows it on the same
//! socket begins a line.
//!
//! Owns [`Http`]. Must not know JSON, nor what a head tells (`carrier.rs`), and hides nothing: a body's bytes are
//! scanned like any others, since the length that a message states may be a lie. Source: RFC 9112 sections 2, 6
//! and 7.1.
use super::carrier::{Carrier, Facts};

/// The most that is read of a line: enough for a user name, a client's name, an address in a path.
const LINE_MAX: usize = 512;
/// ` HTTP/1.1`
const VERSION: usize = 9;
/// A line shorter than that may still become the first of a message.
const METHOD_MAX: usize = 20;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Http {
    /// Bytes to the end of the body or chunk; in the head, what it says of that.
    left: u64,
    phase: Phase,
    chunked: bool,
    /// The rest of this line says nothing.
    dull: bool,
    /// The head is a client's.
    asks: bool,
    /// A head has ended, and nothing of its body was seen yet.
    begins: bool,
    /// Of a line that is not complete, and of a head that tells something.
    head: Option<Box<Head>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Outside,
    /// Behind a start line.
    Head,
    Body,
    /// Before the size of a chunk.
    ChunkSize,
}

#[derive(Debug, Default)]
struct Head {
    facts: Facts,
    /// The line so far, up to its cap.
    line: Vec<u8>,
    /// Its end, when it is longer.
    last: [u8; VERSION],
}

impl Http {
    /// Takes a part of a line that is no JSON object.
    pub(super) fn note(&mut self, part: &[u8]) {
        if self.dull || part.is_empty() {
            return;
        }
        let new = part.get(..part.len().min(METHOD_MAX + 1)).unwrap_or_default();
        let matters =
            match self.head.as_ref().map(|head| head.line.as_slice()).filter(|line| !line.is_empty()) {
                Some(known) if known.len() > METHOD_MAX => true,
                Some(known) => self.may_matter(&[known, new].concat()),
                None => self.may_matter(new),
            };
        if matters {
            self.head.get_or_insert_default().note(part);
        } else {
            self.dull = true;
            self.forget_line();
        }
    }

    /// The line has ended with `part`, which was not noted. True when what follows is of the same kind.
    pub(super) fn end_line(&mut self, part: &[u8]) -> bool {
        let phase = self.phase;
        let dull = std::mem::take(&mut self.dull);
        let whole = self.head.as_ref().is_none_or(|head| head.line.is_empty());
        if dull {
            self.forget_line();
        } else if whole {
            self.line(part, part);
        } else if let Some(mut head) = self.head.take() {
            head.note(part);
            let line = std::mem::take(&mut head.line);
            let last = head.last;
            self.head = Some(head);
            self.line(&line, &last);
            self.forget_line();
        }
        self.phase == phase && !self.begins
    }

    /// An empty line. True when it ends the head.
    pub(super) fn blank_line(&mut self) -> bool {
        if self.phase != Phase::Head {
            return false;
        }
        self.begins = true;
        if self.asks && !self.chunked && self.left == 0 {
            self.forget();
        }
        self.phase = match (self.chunked, self.left) {
            (true, _) => Phase::ChunkSize,
            (false, 0) => Phase::Outside,
            (false, _) => Phase::Body,
        };
        true
    }

    /// Bytes to the end of the body; `None` outside of one.
    pub(super) fn left(&self) -> Option<u64> {
        (self.phase == Phase::Body).then_some(self.left)
    }

    /// A line begins here that is of interest only when it begins a message: none of a head, no size of a chunk, and
    /// not the first of a body.
    pub(super) fn is_between_messages(&self) -> bool {
        matches!(self.phase, Phase::Outside | Phase::Body)
            && !self.begins
            && !self.dull
            && self.head.as_ref().is_none_or(|head| head.line.is_empty())
    }

    /// The bytes that come belong to a message.
    pub(super) fn in_message(&self) -> bool {
        self.phase != Phase::Outside || self.begins
    }

    /// Bytes of a body went by. True when they were its last.
    pub(super) fn pass(&mut self, count: usize) -> bool {
        if self.phase != Phase::Body {
            return false;
        }
        self.left = self.left.saturating_sub(count as u64);
        if self.left > 0 {
            return false;
        }
        self.phase = if self.chunked { Phase::ChunkSize } else { Phase::Outside };
        true
    }

    /// The first byte of a body is here. True when one was awaited.
    pub(super) fn begin_body(&mut self) -> bool {
        self.phase != Phase::ChunkSize && std::mem::take(&mut self.begins)
    }

    /// What carries the object that a body began with.
    pub(super) fn carrier(&self) -> Carrier<'_> {
        Carrier::Http(self.head.as_ref().map_or(Facts::NONE, |head| &head.facts))
    }

    /// The body's object is over, or there is none: what the head told is not needed any more.
    pub(super) fn forget(&mut self) {
        self.begins = false;
        self.head = None;
    }

    /// Bytes held of a line.
    pub(super) fn held(&self) -> usize {
        self.head.as_ref().map_or(0, |head| head.line.len())
    }

    /// Nothing is kept but where the message ends.
    #[cfg(test)]
    pub(super) fn is_bare(&self) -> bool {
        self.head.is_none()
    }

    /// Whether a line that begins so can be one that is read.
    fn may_matter(&self, start: &[u8]) -> bool {
        match self.phase {
            Phase::ChunkSize => true,
            Phase::Head => is_read(start.split(|byte| *byte == b':').next().unwrap_or_default()),
            Phase::Outside | Phase::Body => may_start_message(start),
        }
    }

    /// A line that may lack its middle: its beginning, and its end.
    fn line(&mut self, line: &[u8], last: &[u8]) {
        match self.phase {
            Phase::Head => self.field(line),
            Phase::ChunkSize => match chunk_size(line) {
                Some(0) => {
                    (self.phase, self.left, self.chunked) = (Phase::Head, 0, false);
                    self.forget();
                }
                Some(left) => (self.phase, self.left) = (Phase::Body, left),
                None => self.phase = Phase::Outside,
            },
            Phase::Outside | Phase::Body => {
                if line.first().is_some_and(u8::is_ascii_uppercase)
                    && starts_message(line, last)
                    && let Some(facts) = Facts::start(line)
                {
                    (self.phase, self.left, self.chunked) = (Phase::Head, 0, false);
                    self.asks = !line.starts_with(b"HTTP");
                    self.begins = false;
                    self.keep(facts);
                }
            }
        }
    }

    fn field(&mut self, line: &[u8]) {
        let Some(colon) = line.iter().take(METHOD_MAX + 1).position(|byte| *byte == b':') else { return };
        let (name, value) = line.split_at(colon);
        // Lengths of the names that are read; the rest all begin with an x.
        if !matches!((name, name.len()), ([b'x' | b'X', ..], _) | (_, 10 | 13 | 14 | 17)) || !is_read(name) {
            return;
        }
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default().trim();
        let (name, value) = (text(name), text(value.get(1..).unwrap_or_default()));
        if name.eq_ignore_ascii_case("content-length") {
            self.left = value.parse().unwrap_or_default();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.chunked = value.eq_ignore_ascii_case("chunked");
        } else {
            let mut facts = self.head.take().map(|head| head.facts).unwrap_or_default();
            facts.field(name, value);
            self.keep(facts);
        }
    }

    fn keep(&mut self, facts: Facts) {
        self.head =
            (facts != *Facts::NONE).then(|| Box::new(Head { facts, line: Vec::new(), last: [0; VERSION] }));
    }

    fn forget_line(&mut self) {
        if let Some(head) = self.head.take() {
            self.keep(head.facts);
        }
    }
}

impl Head {
    fn note(&mut self, part: &[u8]) {
        let free = LINE_MAX.saturating_sub(self.line.len());
        self.line.extend_from_slice(part.get(..free.min(part.len())).unwrap_or_default());
        for byte in part.iter().skip(part.len().saturating_sub(VERSION + 1)).filter(|byte| **byte != b'\r') {
            self.last.rotate_left(1);
            if let Some(last) = self.last.last_mut() {
                *last = *byte;
            }
        }
    }
}

/// Whether the name of a field, or what there is of it, is one that is read.
fn is_read(name: &[u8]) -> bool {
    if !name.first().is_some_and(|first| b"actuxACTUX".contains(first)) {
        return false;
    }
    let begins =
        |known: &&[u8]| known.get(..name.len()).is_some_and(|so_far| so_far.eq_ignore_ascii_case(name));
    [b"content-length".as_slice(), b"transfer-encoding"].iter().any(begins) || Facts::reads(name)
}

/// A method or a version, as far as it is there.
fn may_start_message(start: &[u8]) -> bool {
    let version = b"HTTP/1.";
    let length = start.len().min(version.len());
    let method = start.iter().position(|byte| !byte.is_ascii_uppercase()).unwrap_or(start.len());
    start.get(..length) == version.get(..length)
        || (method > 0 && method < METHOD_MAX && start.get(method).is_none_or(|byte| *byte == b' '))
}

fn starts_message(line: &[u8], last: &[u8]) -> bool {
    let is_version = |text: &[u8]| text.starts_with(b"HTTP/1.");
    let last = last.strip_suffix(b"\r").unwrap_or(last);
    let last = last.get(last.len().saturating_sub(VERSION)..).unwrap_or_default();
    is_version(line) || last.strip_prefix(b" ").is_some_and(is_version)
}

/// Hexadecimal digits, before any extension.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?.trim(), 16).ok()
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
            http.end_line(b"");
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
        http.end_line(b"0\r");
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
