//! What all entries come to.
//!
//! Owns the caps on what is held, whose an entry is, which entries are believed, and that each counts once. Must not
//! know how entries are read or shown.
use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
};

use super::{
    Choice,
    entry::{Entry, Refused},
    host::{Host, HostKey},
    incident::Incident,
    names::{Name, Names},
    source::Source,
};
use crate::sink::escape::escape;

/// Hosts held, and those of them that no certificate names: one hostile journal can claim any number.
pub(super) const HOSTS_MAX: usize = 50_000;
pub(super) const CLAIMED_MAX: usize = 10_000;
/// Incidents held, and of one host: an agent holds that many open ones.
pub(super) const INCIDENTS_MAX: usize = 50_000;
pub(super) const HOST_INCIDENTS_MAX: usize = 4_096;
/// Bytes of all incidents, and of one host's.
pub(super) const BYTES_MAX: usize = 512 << 20;
pub(super) const HOST_BYTES_MAX: usize = 16 << 20;
/// Ids of entries held, and of one host's; beyond them an entry that comes again is not recognised.
pub(super) const IDS_MAX: usize = 4_000_000;
pub(super) const HOST_IDS_MAX: usize = 200_000;
/// Lines about sources that cannot be read.
pub(super) const PROBLEMS_MAX: usize = 1_000;

/// Entries and what became of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) entries: u64,
    pub(super) duplicates: u64,
    pub(super) malformed: u64,
    pub(super) foreign: u64,
    pub(super) unbelieved: u64,
    /// Left out by a cap: entries of hosts, of incidents; ids; problems.
    pub(super) hosts_left_out: u64,
    pub(super) incidents_left_out: u64,
    pub(super) ids_left_out: u64,
    pub(super) problems_left_out: u64,
}

/// Everything that was read so far.
pub(super) struct Fold {
    pub(super) choice: Choice,
    pub(super) names: Names,
    pub(super) hosts: BTreeMap<HostKey, Host>,
    pub(super) tally: Tally,
    pub(super) problems: Vec<String>,
    claimed: usize,
    incidents: usize,
    ids: usize,
    bytes: usize,
    hasher: RandomState,
}

impl Fold {
    pub(super) fn new(choice: Choice, names: Names) -> Self {
        Self {
            choice,
            names,
            hosts: BTreeMap::new(),
            tally: Tally::default(),
            problems: Vec::new(),
            claimed: 0,
            incidents: 0,
            ids: 0,
            bytes: 0,
            // A hash that no host can foresee, so that none can make ids collide.
            hasher: RandomState::new(),
        }
    }

    /// Takes an entry of `source` that lies in the window.
    pub(super) fn take(&mut self, source: &Source, entry: &Entry) {
        self.tally.entries += 1;
        let Some((key, believed)) = self.place(source, entry) else { return };
        if !believed {
            return;
        }
        let hash = (!entry.id.is_empty()).then(|| self.hasher.hash_one(&entry.id));
        let Self { hosts, tally, ids, .. } = self;
        let Some(host) = hosts.get_mut(&key) else { return };
        if let Some(hash) = hash {
            if host.ids.contains(&hash) {
                host.duplicates += 1;
                tally.duplicates += 1;
                return;
            }
            if host.ids.len() >= HOST_IDS_MAX || *ids >= IDS_MAX {
                tally.ids_left_out += 1;
            } else {
                host.ids.insert(hash);
                *ids += 1;
            }
        }
        host.count(entry);
        self.follow(&key, entry);
    }

    /// Takes the newest entry from before the window: it says only when the host was last heard.
    pub(super) fn take_before(&mut self, source: &Source, entry: &Entry) {
        self.place(source, entry);
    }

    pub(super) const fn refuse(&mut self, why: Refused) {
        match why {
            Refused::Malformed => self.tally.malformed += 1,
            Refused::Foreign => self.tally.foreign += 1,
        }
    }

    /// Something about a source that a reader of the report has to know.
    pub(super) fn problem(&mut self, source: &Source, why: &str) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(format!("{}: {}", source.shown, escape(why)));
        } else {
            self.tally.problems_left_out += 1;
        }
    }

    /// A source that cannot be read: whether its host is silent nobody knows.
    pub(super) fn unreadable(&mut self, source: &Source, why: &str) {
        self.problem(source, why);
        let Some(name) = source.address.as_deref().and_then(|address| self.names.of(address)) else { return };
        let (key, retired) = (certified(name), name.retired);
        if self.hosts.len() < HOSTS_MAX {
            let host = self.hosts.entry(key).or_default();
            (host.unreadable, host.retired) = (true, retired);
        }
    }

    /// The host of an entry, and whether the entry is believed; `None` when there is no room for another host.
    fn place(&mut self, source: &Source, entry: &Entry) -> Option<(HostKey, bool)> {
        let name = source.address.as_deref().and_then(|address| self.names.of(address));
        let key = name.map_or_else(|| claimed(source, entry), certified);
        if !self.hosts.contains_key(&key) {
            let claimed = usize::from(!key.certified);
            if self.hosts.len() >= HOSTS_MAX || self.claimed + claimed > CLAIMED_MAX {
                self.tally.hosts_left_out += 1;
                return None;
            }
            self.claimed += claimed;
        }
        let host = self.hosts.entry(key.clone()).or_default();
        host.retired = name.is_some_and(|name| name.retired);
        let believed = entry.uid.is_some_and(|uid| self.choice.writers.contains(&uid));
        if believed {
            host.hear(entry, name);
        } else {
            host.unbelieved += 1;
            self.tally.unbelieved += 1;
        }
        Some((key, believed))
    }

    fn follow(&mut self, key: &HostKey, entry: &Entry) {
        let (Some(facts), Some(host)) = (entry.facts.as_deref(), self.hosts.get_mut(key)) else { return };
        if let Some(known) = host.incidents.get_mut(&facts.incident) {
            let before = known.bytes();
            known.add(entry);
            let after = known.bytes();
            host.bytes = (host.bytes + after).saturating_sub(before);
            self.bytes = (self.bytes + after).saturating_sub(before);
            return;
        }
        let full = host.incidents.len() >= HOST_INCIDENTS_MAX
            || self.incidents >= INCIDENTS_MAX
            || host.bytes >= HOST_BYTES_MAX
            || self.bytes >= BYTES_MAX;
        if full {
            host.left_out += 1;
            self.tally.incidents_left_out += 1;
            return;
        }
        if let Some(incident) = Incident::of(entry) {
            host.bytes += incident.bytes();
            self.bytes += incident.bytes();
            self.incidents += 1;
            host.incidents.insert(facts.incident.clone(), incident);
        }
    }
}

/// The host that a certificate names.
pub(super) fn certified(name: &Name) -> HostKey {
    HostKey { name: name.name.as_str().into(), certified: true, machine: Box::default() }
}

fn claimed(source: &Source, entry: &Entry) -> HostKey {
    let name = entry.hostname.clone().unwrap_or_else(|| source.shown.as_str().into());
    HostKey { name, certified: false, machine: entry.machine.clone().unwrap_or_default() }
}
