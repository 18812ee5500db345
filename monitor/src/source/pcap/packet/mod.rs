//! From a captured packet to a TCP segment.
//!
//! Owns the way from layer to layer and its depth. Must not know files or conversations. A packet in a tunnel is
//! the innermost one: its addresses are those of the two ends that talk.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pcap_parser::Linktype;

mod ip;
mod link;
mod tcp;
#[cfg(test)]
mod tests;

/// Headers that are looked behind: link, tags, labels, tunnels and IP. Real stacks have up to about ten.
const MAX_LAYERS: usize = 24;

/// One end of a TCP connection. Compares and hashes faster than a [`SocketAddr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    /// An IPv4 address in its lowest 32 bits, or an IPv6 address.
    pub(super) address: u128,
    pub(super) port: u16,
    pub(super) ipv4: bool,
}

impl From<End> for SocketAddr {
    fn from(end: End) -> Self {
        let v4 = u32::try_from(end.address).ok().filter(|_| end.ipv4);
        let address = match v4 {
            Some(bits) => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            None => IpAddr::V6(Ipv6Addr::from_bits(end.address)),
        };
        Self::new(address, end.port)
    }
}

/// What a conversation needs of a TCP segment.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    /// Sender.
    pub(super) from: End,
    /// Receiver.
    pub(super) to: End,
    /// Sequence number of the first byte, or of the SYN.
    pub(super) sequence: u32,
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    /// What was captured of the payload.
    pub(super) payload: &'a [u8],
    /// Bytes that the payload had on the wire.
    pub(super) length: u32,
}

impl Segment<'_> {
    /// It acknowledges, and nothing more.
    pub(super) const fn says_nothing(&self) -> bool {
        self.length == 0 && !self.syn && !self.fin && !self.rst
    }
}

/// Why a packet holds no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// The link layer is not one that is read.
    Link,
    /// Part of an IP datagram that may hold TCP: fragments are not put together.
    Fragment,
    /// Neither TCP nor broken.
    Other,
    /// A header is cut off or contradicts itself.
    Malformed,
    /// More headers than are looked behind.
    Deep,
}

/// What the next bytes are.
#[derive(Clone, Copy)]
enum Layer {
    Ethernet,
    /// Named by an `EtherType`.
    Typed(u16),
    Mpls,
    /// IPv4 or IPv6: the first four bits say which.
    Ip,
}

/// Finds the TCP segment in a packet.
pub(super) fn dissect(link: Linktype, data: &[u8]) -> Result<Segment<'_>, Skip> {
    let (mut layer, mut rest) = link::first(link, data)?;
    for _ in 0..MAX_LAYERS {
        (layer, rest) = match layer {
            Layer::Ethernet => link::ethernet(rest)?,
            Layer::Typed(ether_type) => link::typed(ether_type, rest)?,
            Layer::Mpls => link::mpls(rest)?,
            Layer::Ip => {
                let packet = ip::read(rest)?;
                match packet.protocol {
                    ip::TCP => return tcp::read(&packet),
                    ip::GRE => link::gre(packet.payload)?,
                    ip::IPV4 | ip::IPV6 => (Layer::Ip, packet.payload),
                    _ => return Err(Skip::Other),
                }
            }
        };
    }
    Err(Skip::Deep)
}

/// Two bytes in network order.
fn short(data: &[u8], at: usize) -> Result<u16, Skip> {
    let bytes = data.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Skip::Malformed)?;
    Ok(u16::from_be_bytes(*bytes))
}

/// What follows the first `count` bytes.
fn behind(data: &[u8], count: usize) -> Result<&[u8], Skip> {
    data.get(count..).ok_or(Skip::Malformed)
}
