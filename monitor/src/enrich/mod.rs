//! What is known of processes and flows, fed by events only.
//!
//! Owns the bounded tables. Must not know detectors, /proc or a clock but the event's own.
use crate::event::{Event, FlowId};

pub(crate) mod bounded;
pub mod flows;
mod lineage;
pub mod place;
mod process;
pub mod processes;

/// The tables that detectors may read.
pub struct Tables {
    /// Processes by key.
    pub processes: processes::ProcessTable,
    /// Flows by id.
    pub flows: flows::FlowTable,
}

impl Tables {
    /// Empty tables with their caps.
    #[must_use]
    pub fn new(processes: usize, flows: usize) -> Self {
        Self { processes: processes::ProcessTable::new(processes), flows: flows::FlowTable::new(flows) }
    }

    /// Takes in what an event says, before detectors see it; returns the flow that had to make room.
    pub fn observe(&mut self, event: &Event) -> Option<(FlowId, flows::Flow)> {
        self.processes.observe(event);
        self.flows.observe(event)
    }
}
