//! From the detection task to every sink.
//!
//! Owns a thread and two bounded queues per sink, notices before records, the back-off after a failed write, and the
//! counters. Records never push out a notice, and one waits for a single record at most. Must not
//! know what a sink does with a notice.
use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    Sink,
    queue::{Queue, Records},
};
use crate::{notice::Notice, record::Record};

/// Notices that wait for one sink, at most.
pub const QUEUE_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");

/// Records that wait for one sink, at most.
pub const RECORDS_MAX: NonZeroUsize = NonZeroUsize::new(2_048).expect("not zero");

/// Wait after the first failed write; each further one waits twice as long.
pub const BACK_OFF_FIRST: Duration = Duration::from_millis(50);

/// Longest wait between two attempts.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// What became of the notices that were sent to one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// [`Sink::name`].
    pub sink: &'static str,
    /// Got out.
    pub written: u64,
    /// Given up because the queue was full.
    pub dropped: u64,
    /// Failed attempts to write; each was tried again.
    pub failures: u64,
    /// In the queue, or being written.
    pub waiting: u64,
    /// Records that got out.
    pub records_written: u64,
    /// Records given up because their queue was full.
    pub records_dropped: u64,
    /// Records in their queue, or being written.
    pub records_waiting: u64,
}

/// Every sink, each behind its own queue and thread.
pub struct Sinks {
    lanes: Vec<Lane>,
}

struct Lane {
    name: &'static str,
    takes_records: bool,
    diverted: Option<Arc<AtomicU64>>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Sinks {
    /// Starts a thread per sink, with room for [`QUEUE_MAX`] notices each.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(sinks: Vec<Box<dyn Sink>>) -> io::Result<Self> {
        Self::with_capacity(sinks, QUEUE_MAX)
    }

    /// As [`Sinks::start`], with room for `capacity` notices each.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn with_capacity(sinks: Vec<Box<dyn Sink>>, capacity: NonZeroUsize) -> io::Result<Self> {
        let mut all = Self { lanes: Vec::with_capacity(sinks.len()) };
        for sink in sinks {
            let (name, takes_records, diverted) = (sink.name(), sink.takes_records(), sink.diverted());
            let shared = Arc::new(Shared::new(capacity));
            let theirs = Arc::clone(&shared);
            let thread =
                thread::Builder::new().name(format!("sink-{name}")).spawn(move || run(sink, &theirs))?;
            all.lanes.push(Lane { name, takes_records, diverted, shared, thread });
        }
        Ok(all)
    }

    /// Queues `notice` for every sink; never waits for one.
    pub fn send(&self, notice: &Notice) {
        let notice = Arc::new(notice.clone());
        for lane in &self.lanes {
            lane.shared.lock().queue.push(Arc::clone(&notice));
            lane.shared.changed.notify_all();
        }
    }

    /// Queues `record` for every sink that takes records; never waits for one.
    pub fn record(&self, record: Record) {
        let record = Arc::new(record);
        for lane in self.lanes.iter().filter(|lane| lane.takes_records) {
            lane.shared.lock().records.push(Arc::clone(&record));
            lane.shared.changed.notify_all();
        }
    }

    /// The counters of each sink.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.lanes.iter().map(|lane| lane.shared.delivery(lane.name)).collect()
    }

    /// Notices given up because a queue was full, by sink.
    #[must_use]
    pub fn dropped(&self) -> Vec<(&'static str, u64)> {
        self.lanes.iter().map(|lane| (lane.name, lane.shared.lock().queue.dropped())).collect()
    }

    /// Records given up because a queue was full, by sink that takes records.
    #[must_use]
    pub fn records_dropped(&self) -> Vec<(&'static str, u64)> {
        let lanes = self.lanes.iter().filter(|lane| lane.takes_records);
        lanes.map(|lane| (lane.name, lane.shared.lock().records.dropped())).collect()
    }

    /// Records that were written elsewhere than they should, by sink that tells them apart.
    #[must_use]
    pub fn records_diverted(&self) -> Vec<(&'static str, u64)> {
        let count = |lane: &Lane| Some((lane.name, lane.diverted.as_ref()?.load(Relaxed)));
        self.lanes.iter().filter_map(count).collect()
    }

    /// Writes what waits, for `timeout` at most, and ends the threads; one that hangs in a write is left behind.
    /// [`Delivery::waiting`] is what did not get out.
    #[must_use]
    pub fn close(mut self, timeout: Duration) -> Vec<Delivery> {
        let deadline = Instant::now() + timeout;
        let lanes = std::mem::take(&mut self.lanes);
        lanes.iter().for_each(|lane| lane.shared.close_by(deadline));
        lanes.into_iter().map(|lane| lane.end(deadline)).collect()
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        let now = Instant::now();
        self.lanes.iter().for_each(|lane| lane.shared.close_by(now));
    }
}

impl Lane {
    fn end(self, deadline: Instant) -> Delivery {
        if self.shared.wait_ended(deadline) && self.thread.join().is_err() {
            log::error!("sink {}: its thread panicked", self.name);
        }
        self.shared.delivery(self.name)
    }
}

/// What a lane's two sides share.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    queue: Queue,
    records: Records,
    /// What the thread holds and has not written yet.
    in_flight: Option<InFlight>,
    written: u64,
    records_written: u64,
    failures: u64,
    /// Set once the lane shall end: no waiting beyond this.
    deadline: Option<Instant>,
    ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum InFlight {
    Notice,
    Record,
}

