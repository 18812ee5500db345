//! Queue, threads and their watch.
use std::{
    collections::HashSet,
    io,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use tokio::sync::mpsc::Receiver;

use super::fake::{FakeProcFs, FakeProcess};
use crate::{
    event::{Body, Event, FlowId, Owner, OwnerSource, ProcFacts, ProcessKey, Ticks},
    outcome::Request,
    rules::Known,
    worker::{Limits, Sockets, Workers, boot_now},
};

/// Short for a test, long for a thread that has to wait for a processor.
const STUCK: Duration = Duration::from_millis(300);

/// A pid without a process.
const ABSENT: u32 = 900;

struct NoSockets;

impl Sockets for NoSockets {
    fn holders(&mut self, _: &[FlowId]) -> io::Result<Vec<(FlowId, Vec<Owner>)>> {
        Ok(Vec::new())
    }
}

/// Holds those who pass, while closed; counts who waits.
#[derive(Default)]
struct Gate(Mutex<(bool, usize)>, Condvar);

impl Gate {
    fn pass(&self) {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        self.1.notify_all();
        drop(self.1.wait_while(state, |(open, _)| !*open).unwrap());
    }

    fn open(&self) {
        self.0.lock().unwrap().0 = true;
        self.1.notify_all();
    }

    fn wait_for(&self, arrived: usize) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |(_, n)| *n < arrived).unwrap());
    }
}

/// Pids from 1000 are held at the gate.
fn workers(limits: Limits) -> (Workers, Receiver<Event>, Arc<Gate>, FakeProcFs) {
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let procfs = FakeProcFs {
        processes: (1..2000)
            .filter(|pid| *pid != ABSENT)
            .map(|pid| (pid, FakeProcess::new("a", 0, 5)))
            .collect(),
        hook: Some(Arc::new(move |pid| {
            assert_ne!(pid, 666, "a bug");
            if pid >= 1000 {
                held.pass();
            }
        })),
        ..FakeProcFs::default()
    };
    let (workers, answers) =
        Workers::start(Box::new(procfs.clone()), Box::new(NoSockets), &Known::default(), limits).unwrap();
    (workers, answers, gate, procfs)
}

fn owner(pid: u32) -> Owner {
    let key = ProcessKey { tgid: pid, start: Ticks(5) };
    Owner { key, pid, generation: Some(3), source: OwnerSource::Own }
}

fn look_up(workers: &Workers, pid: u32) -> bool {
    workers.submit(Request::LookUp(owner(pid)))
}

fn next(answers: &mut Receiver<Event>) -> (u32, ProcFacts) {
    let event = answers.blocking_recv().unwrap();
    assert!(event.at <= boot_now());
    let asked = event.owner.unwrap();
    assert_eq!(asked, owner(asked.pid), "the owner that was asked about");
    let Body::ProcFacts(facts) = event.body else { panic!("{:?}", event.body) };
    (asked.pid, *facts)
}

fn count(workers: &Workers, name: &str) -> u64 {
    workers.counters().into_iter().find(|(known, _)| known == name).unwrap().1
}

#[test]
fn every_request_is_answered_once() {
    let (workers, mut answers, _, _) = workers(Limits::default());
    assert!((1..=200).all(|pid| look_up(&workers, pid)));
    let answered: HashSet<u32> = (1..=200)
        .map(|_| {
            let (pid, facts) = next(&mut answers);
            assert_eq!((facts.error, facts.comm.as_str()), (None, "a"));
            pid
        })
        .collect();
    assert_eq!(answered.len(), 200);
    assert!(look_up(&workers, ABSENT));
    assert_eq!(next(&mut answers).1.error.unwrap(), "process 900: entity not found");
    assert_eq!(workers.failed(), 1);
}

