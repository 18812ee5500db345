//! Finds the end of a JSON object.
//!
//! Owns [`Scan`]: how deep it is, and whether in a string. Must not know where the bytes are kept, nor parse.
use memchr::memchr3;

/// Mining messages nest five deep at most.
const DEPTH_MAX: u8 = 32;

/// What the bytes did to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It goes on.
    More,
    /// The last of them was its last brace.
    Complete,
    /// The line ended before the object did; the line's end is not part of it.
    LineEnd,
    /// It is no JSON object; the byte that shows it is not part of it.
    Broken,
}

/// An object up to some byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    depth: u8,
    in_string: bool,
    escaped: bool,
    begun: bool,
    /// A name, or what looks like one, came behind the first brace.
    named: bool,
    /// It may go on behind the end of a line, as the body of an HTTP message does.
    lines: bool,
    line_begins: bool,
}

impl Scan {
    /// For an object that may be written on several lines.
    pub(super) fn over_lines(lines: bool) -> Self {
        Self { lines, ..Self::default() }
    }

    /// A name came behind the first brace: whatever follows, this was meant to be an object.
    pub(super) const fn is_named(&self) -> bool {
        self.named
    }

    /// Goes on with `bytes`; the first of all is a brace. Says how many belong to the object.
    pub(super) fn run(&mut self, bytes: &[u8]) -> (usize, Step) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..) {
            if self.begun && !self.escaped && !self.line_begins {
                at += if self.in_string { plain(rest) } else { skip(rest, MEANS_OUTSIDE) };
            }
            let Some(&byte) = bytes.get(at) else { break };
            match self.step(byte) {
                Step::More => at += 1,
                Step::Complete => return (at + 1, Step::Complete),
                other => return (at, other),
            }
        }
        (at, Step::More)
    }

    fn step(&mut self, byte: u8) -> Step {
        let line_begins = std::mem::take(&mut self.line_begins);
        match byte {
            b'\n' if !self.lines || self.in_string => return Step::LineEnd,
            b'\n' => self.line_begins = true,
            // Nothing that is written on several lines has a brace in their first column, but a message has.
            b'{' if line_begins => return Step::LineEnd,
            _ if is_control(byte) || !self.may_follow_brace(byte) => return Step::Broken,
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth -= 1,
            _ => {}
        }
        match self.depth {
            0 => Step::Complete,
            1..=DEPTH_MAX => Step::More,
            _ => Step::Broken,
        }
    }

    fn may_follow_brace(&mut self, byte: u8) -> bool {
        if self.begun || self.depth == 0 {
            return true;
        }
        self.named = byte == b'"';
        self.begun = self.named || byte == b'}';
        may_follow_brace(byte)
    }
}

/// Behind the first brace comes a name or the last brace; that keeps program text and style sheets out.
pub(super) const fn may_follow_brace(byte: u8) -> bool {
    matches!(byte, b'"' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
}

const fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\r')
}

/// It means something in a string: its end, an escape, or that this is no JSON.
const MEANS_INSIDE: u8 = 1;
/// It means something outside of strings.
const MEANS_OUTSIDE: u8 = 2;
/// What each byte means.
static MEANING: [u8; 256] = meanings();

const fn meanings() -> [u8; 256] {
    let mut all = [0; 256];
    let mut byte = 0_u8;
    loop {
        let inside = is_control(byte) || matches!(byte, b'"' | b'\\');
        let outside = is_control(byte) || matches!(byte, b'"' | b'{' | b'}' | b'[' | b']');
        #[expect(clippy::indexing_slicing, reason = "every byte has its place, and `get_mut` is no const fn")]
        {
            all[byte as usize] = inside as u8 * MEANS_INSIDE + outside as u8 * MEANS_OUTSIDE;
        }
        if byte == u8::MAX {
            return all;
        }
        byte += 1;
    }
}

/// Bytes before the first that has one of `meanings`.
fn skip(rest: &[u8], meanings: u8) -> usize {
    let means = |byte: &u8| MEANING.get(usize::from(*byte)).is_some_and(|meaning| meaning & meanings != 0);
    rest.iter().position(means).unwrap_or(rest.len())
}

/// Bytes of a string before the first that means something. Most are short, and the others long.
fn plain(rest: &[u8]) -> usize {
    let (near, far) = rest.split_at(rest.len().min(16));
    let short = skip(near, MEANS_INSIDE);
    if short < near.len() {
        return short;
    }
    let end = memchr3(b'"', b'\\', b'\n', far).unwrap_or(far.len());
    let text = far.get(..end).unwrap_or_default();
    let control = || text.iter().position(|byte| is_control(*byte));
    near.len() + Some(text).filter(|text| has_control(text)).and_then(|_| control()).unwrap_or(end)
}

/// Looked at in blocks, which the compiler makes wide instructions of.
fn has_control(text: &[u8]) -> bool {
    text.chunks(64).any(|block| block.iter().fold(false, |any, byte| any | is_control(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_with(mut scan: Scan, text: &str) -> (usize, Step) {
        let whole = scan.clone().run(text.as_bytes());
        let mut at = 0;
        for byte in text.as_bytes().chunks(1) {
            let (used, step) = scan.run(byte);
            at += used;
            if step != Step::More {
                assert_eq!((at, step), whole, "{text}");
                return whole;
            }
        }
        assert_eq!((at, Step::More), whole, "{text}");
        whole
    }

    fn end(text: &str) -> (usize, Step) {
        end_with(Scan::default(), text)
    }

    #[test]
    fn where_an_object_ends() {
        assert_eq!(end("{}x"), (2, Step::Complete));
        assert_eq!(end(r#"{ "a":{"b":["}"]},"c\"}":1}"#), (27, Step::Complete));
        assert_eq!(end("{\"a\n"), (3, Step::LineEnd));
        assert_eq!(end("{\"a\\\n"), (4, Step::LineEnd));
        assert_eq!(end("{a}"), (1, Step::Broken));
        assert_eq!(end("{\"a\u{1}\"}"), (3, Step::Broken));
        assert_eq!(end(r#"{"a":"#), (5, Step::More));
        let deep = format!("{{\"a\":{}", "[".repeat(100));
        assert_eq!(end(&deep), (5 + usize::from(DEPTH_MAX) - 1, Step::Broken));
    }

    #[test]
    fn one_that_may_go_on_behind_a_line() {
        let end = |text| end_with(Scan::over_lines(true), text);
        assert_eq!(end("{\n \"a\":\r\n {}\n}x"), (14, Step::Complete));
        assert_eq!(end("{\n{"), (2, Step::LineEnd));
        assert_eq!(end("{\"a\n\"}"), (3, Step::LineEnd));
        assert_eq!(end("{\nx}"), (2, Step::Broken));
    }
}
