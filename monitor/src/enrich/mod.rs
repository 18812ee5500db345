//! What is known of processes and flows, fed by events only.
//!
//! Owns the bounded tables. Must not know detectors, /proc or a clock but the event's own.
pub mod flows;
pub mod place;
pub mod processes;

/// The tables that detectors may read.
pub struct Tables {
    /// Processes by key.
    pub processes: processes::ProcessTable,
    /// Flows by id.
    pub flows: flows::FlowTable,
}
