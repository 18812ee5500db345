//! What the first bytes of a segment say.
//!
//! Owns which heads can be mining, and how much is wanted of what follows. Must not know windows and looks
//! (`policy.rs`).
use monitor_ebpf::limits;

use super::{
    carrier,
    words::{bits, equal},
};

/// The first bytes of a segment, zeros behind them.
pub(crate) type Head = [u64; limits::HEAD / 8];

/// Where a segment stands in its connection.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Sent by the socket. What clients say is heard only there: the process that mines is a client, and a server
    /// of the same protocol has no byte of its requests copied.
    pub(crate) egress: bool,
    /// It is the first of a connection that this host opened.
    pub(crate) begins: bool,
}

/// What the first bytes of a segment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing that a mining conversation says here.
    Nothing,
    /// An object of JSON: both directions of such a conversation speak it.
    Object,
    /// The beginning of something that can carry mining, whose answer tells nothing by itself.
    Carrier,
    /// Too little to tell.
    Hint,
}

impl Heard {
    /// Bytes that are wanted of a direction that begins so.
    #[inline(always)]
    pub(super) const fn budget(self) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Object | Self::Carrier => limits::PAYLOAD as u32,
            Self::Hint => limits::LOOK as u32,
        }
    }

    /// Whether the other direction is wanted as well, whatever it says.
    #[inline(always)]
    pub(super) const fn invites(self) -> bool {
        matches!(self, Self::Carrier | Self::Hint)
    }
}

/// What a segment of `length` bytes that starts with `head` says.
#[inline(always)]
pub(crate) fn heard(head: &Head, length: u32, place: Place) -> Heard {
    let carrier = if place.egress {
        carrier::client(head, length, place.begins)
    } else {
        carrier::server(head, length, place.begins)
    };
    if carrier {
        Heard::Carrier
    } else if object(head, length) || carrier::masked_object(head) {
        Heard::Object
    } else if place.egress && place.begins && carrier::part_of_a_handshake(head, length) {
        Heard::Hint
    } else {
        Heard::Nothing
    }
}

/// Whether somewhere in the head an object opens (`{`, blanks, then `"`, or `\` where it is quoted, or the end of
/// what there is), or there are only blanks so far.
#[inline(always)]
fn object(head: &Head, length: u32) -> bool {
    let (mut braces, mut quotes, mut blanks) = (0, 0, 0);
    for (index, word) in head.iter().enumerate() {
        let (word, shift) = (u64::from_le(*word), index * 8);
        braces |= bits(equal(word, b'{')) << shift;
        quotes |= bits(equal(word, b'"') | equal(word, b'\\')) << shift;
        let white = equal(word, b' ') | equal(word, b'\t') | equal(word, b'\r') | equal(word, b'\n');
        blanks |= bits(white) << shift;
    }
    // The byte behind the last ends an object that has opened as well as a quote does; so does a carry out of the
    // head, and blanks are all there is when adding to the first comes out there.
    let end = if length < limits::HEAD as u32 { 1 << (length & 63) } else { 0 };
    let (behind_blanks, all_blank) = blanks.overflowing_add(1);
    let (behind, cut) = (braces << 1).overflowing_add(blanks);
    let opened = behind & !blanks & (quotes | end) != 0 || cut || braces >> 63 != 0;
    opened || all_blank || behind_blanks & !blanks & end != 0
}

#[cfg(test)]
mod tests;
