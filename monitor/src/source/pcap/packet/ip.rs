//! IP headers, both versions, and IPv6's extension headers.
//!
//! Owns their lengths and what is left when a packet was cut. Must not know what carries them. Sources: RFC 791,
//! RFC 8200, RFC 4302 (authentication header), RFC 6946 (a fragment header on a whole packet).
use super::{Skip, behind, short};

pub(super) const IPV4: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const IPV6: u8 = 41;
pub(super) const GRE: u8 = 47;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
/// Hop-by-hop, routing, destination, mobility, host identity, shim6: each says its length in units of 8 bytes.
const EXTENSIONS: [u8; 6] = [0, 43, 60, 135, 139, 140];
/// Extension headers that are looked behind.
const MAX_EXTENSIONS: usize = 8;

/// An IP packet.
pub(super) struct Packet<'a> {
    pub(super) from: u128,
    pub(super) to: u128,
    pub(super) ipv4: bool,
    /// What the payload is.
    pub(super) protocol: u8,
    /// What was captured of the payload, without what the link layer put behind it.
    pub(super) payload: &'a [u8],
    /// Bytes that the snap length took from its end.
    pub(super) missing: usize,
}

pub(super) fn read(data: &[u8]) -> Result<Packet<'_>, Skip> {
    match data.first().ok_or(Skip::Malformed)? >> 4 {
        4 => version_4(data),
        6 => version_6(data),
        _ => Err(Skip::Malformed),
    }
}

fn version_4(data: &[u8]) -> Result<Packet<'_>, Skip> {
    let header: &[u8; 20] = data.first_chunk().ok_or(Skip::Malformed)?;
    let [first, _, high, low, _, _, flags, offset, _, protocol, ..] = *header;
    let length = usize::from(first & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([high, low]));
    // A card that cuts segments itself leaves the field empty; the packet ends where the frame does.
    let total = if total == 0 { data.len() } else { total };
    if length < header.len() || total < length {
        return Err(Skip::Malformed);
    }
    // More fragments follow, or some came before.
    if u16::from_be_bytes([flags, offset]) & 0x3fff != 0 {
        return Err(fragment(protocol));
    }
    let [.., a, b, c, d, e, f, g, h] = *header;
    let payload = data.get(length..total.min(data.len())).ok_or(Skip::Malformed)?;
    let packet = Packet {
        from: u32::from_be_bytes([a, b, c, d]).into(),
        to: u32::from_be_bytes([e, f, g, h]).into(),
        ipv4: true,
        protocol,
        payload,
        missing: total.saturating_sub(data.len()),
    };
    if protocol == AUTHENTICATION { unextended(packet) } else { Ok(packet) }
}

fn version_6(data: &[u8]) -> Result<Packet<'_>, Skip> {
    let (header, rest) = data.split_first_chunk::<40>().ok_or(Skip::Malformed)?;
    let [_, _, _, _, high, low, protocol, _, addresses @ ..] = header;
    let (from, to) = addresses.split_first_chunk::<16>().ok_or(Skip::Malformed)?;
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let length = if length == 0 { rest.len() } else { length };
    let packet = Packet {
        from: u128::from_be_bytes(*from),
        to: u128::from_be_bytes(*to.first_chunk().ok_or(Skip::Malformed)?),
        ipv4: false,
        protocol: *protocol,
        payload: rest.get(..length.min(rest.len())).ok_or(Skip::Malformed)?,
        missing: length.saturating_sub(rest.len()),
    };
    if *protocol == TCP { Ok(packet) } else { unextended(packet) }
}

/// Looks behind the extension headers.
fn unextended(mut packet: Packet<'_>) -> Result<Packet<'_>, Skip> {
    for _ in 0..MAX_EXTENSIONS {
        let length = match packet.protocol {
            FRAGMENT => 8,
            AUTHENTICATION => (extension_length(packet.payload)? + 2) * 4,
            other if EXTENSIONS.contains(&other) => (extension_length(packet.payload)? + 1) * 8,
            _ => return Ok(packet),
        };
        let next = *packet.payload.first().ok_or(Skip::Malformed)?;
        // The two bits between the offset and the flag are reserved.
        if packet.protocol == FRAGMENT && short(packet.payload, 2)? & 0xfff9 != 0 {
            return Err(fragment(next));
        }
        packet = Packet { protocol: next, payload: behind(packet.payload, length)?, ..packet };
    }
    Err(Skip::Deep)
}

fn extension_length(header: &[u8]) -> Result<usize, Skip> {
    header.get(1).map(|length| usize::from(*length)).ok_or(Skip::Malformed)
}

/// A fragment of what can hold TCP is a loss, one of a UDP datagram is none.
fn fragment(protocol: u8) -> Skip {
    let may_hold_tcp =
        matches!(protocol, TCP | IPV4 | IPV6 | GRE | AUTHENTICATION) || EXTENSIONS.contains(&protocol);
    if may_hold_tcp { Skip::Fragment } else { Skip::Other }
}
