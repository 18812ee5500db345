//! What the agent's own pipeline says of a conversation.
//!
//! Owns [`Judge`] and [`Verdict`]. Must not know labels: it judges, others compare.
use std::{num::NonZeroUsize, sync::Arc};

use anyhow::{Context as _, Result};
use monitor::{
    cli::live::detectors,
    detect::{
        Detector,
        stratum::{Dialects, Stratum},
    },
    event::{BootTime, FlowId, Host},
    notice::{FlowView, Level},
    pipeline::{Pipeline, Settings},
};

use crate::{
    feed::{View, events},
    flow::Flow,
};

/// One conversation is open at a time.
const FLOWS: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) level: Level,
    pub(crate) score: u32,
    pub(crate) rules: Vec<&'static str>,
    pub(crate) dialect: Option<String>,
    /// Why, for a person.
    pub(crate) text: String,
}

impl Verdict {
    /// Likely or above: this is what opens an incident.
    pub(crate) fn is_found(&self) -> bool {
        self.level >= Level::Likely
    }

    /// Proof.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.level == Level::Confirmed
    }

    /// Of a conversation without payload, which the pipeline does not report.
    fn nothing() -> Self {
        Self { level: Level::None, score: 0, rules: Vec::new(), dialect: None, text: String::new() }
    }
}

impl From<FlowView> for Verdict {
    fn from(view: FlowView) -> Self {
        Self {
            level: view.level,
            score: view.score,
            rules: view.evidence.iter().map(|(rule, _)| rule.name).collect(),
            dialect: view.claim.dialect,
            text: view.evidence.into_iter().next().map(|(_, text)| text).unwrap_or_default(),
        }
    }
}

/// The pipeline of `replay`, with all detectors or with one of ours.
pub(crate) struct Judge {
    pipeline: Pipeline,
    next: u64,
}

impl Judge {
    /// As shipped.
    pub(crate) fn shipped() -> Self {
        Self::with(detectors(Arc::default()))
    }

    /// Looks for these dialects only.
    pub(crate) fn only(dialects: Dialects) -> Self {
        Self::with(vec![Box::new(Stratum::new(FLOWS).only(dialects))])
    }

    fn with(detectors: Vec<Box<dyn Detector>>) -> Self {
        let mut pipeline = pipeline(detectors);
        pipeline.start(BootTime(0));
        Self { pipeline, next: 1 }
    }

    /// Judges a conversation from its first event to its end.
    pub(crate) fn judge(&mut self, flow: &Flow, view: View) -> Result<Verdict> {
        let id = FlowId(self.next);
        self.next += 1;
        let mut told = Vec::new();
        for event in events(flow, id, view) {
            told.extend(self.pipeline.step(&event).flows);
        }
        let one = told.len() <= 1 && told.iter().all(|view| view.flow == id);
        one.then(|| told.pop().map_or_else(Verdict::nothing, Verdict::from))
            .with_context(|| format!("{}: the pipeline reported other conversations", flow.id))
    }
}

/// One that judges and reports every conversation by itself.
pub(crate) fn pipeline(detectors: Vec<Box<dyn Detector>>) -> Pipeline {
    let host = Host { boot_id: "corpus".to_owned(), unix_offset_nanos: 0, ..Host::default() };
    Pipeline::new(host, Settings { report_flows: true, ..Settings::default() }, detectors)
}
