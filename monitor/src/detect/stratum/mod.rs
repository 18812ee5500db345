//! Stratum: finds mining conversations in TCP payload.
//!
//! Owns one bounded table of conversations. Must not know processes, sinks or weights. The way of a byte:
//! `stream` (in order) -> `frame` (objects) -> `scan` (JSON, also cut) -> `message` (neutral view) ->
//! `dialect` (whose words, which shapes) -> `session` (both sides together, findings).
//!
//! A direction holds at most 16 KiB of bytes not judged yet, all conversations together at most 16 MiB. Pool
//! passwords are read past: no field takes them, and raw bytes are dropped as soon as they are judged.
use std::num::NonZeroUsize;

use lru::LruCache;

use super::{Detector, Finding};
use crate::{
    enrich::Tables,
    event::{Body, BootTime, Direction, Event, FlowId, Payload},
};

mod account;
mod carrier;
mod dialect;
mod frame;
mod http;
mod junk;
mod message;
mod object;
mod polling;
mod scan;
mod session;
mod shape;
mod stream;
#[cfg(test)]
mod tests;

use carrier::Facts;
use dialect::find_interest;
pub use dialect::{Dialect, Dialects};
use frame::{Framer, Line};
use message::Message;
use session::{Heard, Session};
use stream::{Piece, Stream};

/// Raw bytes held over all conversations; the longest unheard of are pushed out above it.
const HELD_BYTES: usize = 16 << 20;

/// Detects Stratum, per conversation.
#[derive(Debug)]
pub struct Stratum {
    flows: LruCache<FlowId, Flow>,
    capacity: NonZeroUsize,
    dialects: Dialects,
    held_bytes: usize,
    evicted: u64,
    cuts: u64,
}

#[derive(Debug, Default)]
struct Flow {
    egress: Side,
    ingress: Side,
    /// Most conversations are no mining and never get one.
    session: Option<Box<Session>>,
}

#[derive(Debug, Default)]
struct Side {
    stream: Stream,
    framer: Framer,
}

impl Stratum {
    /// With room for `capacity` conversations.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        let flows = LruCache::unbounded();
        Self { flows, capacity, dialects: Dialects::default(), held_bytes: 0, evicted: 0, cuts: 0 }
    }

    /// Looks for `dialects` only.
    #[must_use]
    pub fn only(self, dialects: Dialects) -> Self {
        Self { dialects, ..self }
    }

    /// Takes a piece of a conversation.
    pub fn payload(&mut self, at: BootTime, payload: &Payload, out: &mut Vec<Finding>) {
        let flow = self.flows.get_or_insert_mut(payload.flow, Flow::default);
        let (held, cuts) = (flow.held(), flow.cuts());
        flow.take(at, payload, self.dialects);
        if let Some(session) = &mut flow.session {
            session.settle(payload.flow, out);
        }
        self.held_bytes = (self.held_bytes + flow.held()).saturating_sub(held);
        self.cuts += flow.cuts() - cuts;
        self.evict();
    }

    /// A conversation is over: what is left of a line is judged, and its state is gone.
    pub fn close(&mut self, id: FlowId, out: &mut Vec<Finding>) {
        let Some(mut flow) = self.flows.pop(&id) else { return };
        self.held_bytes = self.held_bytes.saturating_sub(flow.held());
        let cuts = flow.cuts();
        flow.finish(self.dialects);
        self.cuts += flow.cuts() - cuts;
        if let Some(session) = &mut flow.session {
            session.settle(id, out);
        }
    }

    fn evict(&mut self) {
        while self.flows.len() > self.capacity.get() || (self.held_bytes > HELD_BYTES && self.flows.len() > 1)
        {
            let Some((_, flow)) = self.flows.pop_lru() else { break };
            self.held_bytes = self.held_bytes.saturating_sub(flow.held());
            self.evicted += 1;
        }
    }
}

