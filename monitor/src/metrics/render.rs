//! From the numbers to Prometheus' text.
//!
//! Owns the values of every metric and the zeros of those that did not happen yet: an alert on an increase needs a
//! beginning. Must not know who asks.
use std::{collections::BTreeMap, fs};

use prometheus::{
    TextEncoder,
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

use super::{
    Board, State,
    families::{
        BEAT, BUILD, CAPACITY, DROPPED, ENTRIES, EVENTS, FAILURES, Family, LOST, MEMORY, MetricKind, NOTICES,
        OPEN, REACHED, STARTED, SWEEP, TEST_PASSED, TESTED, TICKED, UP, WAITING, WRITTEN,
    },
};
use crate::{
    finding::Role,
    notice::{Kind, Level},
};

/// Levels that an incident can have.
const LEVELS: [Level; 3] = [Level::Suspicious, Level::Likely, Level::Confirmed];
/// What the process of an incident can be.
const ROLES: [Role; 2] = [Role::Miner, Role::Relay];
/// A duration among the counters, in milliseconds.
const SWEEP_MILLIS: &str = "sweep.millis";

/// Label values and the value.
type Sample = (Vec<String>, f64);

pub(super) fn text(board: &Board, state: &State) -> String {
    let all = [samples_of_agent(board, state), samples_of_incidents(state), samples_of_flow(state)];
    // Before the first tick no table and no sink is known; the encoder refuses what has no value.
    let known = all.into_iter().flatten().filter(|(_, samples)| !samples.is_empty());
    let families: Vec<_> = known.map(|(family, samples)| encode(family, samples)).collect();
    TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| {
        log::warn!("metrics: {error}");
        String::new()
    })
}

fn samples_of_agent(board: &Board, state: &State) -> Vec<(Family, Vec<Sample>)> {
    let build = vec![board.version.clone(), board.object.clone()];
    let plain = |value: f64| vec![(Vec::new(), value)];
    vec![
        (BUILD, vec![(build, 1.0)]),
        (UP, plain(if state.stopped { 0.0 } else { 1.0 })),
        (STARTED, plain(board.started)),
        (TICKED, plain(state.ticked)),
        (BEAT, plain(state.beat)),
        (MEMORY, plain(resident())),
    ]
}

fn samples_of_incidents(state: &State) -> Vec<(Family, Vec<Sample>)> {
    let pairs = LEVELS.into_iter().flat_map(|level| ROLES.map(|role| (level, role)));
    let open = pairs.map(|(level, role)| {
        let count = state.vitals.open.get(&(level, role)).copied().unwrap_or_default();
        (vec![level.to_string(), role.to_string()], number(count))
    });
    let by_level = |counts: &BTreeMap<Level, u64>| {
        let count = |level: Level| counts.get(&level).copied().unwrap_or_default();
        LEVELS.map(|level| (vec![level.to_string()], number(count(level)))).to_vec()
    };
    let told = Kind::ALL.map(|kind| {
        (vec![kind.name().to_owned()], number(state.told.get(&kind).copied().unwrap_or_default()))
    });
    vec![
        (OPEN, open.collect()),
        (REACHED, by_level(&state.reached)),
        (TESTED, by_level(&state.tested)),
        (TEST_PASSED, vec![(Vec::new(), state.test_passed)]),
        (NOTICES, told.to_vec()),
    ]
}

fn samples_of_flow(state: &State) -> Vec<(Family, Vec<Sample>)> {
    let counters = &state.vitals.counters;
    let seen = counters.seen.iter().filter(|(name, _)| name != SWEEP_MILLIS);
    let millis = counters.seen.iter().find(|(name, _)| name == SWEEP_MILLIS).map_or(0, |(_, millis)| *millis);
    let by_kind = |(name, count): &(String, u64)| (vec![name.clone()], number(*count));
    let (mut written, mut dropped, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    let mut failures = Vec::new();
    for sink in &state.deliveries {
        let labels = |class: &str| vec![sink.sink.to_owned(), class.to_owned()];
        written.push((labels("notice"), number(sink.written)));
        written.push((labels("record"), number(sink.records_written)));
        dropped.push((labels("notice"), number(sink.dropped)));
        dropped.push((labels("record"), number(sink.records_dropped)));
        waiting.push((labels("notice"), number(sink.waiting)));
        waiting.push((labels("record"), number(sink.records_waiting)));
        failures.push((vec![sink.sink.to_owned()], number(sink.failures)));
    }
    let tables = &state.vitals.tables;
    let table = |name: &str, count: usize| (vec![name.to_owned()], number(count as u64));
    vec![
        (EVENTS, seen.map(by_kind).collect()),
        (LOST, counters.lost.iter().map(by_kind).collect()),
        (SWEEP, vec![(Vec::new(), number(millis) / 1_000.0)]),
        (WRITTEN, written),
        (DROPPED, dropped),
        (WAITING, waiting),
        (FAILURES, failures),
        (ENTRIES, tables.iter().map(|(name, entries, _)| table(name, *entries)).collect()),
        (CAPACITY, tables.iter().map(|(name, _, capacity)| table(name, *capacity)).collect()),
    ]
}

fn encode(family: Family, samples: Vec<Sample>) -> MetricFamily {
    let mut encoded = MetricFamily::default();
    encoded.set_name(family.name.to_owned());
    encoded.set_help(family.help.to_owned());
    encoded.set_field_type(match family.kind {
        MetricKind::Counter => MetricType::COUNTER,
        MetricKind::Gauge => MetricType::GAUGE,
    });
    encoded.set_metric(samples.into_iter().map(|(labels, value)| sample(family, labels, value)).collect());
    encoded
}

fn sample(family: Family, labels: Vec<String>, value: f64) -> Metric {
    let pairs = family.labels.iter().zip(labels).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value);
        pair
    });
    let mut metric = Metric::from_label(pairs.collect());
    match family.kind {
        MetricKind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        }
        MetricKind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
    }
    metric
}

#[expect(clippy::cast_precision_loss, reason = "every number of Prometheus is a double")]
const fn number(count: u64) -> f64 {
    count as f64
}

/// `VmRSS` of /proc/self/status, in bytes; 0 where it cannot be read.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    number(kib.unwrap_or(0_u64).saturating_mul(1024))
}
