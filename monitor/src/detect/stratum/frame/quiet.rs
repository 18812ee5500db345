//! Lines of objects in which nothing is of interest: they are passed over, and not looked into.
//!
//! Owns [`Interest`] and the two ways past such a line: whole, or in pieces. Must leave the framer as it would be
//! had it looked into them. What is of interest, the caller says.
use memchr::memchr;

use super::{EARLY_LOOKS, Framer, LINE_MAX, Line, Partial, State};
use crate::detect::stratum::{
    junk::{Junk, is_object_line},
    object::Scan,
};

/// A line that is not complete is looked into from this length on.
const QUIET_MAX: usize = EARLY_LOOKS[0];

type Find<'a> = &'a mut dyn FnMut(&[u8]) -> Option<usize>;

/// Where in a piece something may be of interest, as the number of bytes from there to the piece's end.
pub(super) struct Interest<'a> {
    /// `None`: everywhere.
    find: Option<Find<'a>>,
    next: Option<usize>,
}

impl Interest<'static> {
    /// Everywhere.
    const fn any() -> Self {
        Self { find: None, next: None }
    }
}

impl<'a> Interest<'a> {
    /// Where `find` says.
    pub(super) fn of(find: Find<'a>) -> Self {
        Self { find: Some(find), next: None }
    }

    fn first(&mut self, bytes: &[u8]) -> Option<usize> {
        self.find.as_mut().map_or(Some(0), |find| find(bytes))
    }

    /// Whether there is none in the first `end` bytes of `rest`.
    fn is_behind(&mut self, rest: &[u8], end: usize) -> bool {
        let next = match self.next.filter(|next| *next <= rest.len()) {
            Some(next) => next,
            None => self.first(rest).map_or(0, |at| rest.len() - at),
        };
        self.next = Some(next);
        next <= rest.len() - end
    }
}

impl Framer {
    /// Goes past lines of objects in which nothing is of interest.
    pub(super) fn pass_lines<'a>(&mut self, bytes: &'a [u8], interest: &mut Interest<'_>) -> &'a [u8] {
        let mut rest = bytes;
        while rest.starts_with(b"{\"") {
            let end = memchr(b'\n', rest);
            let (line, tail) = rest.split_at(end.unwrap_or(rest.len()));
            let cap = if end.is_some() { LINE_MAX } else { QUIET_MAX };
            if line.len() >= cap || !interest.is_behind(rest, line.len()) {
                break;
            }
            if end.is_none() {
                self.state = State::Quiet;
                self.partial = Some(Box::new(Partial { scan: Scan::default(), buffer: line.to_vec() }));
                return &[];
            }
            if !is_object_line(line) {
                break;
            }
            self.junk = Junk::later();
            rest = tail.get(1..).unwrap_or_default();
        }
        rest
    }

    /// Goes on with a line that was not looked into. It is now, as soon as there is something of interest.
    pub(super) fn go_on_quietly<'a>(
        &mut self,
        bytes: &'a [u8],
        interest: &mut Interest<'_>,
        judge: &mut dyn FnMut(Line<'_>),
    ) -> &'a [u8] {
        let Some(mut partial) = self.partial.take() else { return bytes };
        let end = memchr(b'\n', bytes);
        let (new, tail) = bytes.split_at(end.unwrap_or(bytes.len()));
        let known = partial.buffer.len();
        if known + new.len() < QUIET_MAX {
            partial.buffer.extend_from_slice(new);
            if interest.first(&partial.buffer).is_none() {
                if end.is_none() {
                    self.partial = Some(partial);
                    return &[];
                }
                if is_object_line(&partial.buffer) {
                    self.end_line();
                    return tail.get(1..).unwrap_or_default();
                }
            }
        }
        self.state = State::Start;
        self.push_all(partial.buffer.get(..known).unwrap_or_default(), &mut Interest::any(), judge);
        bytes
    }
}
