//! Whole files: both formats, both byte orders, every link layer, and broken ones.
use std::io::Cursor;

use etherparse::{PacketBuilder, VlanId};

use super::*;
use crate::event::Payload;

pub(super) const TEXT: &[u8] = b"{\"id\":1,\"method\":\"login\"}\n";
const AT: u64 = 1_700_000_000_123_456_000;

/// Reads a capture to its end: events, tally, and the error that ended it.
pub(super) fn read(file: &[u8]) -> (Vec<Event>, Capture, Option<String>) {
    let mut capture = Capture::new(Path::new("test.pcap"), Box::new(Cursor::new(file.to_vec()))).unwrap();
    let mut events = Vec::new();
    loop {
        match capture.advance() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, capture, None),
            Err(error) => {
                assert_eq!(capture.advance().unwrap(), None, "an error is said once");
                return (events, capture, Some(error.to_string()));
            }
        }
    }
}

pub(super) fn payloads(events: &[Event]) -> Vec<&Payload> {
    events
        .iter()
        .filter_map(|event| if let Body::Payload(piece) = &event.body { Some(piece) } else { None })
        .collect()
}

/// An IPv4 packet with a TCP segment, as it lies behind any link layer.
pub(super) fn ip(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ipv4([192, 0, 2, 7], [198, 51, 100, 9], 64).tcp(40_000, 3_333, 1, 1_024);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

pub(super) fn ethernet(ether_type: u16, rest: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &ether_type.to_be_bytes(), rest].concat()
}

struct Writer {
    bytes: Vec<u8>,
    big: bool,
}

impl Writer {
    fn put(&mut self, word: u32) -> &mut Self {
        self.bytes.extend(if self.big { word.to_be_bytes() } else { word.to_le_bytes() });
        self
    }

    fn half(&mut self, half: u16) -> &mut Self {
        self.bytes.extend(if self.big { half.to_be_bytes() } else { half.to_le_bytes() });
        self
    }

    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.bytes.len();
        self.put(kind).put(0);
        body(self);
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
        let total = u32::try_from(self.bytes.len() - start + 4).unwrap();
        self.put(total);
        let field = if self.big { total.to_be_bytes() } else { total.to_le_bytes() };
        self.bytes[start + 4..start + 8].copy_from_slice(&field);
        self
    }

    fn section(&mut self) -> &mut Self {
        self.block(0x0a0d_0d0a, |w| {
            w.put(0x1a2b_3c4d).half(1).half(0).put(u32::MAX).put(u32::MAX);
        })
    }

    fn interface(&mut self, link: u16, options: impl FnOnce(&mut Self)) -> &mut Self {
        self.block(1, |w| {
            w.half(link).half(0).put(0);
            options(w);
        })
    }

    fn enhanced(&mut self, interface: u32, ticks: u64, packet: &[u8]) -> &mut Self {
        let length = u32::try_from(packet.len()).unwrap();
        self.block(6, |w| {
            let (high, low) = (ticks >> 32, ticks & u64::from(u32::MAX));
            w.put(interface).put(u32::try_from(high).unwrap()).put(u32::try_from(low).unwrap());
            w.put(length).put(length);
            w.bytes.extend(packet);
        })
    }
}

fn pcap(big: bool, magic: u32, link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut w = Writer { bytes: Vec::new(), big };
    w.put(magic).half(2).half(4).put(0).put(0).put(65_535).put(link);
    let fraction = if magic == 0xa1b2_3c4d { 123_456_000 } else { 123_456 };
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap();
        w.put(1_700_000_000).put(fraction).put(length).put(length);
        w.bytes.extend(packet);
    }
    w.bytes
}

pub(super) fn plain(packets: &[Vec<u8>]) -> Vec<u8> {
    pcap(false, 0xa1b2_c3d4, 1, packets)
}

#[test]
fn pcap_in_both_byte_orders_and_precisions() {
    for big in [false, true] {
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
            let (events, capture, error) = read(&pcap(big, magic, 1, &[ethernet(0x0800, &ip(TEXT))]));
            assert_eq!(error, None);
            assert_eq!(
                events[0],
                Event { at: BootTime(1_700_000_000 * SECOND), owner: None, body: Body::Tick }
            );
            assert_eq!(events[1].at, BootTime(AT));
            assert_eq!(payloads(&events)[0].bytes, TEXT);
            assert_eq!(capture.warnings(), [""; 0]);
            assert_eq!((capture.tally().packets, capture.tally().segments, capture.tally().flows), (1, 1, 1));
        }
    }
}

