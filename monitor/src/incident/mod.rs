//! Findings become incidents: opened, raised, updated, merged, ended.
//!
//! One incident per place and identity of what runs there (`key`); a miner that is restarted is one incident
//! with a count, also when each start is of other content (`tie`). Owns the open incidents and the decision when a notice is written. Must not know detectors,
//! sinks, or how an owner was found.
//!
//! When a notice is written, at most one an incident and step: at once when an incident opens or its level rises, when
//! it turns out to be a relay, and for its first 8 wallets; every other piece of news waits until 10 s after the
//! incident's latest notice. A new process is news when their number has doubled, and so are shares; a remote while
//! fewer than 16 are known.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    enrich::{Tables, processes::Process},
    event::{Body, BootTime, Event, Host, Owner, OwnerSource, ProcessKey},
    finding::{Found, Role, Subject},
    notice::{Kind, Level, Notice},
};

mod book;
pub(crate) mod key;
mod message;
mod news;
mod one;
mod pools;
mod self_test;
mod tie;
mod view;

use book::{Book, Number};
use key::Keys;
use message::Same;
use pools::Pools;
use tie::{Tie, ties};

/// All incidents of this host.
pub(crate) struct Incidents {
    host: Host,
    end_after: Duration,
    book: Book,
    pools: Pools,
    /// Incidents that the present step changed.
    changed: BTreeSet<Number>,
}

impl Incidents {
    /// At most `capacity` open incidents; one ends when all its processes and flows are gone for `end_after`.
    pub(crate) fn new(host: Host, end_after: Duration, capacity: usize) -> Self {
        Self { host, end_after, book: Book::new(capacity), pools: Pools::new(), changed: BTreeSet::new() }
    }

    /// The wall clock was set.
    pub(crate) const fn set_clock(&mut self, unix_offset_nanos: i128) {
        self.host.unix_offset_nanos = unix_offset_nanos;
    }

    /// An incident ends after this long without processes and flows, from now on.
    pub(crate) const fn end_after(&mut self, end_after: Duration) {
        self.end_after = end_after;
    }

    /// Incidents that were announced and have not ended.
    pub(crate) fn announced(&self) -> usize {
        self.book.iter().filter(|incident| incident.news.told_level().is_some()).count()
    }

    /// Those, self-tests excepted, by the level that was told and the role.
    pub(crate) fn by_level(&self) -> BTreeMap<(Level, Role), u64> {
        let mut counts = BTreeMap::new();
        for incident in self.book.iter().filter(|incident| !incident.self_test) {
            if let Some(level) = incident.news.told_level() {
                *counts.entry((level, incident.role)).or_default() += 1;
            }
        }
        counts
    }

    /// Incidents held, told of or not, and how many may be.
    pub(crate) fn held(&self) -> (usize, usize) {
        self.book.held()
    }

