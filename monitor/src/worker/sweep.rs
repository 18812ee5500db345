//! What already runs when the agent starts: every process and every connected TCP socket, once.
//!
//! Owns the pass, its pace and its counters. It runs on a thread of its own after the hooks are attached, so that
//! nothing falls between: what begins meanwhile is told by the hooks, and what ends meanwhile is told to have ended.
//! A process whose /proc hangs is given up. Must not know what the events are for, or how sockets are listed.
use std::{
    collections::HashSet,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::Sender;

use self::{listing::Listed, reader::Reader};
use super::{
    boot_now,
    procfs::{Identity, ProcFs},
};
use crate::event::{Body, Ends, Event, FlowId, Owner, OwnerSource, ProcessKey};

mod listing;
mod reader;
mod running;
#[cfg(test)]
mod tests;

/// Lists the connected TCP sockets of the host.
pub trait Census: Send {
    /// At most `most` of them, with every process that holds each.
    ///
    /// # Errors
    /// When they could not be listed.
    fn connected(&mut self, most: usize) -> io::Result<Connected>;
}

/// The connected TCP sockets of the host.
#[derive(Debug, Default)]
pub struct Connected {
    /// Each once.
    pub sockets: Vec<(FlowId, Ends, Vec<Owner>)>,
    /// What found no room.
    pub dropped: u64,
}

/// Sizes and times of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct SweepLimits {
    /// Processes read; of more, those that started last.
    pub processes: usize,
    /// Sockets told of.
    pub sockets: usize,
    /// A process that takes longer to read is given up.
    pub stuck: Duration,
    /// Processes that may be given up; then the sweep ends.
    pub lost: u64,
    /// No process is begun after this time.
    pub longest: Duration,
}

impl Default for SweepLimits {
    fn default() -> Self {
        Self {
            processes: 32_768,
            sockets: 32_768,
            stuck: Duration::from_secs(2),
            lost: 16,
            longest: Duration::from_secs(120),
        }
    }
}

/// Events sent before the agent gets a moment for what else there is.
const BATCH: u64 = 128;
/// That moment.
const PAUSE: Duration = Duration::from_millis(1);

/// How far the sweeps are, and what they lost.
#[derive(Debug, Default)]
pub(super) struct Progress {
    running: AtomicBool,
    /// Processes told of.
    pub(super) processes: AtomicU64,
    /// Sockets told of.
    pub(super) sockets: AtomicU64,
    /// How long the last one took.
    pub(super) millis: AtomicU64,
    /// Processes that were not read, for want of room or time.
    pub(super) dropped_processes: AtomicU64,
    /// Sockets, or holders of one, that found no room.
    pub(super) dropped_sockets: AtomicU64,
    /// Processes whose /proc hung.
    pub(super) stuck: AtomicU64,
    /// Listings that failed.
    pub(super) failed: AtomicU64,
}

impl Progress {
    /// Whether one is under way.
    pub(super) fn is_running(&self) -> bool {
        self.running.load(Relaxed)
    }
}

/// One pass.
pub(super) struct Sweep {
    pub(super) procfs: Arc<dyn ProcFs>,
    pub(super) census: Box<dyn Census>,
    pub(super) limits: SweepLimits,
    pub(super) answers: Sender<Event>,
    pub(super) progress: Arc<Progress>,
}

/// The agent does not listen any more.
struct Closed;

impl Sweep {
    /// Begins on a thread of its own.
    pub(super) fn start(mut self) -> io::Result<()> {
        self.progress.running.store(true, Relaxed);
        let progress = Arc::clone(&self.progress);
        let thread = thread::Builder::new().name("sweep".into()).spawn(move || {
            let began = Instant::now();
            if catch_unwind(AssertUnwindSafe(|| drop(self.pass(began)))).is_err() {
                self.progress.failed.fetch_add(1, Relaxed);
            }
            let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.progress.millis.store(millis, Relaxed);
            log::info!(
                "swept {} processes and {} sockets in {millis} ms",
                self.progress.processes.load(Relaxed),
                self.progress.sockets.load(Relaxed)
            );
            self.progress.running.store(false, Relaxed);
        });
        thread.map(drop).inspect_err(|_| progress.running.store(false, Relaxed))
    }

