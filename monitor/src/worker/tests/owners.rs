//! Passes over the file tables.
use std::{
    io,
    sync::mpsc,
    time::{Duration, Instant},
};

use super::fake::FakeProcFs;
use crate::{
    event::{Body, FlowId, Owner, OwnerSource, ProcessKey},
    outcome::Request,
    rules::Known,
    worker::{Limits, Sockets, Workers},
};

type Pass = io::Result<Vec<(FlowId, Vec<Owner>)>>;

/// Tells what it is asked and answers what it is told.
struct Told {
    asked: mpsc::Sender<(Instant, Vec<FlowId>)>,
    answers: mpsc::Receiver<Pass>,
}

impl Sockets for Told {
    fn holders(&mut self, cookies: &[FlowId]) -> Pass {
        let mut cookies = cookies.to_vec();
        cookies.sort();
        assert_ne!(cookies, [FlowId(666)], "a bug");
        self.asked.send((Instant::now(), cookies)).unwrap();
        self.answers.recv().unwrap_or_else(|_| Ok(Vec::new()))
    }
}

struct Rig {
    workers: Workers,
    events: tokio::sync::mpsc::Receiver<crate::event::Event>,
    asked: mpsc::Receiver<(Instant, Vec<FlowId>)>,
    tell: mpsc::Sender<Pass>,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        let ((send_asked, asked), (tell, answers)) = (mpsc::channel(), mpsc::channel());
        let sockets = Told { asked: send_asked, answers };
        let (workers, events) =
            Workers::start(Box::new(FakeProcFs::default()), Box::new(sockets), &Known::default(), limits)
                .unwrap();
        Self { workers, events, asked, tell }
    }

    fn find(&self, flow: u64) -> bool {
        self.workers.submit(Request::FindOwner(FlowId(flow)))
    }

    /// The next answers, by flow.
    fn next(&mut self, n: usize) -> Vec<(u64, Vec<Owner>)> {
        let mut answers: Vec<_> = (0..n)
            .map(|_| {
                let event = self.events.blocking_recv().unwrap();
                assert_eq!(event.owner, None);
                let Body::Holders { flow, holders } = event.body else { panic!("{:?}", event.body) };
                (flow.0, holders)
            })
            .collect();
        answers.sort_by_key(|(flow, _)| *flow);
        answers
    }

    fn count(&self, name: &str) -> u64 {
        self.workers.counters().into_iter().find(|(known, _)| known == name).unwrap().1
    }
}

fn owner(pid: u32) -> Owner {
    Owner { key: ProcessKey::default(), pid, generation: None, source: OwnerSource::FdTable }
}

#[test]
fn what_waits_is_answered_by_one_pass_and_passes_are_apart() {
    let pause = Duration::from_millis(80);
    let mut rig = Rig::new(Limits { pause, ..Limits::default() });
    assert!(rig.find(1));
    let (_, cookies) = rig.asked.recv().unwrap();
    assert_eq!(cookies, [FlowId(1)]);
    assert!([1, 2, 3, 3, 4].iter().all(|flow| rig.find(*flow)), "1 is in the pass that runs");
    let ended = Instant::now();
    rig.tell.send(Ok(vec![(FlowId(1), vec![owner(7), owner(8)]), (FlowId(99), vec![owner(9)])])).unwrap();
    rig.tell.send(Ok(vec![(FlowId(4), vec![owner(5)]), (FlowId(3), vec![])])).unwrap();
    assert_eq!(rig.next(1), [(1, vec![owner(7), owner(8)])]);
    let (began, cookies) = rig.asked.recv().unwrap();
    assert_eq!(cookies, [FlowId(2), FlowId(3), FlowId(4)]);
    assert!(began - ended >= pause, "{:?}", began - ended);
    assert_eq!(rig.next(3), [(2, vec![]), (3, vec![]), (4, vec![owner(5)])]);
}

#[test]
fn a_failed_pass_answers_every_cookie_and_is_counted() {
    let mut rig = Rig::new(Limits::default());
    assert!(rig.find(1));
    rig.asked.recv().unwrap();
    assert!(rig.find(2) && rig.find(3));
    for _ in 0..2 {
        rig.tell.send(Err(io::Error::other("no iterator"))).unwrap();
    }
    assert_eq!(rig.next(3), [(1, vec![]), (2, vec![]), (3, vec![])]);
    assert_eq!(rig.count("worker.owner.failed"), 2);
    assert!(rig.find(1), "may be asked again");
}

#[test]
fn a_pass_that_panics_is_a_failed_one() {
    let mut rig = Rig::new(Limits::default());
    assert!(rig.find(666));
    assert_eq!(rig.next(1), [(666, vec![])]);
    rig.tell.send(Ok(vec![(FlowId(1), vec![owner(7)])])).unwrap();
    assert!(rig.find(1));
    assert_eq!(rig.next(1), [(1, vec![owner(7)])]);
    assert_eq!(rig.count("worker.owner.failed"), 1);
}

#[test]
fn more_than_fits_is_dropped_and_a_slow_pass_is_counted() {
    let mut rig =
        Rig::new(Limits { sockets: 2, stuck: Duration::ZERO, pause: Duration::ZERO, ..Limits::default() });
    assert!(rig.find(1));
    rig.asked.recv().unwrap();
    assert_eq!(rig.count("worker.owner.stuck"), 1, "while it runs");
    assert!(rig.find(2) && rig.find(3));
    assert!(!rig.find(4));
    assert_eq!(rig.count("worker.owner.dropped"), 1);
    rig.tell.send(Ok(vec![])).unwrap();
    rig.tell.send(Ok(vec![])).unwrap();
    assert_eq!(rig.next(3).len(), 3);
    assert_eq!(rig.count("worker.owner.stuck"), 2, "and after it");
}

#[test]
fn the_thread_ends_with_the_workers() {
    let Rig { workers, mut events, asked, tell } = Rig::new(Limits::default());
    drop((workers, tell));
    assert!(events.blocking_recv().is_none());
    assert!(asked.recv().is_err());
}