#[test]
fn every_link_layer() {
    let ip = ip(TEXT);
    let tag = |id: u16, next: u16, rest: &[u8]| [&id.to_be_bytes()[..], &next.to_be_bytes(), rest].concat();
    let cooked = [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0][..], &ip].concat();
    let cooked_2 = [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0][..], &ip].concat();
    let cases: [(u32, Vec<u8>); 11] = [
        (1, ethernet(0x0800, &ip)),
        (1, ethernet(0x8100, &tag(5, 0x0800, &ip))),
        (1, ethernet(0x88a8, &tag(5, 0x8100, &tag(6, 0x0800, &ip)))),
        (113, cooked),
        (276, cooked_2),
        (101, ip.clone()),
        (12, ip.clone()),
        (228, ip.clone()),
        (0, [&[2, 0, 0, 0][..], &ip].concat()),
        (108, [&[0, 0, 0, 2][..], &ip].concat()),
        // The upper half of the field holds the length of a frame check sequence, here present.
        (0x4400_0001, [&ethernet(0x0800, &ip)[..], &[1, 2, 3, 4]].concat()),
    ];
    for (link, packet) in cases {
        let (events, _, error) = read(&pcap(false, 0xa1b2_c3d4, link, &[packet]));
        assert_eq!(error, None, "link type {link}");
        assert_eq!(payloads(&events)[0].bytes, TEXT, "link type {link}");
        assert_eq!(payloads(&events)[0].length as usize, TEXT.len(), "link type {link}");
    }
}

#[test]
fn ipv6_with_extension_headers() {
    let mut tcp = Vec::new();
    let (from, to) = ([0x20; 16], [0x30; 16]);
    PacketBuilder::ipv6(from, to, 64).tcp(40_000, 3_333, 1, 1_024).write(&mut tcp, TEXT).unwrap();
    let (header, segment) = tcp.split_at(40);
    let hop_by_hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let destination = [6, 0, 1, 4, 0, 0, 0, 0];
    let mut header = header.to_vec();
    header[6] = 0;
    header[4..6].copy_from_slice(&u16::try_from(16 + segment.len()).unwrap().to_be_bytes());
    let packet = [&header[..], &hop_by_hop, &destination, segment].concat();
    let (events, ..) = read(&plain(&[ethernet(0x86dd, &packet)]));
    assert_eq!(payloads(&events)[0].bytes, TEXT);
    assert!(payloads(&events)[0].ends.local.is_ipv6());
}

#[test]
fn vlan_of_the_builder_is_read_too() {
    let mut packet = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .single_vlan(VlanId::try_new(9).unwrap())
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 9)
        .tcp(40_000, 80, 5, 9)
        .write(&mut packet, TEXT)
        .unwrap();
    assert_eq!(payloads(&read(&plain(&[packet])).0).len(), 1);
}

#[test]
fn pcapng_with_interfaces_sections_and_resolutions() {
    for big in [false, true] {
        let mut w = Writer { bytes: Vec::new(), big };
        w.section().interface(1, |_| {}).interface(101, |w| {
            // if_tsresol 2^-10, if_tsoffset 1,700,000,000 s in the section's byte order, end of options.
            w.half(9).half(1).put(if big { 0x8a00_0000 } else { 0x8a });
            w.half(14).half(8);
            if big {
                w.put(0).put(1_700_000_000);
            } else {
                w.put(1_700_000_000).put(0);
            }
            w.put(0);
        });
        w.enhanced(0, AT / 1_000, &ethernet(0x0800, &ip(b"micro")));
        w.enhanced(1, 512, &ip(b"micro, offset"));
        w.block(0x0bad, |w| {
            w.put(7);
        });
        w.section().interface(228, |_| {});
        w.block(3, |w| {
            let packet = ip(b"micro, offset, simple");
            w.put(u32::try_from(packet.len()).unwrap()).bytes.extend(packet);
        });
        let (events, _, error) = read(&w.bytes);
        assert_eq!(error, None);
        let seen: Vec<_> =
            events.iter().filter(|e| matches!(e.body, Body::Payload(_))).map(|e| e.at.0).collect();
        assert_eq!(seen, [AT, 1_700_000_000 * SECOND + SECOND / 2, 1_700_000_000 * SECOND + SECOND / 2]);
    }
}

