//! Finds the end of a JSON object, byte by byte.
//!
//! Owns [`Object`]: its bytes and how deep it is. Must not know lines, nor parse.

/// Mining messages nest five deep at most.
const DEPTH_MAX: u32 = 32;

/// What one byte did to the object.
pub(super) enum Step {
    /// It goes on.
    More,
    /// That was its last brace.
    Complete,
    /// The line ended before the object did; the byte is not part of it.
    LineEnd,
    /// It is no JSON object; the byte is not part of it.
    Broken,
}

/// As much of an object as has come.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// Its bytes.
    pub(super) buffer: Vec<u8>,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Something but blanks came behind the first brace.
    begun: bool,
}

impl Object {
    /// Takes the next byte; the first is a brace.
    pub(super) fn step(&mut self, byte: u8) -> Step {
        match byte {
            b'\n' => return Step::LineEnd,
            0..=0x1f if !matches!(byte, b'\t' | b'\r') => return Step::Broken,
            _ if !self.may_follow_brace(byte) => return Step::Broken,
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth -= 1,
            _ => {}
        }
        if self.depth > DEPTH_MAX {
            return Step::Broken;
        }
        self.buffer.push(byte);
        if self.depth == 0 { Step::Complete } else { Step::More }
    }

    /// Behind the first brace comes a name or the last brace; that keeps program text and style sheets out.
    fn may_follow_brace(&mut self, byte: u8) -> bool {
        if self.begun || self.buffer.is_empty() {
            return true;
        }
        self.begun = matches!(byte, b'"' | b'}');
        self.begun || matches!(byte, b' ' | b'\t' | b'\r')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps through `text` until it is no more; says where and how.
    fn end(text: &str) -> (usize, &'static str) {
        let mut object = Object::default();
        for (at, byte) in text.bytes().enumerate() {
            match object.step(byte) {
                Step::More => {}
                Step::Complete => return (at, "complete"),
                Step::LineEnd => return (at, "line end"),
                Step::Broken => return (at, "broken"),
            }
        }
        (text.len(), "more")
    }

    #[test]
    fn where_an_object_ends() {
        assert_eq!(end("{}x"), (1, "complete"));
        assert_eq!(end(r#"{ "a":{"b":["}"]},"c\"}":1}"#), (26, "complete"));
        assert_eq!(end("{\"a\n"), (3, "line end"));
        assert_eq!(end("{a}"), (1, "broken"));
        assert_eq!(end("{\"a\u{1}\"}"), (3, "broken"));
        assert_eq!(end("{\"a\":"), (5, "more"));
        let deep = format!("{{\"a\":{}", "[".repeat(100));
        assert_eq!(end(&deep), (5 + DEPTH_MAX as usize - 1, "broken"));
    }
}
