//! Which packets make one conversation, and who is its client.
use super::*;
use crate::event::{Body, Direction, Ends, Event};

const CLIENT: ([u8; 4], u16) = ([192, 0, 2, 7], 40_000);
const SERVER: ([u8; 4], u16) = ([198, 51, 100, 9], 3_333);

fn end((address, port): ([u8; 4], u16)) -> End {
    End { address: u32::from_be_bytes(address).into(), port, ipv4: true }
}

fn segment<'a>(
    (from, to): (([u8; 4], u16), ([u8; 4], u16)),
    sequence: u32,
    flags: &str,
    payload: &'a [u8],
) -> Segment<'a> {
    Segment {
        from: end(from),
        to: end(to),
        sequence,
        syn: flags.contains('S'),
        ack: flags.contains('A'),
        fin: flags.contains('F'),
        rst: flags.contains('R'),
        payload,
        length: u32::try_from(payload.len()).unwrap(),
    }
}

fn up<'a>(sequence: u32, flags: &str, payload: &'a [u8]) -> Segment<'a> {
    segment((CLIENT, SERVER), sequence, flags, payload)
}

fn down<'a>(sequence: u32, flags: &str, payload: &'a [u8]) -> Segment<'a> {
    segment((SERVER, CLIENT), sequence, flags, payload)
}

/// Each event in short: `0>5:hello`, `0<0:x`, `0.` for a close.
fn shown(segments: &[Segment<'_>]) -> Vec<String> {
    let mut conversations = Conversations::new();
    let mut out = Batch::default();
    for segment in segments {
        conversations.take(BootTime(1), segment, &mut out);
    }
    out.events.iter().map(show).collect()
}

fn show(event: &Event) -> String {
    match &event.body {
        Body::Payload(piece) => {
            assert_eq!(piece.ends, Ends { local: CLIENT.into(), remote: SERVER.into() });
            let arrow = if piece.direction == Direction::Egress { '>' } else { '<' };
            format!("{}{arrow}{}:{}", piece.flow.0, piece.offset, String::from_utf8_lossy(&piece.bytes))
        }
        Body::Close { flow } => format!("{}.", flow.0),
        other => panic!("no event of a conversation: {other:?}"),
    }
}

#[test]
fn a_whole_conversation() {
    let events = shown(&[
        up(99, "S", b""),
        down(499, "SA", b""),
        up(100, "A", b"login"),
        down(500, "A", b"job"),
        up(105, "AF", b""),
        down(503, "AF", b"!"),
        up(106, "A", b""),
    ]);
    assert_eq!(events, ["0>0:login", "0<0:job", "0<3:!", "0."]);
}

#[test]
fn the_client_is_told_by_the_syn_whatever_the_ports() {
    let odd = (([10, 0, 0, 1], 80), ([10, 0, 0, 2], 60_000));
    assert_eq!(Pair::of(&segment(odd, 0, "S", b"")).client.port, 80);
    assert_eq!(Pair::of(&segment(odd, 0, "SA", b"")).client.port, 60_000);
    assert_eq!(Pair::of(&segment(odd, 0, "A", b"x")).client.port, 60_000);
    let even = (([10, 0, 0, 1], 9_000), ([10, 0, 0, 2], 9_000));
    assert_eq!(Pair::of(&segment(even, 0, "A", b"x")).client, end(even.0));
}

#[test]
fn a_conversation_under_way_begins_at_its_first_byte() {
    assert_eq!(shown(&[down(7_000, "A", b"job"), up(900, "A", b"submit")]), ["0<0:job", "0>0:submit"]);
}

#[test]
fn reordered_and_retransmitted_segments_keep_their_offset() {
    let events = shown(&[up(9, "S", b""), up(13, "A", b"lo"), up(10, "A", b"hel"), up(10, "A", b"hel")]);
    assert_eq!(events, ["0>3:lo", "0>0:hel", "0>0:hel"]);
}

#[test]
fn the_same_ports_again_are_another_conversation() {
    let events = shown(&[
        up(9, "S", b""),
        up(10, "A", b"one"),
        up(13, "R", b""),
        up(9, "S", b""),
        up(10, "A", b"two"),
        up(77_000, "S", b""),
        up(77_001, "A", b"three"),
    ]);
    assert_eq!(events, ["0>0:one", "0.", "1>0:two", "1.", "2>0:three"]);
}

#[test]
fn a_forged_reset_does_not_hide_what_follows() {
    let events = shown(&[up(10, "A", b"one"), down(5, "R", b""), up(10, "A", b"one"), up(13, "A", b"two")]);
    assert_eq!(events, ["0>0:one", "0.", "1>0:two"]);
}

#[test]
fn a_repeated_syn_changes_nothing() {
    let events = shown(&[up(9, "S", b""), up(9, "S", b""), up(10, "A", b"one"), up(9, "S", b"")]);
    assert_eq!(events, ["0>0:one"]);
}

#[test]
fn data_on_the_syn_is_the_first_data() {
    assert_eq!(shown(&[up(9, "S", b"fast"), up(14, "A", b"!")]), ["0>0:fast", "0>4:!"]);
}

#[test]
fn what_says_nothing_makes_no_events() {
    assert_eq!(shown(&[up(1, "A", b""), up(1, "R", b""), up(9, "S", b""), down(1, "RA", b"")]), [""; 0]);
}

#[test]
fn a_full_table_ends_the_quietest_conversation_and_counts() {
    let mut conversations = Conversations::with_capacity(NonZeroUsize::new(2).unwrap());
    let mut out = Batch::default();
    for port in [1_u16, 2, 1, 3] {
        let ends = (([10, 0, 0, 1], 40_000 + port), ([10, 0, 0, 2], 80));
        conversations.take(BootTime(1), &segment(ends, u32::from(port), "A", b"x"), &mut out);
    }
    let closed: Vec<_> = out.events.iter().filter(|event| matches!(event.body, Body::Close { .. })).collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].body, Body::Close { flow: FlowId(1) });
    assert_eq!((conversations.begun(), conversations.evicted()), (3, 1));
}

