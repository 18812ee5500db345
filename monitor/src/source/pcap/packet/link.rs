//! Everything that can stand before an IP packet: link layers, tags, labels and the headers of tunnels.
//!
//! Owns their lengths and how each names what follows. Must not know IP. Sources: tcpdump's list of link-layer
//! header types; IEEE 802.1Q; RFC 3032 and RFC 4385 (MPLS, pseudowires); RFC 2516 (PPPoE); RFC 2784 and RFC 2890
//! (GRE).
use pcap_parser::Linktype;

use super::{Layer, Skip, behind, short};

/// Raw IP by its number in the BSDs; captures of OpenBSD have 14.
const RAW_BSD: [Linktype; 2] = [Linktype(12), Linktype(14)];
/// Where the protocol and the payload of a Linux cooked header are (tcpdump's `LINKTYPE_LINUX_SLL`).
const COOKED: (usize, usize) = (14, 16);
/// The same, second version (`LINKTYPE_LINUX_SLL2`).
const COOKED_2: (usize, usize) = (0, 20);
/// Bytes of the address family before the IP header (`LINKTYPE_NULL`, `LINKTYPE_LOOP`).
const LOOPBACK_HEADER: usize = 4;
/// Where the type and the payload of an Ethernet frame are.
const ETHERNET: (usize, usize) = (12, 14);
/// Where the type and the payload of a VLAN tag are, counted from behind the type that names it.
const VLAN: (usize, usize) = (2, 4);

/// First layer of a packet.
pub(super) fn first(link: Linktype, data: &[u8]) -> Result<(Layer, &[u8]), Skip> {
    match link {
        Linktype::ETHERNET => Ok((Layer::Ethernet, data)),
        Linktype::LINUX_SLL => tagged(data, COOKED),
        Linktype::LINUX_SLL2 => tagged(data, COOKED_2),
        Linktype::NULL | Linktype::LOOP => Ok((Layer::Ip, behind(data, LOOPBACK_HEADER)?)),
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => Ok((Layer::Ip, data)),
        other if RAW_BSD.contains(&other) => Ok((Layer::Ip, data)),
        _ => Err(Skip::Link),
    }
}

pub(super) fn ethernet(data: &[u8]) -> Result<(Layer, &[u8]), Skip> {
    tagged(data, ETHERNET)
}

/// What an `EtherType` names: IP, another tag, labels, or a PPP session.
pub(super) fn typed(ether_type: u16, data: &[u8]) -> Result<(Layer, &[u8]), Skip> {
    match ether_type {
        0x0800 | 0x86dd => Ok((Layer::Ip, data)),
        0x8100 | 0x88a8 | 0x9100 => tagged(data, VLAN),
        0x8847 | 0x8848 => Ok((Layer::Mpls, data)),
        0x8864 => pppoe(data),
        _ => Err(Skip::Other),
    }
}

/// One label. Behind the last one nothing says what follows: the first four bits are IP's version, or zero in the
/// control word of an Ethernet pseudowire.
pub(super) fn mpls(data: &[u8]) -> Result<(Layer, &[u8]), Skip> {
    let [_, _, bottom, _] = *data.first_chunk().ok_or(Skip::Malformed)?;
    let rest = behind(data, 4)?;
    if bottom & 1 == 0 {
        return Ok((Layer::Mpls, rest));
    }
    match rest.first().ok_or(Skip::Malformed)? >> 4 {
        4 | 6 => Ok((Layer::Ip, rest)),
        0 => Ok((Layer::Ethernet, behind(rest, 4)?)),
        _ => Err(Skip::Other),
    }
}

/// Version and type 1, code 0 (a session), session, length, then PPP's own protocol number.
fn pppoe(data: &[u8]) -> Result<(Layer, &[u8]), Skip> {
    if short(data, 0)? != 0x1100 {
        return Err(Skip::Other);
    }
    let (protocol, rest) = (short(data, 6)?, behind(data, 8)?);
    match protocol {
        0x0021 | 0x0057 => Ok((Layer::Ip, rest)),
        0x0281 => Ok((Layer::Mpls, rest)),
        _ => Err(Skip::Other),
    }
}

/// Version 0 without routing: checksum, key and sequence number are there when their bit is set, four bytes each.
pub(super) fn gre(data: &[u8]) -> Result<(Layer, &[u8]), Skip> {
    const BRIDGED_ETHERNET: u16 = 0x6558;
    const ROUTING_OR_VERSION: u16 = 0x4007;
    let flags = short(data, 0)?;
    if flags & ROUTING_OR_VERSION != 0 {
        return Err(Skip::Other);
    }
    let optional = [0x8000, 0x2000, 0x1000].iter().filter(|bit| flags & **bit != 0).count();
    let (ether_type, rest) = (short(data, 2)?, behind(data, 4 + 4 * optional)?);
    Ok(if ether_type == BRIDGED_ETHERNET {
        (Layer::Ethernet, rest)
    } else {
        (Layer::Typed(ether_type), rest)
    })
}

fn tagged(data: &[u8], (ether_type, payload): (usize, usize)) -> Result<(Layer, &[u8]), Skip> {
    Ok((Layer::Typed(short(data, ether_type)?), behind(data, payload)?))
}
