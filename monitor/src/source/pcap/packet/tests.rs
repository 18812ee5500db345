//! Stacks of headers, from one to too many, whole and cut.
use etherparse::{PacketBuilder, TransportSlice, VlanId};

use super::*;

const TEXT: &[u8] = b"{\"id\":1,\"method\":\"login\"}\n";
const ETHERNET: Linktype = Linktype::ETHERNET;

fn v4() -> Vec<u8> {
    let builder = PacketBuilder::ipv4([192, 0, 2, 7], [198, 51, 100, 9], 64).tcp(40_000, 3_333, 1, 1_024);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, TEXT).unwrap();
    bytes
}

fn v6() -> Vec<u8> {
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ipv6([0x20; 16], [0x30; 16], 64).tcp(40_000, 3_333, 1, 1_024);
    builder.write(&mut bytes, TEXT).unwrap();
    bytes
}

fn ethernet(ether_type: u16, rest: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &ether_type.to_be_bytes(), rest].concat()
}

/// An IP packet whose payload is `rest`.
fn outer(ipv4: bool, protocol: u8, rest: &[u8]) -> Vec<u8> {
    if ipv4 {
        let total = u16::try_from(20 + rest.len()).unwrap().to_be_bytes();
        let head = [0x45, 0, total[0], total[1], 0, 1, 0x40, 0, 64, protocol, 0, 0];
        [&head[..], &[203, 0, 113, 1, 203, 0, 113, 2], rest].concat()
    } else {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        let head = [0x60, 0, 0, 0, length[0], length[1], protocol, 64];
        [&head[..], &[0x41; 16], &[0x42; 16], rest].concat()
    }
}

fn label(bottom: bool, rest: &[u8]) -> Vec<u8> {
    [&[0, 1, if bottom { 0x41 } else { 0x40 }, 64][..], rest].concat()
}

fn pppoe(protocol: u16, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len() + 2).unwrap().to_be_bytes();
    [&[0x11, 0, 0, 5][..], &length, &protocol.to_be_bytes(), rest].concat()
}

/// The inner packet is found whole, and its ends are the inner ones.
fn found(link: Linktype, packet: &[u8]) {
    let segment = dissect(link, packet).unwrap_or_else(|skip| panic!("{skip:?}: {packet:02x?}"));
    assert_eq!((segment.payload, segment.length as usize), (TEXT, TEXT.len()));
    let client: SocketAddr = segment.from.into();
    assert_eq!(client.port(), 40_000);
    let inner = ["192.0.2.7", "2020:2020:2020:2020:2020:2020:2020:2020"];
    assert!(inner.contains(&client.ip().to_string().as_str()), "{client}");
}

#[test]
fn tunnels_of_ip_in_ip() {
    for inner in [v4(), v6()] {
        let protocol = if inner[0] >> 4 == 4 { ip::IPV4 } else { ip::IPV6 };
        for ipv4 in [true, false] {
            let once = outer(ipv4, protocol, &inner);
            found(Linktype::RAW, &once);
            found(Linktype::RAW, &outer(true, if ipv4 { ip::IPV4 } else { ip::IPV6 }, &once));
        }
    }
}

#[test]
fn gre_with_and_without_its_options() {
    for (flags, options) in [(0x0000_u16, 0), (0x2000, 4), (0x8000, 4), (0x3000, 8), (0xb000, 12)] {
        let gre = |ether_type: u16, rest: &[u8]| {
            let head = [&flags.to_be_bytes()[..], &ether_type.to_be_bytes(), &vec![9; options]].concat();
            outer(true, ip::GRE, &[&head[..], rest].concat())
        };
        found(Linktype::RAW, &gre(0x0800, &v4()));
        found(Linktype::RAW, &gre(0x86dd, &v6()));
        found(Linktype::RAW, &gre(0x6558, &ethernet(0x0800, &v4())));
        found(Linktype::RAW, &gre(0x8847, &label(true, &v4())));
    }
    for foreign in [0x0001_u16, 0x4000] {
        let head = [foreign.to_be_bytes(), 0x0800_u16.to_be_bytes()].concat();
        let packet = outer(true, ip::GRE, &[&head[..], &v4()].concat());
        assert_eq!(dissect(Linktype::RAW, &packet).unwrap_err(), Skip::Other);
    }
}

