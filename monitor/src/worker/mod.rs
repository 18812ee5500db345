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
    rules::Known,
};

mod container;
mod diag;
mod digest;
mod facts;
mod file;
mod mounts;
mod names;
mod own;
mod owners;
mod pool;
pub mod procfs;
pub mod scan;
mod script;
mod session;
mod setup;
mod sweep;
#[cfg(test)]
mod tests;
mod tty;
mod walk;

pub use diag::SockDiag;
use facts::FactReader;
pub use owners::Sockets;
use pool::Pool;
use procfs::{Identity, LiveProcFs, ProcFs};
use scan::Scanner;
use setup::SetupReader;
pub use sweep::{Census, Connected, SweepLimits};

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
    /// Scans that may wait.
    pub scans: usize,
    /// Scan threads.
    pub scanners: usize,
    /// A scan that takes longer is given up and its thread replaced.
    pub scan_stuck: Duration,
    /// A look-up that takes longer is given up and its thread replaced; a pass over the file tables is counted.
    pub stuck: Duration,
    /// Threads given up that may hang at one time; beyond that none is replaced.
    pub lost: usize,
    /// From the end of one pass over the file tables to the next, at least; longer after a pass that took long.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 256,
            sockets: 1024,
            answers: 1024,
            threads: 2,
            scans: 4096,
            scanners: 1,
            scan_stuck: Duration::from_secs(60),
            stuck: Duration::from_secs(5),
            lost: 16,
            pause: Duration::from_millis(2),
        }
    }
}

/// The running workers; their threads end when this is dropped, those that hang excepted.
pub struct Workers {
    pool: Arc<Pool<FactReader>>,
    setups: Arc<Pool<SetupReader>>,
    scans: Arc<Pool<Scanner>>,
    owners: Arc<owners::Owners>,
    swept: Arc<sweep::Progress>,
    answers: mpsc::Sender<Event>,
}

