//! Finds JSON objects in the bytes of one direction.
//!
//! Owns [`Framer`]: line ends, junk, and where an object ends. Must not know what an object says, nor parse it.
//! Every byte is looked at once, in whatever pieces it comes; the same bytes give the same objects.
//!
//! Stratum puts one object on a line, but clients leave out the newline, put two objects on a line, or send
//! something else first. So an object is handed on when its last brace arrives. One that starts in the middle
//! of a line is handed on too, marked as guarded: it may be a quotation.

/// The longest object kept; the rest of its line is skipped. Notifies with long coinbases stay below it.
const LINE_MAX: usize = 8 << 10;
/// An unfinished object is judged as it is at these lengths: the rest may never be captured.
const EARLY_LOOKS: [usize; 3] = [1 << 10, 2 << 10, 4 << 10];
/// Mining messages nest five deep at most.
const DEPTH_MAX: u32 = 32;

/// An object, or as much of it as there is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From its first brace on.
    pub(super) bytes: &'a [u8],
    /// It is not complete.
    pub(super) cut: bool,
    /// It is not the first thing on its line, or lines before it were no JSON objects.
    pub(super) guarded: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// At the start of a line, or behind an object.
    #[default]
    Start,
    /// Inside an object.
    Object,
    /// In the rest of a line that is no object.
    Junk,
    /// In the rest of an object over the cap.
    Overlong,
}

/// What one byte did to the object.
enum Step {
    More,
    Complete,
    LineEnd,
    Broken,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Framer {
    state: State,
    object: Object,
    /// The object began in the middle of a line.
    embedded: bool,
    junk: Junk,
    /// At least one line was junk.
    foreign: bool,
    overlong: u64,
}

#[derive(Debug, Default)]
struct Object {
    buffer: Vec<u8>,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Something but blanks came behind the first brace.
    begun: bool,
}

/// What is known of a junk line. The first line after a hole, or of a capture that came late, is the end of an
/// object: it closes more braces than it opens.
#[derive(Debug, Default)]
struct Junk {
    /// Something whole was seen before it: it is no such end.
    later: bool,
    /// Nothing is known of what was before it.
    resync: bool,
    closers: bool,
    quotes: bool,
    /// It is not plain ASCII.
    binary: bool,
    closed_last: bool,
}

impl Framer {
    /// Takes the next bytes and hands on each object that ends in them.
    pub(super) fn push(&mut self, bytes: &[u8], judge: &mut dyn FnMut(Line<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Start => self.start(rest),
                State::Object => self.object(rest, judge),
                State::Junk => self.junk(rest),
                State::Overlong => self.overlong(rest),
            };
        }
    }

