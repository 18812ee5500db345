//! The same bytes in other segments.
//!
//! Owns [`segments`]: cuts anywhere, pieces out of order, sent again, and overlapping. What one side says at a time
//! is complete before the other answers, as it was where it was received. Must not know what the bytes mean.
use arbtest::arbitrary::Unstructured;
use monitor::event::Direction;

use crate::{
    choice::{chance, one, shuffle, up_to},
    disguise::Turns,
};

/// Segments that overtake each other lie within these bounds: far below what a receiver's window holds.
const WINDOW_PIECES: usize = 8;
const WINDOW_BYTES: usize = 4 << 10;

/// A piece of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Which way.
    pub(crate) direction: Direction,
    /// Where it begins.
    pub(crate) offset: usize,
    /// What was captured.
    pub(crate) bytes: Vec<u8>,
    /// How long it was.
    pub(crate) length: usize,
}

impl Segment {
    fn of(direction: Direction, offset: usize, bytes: &[u8]) -> Self {
        Self { direction, offset, bytes: bytes.to_vec(), length: bytes.len() }
    }
}

/// Each message a segment.
pub(crate) fn plain(turns: &Turns) -> Vec<Segment> {
    let mut streams = Streams::default();
    turns
        .iter()
        .map(|(direction, bytes)| {
            let offset = streams.add(*direction, bytes);
            Segment::of(*direction, offset, bytes)
        })
        .collect()
}

/// The bytes of each direction so far.
#[derive(Default)]
struct Streams([Vec<u8>; 2]);

impl Streams {
    fn of(&self, direction: Direction) -> &[u8] {
        &self.0[usize::from(direction == Direction::Ingress)]
    }

    /// Where the new bytes begin.
    fn add(&mut self, direction: Direction, bytes: &[u8]) -> usize {
        let stream = &mut self.0[usize::from(direction == Direction::Ingress)];
        stream.extend_from_slice(bytes);
        stream.len() - bytes.len()
    }
}

/// Cuts, shuffles and repeats.
pub(crate) fn segments(turns: &Turns, u: &mut Unstructured<'_>) -> Vec<Segment> {
    let mut streams = Streams::default();
    let mut out = Vec::new();
    let mut rest = turns.as_slice();
    while let Some((direction, _)) = rest.first() {
        // Messages of one side that follow each other are one stretch of bytes.
        let count = rest.iter().take_while(|(other, _)| other == direction).count();
        let (run, later) = rest.split_at(count);
        rest = later;
        let bytes = run.iter().flat_map(|(_, bytes)| bytes).copied().collect::<Vec<_>>();
        let start = streams.add(*direction, &bytes);
        let mut pieces = cut(*direction, start, &bytes, u);
        let again = chance(u, 2);
        for window in windows(&mut pieces) {
            if chance(u, 2) {
                shuffle(u, window);
            }
            for piece in window {
                let end = piece.offset + piece.bytes.len();
                out.push(piece.clone());
                if again && chance(u, 4) {
                    out.push(repeat(*direction, &streams.of(*direction)[..end], u));
                }
            }
        }
    }
    out
}

fn cut(direction: Direction, start: usize, bytes: &[u8], u: &mut Unstructured<'_>) -> Vec<Segment> {
    let most = *one(u, &[usize::MAX, 1, 2, 16, 100, 1448]);
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let left = bytes.len() - at;
        let length = if most >= left && !chance(u, 2) { left } else { 1 + up_to(u, most.min(left) - 1) };
        pieces.push(Segment::of(direction, start + at, &bytes[at..at + length]));
        at += length;
    }
    pieces
}

/// Stretches within which pieces may overtake each other.
fn windows(pieces: &mut [Segment]) -> Vec<&mut [Segment]> {
    let mut windows = Vec::new();
    let mut rest = pieces;
    while !rest.is_empty() {
        let mut bytes = 0;
        let mut fits = |piece: &Segment| {
            bytes += piece.bytes.len();
            bytes <= WINDOW_BYTES
        };
        let count =
            rest.iter().take(WINDOW_PIECES).map_while(|piece| fits(piece).then_some(())).count().max(1);
        let (window, later) = rest.split_at_mut(count);
        windows.push(window);
        rest = later;
    }
    windows
}

/// A stretch of what was sent, once more.
fn repeat(direction: Direction, sent: &[u8], u: &mut Unstructured<'_>) -> Segment {
    let from = up_to(u, sent.len() - 1);
    let length = 1 + up_to(u, (sent.len() - from - 1).min(WINDOW_BYTES));
    Segment::of(direction, from, &sent[from..from + length])
}
