//! What may lie around a mining conversation, or be one without JSON: tunnels, WebSocket, Duino-Coin's lines, Stratum V2.
//!
//! Owns [`Layers`], both directions of one conversation, between `stream` and `frame`. Must not know what a JSON
//! object says. The first bytes of a direction decide ([`sniff`]); most conversations are none of these and keep
//! nothing. Tunnels are peeled: what follows begins a stream of its own. Bytes are handed on to the framer as they
//! are, whatever they are taken for here, except those of WebSocket frames, so nothing hides in a layer.
use super::{
    dialect::{Purpose, Reply, Request},
    shape,
    stream::Piece,
};
use crate::event::Direction;

mod duino;
mod head;
mod noise;
mod open;
mod sniff;
mod socks;
mod sv2;
mod way;
mod websocket;

use noise::Noise;
use open::Open;
use sniff::{Kind, Place};

#[cfg(test)]
pub(super) use noise::tests as noise_fixture;
#[cfg(test)]
pub(super) use sv2::tests as sv2_fixture;
#[cfg(test)]
pub(super) use websocket::tests as websocket_fixture;

/// What is handed on.
pub(super) enum Told<'a> {
    /// Bytes of the direction that was pushed.
    Bytes(&'a [u8]),
    /// Bytes are missing in it.
    Gap,
    /// What follows in it begins a stream of its own.
    Fresh,
    /// A client's message that is no JSON; which way it went.
    Asks(Direction, Request),
    /// A pool's answer to a request with this purpose.
    Answers(Direction, Purpose, Reply),
    /// A pool's message that nobody asked for.
    Pushes(Direction, Reply),
    /// A handshake of Stratum V2; which way the client's messages go.
    Handshake(Direction),
}

/// Takes what is handed on.
pub(super) type Tell<'a> = dyn FnMut(Told<'_>) + 'a;

/// How far a negotiation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    Done,
    Failed,
}

/// One conversation.
#[derive(Debug, Default)]
pub(super) enum Layers {
    /// Nothing came yet.
    #[default]
    New,
    /// The middle of a conversation: only what is told without its beginning counts.
    Late,
    /// One direction is plain, the other has not spoken.
    Half(Direction),
    /// Something may be here, or is.
    Open(Box<Open>),
    /// Nothing is.
    Plain,
}

impl Layers {
    /// Takes the next piece of a direction.
    pub(super) fn push(&mut self, direction: Direction, piece: &Piece<'_>, tell: &mut Tell<'_>) {
        match piece {
            Piece::Gap => self.gap(direction, tell),
            Piece::Bytes(bytes) => self.bytes(direction, bytes, tell),
        }
    }

    /// Nothing more will come in this direction.
    pub(super) fn finish(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        if let Self::Open(open) = self {
            open.flush(direction, tell);
            open.turn(direction, tell);
        }
    }

    /// The pool that a tunnel was asked for, or that a WebSocket client names.
    pub(super) fn target(&self) -> Option<&str> {
        match self {
            Self::Open(open) => open.target(),
            _ => None,
        }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Open(open) => open.held(),
            _ => 0,
        }
    }

    /// Messages that were compressed.
    pub(super) fn unreadable(&self) -> u64 {
        match self {
            Self::Open(open) => open.unreadable(),
            _ => 0,
        }
    }

    fn gap(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        match self {
            Self::Open(open) => open.gap(direction, tell),
            _ => *self = Self::Late,
        }
        tell(Told::Gap);
    }

    fn bytes(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) {
        match self {
            Self::Plain => return tell(Told::Bytes(bytes)),
            Self::Half(plain) if *plain == direction => return tell(Told::Bytes(bytes)),
            Self::Open(_) => {}
            _ => {
                let late = !matches!(self, Self::New);
                let half = matches!(self, Self::Half(_));
                let place = if late { Place::Late } else { Place::First };
                let plain = sniff::decide(bytes, place) == Some(Kind::Plain);
                let plain = plain && (late || !Noise::may_begin(bytes));
                if plain || (!late && head::is_of_no_tunnel(bytes)) {
                    *self = if half { Self::Plain } else { Self::Half(direction) };
                    return tell(Told::Bytes(bytes));
                }
                *self = Self::Open(Box::new(Open::begin(direction, late)));
            }
        }
        if let Self::Open(open) = self {
            open.push(direction, bytes, tell);
            if open.is_plain() {
                *self = Self::Plain;
            } else if open.is_half(direction) {
                *self = Self::Half(direction);
            }
        }
    }
}

/// A host name that was checked, with its port.
fn host_and_port(host: &str, port: u16) -> Option<String> {
    shape::pool(host, Some(&port.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the framer gets of one direction, in pieces of at most `size` bytes.
    fn passed(bytes: &[u8], size: usize) -> Vec<u8> {
        let mut layers = Layers::default();
        let mut out = Vec::new();
        let mut tell = |told: Told<'_>| {
            if let Told::Bytes(bytes) = told {
                out.extend_from_slice(bytes);
            }
        };
        for part in bytes.chunks(size) {
            layers.push(Direction::Egress, &Piece::Bytes(part), &mut tell);
        }
        layers.finish(Direction::Egress, &mut tell);
        out
    }

    #[test]
    fn bytes_are_handed_on_whatever_they_are_taken_for() {
        let heads: [&[u8]; 12] = [
            b"",
            b"{\"id\":1}\n",
            b"4.3",
            b"12,34,",
            b"9f86d081884c7d65",
            b"JOB,alice\n",
            b"\x05\x01\x00\x05\x01\x00\x03\x03a.b\x00\x50",
            b"\x05\x01\x00\x05\x02",
            b"\x04\x01\x0d\x05\x01\x02\x03\x04me\0",
            b"CONNECT a.b:1 HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\0\0\0\x14\0\0\0\x02\0\x02\0",
        ];
        for head in heads {
            for seed in 0..40 {
                // Random text, and line ends in it; nothing that begins a frame.
                let tail = noise_fixture::random(seed, 300).into_iter().map(|byte| byte & 0x7f);
                let bytes: Vec<u8> = head.iter().copied().chain(tail).collect();
                for size in [1, 3, 16, 64, 1000] {
                    assert_eq!(passed(&bytes, size), bytes, "{} in {size}", bytes.escape_ascii());
                }
            }
        }
    }
}
