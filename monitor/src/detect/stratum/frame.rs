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

use self::quiet::Interest;
use super::{
    carrier::Carrier,
    http::Http,
    junk::Junk,
    object::{Scan, Step, may_follow_brace},
};

mod quiet;
#[cfg(test)]
mod tests;
mod text;

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

impl Line<'_> {
    /// Less of it was handed on before.
    pub(super) const fn was_looked_at(&self) -> bool {
        let [first, ..] = EARLY_LOOKS;
        self.bytes.len() > first
    }
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
    /// In a line that begins as an object and has nothing of interest so far: it was not looked into.
    Quiet,
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
        self.push_all(bytes, &mut Interest::of(find), judge);
    }

    fn push_all(&mut self, bytes: &[u8], interest: &mut Interest<'_>, judge: &mut dyn FnMut(Line<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.state == State::Quiet {
                rest = self.go_on_quietly(rest, interest, judge);
            }
            if self.state == State::Start && !self.junk.opened && !self.http.in_message() {
                rest = self.pass_lines(rest, interest);
            }
            let body = self.http.left().map(|left| usize::try_from(left).unwrap_or(usize::MAX));
            let (part, later) = rest.split_at(rest.len().min(body.unwrap_or(usize::MAX)));
            let left = match self.state {
                State::Start => self.start(part),
                State::Object => self.object(part, judge),
                State::Junk => self.junk(part),
                State::Overlong => self.overlong(part),
                State::Quiet => &[],
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
        if let Some(partial) = self.partial.take().filter(|_| self.state == State::Object) {
            self.hand_on(&partial.buffer, true, judge);
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

    /// Bytes held until their object, or their line of a message's head, is complete.
    pub(super) fn held(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.buffer.len()) + self.http.held()
    }

    /// Objects that were over the cap.
    pub(super) const fn overlong_count(&self) -> u64 {
        self.overlong as u64
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
                self.http.note(bytes);
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

    /// Goes on over lines, as long as they are no objects.
    fn junk<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut line = bytes;
        let mut end = 0;
        while let Some(more) = line.get(end..).and_then(|rest| memchr2(b'\n', b'{', rest)) {
            end += more;
            let (part, rest) = line.split_at(end);
            match rest {
                [b'\n', rest @ ..] => {
                    let alike = self.end_junk(part);
                    let rest = self.pass_text(rest);
                    if !alike || !rest.first().is_some_and(|first| begins_junk(*first)) {
                        return rest;
                    }
                    self.state = State::Junk;
                    (line, end) = (rest, 0);
                }
                [_, next, ..] if !may_follow_brace(*next) => {
                    self.junk.note_stray_brace();
                    end += 1;
                }
                _ => {
                    self.junk.note(part);
                    self.http.note(part);
                    self.embedded = true;
                    self.state = State::Object;
                    return rest;
                }
            }
        }
        self.junk.note(line);
        self.http.note(line);
        &[]
    }

    /// A line of junk ends with `part`. True when what follows is read as it was.
    fn end_junk(&mut self, part: &[u8]) -> bool {
        if !self.foreign {
            self.junk.note(part);
            self.foreign = !self.junk.is_tail() && !self.junk.is_object();
        }
        self.end_line();
        self.http.end_line(part)
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

/// A line that begins so is no object, and not empty.
const fn begins_junk(first: u8) -> bool {
    !matches!(first, b' ' | b'\t' | b'\r' | b'\n' | 0 | b'{')
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
