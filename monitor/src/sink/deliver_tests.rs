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
    record::Record,
    sink::{
        Sink,
        deliver::RECORDS_MAX,
        sample::{execution, incident},
    },
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

/// Takes records too, as `r` and their id; every write waits for a word when there is a `gate`.
struct Taker {
    gate: Option<Receiver<()>>,
    open: Arc<AtomicBool>,
    attempts: Sender<(String, bool)>,
}

impl Taker {
    fn attempt(&self, id: String) -> io::Result<()> {
        let open = self.open.load(SeqCst);
        self.attempts.send((id, open)).map_err(io::Error::other)?;
        let _ = self.gate.as_ref().map(Receiver::recv);
        if open { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

impl Sink for Taker {
    fn name(&self) -> &'static str {
        "taker"
    }

    fn write(&mut self, notice: &Notice) -> io::Result<()> {
        self.attempt(notice.id.clone())
    }

    fn takes_records(&self) -> bool {
        true
    }

    fn write_record(&mut self, record: &Record) -> io::Result<()> {
        self.attempt(format!("r{}", record.id))
    }
}

fn taker(gate: Option<Receiver<()>>, open: bool) -> (Box<dyn Sink>, Arc<AtomicBool>, Attempts) {
    let open = Arc::new(AtomicBool::new(open));
    let (attempts, seen) = channel();
    (Box::new(Taker { gate, open: Arc::clone(&open), attempts }), open, seen)
}

fn record(index: usize) -> Record {
    Record { id: index.to_string(), ..execution() }
}

#[test]
fn records_neither_push_out_nor_hold_up_a_notice_and_what_does_not_fit_is_counted() {
    let (step, gate) = channel();
    let (sink, _, seen) = taker(Some(gate), true);
    let (plain, _, seen_by_plain) = probe("plain", true);
    let sinks = Sinks::with_capacity(vec![sink, plain], room(8)).unwrap();
    let (fit, sent) = (RECORDS_MAX.get(), RECORDS_MAX.get() + 501);
    sinks.record(record(0));
    assert_eq!(seen.recv_timeout(LONG).unwrap().0, "r0", "it is being written");
    (1..sent).for_each(|index| sinks.record(record(index)));
    (0..8).for_each(|index| sinks.send(&notice(index, Kind::IncidentOpened)));
    assert_eq!(sinks.records_dropped(), [("taker", 500)], "not those of a sink that takes none");
    drop(step);
    for delivery in sinks.close(LONG).into_iter().filter(|delivery| delivery.sink == "taker") {
        assert_eq!((delivery.written, delivery.dropped, delivery.waiting), (8, 0, 0));
        assert_eq!((delivery.records_written, delivery.records_dropped), (fit as u64 + 1, 500));
    }
    let order: Vec<_> = written(&seen);
    assert_eq!(order[..9], ["0", "1", "2", "3", "4", "5", "6", "7", "r1"], "after the one in flight");
    assert_eq!((order.len(), order.last().map(String::as_str)), (8 + fit, Some("r2048")));
    assert!(written(&seen_by_plain).iter().all(|id| !id.starts_with('r')));
}

#[test]
fn a_record_that_cannot_be_written_is_kept_and_a_notice_does_not_wait_for_its_back_off() {
    let (sink, open, seen) = taker(None, false);
    let sinks = Sinks::start(vec![sink]).unwrap();
    (0..3).for_each(|index| sinks.record(record(index)));
    // After the sixth failure the wait is 1.6 s.
    for _ in 0..6 {
        assert_eq!(seen.recv_timeout(LONG).unwrap(), ("r0".to_owned(), false));
    }
    open.store(true, SeqCst);
    let begun = Instant::now();
    sinks.send(&notice(7, Kind::IncidentOpened));
    assert_eq!(seen.recv_timeout(LONG).unwrap(), ("7".to_owned(), true));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let [delivery] = sinks.close(LONG).try_into().unwrap();
    assert_eq!(written(&seen), ["r0", "r1", "r2"]);
    assert_eq!((delivery.written, delivery.records_written, delivery.records_waiting), (1, 3, 0));
}

#[test]
fn closing_does_not_wait_for_records_that_cannot_be_written() {
    let (sink, _, seen) = taker(None, false);
    let sinks = Sinks::start(vec![sink]).unwrap();
    (0..3).for_each(|index| sinks.record(record(index)));
    seen.recv_timeout(LONG).unwrap();
    let begun = Instant::now();
    let [delivery] = sinks.close(Duration::from_millis(300)).try_into().unwrap();
    assert!(begun.elapsed() < BACK_OFF_MAX, "{:?}", begun.elapsed());
    assert_eq!((delivery.records_written, delivery.records_waiting), (0, 3));
}

fn wait_for(sinks: &Sinks, name: &str, waiting: u64) {
    let deadline = Instant::now() + LONG;
    while sinks.deliveries().iter().any(|delivery| delivery.sink == name && delivery.waiting > waiting) {
        assert!(Instant::now() < deadline, "{name} does not drain: {:?}", sinks.deliveries());
        std::thread::yield_now();
    }
}
