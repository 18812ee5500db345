//! Ways out.
//!
//! Owns [`Sink`] and [`Sinks`]: the bounded queue and the thread each sink gets, and the count of what was
//! dropped. A sink never sees a detector.
use std::{
    io,
    sync::{Arc, atomic::AtomicU64},
};

use crate::{notice::Notice, record::Record};

pub mod deliver;
pub mod escape;
pub mod fields;
pub mod journald;
pub mod json;
pub mod queue;
pub mod record_fields;
mod stream;
pub mod text;

#[cfg(test)]
mod documents;
#[cfg(test)]
pub(crate) mod sample;

pub use deliver::{Delivery, Sinks};
pub use journald::Journald;
pub use json::Json;
pub use text::Text;

/// Writes notices somewhere. Runs on a thread of its own, so it may block for a stated time.
pub trait Sink: Send {
    /// Short name for messages and counters.
    fn name(&self) -> &'static str;
    /// Writes one notice.
    ///
    /// # Errors
    /// When the notice did not get out; the caller keeps it and tries again.
    fn write(&mut self, notice: &Notice) -> io::Result<()>;
    /// Whether it writes records too; [`Sink::write_record`] is called only then.
    fn takes_records(&self) -> bool {
        false
    }
    /// Writes one record.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn write_record(&mut self, record: &Record) -> io::Result<()> {
        let _ = record;
        Ok(())
    }
    /// Counts the records that were written, but not where they were to go; `None` where that cannot be.
    fn diverted(&self) -> Option<Arc<AtomicU64>> {
        None
    }
}
