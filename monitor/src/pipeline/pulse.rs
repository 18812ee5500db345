//! What the agent says of itself: started, alive, events lost, stopped.
//!
//! Owns when and how these notices are written. Must not know incidents or where counters come from.
use std::time::Duration;

use super::Host;
use crate::{
    event::{BootTime, Counters},
    incident::key::short_hash,
    notice::{Kind, Notice},
};

/// Between two loss notices.
const LOSS_EVERY: Duration = Duration::from_secs(60);

/// The agent's own notices.
pub(crate) struct Pulse {
    host: Host,
    heartbeat: Duration,
    /// Derived from the boot and the moment the agent started; `None` before that.
    id: Option<String>,
    notices: u64,
    last_beat: BootTime,
    counters: Counters,
    told: Counters,
    told_at: Option<BootTime>,
}

impl Pulse {
    /// A `heartbeat` of zero means none.
    pub(crate) fn new(host: Host, heartbeat: Duration) -> Self {
        Self {
            host,
            heartbeat,
            id: None,
            notices: 0,
            last_beat: BootTime::default(),
            counters: Counters::default(),
            told: Counters::default(),
            told_at: None,
        }
    }

    /// The first moment that the pipeline hears of; later calls change nothing.
    pub(crate) fn begin(&mut self, at: BootTime) {
        if self.id.is_none() {
            self.id = Some(short_hash(&["agent", &self.host.boot_id, &at.0.to_string()]));
            self.last_beat = at;
        }
    }

    /// Hooks are attached.
    pub(crate) fn started(&mut self, at: BootTime) -> Notice {
        let of = if self.host.watched.is_empty() { "" } else { " of " };
        let Host { version, watched, .. } = &self.host;
        let message = format!("agent {version} started: watching processes and connections{of}{watched}");
        self.notice(Kind::AgentStarted, at, message, None)
    }

    /// The agent ends in good order.
    pub(crate) fn stopped(&mut self, at: BootTime, open: usize, tables: &Counters) -> Notice {
        let lost = self.counters.lost_total();
        let message = format!(
            "agent {} stopped: {open} {} still open, {lost} events lost since it started",
            self.host.version,
            incidents(open)
        );
        self.notice(Kind::AgentStopped, at, message, Some(tables))
    }

    /// The wall clock was set.
    pub(crate) const fn set_clock(&mut self, unix_offset_nanos: i128) {
        self.host.unix_offset_nanos = unix_offset_nanos;
    }

    /// A heartbeat comes in this rhythm from now on.
    pub(crate) const fn every(&mut self, heartbeat: Duration) {
        self.heartbeat = heartbeat;
    }

    /// Events and entries lost, as last counted.
    pub(crate) fn lost(&self) -> u64 {
        self.counters.lost_total()
    }

    /// What was watched is gone.
    pub(crate) fn blind(&mut self, at: BootTime, why: String, tables: &Counters) -> Notice {
        self.notice(Kind::Loss, at, why, Some(tables))
    }

    /// The newest totals.
    pub(crate) fn count(&mut self, counters: &Counters) {
        self.counters = counters.clone();
    }

    /// Tells of a loss that was not told yet, at most once a minute.
    pub(crate) fn loss(&mut self, at: BootTime, tables: &Counters) -> Option<Notice> {
        let lost = self.counters.lost_total().saturating_sub(self.told.lost_total());
        let early = self.told_at.is_some_and(|told| at.since(told) < LOSS_EVERY);
        if lost == 0 || early {
            return None;
        }
        let told = |name: &str| {
            self.told.lost.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count)
        };
        let new = |(name, count): &(String, u64)| (name.clone(), count.saturating_sub(told(name)));
        let new = self.counters.lost.iter().map(new).filter(|(_, count)| *count > 0);
        // What a queue of entries gave up was judged before.
        let (unwritten, unseen): (Vec<_>, Vec<_>) = new.partition(|(name, _)| name.starts_with("sink-"));
        let unseen =
            told_loss(&unseen, "events").map(|of| format!("{of}: mining in that time may have gone unseen"));
        let parts: Vec<_> = unseen.into_iter().chain(told_loss(&unwritten, "entries")).collect();
        let message = parts.join("; ");
        self.told = self.counters.clone();
        self.told_at = Some(at);
        Some(self.notice(Kind::Loss, at, message, Some(tables)))
    }

    /// Says that the agent is alive, when it is time.
    pub(crate) fn beat(&mut self, at: BootTime, open: usize, tables: &Counters) -> Option<Notice> {
        if self.heartbeat.is_zero() || at.since(self.last_beat) < self.heartbeat {
            return None;
        }
        self.last_beat = at;
        let lost = self.counters.lost_total();
        let message = format!("alive: {open} open {}, {lost} events lost since it started", incidents(open));
        Some(self.notice(Kind::Heartbeat, at, message, Some(tables)))
    }

    /// The newest totals and the tables' own.
    pub(crate) fn totals(&self, tables: &Counters) -> Counters {
        let mut totals = self.counters.clone();
        for (kept, own) in [(&mut totals.seen, &tables.seen), (&mut totals.lost, &tables.lost)] {
            for (name, count) in own {
                if !kept.iter().any(|(known, _)| known == name) {
                    kept.push((name.clone(), *count));
                }
            }
        }
        totals
    }

    fn notice(&mut self, kind: Kind, at: BootTime, message: String, tables: Option<&Counters>) -> Notice {
        self.begin(at);
        self.notices += 1;
        Notice {
            id: format!("{}-{}", self.id.as_deref().unwrap_or_default(), self.notices),
            at,
            unix_nanos: self.host.wall(at),
            kind,
            message,
            incident: None,
            counters: tables.map(|tables| self.totals(tables)),
        }
    }
}

/// `lost 7 events (exec 5, fork 2)`.
fn told_loss(kinds: &[(String, u64)], what: &str) -> Option<String> {
    let lost: u64 = kinds.iter().map(|(_, count)| count).sum();
    let kinds: Vec<_> = kinds.iter().map(|(name, count)| format!("{name} {count}")).collect();
    (lost > 0).then(|| format!("lost {lost} {what} ({})", kinds.join(", ")))
}

const fn incidents(count: usize) -> &'static str {
    if count == 1 { "incident" } else { "incidents" }
}