#[test]
fn blocks_that_are_not_needed_are_passed_over_whatever_their_length() {
    for big in [false, true] {
        let mut w = Writer { bytes: Vec::new(), big };
        w.section().interface(228, |_| {});
        w.block(10, |w| w.bytes.extend(vec![7; 3 << 20]));
        w.block(2, |w| w.bytes.extend(vec![0; 40]));
        w.enhanced(0, AT / 1_000, &ip(TEXT));
        let (events, capture, error) = read(&w.bytes);
        assert_eq!((payloads(&events).len(), error), (1, None));
        assert_eq!(capture.warnings(), ["test.pcap: not fully judged: obsolete packet blocks: 1"]);
    }
    let mut w = Writer { bytes: Vec::new(), big: false };
    w.section().block(10, |w| w.bytes.extend(vec![7; 1 << 20]));
    let (_, capture, error) = read(&w.bytes[..w.bytes.len() - 1]);
    assert_eq!(error, None);
    let inside = "the file ends inside packet 1, 1048587 bytes into the block at byte 28";
    assert_eq!(capture.warnings(), [format!("test.pcap: {inside}; what came before was judged")]);
}

#[test]
fn sections_may_differ_in_byte_order() {
    let mut little = Writer { bytes: Vec::new(), big: false };
    little.section().interface(228, |_| {}).enhanced(0, AT / 1_000, &ip(TEXT));
    let mut big = Writer { bytes: little.bytes, big: true };
    big.section().interface(228, |_| {}).enhanced(0, AT / 1_000, &ip(TEXT));
    assert_eq!(payloads(&read(&big.bytes).0).len(), 2);
}

#[test]
fn a_file_cut_anywhere_keeps_what_came_before() {
    let mut ng = Writer { bytes: Vec::new(), big: false };
    ng.section().interface(228, |_| {}).enhanced(0, AT / 1_000, &ip(TEXT));
    let one = ng.bytes.len();
    ng.enhanced(0, AT / 1_000, &ip(TEXT));
    let packet = ethernet(0x0800, &ip(TEXT));
    for (file, one) in [(ng.bytes, one), (plain(&[packet.clone(), packet.clone()]), 24 + 16 + packet.len())] {
        for end in one + 1..file.len() {
            let (events, capture, error) = read(&file[..end]);
            assert_eq!((payloads(&events).len(), error), (1, None));
            let inside =
                format!("the file ends inside packet 2, {} bytes into the block at byte {one}", end - one);
            assert_eq!(capture.warnings(), [format!("test.pcap: {inside}; what came before was judged")]);
        }
    }
}

#[test]
fn broken_blocks_are_errors_with_their_place() {
    let packet = ethernet(0x0800, &ip(TEXT));
    let good = plain(&[packet]);
    let huge = [&good[..], &[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]].concat();
    let (events, _, error) = read(&huge);
    assert_eq!(payloads(&events).len(), 1);
    assert!(matches!(events.last().unwrap().body, Body::Close { .. }), "what came before is ended");
    let place = format!("test.pcap: packet 2: the block at byte {} ", good.len());
    let claim = "claims 2147483663 bytes, more than the 1048576 that are read";
    assert_eq!(error.unwrap(), place + claim);

    let mut ng = Writer { bytes: Vec::new(), big: false };
    ng.section().interface(228, |_| {});
    let start = ng.bytes.len();
    let broken = |break_it: &dyn Fn(&mut Writer)| {
        let mut w = Writer { bytes: ng.bytes.clone(), big: false };
        break_it(&mut w);
        read(&w.bytes).2.unwrap().replacen(&format!("test.pcap: packet 1: the block at byte {start} "), "", 1)
    };
    let unknown = broken(&|w| {
        w.enhanced(3, 0, b"");
    });
    assert_eq!(unknown, "names interface 3, but 1 are described");
    let short = broken(&|w| {
        w.put(6).put(8).put(0);
    });
    assert_eq!(short, "claims 8 bytes, less than any block has");
    let beyond = broken(&|w| {
        w.block(6, |w| {
            w.put(0).put(0).put(0).put(4_000).put(4_000);
        });
    });
    assert_eq!(beyond, "has a length that contradicts its content");
    let magic = broken(&|w| {
        w.put(0x0a0d_0d0a).put(28).put(7);
    });
    assert_eq!(magic, "begins a section but has no byte-order magic");
}

