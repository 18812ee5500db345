//! The TCP header.
//!
//! Owns its fields (RFC 9293, section 3.1). Must not know what carries it.
use super::{End, Segment, Skip, ip::Packet};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

pub(super) fn read<'a>(packet: &Packet<'a>) -> Result<Segment<'a>, Skip> {
    let header: &[u8; 20] = packet.payload.first_chunk().ok_or(Skip::Malformed)?;
    let [p, q, r, s, a, b, c, d, _, _, _, _, words, flags, ..] = *header;
    let length = usize::from(words >> 4) * 4;
    if length < header.len() {
        return Err(Skip::Malformed);
    }
    let payload = packet.payload.get(length..).ok_or(Skip::Malformed)?;
    let end = |address, port| End { address, port: u16::from_be_bytes(port), ipv4: packet.ipv4 };
    Ok(Segment {
        from: end(packet.from, [p, q]),
        to: end(packet.to, [r, s]),
        sequence: u32::from_be_bytes([a, b, c, d]),
        syn: flags & SYN != 0,
        ack: flags & ACK != 0,
        fin: flags & FIN != 0,
        rst: flags & RST != 0,
        payload,
        length: u32::try_from(payload.len() + packet.missing).map_err(|_| Skip::Malformed)?,
    })
}
