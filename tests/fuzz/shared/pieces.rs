//! Pieces of conversations as bytes that a fuzzer can change.
//!
//! Owns the encoding: for each piece a byte of flags, two bytes of length, what the flags ask for, and the payload as
//! it is, so that a dictionary's words fit in. Must not know mining.
use bytes::Bytes;
use monitor::event::{BootTime, Direction, Ends, FlowId, Payload};

/// Sent by the server.
pub(crate) const INGRESS: u8 = 0x01;
/// Bytes before it were skipped on purpose.
pub(crate) const RESTART: u8 = 0x02;
/// Two more bytes: how far from where it belongs, signed.
pub(crate) const MOVED: u8 = 0x04;
/// Two more bytes: how many bytes of it were not captured.
pub(crate) const CUT: u8 = 0x08;
/// One more byte: how many eighths of a second passed before it.
pub(crate) const LATER: u8 = 0x10;
/// The conversation ends behind it.
pub(crate) const CLOSE: u8 = 0x20;
/// The conversation, in the two highest bits.
pub(crate) const FLOW_SHIFT: u32 = 6;
/// Conversations at a time.
pub(crate) const FLOWS: usize = 4;

/// What happens to a conversation.
#[derive(Debug)]
pub(crate) struct Step {
    /// When.
    pub(crate) at: BootTime,
    /// The piece.
    pub(crate) payload: Payload,
    /// Nothing follows.
    pub(crate) close: bool,
}

/// Reads steps until the bytes run out.
pub(crate) struct Steps<'a> {
    rest: &'a [u8],
    now: u64,
    next: [[u64; 2]; FLOWS],
}

impl<'a> Steps<'a> {
    /// From a fuzzer's bytes.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, now: 0, next: [[0; 2]; FLOWS] }
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn pair(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let flags = self.byte()?;
        let length = usize::from(self.pair()?);
        let has = |flag: u8| flags & flag != 0;
        let moved = if has(MOVED) { self.pair()?.cast_signed() } else { 0 };
        let missing = if has(CUT) { self.pair()? } else { 0 };
        self.now += if has(LATER) { u64::from(self.byte()?) * 125_000_000 } else { 1_000_000 };
        let (bytes, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        let flow = usize::from(flags >> FLOW_SHIFT);
        let next = &mut self.next[flow][usize::from(has(INGRESS))];
        // Below zero it is at the other end of the range.
        let offset = next.wrapping_add_signed(i64::from(moved));
        let length = u32::try_from(bytes.len()).ok()? + u32::from(missing);
        *next = next.wrapping_add(u64::from(length));
        let payload = Payload {
            flow: FlowId(flow as u64),
            ends: Ends { local: ([192, 0, 2, 10], 40_001).into(), remote: ([198, 51, 100, 20], 3333).into() },
            direction: if has(INGRESS) { Direction::Ingress } else { Direction::Egress },
            offset,
            bytes: Bytes::copy_from_slice(bytes),
            length,
            restart: has(RESTART),
        };
        Some(Step { at: BootTime(self.now), payload, close: has(CLOSE) })
    }
}
