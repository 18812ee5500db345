//! Delivery with sinks that fail, hang, panic or fall behind.
use std::{
    io::{self, ErrorKind},
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use super::{BACK_OFF_MAX, Sinks};
use crate::{
    notice::{Kind, Notice},
    sink::{Sink, sample::incident},
};

/// Ids of the notices that a sink was given, and whether it took them.
type Attempts = Receiver<(String, bool)>;

const LONG: Duration = Duration::from_secs(20);

/// Reports every attempt; succeeds while `open`.
struct Probe {
    name: &'static str,
    open: Arc<AtomicBool>,
    attempts: Sender<(String, bool)>,
}

impl Sink for Probe {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&mut self, notice: &Notice) -> io::Result<()> {
        let open = self.open.load(SeqCst);
        self.attempts.send((notice.id.clone(), open)).map_err(io::Error::other)?;
        if open { Ok(()) } else { Err(ErrorKind::ConnectionRefused.into()) }
    }
}

/// Hangs in its first write until the other end of the channel goes away.
struct Hang(Receiver<()>);

impl Sink for Hang {
    fn name(&self) -> &'static str {
        "hang"
    }

    fn write(&mut self, _: &Notice) -> io::Result<()> {
        while self.0.recv().is_ok() {}
        Ok(())
    }
}

fn probe(name: &'static str, open: bool) -> (Box<dyn Sink>, Arc<AtomicBool>, Attempts) {
    let open = Arc::new(AtomicBool::new(open));
    let (attempts, seen) = channel();
    (Box::new(Probe { name, open: Arc::clone(&open), attempts }), open, seen)
}

fn notice(index: usize, kind: Kind) -> Notice {
    Notice { id: index.to_string(), kind, ..incident() }
}

fn room(capacity: usize) -> NonZeroUsize {
    NonZeroUsize::new(capacity).unwrap()
}

fn written(seen: &Attempts) -> Vec<String> {
    seen.try_iter().filter(|(_, open)| *open).map(|(id, _)| id).collect()
}

#[test]
fn every_sink_gets_every_notice_in_order() {
    let (one, _, seen_by_one) = probe("one", true);
    let (two, _, seen_by_two) = probe("two", true);
    let sinks = Sinks::start(vec![one, two]).unwrap();
    let ids: Vec<_> = (0..500).map(|index| index.to_string()).collect();
    for index in 0..500 {
        sinks.send(&notice(index, Kind::IncidentOpened));
    }
    for delivery in sinks.close(LONG) {
        assert_eq!((delivery.written, delivery.dropped, delivery.waiting), (500, 0, 0), "{delivery:?}");
    }
    assert_eq!(written(&seen_by_one), ids);
    assert_eq!(written(&seen_by_two), ids);
}

#[test]
fn a_failed_notice_is_kept_and_tried_again_before_the_next() {
    let (sink, open, seen) = probe("away", false);
    let sinks = Sinks::start(vec![sink]).unwrap();
    for index in 0..3 {
        sinks.send(&notice(index, Kind::IncidentOpened));
    }
    for _ in 0..3 {
        assert_eq!(seen.recv_timeout(LONG).unwrap(), ("0".to_owned(), false));
    }
    open.store(true, SeqCst);
    let [delivery] = sinks.close(LONG).try_into().unwrap();
    assert_eq!(written(&seen), ["0", "1", "2"]);
    assert_eq!((delivery.written, delivery.waiting), (3, 0));
    assert!(delivery.failures >= 3);
}

#[test]
fn sending_never_waits_and_what_does_not_fit_is_counted_for_that_sink_alone() {
    let (release, held) = channel();
    let (good, _, seen) = probe("good", true);
    let sinks = Sinks::with_capacity(vec![Box::new(Hang(held)), good], room(8)).unwrap();
    let begun = Instant::now();
    for index in 0..2_000 {
        sinks.send(&notice(index, Kind::IncidentOpened));
        if index % 8 == 7 {
            wait_for(&sinks, "good", 0);
        }
    }
    assert!(begun.elapsed() < LONG);
    let dropped = sinks.dropped();
    assert!(matches!(dropped.as_slice(), [("hang", 1_991..=1_992), ("good", 0)]), "{dropped:?}");
    drop(release);
    let deliveries = sinks.close(LONG);
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.waiting == 0 && delivery.written + delivery.dropped == 2_000)
    );
    assert_eq!(written(&seen).len(), 2_000);
}

#[test]
fn closing_interrupts_the_back_off_and_counts_what_did_not_get_out() {
    let (sink, _, seen) = probe("away", false);
    let sinks = Sinks::start(vec![sink]).unwrap();
    for index in 0..5 {
        sinks.send(&notice(index, Kind::IncidentOpened));
    }
    // After the sixth failure the wait is 1.6 s.
    for _ in 0..6 {
        seen.recv_timeout(LONG).unwrap();
    }
    let begun = Instant::now();
    let [delivery] = sinks.close(Duration::from_secs(1)).try_into().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    assert_eq!((delivery.written, delivery.waiting), (0, 5));
    assert!(seen.try_iter().count() >= 1, "it was tried once more");
}

#[test]
fn a_sink_that_hangs_does_not_hold_up_the_end() {
    let (_release, held) = channel();
    let sinks = Sinks::start(vec![Box::new(Hang(held))]).unwrap();
    sinks.send(&notice(0, Kind::IncidentOpened));
    sinks.send(&notice(1, Kind::IncidentEnded));
    let begun = Instant::now();
    let [delivery] = sinks.close(Duration::from_millis(100)).try_into().unwrap();
    assert!(begun.elapsed() < BACK_OFF_MAX);
    assert_eq!((delivery.written, delivery.waiting), (0, 2));
}

#[test]
fn a_sink_that_panics_ends_alone_and_its_notices_are_counted() {
    struct Panics;
    impl Sink for Panics {
        fn name(&self) -> &'static str {
            "panics"
        }
        fn write(&mut self, _: &Notice) -> io::Result<()> {
            panic!("a sink's own fault")
        }
    }
    let (good, _, seen) = probe("good", true);
    let sinks = Sinks::start(vec![Box::new(Panics), good]).unwrap();
    for index in 0..3 {
        sinks.send(&notice(index, Kind::IncidentOpened));
    }
    let [panics, good] = sinks.close(LONG).try_into().unwrap();
    assert_eq!((panics.written, panics.waiting), (0, 3));
    assert_eq!((good.written, written(&seen).len()), (3, 3));
}

#[test]
fn dropping_without_closing_ends_the_threads() {
    let (sink, _, seen) = probe("away", false);
    let sinks = Sinks::start(vec![sink]).unwrap();
    sinks.send(&notice(0, Kind::Heartbeat));
    seen.recv_timeout(LONG).unwrap();
    drop(sinks);
    // The thread owned the sender; its end closes the channel.
    let begun = Instant::now();
    while seen.recv_timeout(LONG).is_ok() {}
    assert!(begun.elapsed() < LONG);
}

fn wait_for(sinks: &Sinks, name: &str, waiting: u64) {
    let deadline = Instant::now() + LONG;
    while sinks.deliveries().iter().any(|delivery| delivery.sink == name && delivery.waiting > waiting) {
        assert!(Instant::now() < deadline, "{name} does not drain: {:?}", sinks.deliveries());
        std::thread::yield_now();
    }
}
