//! Every metric: name, kind, labels and meaning.
//!
//! Owns the list, in the order of `docs/output.md`. Must not know values.

/// What a metric may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises while the agent runs.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Name as Prometheus has it.
    pub name: &'static str,
    /// Kind.
    pub kind: MetricKind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: MetricKind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: MetricKind::Gauge, labels, help }
}

pub(super) const BUILD: Family = gauge(
    "minewarden_build_info",
    &["version", "object"],
    "Version of the agent and digest of its eBPF object; always 1.",
);
pub(super) const UP: Family =
    gauge("minewarden_up", &[], "1 while the agent runs; 0 in a text file that it left when it ended.");
pub(super) const STARTED: Family =
    gauge("minewarden_start_time_seconds", &[], "When the agent started, since the Unix epoch.");
pub(super) const TICKED: Family = gauge(
    "minewarden_tick_timestamp_seconds",
    &[],
    "When the detection task last went round, about once a second; 0 before the first time.",
);
pub(super) const BEAT: Family = gauge(
    "minewarden_heartbeat_timestamp_seconds",
    &[],
    "When the latest heartbeat was written; 0 before the first.",
);
pub(super) const MEMORY: Family =
    gauge("minewarden_resident_memory_bytes", &[], "Resident memory of the agent.");
pub(super) const OPEN: Family = gauge(
    "minewarden_incidents_open",
    &["level", "role"],
    "Open incidents, by their level now and what the process is.",
);
pub(super) const REACHED: Family = counter(
    "minewarden_incidents_total",
    &["level"],
    "Incidents by level: one that opens at a level, or rises to it, is counted there.",
);
pub(super) const TESTED: Family =
    counter("minewarden_selftests_total", &["level"], "Incidents of self-tests, counted likewise.");
pub(super) const TEST_PASSED: Family = gauge(
    "minewarden_selftest_timestamp_seconds",
    &[],
    "When a self-test was last found and confirmed; 0 before the first.",
);
pub(super) const NOTICES: Family =
    counter("minewarden_notices_total", &["event"], "Notices handed to the sinks.");
pub(super) const EVENTS: Family = counter(
    "minewarden_events_total",
    &["kind"],
    "What reached the agent, and what else is worth counting and no loss.",
);
pub(super) const LOST: Family = counter(
    "minewarden_lost_total",
    &["kind"],
    "What was lost: events that were not judged, entries that were not written.",
);
pub(super) const SWEEP: Family = gauge(
    "minewarden_sweep_duration_seconds",
    &[],
    "How long the look at what ran before the agent took; 0 until it is over.",
);
pub(super) const WRITTEN: Family =
    counter("minewarden_sink_written_total", &["sink", "class"], "Entries that a sink wrote.");
pub(super) const DROPPED: Family = counter(
    "minewarden_sink_dropped_total",
    &["sink", "class"],
    "Entries given up because a sink's queue was full.",
);
pub(super) const WAITING: Family =
    gauge("minewarden_sink_waiting", &["sink", "class"], "Entries in a sink's queue.");
pub(super) const FAILURES: Family =
    counter("minewarden_sink_failures_total", &["sink"], "Writes that failed and were tried again.");
pub(super) const ENTRIES: Family = gauge("minewarden_table_entries", &["table"], "Entries of a table.");
pub(super) const CAPACITY: Family =
    gauge("minewarden_table_capacity", &["table"], "Most entries of a table.");

/// Every metric, in the order in which they are shown.
pub const ALL: [Family; 20] = [
    BUILD,
    UP,
    STARTED,
    TICKED,
    BEAT,
    MEMORY,
    OPEN,
    REACHED,
    TESTED,
    TEST_PASSED,
    NOTICES,
    EVENTS,
    LOST,
    SWEEP,
    WRITTEN,
    DROPPED,
    WAITING,
    FAILURES,
    ENTRIES,
    CAPACITY,
];
