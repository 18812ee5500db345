//! Finds JSON objects in the bytes of one direction.
//!
//! Owns [`Framer`]: line ends, junk, and where an object ends. Must not know what an object says, nor parse it.
//! The same bytes give the same objects, in whatever pieces they come. What is whole in one piece is not copied.
//!
//! Stratum puts one object on a line, but clients leave out the newline, put two objects on a line, or send
//! something else first. So an object is handed on when its last brace arrives. One that comes after junk is
//! handed on too, marked as guarded; one in the middle of a line of text is marked as quoted; the one that the
//! body of an HTTP message begins with has the message as its carrier.
use memchr::{memchr, memchr2};

use super::{
    carrier::Carrier,
    http::Http,
    junk::{Junk, is_object_line},
    object::{Scan, Step},
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
    /// What it came in.
    pub(super) carrier: Carrier<'a>,
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

/// One direction. What it holds of most connections is this, and nothing behind a pointer.
#[derive(Debug, Default)]
pub(super) struct Framer {
    http: Http,
    /// An object whose end did not come yet.
    partial: Option<Box<Partial>>,
    overlong: u32,
    state: State,
    /// The object began in the middle of a line.
    embedded: bool,
    /// An HTTP message's body began with the object.
    carried: bool,
    /// At least one line was junk.
    foreign: bool,
    junk: Junk,
}

#[derive(Debug, Default)]
struct Partial {
    scan: Scan,
    buffer: Vec<u8>,
}

/// Where in a piece something may be of interest, as the number of bytes from there to the piece's end.
struct Interest<'a> {
    find: &'a mut dyn FnMut(&[u8]) -> Option<usize>,
    next: Option<usize>,
}

impl Framer {
    /// Takes the next bytes and hands on each object that ends in them.
    #[cfg(test)]
    pub(super) fn push(&mut self, bytes: &[u8], judge: &mut dyn FnMut(Line<'_>)) {
        self.push_where(bytes, &mut |_| Some(0), judge);
    }

    /// Takes the next bytes and hands on each object that ends in them, but for those that are whole lines in
    /// which `find` finds nothing. `find` says where in bytes the first thing is that could be of interest.
    pub(super) fn push_where(
        &mut self,
        bytes: &[u8],
        find: &mut dyn FnMut(&[u8]) -> Option<usize>,
        judge: &mut dyn FnMut(Line<'_>),
    ) {
        let mut interest = Interest { find, next: None };
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.state == State::Start && !self.http.in_message() {
                rest = self.pass_lines(rest, &mut interest);
            }
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
        if let Some(partial) = self.partial.take() {
            self.hand_on(&partial.buffer, true, judge);
        }
        self.end_line();
        self.http = Http::default();
        self.junk = Junk::after_gap();
    }

    /// A line that is no JSON object was seen: this is, or was, another protocol.
    pub(super) const fn foreign(&self) -> bool {
        self.foreign
    }

    /// Bytes held until their object, or their line of a message's head, is complete.
    pub(super) fn held(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.buffer.len()) + self.http.held()
    }

    /// Objects that were over the cap.
    pub(super) const fn overlong_count(&self) -> u64 {
        self.overlong as u64
    }

    /// Goes past lines of objects in which nothing is of interest.
    fn pass_lines<'a>(&mut self, bytes: &'a [u8], interest: &mut Interest<'_>) -> &'a [u8] {
        let mut rest = bytes;
        while rest.starts_with(b"{\"")
            && let Some(end) = memchr(b'\n', rest).filter(|end| *end < LINE_MAX)
            && let Some((line, tail)) = rest.split_at_checked(end)
            && is_object_line(line)
            && interest.is_behind(rest, end)
        {
            self.junk = Junk::later();
            rest = tail.get(1..).unwrap_or_default();
        }
        rest
    }

    fn start<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while let Some((byte, tail)) = rest.split_first() {
            match byte {
                b' ' | b'\t' | b'\r' | 0 => {}
                b'\n' => {
                    if self.http.blank_line() {
                        return tail;
                    }
                    if self.junk.later {
                        self.end_line();
                        return tail;
                    }
                }
                _ => {
                    let body = self.http.begin_body();
                    self.carried = body && *byte == b'{';
                    if body && !self.carried {
                        self.http.forget();
                    }
                    self.state = if *byte == b'{' { State::Object } else { State::Junk };
                    return rest;
                }
            }
            rest = tail;
        }
        rest
    }

