//! From what two ends say to the segments of a TCP connection.
//!
//! Owns handshake, sequence numbers, acknowledgements and the end. Must not know files or what is said.
use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{
    packet::{ACK, FIN, PSH, RST, SEGMENT, SYN, Segment},
    random::Random,
    talk::{Kind, Side, Talk},
};

/// A connection as it goes on.
pub(crate) struct Conversation {
    ends: [SocketAddr; 2],
    /// Sequence numbers of the next byte.
    next: [u32; 2],
    talk: Talk,
    ready: VecDeque<Segment>,
    over: bool,
}

impl Conversation {
    pub(crate) fn new(kind: Kind, random: &mut Random) -> Self {
        let ends = ends(kind.port(), random);
        let next = [0, 0].map(|_: u32| u32::try_from(random.next() >> 32).unwrap_or_default());
        let talk = Talk::new(kind, random);
        let mut new = Self { ends, next, talk, ready: VecDeque::new(), over: false };
        new.flags(Side::Client, SYN);
        new.flags(Side::Server, SYN | ACK);
        new.flags(Side::Client, ACK);
        new
    }

    /// The next segment; `None` when the connection is closed.
    pub(crate) fn next(&mut self, random: &mut Random) -> Option<Segment> {
        while self.ready.is_empty() && !self.over {
            match self.talk.next(random) {
                Some((side, words)) => self.say(side, &words, random),
                None => self.end(random),
            }
        }
        self.ready.pop_front()
    }

    /// Every second segment is acknowledged and a third of the single ones, for the others the answer does it. One
    /// segment in 200 is repeated, one in 200 overtakes the one before it.
    fn say(&mut self, side: Side, words: &[u8], random: &mut Random) {
        let other = if side == Side::Client { Side::Server } else { Side::Client };
        for (index, piece) in words.chunks(SEGMENT).enumerate() {
            self.send(side, PSH | ACK, piece.to_vec());
            let last = self.ready.back().cloned();
            self.ready.extend(last.filter(|_| random.once_in(200)));
            if self.ready.len() > 1 && random.once_in(200) {
                let end = self.ready.len() - 1;
                self.ready.swap(end, end - 1);
            }
            if index % 2 == 1 {
                self.flags(other, ACK);
            }
        }
        if random.once_in(3) {
            self.flags(other, ACK);
        }
    }

    fn end(&mut self, random: &mut Random) {
        self.over = true;
        if random.once_in(10) {
            return self.flags(Side::Client, RST);
        }
        self.flags(Side::Client, FIN | ACK);
        self.flags(Side::Server, FIN | ACK);
        self.flags(Side::Client, ACK);
    }

    fn flags(&mut self, side: Side, flags: u8) {
        self.send(side, flags, Vec::new());
    }

    fn send(&mut self, side: Side, flags: u8, payload: Vec<u8>) {
        let [client, server] = self.ends;
        let [from_client, from_server] = self.next;
        let (from, to, sequence, acknowledged) = match side {
            Side::Client => (client, server, from_client, from_server),
            Side::Server => (server, client, from_server, from_client),
        };
        let taken = payload.len() + usize::from(flags & (SYN | FIN) != 0);
        let after = sequence.wrapping_add(u32::try_from(taken).unwrap_or_default());
        match side {
            Side::Client => self.next = [after, from_server],
            Side::Server => self.next = [from_client, after],
        }
        let acknowledged = if flags & ACK == 0 { 0 } else { acknowledged };
        self.ready.push_back(Segment { from, to, sequence, acknowledged, flags, payload });
    }
}

/// A scan's probe, which nothing answers, or a reset (one in four), as two segments at most.
pub(crate) fn probe(random: &mut Random) -> Vec<Segment> {
    let [from, to] = ends(u16::try_from(random.between(1, 1_024)).unwrap_or(1), random);
    let sequence = u32::try_from(random.next() >> 32).unwrap_or_default();
    let probe = Segment { from, to, sequence, acknowledged: 0, flags: SYN, payload: Vec::new() };
    let acknowledged = sequence.wrapping_add(1);
    let refusal =
        Segment { from: to, to: from, sequence: 0, acknowledged, flags: RST | ACK, payload: Vec::new() };
    if random.once_in(4) { vec![probe, refusal] } else { vec![probe] }
}

/// A client of a private network, with a port of its own, and some server; a quarter of all speak IPv6.
fn ends(port: u16, random: &mut Random) -> [SocketAddr; 2] {
    let bits = random.next();
    let client_port = u16::try_from(random.between(32_768, 61_000)).unwrap_or(40_000);
    let [a, b, c, d, e, ..] = bits.to_le_bytes();
    let (client, server): (IpAddr, IpAddr) = if bits >> 62 == 0 {
        let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0).to_bits();
        let near = Ipv6Addr::from_bits(prefix | 1 << 64 | u128::from(a) << 8 | u128::from(b));
        let far =
            Ipv6Addr::from_bits(prefix | 2 << 64 | u128::from(c) << 16 | u128::from(d) << 8 | u128::from(e));
        (near.into(), far.into())
    } else {
        (Ipv4Addr::new(10, 0, a, b).into(), Ipv4Addr::new(198, 18 + (c & 1), d, e).into())
    };
    [SocketAddr::new(client, client_port), SocketAddr::new(server, port)]
}
