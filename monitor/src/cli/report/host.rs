//! One host: when it was last heard, and what its agent said of itself.
//!
//! Owns when a host counts as silent. Must not know where its entries came from.
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{entry::Entry, incident::Incident, names::Name};
use crate::notice::Kind;

/// An agent's heartbeat where nothing else is known: the default of `heartbeat` in `[agent]`.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// Heartbeats that may fail to come before a host is called silent.
const MISSED: u32 = 3;
/// Heartbeats of one run closer together than this are one that was told twice.
const SHORTEST: Duration = Duration::from_secs(1);
/// A clock may be so far ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Different names that one host's journal claims.
const HOSTNAMES_MAX: usize = 8;

/// Which host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostKey {
    /// By its certificate's name, else by what its journal claims.
    pub(super) name: Box<str>,
    /// Whether the name is a certificate's.
    pub(super) certified: bool,
    /// The machine id that its journal claims, where there is no certificate: names repeat.
    pub(super) machine: Box<str>,
}

/// How a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// It is listed and nothing was ever received of it.
    Never,
    /// Nothing was heard for too long.
    Silent,
    /// Its journal cannot be read, so nobody knows.
    Unreadable,
    /// Its agent said that it ends.
    Stopped,
    /// It was taken off the fleet.
    Retired,
    /// It speaks.
    Alive,
}

impl State {
    /// Its name in both forms of the report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Silent => "silent",
            Self::Unreadable => "unreadable",
            Self::Stopped => "stopped",
            Self::Retired => "retired",
            Self::Alive => "alive",
        }
    }
}

/// What is known of one host.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// By id.
    pub(super) incidents: HashMap<Box<str>, Incident>,
    /// Ids of entries that counted, as hashes.
    pub(super) ids: HashSet<u64>,
    /// Names that its journal claims.
    pub(super) hostnames: BTreeSet<Box<str>>,
    /// One of them belies its certificate.
    pub(super) contradiction: bool,
    /// Its newest entry.
    pub(super) last: Option<Timestamp>,
    /// When its agent last said that it ends.
    stopped: Option<Timestamp>,
    /// When its agent last said that it begins.
    started: Option<Timestamp>,
    /// The newest heartbeat, and of which run of the agent.
    beat: Option<(Timestamp, Box<str>)>,
    /// Shortest time between two heartbeats of one run.
    pub(super) interval: Option<Duration>,
    /// Version of its agent.
    pub(super) version: Option<Box<str>>,
    /// Entries that tell of losses.
    pub(super) losses: u64,
    /// The newest of them: when and what.
    pub(super) last_loss: Option<(Timestamp, Box<str>)>,
    /// Events lost since its agent started, as of the newest entry that says so.
    pub(super) lost: u64,
    /// When that was said.
    lost_at: Option<Timestamp>,
    /// Entries that came again.
    pub(super) duplicates: u64,
    /// Entries that claim to be an agent's and were not written by root.
    pub(super) unbelieved: u64,
    /// Entries of incidents that a cap left out.
    pub(super) left_out: u64,
    /// Bytes of its incidents.
    pub(super) bytes: usize,
    /// Why its journal cannot be read.
    pub(super) unreadable: bool,
    /// It was taken off the fleet.
    pub(super) retired: bool,
}

impl Host {
    /// Notes that the host spoke.
    pub(super) fn hear(&mut self, entry: &Entry, name: Option<&Name>) {
        self.last = self.last.max(Some(entry.written));
        if let Some(hostname) = &entry.hostname
            && self.hostnames.len() < HOSTNAMES_MAX
            && !self.hostnames.contains(hostname)
        {
            self.contradiction |= name.is_some_and(|name| !name.covers(hostname));
            self.hostnames.insert(hostname.clone());
        }
        match entry.kind {
            Kind::AgentStopped => self.stopped = self.stopped.max(Some(entry.written)),
            Kind::AgentStarted => self.started = self.started.max(Some(entry.written)),
            Kind::Heartbeat => self.beat(entry),
            _ => {}
        }
        if entry.version.is_some() && self.last == Some(entry.written) {
            self.version.clone_from(&entry.version);
        }
    }

    /// Counts what it says of losses; once for each entry.
    pub(super) fn count(&mut self, entry: &Entry) {
        if let Some(lost) = entry.lost
            && self.lost_at <= Some(entry.time)
        {
            (self.lost, self.lost_at) = (lost, Some(entry.time));
        }
        if entry.kind == Kind::Loss {
            self.losses += 1;
            let newest = self.last_loss.as_ref().is_none_or(|(at, _)| *at <= entry.time);
            if newest {
                self.last_loss = Some((entry.time, entry.message.clone().unwrap_or_default()));
            }
        }
    }

    /// Of entries that came twice the second is older than the newest, and says nothing of the interval.
    fn beat(&mut self, entry: &Entry) {
        let run = entry.id.rsplit_once('-').map_or("", |(run, _)| run);
        if let Some((last, of)) = &self.beat {
            if entry.time <= *last {
                return;
            }
            let gap = Duration::try_from(entry.time.duration_since(*last)).unwrap_or_default();
            if **of == *run && gap >= SHORTEST {
                self.interval = Some(self.interval.map_or(gap, |known| known.min(gap)));
            }
        }
        self.beat = Some((entry.time, run.into()));
    }

    /// Longest time that it may say nothing.
    pub(super) fn patience(&self, silent_after: Option<Duration>) -> Duration {
        silent_after.unwrap_or_else(|| self.interval.unwrap_or(HEARTBEAT).saturating_mul(MISSED))
    }

    /// How it is as of `now`.
    pub(super) fn state(&self, now: Timestamp, silent_after: Option<Duration>) -> State {
        let Some(last) = self.last else {
            return if self.unreadable { State::Unreadable } else { State::Never };
        };
        let quiet = Duration::try_from(now.duration_since(last)).unwrap_or_default();
        match () {
            () if self.retired => State::Retired,
            () if self.stopped >= Some(last) => State::Stopped,
            () if self.unreadable => State::Unreadable,
            () if quiet > self.patience(silent_after) => State::Silent,
            () => State::Alive,
        }
    }

    /// Its clock is ahead of ours, so that its silence would show late.
    pub(super) fn ahead(&self, now: Timestamp) -> bool {
        self.last.is_some_and(|last| last.duration_since(now) > AHEAD)
    }

    /// Whether the agent that told of an incident until `last` is there no more: it stopped, or another began.
    pub(super) fn outlived(&self, last: Timestamp) -> bool {
        [self.stopped, self.started].into_iter().flatten().any(|at| at > last)
    }
}
