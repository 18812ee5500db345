//! Carries out requests off the detection path and answers with events.
//!
//! Owns the threads, their bounded queues and the counters of what did not fit. Must not know why something is
//! asked. A request that was taken is answered once, also when it failed.
use std::{io, sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::mpsc;

use crate::{
    event::{BootTime, Event, Owner},
    outcome::Request,
};

mod digest;
mod facts;
mod file;
mod names;
mod owners;
mod pool;
pub mod procfs;
pub mod scan;
mod script;
#[cfg(test)]
mod tests;

pub use owners::Sockets;
use procfs::{Identity, LiveProcFs, ProcFs};

/// Sizes and times of the workers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Look-ups that may wait.
    pub queue: usize,
    /// Sockets whose owner may be waited for.
    pub sockets: usize,
    /// Answers that may wait for the agent; the threads wait when it is full.
    pub answers: usize,
    /// Look-up threads.
    pub threads: usize,
    /// A look-up that takes longer is given up and its thread replaced; a pass over the file tables is counted.
    pub stuck: Duration,
    /// Threads given up that may hang at one time; beyond that none is replaced.
    pub lost: usize,
    /// From the end of one pass over the file tables to the next.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 256,
            sockets: 1024,
            answers: 1024,
            threads: 2,
            stuck: Duration::from_secs(5),
            lost: 16,
            pause: Duration::from_millis(50),
        }
    }
}

/// The running workers; their threads end when this is dropped, those that hang excepted.
pub struct Workers {
    pool: Arc<pool::Pool>,
    owners: Arc<owners::Owners>,
}

impl Workers {
    /// Starts the threads. The answers come out of the receiver.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        procfs: Box<dyn ProcFs>,
        sockets: Box<dyn Sockets>,
        limits: Limits,
    ) -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let (send, answers) = mpsc::channel(limits.answers);
        let owners = owners::Owners::start(sockets, limits, send.clone())?;
        let pool = pool::Pool::start(facts::FactReader::new(procfs), limits, send)
            .inspect_err(|_| owners.close())?;
        Ok((Self { pool, owners }, answers))
    }

    /// Takes a request; one that is already under way is answered together with it. `false`: the queue was full,
    /// there will be no answer, and the loss was counted. Never blocks.
    pub fn submit(&self, request: Request) -> bool {
        match request {
            Request::LookUp(owner) => self.pool.submit(owner),
            Request::FindOwner(flow) => self.owners.submit(flow),
            Request::Scan(..) | Request::ReadSetup { .. } => false,
        }
    }

    /// Requests that were taken and not answered yet. An answer is on its way to the channel a moment before
    /// this falls.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pool.pending() + self.owners.pending()
    }

    /// Look-ups that failed since the start: mostly processes that had ended.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.pool.failed.load(Relaxed)
    }

    /// What was lost since the start, by name.
    #[must_use]
    pub fn counters(&self) -> Vec<(String, u64)> {
        let (pool, owners) = (&self.pool, &self.owners);
        [
            ("worker.lookup.dropped", pool.dropped.load(Relaxed)),
            ("worker.lookup.stuck", pool.stuck.load(Relaxed)),
            ("worker.lookup.panicked", pool.panics.load(Relaxed)),
            ("worker.name.timeout", pool.name_timeouts()),
            ("worker.owner.dropped", owners.dropped.load(Relaxed)),
            ("worker.owner.failed", owners.errors.load(Relaxed)),
            ("worker.owner.stuck", owners.stuck()),
        ]
        .map(|(name, n)| (name.to_owned(), n))
        .into()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.pool.close();
        self.owners.close();
    }
}

/// Now on the boot clock.
#[must_use]
pub fn boot_now() -> BootTime {
    BootTime(u64::try_from(nanos(ClockId::Boottime)).unwrap_or(0))
}

/// Wall clock minus boot clock, in nanoseconds: what turns a boot time into one since the Unix epoch.
#[must_use]
pub fn unix_offset() -> i64 {
    nanos(ClockId::Realtime).saturating_sub(nanos(ClockId::Boottime))
}

fn nanos(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// Whether the pid of `owner` still is that process: the check to make right before the pid is used.
#[must_use]
pub fn same_process(owner: &Owner) -> bool {
    owner.pid != 0
        && LiveProcFs
            .open(owner.pid)
            .and_then(|process| Identity::of(&*process))
            .is_ok_and(|identity| identity.start == owner.key.start)
}
