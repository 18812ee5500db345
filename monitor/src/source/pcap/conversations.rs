//! From TCP segments to events of conversations.
//!
//! Owns the table of conversations, bounded by [`CAPACITY`], and the choice of the client. Must not know files,
//! nor what the bytes mean.
//!
//! The client is the sender of the SYN, else the receiver of the SYN-ACK; for a conversation that was under way
//! when the capture began, it is the end with the higher port (clients get ephemeral ones), and the first sender
//! where ports are equal. VLAN tags do not tell conversations apart.
use std::{collections::VecDeque, net::SocketAddr, num::NonZeroUsize};

use bytes::Bytes;
use lru::LruCache;

use super::{
    packet::Segment,
    stream::{Place, Stream},
};
use crate::event::{Body, BootTime, Direction, Ends, Event, FlowId, Payload};

/// Conversations held at a time; the one quiet for longest makes room.
const CAPACITY: NonZeroUsize = match NonZeroUsize::new(65_536) {
    Some(capacity) => capacity,
    None => NonZeroUsize::MIN,
};

/// Both ends, the lesser first.
type Key = (SocketAddr, SocketAddr);

struct Conversation {
    flow: FlowId,
    ends: Ends,
    egress: Stream,
    ingress: Stream,
    /// A payload event was made of it, so its end must be told.
    told: bool,
    closed: bool,
}

/// Every conversation of a capture.
pub(super) struct Conversations {
    table: LruCache<Key, Conversation>,
    begun: u64,
    evicted: u64,
    before_start: u64,
}

impl Conversations {
    pub(super) fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: NonZeroUsize) -> Self {
        Self { table: LruCache::new(capacity), begun: 0, evicted: 0, before_start: 0 }
    }

    /// Conversations begun so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Conversations that were pushed out by the cap while they were open.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Segments left out because they lie before the first byte captured of their direction.
    pub(super) fn before_start(&self) -> u64 {
        self.before_start
    }

    /// Appends to `out` what `segment` shows.
    pub(super) fn take(&mut self, at: BootTime, segment: &Segment<'_>, out: &mut VecDeque<Event>) {
        let key =
            if segment.from <= segment.to { (segment.from, segment.to) } else { (segment.to, segment.from) };
        let known = self.table.get(&key);
        let ends = match known {
            Some(known) if !known.is_replaced_by(segment) => None,
            // Bytes after the end of a conversation: the same two ends went on talking.
            Some(known) if !segment.syn => Some(known.ends),
            _ if segment.syn || segment.length > 0 => Some(choose_client(segment)),
            // An acknowledgement or reset alone says nothing.
            _ => return,
        };
        if let Some(ends) = ends {
            self.begin(at, key, ends, out);
        }
        let Some(conversation) = self.table.get_mut(&key) else { return };
        self.before_start += u64::from(!conversation.take(at, segment, out));
    }

    /// Ends every conversation that is still open, in the order in which they began: nothing follows.
    pub(super) fn end(&mut self, at: BootTime, out: &mut VecDeque<Event>) {
        let mut left = Vec::with_capacity(self.table.len());
        while let Some((_, conversation)) = self.table.pop_lru() {
            left.push(conversation);
        }
        left.sort_unstable_by_key(|conversation| conversation.flow);
        left.iter_mut().for_each(|conversation| conversation.close(at, out));
    }

    fn begin(&mut self, at: BootTime, key: Key, ends: Ends, out: &mut VecDeque<Event>) {
        let flow = FlowId(self.begun);
        self.begun += 1;
        let conversation = Conversation {
            flow,
            ends,
            egress: Stream::default(),
            ingress: Stream::default(),
            told: false,
            closed: false,
        };
        if let Some((other, mut gone)) = self.table.push(key, conversation) {
            self.evicted += u64::from(other != key && !gone.closed);
            gone.close(at, out);
        }
    }
}

impl Conversation {
    /// Whether `segment` begins another conversation between the same ends.
    fn is_replaced_by(&self, segment: &Segment<'_>) -> bool {
        let (_, stream) = self.sender(segment);
        if segment.syn {
            let reopened = self.closed && !segment.ack;
            return reopened || !stream.fits(segment.sequence.wrapping_add(1));
        }
        self.closed && segment.length > 0 && stream.extends(segment.sequence, segment.length)
    }

    fn sender(&self, segment: &Segment<'_>) -> (Direction, &Stream) {
        if segment.from == self.ends.local {
            (Direction::Egress, &self.egress)
        } else {
            (Direction::Ingress, &self.ingress)
        }
    }

    /// Says whether the segment's place is known.
    fn take(&mut self, at: BootTime, segment: &Segment<'_>, out: &mut VecDeque<Event>) -> bool {
        let (direction, stream) = match self.sender(segment).0 {
            Direction::Egress => (Direction::Egress, &mut self.egress),
            Direction::Ingress => (Direction::Ingress, &mut self.ingress),
        };
        // A SYN takes one sequence number; data may follow it in the same segment.
        let first = segment.sequence.wrapping_add(u32::from(segment.syn));
        if segment.syn {
            stream.begin(first);
        }
        let mut placed = true;
        if segment.length > 0 && !self.closed {
            match stream.place(first, segment.length) {
                Some(place) => {
                    self.told = true;
                    let payload = payload(self.flow, self.ends, direction, segment, place);
                    out.push_back(Event { at, owner: None, body: Body::Payload(payload) });
                }
                None => placed = false,
            }
        }
        stream.finished |= segment.fin;
        if segment.rst || (self.egress.finished && self.ingress.finished) {
            self.close(at, out);
        }
        placed
    }

    fn close(&mut self, at: BootTime, out: &mut VecDeque<Event>) {
        if self.told && !self.closed {
            out.push_back(Event { at, owner: None, body: Body::Close { flow: self.flow } });
        }
        self.closed = true;
    }
}

fn payload(flow: FlowId, ends: Ends, direction: Direction, segment: &Segment<'_>, place: Place) -> Payload {
    let skipped = usize::try_from(place.skipped).unwrap_or(usize::MAX);
    // Copied, so that one held piece does not keep the whole read buffer alive.
    let bytes = Bytes::copy_from_slice(segment.payload.get(skipped..).unwrap_or_default());
    let length = segment.length - place.skipped;
    Payload { flow, ends, direction, offset: place.offset, bytes, length, restart: false }
}

fn choose_client(segment: &Segment<'_>) -> Ends {
    let from_client = if segment.syn { !segment.ack } else { segment.from.port() >= segment.to.port() };
    if from_client {
        Ends { local: segment.from, remote: segment.to }
    } else {
        Ends { local: segment.to, remote: segment.from }
    }
}

#[cfg(test)]
#[path = "conversations_tests.rs"]
mod tests;
