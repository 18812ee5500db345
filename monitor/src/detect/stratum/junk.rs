//! Lines that are no JSON object: what they say of the bytes around them.
//!
//! Owns [`Junk`]. Must not know objects.

/// What is known of a junk line. The first line after a hole, or of a capture that came late, is the end of an
/// object: it closes more braces than it opens.
#[derive(Debug, Default)]
pub(super) struct Junk {
    /// Something whole was seen before it: it is no such end.
    pub(super) later: bool,
    /// Nothing is known of what was before it.
    resync: bool,
    /// A brace in it began no object.
    stray_brace: bool,
    closers: bool,
    quotes: bool,
    /// It is not plain ASCII.
    binary: bool,
    /// An object with a name in it began at its start.
    pub(super) opened: bool,
    /// Its last byte that is no blank is a closing brace.
    pub(super) closed_last: bool,
}

impl Junk {
    /// For a line that follows another.
    pub(super) fn later() -> Self {
        Self { later: true, ..Self::default() }
    }

    /// For what follows bytes that are missing.
    pub(super) fn after_gap() -> Self {
        Self { resync: true, ..Self::default() }
    }

    /// Takes a part that is outside of objects.
    pub(super) fn note(&mut self, part: &[u8]) {
        self.binary = self.binary || !is_plain(part);
        if let Some(last) = part.iter().rev().find(|byte| !is_blank(**byte)) {
            self.closed_last = *last == b'}';
        }
        if !self.later {
            self.closers |= part.contains(&b'}');
            self.quotes |= part.contains(&b'"');
        }
    }

    /// A brace in it began no object: this is text.
    pub(super) const fn note_stray_brace(&mut self) {
        self.stray_brace = true;
    }

    /// The line was the end of an object whose beginning was not seen. Where bytes are known to be missing, less
    /// of it may be left.
    pub(super) const fn is_tail(&self) -> bool {
        let ends_well = self.closed_last && !self.binary && !self.stray_brace;
        ends_well && (self.resync || (!self.later && self.closers && self.quotes))
    }

    /// The line was meant to be objects, as far as its ends tell. [`is_object_line`] tells the same of a whole line.
    pub(super) const fn is_object(&self) -> bool {
        self.opened && self.closed_last
    }

    /// Bytes before the first message may lack a newline, and are no text for that.
    pub(super) const fn is_text(&self) -> bool {
        self.later && !self.binary
    }
}

/// A whole line that need not be looked into when nothing in it is of interest.
pub(super) fn is_object_line(line: &[u8]) -> bool {
    let last = line.iter().rev().find(|byte| !is_blank(**byte));
    line.starts_with(b"{\"") && last == Some(&b'}')
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Plain ASCII. Looked at in blocks, which the compiler makes wide instructions of.
fn is_plain(part: &[u8]) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'\t' | b'\r' | b' '..=b'~');
    part.chunks(64).all(|block| block.iter().fold(true, |plain, byte| plain & is_plain(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn junk(parts: &[&str]) -> Junk {
        let mut junk = Junk::default();
        parts.iter().for_each(|part| junk.note(part.as_bytes()));
        junk
    }

    #[test]
    fn the_end_of_an_object_is_told_from_text() {
        assert!(junk(&["ff\",\"id\":", "1}}", " \r"]).is_tail());
        for text in [&["GET / HTTP/1.1"][..], &["a}"], &["\"a\":1} and so on"], &["\u{1}\"a\"}"]] {
            assert!(!junk(text).is_tail(), "{text:?}");
        }
        let second = Junk::later();
        assert!(!second.is_tail() && second.is_text());
    }

    #[test]
    fn behind_missing_bytes_a_closing_brace_is_enough_and_text_is_still_text() {
        let after_gap = |text: &str| {
            let mut junk = Junk::after_gap();
            junk.note(text.as_bytes());
            junk
        };
        assert!(after_gap("}").is_tail() && after_gap("ccc, 3]}\r").is_tail());
        for text in ["Subject: mining", "a2 OK", "\u{1}}"] {
            assert!(!after_gap(text).is_tail(), "{text:?}");
        }
        let mut literal = after_gap("* 1 FETCH (BODY[] {907}");
        assert!(literal.is_tail());
        literal.note_stray_brace();
        assert!(!literal.is_tail());
    }

    #[test]
    fn binary_is_no_text() {
        for (part, text) in [("chat :", true), ("caf\u{e9}", false), ("\u{0}", false)] {
            let mut line = Junk::later();
            line.note(part.as_bytes());
            assert_eq!(line.is_text(), text, "{part:?}");
        }
    }
}