    /// Sockets are listed first: from then on their payload tells whose it is.
    fn pass(&mut self, began: Instant) -> Result<(), Closed> {
        let connected = self.census.connected(self.limits.sockets).unwrap_or_else(|error| {
            self.failed("the connected sockets", &error);
            Connected::default()
        });
        self.progress.dropped_sockets.fetch_add(connected.dropped, Relaxed);
        let listed = self.procfs.pids().map(|pids| listing::list(&*self.procfs, pids, self.limits.processes));
        let (processes, over) = listed.unwrap_or_else(|error| {
            self.failed("the processes", &error);
            (Vec::new(), 0)
        });
        self.progress.dropped_processes.fetch_add(over, Relaxed);
        let mut told = self.tell_processes(processes, began)?;
        told.extend(self.tell_sockets(connected)?);
        self.tell_ends(told)
    }

    fn failed(&self, what: &str, error: &io::Error) {
        self.progress.failed.fetch_add(1, Relaxed);
        log::warn!("looking at what already runs, {what}: {error}");
    }

    fn tell_processes(&self, processes: Vec<Listed>, began: Instant) -> Result<HashSet<Owner>, Closed> {
        let mut told = HashSet::new();
        let mut reader = None;
        let mut left = processes.into_iter();
        while let Some(listed) = left.next() {
            if began.elapsed() > self.limits.longest || self.progress.stuck.load(Relaxed) >= self.limits.lost
            {
                let lost = 1 + left.len() as u64;
                self.progress.dropped_processes.fetch_add(lost, Relaxed);
                log::warn!("looking at what already runs: {lost} processes were left out for want of time");
                break;
            }
            let owner = owner(&listed);
            match reader.get_or_insert_with(|| Reader::start(&self.procfs)).read(listed, self.limits.stuck) {
                Ok(Some(running)) => {
                    self.send(Some(owner), Body::Running(Box::new(running)), &self.progress.processes)?;
                    told.insert(owner);
                }
                // Gone meanwhile.
                Ok(None) => {}
                Err(error) => {
                    self.progress.stuck.fetch_add(1, Relaxed);
                    log::warn!("looking at what already runs, process {}: {error}", owner.pid);
                    reader = None;
                }
            }
        }
        Ok(told)
    }

    fn tell_sockets(&self, connected: Connected) -> Result<HashSet<Owner>, Closed> {
        let mut told = HashSet::new();
        for (flow, ends, holders) in connected.sockets {
            told.extend(holders.iter().map(|owner| Owner { generation: None, ..*owner }));
            self.send(None, Body::Established { flow, ends, holders }, &self.progress.sockets)?;
        }
        Ok(told)
    }

    /// What ended before the agent knew of it: its end was told first, and would never come again.
    fn tell_ends(&self, told: HashSet<Owner>) -> Result<(), Closed> {
        let mut seen: HashSet<ProcessKey> = HashSet::new();
        let not_counted = AtomicU64::new(0);
        for owner in told.into_iter().filter(|owner| owner.pid != 0) {
            if seen.insert(owner.key) && !self.lives(&owner) {
                self.send(Some(owner), Body::Exit { code: 0 }, &not_counted)?;
            }
        }
        Ok(())
    }

    fn lives(&self, owner: &Owner) -> bool {
        let process = self.procfs.open(owner.pid).and_then(|process| Identity::of(&*process));
        process.is_ok_and(|identity| identity.start == owner.key.start)
    }

    /// Sends an event, waiting for room.
    fn send(&self, owner: Option<Owner>, body: Body, count: &AtomicU64) -> Result<(), Closed> {
        self.answers.blocking_send(Event { at: boot_now(), owner, body }).map_err(|_| Closed)?;
        if count.fetch_add(1, Relaxed) % BATCH == BATCH - 1 {
            // The agent takes answers before records: a long row of them would let the rings run full.
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

fn owner(listed: &Listed) -> Owner {
    Owner { key: listed.key, pid: listed.pid, generation: None, source: OwnerSource::Own }
}