    /// Bytes are missing, or no more will come: what there is of an object is judged.
    pub(super) fn gap(&mut self, judge: &mut dyn FnMut(Line<'_>)) {
        if self.state == State::Object {
            self.hand_on(true, judge);
        }
        self.state = State::Start;
        self.embedded = false;
        self.junk = Junk { resync: true, ..Junk::default() };
    }

    /// A line that is no JSON object was seen: this is, or was, another protocol.
    pub(super) const fn foreign(&self) -> bool {
        self.foreign
    }

    /// Bytes held until their object is complete.
    pub(super) const fn held(&self) -> usize {
        self.object.buffer.len()
    }

    /// Objects that were over the cap.
    pub(super) const fn overlong_count(&self) -> u64 {
        self.overlong
    }

    fn start<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0);
        let Some(begin) = bytes.iter().position(|byte| !blank(byte)) else { return &[] };
        let rest = bytes.get(begin..).unwrap_or_default();
        if rest.first() == Some(&b'{') {
            self.embedded = false;
            self.state = State::Object;
        } else {
            self.state = State::Junk;
        }
        rest
    }

    fn object<'a>(&mut self, bytes: &'a [u8], judge: &mut dyn FnMut(Line<'_>)) -> &'a [u8] {
        let mut rest = bytes;
        while let Some((&byte, tail)) = rest.split_first() {
            match self.object.step(byte) {
                Step::More => {
                    rest = tail;
                    if self.look_early(judge) {
                        return rest;
                    }
                }
                Step::Complete => {
                    self.hand_on(false, judge);
                    self.junk.closed_last = true;
                    self.state = if self.embedded { State::Junk } else { State::Start };
                    return tail;
                }
                Step::LineEnd => {
                    self.hand_on(true, judge);
                    self.end_line();
                    return tail;
                }
                Step::Broken => {
                    self.object = Object::default();
                    self.state = State::Junk;
                    return rest;
                }
            }
        }
        rest
    }

    /// True when the object has grown over the cap.
    fn look_early(&mut self, judge: &mut dyn FnMut(Line<'_>)) -> bool {
        let length = self.object.buffer.len();
        if length >= LINE_MAX {
            self.overlong += 1;
            self.hand_on(true, judge);
            self.state = State::Overlong;
            return true;
        }
        if EARLY_LOOKS.contains(&length) {
            judge(Line { bytes: &self.object.buffer, cut: true, guarded: self.embedded || self.foreign });
        }
        false
    }

    /// The buffer is gone when this returns.
    fn hand_on(&mut self, cut: bool, judge: &mut dyn FnMut(Line<'_>)) {
        let object = std::mem::take(&mut self.object);
        judge(Line { bytes: &object.buffer, cut, guarded: self.embedded || self.foreign });
        if !self.embedded {
            self.junk.later = true;
        }
    }

    fn junk<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'{'));
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.junk.note(line);
        match rest.split_first() {
            Some((b'\n', rest)) => {
                self.foreign |= !self.junk.is_tail();
                self.end_line();
                rest
            }
            Some(_) if self.junk.may_hold_objects() => {
                self.embedded = true;
                self.state = State::Object;
                rest
            }
            Some((_, rest)) => rest,
            None => rest,
        }
    }

    fn overlong<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return &[] };
        self.end_line();
        bytes.get(end + 1..).unwrap_or_default()
    }

    fn end_line(&mut self) {
        self.state = State::Start;
        self.embedded = false;
        self.junk = Junk { later: true, ..Junk::default() };
    }
}

