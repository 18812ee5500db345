//! The open incidents and everything they are found by.
//!
//! Owns the indexes, which hold exactly what the incidents say of themselves. Must not know findings' meaning,
//! or when a notice is written.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    key::{Key, Keys, incident_id},
    one::{FILED, Incident},
    tie::Tie,
};
use crate::{
    enrich::Tables,
    event::{BootTime, FlowId, Owner, ProcessKey},
};

/// What an incident is numbered by while it is open; the older has the lower number.
pub(super) type Number = u64;

/// The open incidents.
pub(super) struct Book {
    capacity: usize,
    open: BTreeMap<Number, Incident>,
    next: Number,
    by_key: HashMap<Key, Number>,
    by_tie: HashMap<Tie, Number>,
    by_process: BTreeSet<(ProcessKey, Number)>,
    refused: u64,
    not_followed: u64,
}

impl Book {
    /// At most `capacity` incidents; 0 counts as 1.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            open: BTreeMap::new(),
            next: 0,
            by_key: HashMap::new(),
            by_tie: HashMap::new(),
            by_process: BTreeSet::new(),
            refused: 0,
            not_followed: 0,
        }
    }

    /// Incidents that are open, and how many may be.
    pub(super) fn held(&self) -> (usize, usize) {
        (self.open.len(), self.capacity)
    }

    /// Incidents that found no room, or had to make it, since start.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Processes and flows that their incident had no room to follow, since start.
    pub(super) fn not_followed(&self) -> u64 {
        self.not_followed
    }

    pub(super) fn get_mut(&mut self, number: Number) -> Option<&mut Incident> {
        self.open.get_mut(&number)
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Incident> {
        self.open.values()
    }

    /// Oldest first.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Number, &mut Incident)> {
        self.open.iter_mut().map(|(number, incident)| (*number, incident))
    }

    /// The incident of a process, or of what is known by the same key.
    pub(super) fn find(&self, main: Option<ProcessKey>, keys: &Keys) -> Option<Number> {
        let fits = |number: &Number| self.open.get(number).is_some_and(|one| one.may_hold(main, keys));
        // What is told late of a process that ended is still of the program that it ran.
        main.and_then(|key| self.ever_of_process(key).filter(|number| self.ran_in(*number, key)).find(&fits))
            .or_else(|| keys.all().filter_map(|key| self.by_key.get(&key).copied()).find(&fits))
    }

    /// The incident that is filed under this very key.
    pub(super) fn under(&self, key: &Key) -> Option<Number> {
        self.by_key.get(key).copied()
    }

    /// Incidents that a process belongs to now, oldest first.
    pub(super) fn of_process(&self, key: ProcessKey) -> Vec<Number> {
        let present = |number: &Number| {
            let member = self.open.get(number).and_then(|incident| incident.members.get(&key));
            member.is_some_and(|member| member.gone.is_none())
        };
        self.ever_of_process(key).filter(present).collect()
    }

    /// A new incident; `None` when there is no room. What was never told of makes room first: many programs that are
    /// a little suspicious may not keep a miner out.
    pub(super) fn start(&mut self, boot_id: &str, keys: &Keys, since: BootTime) -> Option<Number> {
        if self.open.len() >= self.capacity {
            self.refused += 1;
            let untold = self.open.iter().filter(|(_, one)| one.news.told_level().is_none());
            let (number, _) = untold.min_by_key(|(number, one)| (one.is_alive(), **number))?;
            self.close(*number);
        }
        let number = self.next;
        self.next += 1;
        self.open.insert(number, Incident::new(incident_id(boot_id, keys, since, number), since));
        Some(number)
    }

    /// Files an incident under every key that is not another's.
    pub(super) fn file(&mut self, number: Number, keys: &Keys) {
        let Some(incident) = self.open.get_mut(&number) else { return };
        incident.identify(keys);
        for key in keys.all() {
            if incident.keys.len() < FILED && !self.by_key.contains_key(&key) {
                incident.keys.push(key.clone());
                self.by_key.insert(key, number);
            }
        }
    }

    /// Files an incident under what ties it to others; returns another incident that is filed there already.
    pub(super) fn file_tie(&mut self, number: Number, tie: Tie) -> Option<Number> {
        if let Some(known) = self.by_tie.get(&tie) {
            self.open.get_mut(known).into_iter().for_each(|incident| incident.tied_again(&tie));
            return Some(*known).filter(|known| *known != number);
        }
        let incident = self.open.get_mut(&number)?;
        self.by_tie.insert(tie.clone(), number);
        if let Some(dropped) = incident.tie(tie) {
            self.by_tie.remove(&dropped);
        }
        None
    }

    /// Whether two incidents are known to pay different wallets.
    pub(super) fn pay_apart(&self, one: Number, other: Number) -> bool {
        let wallet = |number| self.open.get(&number)?.claim.wallet.as_ref();
        wallet(one).zip(wallet(other)).is_some_and(|(one, other)| one != other)
    }

    /// Counts a process into an incident. One that the table has forgotten counts as gone.
    pub(super) fn join(&mut self, number: Number, owner: Owner, at: BootTime, tables: &Tables) {
        let Some(incident) = self.open.get_mut(&number) else { return };
        for forgotten in incident.make_room(std::iter::once(&owner.key)) {
            self.by_process.remove(&(forgotten, number));
        }
        let process = tables.processes.get(owner.key);
        let gone = process.map_or(Some(at), |process| process.exited);
        if incident.join(process.and_then(|process| process.owner).unwrap_or(owner), gone) {
            self.by_process.insert((owner.key, number));
        } else {
            self.not_followed += 1;
        }
    }

    /// Lets an incident live while this flow is open.
    pub(super) fn follow(&mut self, number: Number, flow: FlowId, tables: &Tables) {
        let open = tables.flows.get(flow).is_some_and(|flow| flow.closed.is_none());
        if let Some(incident) = self.open.get_mut(&number).filter(|_| open) {
            self.not_followed += u64::from(!incident.follow(flow));
        }
    }

    /// A process ended, or runs another program now.
    pub(super) fn gone(&mut self, owner: Owner, at: BootTime, ended: bool) {
        let numbers: Vec<_> = self.ever_of_process(owner.key).collect();
        for number in numbers {
            let incident = self.open.get_mut(&number);
            if let Some(member) = incident.and_then(|incident| incident.members.get_mut(&owner.key))
                && (ended || owner.generation > member.generation)
            {
                member.replaced |= !ended;
                member.gone = member.gone.or(Some(at));
            }
        }
    }

    /// Moves all of one incident into another, which stays.
    pub(super) fn absorb(&mut self, stays: Number, mut gone: Incident) {
        let Some(incident) = self.open.get_mut(&stays) else { return };
        for key in std::mem::take(&mut gone.keys) {
            if incident.keys.len() < FILED {
                self.by_key.insert(key.clone(), stays);
                incident.keys.push(key);
            }
        }
        for tie in std::mem::take(&mut gone.ties) {
            self.by_tie.insert(tie.clone(), stays);
            if let Some(dropped) = incident.tie(tie) {
                self.by_tie.remove(&dropped);
            }
        }
        for forgotten in incident.make_room(gone.members.keys()) {
            self.by_process.remove(&(forgotten, stays));
        }
        incident.merge(gone);
        self.by_process.extend(incident.members.keys().map(|key| (*key, stays)));
    }

    /// Takes an incident out, of every index too.
    pub(super) fn close(&mut self, number: Number) -> Option<Incident> {
        let incident = self.open.remove(&number)?;
        for key in &incident.keys {
            self.by_key.remove(key);
        }
        for tie in &incident.ties {
            self.by_tie.remove(tie);
        }
        for key in incident.members.keys() {
            self.by_process.remove(&(*key, number));
        }
        Some(incident)
    }

    /// Whether every index entry is an open incident's own, and every incident is indexed.
    #[cfg(test)]
    pub(super) fn is_consistent(&self) -> bool {
        let count = |of: fn(&Incident) -> usize| self.open.values().map(of).sum::<usize>();
        let owns = |number: &Number, has: &dyn Fn(&Incident) -> bool| self.open.get(number).is_some_and(has);
        self.by_key.len() == count(|incident| incident.keys.len())
            && self.by_tie.len() == count(|incident| incident.ties.len())
            && self.by_process.len() == count(|incident| incident.members.len())
            && self.by_key.iter().all(|(key, number)| owns(number, &|one| one.keys.contains(key)))
            && self.by_tie.iter().all(|(tie, number)| owns(number, &|one| one.ties.contains(tie)))
            && self.by_process.iter().all(|(key, number)| owns(number, &|one| one.members.contains_key(key)))
    }

    fn ran_in(&self, number: Number, key: ProcessKey) -> bool {
        let member = self.open.get(&number).and_then(|incident| incident.members.get(&key));
        member.is_some_and(|member| !member.replaced)
    }

    fn ever_of_process(&self, key: ProcessKey) -> impl Iterator<Item = Number> + '_ {
        self.by_process.range((key, Number::MIN)..=(key, Number::MAX)).map(|(_, number)| *number)
    }
}