#[test]
fn the_same_request_is_looked_up_once_and_a_full_queue_drops() {
    let limits = Limits { threads: 1, queue: 2, ..Limits::default() };
    let (workers, mut answers, gate, procfs) = workers(limits);
    assert!(look_up(&workers, 1000));
    gate.wait_for(1);
    assert!(look_up(&workers, 1000), "at work");
    assert!(look_up(&workers, 1) && look_up(&workers, 1) && look_up(&workers, 2));
    assert!(!look_up(&workers, 3), "full");
    assert!(look_up(&workers, 2), "waiting already");
    assert_eq!(count(&workers, "worker.lookup.dropped"), 1);
    gate.open();
    assert_eq!([(); 3].map(|()| next(&mut answers).0), [1000, 1, 2]);
    assert!(look_up(&workers, 3));
    assert_eq!(next(&mut answers).0, 3);
    assert_eq!(procfs.opened.load(std::sync::atomic::Ordering::SeqCst), 4);
}

#[test]
fn a_stuck_thread_is_counted_and_replaced() {
    let limits = Limits { threads: 1, stuck: STUCK, ..Limits::default() };
    let (workers, mut answers, gate, _) = workers(limits);
    assert!(look_up(&workers, 1000) && look_up(&workers, 1));
    let (pid, facts) = next(&mut answers);
    assert_eq!(
        (pid, facts.error.unwrap().as_str()),
        (1000, "process 1000: the look-up did not come back in time")
    );
    let (pid, facts) = next(&mut answers);
    assert_eq!((pid, facts.error), (1, None), "by the thread that took its place");
    assert_eq!(count(&workers, "worker.lookup.stuck"), 1);
    gate.open();
    drop(workers);
    assert!(answers.blocking_recv().is_none(), "no second answer, and the stuck thread ended too");
}

#[test]
fn when_every_thread_is_stuck_requests_are_answered_and_work_goes_on_later() {
    let limits = Limits { threads: 1, lost: 0, stuck: STUCK, ..Limits::default() };
    let (workers, mut answers, gate, _) = workers(limits);
    assert!(look_up(&workers, 1000) && look_up(&workers, 1));
    let errors = [(); 2].map(|()| next(&mut answers).1.error.unwrap());
    assert_eq!(
        errors,
        ["process 1000: the look-up did not come back in time", "process 1: every look-up thread is stuck"]
    );
    assert!(look_up(&workers, 2));
    assert!(next(&mut answers).1.error.unwrap().contains("every look-up thread is stuck"));
    gate.open();
    // The thread comes back when it is scheduled.
    while look_up(&workers, 3) && next(&mut answers).1.error.is_some() {}
    assert_eq!(count(&workers, "worker.lookup.stuck"), 1);
}

#[test]
fn a_panic_ends_neither_thread_nor_request() {
    let (workers, mut answers, _, _) = workers(Limits { threads: 1, ..Limits::default() });
    assert!(look_up(&workers, 666) && look_up(&workers, 1));
    assert_eq!(next(&mut answers).1.error.unwrap(), "process 666: the look-up panicked");
    assert_eq!(next(&mut answers).1.error, None);
    assert_eq!(count(&workers, "worker.lookup.panicked"), 1);
}

#[test]
fn an_agent_that_does_not_listen_blocks_nobody_and_is_no_stuck_thread() {
    let limits = Limits { answers: 1, queue: 4, threads: 2, stuck: STUCK, ..Limits::default() };
    let (workers, mut answers, gate, _) = workers(limits);
    // The first answer fills the channel, the second waits in one thread; the other is held at the gate.
    assert!(look_up(&workers, 1) && look_up(&workers, 2) && look_up(&workers, 1000));
    gate.wait_for(1);
    while count(&workers, "worker.lookup.stuck") == 0 {
        std::thread::yield_now();
    }
    let taken = (10..30).filter(|pid| look_up(&workers, *pid)).count();
    let dropped = usize::try_from(count(&workers, "worker.lookup.dropped")).unwrap();
    assert!(dropped > 0 && taken + dropped == 20, "{taken} taken, {dropped} dropped");
    assert_eq!(count(&workers, "worker.lookup.stuck"), 1, "waiting for the agent is not being stuck");
    let answered: HashSet<u32> = (0..taken + 3).map(|_| next(&mut answers).0).collect();
    assert_eq!(answered.len(), taken + 3);
    gate.open();
}

#[test]
fn threads_end_with_the_workers() {
    let (workers, mut answers, _, _) = workers(Limits::default());
    drop(workers);
    assert!(answers.blocking_recv().is_none());
}
