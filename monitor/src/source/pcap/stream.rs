//! One direction of a TCP conversation: from sequence numbers to offsets.
//!
//! Owns the unwrapping of 32-bit sequence numbers. Must not know addresses, nor bytes: retransmitted and reordered
//! segments keep their true offset, and the detector puts them together.

/// Where a direction stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of offset 0: after the SYN where one was seen, else of the first byte captured.
    origin: Option<u32>,
    /// End of the furthest byte seen.
    reach: u64,
    /// The sender has closed its side.
    pub(super) finished: bool,
}

/// Where a segment lies in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Offset of its first byte that lies in the stream.
    pub(super) offset: u64,
    /// Bytes before that one: they were sent before the capture's first.
    pub(super) skipped: u32,
}

impl Stream {
    /// Begins at `sequence`.
    pub(super) fn begin(&mut self, sequence: u32) {
        self.origin = Some(sequence);
    }

    /// Whether a SYN that makes `sequence` the first byte belongs to this stream.
    pub(super) fn fits(&self, sequence: u32) -> bool {
        self.origin.is_none_or(|origin| origin == sequence)
    }

    /// Whether a segment of `length` bytes brings any that lie beyond all seen so far.
    pub(super) fn extends(&self, sequence: u32, length: u32) -> bool {
        let end = self.nearest(sequence).saturating_add(i64::from(length));
        end > self.reach.cast_signed()
    }

    /// Places a segment of `length` bytes; `None` when it lies before the first byte captured as a whole.
    pub(super) fn place(&mut self, sequence: u32, length: u32) -> Option<Place> {
        if self.origin.is_none() {
            self.begin(sequence);
        }
        let start = self.nearest(sequence);
        let skipped = u32::try_from(start.min(0).unsigned_abs()).unwrap_or(u32::MAX);
        if skipped >= length {
            return None;
        }
        let offset = start.max(0).unsigned_abs();
        self.reach = self.reach.max(offset + u64::from(length - skipped));
        Some(Place { offset, skipped })
    }

    /// The offset of `sequence` that is nearest to what was seen last; negative before the origin.
    fn nearest(&self, sequence: u32) -> i64 {
        let relative = sequence.wrapping_sub(self.origin.unwrap_or(sequence));
        // The low half of the reach is what a 32-bit sequence number can say of it.
        let low = u32::try_from(self.reach & u64::from(u32::MAX)).unwrap_or_default();
        let distance = relative.wrapping_sub(low).cast_signed();
        self.reach.cast_signed().saturating_add(i64::from(distance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Option<Place> {
        Some(Place { offset, skipped: 0 })
    }

    #[test]
    fn offsets_count_from_the_first_byte_seen() {
        let mut stream = Stream::default();
        assert_eq!(stream.place(7_000, 10), at(0));
        assert_eq!(stream.place(7_030, 5), at(30));
        assert_eq!(stream.place(7_010, 20), at(10));
    }

    #[test]
    fn after_a_syn_a_late_first_segment_is_still_the_first() {
        let mut stream = Stream::default();
        stream.begin(100);
        assert_eq!(stream.place(110, 10), at(10));
        assert_eq!(stream.place(100, 10), at(0));
    }

    #[test]
    fn sequence_numbers_wrap_and_offsets_do_not() {
        let mut stream = Stream::default();
        stream.begin(u32::MAX - 99);
        let mut sequence = u32::MAX - 99;
        for turn in 0..40u64 {
            assert_eq!(stream.place(sequence, 1 << 28), at(turn << 28));
            sequence = sequence.wrapping_add(1 << 28);
        }
        // A retransmission from before the last wrap.
        assert_eq!(stream.place(sequence.wrapping_sub(1 << 30), 50), at((40 << 28) - (1 << 30)));
    }

    #[test]
    fn bytes_from_before_the_capture_are_left_out() {
        let mut stream = Stream::default();
        stream.place(1_000, 10);
        assert_eq!(stream.place(990, 10), None);
        assert_eq!(stream.place(995, 10), Some(Place { offset: 0, skipped: 5 }));
    }

    #[test]
    fn a_retransmission_does_not_extend() {
        let mut stream = Stream::default();
        stream.place(1_000, 10);
        assert!(!stream.extends(1_000, 10));
        assert!(stream.extends(1_005, 6));
    }
}