impl Object {
    fn step(&mut self, byte: u8) -> Step {
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

impl Junk {
    fn note(&mut self, part: &[u8]) {
        self.binary = self.binary || part.iter().any(|byte| !matches!(byte, b'\t' | b'\r' | b' '..=b'~'));
        if self.later {
            return;
        }
        self.closers |= part.contains(&b'}');
        self.quotes |= part.contains(&b'"');
        if let Some(last) = part.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) {
            self.closed_last = *last == b'}';
        }
    }

    /// The line was the end of an object whose beginning was not seen.
    const fn is_tail(&self) -> bool {
        let shaped = self.closers && self.quotes && self.closed_last && !self.binary;
        self.resync || (!self.later && shaped)
    }

    /// Bytes before the first message may lack a newline. In the later lines of a text, a chat or a log, an
    /// object is a quotation.
    const fn may_hold_objects(&self) -> bool {
        !self.later || self.binary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Objects as text: `~` behind one that is cut, `?` before one that is guarded.
    fn run(framer: &mut Framer, pieces: &[&[u8]]) -> Vec<String> {
        let mut out = Vec::new();
        for piece in pieces {
            framer.push(piece, &mut |line| {
                let text = String::from_utf8_lossy(line.bytes);
                let (before, behind) = (if line.guarded { "?" } else { "" }, if line.cut { "~" } else { "" });
                out.push(format!("{before}{text}{behind}"));
            });
        }
        out
    }

    /// In one piece, in two at every place, and byte by byte: always the same.
    fn lines(text: &[u8]) -> (Vec<String>, bool) {
        let mut framer = Framer::default();
        let whole = run(&mut framer, &[text]);
        for at in 0..=text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(run(&mut Framer::default(), &[left, right]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(run(&mut Framer::default(), &bytes), whole, "byte by byte");
        (whole, framer.foreign())
    }

    #[test]
    fn an_object_is_handed_on_when_its_last_brace_arrives() {
        for (text, want) in [
            (r#"{"a":1}"#, vec![r#"{"a":1}"#]),
            ("{\"a\":1}\r\n \t\n{ \"b\" : {} }\n", vec![r#"{"a":1}"#, r#"{ "b" : {} }"#]),
            (r#"{"a":1}{"b":2} {"c":3}"#, vec![r#"{"a":1}"#, r#"{"b":2}"#, r#"{"c":3}"#]),
            ("{\"a\":1}\0{\"b\":2}\0", vec![r#"{"a":1}"#, r#"{"b":2}"#]),
            (r#"{"a":"}\"{[","b":[{"c":"\\"}]}"#, vec![r#"{"a":"}\"{[","b":[{"c":"\\"}]}"#]),
            ("{}", vec!["{}"]),
        ] {
            assert_eq!(
                lines(text.as_bytes()),
                (want.iter().map(ToString::to_string).collect(), false),
                "{text}"
            );
        }
    }

    #[test]
    fn junk_guards_what_follows_and_hides_nothing() {
        for (text, want) in [
            ("GET / HTTP/1.1\r\n\r\n{\"a\":1}\n", vec![r#"?{"a":1}"#]),
            ("payload={\"a\":1} end\n{\"b\":2}\n", vec![r#"?{"a":1}"#, r#"?{"b":2}"#]),
            ("[{\"a\":1},{\"b\":2}]\n", vec![r#"?{"a":1}"#, r#"?{"b":2}"#]),
            ("text\nand a quotation: {\"a\":1}\n{\"b\":2}\n", vec![r#"?{"b":2}"#]),
            ("\u{1}\n\u{2}{\"a\":1}\n{\"b\":2}\n", vec![r#"?{"a":1}"#, r#"?{"b":2}"#]),
            ("{{\"a\":1}}\n", vec![r#"?{"a":1}"#]),
            ("a{color:red}\n{\"a\":1}\n", vec![r#"?{"a":1}"#]),
            ("{\"a\":1}, or\n{\"b\":2}\n", vec![r#"{"a":1}"#, r#"?{"b":2}"#]),
            ("\x16\x03\x01\x02{\"\x01\n{\"a\":1}\n", vec![r#"?{"a":1}"#]),
        ] {
            assert_eq!(
                lines(text.as_bytes()),
                (want.iter().map(ToString::to_string).collect(), true),
                "{text}"
            );
        }
        assert_eq!(lines(b"\x01\x02junk{\"a\":1}").0, [r#"?{"a":1}"#]);
    }

    #[test]
    fn the_end_of_an_unseen_object_is_no_junk() {
        assert_eq!(lines(b"ff\",\"id\":1}}\n{\"a\":1}\n"), (vec![r#"{"a":1}"#.to_owned()], false));
        for twice in ["f\"}}\nf\"}}\n", "x={\"a\":1}\n", "f\"}} x\n", "\x01f\"}}\n"] {
            assert!(lines(twice.as_bytes()).1, "{twice}");
        }
    }

    #[test]
    fn a_line_that_ends_early_is_cut() {
        assert_eq!(lines(b"{\"a\":[1,\n{\"b\":2}").0, [r#"{"a":[1,~"#, r#"{"b":2}"#]);
    }

    #[test]
    fn behind_a_gap_the_next_line_start_counts() {
        let mut framer = Framer::default();
        assert!(run(&mut framer, &[b"{\"a\":\"b"]).is_empty());
        let mut cut = Vec::new();
        framer.gap(&mut |line| cut.push((line.bytes.to_vec(), line.cut)));
        assert_eq!(cut, [(b"{\"a\":\"b".to_vec(), true)]);
        assert_eq!(run(&mut framer, &[b"ccc, 3]\n{\"d\":1}\n"]), [r#"{"d":1}"#]);
        framer.gap(&mut |_| panic!("nothing was open"));
        assert_eq!(run(&mut framer, &[b"{\"e\":1}\n"]), [r#"{"e":1}"#]);
        assert!(!framer.foreign());
    }

    #[test]
    fn long_objects_are_looked_at_early_and_then_dropped() {
        let text = [b"{\"a\":\"".as_slice(), &[b'x'; 20_000], b"\"}\n{\"b\":2}\n"].concat();
        let mut framer = Framer::default();
        let mut seen = Vec::new();
        for byte in text.chunks(1) {
            framer.push(byte, &mut |line| seen.push((line.bytes.len(), line.cut)));
            assert!(framer.held() <= LINE_MAX);
        }
        assert_eq!(seen, [(1024, true), (2048, true), (4096, true), (8192, true), (7, false)]);
        assert_eq!((framer.overlong_count(), framer.foreign(), framer.held()), (1, false, 0));
    }

    #[test]
    fn deep_nesting_is_junk() {
        let deep = [b"{\"a\":".as_slice(), &[b'['; 100_000], b"\n{\"b\":2}\n"].concat();
        let mut framer = Framer::default();
        assert_eq!(run(&mut framer, &[&deep]), [r#"?{"b":2}"#]);
    }
}
