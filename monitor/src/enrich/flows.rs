//! Conversations, by socket cookie or by their index in a capture.
//!
//! Owns [`FlowTable`]: ends, owners, and what was found in each flow. Must not know processes, detectors, or
//! how an owner is found.
use std::cmp::Reverse;

use super::bounded::Bounded;
use crate::{
    event::{Body, BootTime, Ends, Event, FlowId, Owner, Ticks},
    finding::{Claim, Finding, Role, Rule, Shares, Subject},
};

/// Processes remembered as holders of one socket.
const OWNERS: usize = 8;

/// One conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Its ends.
    pub ends: Ends,
    /// Processes that hold the socket: the one that connected first while it does, then by [`likeliest_first`]; at
    /// most 8. Until somebody looked, and when nobody was found, the one that connected.
    pub owners: Vec<Owner>,
    /// What the local end is in it, where a finding told.
    pub role: Option<Role>,
    /// Rules that matched and what each saw last, in the order of their first match; one entry per rule.
    pub findings: Vec<(&'static Rule, String)>,
    /// What it told of itself.
    pub claim: Claim,
    /// Shares answered in it.
    pub shares: Shares,
    /// First event.
    pub first_seen: BootTime,
    /// Latest event.
    pub last_seen: BootTime,
    /// When it closed.
    pub closed: Option<BootTime>,
    /// It carried payload.
    pub payload: bool,
    /// Its owner was asked for in vain, for good.
    pub(crate) ownerless: bool,
    /// When it was last looked for who holds it.
    pub(crate) held_at: Option<BootTime>,
}

impl Flow {
    fn new(ends: Ends, at: BootTime) -> Self {
        Self {
            ends,
            owners: Vec::new(),
            role: None,
            findings: Vec::new(),
            claim: Claim::default(),
            shares: Shares::default(),
            first_seen: at,
            last_seen: at,
            closed: None,
            payload: false,
            ownerless: false,
            held_at: None,
        }
    }

    fn see(&mut self, ends: Ends, event: &Event, payload: bool) {
        self.last_seen = event.at;
        self.payload |= payload;
        if self.ends.local.port() == 0 || self.ends.remote.port() == 0 {
            self.ends = ends;
        }
        if matches!(event.body, Body::Connect { .. }) {
            // The socket begins anew, whoever held it before.
            self.held_at = None;
        }
        event.owner.into_iter().for_each(|owner| self.own(owner));
    }

    /// Who holds it was looked at later than a record can tell.
    fn own(&mut self, owner: Owner) {
        if let Some(known) = self.owners.iter_mut().find(|known| known.key == owner.key) {
            if owner.generation > known.generation {
                *known = owner;
            }
        } else if self.owners.len() < OWNERS && self.held_at.is_none() {
            self.owners.push(owner);
        }
    }

    /// Who was known and holds it still comes first; who holds it no more is left out.
    fn held_by(&mut self, holders: &[Owner], at: BootTime) {
        self.held_at = Some(at);
        if holders.is_empty() {
            return;
        }
        let mut owners: Vec<Owner> = Vec::new();
        for known in &self.owners {
            if let Some(holder) = holders.iter().find(|holder| holder.key == known.key) {
                owners.push(if holder.generation > known.generation { *holder } else { *known });
            }
        }
        for holder in likeliest_first(holders, self.first_seen) {
            if owners.len() < OWNERS && owners.iter().all(|known| known.key != holder.key) {
                owners.push(holder);
            }
        }
        self.owners = owners;
    }

    fn note(&mut self, finding: &Finding) {
        match self.findings.iter_mut().find(|(rule, _)| rule.name == finding.rule.name) {
            Some((_, text)) => text.clone_from(&finding.text),
            None => self.findings.push((finding.rule, finding.text.clone())),
        }
        self.role = match self.role {
            Some(role) if role != finding.role => Some(Role::Relay),
            _ => Some(finding.role),
        };
        self.claim.learn(&finding.claim);
        self.shares.add(finding.shares);
    }
}

