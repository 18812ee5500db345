//! When the payload of a socket is worth a look.
//!
//! Owns the policy of capture. A direction is *open* while bytes are wanted and *closed* otherwise:
//! - it opens at its first data, for [`limits::PAYLOAD`] bytes, if the first bytes can be mining;
//! - when they cannot, or the bytes are used up, it closes and has [`FIRST_LOOKS`] looks: each of the next
//!   segments is asked once whether it can be mining, and if so [`limits::LOOK`] bytes are captured;
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
    /// A [`Phase`].
    phase: u32,
    /// Looks left.
    looks: u32,
    /// Pauses since something could be mining.
    pauses: u32,
}

/// `phase` of a [`Side`]: nothing was seen.
const FRESH: u32 = 0;
/// The sequence number is known (from SYN), no data was seen.
const SYNCHRONISED: u32 = 1;
/// Bytes are wanted.
const OPEN: u32 = 2;
/// Rejected for now.
const CLOSED: u32 = 3;

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
    pub(crate) const NEW: Self =
        Self { next: 0, window: 0, resume_at: 0, asked: 0, base: 0, phase: FRESH, looks: 0, pauses: 0 };

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
    pub(crate) fn is_open(&self) -> bool {
        self.phase == OPEN
    }

    /// A segment of `length` bytes with this sequence number. `can_be_mining`: what its first bytes say, of no
    /// account while open.
    #[inline(always)]
    pub(crate) fn segment(
        &mut self,
        sequence: u32,
        length: u32,
        now: impl FnOnce() -> u64,
        can_be_mining: bool,
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
        if !can_be_mining {
            if !restart {
                self.looks = FIRST_LOOKS;
                self.close(now());
            }
            return None;
        }
        self.phase = OPEN;
        let budget = if restart {
            limits::LOOK
        } else {
            self.looks = FIRST_LOOKS;
            limits::PAYLOAD
        };
        self.window = self.next + budget as u64;
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

/// The first bytes of a segment, zeros behind them.
pub(crate) type Head = [u64; limits::HEAD / 8];

/// Whether a segment that starts with these bytes can hold a message of a dialect that we know: somewhere in
/// the head an object opens (`{`, blanks, then `"`, or `\` where it is quoted, or the end of what there is), or there
/// are only blanks so far. `length` is the number of valid bytes.
///
/// Sets of positions, bit 0 the first byte, instead of a loop over bytes: the verifier walks every way through a
/// loop, and this has one.
#[inline(always)]
pub(crate) fn can_be_mining(head: &Head, length: u32) -> bool {
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

/// The high bit of each byte of `word` that is `byte`.
#[inline(always)]
const fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ (byte as u64 * ONES);
    !(((differs & LOW) + LOW) | differs | LOW)
}

/// The high bits of the eight bytes, which have no others, as the lowest eight bits.
#[inline(always)]
const fn bits(high: u64) -> u64 {
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// 1 in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// All but the high bit of each byte.
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;

#[cfg(test)]
mod tests;
