//! Threads that carry out one kind of work.
//!
//! Owns the queue, the threads and the watch over them: one that does not come back (a file system that hangs) is
//! given up, its request is answered, and another takes its place. Must not know what the work is.
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

use super::boot_now;
use crate::event::{Body, Event, Owner};

/// One kind of work. All threads share it.
pub(super) trait Work: Send + Sync + 'static {
    /// What is asked; asked again while it is under way it is answered together.
    type Task: Clone + Eq + Hash + Send;
    /// What it is called in a message, such as `look-up`; threads are called so too.
    const NAME: &'static str;

    /// Runs first on each thread.
    fn begin(&self) {}
    /// Does it.
    fn carry_out(&self, task: &Self::Task) -> Answer;
    /// The answer when it cannot be done, with the reason: one line.
    fn failure(&self, task: &Self::Task, why: String) -> Body;
    /// Whose it is.
    fn owner(task: &Self::Task) -> Owner;
}

/// What a task came to.
pub(super) struct Answer {
    /// For the pipeline.
    pub(super) body: Body,
    /// Whether it failed, for the counter.
    pub(super) failed: bool,
}

/// How much, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Tasks that may wait.
    pub(super) queue: usize,
    /// Threads.
    pub(super) threads: usize,
    /// A task that takes longer is given up and its thread replaced.
    pub(super) stuck: Duration,
    /// Threads given up that may hang at one time; beyond that none is replaced.
    pub(super) lost: usize,
}

/// Queue, threads and counters.
pub(super) struct Pool<W: Work> {
    state: Mutex<State<W::Task>>,
    /// There is work, or the end.
    ready: Condvar,
    /// Some thread began to work, or the end.
    watch: Condvar,
    /// What is done.
    pub(super) work: W,
    sizes: Sizes,
    answers: Sender<Event>,
    /// Tasks that did not fit.
    pub(super) dropped: AtomicU64,
    /// Threads that did not come back in time.
    pub(super) stuck: AtomicU64,
    /// Tasks that failed: mostly of processes that were gone.
    pub(super) failed: AtomicU64,
    /// Tasks that panicked.
    pub(super) panics: AtomicU64,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Waiting or at work.
    known: HashSet<T>,
    /// At work, by thread.
    busy: HashMap<u64, (T, Instant)>,
    /// Threads that were not given up.
    threads: usize,
    /// Threads that were given up and have not come back.
    lost: usize,
    next_thread: u64,
    closed: bool,
}

impl<T> Default for State<T> {
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
    pub(super) fn start(work: W, sizes: Sizes, answers: Sender<Event>) -> io::Result<Arc<Self>> {
        let pool = Arc::new(Self {
            state: Mutex::default(),
            ready: Condvar::new(),
            watch: Condvar::new(),
            work,
            sizes,
            answers,
            dropped: AtomicU64::new(0),
            stuck: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        });
        for _ in 0..sizes.threads {
            pool.spawn(&mut pool.lock())?;
        }
        let watcher = Arc::clone(&pool);
        thread::Builder::new().name(format!("{}-watch", W::NAME)).spawn(move || watcher.watch())?;
        Ok(pool)
    }

    /// Takes a task; `false` when the queue is full. Never blocks for long.
    pub(super) fn submit(&self, task: W::Task) -> bool {
        let mut state = self.lock();
        if state.known.contains(&task) {
            return true;
        }
        if state.waiting.len() >= self.sizes.queue {
            self.dropped.fetch_add(1, Relaxed);
            return false;
        }
        state.known.insert(task.clone());
        state.waiting.push_back(task);
        self.ready.notify_one();
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
        self.ready.notify_all();
        self.watch.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<W::Task>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, state: &mut State<W::Task>) -> io::Result<()> {
        let (pool, id) = (Arc::clone(self), state.next_thread);
        thread::Builder::new().name(W::NAME.into()).spawn(move || pool.run(id))?;
        state.next_thread += 1;
        state.threads += 1;
        Ok(())
    }

    fn run(&self, thread: u64) {
        self.work.begin();
        while let Some(task) = self.next(thread) {
            let answer = catch_unwind(AssertUnwindSafe(|| self.work.carry_out(&task)));
            let answer = answer.unwrap_or_else(|_| {
                self.panics.fetch_add(1, Relaxed);
                self.failure(&task, &format!("the {} panicked", W::NAME))
            });
            let mut state = self.lock();
            if state.busy.remove(&thread).is_some() {
                state.known.remove(&task);
                drop(state);
                if !self.answer(&task, answer) {
                    return;
                }
            } else {
                // Given up, and answered, long ago.
                state.lost -= 1;
                if state.threads >= self.sizes.threads {
                    return;
                }
                state.threads += 1;
            }
        }
    }

    /// The next task; `None` when closed.
    fn next(&self, thread: u64) -> Option<W::Task> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(task) = state.waiting.pop_front() {
                state.busy.insert(thread, (task.clone(), Instant::now()));
                self.watch.notify_one();
                return Some(task);
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends an answer, waiting for room; `false` when nobody listens any more.
    fn answer(&self, task: &W::Task, answer: Answer) -> bool {
        if answer.failed {
            self.failed.fetch_add(1, Relaxed);
        }
        let owner = Some(W::owner(task));
        self.answers.blocking_send(Event { at: boot_now(), owner, body: answer.body }).is_ok()
    }

    fn failure(&self, task: &W::Task, what: &str) -> Answer {
        let why = format!("process {}: {what}", W::owner(task).pid);
        Answer { body: self.work.failure(task, why), failed: true }
    }

    /// Gives up threads that are stuck, until closed.
    fn watch(self: Arc<Self>) {
        let mut state = self.lock();
        while !state.closed {
            let given_up = self.give_up(&mut state);
            if !given_up.is_empty() {
                drop(state);
                for (task, why) in given_up {
                    self.answer(&task, self.failure(&task, &why));
                }
                state = self.lock();
                continue;
            }
            let oldest = state.busy.values().map(|(_, since)| *since).min();
            state = match oldest {
                None => self.watch.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(since) => {
                    let wait = (since + self.sizes.stuck).saturating_duration_since(Instant::now());
                    let wait = wait.max(Duration::from_millis(1));
                    self.watch.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The tasks that must be answered without being done, each with the reason.
    fn give_up(self: &Arc<Self>, state: &mut State<W::Task>) -> Vec<(W::Task, String)> {
        let now = Instant::now();
        let stuck = |since: Instant| now.saturating_duration_since(since) >= self.sizes.stuck;
        let mut given_up = Vec::new();
        for (_, (task, _)) in state.busy.extract_if(|_, (_, since)| stuck(*since)) {
            self.stuck.fetch_add(1, Relaxed);
            given_up.push((task, format!("the {} did not come back in time", W::NAME)));
        }
        state.threads -= given_up.len();
        state.lost += given_up.len();
        while state.threads < self.sizes.threads && state.lost <= self.sizes.lost {
            if let Err(e) = self.spawn(state) {
                log::error!("starting a {} thread: {e}", W::NAME);
                break;
            }
        }
        if state.threads == 0 {
            let why = |task: W::Task| (task, format!("every {} thread is stuck", W::NAME));
            given_up.extend(state.waiting.drain(..).map(why));
        }
        for (task, _) in &given_up {
            state.known.remove(task);
        }
        given_up
    }
}
