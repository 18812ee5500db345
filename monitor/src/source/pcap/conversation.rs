//! One conversation: from its segments to events.
//!
//! Owns what is known of it, and when it ends. Must not know the table that holds it, nor what the bytes mean.
use super::{
    batch::Batch,
    gate::{Gate, Pass},
    packet::{End, Segment},
    stream::{Place, Stream},
};
use crate::event::{Body, BootTime, Direction, Ends, FlowId, Payload};

/// Who talks, in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// The client.
    pub(super) client: End,
    /// The server.
    pub(super) server: End,
}

impl Pair {
    /// The client is the sender of the SYN, else the receiver of the SYN-ACK; for a conversation that was under way
    /// when the capture began, it is the end with the higher port (clients get ephemeral ones), and the first
    /// sender where ports are equal.
    pub(super) fn of(segment: &Segment<'_>) -> Self {
        let Segment { from, to, syn, ack, .. } = *segment;
        let from_client = if syn { !ack } else { from.port >= to.port };
        if from_client { Self { client: from, server: to } } else { Self { client: to, server: from } }
    }

    fn ends(self) -> Ends {
        Ends { local: self.client.into(), remote: self.server.into() }
    }
}

/// One conversation. Small: the table holds many.
#[derive(Debug)]
pub(super) struct Conversation {
    flow: FlowId,
    egress: Side,
    ingress: Side,
    /// A payload event was made of it, so its end must be told.
    told: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Side {
    stream: Stream,
    gate: Gate,
}

impl Conversation {
    pub(super) fn new(flow: FlowId) -> Self {
        Self { flow, egress: Side::default(), ingress: Side::default(), told: false, closed: false }
    }

    /// Its number, when it has an end that is still to be told.
    pub(super) fn open(&self) -> Option<FlowId> {
        (self.told && !self.closed).then_some(self.flow)
    }

    /// It is not over and has carried nothing.
    pub(super) const fn is_silent(&self) -> bool {
        !self.told && !self.closed
    }

    /// Whether `segment`, sent by the client if `from_client`, begins another conversation between the same ends.
    pub(super) fn is_replaced_by(&self, segment: &Segment<'_>, from_client: bool) -> bool {
        let Side { stream, .. } = if from_client { &self.egress } else { &self.ingress };
        if segment.syn {
            let reopened = self.closed && !segment.ack;
            return reopened || !stream.fits(segment.sequence.wrapping_add(1));
        }
        self.closed && segment.length > 0 && stream.extends(segment.sequence, segment.length)
    }

    /// Appends to `out` what `segment` shows; says whether its place is known.
    pub(super) fn take(&mut self, at: BootTime, pair: Pair, segment: &Segment<'_>, out: &mut Batch) -> bool {
        let (direction, side) = if segment.from == pair.client {
            (Direction::Egress, &mut self.egress)
        } else {
            (Direction::Ingress, &mut self.ingress)
        };
        // A SYN takes one sequence number; data may follow it in the same segment.
        let first = segment.sequence.wrapping_add(u32::from(segment.syn));
        if segment.syn {
            side.stream.begin(first);
        }
        let mut placed = true;
        if segment.length > 0 && !self.closed {
            match side.stream.place(first, segment.length) {
                Some(place) => {
                    if let Some((restart, bytes)) = side.judged(segment, place) {
                        self.told = true;
                        let (flow, ends, bytes) = (self.flow, pair.ends(), out.copy(bytes));
                        let (offset, length) = (place.offset, segment.length - place.skipped);
                        let piece = Payload { flow, ends, direction, offset, bytes, length, restart };
                        out.push(at, Body::Payload(piece));
                    }
                }
                None => placed = false,
            }
        }
        side.stream.finished |= segment.fin;
        if segment.rst || (self.egress.stream.finished && self.ingress.stream.finished) {
            self.close(at, out);
        }
        placed
    }

    pub(super) fn close(&mut self, at: BootTime, out: &mut Batch) {
        if let Some(flow) = self.open() {
            out.push(at, Body::Close { flow });
        }
        self.closed = true;
    }
}

impl Side {
    /// The part of a segment that is worth judging, and whether bytes before it were passed over.
    fn judged<'a>(&mut self, segment: &Segment<'a>, place: Place) -> Option<(bool, &'a [u8])> {
        let Place { offset, skipped } = place;
        let bytes = segment.payload.get(usize::try_from(skipped).ok()?..).unwrap_or_default();
        match self.gate.ask(offset, segment.length - skipped, bytes) {
            Pass::Judge(restart) => Some((restart, bytes)),
            Pass::Over => None,
        }
    }
}