/// What a sink is to write next.
enum Next {
    Notice(Arc<Notice>),
    Record(Arc<Record>),
}

impl Shared {
    const fn new(capacity: NonZeroUsize) -> Self {
        let state = State {
            queue: Queue::new(capacity),
            records: Records::new(RECORDS_MAX),
            in_flight: None,
            written: 0,
            records_written: 0,
            failures: 0,
            deadline: None,
            ended: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>, until: Option<Instant>) -> MutexGuard<'a, State> {
        match until {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn delivery(&self, sink: &'static str) -> Delivery {
        let state = self.lock();
        Delivery {
            sink,
            written: state.written,
            dropped: state.queue.dropped(),
            failures: state.failures,
            waiting: state.queue.len() as u64 + u64::from(state.in_flight == Some(InFlight::Notice)),
            records_written: state.records_written,
            records_dropped: state.records.dropped(),
            records_waiting: state.records.len() as u64
                + u64::from(state.in_flight == Some(InFlight::Record)),
        }
    }

    fn close_by(&self, deadline: Instant) {
        self.lock().deadline = Some(deadline);
        self.changed.notify_all();
    }

    /// The next notice, else the next record; `None` when the lane shall end.
    fn take(&self) -> Option<Next> {
        let mut state = self.lock();
        loop {
            if state.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return None;
            }
            if let Some(notice) = state.queue.pop() {
                state.in_flight = Some(InFlight::Notice);
                return Some(Next::Notice(notice));
            }
            if let Some(record) = state.records.pop() {
                state.in_flight = Some(InFlight::Record);
                return Some(Next::Record(record));
            }
            if state.deadline.is_some() {
                return None;
            }
            state = self.wait(state, None);
        }
    }

    fn wrote(&self) {
        let mut state = self.lock();
        match state.in_flight.take() {
            Some(InFlight::Record) => state.records_written += 1,
            _ => state.written += 1,
        }
    }

    /// Keeps a record that could not be written, and waits `delay`, or less when a notice comes or the lane shall end.
    fn postpone(&self, record: Arc<Record>, delay: Duration) {
        let mut state = self.lock();
        state.failures += 1;
        state.in_flight = None;
        state.records.put_back(record);
        let until = Instant::now() + if state.deadline.is_some() { BACK_OFF_FIRST } else { delay };
        let was_closing = state.deadline.is_some();
        while Instant::now() < until && state.queue.len() == 0 && state.deadline.is_some() == was_closing {
            state = self.wait(state, Some(until));
        }
    }

    /// Waits `delay`, or less once the lane is told to end. `None`: no time is left to try again; else
    /// the delay after the next failure.
    fn back_off(&self, delay: Duration) -> Option<Duration> {
        let mut state = self.lock();
        state.failures += 1;
        // The end may have been asked for while the write failed: no long wait then either.
        let was_closing = state.deadline.is_some();
        let until = Instant::now() + if was_closing { BACK_OFF_FIRST } else { delay };
        loop {
            let now = Instant::now();
            if state.deadline.is_some_and(|deadline| now >= deadline) {
                return None;
            }
            if state.deadline.is_some() && !was_closing {
                return Some(BACK_OFF_FIRST);
            }
            if now >= until {
                return Some(if was_closing { BACK_OFF_FIRST } else { (2 * delay).min(BACK_OFF_MAX) });
            }
            let end = state.deadline.map_or(until, |deadline| deadline.min(until));
            state = self.wait(state, Some(end));
        }
    }

    /// Waits for the thread's end; false when it did not come by `deadline`.
    fn wait_ended(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while !state.ended && Instant::now() < deadline {
            state = self.wait(state, Some(deadline));
        }
        state.ended
    }
}

/// Says that the thread ended, also when its sink panicked.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

fn run(mut sink: Box<dyn Sink>, shared: &Shared) {
    let _ended = Ended(shared);
    let mut delay = None;
    while let Some(next) = shared.take() {
        match next {
            Next::Notice(notice) if !deliver(sink.as_mut(), shared, &notice) => break,
            Next::Notice(_) => {
                shared.wrote();
                delay = None;
            }
            Next::Record(record) => delay = deliver_record(sink.as_mut(), shared, record, delay),
        }
    }
}

/// Tries once: a notice that comes meanwhile goes first. Gives the wait before the latest failure, for the next.
fn deliver_record(
    sink: &mut dyn Sink,
    shared: &Shared,
    record: Arc<Record>,
    before: Option<Duration>,
) -> Option<Duration> {
    let Err(error) = sink.write_record(&record) else {
        shared.wrote();
        return None;
    };
    if before.is_none() {
        log::warn!("sink {}: {error}; the record is kept and tried again", sink.name());
    }
    let delay = before.map_or(BACK_OFF_FIRST, |before| (2 * before).min(BACK_OFF_MAX));
    shared.postpone(record, delay);
    Some(delay)
}

/// Tries until the notice is out; false when the lane ended first.
fn deliver(sink: &mut dyn Sink, shared: &Shared, notice: &Notice) -> bool {
    let mut delay = BACK_OFF_FIRST;
    let mut failed = false;
    while let Err(error) = sink.write(notice) {
        if !failed {
            log::warn!("sink {}: {error}; the entry is kept and tried again", sink.name());
            failed = true;
        }
        match shared.back_off(delay) {
            Some(next) => delay = next,
            None => return false,
        }
    }
    if failed {
        log::info!("sink {}: writes again", sink.name());
    }
    true
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
mod tests;
