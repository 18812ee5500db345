//! Packets and capture files from scratch, so that the agent's own reader is not tested against itself.
//!
//! Owns TCP, IP and link headers, and the writers of pcap and pcapng. Checksums stay zero, as in a capture taken
//! before the network card filled them in. Must not know what a conversation says.
use std::net::{IpAddr, SocketAddr};

/// TCP flags.
pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// How frames begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Ethernet with any number of VLAN tags, the outermost first.
    Ethernet(Vec<u16>),
    /// `LINKTYPE_LINUX_SLL`.
    Cooked,
    /// `LINKTYPE_LINUX_SLL2`.
    Cooked2,
    /// `LINKTYPE_RAW`.
    Raw,
    /// `LINKTYPE_NULL`.
    Null,
    /// Ethernet with a tunnel between it and the packet.
    Tunnel(Tunnel),
}

/// What a packet can be wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// Two labels (RFC 3032).
    Mpls,
    /// A session of PPP over Ethernet (RFC 2516).
    Pppoe,
    /// GRE with a key (RFC 2784, RFC 2890) over IPv4.
    Gre,
    /// IP in IPv4 (RFC 2003, RFC 4213).
    Ipv4,
    /// IP in IPv6 (RFC 2473).
    Ipv6,
}

impl Tunnel {
    /// The `EtherType` of the outermost header.
    fn ether_type(self) -> [u8; 2] {
        match self {
            Self::Mpls => [0x88, 0x47],
            Self::Pppoe => [0x88, 0x64],
            Self::Gre | Self::Ipv4 => [0x08, 0x00],
            Self::Ipv6 => [0x86, 0xdd],
        }
    }

    /// What stands before a packet of `length` bytes.
    fn header(self, ipv6: bool, length: usize) -> Vec<u8> {
        let size = |more: usize| u16::try_from(length + more).expect("a packet is short").to_be_bytes();
        let protocol = if ipv6 { 41 } else { 4 };
        let v4 = |protocol: u8, more: usize| {
            let [high, low] = size(20 + more);
            [0x45, 0, high, low, 0, 1, 0x40, 0, 64, protocol, 0, 0, 203, 0, 113, 1, 203, 0, 113, 2].to_vec()
        };
        match self {
            Self::Mpls => vec![0, 1, 0x40, 64, 0, 2, 0x41, 64],
            Self::Pppoe => {
                let ppp = if ipv6 { [0x00, 0x57] } else { [0x00, 0x21] };
                [&[0x11, 0, 0, 7][..], &size(2), &ppp].concat()
            }
            Self::Gre => [&v4(47, 8)[..], &[0x20, 0], ip_type(ipv6), &[0, 0, 0, 9]].concat(),
            Self::Ipv4 => v4(protocol, 0),
            Self::Ipv6 => {
                [&[0x60, 0, 0, 0][..], &size(0), &[protocol, 64], &[0xfd; 16], &[0xfc; 16]].concat()
            }
        }
    }
}

fn ip_type(ipv6: bool) -> &'static [u8; 2] {
    if ipv6 { &[0x86, 0xdd] } else { &[0x08, 0x00] }
}

impl Link {
    fn number(&self) -> u16 {
        match self {
            Self::Ethernet(_) | Self::Tunnel(_) => 1,
            Self::Cooked => 113,
            Self::Cooked2 => 276,
            Self::Raw => 101,
            Self::Null => 0,
        }
    }

    /// What stands before an IP packet of `length` bytes.
    fn header(&self, ipv6: bool, length: usize) -> Vec<u8> {
        let ip = ip_type(ipv6);
        match self {
            Self::Ethernet(tags) => {
                let mut header = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
                for (depth, tag) in tags.iter().enumerate() {
                    let inner = depth + 1 == tags.len();
                    header.extend(if inner { [0x81, 0x00] } else { [0x88, 0xa8] });
                    header.extend(tag.to_be_bytes());
                }
                header.extend(ip);
                header
            }
            Self::Cooked => [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], ip].concat(),
            Self::Cooked2 => [&ip[..], &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]].concat(),
            Self::Raw => Vec::new(),
            Self::Null => vec![if ipv6 { 10 } else { 2 }, 0, 0, 0],
            Self::Tunnel(tunnel) => {
                let ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
                [&ethernet[..], &tunnel.ether_type(), &tunnel.header(ipv6, length)].concat()
            }
        }
    }
}

/// A TCP segment on its way.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    pub(crate) flags: u8,
    pub(crate) payload: Vec<u8>,
    /// Bytes of the payload that were captured, when not all.
    pub(crate) captured: Option<usize>,
}

