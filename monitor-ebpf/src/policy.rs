//! When the payload of a socket is worth a look.
//!
//! Owns the policy of capture. A direction is *open* while bytes are wanted and *closed* otherwise:
//! - it opens at its first data, for [`limits::PAYLOAD`] bytes, if the first bytes can be mining
//!   ([`Heard`] says what that is);
//! - when they cannot, or the bytes are used up, it closes and has [`FIRST_LOOKS`] looks: each of the next
//!   segments is asked once whether it can be mining, and if so [`limits::LOOK`] bytes are captured;
//! - when what the other direction says is answered in bytes that tell nothing by themselves (HTTP, SOCKS, plain
//!   text, ciphertext), it is *invited*: its next segment opens it whatever that is;
//! - with no looks left, segments pass without being parsed until [`PAUSE_NANOS`] have gone by; then there are
//!   [`LATER_LOOKS`] more. The pause doubles each time, up to [`PAUSE_DOUBLINGS`] times, as long as no look finds
//!   what can be mining.
//!
//! So junk first and Stratum later is seen, a conversation in JSON costs at most 36 KiB at once and 4 KiB a pause,
//! and a busy download costs one map look-up per packet. Pure, so that the host can test it:
//! must not know packets (`probe/payload.rs`), maps, helpers or the agent.
#![expect(
    clippy::cast_possible_truncation,
    reason = "sequence numbers are 32 bits of a position; sizes are at most `limits::PAYLOAD`"
)]
use monitor_ebpf::limits;

mod carrier;
pub(crate) mod head;
mod words;

use head::Heard;

/// Segments that are asked after the first rejection.
const FIRST_LOOKS: u32 = 64;
/// Segments that are asked after a pause.
const LATER_LOOKS: u32 = 8;
/// Shortest pause.
const PAUSE_NANOS: u64 = 30_000_000_000;
/// The longest pause is `PAUSE_NANOS << PAUSE_DOUBLINGS`, 16 minutes.
const PAUSE_DOUBLINGS: u32 = 5;

/// Timer ticks, of 1 to 10 ms, from one reading of the time to the next: a tick costs a load, the time 60 ns.
const TICKS: u64 = 16;

/// One direction of a socket. All zeros: nothing seen yet.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Side {
    /// Position after the last byte that was looked at.
    next: u64,
    /// Bytes are captured up to this position.
    window: u64,
    /// No looks before this boot time.
    resume_at: u64,
    /// Timer tick at which the time was last read.
    asked: u64,
    /// TCP sequence number of position 0, modulo skipped bytes.
    base: u32,
    /// [`FRESH`] to [`CLOSED`].
    phase: u16,
    /// Bytes to capture whatever they are once it opens; 0 when its head decides.
    invited: u16,
    /// Looks left.
    looks: u32,
    /// Pauses since something could be mining.
    pauses: u32,
}

/// `phase` of a [`Side`]: nothing was seen.
const FRESH: u16 = 0;
/// The sequence number is known (from SYN), no data was seen.
const SYNCHRONISED: u16 = 1;
/// Bytes are wanted.
const OPEN: u16 = 2;
/// Rejected for now.
const CLOSED: u16 = 3;

/// A piece that shall be captured.
pub(crate) struct Piece {
    /// Position of its first byte.
    pub(crate) offset: u64,
    /// Bytes to capture, 1 to [`limits::PAYLOAD`].
    pub(crate) size: u32,
    /// Bytes before it were skipped.
    pub(crate) restart: bool,
}

impl Side {
    pub(crate) const NEW: Self = Self {
        next: 0,
        window: 0,
        resume_at: 0,
        asked: 0,
        base: 0,
        phase: FRESH,
        invited: 0,
        looks: 0,
        pauses: 0,
    };