impl Detector for Stratum {
    fn inspect(&mut self, event: &Event, _tables: &Tables, out: &mut Vec<Finding>) {
        match &event.body {
            Body::Payload(payload) => self.payload(event.at, payload, out),
            Body::Close { flow } => self.close(*flow, out),
            _ => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<Finding>) {
        let mut open: Vec<FlowId> = self.flows.iter().map(|(id, _)| *id).collect();
        open.sort_unstable();
        open.into_iter().for_each(|id| self.close(id, out));
    }

    fn held(&self) -> usize {
        self.flows.len()
    }

    fn evicted(&self) -> u64 {
        self.evicted
    }

    fn cut(&self) -> u64 {
        self.cuts
    }
}

impl Flow {
    fn take(&mut self, at: BootTime, payload: &Payload, dialects: Dialects) {
        let (side, other) = match payload.direction {
            Direction::Egress => (&mut self.egress, &self.ingress),
            Direction::Ingress => (&mut self.ingress, &self.egress),
        };
        let foreign = other.framer.foreign();
        let session = &mut self.session;
        let begun = session.is_some();
        let mut find = |bytes: &[u8]| if begun { Some(0) } else { find_interest(bytes) };
        let framer = &mut side.framer;
        let mut judge = |line: Line<'_>| judge(session, dialects, payload.direction, &line, foreign);
        side.stream.push(at, payload, &mut |piece| match piece {
            Piece::Bytes(bytes) => framer.push_where(bytes, &mut find, &mut judge),
            Piece::Gap => framer.gap(&mut judge),
        });
    }

    fn finish(&mut self, dialects: Dialects) {
        let mut sides = [(&mut self.egress, Direction::Egress), (&mut self.ingress, Direction::Ingress)];
        // What waits behind a hole in one direction may answer what waits in the other.
        sides.sort_by_key(|(side, _)| side.stream.waits_since());
        let [(first, direction), (second, back)] = sides;
        let foreign = second.framer.foreign();
        first.finish(&mut |line| judge(&mut self.session, dialects, direction, line, foreign));
        let foreign = first.framer.foreign();
        second.finish(&mut |line| judge(&mut self.session, dialects, back, line, foreign));
    }

    fn held(&self) -> usize {
        self.egress.held() + self.ingress.held()
    }

    const fn cuts(&self) -> u64 {
        self.egress.cuts() + self.ingress.cuts()
    }
}

impl Side {
    fn finish(&mut self, judge: &mut dyn FnMut(&Line<'_>)) {
        let framer = &mut self.framer;
        let mut judge = |line: Line<'_>| judge(&line);
        self.stream.finish(&mut |piece| match piece {
            Piece::Bytes(bytes) => framer.push_where(bytes, &mut |_| Some(0), &mut judge),
            Piece::Gap => framer.gap(&mut judge),
        });
        framer.gap(&mut judge);
    }

    fn held(&self) -> usize {
        self.stream.held() + self.framer.held()
    }

    const fn cuts(&self) -> u64 {
        self.stream.gaps() + self.framer.overlong_count()
    }
}

/// `foreign`: the other direction has spoken another protocol.
fn judge(
    session: &mut Option<Box<Session>>,
    dialects: Dialects,
    direction: Direction,
    line: &Line<'_>,
    foreign: bool,
) {
    if session.is_none() && find_interest(line.bytes).is_none() {
        return;
    }
    let Some(object) = scan::read(line.bytes, line.cut) else { return };
    let Some(message) = Message::of(&object.value, line.cut) else { return };
    let message = message.carried_by(line.carrier);
    let heard = Heard {
        dialects,
        direction,
        guarded: line.guarded || foreign || message.logged,
        quoted: line.quoted,
        by_hand: line.carrier.http().is_some_and(Facts::is_by_hand),
        torn: object.torn.as_deref(),
    };
    if let Some(session) = session {
        session.hear(&message, &heard);
        return;
    }
    let mut first = Session::default();
    first.hear(&message, &heard);
    if first.has_begun() {
        *session = Some(Box::new(first));
    }
}