    /// What did not fit, since start.
    pub(crate) fn counters(&self) -> [(&'static str, u64); 3] {
        [
            ("incidents", self.book.refused()),
            ("incidents.members", self.book.not_followed()),
            ("incidents.pools", self.pools.evicted()),
        ]
    }

    /// Takes in a finding whose processes are known as well as they will be.
    pub(crate) fn add(&mut self, found: &Found, at: BootTime, tables: &Tables, out: &mut Vec<Notice>) {
        if found.finding.role == Role::Pool {
            self.add_pool_side(found, tables);
            return;
        }
        let found = &without_inheritors(found, tables);
        if let Some(nonce) = self_test::nonce(found, tables) {
            self.self_test(&nonce, found, at, tables);
            return;
        }
        let (flow, of_process) = match found.finding.subject {
            Subject::Process(key) => (None, Some(key)),
            Subject::Flow(id) => (Some(id), None),
        };
        let main = found.owners.first().map(|owner| owner.key).or(of_process);
        let process = main.and_then(|key| tables.processes.get(key));
        let keys = Keys::of(main, process, found.ends.map(|ends| ends.remote));
        let known = self.book.find(main, &keys);
        // What only counts on comes when a conversation closes, too: its incident may be over by then.
        let opens = !found.finding.repeats;
        let start = || opens.then(|| self.book.start(&self.host.boot_id, &keys, found.at)).flatten();
        let Some(number) = known.or_else(start) else { return };
        found.owners.iter().for_each(|owner| self.book.join(number, *owner, at, tables));
        flow.into_iter().for_each(|id| self.book.follow(number, id, tables));
        self.book.file(number, &keys);
        self.absorb(number, found, main, tables);
        let ties = self.book.get_mut(number).map(|incident| ties(incident, &keys, found, main, tables));
        let number = self.merge_tied(number, ties.unwrap_or_default(), at, out);
        self.changed.insert(number);
    }

    /// Takes in what ends, replaces or explains a process of an incident.
    pub(crate) fn observe(&mut self, event: &Event, tables: &Tables, out: &mut Vec<Notice>) {
        let Some(owner) = event.owner else { return };
        match &event.body {
            Body::Exit { .. } => {
                self.book.gone(owner, event.at, true);
                self.pools.forget(owner.key);
            }
            Body::Exec(_) => {
                self.book.gone(owner, event.at, false);
                self.pools.replaced(owner);
            }
            Body::ProcFacts(facts) if facts.error.is_none() => {
                self.explain(owner.key, event.at, tables, out);
            }
            _ => {}
        }
    }

    /// Writes, once for all that the step told, what does not wait.
    pub(crate) fn announce(&mut self, at: BootTime, out: &mut Vec<Notice>) {
        for number in std::mem::take(&mut self.changed) {
            let Some(incident) = self.book.get_mut(number) else { continue };
            let level = incident.verdict().level;
            let kind = match incident.news.told_level() {
                None if level >= Level::Suspicious => Kind::IncidentOpened,
                Some(told) if level > told => Kind::IncidentRaised,
                Some(_) if incident.news.is_urgent() => Kind::IncidentUpdated,
                _ => continue,
            };
            out.push(view::notice(incident, kind, &self.host, at));
        }
    }

    /// Writes what has waited, and ends what is over.
    pub(crate) fn tick(&mut self, at: BootTime, tables: &Tables, out: &mut Vec<Notice>) {
        let mut over = Vec::new();
        for (number, incident) in self.book.iter_mut() {
            let quiet = incident.quiet_since(at, tables);
            // Nobody starts a self-test again as the same one.
            let end_after = if incident.self_test { Duration::ZERO } else { self.end_after };
            if quiet.is_some_and(|since| at.since(since) >= end_after) {
                over.push(number);
            } else if incident.news.told_level().is_some() && incident.news.is_due(at) {
                out.push(view::notice(incident, Kind::IncidentUpdated, &self.host, at));
            }
        }
        for number in over {
            if let Some(mut incident) = self.book.close(number)
                && incident.news.told_level().is_some()
            {
                out.push(view::notice(&mut incident, Kind::IncidentEnded, &self.host, at));
            }
        }
    }

    /// Whether the indexes hold exactly what the incidents say of themselves.
    #[cfg(test)]
    pub(crate) fn is_consistent(&self) -> bool {
        self.book.is_consistent()
    }

    /// Takes in a finding of a self-test: an incident of its own, which nothing else is added to.
    fn self_test(&mut self, nonce: &str, found: &Found, at: BootTime, tables: &Tables) {
        let keys = Keys::of_self_test(nonce);
        let Some(main) = found.owners.first() else { return };
        let known = self.book.find(None, &keys);
        let opens = !found.finding.repeats;
        let start = || opens.then(|| self.book.start(&self.host.boot_id, &keys, found.at)).flatten();
        let Some(number) = known.or_else(start) else { return };
        let Some(incident) = self.book.get_mut(number) else { return };
        incident.self_test = true;
        incident.absorb(found);
        incident.show(main.key, tables);
        self.book.join(number, *main, at, tables);
        self.book.file(number, &keys);
        self.changed.insert(number);
    }

    fn absorb(&mut self, number: Number, found: &Found, main: Option<ProcessKey>, tables: &Tables) {
        let Some(incident) = self.book.get_mut(number) else { return };
        incident.absorb(found);
        if let Some(key) = main {
            let task = tables.processes.get(key).and_then(|process| process.task.as_ref());
            incident.told_of(found.finding.rule, key, task.map(|task| task.parent));
        }
        main.into_iter().for_each(|key| incident.show(key, tables));
        // A process that was a pool before it was known as a miner is a relay.
        for owner in &found.owners {
            self.pools.of(owner.key).iter().for_each(|side| incident.absorb_pool_side(side));
        }
    }

    /// A pool alone is no incident, but what it did is remembered.
    fn add_pool_side(&mut self, found: &Found, tables: &Tables) {
        for owner in found.owners.iter().filter(|owner| !only_inherited(found, owner, tables)) {
            let process = tables.processes.get(owner.key);
            let generation = process.map_or(owner.generation, Process::generation);
            self.pools.remember(owner.key, generation, found);
            for number in self.book.of_process(owner.key) {
                // The other end of a self-test is its own.
                let incident = self.book.get_mut(number).filter(|incident| !incident.self_test);
                if let Some(incident) = incident {
                    incident.absorb_pool_side(found);
                    self.changed.insert(number);
                }
            }
        }
    }

    /// Facts came after the incident was opened without them.
    fn explain(&mut self, key: ProcessKey, at: BootTime, tables: &Tables, out: &mut Vec<Notice>) {
        let keys = Keys::of(Some(key), tables.processes.get(key), None);
        for number in self.book.of_process(key) {
            let Some(incident) = self.book.get_mut(number) else { continue };
            if !incident.may_hold(Some(key), &keys) {
                continue;
            }
            incident.explain(key, tables);
            let same = keys.all().next().and_then(|best| self.book.under(&best));
            self.book.file(number, &keys);
            if let Some(same) = same.filter(|same| *same != number) {
                self.merge(number, same, Same::Program, at, out);
            }
        }
    }

    /// Merges with the incidents that these tie it to.
    fn merge_tied(&mut self, number: Number, ties: Vec<Tie>, at: BootTime, out: &mut Vec<Notice>) -> Number {
        ties.into_iter().fold(number, |number, tie| {
            let same = if matches!(tie, Tie::Payee { .. }) { Same::Payee } else { Same::Lineage };
            match self.book.file_tie(number, tie) {
                Some(other) if same == Same::Payee || !self.book.pay_apart(number, other) => {
                    self.merge(number, other, same, at, out)
                }
                _ => number,
            }
        })
    }

    /// The older stays; the younger, if it was announced, is told to have ended.
    fn merge(
        &mut self,
        one: Number,
        other: Number,
        same: Same,
        at: BootTime,
        out: &mut Vec<Notice>,
    ) -> Number {
        let (older, younger) = (one.min(other), one.max(other));
        let id = self.book.get_mut(older).map(|incident| incident.id.clone()).unwrap_or_default();
        let Some(mut gone) = self.book.close(younger) else { return older };
        if gone.news.told_level().is_some() {
            let message = message::merged(&gone.id, &id, same);
            out.push(view::with_message(&mut gone, Kind::IncidentEnded, &self.host, at, message));
        }
        self.book.absorb(older, gone);
        self.changed.insert(older);
        older
    }
}

/// A child holds its parent's sockets from the fork until it runs a program of its own, and may be met in between.
/// What it runs then has no part in their conversations, unless it was met again.
fn only_inherited(found: &Found, owner: &Owner, tables: &Tables) -> bool {
    let Subject::Flow(id) = found.finding.subject else { return false };
    let process = tables.processes.get(owner.key);
    if owner.source != OwnerSource::FdTable {
        return false;
    }
    if let (Some(met), Some(now)) = (owner.generation, process.and_then(Process::generation)) {
        return now > met;
    }
    let begun = tables.flows.get(id).map_or(found.at, |flow| flow.first_seen);
    process.and_then(|process| process.executed).is_some_and(|executed| executed > begun)
}

/// Leaves at least one owner, where there is one.
fn without_inheritors(found: &Found, tables: &Tables) -> Found {
    let mut owners = found.owners.clone();
    owners.retain(|owner| !only_inherited(found, owner, tables));
    if owners.is_empty() {
        owners.clone_from(&found.owners);
    }
    Found { owners, ..found.clone() }
}
