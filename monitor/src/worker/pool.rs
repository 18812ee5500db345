//! The threads that look processes up.
//!
//! Owns the queue, the threads and the watch over them: one that does not come back (a file system that hangs) is
//! given up, its request is answered, and another takes its place. Must not know what a look-up reads.
use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::Sender;

use super::{Limits, boot_now, facts::FactReader};
use crate::event::{Body, Event, Owner, ProcFacts};

/// Queue, threads and counters.
pub(super) struct Pool {
    state: Mutex<State>,
    /// There is work, or the end.
    work: Condvar,
    /// Some thread began to work, or the end.
    watch: Condvar,
    reader: FactReader,
    limits: Limits,
    answers: Sender<Event>,
    /// Requests that did not fit.
    pub(super) dropped: AtomicU64,
    /// Threads that did not come back in time.
    pub(super) stuck: AtomicU64,
    /// Look-ups that failed: mostly processes that were gone.
    pub(super) failed: AtomicU64,
    /// Look-ups that panicked.
    pub(super) panics: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Owner>,
    /// Waiting or at work.
    known: HashSet<Owner>,
    /// At work, by thread.
    busy: HashMap<u64, (Owner, Instant)>,
    /// Threads that were not given up.
    threads: usize,
    /// Threads that were given up and have not come back.
    lost: usize,
    next_thread: u64,
    closed: bool,
}

impl Pool {
    /// Starts the threads.
    pub(super) fn start(reader: FactReader, limits: Limits, answers: Sender<Event>) -> io::Result<Arc<Self>> {
        let pool = Arc::new(Self {
            state: Mutex::default(),
            work: Condvar::new(),
            watch: Condvar::new(),
            reader,
            limits,
            answers,
            dropped: AtomicU64::new(0),
            stuck: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        });
        for _ in 0..limits.threads {
            pool.spawn(&mut pool.lock())?;
        }
        let watcher = Arc::clone(&pool);
        thread::Builder::new().name("lookup-watch".into()).spawn(move || watcher.watch())?;
        Ok(pool)
    }

    /// Takes a request; `false` when the queue is full. Never blocks for long.
    pub(super) fn submit(&self, owner: Owner) -> bool {
        let mut state = self.lock();
        if state.known.contains(&owner) {
            return true;
        }
        if state.waiting.len() >= self.limits.queue {
            self.dropped.fetch_add(1, Relaxed);
            return false;
        }
        state.known.insert(owner);
        state.waiting.push_back(owner);
        self.work.notify_one();
        if state.threads == 0 {
            self.watch.notify_one();
        }
        true
    }

    /// Requests that were taken and not answered yet.
    pub(super) fn pending(&self) -> usize {
        self.lock().known.len()
    }

    /// Lets the threads end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.watch.notify_all();
    }

    /// How often a user's name was not found in time.
    pub(super) fn name_timeouts(&self) -> u64 {
        self.reader.name_timeouts()
    }

    /// How often a file of a container engine could not be used.
    pub(super) fn containers_refused(&self) -> u64 {
        self.reader.containers_refused()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        let (pool, id) = (Arc::clone(self), state.next_thread);
        thread::Builder::new().name("lookup".into()).spawn(move || pool.run(id))?;
        state.next_thread += 1;
        state.threads += 1;
        Ok(())
    }

    fn run(&self, thread: u64) {
        while let Some(owner) = self.next(thread) {
            let facts = catch_unwind(AssertUnwindSafe(|| self.reader.facts(owner.pid, owner.key)));
            let facts = facts.unwrap_or_else(|_| {
                self.panics.fetch_add(1, Relaxed);
                failure(format!("process {}: the look-up panicked", owner.pid))
            });
            let mut state = self.lock();
            if state.busy.remove(&thread).is_some() {
                state.known.remove(&owner);
                drop(state);
                if !self.answer(owner, facts) {
                    return;
                }
            } else {
                // Given up, and answered, long ago.
                state.lost -= 1;
                if state.threads >= self.limits.threads {
                    return;
                }
                state.threads += 1;
            }
        }
    }

    /// The next request; `None` when closed.
    fn next(&self, thread: u64) -> Option<Owner> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(owner) = state.waiting.pop_front() {
                state.busy.insert(thread, (owner, Instant::now()));
                self.watch.notify_one();
                return Some(owner);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends an answer, waiting for room; `false` when nobody listens any more.
    fn answer(&self, owner: Owner, facts: ProcFacts) -> bool {
        if facts.error.is_some() {
            self.failed.fetch_add(1, Relaxed);
        }
        let body = Body::ProcFacts(Box::new(facts));
        self.answers.blocking_send(Event { at: boot_now(), owner: Some(owner), body }).is_ok()
    }

    /// Gives up threads that are stuck, until closed.
    fn watch(self: Arc<Self>) {
        let mut state = self.lock();
        while !state.closed {
            let given_up = self.give_up(&mut state);
            if !given_up.is_empty() {
                drop(state);
                for (owner, why) in given_up {
                    self.answer(owner, failure(why));
                }
                state = self.lock();
                continue;
            }
            let oldest = state.busy.values().map(|(_, since)| *since).min();
            state = match oldest {
                None => self.watch.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(since) => {
                    let wait = (since + self.limits.stuck).saturating_duration_since(Instant::now());
                    let wait = wait.max(Duration::from_millis(1));
                    self.watch.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The requests that must be answered without a look-up, each with the reason.
    fn give_up(self: &Arc<Self>, state: &mut State) -> Vec<(Owner, String)> {
        let now = Instant::now();
        let stuck = |since: Instant| now.saturating_duration_since(since) >= self.limits.stuck;
        let mut given_up = Vec::new();
        for (_, (owner, _)) in state.busy.extract_if(|_, (_, since)| stuck(*since)) {
            self.stuck.fetch_add(1, Relaxed);
            given_up.push((owner, format!("process {}: the look-up did not come back in time", owner.pid)));
        }
        state.threads -= given_up.len();
        state.lost += given_up.len();
        while state.threads < self.limits.threads && state.lost <= self.limits.lost {
            if let Err(e) = self.spawn(state) {
                log::error!("starting a look-up thread: {e}");
                break;
            }
        }
        if state.threads == 0 {
            let why = |owner: Owner| format!("process {}: every look-up thread is stuck", owner.pid);
            given_up.extend(state.waiting.drain(..).map(|owner| (owner, why(owner))));
        }
        for (owner, _) in &given_up {
            state.known.remove(owner);
        }
        given_up
    }
}

fn failure(why: String) -> ProcFacts {
    ProcFacts { error: Some(why), ..ProcFacts::default() }
}