#[test]
fn labels_and_pseudowires() {
    for inner in [v4(), v6()] {
        found(ETHERNET, &ethernet(0x8847, &label(true, &inner)));
        found(ETHERNET, &ethernet(0x8848, &label(false, &label(false, &label(true, &inner)))));
        let ether_type = if inner[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
        let wire = [&[0, 0, 0, 7][..], &ethernet(ether_type, &inner)].concat();
        found(ETHERNET, &ethernet(0x8847, &label(true, &wire)));
    }
    let unknown = ethernet(0x8847, &label(true, &[0x10; 40]));
    assert_eq!(dissect(ETHERNET, &unknown).unwrap_err(), Skip::Other);
}

#[test]
fn sessions_of_ppp_over_ethernet() {
    found(ETHERNET, &ethernet(0x8864, &pppoe(0x0021, &v4())));
    found(ETHERNET, &ethernet(0x8864, &pppoe(0x0057, &v6())));
    found(
        ETHERNET,
        &ethernet(0x8100, &[&[0, 7, 0x88, 0x64][..], &pppoe(0x0281, &label(true, &v4()))].concat()),
    );
    let echo = ethernet(0x8864, &pppoe(0xc021, &[9; 8]));
    assert_eq!(dissect(ETHERNET, &echo).unwrap_err(), Skip::Other);
    let discovery = ethernet(0x8864, &[0x11, 0xa7, 0, 5, 0, 0, 0, 0]);
    assert_eq!(dissect(ETHERNET, &discovery).unwrap_err(), Skip::Other);
}

#[test]
fn tags_of_every_type() {
    for (outer, inner) in [(0x8100_u16, 0x8100_u16), (0x88a8, 0x8100), (0x9100, 0x8100)] {
        let tagged = [&[0, 5][..], &inner.to_be_bytes(), &[0, 6, 8, 0], &v4()].concat();
        found(ETHERNET, &ethernet(outer, &tagged));
    }
    let mut packet = Vec::new();
    let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).single_vlan(VlanId::try_new(9).unwrap());
    builder.ipv4([192, 0, 2, 7], [10, 0, 0, 2], 9).tcp(40_000, 80, 5, 9).write(&mut packet, TEXT).unwrap();
    found(ETHERNET, &packet);
}

#[test]
fn extension_headers_in_any_order() {
    let whole = v6();
    let tcp = &whole[40..];
    for chain in [&[0_u8][..], &[0, 60, 43], &[51], &[44], &[0, 44, 60], &[135, 139, 140]] {
        let mut rest = tcp.to_vec();
        let mut next = ip::TCP;
        for kind in chain.iter().rev() {
            // Two words of authentication data are 16 bytes in all; others count eights behind the first.
            let length = if *kind == 51 { 2 } else { 0 };
            let body = if *kind == 51 { vec![0; 14] } else { vec![0; 6] };
            rest = [&[next, length][..], &body, &rest].concat();
            next = *kind;
        }
        let packet = outer(false, next, &rest);
        let segment = dissect(Linktype::RAW, &packet).unwrap_or_else(|skip| panic!("{chain:?}: {skip:?}"));
        assert_eq!(segment.payload, TEXT, "{chain:?}");
    }
    let authenticated = outer(true, 51, &[&[ip::TCP, 2][..], &[0; 14], tcp].concat());
    assert_eq!(dissect(Linktype::RAW, &authenticated).unwrap().payload, TEXT);
}

#[test]
fn fragments_of_what_can_hold_tcp_are_told_from_others() {
    for (protocol, skip) in
        [(6, Skip::Fragment), (47, Skip::Fragment), (4, Skip::Fragment), (17, Skip::Other)]
    {
        for (flags, offset) in [(0x20, 0), (0x20, 9), (0, 9)] {
            let mut packet = outer(true, protocol, &[0; 40]);
            packet[6..8].copy_from_slice(&[flags, offset]);
            assert_eq!(dissect(Linktype::RAW, &packet).unwrap_err(), skip);
        }
        for field in [1_u16, 8, 9] {
            let [high, low] = field.to_be_bytes();
            let packet = outer(false, 44, &[&[protocol, 0, high, low, 0, 0, 0, 1][..], &[0; 40]].concat());
            assert_eq!(dissect(Linktype::RAW, &packet).unwrap_err(), skip);
        }
    }
}

