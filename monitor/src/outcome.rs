//! What one step of the pipeline leaves: notices for the sinks, requests for the workers.
//!
//! Owns the two ways out of the pure part. Must not know how a request is carried out or where a notice goes.
use crate::{
    event::{FlowId, Owner, ScanTarget},
    notice::{FlowView, Notice},
    record::Record,
};

/// What the pure part wants from the world. Each is answered by an event, also when it failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Read /proc of this process; answered by [`crate::event::Body::ProcFacts`].
    LookUp(Owner),
    /// Find the processes that hold this socket; answered by [`crate::event::Body::Holders`].
    FindOwner(FlowId),
    /// Search the executable or the memory of this process; answered by [`crate::event::Body::Scanned`].
    Scan(Owner, ScanTarget),
    /// Read the environment of this process and the files that its arguments name; answered by
    /// [`crate::event::Body::Setup`].
    ReadSetup {
        /// The process.
        owner: Owner,
        /// Paths as its arguments have them: may be relative to its working directory. At most 4.
        files: Vec<String>,
    },
}

/// The result of one step.
#[derive(Debug, Default)]
pub struct Outcome {
    /// To every sink, in this order.
    pub notices: Vec<Notice>,
    /// To the sinks that take records.
    pub records: Vec<Record>,
    /// To the workers.
    pub requests: Vec<Request>,
    /// Conversations without an owner that ended (captures only), judged.
    pub flows: Vec<FlowView>,
}
