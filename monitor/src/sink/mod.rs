//! Ways out.
//!
//! Owns [`Sink`]: the bounded queue and the thread each one gets, and the count of what was dropped. A sink
//! never sees a detector.
use std::io;

use crate::notice::Notice;

/// Writes notices somewhere. Runs on a thread of its own, so it may block for a stated time.
pub trait Sink: Send {
    /// Short name for messages and counters.
    fn name(&self) -> &'static str;
    /// Writes one notice.
    ///
    /// # Errors
    /// When the notice did not get out; the caller keeps it and tries again.
    fn write(&mut self, notice: &Notice) -> io::Result<()>;
}