#[test]
fn what_is_no_capture_is_said() {
    let refused = |bytes: &'static [u8]| {
        Capture::new(Path::new("x"), Box::new(Cursor::new(bytes))).err().unwrap().to_string()
    };
    assert_eq!(refused(b""), "x: not a capture: the file is empty");
    assert_eq!(refused(b"hello, world, this is text"), "x: not a capture: neither pcap nor pcapng");
    assert_eq!(refused(&[0x1f, 0x8b, 8, 0]), "x: not a capture: compressed with gzip, decompress it first");
}

#[test]
fn what_is_not_judged_is_counted() {
    let mut fragment = ip(TEXT);
    fragment[6] = 0x20;
    let mut ipv6 = vec![0x60, 0, 0, 0, 0, 16, 44, 64];
    ipv6.extend([1; 32]);
    ipv6.extend([6, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8]);
    let mut udp = Vec::new();
    PacketBuilder::ipv4([1; 4], [2; 4], 9).udp(1, 2).write(&mut udp, b"x").unwrap();
    let cut = ip(TEXT)[..45].to_vec();
    let file = plain(&[
        ethernet(0x0800, &fragment),
        ethernet(0x86dd, &ipv6),
        ethernet(0x0800, &udp),
        ethernet(0x0806, &[0; 28]),
        ethernet(0x0800, &ip(TEXT)[..30]),
        vec![1, 2, 3],
        ethernet(0x0800, &cut),
    ]);
    let (events, capture, error) = read(&file);
    assert_eq!(error, None);
    let tally = capture.tally();
    assert_eq!((tally.fragments, tally.other, tally.malformed, tally.cut), (2, 2, 2, 1));
    assert_eq!((payloads(&events)[0].bytes.len(), payloads(&events)[0].length as usize), (5, TEXT.len()));
    let expected = "test.pcap: not fully judged: IP fragments: 2, packets with a malformed or cut header: 2, \
                    segments cut by the snap length: 1";
    assert_eq!(capture.warnings(), [expected]);
}

#[test]
fn a_capture_of_another_link_layer_is_no_clean_bill() {
    let error = read(&pcap(false, 0xa1b2_c3d4, 147, &[vec![0; 60]])).2.unwrap();
    assert!(error.starts_with("test.pcap: no packet has a link layer that is read"), "{error}");
}

#[test]
fn ticks_fill_a_silence_up_to_a_minute() {
    let mut last = None;
    let mut out = Batch::default();
    for at in [5 * SECOND + 1, 5 * SECOND + 9, 8 * SECOND, 7 * SECOND, u64::MAX] {
        tick(&mut last, BootTime(at), &mut out);
    }
    let seconds: Vec<_> = out.events.iter().map(|event| event.at.0 / SECOND).collect();
    assert_eq!(seconds[..5], [5, 6, 7, 8, 9]);
    assert_eq!(seconds.len(), 4 + 60 + 1);
    assert_eq!(seconds.last(), Some(&(u64::MAX / SECOND)));
}

#[test]
fn no_byte_of_a_file_can_make_it_panic() {
    let mut ng = Writer { bytes: Vec::new(), big: false };
    ng.section().interface(1, |_| {}).enhanced(0, AT / 1_000, &ethernet(0x0800, &ip(TEXT)));
    for file in [ng.bytes, plain(&[ethernet(0x0800, &ip(TEXT))])] {
        for position in 4..file.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = file.clone();
                bytes[position] = value;
                if let Ok(mut capture) = Capture::new(Path::new("x"), Box::new(Cursor::new(bytes))) {
                    while let Ok(Some(_)) = capture.advance() {}
                }
            }
        }
    }
}
