//! The lines of Duino-Coin in a stream of bytes.
//!
//! Owns [`Lines`], one direction: where a line ends, and how many were none of this protocol. What a line says is the
//! dialect's. Clients and servers leave line ends out, so a line also ends when the other side speaks.
use super::super::dialect::duino::{Word, read};

/// A longer line is none of this protocol.
const LINE_MAX: usize = 256;
/// Lines of no known shape, such as a message of the day, before the rest of the stream is left alone.
const STRANGE_MAX: u32 = 16;

/// One direction.
#[derive(Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    overlong: bool,
    known: bool,
    strange: u32,
    /// It began with a version, as a server's does.
    pub(super) versioned: bool,
    /// It asked for a job, as a client's does.
    pub(super) asked: bool,
    /// It handed out a job, as a server's does.
    pub(super) worked: bool,
}

impl std::fmt::Debug for Lines {
    /// Without the line: it may hold a mining key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("known", &self.known)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Lines {
    /// Bytes held.
    pub(super) const fn held(&self) -> usize {
        self.line.len()
    }

    /// Nothing more is expected of this stream.
    pub(super) const fn is_over(&self) -> bool {
        self.strange > STRANGE_MAX || (self.strange > 0 && !self.known)
    }

    /// Takes the next byte; says the word that it ends.
    pub(super) fn take(&mut self, byte: u8) -> Option<Word> {
        if byte == b'\n' {
            return self.end();
        }
        if self.line.len() < LINE_MAX {
            self.line.push(byte);
        } else {
            self.overlong = true;
        }
        None
    }

    /// The other side speaks: a line that is whole without its end is one.
    pub(super) fn turn(&mut self) -> Option<Word> {
        let word = self.word()?;
        self.line.clear();
        Some(word)
    }

    /// Nobody can say whether what comes next belongs to the line so far.
    pub(super) fn tear(&mut self) {
        self.line.clear();
    }

    fn end(&mut self) -> Option<Word> {
        let word = self.word();
        let blank = self.line.trim_ascii().is_empty();
        self.line.clear();
        self.overlong = false;
        if word.is_none() && !blank {
            self.strange += 1;
        }
        word
    }

    fn word(&mut self) -> Option<Word> {
        let text = std::str::from_utf8(&self.line).ok().filter(|_| !self.overlong)?;
        let word = read(text.trim_matches(['\r', '\0', ' ']))?;
        self.known = true;
        self.versioned |= matches!(word, Word::Version);
        self.asked |= matches!(word, Word::Ask(_));
        self.worked |= matches!(word, Word::Work(_));
        Some(word)
    }
}

/// Whether `bytes` begin such a stream; `None` when they are too few to tell.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    let words: [&[u8]; 5] = [b"JOB,", b"MOTD", b"GOOD", b"BLOCK", b"BAD"];
    if words.iter().any(|word| bytes.starts_with(word)) {
        return Some(true);
    }
    if words.iter().any(|word| word.starts_with(bytes)) {
        return None;
    }
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hex = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match (digits, bytes.get(digits)) {
        (1..=2, Some(b'.')) => Some(true),
        (1..=12, Some(b',')) => Some(true),
        _ if hex >= 16 => Some(true),
        _ => (hex < bytes.len()).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(lines: &mut Lines, text: &str) -> usize {
        text.bytes().filter_map(|byte| lines.take(byte)).count()
    }

    #[test]
    fn lines_end_at_their_end_or_when_the_other_side_speaks() {
        let mut lines = Lines::default();
        assert_eq!(words(&mut lines, "JOB,alice,LOW,\r\nJOB,ali"), 1);
        assert_eq!(words(&mut lines, "ce,LOW"), 0);
        assert!(lines.turn().is_some() && lines.turn().is_none() && lines.asked && lines.held() == 0);
        assert_eq!(words(&mut lines, "what"), 0);
        assert!(lines.turn().is_none());
        assert_eq!((words(&mut lines, "?\n"), lines.is_over()), (0, false));
    }

    #[test]
    fn a_torn_line_is_not_put_together() {
        let mut lines = Lines::default();
        assert_eq!(words(&mut lines, "183,4520.51,miner"), 0);
        lines.tear();
        assert_eq!(words(&mut lines, "JOB,alice,LOW,"), 0);
        assert!(matches!(lines.turn(), Some(Word::Ask(_))));
    }

    #[test]
    fn strange_lines_end_it() {
        let mut first = Lines::default();
        words(&mut first, "1234567890abcdef is no job\n");
        assert!(first.is_over());
        let mut later = Lines::default();
        words(&mut later, "4.3\n");
        assert!(later.versioned && !later.is_over());
        words(&mut later, &"hello\n".repeat(20));
        assert!(later.is_over());
    }

    #[test]
    fn long_lines_are_bounded_and_not_read() {
        let mut lines = Lines::default();
        let long = format!("JOB,alice,{}\n", "x".repeat(1000));
        assert_eq!(words(&mut lines, &long), 0);
        assert!(lines.is_over() && lines.held() == 0);
    }

    #[test]
    fn beginnings_are_told() {
        for (text, want) in [
            ("4.3", Some(true)),
            ("JOB,", Some(true)),
            ("183,4", Some(true)),
            ("GOOD", Some(true)),
            ("9f86d081884c7d65", Some(true)),
            ("4", None),
            ("JO", None),
            ("9f86", None),
            ("220 ", Some(false)),
            ("{\"id\"", Some(false)),
            ("GET ", Some(false)),
            ("SSH-2.0", Some(false)),
        ] {
            assert_eq!(begins(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn no_line_is_shown() {
        let mut lines = Lines::default();
        words(&mut lines, "JOB,alice,LOW,hunter2");
        assert!(!format!("{lines:?}").contains("hunter2"));
    }
}