    fn object<'a>(&mut self, bytes: &'a [u8], judge: &mut dyn FnMut(Line<'_>)) -> &'a [u8] {
        let fresh = || Partial { scan: Scan::over_lines(self.carried), buffer: Vec::new() };
        let Partial { mut scan, mut buffer } = self.partial.take().map_or_else(fresh, |partial| *partial);
        let mut rest = bytes;
        let mut ours = 0;
        loop {
            let length = buffer.len() + ours;
            let room = next_look(length) - length;
            let (window, _) = rest.split_at(rest.len().min(room));
            let (used, step) = scan.run(window);
            ours += used;
            rest = rest.get(used..).unwrap_or_default();
            let new = bytes.get(..ours).unwrap_or_default();
            if step != Step::More {
                self.junk.opened |= scan.is_named() && !self.embedded;
                return self.ends(step, whole(&mut buffer, new), rest, judge);
            }
            if used < room {
                buffer.extend_from_slice(new);
                self.partial = Some(Box::new(Partial { scan, buffer }));
                return &[];
            }
            if length + used >= LINE_MAX {
                self.overlong += 1;
                self.hand_on(whole(&mut buffer, new), true, judge);
                self.state = State::Overlong;
                return rest;
            }
            judge(self.line(whole(&mut buffer.clone(), new), true));
        }
    }

    /// The object in `bytes` ends here, one way or another; says where to go on.
    fn ends<'a>(
        &mut self,
        step: Step,
        bytes: &[u8],
        rest: &'a [u8],
        judge: &mut dyn FnMut(Line<'_>),
    ) -> &'a [u8] {
        match step {
            Step::Complete | Step::More => {
                self.hand_on(bytes, false, judge);
                self.junk.closed_last = true;
                self.state = if self.embedded { State::Junk } else { State::Start };
            }
            Step::LineEnd => {
                self.hand_on(bytes, true, judge);
                self.end_line();
                return rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            Step::Broken => {
                self.junk.note_stray_brace();
                self.let_go();
                self.state = State::Junk;
            }
        }
        rest
    }

    fn hand_on(&mut self, bytes: &[u8], cut: bool, judge: &mut dyn FnMut(Line<'_>)) {
        judge(self.line(bytes, cut));
        self.let_go();
        if !self.embedded {
            self.junk.later = true;
        }
    }

    /// The object is over.
    fn let_go(&mut self) {
        if std::mem::take(&mut self.carried) {
            self.http.forget();
        }
    }

    fn line<'a>(&'a self, bytes: &'a [u8], cut: bool) -> Line<'a> {
        let quoted = self.embedded && self.junk.is_text();
        let carrier = if self.carried { self.http.carrier() } else { Carrier::Line };
        Line { bytes, cut, guarded: self.embedded || self.foreign, quoted, carrier }
    }

    fn junk<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (line, rest) = bytes.split_at(memchr2(b'\n', b'{', bytes).unwrap_or(bytes.len()));
        match rest.split_first() {
            Some((b'\n', rest)) => {
                if !self.foreign {
                    self.junk.note(line);
                    self.foreign = !self.junk.is_tail() && !self.junk.is_object();
                }
                self.http.end_line(line);
                self.end_line();
                rest
            }
            other => {
                self.junk.note(line);
                self.http.note(line);
                if other.is_some() {
                    self.embedded = true;
                    self.state = State::Object;
                }
                rest
            }
        }
    }

    fn overlong<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(end) = memchr(b'\n', bytes) else { return &[] };
        self.end_line();
        bytes.get(end + 1..).unwrap_or_default()
    }

    fn end_line(&mut self) {
        self.state = State::Start;
        self.embedded = false;
        self.junk = Junk::later();
    }
}

impl Interest<'_> {
    /// Whether there is none in the first `end` bytes of `rest`.
    fn is_behind(&mut self, rest: &[u8], end: usize) -> bool {
        let next = match self.next.filter(|next| *next <= rest.len()) {
            Some(next) => next,
            None => (self.find)(rest).map_or(0, |at| rest.len() - at),
        };
        self.next = Some(next);
        next <= rest.len() - end
    }
}

/// The length at which an object of `length` bytes is looked at next.
fn next_look(length: usize) -> usize {
    EARLY_LOOKS.into_iter().find(|look| *look > length).unwrap_or(LINE_MAX)
}

/// What was held and what is new, together.
fn whole<'a>(held: &'a mut Vec<u8>, new: &'a [u8]) -> &'a [u8] {
    if held.is_empty() {
        return new;
    }
    held.extend_from_slice(new);
    held
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
