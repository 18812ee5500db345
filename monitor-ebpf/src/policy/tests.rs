//! The policy of capture: windows, looks, pauses, invitations and sequence numbers.
use std::cell::Cell;

use super::*;

const SECOND: u64 = 1_000_000_000;
/// `HZ` of Debian's kernels.
const TICK: u64 = SECOND / 250;

/// A direction with a clock of its own.
struct Stream {
    side: Side,
    now: Cell<u64>,
}

impl Stream {
    fn new() -> Self {
        Self { side: Side::NEW, now: Cell::new(1) }
    }

    fn wait(&self, seconds: u64) {
        self.now.set(self.now.get() + seconds * SECOND);
    }

    /// Whether the segment was parsed, and what was captured of it: position, bytes, restart.
    fn take(&mut self, sequence: u32, length: u32, mining: bool) -> (bool, Option<(u64, u32, bool)>) {
        self.hear(sequence, length, if mining { Heard::Object } else { Heard::Nothing })
    }

    fn hear(&mut self, sequence: u32, length: u32, heard: Heard) -> (bool, Option<(u64, u32, bool)>) {
        if !self.side.wants_a_look(|| self.now.get() / TICK, || self.now.get()) {
            return (false, None);
        }
        // As the programs do: when any are wanted the head is not looked at.
        let heard = if self.side.wants_any() { Heard::Nothing } else { heard };
        let piece = self.side.segment(sequence, length, || self.now.get(), heard);
        (true, piece.map(|piece| (piece.offset, piece.size, piece.restart)))
    }

    fn piece(&mut self, sequence: u32, length: u32, mining: bool) -> Option<(u64, u32, bool)> {
        self.take(sequence, length, mining).1
    }

    /// How many of `count` segments of 100 bytes were parsed, and how many bytes of them captured.
    fn run(&mut self, sequence: &mut u32, count: u32, mining: bool) -> (u32, u32) {
        let (mut parsed, mut captured) = (0, 0);
        for _ in 0..count {
            let (looked, piece) = self.take(*sequence, 100, mining);
            *sequence = sequence.wrapping_add(100);
            parsed += u32::from(looked);
            captured += piece.map_or(0, |(_, size, _)| size);
        }
        (parsed, captured)
    }
}

#[test]
fn positions_count_from_the_syn_and_across_the_wrap_of_the_sequence() {
    let mut stream = Stream::new();
    stream.side.synchronise(u32::MAX - 10);
    assert_eq!(stream.piece(u32::MAX - 9, 20, true), Some((0, 20, false)));
    assert_eq!(stream.piece(10, 5, true), Some((20, 5, false)), "after the wrap");
    stream.side.synchronise(77);
    assert_eq!(stream.piece(15, 5, true), Some((25, 5, false)), "a late SYN changes nothing");
}

#[test]
fn without_a_syn_the_first_segment_is_position_zero_and_what_was_before_is_left_out() {
    let mut stream = Stream::new();
    assert_eq!(stream.piece(5, 10, true), Some((0, 10, false)));
    assert_eq!(stream.piece(u32::MAX, 6, true), None, "sent before the first segment that was seen");
    assert_eq!(stream.piece(15, 10, true), Some((10, 10, false)));
}

#[test]
fn a_segment_out_of_order_and_one_sent_again_keep_their_positions() {
    let mut stream = Stream::new();
    stream.side.synchronise(999);
    assert_eq!(stream.piece(1100, 100, true), Some((100, 100, false)), "the first one got lost");
    assert_eq!(stream.piece(1000, 100, true), Some((0, 100, false)));
    assert_eq!(stream.piece(1000, 100, true), Some((0, 100, false)), "again");
    assert_eq!(stream.piece(1150, 100, true), Some((150, 100, false)), "half of it again");
    assert_eq!(stream.piece(1250, 1, true), Some((250, 1, false)));
}

#[test]
fn the_window_cuts_a_long_segment_and_closes() {
    let mut stream = Stream::new();
    let payload = u32::try_from(limits::PAYLOAD).unwrap();
    assert_eq!(stream.piece(0, 100, true), Some((0, 100, false)));
    assert_eq!(stream.piece(100, 60_000, true), Some((100, payload - 100, false)));
    assert_eq!(stream.side.phase, CLOSED);
    let look = u32::try_from(limits::LOOK).unwrap();
    assert_eq!(stream.piece(60_100, 1_000, true), Some((60_100, look, true)), "a look starts anew");
    assert_eq!(stream.piece(61_100, 10, false), None);
}

#[test]
fn a_segment_behind_the_window_closes_it_without_a_piece() {
    let mut stream = Stream::new();
    assert_eq!(stream.piece(0, 1, true), Some((0, 1, false)));
    assert_eq!(stream.piece(1_000_000, 100, true), None);
    assert_eq!(stream.side.phase, CLOSED);
    assert_eq!(stream.piece(1_000_100, 100, true), Some((1_000_100, 100, true)));
}

