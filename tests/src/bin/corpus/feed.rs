//! A conversation as the events that the agent would have seen of it.
//!
//! Owns the cutting of the two streams into packets, and the reduced views. Must not know labels or verdicts.
use bytes::Bytes;
use monitor::event::{Body, BootTime, Direction, Ends, Event, FlowId, Payload};

use crate::flow::{Flow, Packet, Side, Stream};

const SECOND: f64 = 1e9;

/// How much of a conversation is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// All that the corpus has.
    Whole,
    /// The first packets with payload, both sides counted together.
    First(usize),
    /// One side alone.
    Only(Side),
}

impl View {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 6] = [
        Self::Whole,
        Self::First(1),
        Self::First(2),
        Self::First(4),
        Self::Only(Side::Server),
        Self::Only(Side::Client),
    ];

    /// For a person.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::First(1) => "first packet".to_owned(),
            Self::First(count) => format!("first {count} packets"),
            Self::Only(Side::Server) => "client's half removed".to_owned(),
            Self::Only(Side::Client) => "server's half removed".to_owned(),
        }
    }

    fn shows(self, side: Side) -> bool {
        !matches!(self, Self::Only(only) if only != side)
    }
}

/// `flow` in this view, ended by its end. Each side's bytes come in the order in which they were sent, cut where the
/// packets ended; what the packets leave over (a corpus has the first packets only) comes in one piece behind them.
/// Where a side said more than the corpus has, the last piece is marked as cut.
pub(crate) fn events(flow: &Flow, id: FlowId, view: View) -> Vec<Event> {
    let mut feeder = Feeder { flow, id, client: 0, server: 0, at: BootTime(0), events: Vec::new() };
    let shown = if let View::First(count) = view { count } else { usize::MAX };
    for packet in flow.packets.iter().take(shown).filter(|packet| view.shows(packet.side)) {
        feeder.packet(*packet);
    }
    if !matches!(view, View::First(_)) {
        for side in [Side::Client, Side::Server].into_iter().filter(|side| view.shows(*side)) {
            feeder.piece(side, u64::MAX);
        }
    }
    feeder.end()
}

struct Feeder<'a> {
    flow: &'a Flow,
    id: FlowId,
    /// Bytes of each side that were fed.
    client: u64,
    server: u64,
    at: BootTime,
    events: Vec<Event>,
}

impl Feeder<'_> {
    fn packet(&mut self, packet: Packet) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and orders all the same"
        )]
        let at = (packet.seconds * SECOND) as u64;
        self.at = self.at.max(BootTime(at));
        self.piece(packet.side, packet.size);
    }

    /// At most `size` bytes of what `side` has not said yet.
    fn piece(&mut self, side: Side, size: u64) {
        let (stream, fed) = match side {
            Side::Client => (&self.flow.from_client, &mut self.client),
            Side::Server => (&self.flow.from_server, &mut self.server),
        };
        let offset = *fed;
        let rest =
            usize::try_from(offset).ok().and_then(|offset| stream.bytes.get(offset..)).unwrap_or_default();
        let bytes = rest.get(..usize::try_from(size).unwrap_or(usize::MAX)).unwrap_or(rest);
        if bytes.is_empty() {
            return;
        }
        let cut = bytes.len() == rest.len() && is_cut(stream);
        let length = bytes.len() as u64 + u64::from(cut);
        *fed += length;
        let payload = Payload {
            flow: self.id,
            ends: Ends { local: self.flow.client, remote: self.flow.server },
            direction: if side == Side::Client { Direction::Egress } else { Direction::Ingress },
            offset,
            bytes: Bytes::copy_from_slice(bytes),
            length: u32::try_from(length).unwrap_or(u32::MAX),
            restart: self.flow.midstream && offset == 0,
        };
        self.events.push(Event { at: self.at, owner: None, body: Body::Payload(payload) });
    }

    fn end(mut self) -> Vec<Event> {
        let body = Body::Close { flow: self.id };
        self.events.push(Event { at: self.at, owner: None, body });
        self.events
    }
}

/// More came than the corpus has.
fn is_cut(stream: &Stream) -> bool {
    stream.gap || stream.total > stream.bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flow::tests::{flow, record};

    /// Direction, offset, text, length of each piece, and that the end comes last.
    fn pieces(flow: &Flow, view: View) -> Vec<(char, u64, String, u32)> {
        let mut events = events(flow, FlowId(1), view);
        assert!(matches!(events.pop().unwrap().body, Body::Close { .. }));
        let piece = |event: Event| {
            let Body::Payload(payload) = event.body else { panic!("{:?}", event.body) };
            let side = if payload.direction == Direction::Egress { 'c' } else { 's' };
            (side, payload.offset, String::from_utf8(payload.bytes.to_vec()).unwrap(), payload.length)
        };
        events.into_iter().map(piece).collect()
    }

    fn talk() -> Flow {
        let mut record = record("stratum", "abcdef", "uvwx");
        record["packets"] = json!([["c", 2, 0.0], ["s", 3, 0.1], ["c", 1, 0.2]]);
        flow(record).unwrap()
    }

    #[test]
    fn packets_cut_the_streams_and_the_rest_follows() {
        let whole = [("c", 0, "ab"), ("s", 0, "uvw"), ("c", 2, "c"), ("c", 3, "def"), ("s", 3, "x")];
        let whole = whole.map(|(side, at, text)| {
            (side.chars().next().unwrap(), at, text.to_owned(), u32::try_from(text.len()).unwrap())
        });
        assert_eq!(pieces(&talk(), View::Whole), whole);
        assert_eq!(pieces(&talk(), View::First(2)), whole[..2]);
        assert_eq!(pieces(&talk(), View::First(9)), whole[..3]);
        let of = |side: char| whole.iter().filter(|piece| piece.0 == side).cloned().collect::<Vec<_>>();
        assert_eq!(pieces(&talk(), View::Only(Side::Client)), of('c'));
        assert_eq!(pieces(&talk(), View::Only(Side::Server)), of('s'));
    }

    #[test]
    fn what_is_missing_is_marked() {
        let mut talk = talk();
        talk.from_client.total = 5000;
        talk.from_server.gap = true;
        let whole = pieces(&talk, View::Whole);
        assert_eq!(whole[3..], [('c', 3, "def".to_owned(), 4), ('s', 3, "x".to_owned(), 2)]);
        assert!(whole[..3].iter().all(|piece| piece.2.len() == piece.3 as usize));
    }
}