impl Segment {
    fn tcp(&self) -> Vec<u8> {
        let mut tcp = Vec::new();
        tcp.extend(self.from.port().to_be_bytes());
        tcp.extend(self.to.port().to_be_bytes());
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledged.to_be_bytes());
        // Eight words: the header and the usual time stamp option between two no-operations.
        tcp.extend([0x80, self.flags, 0x01, 0xf5, 0, 0, 0, 0]);
        tcp.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        tcp.extend(&self.payload);
        tcp
    }

    fn ip(&self) -> Vec<u8> {
        let tcp = self.tcp();
        let mut packet = Vec::new();
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let total = u16::try_from(20 + tcp.len()).expect("a segment fits a packet");
                packet.extend([0x45, 0]);
                packet.extend(total.to_be_bytes());
                packet.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
                packet.extend(from.octets());
                packet.extend(to.octets());
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let length = u16::try_from(tcp.len()).expect("a segment fits a packet");
                packet.extend([0x60, 0, 0, 0]);
                packet.extend(length.to_be_bytes());
                packet.extend([6, 64]);
                packet.extend(from.octets());
                packet.extend(to.octets());
            }
            _ => panic!("client and server are of different families"),
        }
        packet.extend(tcp);
        packet
    }
}

/// A packet as a capture file holds it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Since the Unix epoch.
    nanos: u64,
    bytes: Vec<u8>,
    /// Bytes that it had on the wire.
    length: usize,
}

impl Frame {
    pub(crate) fn new(nanos: u64, link: &Link, segment: &Segment) -> Self {
        let packet = segment.ip();
        let mut bytes = link.header(segment.from.is_ipv6(), packet.len());
        bytes.extend(packet);
        let length = bytes.len();
        let missing = segment.captured.map_or(0, |captured| segment.payload.len() - captured);
        bytes.truncate(length - missing);
        Self { nanos, bytes, length }
    }
}

/// Which bytes a file is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    Pcap { big_endian: bool, nanoseconds: bool },
    Ng { big_endian: bool },
}

impl Format {
    /// Both formats, both byte orders, both precisions.
    pub(crate) const ALL: [Self; 4] = [
        Self::Pcap { big_endian: false, nanoseconds: false },
        Self::Pcap { big_endian: true, nanoseconds: true },
        Self::Ng { big_endian: false },
        Self::Ng { big_endian: true },
    ];

    /// A file of these frames.
    pub(crate) fn write(self, link: &Link, frames: &[Frame]) -> Vec<u8> {
        match self {
            Self::Pcap { big_endian, nanoseconds } => pcap(link, frames, Bytes::new(big_endian), nanoseconds),
            Self::Ng { big_endian } => ng(link, frames, Bytes::new(big_endian)),
        }
    }
}

fn pcap(link: &Link, frames: &[Frame], mut out: Bytes, nanoseconds: bool) -> Vec<u8> {
    let (magic, unit) = if nanoseconds { (0xa1b2_3c4d, 1) } else { (0xa1b2_c3d4, 1_000) };
    out.word(magic).half(2).half(4).word(0).word(0).word(262_144).word(link.number().into());
    for frame in frames {
        out.word(narrow(frame.nanos / SECOND)).word(narrow(frame.nanos % SECOND / unit));
        out.word(narrow(frame.bytes.len())).word(narrow(frame.length)).raw(&frame.bytes);
    }
    out.bytes
}

/// Two interfaces, the second with nanoseconds: frames alternate between them.
fn ng(link: &Link, frames: &[Frame], mut out: Bytes) -> Vec<u8> {
    out.block(0x0a0d_0d0a, |out| {
        out.word(0x1a2b_3c4d).half(1).half(0).word(u32::MAX).word(u32::MAX);
    });
    for resolution in [6, 9] {
        out.block(1, |out| {
            out.half(link.number()).half(0).word(262_144);
            out.half(9).half(1).raw(&[resolution, 0, 0, 0]).word(0);
        });
    }
    for (index, frame) in frames.iter().enumerate() {
        let interface = index % 2;
        let ticks = if interface == 0 { frame.nanos / 1_000 } else { frame.nanos };
        out.block(6, |out| {
            out.word(narrow(interface)).word(narrow(ticks >> 32)).word(narrow(ticks & u64::from(u32::MAX)));
            out.word(narrow(frame.bytes.len())).word(narrow(frame.length)).raw(&frame.bytes);
        });
    }
    out.bytes
}

const SECOND: u64 = 1_000_000_000;

fn narrow<T: TryInto<u32>>(number: T) -> u32 {
    number.try_into().ok().expect("fits a field of 32 bits")
}

/// Bytes in one byte order.
struct Bytes {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Bytes {
    fn new(big_endian: bool) -> Self {
        Self { bytes: Vec::new(), big_endian }
    }

    fn word(&mut self, word: u32) -> &mut Self {
        self.bytes.extend(if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() });
        self
    }

    fn half(&mut self, half: u16) -> &mut Self {
        self.bytes.extend(if self.big_endian { half.to_be_bytes() } else { half.to_le_bytes() });
        self
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }

    /// A pcapng block: type, length, padded body, length.
    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Self)) {
        let mut body = Self::new(self.big_endian);
        fill(&mut body);
        body.bytes.resize(body.bytes.len().next_multiple_of(4), 0);
        let total = narrow(body.bytes.len() + 12);
        self.word(kind).word(total).raw(&body.bytes).word(total);
    }
}