#[test]
fn a_packet_cut_by_the_snap_length_says_what_is_missing() {
    let tunnel = ethernet(0x0800, &outer(true, ip::IPV6, &outer(false, ip::IPV4, &v4())));
    for whole in [ethernet(0x0800, &v4()), ethernet(0x86dd, &v6()), tunnel] {
        let header = whole.len() - TEXT.len();
        for kept in 0..TEXT.len() {
            let segment = dissect(ETHERNET, &whole[..header + kept]).unwrap();
            assert_eq!((segment.payload, segment.length as usize), (&TEXT[..kept], TEXT.len()));
        }
        for kept in 0..header {
            assert_eq!(dissect(ETHERNET, &whole[..kept]).unwrap_err(), Skip::Malformed, "{kept}");
        }
    }
}

#[test]
fn an_empty_length_field_and_padding() {
    let mut unset = v4();
    unset[2..4].copy_from_slice(&[0, 0]);
    found(ETHERNET, &ethernet(0x0800, &unset));
    let mut unset = v6();
    unset[4..6].copy_from_slice(&[0, 0]);
    found(ETHERNET, &ethernet(0x86dd, &unset));
    found(ETHERNET, &[&ethernet(0x0800, &v4())[..], &[0; 9]].concat());
    found(ETHERNET, &[&ethernet(0x86dd, &v6())[..], &[0; 9]].concat());
}

#[test]
fn lengths_that_contradict_each_other_are_malformed() {
    for (at, value) in [(0, 0x44), (3, 19), (2 + 20 + 10, 0x40), (0, 0x55)] {
        let mut packet = v4();
        packet[at] = value;
        if at == 3 {
            packet[2] = 0;
        }
        assert_eq!(dissect(Linktype::RAW, &packet).unwrap_err(), Skip::Malformed, "{at}");
    }
}

#[test]
fn what_is_stacked_too_high_is_not_looked_behind() {
    let stack = |count: usize| {
        let labels = (1..count).fold(label(true, &v4()), |rest, _| label(false, &rest));
        ethernet(0x8847, &labels)
    };
    // Ethernet, its type and IP are layers too.
    found(ETHERNET, &stack(MAX_LAYERS - 3));
    assert_eq!(dissect(ETHERNET, &stack(MAX_LAYERS - 2)).unwrap_err(), Skip::Deep);
    let nested = (0..MAX_LAYERS).fold(v4(), |rest, _| outer(true, ip::IPV4, &rest));
    assert_eq!(dissect(Linktype::RAW, &nested).unwrap_err(), Skip::Deep);
    let long = (0..20).fold(v6()[40..].to_vec(), |rest, _| [&[60, 0, 0, 0, 0, 0, 0, 0][..], &rest].concat());
    assert_eq!(dissect(Linktype::RAW, &outer(false, 60, &long)).unwrap_err(), Skip::Deep);
}

/// Packets of every kind with every byte changed: no panic, and where another parser sees the same plain packet,
/// it sees the same segment.
#[test]
fn no_byte_makes_it_panic_and_another_parser_agrees() {
    let plain = [ethernet(0x0800, &v4()), ethernet(0x86dd, &v6())];
    let tunnels = [
        ethernet(0x8864, &pppoe(0x0021, &v4())),
        ethernet(0x8847, &label(true, &v4())),
        ethernet(0x0800, &outer(true, ip::GRE, &[&[0x20, 0, 8, 0, 0, 0, 0, 1][..], &v4()].concat())),
        ethernet(0x86dd, &outer(false, ip::IPV6, &v6())),
    ];
    for packet in plain.iter().chain(&tunnels) {
        for at in 0..packet.len() {
            for value in [0, 1, 4, 6, 41, 44, 47, 51, 0x45, 0x7f, 0x80, 0xff] {
                let mut bytes = packet.clone();
                bytes[at] = value;
                let own = dissect(ETHERNET, &bytes);
                let other = etherparse::SlicedPacket::from_ethernet(&bytes);
                let Ok(Some(TransportSlice::Tcp(tcp))) = other.map(|packet| packet.transport) else {
                    continue;
                };
                let own = own.unwrap_or_else(|skip| panic!("byte {at} = {value:#x}: {skip:?}"));
                assert_eq!(own.payload, tcp.payload(), "byte {at} = {value:#x}");
                assert_eq!((own.sequence, own.from.port), (tcp.sequence_number(), tcp.source_port()));
            }
        }
    }
}