#[test]
fn what_cannot_be_mining_has_its_looks_and_then_pauses_that_double() {
    let (mut stream, mut sequence) = (Stream::new(), 0);
    assert_eq!(stream.run(&mut sequence, 1_000, false), (1 + FIRST_LOOKS, 0));
    let mut pause = 30;
    for count in 0..10 {
        stream.wait(pause - 1);
        assert_eq!(stream.run(&mut sequence, 100, false).0, 0, "{pause} s have not gone by");
        stream.wait(2);
        assert_eq!(stream.run(&mut sequence, 100, false), (LATER_LOOKS, 0));
        pause = if count == 0 { 30 } else { (pause * 2).min(960) };
    }
    assert_eq!(pause, 960);
}

#[test]
fn the_time_is_read_rarely_however_many_segments_pass() {
    let (mut stream, mut sequence) = (Stream::new(), 0);
    stream.run(&mut sequence, 100, false);
    let readings = Cell::new(0);
    for step in 0..1_000_000 {
        let time = || {
            readings.set(readings.get() + 1);
            step * SECOND / 100_000
        };
        stream.side.wants_a_look(|| step * 250 / 100_000, time);
    }
    assert!(readings.get() > 100 && readings.get() < 200, "{} readings in 10 s", readings.get());
}

#[test]
fn mining_after_junk_is_found_at_the_next_look() {
    let (mut stream, mut sequence) = (Stream::new(), 0);
    stream.run(&mut sequence, 10, false);
    assert_eq!(stream.piece(sequence, 100, true), Some((0, 100, true)), "no byte was wanted so far");
    let (mut stream, mut sequence) = (Stream::new(), u32::MAX - 500);
    stream.run(&mut sequence, 1_000, false);
    assert_eq!(stream.take(sequence, 100, true), (false, None));
    stream.wait(31);
    assert_eq!(stream.piece(sequence, 100, true), Some((0, 100, true)));
    assert_eq!(stream.piece(sequence.wrapping_add(100), 100, false), Some((100, 100, false)), "still open");
}

#[test]
fn a_conversation_that_is_always_json_is_bounded_and_sampled_after_the_shortest_pause() {
    let (mut stream, mut sequence) = (Stream::new(), 0);
    let (_, captured) = stream.run(&mut sequence, 100_000, true);
    let most = u32::try_from(limits::PAYLOAD + limits::LOOK * FIRST_LOOKS as usize).unwrap();
    assert!(captured <= most && captured > most / 2, "{captured} of at most {most}");
    for _ in 0..8 {
        assert_eq!(stream.run(&mut sequence, 1_000, true), (0, 0));
        stream.wait(31);
        let (_, captured) = stream.run(&mut sequence, 1_000, true);
        let most = LATER_LOOKS * u32::try_from(limits::LOOK).unwrap();
        assert!(captured > 0 && captured <= most, "{captured} of at most {most}");
    }
}

#[test]
fn a_hint_opens_for_a_look_even_at_the_start() {
    let mut stream = Stream::new();
    let look = u32::try_from(limits::LOOK).unwrap();
    assert_eq!(stream.hear(0, 3, Heard::Hint).1, Some((0, 3, false)));
    assert_eq!(stream.piece(3, 5_000, false), Some((3, look - 3, false)));
    assert_eq!(stream.piece(5_003, 10, false), None);
}

#[test]
fn an_invited_side_opens_whatever_it_says_for_what_was_heard() {
    for (heard, wanted) in [(Heard::Carrier, limits::PAYLOAD), (Heard::Hint, limits::LOOK)] {
        let mut stream = Stream::new();
        stream.side.synchronise(99);
        stream.side.invite(heard);
        assert_eq!(stream.piece(100, 60, false), Some((0, 60, false)));
        let rest = u32::try_from(wanted).unwrap() - 60;
        assert_eq!(stream.piece(160, 9_000, false), Some((60, rest, false)));
        assert_eq!(stream.piece(9_160, 60, false), None, "one invitation, one window");
    }
}

#[test]
fn nothing_and_objects_invite_nobody() {
    let mut stream = Stream::new();
    stream.side.invite(Heard::Nothing);
    stream.side.invite(Heard::Object);
    assert_eq!(stream.piece(0, 60, false), None);
}

#[test]
fn an_invitation_is_heard_in_a_pause_and_costs_one_look() {
    let (mut stream, mut sequence) = (Stream::new(), 0);
    stream.run(&mut sequence, 1_000, false);
    assert_eq!(stream.take(sequence, 100, true), (false, None), "a pause");
    stream.side.invite(Heard::Carrier);
    let look = u32::try_from(limits::LOOK).unwrap();
    assert_eq!(stream.run(&mut sequence, 100, false), (look.div_ceil(100), look));
}

#[test]
fn an_open_side_takes_no_invitation() {
    let mut stream = Stream::new();
    let payload = u32::try_from(limits::PAYLOAD).unwrap();
    assert_eq!(stream.piece(0, 100, true), Some((0, 100, false)));
    stream.side.invite(Heard::Carrier);
    assert_eq!(stream.piece(100, payload, false), Some((100, payload - 100, false)));
    assert_eq!(stream.piece(100 + payload, 10, false), None, "closed, as if it had not been invited");
}

#[test]
fn a_connection_begins_at_the_byte_behind_its_syn() {
    let mut stream = Stream::new();
    assert!(!stream.side.begins(0), "no SYN was seen");
    stream.side.synchronise(u32::MAX);
    assert!(stream.side.begins(0) && !stream.side.begins(1));
    stream.piece(0, 10, false);
    assert!(!stream.side.begins(0) && !stream.side.begins(10));
}