#[test]
fn a_piece_cut_by_the_snap_length_says_its_true_length() {
    let mut conversations = Conversations::new();
    let mut out = Batch::default();
    let cut = Segment { length: 1_000, ..up(10, "A", b"only this") };
    conversations.take(BootTime(1), &cut, &mut out);
    conversations.take(BootTime(1), &up(1_010, "A", b"next"), &mut out);
    let Body::Payload(piece) = &out.events[0].body else { panic!("{out:?}") };
    assert_eq!((piece.length, piece.bytes.len()), (1_000, 9));
    assert_eq!(show(&out.events[1]), "0>1000:next");
}

#[test]
fn the_end_of_the_capture_ends_what_is_open_in_the_order_of_beginning() {
    let mut conversations = Conversations::new();
    let mut out = Batch::default();
    for port in [1_u16, 2, 3, 1] {
        let ends = (([10, 0, 0, 1], 40_000 + port), ([10, 0, 0, 2], 80));
        conversations.take(BootTime(1), &segment(ends, u32::from(port), "A", b"x"), &mut out);
    }
    conversations.take(BootTime(1), &up(1, "S", b""), &mut out);
    assert_eq!(conversations.end(), [0, 1, 2].map(FlowId), "what carried nothing has no end to tell");
    assert_eq!(conversations.end(), []);
}

#[test]
fn bulk_is_passed_over_and_a_login_behind_it_is_not() {
    let noise = [0x80; 1_000];
    let mut segments = vec![up(9, "S", b"")];
    for count in 0..40_u32 {
        segments.push(up(10 + count * 1_000, "A", &noise));
    }
    segments.push(up(40_010, "A", b"{\"id\":1}"));
    let mut conversations = Conversations::new();
    let mut out = Batch::default();
    segments.iter().for_each(|segment| conversations.take(BootTime(1), segment, &mut out));
    let Body::Payload(last) = &out.events.back().unwrap().body else { panic!("{out:?}") };
    assert_eq!((last.offset, last.restart, &last.bytes[..]), (40_000, true, &b"{\"id\":1}"[..]));
    assert!(out.events.len() < 20, "{}", out.events.len());
}

#[test]
fn a_scan_leaves_nothing_but_counts() {
    let mut conversations = Conversations::with_capacity(NonZeroUsize::new(8).unwrap());
    let mut out = Batch::default();
    for port in 1..=1_000_u16 {
        let ends = (([10, 0, 0, 1], 40_000), ([10, 0, 0, 2], port));
        conversations.take(BootTime(1), &segment(ends, 5, "S", b""), &mut out);
    }
    assert_eq!((out.events.len(), conversations.table.len()), (0, 8));
    assert_eq!((conversations.begun(), conversations.silent(), conversations.evicted()), (1_000, 992, 0));
}
