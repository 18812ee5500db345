//! What the agent says of itself in numbers, for Prometheus.
//!
//! Owns [`Board`], where the detection task leaves the newest numbers and from where they are fetched: neither waits
//! for the other. Must not know who reads them. Labels hold names of ours only, never what a watched process chose.
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    event::Counters,
    finding::Role,
    notice::{Kind, Level, Notice},
    sink::Delivery,
};

mod endpoint;
mod families;
mod render;
mod textfile;

pub use endpoint::Endpoint;
pub use families::{ALL, Family, MetricKind};
pub use textfile::Textfile;

/// The state of the pipeline at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Totals since the start.
    pub counters: Counters,
    /// Open incidents that were told of, self-tests excepted, by level and role.
    pub open: BTreeMap<(Level, Role), u64>,
    /// Name, entries and cap of each table.
    pub tables: Vec<(&'static str, usize, usize)>,
}

/// The newest numbers.
#[derive(Debug)]
pub struct Board {
    version: String,
    object: String,
    started: f64,
    state: Mutex<State>,
}

/// What changes.
#[derive(Clone, Debug, Default)]
struct State {
    ticked: f64,
    vitals: Vitals,
    deliveries: Vec<Delivery>,
    told: BTreeMap<Kind, u64>,
    /// Incidents by each level that they reached; self-tests apart.
    reached: BTreeMap<Level, u64>,
    tested: BTreeMap<Level, u64>,
    test_passed: f64,
    beat: f64,
    stopped: bool,
}

impl Board {
    /// For an agent of this version with this eBPF object, which starts now.
    #[must_use]
    pub fn new(version: &str, object: &str) -> Self {
        let (version, object) = (version.to_owned(), object.to_owned());
        Self { version, object, started: unix_now(), state: Mutex::default() }
    }

    /// Takes in what the detection task knows, once a tick.
    pub fn update(&self, vitals: Vitals, deliveries: Vec<Delivery>) {
        let mut state = self.lock();
        state.ticked = unix_now();
        state.vitals = vitals;
        state.deliveries = deliveries;
    }

    /// Counts a notice that goes to the sinks.
    pub fn count(&self, notice: &Notice) {
        let mut state = self.lock();
        *state.told.entry(notice.kind).or_default() += 1;
        if notice.kind == Kind::Heartbeat {
            state.beat = unix_now();
        }
        let Some(view) = notice.incident.as_deref() else { return };
        if !matches!(notice.kind, Kind::IncidentOpened | Kind::IncidentRaised) {
            return;
        }
        if view.self_test && view.level == Level::Confirmed {
            state.test_passed = unix_now();
        }
        let reached = if view.self_test { &mut state.tested } else { &mut state.reached };
        *reached.entry(view.level).or_default() += 1;
    }

    /// The agent ends.
    pub fn stop(&self) {
        self.lock().stopped = true;
    }

    /// All of it in Prometheus' text format 0.0.4.
    #[must_use]
    pub fn text(&self) -> String {
        let state = self.lock().clone();
        render::text(self, &state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since the Unix epoch.
fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests;