/// The likeliest to speak first: those that were there when the conversation began before those that came later (a
/// child that is forked and has not run its own program yet holds all that its parent holds), and of each the
/// newest: by exec generation, then start time, then process id.
pub(crate) fn likeliest_first(holders: &[Owner], begun: BootTime) -> Vec<Owner> {
    let mut sorted = holders.to_vec();
    let begun = Ticks::from_nanos(begun.0);
    sorted.sort_by_key(|owner| {
        (owner.key.start > begun, Reverse((owner.generation, owner.key.start, owner.key.tgid)))
    });
    sorted.truncate(OWNERS);
    sorted
}

/// Bounded table of conversations, fed by events and by what was found in them.
pub struct FlowTable {
    entries: Bounded<FlowId, Flow>,
}

impl FlowTable {
    /// At most `capacity` flows.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: Bounded::new(capacity) }
    }

    /// What is known of a flow.
    #[must_use]
    pub fn get(&self, id: FlowId) -> Option<&Flow> {
        self.entries.peek(&id)
    }

    /// Flows held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Flows that may be held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flows forgotten for want of room, since start.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.entries.evicted()
    }

    /// Takes in what an event says; returns the flow that had to make room.
    pub(crate) fn observe(&mut self, event: &Event) -> Option<(FlowId, Flow)> {
        match &event.body {
            Body::Connect { flow, ends } => self.see(*flow, *ends, event, false),
            Body::Payload(payload) => self.see(payload.flow, payload.ends, event, true),
            Body::Established { flow, ends, holders } => {
                let evicted = self.see(*flow, *ends, event, false);
                self.held_by(*flow, holders, event.at);
                evicted
            }
            Body::Close { flow } => {
                if let Some(known) = self.entries.get_mut(flow) {
                    known.closed = Some(event.at);
                }
                None
            }
            Body::Holders { flow, holders } => {
                self.held_by(*flow, holders, event.at);
                None
            }
            _ => None,
        }
    }

    fn held_by(&mut self, id: FlowId, holders: &[Owner], at: BootTime) {
        if let Some(known) = self.entries.get_mut(&id) {
            known.held_by(holders, at);
        }
    }

    /// Who holds it was asked for, and nobody answered.
    pub(crate) fn unanswered(&mut self, id: FlowId, at: BootTime) {
        self.held_by(id, &[], at);
    }

    /// Keeps what was found in a flow with the flow.
    pub(crate) fn note(&mut self, finding: &Finding) {
        if let Subject::Flow(id) = finding.subject
            && let Some(flow) = self.entries.get_mut(&id)
        {
            flow.note(finding);
        }
    }

    /// Its owner cannot be found: do not ask again.
    pub(crate) fn give_up(&mut self, id: FlowId) {
        if let Some(flow) = self.entries.get_mut(&id) {
            flow.ownerless = true;
        }
    }

    /// Takes a flow out.
    pub(crate) fn remove(&mut self, id: FlowId) -> Option<Flow> {
        self.entries.remove(&id)
    }

    /// Takes every flow out, by id.
    pub(crate) fn drain(&mut self) -> Vec<(FlowId, Flow)> {
        let mut flows = self.entries.drain();
        flows.sort_by_key(|(id, _)| *id);
        flows
    }

    fn see(&mut self, id: FlowId, ends: Ends, event: &Event, payload: bool) -> Option<(FlowId, Flow)> {
        if let Some(flow) = self.entries.get_mut(&id) {
            flow.see(ends, event, payload);
            return None;
        }
        let mut flow = Flow::new(ends, event.at);
        flow.see(ends, event, payload);
        self.entries.insert(id, flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::{STRATUM_CLIENT, STRATUM_SESSION},
        testing::{close, connect, ends, finding, flow_payload, holders, owner},
    };

    #[test]
    fn who_came_after_the_conversation_began_stands_behind_who_was_there() {
        let begun = BootTime(5 * Ticks::NANOS);
        let born = |tgid, tick| {
            let owner = owner(tgid, 1);
            Owner { key: crate::event::ProcessKey { tgid, start: Ticks(tick) }, ..owner }
        };
        let sorted = likeliest_first(&[born(1, 1), born(9, 6), born(2, 5), born(8, 7)], begun);
        assert_eq!(sorted.iter().map(|o| o.key.tgid).collect::<Vec<_>>(), [2, 1, 8, 9]);
    }

    #[test]
    fn an_owner_comes_from_connect_payload_or_holders() {
        let mut table = FlowTable::new(8);
        table.observe(&connect(1, 10, owner(100, 1)));
        table.observe(&flow_payload(2, 11, Some(owner(101, 1))));
        table.observe(&flow_payload(3, 12, None));
        table.observe(&holders(4, 12, &[owner(50, 1), owner(90, 3), owner(70, 2)]));
        let pids = |id| table.get(FlowId(id)).unwrap().owners.iter().map(|o| o.key.tgid).collect::<Vec<_>>();
        assert_eq!(pids(10), [100]);
        assert_eq!(pids(11), [101]);
        assert_eq!(pids(12), [90, 70, 50], "newest first");
        assert!(!table.get(FlowId(10)).unwrap().payload);
        assert!(table.get(FlowId(12)).unwrap().payload);
    }

    #[test]
    fn a_newer_generation_of_an_owner_replaces_the_older_and_owners_are_bounded() {
        let mut table = FlowTable::new(8);
        table.observe(&connect(1, 10, owner(100, 1)));
        table.observe(&flow_payload(2, 10, Some(owner(100, 2))));
        table.observe(&flow_payload(3, 10, Some(owner(100, 1))));
        assert_eq!(table.get(FlowId(10)).unwrap().owners, [owner(100, 2)]);
        let many: Vec<_> = (0..50).map(|pid| owner(200 + pid, 1)).collect();
        table.observe(&holders(4, 10, &many));
        assert_eq!(table.get(FlowId(10)).unwrap().owners.len(), OWNERS);
    }

    #[test]
    fn who_holds_the_socket_replaces_who_does_not_any_more() {
        let (parent, child, other) = (owner(100, 1), owner(101, 1), owner(200, 3));
        let pids = |table: &FlowTable| {
            table.get(FlowId(1)).unwrap().owners.iter().map(|o| o.key.tgid).collect::<Vec<_>>()
        };
        let mut table = FlowTable::new(8);
        table.observe(&connect(1, 1, parent));
        table.observe(&holders(2, 1, &[other, child, parent]));
        assert_eq!(pids(&table), [100, 200, 101], "who connected and holds it still comes first");
        table.observe(&holders(3, 1, &[child]));
        assert_eq!(pids(&table), [101]);
        table.observe(&flow_payload(4, 1, Some(parent)));
        assert_eq!(pids(&table), [101], "a record names who connected, for ever");
        table.observe(&holders(5, 1, &[]));
        assert_eq!(pids(&table), [101], "nobody: the last ones known");
        table.observe(&connect(6, 1, other));
        assert_eq!(pids(&table), [101, 200], "begun anew");
    }

    #[test]
    fn both_roles_in_one_flow_make_a_relay_and_one_entry_per_rule_is_kept() {
        let mut table = FlowTable::new(8);
        table.observe(&flow_payload(1, 10, None));
        table.note(&finding(&STRATUM_CLIENT, 10, Role::Miner));
        table.note(&finding(&STRATUM_CLIENT, 10, Role::Miner));
        assert_eq!(table.get(FlowId(10)).unwrap().role, Some(Role::Miner));
        table.note(&finding(&STRATUM_SESSION, 10, Role::Pool));
        let flow = table.get(FlowId(10)).unwrap();
        assert_eq!((flow.role, flow.findings.len()), (Some(Role::Relay), 2));
    }

    #[test]
    fn the_cap_pushes_out_the_quietest_flow_and_hands_it_over() {
        let mut table = FlowTable::new(2);
        for id in [1, 2] {
            assert_eq!(table.observe(&flow_payload(id, id, None)), None);
        }
        table.observe(&flow_payload(3, 1, None));
        let (id, flow) = table.observe(&flow_payload(4, 9, None)).unwrap();
        assert_eq!((id, flow.ends, table.evicted()), (FlowId(2), ends(2), 1));
        table.observe(&close(5, 9));
        assert_eq!(table.get(FlowId(9)).unwrap().closed, Some(BootTime(5_000_000_000)));
        assert_eq!(table.drain().iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [1, 9]);
    }
}
