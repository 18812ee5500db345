//! Puts the pieces of one direction of a TCP stream in order.
//!
//! Owns [`Stream`]: what was delivered, and a small buffer for pieces that came too early. Must not know lines,
//! JSON or mining. Bytes leave once and in order; what is lost leaves as [`Piece::Gap`].
use std::{collections::BTreeMap, time::Duration};

use crate::event::{BootTime, Payload};

/// Early bytes kept for one direction before its hole is given up: twice what the kernel side captures at a time.
const EARLY_BYTES: usize = 8 << 10;
/// Early pieces kept for one direction before its hole is given up.
const EARLY_PIECES: usize = 16;
/// A hole this old is given up when the flow moves next: a retransmission comes within seconds (RFC 6298
/// starts at 1 s), a lost record never.
const HOLE_AGE: Duration = Duration::from_secs(2);
/// A first piece further in than this is where we came in, not one that overtook the stream's start.
const START_WINDOW: u64 = 4 << 10;

/// What the stream hands on.
pub(super) enum Piece<'a> {
    /// The next bytes.
    Bytes(&'a [u8]),
    /// Bytes are missing here and will not come.
    Gap,
}

/// One direction. Most never see a piece out of order, so what is kept for that is apart.
#[derive(Debug, Default)]
pub(super) struct Stream {
    next: u64,
    early: Option<Box<Waiting>>,
    gaps: u32,
    started: bool,
}

/// Pieces behind a hole, by their offset.
#[derive(Debug, Default)]
struct Waiting {
    pieces: BTreeMap<u64, Early>,
    bytes: usize,
}

#[derive(Debug)]
struct Early {
    at: BootTime,
    bytes: Box<[u8]>,
    length: u64,
}