    /// False when the segment can pass without being parsed.
    #[inline(always)]
    pub(crate) fn wants_a_look(&mut self, tick: impl FnOnce() -> u64, now: impl FnOnce() -> u64) -> bool {
        if self.phase != CLOSED || self.looks > 0 {
            return true;
        }
        let tick = tick();
        if tick.wrapping_sub(self.asked) < TICKS {
            return false;
        }
        self.asked = tick;
        let now = now();
        if now < self.resume_at {
            return false;
        }
        let doublings = if self.pauses < PAUSE_DOUBLINGS { self.pauses } else { PAUSE_DOUBLINGS };
        self.pauses += 1;
        self.looks = LATER_LOOKS;
        self.resume_at = now + (PAUSE_NANOS << doublings);
        true
    }

    /// A SYN: data starts behind it.
    #[inline(always)]
    pub(crate) fn synchronise(&mut self, sequence: u32) {
        if self.phase == FRESH {
            self.base = sequence.wrapping_add(1);
            self.phase = SYNCHRONISED;
        }
    }

    /// Whether the next bytes are wanted whatever they are.
    #[inline(always)]
    pub(crate) fn wants_any(&self) -> bool {
        self.phase == OPEN || self.invited != 0
    }

    /// Whether a segment with this sequence number is the first of its connection.
    #[inline(always)]
    pub(crate) fn begins(&self, sequence: u32) -> bool {
        self.phase == SYNCHRONISED && sequence == self.base
    }

    /// The other direction said something whose answer is of interest.
    #[inline(always)]
    pub(crate) fn invite(&mut self, heard: Heard) {
        if self.phase != OPEN && heard.invites() {
            self.invited = heard.budget() as u16;
            // Else it would not be parsed.
            self.looks = if self.looks == 0 { 1 } else { self.looks };
        }
    }

    /// A segment of `length` bytes with this sequence number. `heard`: what its first bytes say, of no account when
    /// any are wanted.
    #[inline(always)]
    pub(crate) fn segment(
        &mut self,
        sequence: u32,
        length: u32,
        now: impl FnOnce() -> u64,
        heard: Heard,
    ) -> Option<Piece> {
        if self.phase == OPEN {
            return self.follow(sequence, length, now);
        }
        let restart = self.phase == CLOSED;
        if restart {
            self.looks = self.looks.saturating_sub(1);
        }
        if self.phase == FRESH || restart {
            self.base = sequence.wrapping_sub(self.next as u32);
        }
        let wanted = if self.invited == 0 { heard.budget() } else { u32::from(self.invited) };
        if wanted == 0 {
            if !restart {
                self.looks = FIRST_LOOKS;
                self.close(now());
            }
            return None;
        }
        self.phase = OPEN;
        self.invited = 0;
        let budget = if restart {
            limits::LOOK as u32
        } else {
            self.looks = FIRST_LOOKS;
            wanted
        };
        self.window = self.next + u64::from(budget);
        let piece = self.follow(sequence, length, now)?;
        Some(Piece { restart, ..piece })
    }

    /// The part of a segment that lies in the open window.
    #[inline(always)]
    fn follow(&mut self, sequence: u32, length: u32, now: impl FnOnce() -> u64) -> Option<Piece> {
        let ahead = sequence.wrapping_sub(self.base.wrapping_add(self.next as u32)) as i32;
        let offset = self.next.wrapping_add(ahead as i64 as u64);
        if offset > self.next && ahead < 0 {
            return None; // before the first byte that was seen: nothing new
        }
        let end = offset + u64::from(length);
        if end > self.next {
            self.next = end;
        }
        let room = self.window.saturating_sub(offset);
        if self.next >= self.window {
            self.close(now());
        }
        let size = if u64::from(length) < room { u64::from(length) } else { room };
        if size == 0 {
            return None;
        }
        Some(Piece { offset, size: size as u32, restart: false })
    }

    #[inline(always)]
    fn close(&mut self, now: u64) {
        self.phase = CLOSED;
        self.pauses = 0;
        self.resume_at = now + PAUSE_NANOS;
    }
}

#[cfg(test)]
mod tests;