impl Workers {
    /// Starts the threads. The answers come out of the receiver.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        procfs: Box<dyn ProcFs>,
        sockets: Box<dyn Sockets>,
        known: &Known,
        limits: Limits,
    ) -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let procfs: Arc<dyn ProcFs> = procfs.into();
        let (send, answers) = mpsc::channel(limits.answers);
        let owners = owners::Owners::start(sockets, limits, send.clone())?;
        let reader = FactReader::new(Box::new(Arc::clone(&procfs)));
        let scanner = Scanner::new(known, Arc::clone(&procfs), reader.digests());
        let setup = SetupReader::new(Box::new(procfs));
        let Limits { scans: queue, scanners: threads, scan_stuck: stuck, .. } = limits;
        let of_scans = Limits { queue, threads, stuck, ..limits };
        // Those that started end when the others cannot.
        let pool = Pool::start(reader, limits, send.clone()).inspect_err(|_| owners.close())?;
        let setups = Pool::start(setup, Limits { threads: 1, ..limits }, send.clone()).inspect_err(|_| {
            owners.close();
            pool.close();
        })?;
        let scans = Pool::start(scanner, of_scans, send.clone()).inspect_err(|_| {
            owners.close();
            pool.close();
            setups.close();
        })?;
        Ok((Self { pool, setups, scans, owners, swept: Arc::default(), answers: send }, answers))
    }

    /// Tells of every process and every connected socket that there is, as [`crate::event::Body::Running`] and
    /// [`crate::event::Body::Established`]. To be called after the hooks are attached.
    ///
    /// # Errors
    /// When its thread cannot be started.
    pub fn sweep(
        &self,
        procfs: Arc<dyn ProcFs>,
        census: Box<dyn Census>,
        limits: SweepLimits,
    ) -> io::Result<()> {
        let (answers, progress) = (self.answers.clone(), Arc::clone(&self.swept));
        sweep::Sweep { procfs, census, limits, answers, progress }.start()
    }

    /// Takes a request; one that is already under way is answered together with it. `false`: the queue was full,
    /// there will be no answer, and the loss was counted. Never blocks.
    pub fn submit(&self, request: Request) -> bool {
        match request {
            Request::LookUp(owner) => self.pool.submit(owner),
            Request::FindOwner(flow) => self.owners.submit(flow),
            Request::ReadSetup { owner, files } => self.setups.submit(setup::Question { owner, files }),
            Request::Scan(owner, target) => self.scans.submit((owner, target)),
        }
    }

    /// Searches executables for what is known now; those that were searched before are searched again when they are
    /// started anew.
    pub fn relearn(&self, known: &Known) {
        self.scans.work().relearn(known);
    }

    /// Requests that were taken and not answered yet. An answer is on its way to the channel a moment before
    /// this falls.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pool.pending()
            + self.setups.pending()
            + self.scans.pending()
            + self.owners.pending()
            + usize::from(self.swept.is_running())
    }

    /// What the sweep told of so far, by name, and how many milliseconds it took once it is over.
    #[must_use]
    pub fn swept(&self) -> [(&'static str, u64); 3] {
        let swept = &self.swept;
        [
            ("sweep.processes", swept.processes.load(Relaxed)),
            ("sweep.sockets", swept.sockets.load(Relaxed)),
            ("sweep.millis", swept.millis.load(Relaxed)),
        ]
    }

    /// Look-ups that failed since the start: mostly processes that had ended.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.pool.failed.load(Relaxed)
    }

    /// Files of container engines that could not be used since the start: too large, another user's, half-written.
    #[must_use]
    pub fn containers_refused(&self) -> u64 {
        self.pool.work().containers_refused()
    }

    /// Executables and scripts that were not digested for what they are, since the start: pipes, files on file systems
    /// that may make a reader wait, large ones.
    #[must_use]
    pub fn digests_refused(&self) -> u64 {
        self.pool.work().digests_refused()
    }

    /// Configuration files that were not read for what they are, since the start: folders, pipes, files on a network,
    /// large ones.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.setups.work().refused.load(Relaxed)
    }

    /// Executables that were searched since the start, by name, and those that were not and are no loss: gone before
    /// their turn, larger than is read, or on file systems that are not opened.
    #[must_use]
    pub fn searched(&self) -> [(&'static str, u64); 4] {
        let seen = &self.scans.work().seen;
        [
            ("scan-files", seen.files.load(Relaxed)),
            ("scan-failed", self.scans.failed.load(Relaxed)),
            ("scan-large", seen.large.load(Relaxed)),
            ("scan-refused", seen.refused.load(Relaxed)),
        ]
    }

    /// What was lost since the start, by name.
    #[must_use]
    pub fn counters(&self) -> Vec<(String, u64)> {
        let (pool, setups, scans) = (&self.pool, &self.setups, &self.scans);
        let (owners, swept) = (&self.owners, &self.swept);
        [
            ("worker.lookup.dropped", pool.dropped.load(Relaxed)),
            ("worker.lookup.stuck", pool.stuck.load(Relaxed)),
            ("worker.lookup.panicked", pool.panics.load(Relaxed)),
            ("worker.name.timeout", pool.work().name_timeouts()),
            ("worker.setup.dropped", setups.dropped.load(Relaxed)),
            ("worker.setup.stuck", setups.stuck.load(Relaxed)),
            ("worker.setup.panicked", setups.panics.load(Relaxed)),
            ("worker.scan.dropped", scans.dropped.load(Relaxed)),
            ("worker.scan.stuck", scans.stuck.load(Relaxed)),
            ("worker.scan.panicked", scans.panics.load(Relaxed)),
            ("worker.scan.late", scans.work().seen.late.load(Relaxed)),
            ("worker.owner.dropped", owners.dropped.load(Relaxed)),
            ("worker.owner.failed", owners.errors.load(Relaxed)),
            ("worker.owner.stuck", owners.stuck()),
            ("worker.sweep.processes", swept.dropped_processes.load(Relaxed)),
            ("worker.sweep.sockets", swept.dropped_sockets.load(Relaxed)),
            ("worker.sweep.stuck", swept.stuck.load(Relaxed)),
            ("worker.sweep.failed", swept.failed.load(Relaxed)),
        ]
        .map(|(name, n)| (name.to_owned(), n))
        .into()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.pool.close();
        self.setups.close();
        self.scans.close();
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
