//! Finds JSON objects in the bytes of one direction.
//!
//! Owns [`Framer`]: line ends, junk, and where an object ends. Must not know what an object says, nor parse it.
//! Every byte is looked at once, in whatever pieces it comes; the same bytes give the same objects.
//!
//! Stratum puts one object on a line, but clients leave out the newline, put two objects on a line, or send
//! something else first. So an object is handed on when its last brace arrives. One that comes after junk is
//! handed on too, marked as guarded; one in the middle of a line of text is marked as quoted.
use super::{
    http::Http,
    junk::Junk,
    object::{Object, Step},
};

/// The longest object kept; the rest of its line is skipped. Notifies with long coinbases stay below it.
const LINE_MAX: usize = 8 << 10;
/// An unfinished object is judged as it is at these lengths: the rest may never be captured.
const EARLY_LOOKS: [usize; 3] = [1 << 10, 2 << 10, 4 << 10];
/// An object, or as much of it as there is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From its first brace on.
    pub(super) bytes: &'a [u8],
    /// It is not complete.
    pub(super) cut: bool,
    /// It is not the first thing on its line, or lines before it were no JSON objects.
    pub(super) guarded: bool,
    /// It stands in the middle of a line of text, as in chats and logs.
    pub(super) quoted: bool,
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

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Framer {
    state: State,
    object: Object,
    /// The object began in the middle of a line.
    embedded: bool,
    junk: Junk,
    http: Http,
    /// At least one line was junk.
    foreign: bool,
    overlong: u64,
}

impl Framer {
    /// Takes the next bytes and hands on each object that ends in them.
    pub(super) fn push(&mut self, bytes: &[u8], judge: &mut dyn FnMut(Line<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let body = self.http.left().map(|left| usize::try_from(left).unwrap_or(usize::MAX));
            let (part, later) = rest.split_at(rest.len().min(body.unwrap_or(usize::MAX)));
            let left = match self.state {
                State::Start => self.start(part),
                State::Object => self.object(part, judge),
                State::Junk => self.junk(part),
                State::Overlong => self.overlong(part),
            };
            let used = part.len() - left.len();
            if body.is_some() && self.http.pass(used) && self.state != State::Object {
                self.end_line();
            }
            rest = if left.is_empty() { later } else { rest.get(used..).unwrap_or_default() };
        }
    }

    /// Bytes are missing, or no more will come: what there is of an object is judged.
    pub(super) fn gap(&mut self, judge: &mut dyn FnMut(Line<'_>)) {
        if self.state == State::Object {
            self.hand_on(true, judge);
        }
        self.end_line();
        self.http = Http::default();
        self.junk = Junk::after_gap();
    }

    /// What follows is a stream of its own, such as that in a tunnel.
    pub(super) fn renew(&mut self) {
        *self = Self { overlong: self.overlong, ..Self::default() };
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
        let mut rest = bytes;
        while let Some((byte, tail)) = rest.split_first() {
            match byte {
                b' ' | b'\t' | b'\r' | 0 => {}
                b'\n' if self.http.blank_line() => return tail,
                b'\n' => {}
                b'{' => {
                    self.state = State::Object;
                    return rest;
                }
                _ => {
                    self.state = State::Junk;
                    return rest;
                }
            }
            rest = tail;
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
                    self.junk.note_stray_brace();
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
            judge(self.line(&self.object.buffer, true));
        }
        false
    }

    /// The buffer is gone when this returns.
    fn hand_on(&mut self, cut: bool, judge: &mut dyn FnMut(Line<'_>)) {
        let object = std::mem::take(&mut self.object);
        judge(self.line(&object.buffer, cut));
        if !self.embedded {
            self.junk.later = true;
        }
    }

    const fn line<'a>(&self, bytes: &'a [u8], cut: bool) -> Line<'a> {
        let quoted = self.embedded && self.junk.is_text();
        Line { bytes, cut, guarded: self.embedded || self.foreign, quoted }
    }

    fn junk<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'{'));
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.junk.note(line);
        self.http.note(line);
        match rest.split_first() {
            Some((b'\n', rest)) => {
                self.foreign |= !self.junk.is_tail();
                self.http.end_line();
                self.end_line();
                rest
            }
            Some(_) => {
                self.embedded = true;
                self.state = State::Object;
                rest
            }
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
        self.junk = Junk::later();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Objects as text: `~` behind one that is cut, `?` before one that is guarded, `''` quoted.
    fn run(framer: &mut Framer, pieces: &[&[u8]]) -> Vec<String> {
        let mut out = Vec::new();
        for piece in pieces {
            framer.push(piece, &mut |line| {
                let text = String::from_utf8_lossy(line.bytes);
                let before = if line.quoted {
                    "''"
                } else if line.guarded {
                    "?"
                } else {
                    ""
                };
                let behind = if line.cut { "~" } else { "" };
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
            ("text\nand a quotation: {\"a\":1}\n{\"b\":2}\n", vec![r#"''{"a":1}"#, r#"?{"b":2}"#]),
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
    fn what_follows_an_http_body_begins_a_line() {
        for (head, body) in [
            ("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", "b=c&d=}\"e"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\nab\r\n3\r\n}\"c\r\n0\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        ] {
            let (seen, foreign) = lines(format!("{head}{body}{{\"a\":1}}\n{{\"b\":2}}\n").as_bytes());
            assert!(
                foreign && seen.ends_with(&[r#"?{"a":1}"#.to_owned(), r#"?{"b":2}"#.to_owned()]),
                "{seen:?}"
            );
        }
        let lie = b"POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n{\"a\":1}\n";
        assert_eq!(lines(lie).0, [r#"?{"a":1}"#]);
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
        assert_eq!(run(&mut framer, &[b"ccc, 3]}\n{\"d\":1}\n"]), [r#"{"d":1}"#]);
        framer.gap(&mut |_| panic!("nothing was open"));
        assert_eq!(run(&mut framer, &[b"{\"e\":1}\n"]), [r#"{"e":1}"#]);
        assert!(!framer.foreign());
        for text in ["Subject: mining\r\n\r\n", "* 1 FETCH (BODY[] {9}\r\n"] {
            framer.gap(&mut |_| panic!("nothing was open"));
            let text = format!("{text}{{\"f\":1}}\n");
            assert_eq!(run(&mut framer, &[text.as_bytes()]), [r#"?{"f":1}"#], "{text}");
        }
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
