//! Finds the processes that hold sockets.
//!
//! Owns the thread that does so: cookies that wait are answered by one pass over all file tables, with a pause
//! between passes. Must not know how a pass is made.
use std::{
    collections::HashSet,
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

use super::{Limits, boot_now};
use crate::event::{Body, Event, FlowId, Owner};

/// Looks into every process's file table.
pub trait Sockets: Send {
    /// For each of these socket cookies that is found, every process that holds it.
    ///
    /// # Errors
    /// When the pass could not be made; no cookie is answered then.
    fn holders(&mut self, cookies: &[FlowId]) -> io::Result<Vec<(FlowId, Vec<Owner>)>>;
}

/// A pause is at least this many times as long as the pass before it: at most a fifth of a CPU goes into passes.
const PAUSE_TIMES: u32 = 4;
/// Errors are logged at most this often; all are counted.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// The waiting cookies and the counters.
pub(super) struct Owners {
    state: Mutex<State>,
    changed: Condvar,
    limits: Limits,
    /// Requests that did not fit.
    pub(super) dropped: AtomicU64,
    /// Passes that failed.
    pub(super) errors: AtomicU64,
    slow: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: HashSet<FlowId>,
    in_pass: HashSet<FlowId>,
    began: Option<Instant>,
    closed: bool,
}

impl Owners {
    /// Starts the thread.
    pub(super) fn start(
        sockets: Box<dyn Sockets>,
        limits: Limits,
        answers: Sender<Event>,
    ) -> io::Result<Arc<Self>> {
        let owners = Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            limits,
            dropped: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            slow: AtomicU64::new(0),
        });
        let runner = Arc::clone(&owners);
        thread::Builder::new().name("owners".into()).spawn(move || runner.run(sockets, &answers))?;
        Ok(owners)
    }

    /// Takes a request; `false` when the queue is full. Never blocks for long.
    pub(super) fn submit(&self, flow: FlowId) -> bool {
        let mut state = self.lock();
        if state.waiting.contains(&flow) || state.in_pass.contains(&flow) {
            return true;
        }
        if state.waiting.len() >= self.limits.sockets {
            self.dropped.fetch_add(1, Relaxed);
            return false;
        }
        state.waiting.insert(flow);
        self.changed.notify_all();
        true
    }

    /// Passes that took too long, one that still runs included.
    pub(super) fn stuck(&self) -> u64 {
        let running = self.lock().began.is_some_and(|began| began.elapsed() > self.limits.stuck);
        self.slow.load(Relaxed) + u64::from(running)
    }

    /// Requests that were taken and not answered yet.
    pub(super) fn pending(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + state.in_pass.len()
    }

    /// Lets the thread end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut sockets: Box<dyn Sockets>, answers: &Sender<Event>) {
        let mut next_pass = Instant::now();
        let mut next_log = Instant::now();
        while let Some(cookies) = self.next_batch(next_pass) {
            let began = Instant::now();
            let pass = catch_unwind(AssertUnwindSafe(|| sockets.holders(&cookies)));
            let took = began.elapsed();
            let mut found =
                pass.unwrap_or_else(|_| Err(io::Error::other("the pass panicked"))).unwrap_or_else(|e| {
                    self.errors.fetch_add(1, Relaxed);
                    if Instant::now() >= next_log {
                        log::warn!("looking for the owners of {} sockets: {e}", cookies.len());
                        next_log = Instant::now() + LOG_PAUSE;
                    }
                    Vec::new()
                });
            log::debug!("{} sockets looked for in {took:?}", cookies.len());
            next_pass = Instant::now() + self.limits.pause.max(took.saturating_mul(PAUSE_TIMES));
            self.finish();
            found.sort_by_key(|(flow, _)| *flow);
            for flow in cookies {
                let at = found.binary_search_by_key(&flow, |(flow, _)| *flow).ok();
                let holders = at.and_then(|at| found.get_mut(at)).map(|(_, holders)| std::mem::take(holders));
                let body = Body::Holders { flow, holders: holders.unwrap_or_default() };
                if answers.blocking_send(Event { at: boot_now(), owner: None, body }).is_err() {
                    return;
                }
            }
        }
    }

    fn finish(&self) {
        let mut state = self.lock();
        state.in_pass.clear();
        if state.began.take().is_some_and(|began| began.elapsed() > self.limits.stuck) {
            self.slow.fetch_add(1, Relaxed);
        }
    }

    /// All that waits, not before `earliest`; `None` when closed.
    fn next_batch(&self, earliest: Instant) -> Option<Vec<FlowId>> {
        let mut state = self.lock();
        loop {
            let wait = earliest.saturating_duration_since(Instant::now());
            state = match (state.closed, state.waiting.is_empty()) {
                (true, _) => return None,
                (false, true) => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                (false, false) if wait.is_zero() => break,
                (false, false) => {
                    self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.began = Some(Instant::now());
        state.in_pass = std::mem::take(&mut state.waiting);
        Some(state.in_pass.iter().copied().collect())
    }
}
