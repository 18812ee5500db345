//! A thread that reads processes, so that one whose /proc hangs stops nobody.
//!
//! Owns that thread and the wait for it. Must not know what is read.
use std::{io, sync::Arc, sync::mpsc, thread, time::Duration};

use super::{
    listing::Listed,
    running::{self, Cgroups},
};
use crate::{event::Running, worker::procfs::ProcFs};

/// Reads one process at a time; given up by being dropped, and ends when its last read comes back.
pub(super) struct Reader {
    ask: mpsc::Sender<Listed>,
    answers: mpsc::Receiver<Option<Running>>,
}

impl Reader {
    pub(super) fn start(procfs: &Arc<dyn ProcFs>) -> Self {
        let ((ask, asked), (answer, answers)) = (mpsc::channel::<Listed>(), mpsc::channel());
        let procfs = Arc::clone(procfs);
        // Without a thread every read fails, and is counted.
        let _ = thread::Builder::new().name("sweep-read".into()).spawn(move || {
            let mut cgroups = Cgroups::find();
            for listed in asked {
                if answer.send(running::read(&*procfs, listed, &mut cgroups)).is_err() {
                    return;
                }
            }
        });
        Self { ask, answers }
    }

    /// What runs there; `None` when it has ended.
    ///
    /// # Errors
    /// When it took longer than `limit`, or the thread is gone.
    pub(super) fn read(&self, listed: Listed, limit: Duration) -> io::Result<Option<Running>> {
        let gone = || io::Error::other("the thread that reads /proc is gone");
        self.ask.send(listed).map_err(|_| gone())?;
        self.answers.recv_timeout(limit).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => io::Error::other("/proc did not answer in time"),
            mpsc::RecvTimeoutError::Disconnected => gone(),
        })
    }
}
