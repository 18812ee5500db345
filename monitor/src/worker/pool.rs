//! Threads that carry out one kind of request.
//!
//! Owns the queue, the threads and the watch over them: one that does not come back (a file system that hangs) is
//! given up, its request is answered, and another takes its place. Must not know what the work is ([`Work`]).
use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::Hash,
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
use crate::event::{Body, Event, Owner};

/// One kind of request and how it is carried out. All threads share it.
pub(super) trait Work: Send + Sync + 'static {
    /// What is asked; two that are equal are carried out once.
    type Request: Clone + Eq + Hash + Send + 'static;
    /// Names the threads and stands in errors: `look-up`.
    const NAME: &'static str;

    /// Runs first on each thread.
    fn begin(&self) {}
    /// Whose it is.
    fn owner(request: &Self::Request) -> Owner;
    /// The answer, and whether it failed.
    fn carry_out(&self, request: &Self::Request) -> (Body, bool);
    /// The answer when there is none; `why` is one line.
    fn failure(request: &Self::Request, why: String) -> Body;
}

/// Queue, threads and counters.
pub(super) struct Pool<W: Work> {
    state: Mutex<State<W::Request>>,
    /// There is work, or the end.
    work: Condvar,
    /// Some thread began to work, or the end.
    watch: Condvar,
    work_of: W,
    limits: Limits,
    answers: Sender<Event>,
    /// Requests that did not fit.
    pub(super) dropped: AtomicU64,
    /// Threads that did not come back in time.
    pub(super) stuck: AtomicU64,
    /// Requests that failed: mostly processes that were gone.
    pub(super) failed: AtomicU64,
    /// Requests that panicked.
    pub(super) panics: AtomicU64,
}

struct State<R> {
    waiting: VecDeque<R>,
    /// Waiting or at work.
    known: HashSet<R>,
    /// At work, by thread.
    busy: HashMap<u64, (R, Instant)>,
    /// Threads that were not given up.
    threads: usize,
    /// Threads that were given up and have not come back.
    lost: usize,
    next_thread: u64,
    closed: bool,
}

impl<R> Default for State<R> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            known: HashSet::new(),
            busy: HashMap::new(),
            threads: 0,
            lost: 0,
            next_thread: 0,
            closed: false,
        }
    }
}

impl<W: Work> Pool<W> {
    /// Starts the threads.
    pub(super) fn start(work_of: W, limits: Limits, answers: Sender<Event>) -> io::Result<Arc<Self>> {
        let pool = Arc::new(Self {
            state: Mutex::default(),
            work: Condvar::new(),
            watch: Condvar::new(),
            work_of,
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
        thread::Builder::new().name(format!("{}-watch", W::NAME)).spawn(move || watcher.watch())?;
        Ok(pool)
    }

    /// Takes a request; `false` when the queue is full. Never blocks for long.
    pub(super) fn submit(&self, request: W::Request) -> bool {
        let mut state = self.lock();
        if state.known.contains(&request) {
            return true;
        }
        if state.waiting.len() >= self.limits.queue {
            self.dropped.fetch_add(1, Relaxed);
            return false;
        }
        state.known.insert(request.clone());
        state.waiting.push_back(request);
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

    /// What carries requests out.
    pub(super) const fn work(&self) -> &W {
        &self.work_of
    }

    fn lock(&self) -> MutexGuard<'_, State<W::Request>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, state: &mut State<W::Request>) -> io::Result<()> {
        let (pool, id) = (Arc::clone(self), state.next_thread);
        thread::Builder::new().name(W::NAME.into()).spawn(move || pool.run(id))?;
        state.next_thread += 1;
        state.threads += 1;
        Ok(())
    }

    fn run(&self, thread: u64) {
        self.work_of.begin();
        while let Some(request) = self.next(thread) {
            let answer = catch_unwind(AssertUnwindSafe(|| self.work_of.carry_out(&request)));
            let answer = answer.unwrap_or_else(|_| {
                self.panics.fetch_add(1, Relaxed);
                Self::failure(&request, "the {} panicked")
            });
            let mut state = self.lock();
            if state.busy.remove(&thread).is_some() {
                state.known.remove(&request);
                drop(state);
                if !self.answer(&request, answer) {
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
    fn next(&self, thread: u64) -> Option<W::Request> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(request) = state.waiting.pop_front() {
                state.busy.insert(thread, (request.clone(), Instant::now()));
                self.watch.notify_one();
                return Some(request);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends an answer, waiting for room; `false` when nobody listens any more.
    fn answer(&self, request: &W::Request, (body, failed): (Body, bool)) -> bool {
        self.failed.fetch_add(u64::from(failed), Relaxed);
        let owner = Some(W::owner(request));
        self.answers.blocking_send(Event { at: boot_now(), owner, body }).is_ok()
    }

    /// `{}` in `why` stands for the name of the work.
    fn failure(request: &W::Request, why: &str) -> (Body, bool) {
        let why = why.replace("{}", W::NAME);
        (W::failure(request, format!("process {}: {why}", W::owner(request).pid)), true)
    }

    /// Gives up threads that are stuck, until closed.
    fn watch(self: Arc<Self>) {
        let mut state = self.lock();
        while !state.closed {
            let given_up = self.give_up(&mut state);
            if !given_up.is_empty() {
                drop(state);
                for (request, why) in given_up {
                    self.answer(&request, Self::failure(&request, why));
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
    fn give_up(self: &Arc<Self>, state: &mut State<W::Request>) -> Vec<(W::Request, &'static str)> {
        let now = Instant::now();
        let stuck = |since: Instant| now.saturating_duration_since(since) >= self.limits.stuck;
        let mut given_up = Vec::new();
        for (_, (request, _)) in state.busy.extract_if(|_, (_, since)| stuck(*since)) {
            self.stuck.fetch_add(1, Relaxed);
            given_up.push((request, "the {} did not come back in time"));
        }
        state.threads -= given_up.len();
        state.lost += given_up.len();
        while state.threads < self.limits.threads && state.lost <= self.limits.lost {
            if let Err(e) = self.spawn(state) {
                log::error!("starting a thread, {}: {e}", W::NAME);
                break;
            }
        }
        if state.threads == 0 {
            given_up.extend(state.waiting.drain(..).map(|request| (request, "every {} thread is stuck")));
        }
        for (request, _) in &given_up {
            state.known.remove(request);
        }
        given_up
    }
}
