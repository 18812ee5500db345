//! The capture policy, segment by segment with a clock that the test moves.
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
        if !self.side.wants_a_look(|| self.now.get() / TICK, || self.now.get()) {
            return (false, None);
        }
        let mining = self.side.is_open() || mining;
        let piece = self.side.segment(sequence, length, || self.now.get(), mining);
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

fn mining(bytes: &[u8]) -> bool {
    let mut head = [0; limits::HEAD];
    let length = bytes.len().min(limits::HEAD);
    head[..length].copy_from_slice(&bytes[..length]);
    let words = head.as_chunks::<8>().0;
    can_be_mining(
        &std::array::from_fn(|word| u64::from_ne_bytes(words[word])),
        u32::try_from(length).unwrap(),
    )
}

/// The same, byte by byte.
fn plainly(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(limits::HEAD)];
    let blank = |byte: &u8| b" \t\r\n".contains(byte);
    head.iter().all(blank)
        || head.iter().enumerate().any(|(at, &byte)| {
            let next = head[at + 1..].iter().find(|byte| !blank(byte));
            byte == b'{' && matches!(next, None | Some(b'"' | b'\\'))
        })
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
fn objects_and_blanks_can_be_mining() {
    for text in [
        "{\"id\":1",
        "{",
        " {",
        "{ \r\n\t\"method\"",
        "[{\"id\":1}",
        "x{\"",
        "{{\"",
        "\n",
        "{\\\"id\\\":1",
        "POST / HTTP/1.1\r\n\r\n{\"id\":1",
    ] {
        assert!(mining(text.as_bytes()), "{text:?}");
    }
    assert!(mining(&[b' '; 200]), "only blanks so far");
    assert!(mining(&[[b'x'; 63].as_slice(), b"{"].concat()), "the last byte of the head opens");
}

#[test]
fn other_bytes_cannot() {
    for text in [
        "x",
        "GET / HTTP/1.1\r\n",
        "\x16\x03\x01",
        "{x",
        "{ 1",
        "SSH-2.0-OpenSSH\r\n",
        "{\"\0".get(2..).unwrap(),
    ] {
        assert!(!mining(text.as_bytes()), "{text:?}");
    }
    assert!(!mining(&[[b'x'; 64].as_slice(), b"{\""].concat()), "behind the head");
}

#[test]
fn positions_at_once_say_what_a_loop_over_bytes_says() {
    // Letters that matter, their neighbours, and bytes that tell a wrong carry between bytes.
    const LETTERS: [u8; 16] = *b"{{{{\"\\ \t\r\n|z\x7f\x80\x00\xff";
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % below
    };
    let mut said = [0; 2];
    for _ in 0..200_000 {
        let (length, letters, offset) =
            (1 + next(limits::HEAD + 2), 1 + next(LETTERS.len()), next(LETTERS.len()));
        let bytes: Vec<u8> = (0..length).map(|_| LETTERS[(offset + next(letters)) % LETTERS.len()]).collect();
        assert_eq!(mining(&bytes), plainly(&bytes), "{bytes:?}");
        said[usize::from(plainly(&bytes))] += 1;
    }
    assert!(said.iter().all(|&count| count > 20_000), "{said:?}");
}
