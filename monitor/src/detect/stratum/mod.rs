//! Stratum: finds mining conversations in TCP payload.
//!
//! Owns one bounded table of conversations. Must not know processes, sinks or weights. The way of a byte:
//! `stream` (in order) -> `layer` (tunnels, WebSocket, what is no JSON) -> `frame` (objects) -> `scan` (JSON, also cut)
//! -> `message` (neutral view) -> `dialect` (whose words, which shapes) -> `session` (both sides together, findings).
//!
//! A direction holds at most 16 KiB of bytes not judged yet, all conversations together at most 16 MiB. Pool
//! passwords are read past: no field takes them, and raw bytes are dropped as soon as they are judged.
use std::num::NonZeroUsize;

use lru::LruCache;

use super::{Detector, Finding, Report};
use crate::{
    enrich::Tables,
    event::{Body, BootTime, Direction, Event, FlowId, Payload},
};

pub(in crate::detect) mod account;
mod carrier;
mod dialect;
mod difficulty;
mod doubled;
mod frame;
mod http;
mod junk;
mod layer;
mod message;
mod object;
mod polling;
mod scan;
mod session;
mod shape;
mod stream;
mod tally;
#[cfg(test)]
mod tests;

use carrier::Facts;
pub use dialect::{Dialect, Dialects};
use dialect::{Reply, find_interest};
use frame::{Framer, Line};
use layer::{Layers, Told};
use message::Message;
use session::{Heard, Session};
use stream::Stream;

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
    layers: Layers,
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
            session.close(id, out);
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
    fn inspect(&mut self, event: &Event, _tables: &Tables, out: &mut Report) {
        match &event.body {
            Body::Payload(payload) => self.payload(event.at, payload, &mut out.findings),
            Body::Close { flow } => self.close(*flow, &mut out.findings),
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
        let (foreign, alone) = (other.framer.foreign(), !other.stream.has_begun());
        let (framer, layers) = (&mut side.framer, &mut self.layers);
        let direction = payload.direction;
        let mut hear = Ear { session: &mut self.session, dialects, direction, foreign, alone };
        side.stream.push(at, payload, &mut |piece| {
            layers.push(payload.direction, &piece, &mut |told| hear.told(told, framer));
        });
        self.name_pool();
    }

    fn name_pool(&mut self) {
        if let (Some(session), Some(pool)) = (&mut self.session, self.layers.target()) {
            session.goes_to(pool);
        }
    }

    fn finish(&mut self, dialects: Dialects) {
        let mut sides = [(&mut self.egress, Direction::Egress), (&mut self.ingress, Direction::Ingress)];
        // What waits behind a hole in one direction may answer what waits in the other.
        sides.sort_by_key(|(side, _)| side.stream.waits_since());
        let [(first, direction), (second, back)] = sides;
        let foreign = second.framer.foreign();
        let alone = !second.stream.has_begun();
        let mut hear = Ear { session: &mut self.session, dialects, direction, foreign, alone };
        first.finish(&mut self.layers, &mut hear);
        let (foreign, alone) = (first.framer.foreign(), !first.stream.has_begun());
        hear = Ear { direction: back, foreign, alone, ..hear };
        second.finish(&mut self.layers, &mut hear);
        self.name_pool();
    }

    fn held(&self) -> usize {
        self.egress.held() + self.ingress.held() + self.layers.held()
    }

    fn cuts(&self) -> u64 {
        self.egress.cuts() + self.ingress.cuts() + self.layers.unreadable()
    }
}

impl Side {
    fn finish(&mut self, layers: &mut Layers, hear: &mut Ear<'_>) {
        let (framer, direction) = (&mut self.framer, hear.direction);
        let mut tell = |told: Told<'_>| hear.told(told, framer);
        self.stream.finish(&mut |piece| layers.push(direction, &piece, &mut tell));
        layers.finish(direction, &mut tell);
        tell(Told::Gap);
    }

    fn held(&self) -> usize {
        self.stream.held() + self.framer.held()
    }

    const fn cuts(&self) -> u64 {
        self.stream.gaps() + self.framer.overlong_count()
    }
}

/// Hears what one direction says.
struct Ear<'a> {
    session: &'a mut Option<Box<Session>>,
    dialects: Dialects,
    direction: Direction,
    /// The other direction has spoken another protocol.
    foreign: bool,
    /// Nothing of the other direction was seen.
    alone: bool,
}

impl Ear<'_> {
    fn told(&mut self, told: Told<'_>, framer: &mut Framer) {
        let begun = self.session.is_some();
        let mut find = |bytes: &[u8]| if begun { Some(0) } else { find_interest(bytes) };
        match told {
            Told::Bytes(bytes) => framer.push_where(bytes, &mut find, &mut |line| self.judge(&line)),
            Told::Gap => framer.gap(&mut |line| self.judge(&line)),
            Told::Fresh => framer.renew(),
            Told::Asks(direction, request) if self.dialects.contains(request.dialect) => {
                let heard = self.heard(direction);
                self.session().asked(request, &heard);
            }
            Told::Answers(direction, purpose, reply) if self.reads(&reply) => {
                let heard = self.heard(direction);
                self.session().answered_in_order(purpose, &reply, &heard);
            }
            Told::Pushes(direction, reply) if self.reads(&reply) => {
                let heard = self.heard(direction);
                self.session().pushed(&reply, &heard);
            }
            Told::Handshake(client) if self.dialects.contains(Dialect::StratumV2) => {
                self.session().shook_hands(Dialect::StratumV2, client);
            }
            Told::Asks(..) | Told::Answers(..) | Told::Pushes(..) | Told::Handshake(_) => {}
        }
    }

    fn session(&mut self) -> &mut Session {
        self.session.get_or_insert_default()
    }

    fn reads(&self, reply: &Reply) -> bool {
        reply.dialect.is_none_or(|dialect| self.dialects.contains(dialect))
    }

    /// A message of a protocol that nobody quotes: it is not guarded.
    const fn heard(&self, direction: Direction) -> Heard<'static> {
        Heard {
            dialects: self.dialects,
            direction,
            guarded: false,
            quoted: false,
            by_hand: false,
            over_http: false,
            alone: false,
            again: false,
            torn: None,
        }
    }

    fn judge(&mut self, line: &Line<'_>) {
        if self.session.is_none() && find_interest(line.bytes).is_none() {
            return;
        }
        let Some(object) = scan::read(line.bytes, line.cut) else { return };
        for (reading, value) in std::iter::once(&object.value).chain(&object.other).enumerate() {
            let Some(message) = Message::of(value, line.cut) else { continue };
            let message = message.carried_by(line.carrier);
            let heard = Heard {
                dialects: self.dialects,
                direction: self.direction,
                guarded: line.guarded || self.foreign || message.logged,
                quoted: line.quoted,
                by_hand: line.carrier.http().is_some_and(Facts::is_by_hand),
                over_http: line.carrier.http().is_some(),
                alone: self.alone,
                again: reading > 0 || line.was_looked_at(),
                torn: object.torn.as_deref(),
            };
            hear(self.session, &message, &heard);
        }
    }
}

fn hear(session: &mut Option<Box<Session>>, message: &Message<'_>, heard: &Heard<'_>) {
    if let Some(session) = session {
        session.hear(message, heard);
        return;
    }
    let mut first = Session::default();
    first.hear(message, heard);
    if first.has_begun() {
        *session = Some(Box::new(first));
    }
}
