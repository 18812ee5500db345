//! TCP payload, both directions.
//!
//! `cgroup_skb/egress` and `cgroup_skb/ingress` at the cgroup2 root (4.10; `bpf_sk_storage_get` on their `sk` since
//! 5.10): `int prog(struct __sk_buff *skb)`, data starts at the IP header, 1 lets the packet pass. They run in
//! softirq as well as in process context, so the current task means nothing here and is never asked for.
use core::hint::black_box;

use aya_ebpf::{
    bindings::__sk_buff,
    helpers::generated::{bpf_get_socket_cookie, bpf_skb_load_bytes},
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use monitor_ebpf::{
    event::{EGRESS, INGRESS, Kind, Payload},
    limits,
    stats::Counter,
};

use super::connect;
use crate::{
    emit::{self, Urgency},
    maps::{count, flow, flow_or_new},
    policy::{
        Piece,
        head::{Head, Heard, Place, heard},
    },
};

/// IP protocol numbers (IANA).
const TCP: u8 = 6;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
/// IPv6 extension headers that are stepped over.
const EXTENSIONS: u32 = 6;
/// `SYN` in byte 13 of a TCP header.
const SYN: u8 = 0x02;
/// Bytes of an IPv6 header, and of the smallest TCP packet of IPv4: no packet of TCP is shorter.
const SHORTEST: usize = 40;
/// Bytes of a TCP header that tell where its data is.
const TCP_HEADER: usize = 14;
/// include/net/tcp_states.h.
const LISTEN: u32 = 10;

/// Always: watching never drops.
const PASS: i32 = 1;

#[repr(C)]
struct Record<const N: usize> {
    head: Payload,
    bytes: [u8; N],
}

/// Where a TCP segment's payload lies in the packet.
struct Segment {
    start: u32,
    length: u32,
    sequence: u32,
    syn: bool,
}

#[cgroup_skb(egress)]
fn egress(ctx: SkBuffContext) -> i32 {
    packet(&ctx, EGRESS);
    PASS
}

#[cgroup_skb(ingress)]
fn ingress(ctx: SkBuffContext) -> i32 {
    packet(&ctx, INGRESS);
    PASS
}

#[inline(always)]
fn packet(ctx: &SkBuffContext, direction: u16) -> Option<()> {
    let skb = ctx.skb.skb;
    // SAFETY: a field of the context; the verifier turns it into a checked load.
    let sk = unsafe { (*skb).__bindgen_anon_2.sk };
    if sk.is_null() {
        return None;
    }
    // SAFETY: `sk` was checked.
    let mut known = unsafe { flow(sk.cast()) };
    if let Some(flow) = &mut known
        && !flow.sides[usize::from(direction)].wants_a_look(emit::tick, emit::now)
    {
        return None;
    }
    let segment = tcp(skb)?;
    if segment.length == 0 && !segment.syn {
        return None;
    }
    // A handshake passes by the socket that listens, those of all clients by the same one; what the accepted
    // sockets receive afterwards comes by their own.
    if connect::field!(sk.state) == LISTEN {
        return None;
    }
    let flow = match known {
        Some(flow) => flow,
        // SAFETY: `sk` was checked.
        None => unsafe { flow_or_new(sk.cast(), || cookie(skb)) }?,
    };
    let opened = flow.told == 1;
    let [sent, received] = &mut flow.sides;
    let (side, other) = if direction == EGRESS { (sent, received) } else { (received, sent) };
    if segment.syn {
        side.synchronise(segment.sequence);
    }
    if segment.length == 0 {
        return None;
    }
    let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
    let heard = if side.wants_any() {
        Heard::Nothing
    } else {
        let place = Place { egress: direction == EGRESS, begins: opened && side.begins(sequence) };
        listen(skb, &segment, place)
    };
    other.invite(heard);
    let piece = side.segment(sequence, segment.length, emit::now, heard)?;
    flow.captured = 1;
    let head = Payload {
        header: emit::header(Kind::Payload, piece.size),
        owner: flow.owner,
        cookie: cookie(skb),
        offset: piece.offset,
        ends: connect::ends_of_sock(sk),
        length: segment.length,
        direction,
        restart: u16::from(piece.restart),
    };
    capture(skb, segment.start, &piece, &head);
    Some(())
}

#[inline(always)]
fn cookie(skb: *mut __sk_buff) -> u64 {
    // SAFETY: the context is a packet's.
    unsafe { bpf_get_socket_cookie(skb.cast()) }
}

#[inline(always)]
fn listen(skb: *mut __sk_buff, segment: &Segment, place: Place) -> Heard {
    let mut head: Head = [0; limits::HEAD / 8];
    let length = if segment.length < limits::HEAD as u32 { segment.length } else { limits::HEAD as u32 };
    let size = (black_box(length.wrapping_sub(1)) & (limits::HEAD as u32 - 1)) + 1;
    // SAFETY: `head` has room for `size` bytes; the helper checks the packet.
    let failed =
        unsafe { bpf_skb_load_bytes(skb.cast(), segment.start, head.as_mut_ptr().cast(), size) } != 0;
    if failed {
        count(Counter::PacketFault);
        return Heard::Nothing;
    }
    heard(&head, segment.length, place)
}

#[inline(always)]
fn capture(skb: *mut __sk_buff, start: u32, piece: &Piece, head: &Payload) {
    // Three sizes, each a power of two for the mask in `copy`.
    if piece.size <= 256 {
        copy::<256>(skb, start, piece.size, head);
    } else if piece.size <= 1024 {
        copy::<1024>(skb, start, piece.size, head);
    } else {
        copy::<{ limits::PAYLOAD }>(skb, start, piece.size, head);
    }
}

#[inline(always)]
fn copy<const N: usize>(skb: *mut __sk_buff, start: u32, size: u32, head: &Payload) {
    let Some(mut entry) = emit::reserve::<Record<N>>(Kind::Payload) else {
        return; // counted
    };
    let size = (black_box(size.wrapping_sub(1)) & (N as u32 - 1)) + 1;
    // SAFETY: the entry spans one record; `bytes` has room for `size`, and the helper checks the packet.
    let failed = unsafe {
        let record = entry.as_mut_ptr();
        (*record).head = *head;
        bpf_skb_load_bytes(skb.cast(), start, (&raw mut (*record).bytes).cast(), size) != 0
    };
    if failed {
        count(Counter::PacketFault);
        entry.discard(0);
    } else {
        emit::submit(entry, Kind::Payload, Urgency::Now);
    }
}

#[inline(always)]
fn load<const N: usize>(skb: *mut __sk_buff, offset: u32) -> Option<[u8; N]> {
    let mut bytes = [0u8; N];
    // SAFETY: `bytes` has room for `N`; the helper checks the packet.
    let failed = unsafe { bpf_skb_load_bytes(skb.cast(), offset, bytes.as_mut_ptr().cast(), N as u32) } != 0;
    (!failed).then_some(bytes)
}

/// Finds the TCP payload; `None` for anything but a whole TCP segment.
#[inline(always)]
fn tcp(skb: *mut __sk_buff) -> Option<Segment> {
    let head: [u8; SHORTEST] = load(skb, 0)?;
    let (start, total) = match head[0] >> 4 {
        4 => ipv4(&head)?,
        6 => ipv6(skb, &head)?,
        _ => return None,
    };
    // Nearly all packets of IPv4 have no options: then the TCP header is at hand.
    let header: [u8; TCP_HEADER] = if start == 20 { copied(&head) } else { load(skb, start)? };
    let data = start + u32::from(header[12] >> 4) * 4;
    // SAFETY: a field of the context.
    let packet = unsafe { (*skb).len };
    // A super-packet (GSO, BIG TCP) may carry 0 as its length; padding may follow a short one.
    let end = if total == 0 || total > packet { packet } else { total };
    Some(Segment {
        start: data,
        length: end.saturating_sub(data),
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        syn: header[13] & SYN != 0,
    })
}

/// The bytes behind an IPv4 header without options.
#[inline(always)]
fn copied(head: &[u8; SHORTEST]) -> [u8; TCP_HEADER] {
    let mut header = [0; TCP_HEADER];
    let mut index = 0;
    while index < TCP_HEADER {
        header[index] = head[20 + index];
        index += 1;
    }
    header
}

/// Start of the TCP header and length of the packet; `None` for other protocols and later fragments.
#[inline(always)]
fn ipv4(head: &[u8; SHORTEST]) -> Option<(u32, u32)> {
    let fragment_offset = u16::from_be_bytes([head[6], head[7]]) & 0x1fff;
    if head[9] != TCP || fragment_offset != 0 {
        return None;
    }
    Some((u32::from(head[0] & 0x0f) * 4, u32::from(u16::from_be_bytes([head[2], head[3]]))))
}

#[inline(always)]
fn ipv6(skb: *mut __sk_buff, head: &[u8; SHORTEST]) -> Option<(u32, u32)> {
    let payload = u32::from(u16::from_be_bytes([head[4], head[5]]));
    let total = if payload == 0 { 0 } else { 40 + payload };
    let mut next = head[6];
    let mut offset = 40;
    let mut steps = 0;
    while next != TCP {
        if steps == EXTENSIONS {
            return None;
        }
        let extension: [u8; 4] = load(skb, offset)?;
        let size = match next {
            HOP_BY_HOP | ROUTING | DESTINATION => (u32::from(extension[1]) + 1) * 8,
            AUTHENTICATION => (u32::from(extension[1]) + 2) * 4,
            // Only the first fragment has the TCP header.
            FRAGMENT if u16::from_be_bytes([extension[2], extension[3]]) & 0xfff8 == 0 => 8,
            _ => return None,
        };
        next = extension[0];
        offset += size;
        steps += 1;
    }
    Some((offset, total))
}
