//! From a captured packet to a TCP segment.
//!
//! Owns the link layers that are read and the ways to skip a packet. Must not know files or conversations.
use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TcpSlice, TransportSlice};
use pcap_parser::Linktype;

/// Raw IP by its number in the BSDs; captures of OpenBSD have 14.
const RAW_BSD: [Linktype; 2] = [Linktype(12), Linktype(14)];
/// Where the protocol and the payload of a Linux cooked header are (tcpdump's `LINKTYPE_LINUX_SLL`).
const COOKED: (usize, usize) = (14, 16);
/// The same, second version (`LINKTYPE_LINUX_SLL2`).
const COOKED_2: (usize, usize) = (0, 20);
/// Bytes of the address family before the IP header (`LINKTYPE_NULL`, `LINKTYPE_LOOP`).
const LOOPBACK_HEADER: usize = 4;

/// What a conversation needs of a TCP segment.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    /// Sender.
    pub(super) from: SocketAddr,
    /// Receiver.
    pub(super) to: SocketAddr,
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

/// Why a packet holds no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// The link layer is not one that is read.
    Link,
    /// Part of an IP datagram: fragments are not put together.
    Fragment,
    /// Neither TCP nor broken.
    Other,
    /// A header is cut off or contradicts itself.
    Malformed,
}

/// Finds the TCP segment in a packet.
pub(super) fn dissect(link: Linktype, data: &[u8]) -> Result<Segment<'_>, Skip> {
    let packet = match link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(data).map_err(|_| Skip::Malformed)?,
        Linktype::LINUX_SLL => cooked(data, COOKED)?,
        Linktype::LINUX_SLL2 => cooked(data, COOKED_2)?,
        Linktype::NULL | Linktype::LOOP => raw(data.get(LOOPBACK_HEADER..).ok_or(Skip::Malformed)?)?,
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => raw(data)?,
        other if RAW_BSD.contains(&other) => raw(data)?,
        _ => return Err(Skip::Link),
    };
    segment(&packet)
}

fn cooked(data: &[u8], (protocol, payload): (usize, usize)) -> Result<LaxSlicedPacket<'_>, Skip> {
    let protocol = data.get(protocol..).and_then(|rest| rest.first_chunk()).ok_or(Skip::Malformed)?;
    let payload = data.get(payload..).ok_or(Skip::Malformed)?;
    Ok(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes(*protocol)), payload))
}

fn raw(data: &[u8]) -> Result<LaxSlicedPacket<'_>, Skip> {
    LaxSlicedPacket::from_ip(data).map_err(|_| Skip::Malformed)
}

fn segment<'a>(packet: &LaxSlicedPacket<'a>) -> Result<Segment<'a>, Skip> {
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { return Err(skip(packet)) };
    let (from, to, cut) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let auth = ip.extensions().auth.map_or(0, |auth| auth.slice().len());
            let declared = usize::from(header.total_len()).saturating_sub(header.slice().len() + auth);
            let ends = (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()));
            (ends.0, ends.1, missing(ip.payload(), declared))
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let extensions = ip.extensions().slice().len();
            let declared = usize::from(header.payload_length()).saturating_sub(extensions);
            let ends = (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()));
            (ends.0, ends.1, missing(ip.payload(), declared))
        }
        _ => return Err(Skip::Other),
    };
    let length = u32::try_from(tcp.payload().len() + cut).map_err(|_| Skip::Malformed)?;
    Ok(of_tcp(tcp, from, to, length))
}

fn of_tcp<'a>(tcp: &TcpSlice<'a>, from: IpAddr, to: IpAddr, length: u32) -> Segment<'a> {
    Segment {
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        syn: tcp.syn(),
        ack: tcp.ack(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload(),
        length,
    }
}

/// Bytes that the snap length took from an IP payload of `declared` bytes.
fn missing(payload: &etherparse::LaxIpPayloadSlice<'_>, declared: usize) -> usize {
    if payload.incomplete { declared.saturating_sub(payload.payload.len()) } else { 0 }
}

fn skip(packet: &LaxSlicedPacket<'_>) -> Skip {
    let payload = packet.net.as_ref().and_then(LaxNetSlice::ip_payload_ref);
    match payload {
        Some(payload) if payload.fragmented => Skip::Fragment,
        _ if packet.stop_err.is_some() => Skip::Malformed,
        _ => Skip::Other,
    }
}