impl Stream {
    /// Takes a piece and feeds what is in order now.
    pub(super) fn push(&mut self, at: BootTime, piece: &Payload, feed: &mut dyn FnMut(Piece<'_>)) {
        let length = u64::from(piece.length).max(piece.bytes.len() as u64);
        if piece.restart {
            self.early = None;
            self.jump(piece.offset, feed);
        } else if !self.started && piece.offset > START_WINDOW {
            self.jump(piece.offset, feed);
        }
        self.started = true;
        if piece.offset <= self.next {
            self.deliver(piece.offset, &piece.bytes, length, feed);
        } else {
            let early = Early { at, bytes: piece.bytes.as_ref().into(), length };
            self.early.get_or_insert_default().keep(piece.offset, early);
        }
        if self.early.is_some() {
            self.drain(feed);
            self.give_up(at, feed);
        }
    }

    /// Nothing more will come: every hole is given up, and what lies behind it is fed.
    pub(super) fn finish(&mut self, feed: &mut dyn FnMut(Piece<'_>)) {
        while let Some(offset) = self.first().map(|(offset, _)| offset) {
            self.give_up_one(offset, feed);
        }
    }

    /// Something of it was seen.
    pub(super) const fn has_begun(&self) -> bool {
        self.started
    }

    /// When the first of the pieces came that wait behind a hole.
    pub(super) fn waits_since(&self) -> Option<BootTime> {
        self.early.as_ref()?.pieces.values().map(|early| early.at).min()
    }

    /// Bytes held because something before them is missing.
    pub(super) fn held(&self) -> usize {
        self.early.as_ref().map_or(0, |early| early.bytes)
    }

    /// Pieces that were not captured whole, and holes that were given up.
    pub(super) const fn gaps(&self) -> u64 {
        self.gaps as u64
    }

    fn first(&self) -> Option<(u64, BootTime)> {
        let (offset, early) = self.early.as_ref()?.pieces.first_key_value()?;
        Some((*offset, early.at))
    }

    fn jump(&mut self, offset: u64, feed: &mut dyn FnMut(Piece<'_>)) {
        self.next = offset;
        feed(Piece::Gap);
    }

    /// `offset` is at or before `next`: what was delivered before is not delivered again.
    fn deliver(&mut self, offset: u64, bytes: &[u8], length: u64, feed: &mut dyn FnMut(Piece<'_>)) {
        let known = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
        if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
            feed(Piece::Bytes(new));
            self.next = offset.saturating_add(bytes.len() as u64);
        }
        let end = offset.saturating_add(length);
        if end > self.next {
            self.gaps += 1;
            self.jump(end, feed);
        }
    }

    fn drain(&mut self, feed: &mut dyn FnMut(Piece<'_>)) {
        while let Some((offset, early)) = self.early.as_mut().and_then(|early| early.take(self.next)) {
            self.deliver(offset, &early.bytes, early.length, feed);
        }
        if self.early.as_ref().is_some_and(|early| early.pieces.is_empty()) {
            self.early = None;
        }
    }

    fn give_up(&mut self, at: BootTime, feed: &mut dyn FnMut(Piece<'_>)) {
        while let Some((offset, came)) = self.first() {
            if !self.early.as_ref().is_some_and(|early| early.is_full()) && at.since(came) <= HOLE_AGE {
                break;
            }
            self.give_up_one(offset, feed);
        }
    }

    fn give_up_one(&mut self, offset: u64, feed: &mut dyn FnMut(Piece<'_>)) {
        self.gaps += 1;
        self.jump(offset, feed);
        self.drain(feed);
    }
}

impl Waiting {
    /// Of two pieces at one place the longer is kept.
    fn keep(&mut self, offset: u64, early: Early) {
        let longer = self.pieces.get(&offset).is_none_or(|kept| kept.bytes.len() < early.bytes.len());
        if longer {
            self.bytes += early.bytes.len();
            let kept = self.pieces.insert(offset, early);
            self.bytes -= kept.map_or(0, |kept| kept.bytes.len());
        }
    }

    /// The first piece, when it begins at or before `next`.
    fn take(&mut self, next: u64) -> Option<(u64, Early)> {
        let entry = self.pieces.first_entry().filter(|entry| *entry.key() <= next)?;
        let (offset, early) = entry.remove_entry();
        self.bytes -= early.bytes.len();
        Some((offset, early))
    }

    fn is_full(&self) -> bool {
        self.bytes > EARLY_BYTES || self.pieces.len() > EARLY_PIECES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::stratum::tests::fixture::piece;

    /// Second, offset and text of a piece.
    type Sent<'a> = (u64, u64, &'a str);

    /// What came out, with `|` for a gap.
    fn run(pieces: &[Sent<'_>]) -> (String, Stream) {
        let mut stream = Stream::default();
        let mut out = String::new();
        for (seconds, offset, text) in pieces {
            let at = BootTime(seconds * 1_000_000_000);
            stream.push(at, &piece(*offset, text.as_bytes()), &mut |piece| match piece {
                Piece::Bytes(bytes) => out.push_str(std::str::from_utf8(bytes).unwrap()),
                Piece::Gap => out.push('|'),
            });
        }
        (out, stream)
    }

    #[test]
    fn pieces_leave_once_and_in_order() {
        let cases: [(&str, &[Sent<'_>]); 6] = [
            ("in order", &[(0, 0, "abc"), (0, 3, "def"), (0, 6, "ghi")]),
            ("retransmitted", &[(0, 0, "abc"), (0, 0, "abc"), (0, 3, "defghi"), (0, 3, "def")]),
            ("overlapping", &[(0, 0, "abcde"), (0, 2, "cdefg"), (0, 1, "bcdefghi")]),
            ("out of order", &[(0, 6, "ghi"), (0, 3, "def"), (0, 0, "abc")]),
            ("early overlap", &[(0, 0, "ab"), (0, 4, "ef"), (0, 4, "efghi"), (0, 5, "fg"), (0, 2, "cdef")]),
            ("keepalive probe", &[(0, 0, "abcdef"), (0, 5, "f"), (0, 6, "ghi")]),
        ];
        for (name, pieces) in cases {
            let (out, stream) = run(pieces);
            assert_eq!(out, "abcdefghi", "{name}");
            assert_eq!((stream.held(), stream.gaps()), (0, 0), "{name}");
        }
    }

    #[test]
    fn what_was_delivered_first_wins() {
        assert_eq!(run(&[(0, 0, "abc"), (0, 0, "XYZd")]).0, "abcd");
    }

    #[test]
    fn an_old_hole_becomes_a_gap() {
        assert_eq!(run(&[(0, 0, "ab"), (0, 4, "ef"), (1, 6, "gh")]).0, "ab");
        assert_eq!(run(&[(0, 0, "ab"), (0, 4, "ef"), (3, 6, "gh")]).0, "ab|efgh");
        assert_eq!(
            run(&[(0, 0, "ab"), (0, 4, "ef"), (0, 9, "jk"), (3, 11, "l"), (3, 2, "cd")]).0,
            "ab|ef|jkl"
        );
    }

    #[test]
    fn what_lies_behind_a_hole_is_fed_at_the_end() {
        let (out, mut stream) = run(&[(0, 0, "ab"), (1, 4, "ef"), (1, 9, "jk")]);
        assert_eq!((out.as_str(), stream.waits_since()), ("ab", Some(BootTime(1_000_000_000))));
        let mut rest = String::new();
        stream.finish(&mut |piece| match piece {
            Piece::Bytes(bytes) => rest.push_str(std::str::from_utf8(bytes).unwrap()),
            Piece::Gap => rest.push('|'),
        });
        assert_eq!((rest.as_str(), stream.held(), stream.gaps()), ("|ef|jk", 0, 2));
        stream.finish(&mut |_| panic!("nothing is left"));
    }

    #[test]
    fn early_bytes_and_pieces_are_bounded() {
        let mut stream = Stream::default();
        let mut gaps = 0;
        for n in 0..1000_u64 {
            let early = piece(1 + n * 300, &[b'x'; 200]);
            stream.push(BootTime(0), &early, &mut |piece| gaps += u64::from(matches!(piece, Piece::Gap)));
            assert!(
                stream.held() <= EARLY_BYTES
                    && stream.early.as_ref().is_none_or(|early| early.pieces.len() <= EARLY_PIECES)
            );
        }
        assert_eq!(stream.gaps(), gaps);
        assert!(gaps >= 1000 - EARLY_PIECES as u64, "{gaps}");
    }

    #[test]
    fn a_cut_piece_is_followed_by_a_gap() {
        let mut stream = Stream::default();
        let mut out = String::new();
        let mut cut = piece(0, b"abc");
        cut.length = 10;
        for piece in [cut.clone(), cut, piece(10, b"def")] {
            stream.push(BootTime(0), &piece, &mut |piece| match piece {
                Piece::Bytes(bytes) => out.push_str(std::str::from_utf8(bytes).unwrap()),
                Piece::Gap => out.push('|'),
            });
        }
        assert_eq!(out, "abc|def");
    }

    #[test]
    fn a_restart_follows_nothing() {
        let mut stream = Stream::default();
        let mut out = String::new();
        let mut again = piece(100_000, b"def");
        again.restart = true;
        for piece in [piece(0, b"abc"), piece(50, b"early"), again, piece(100_003, b"ghi")] {
            stream.push(BootTime(0), &piece, &mut |piece| match piece {
                Piece::Bytes(bytes) => out.push_str(std::str::from_utf8(bytes).unwrap()),
                Piece::Gap => out.push('|'),
            });
        }
        assert_eq!((out.as_str(), stream.held()), ("abc|defghi", 0));
    }

    #[test]
    fn offsets_at_the_end_of_the_range_do_not_overflow() {
        assert_eq!(run(&[(0, u64::MAX - 1, "abc"), (0, u64::MAX, "d")]).0, "|abcd");
        let mut cut = piece(u64::MAX - 1, b"a");
        cut.length = u32::MAX;
        Stream::default().push(BootTime(0), &cut, &mut |_| ());
    }
}
