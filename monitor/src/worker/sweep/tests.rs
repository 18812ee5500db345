//! Sweeps of a /proc that is made up.
use std::{
    path::PathBuf,
    sync::{Mutex, mpsc},
};

use super::*;
use crate::{
    event::{Running, Ticks},
    worker::{
        Limits, Sockets, Workers,
        tests::fake::{FakeProcFs, FakeProcess},
    },
};

struct Told(Option<io::Result<Connected>>);

impl Census for Told {
    fn connected(&mut self, _most: usize) -> io::Result<Connected> {
        self.0.take().unwrap()
    }
}

impl Sockets for Told {
    fn holders(&mut self, _cookies: &[FlowId]) -> io::Result<Vec<(FlowId, Vec<Owner>)>> {
        Ok(Vec::new())
    }
}

fn miner(comm: &str, parent: u32, start: u64) -> FakeProcess {
    let mut process = FakeProcess::new(comm, parent, start)
        .with("cmdline", &[b"miner\0--pass\0s3cr3t\0"])
        .with("status", &[b"Name:\tx\nState:\tS\nUid:\t1000\t1001\t0\t0\nGid:\t5\t5\t5\t5\n"])
        .with("loginuid", &[b"1000"])
        .with("sessionid", &[b"4294967295"]);
    process.links.insert("exe", PathBuf::from("/usr/bin/miner"));
    process.links.insert("ns/net", PathBuf::from("net:[4026531840]"));
    process
}

/// Every event of one sweep, in order, and the counters afterwards.
fn sweep(procfs: FakeProcFs, connected: io::Result<Connected>, limits: SweepLimits) -> (Vec<Event>, Workers) {
    let sockets = Box::new(Told(None));
    let (workers, mut events) = Workers::start(
        Box::new(FakeProcFs::default()),
        sockets,
        &crate::rules::Known::default(),
        Limits::default(),
    )
    .unwrap();
    workers.sweep(Arc::new(procfs), Box::new(Told(Some(connected))), limits).unwrap();
    let mut all = Vec::new();
    while workers.pending() > 0 || !events.is_empty() {
        match events.try_recv() {
            Ok(event) => all.push(event),
            Err(_) => thread::yield_now(),
        }
    }
    (all, workers)
}

fn count(workers: &Workers, name: &str) -> u64 {
    workers.counters().into_iter().find(|(known, _)| known == name).unwrap().1
}

fn running(event: &Event) -> Option<(u32, &Running)> {
    match &event.body {
        Body::Running(running) => Some((event.owner?.pid, running)),
        _ => None,
    }
}

fn connection(flow: u64, holder: u32, start: u64) -> (FlowId, Ends, Vec<Owner>) {
    let key = ProcessKey { tgid: holder, start: Ticks(start) };
    let owner = Owner { key, pid: holder, generation: Some(2), source: OwnerSource::FdTable };
    (FlowId(flow), crate::testing::ends(flow), vec![owner])
}

#[test]
fn processes_come_with_their_facts_parents_first_and_then_the_sockets() {
    let kernel_thread = "1 (kworker/0:1) S 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0";
    let zombie = "9 (gone) Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0";
    let procfs = FakeProcFs {
        processes: [
            (1, miner("init", 0, 1)),
            (30, miner("miner", 700, 50)),
            (700, miner("sh", 1, 50)),
            (2, FakeProcess::default().with("stat", &[kernel_thread.as_bytes()])),
            (9, FakeProcess::default().with("stat", &[zombie.as_bytes()])),
        ]
        .into(),
        ..FakeProcFs::default()
    };
    let connected = Connected { sockets: vec![connection(5, 30, 50)], dropped: 3 };
    let (events, workers) = sweep(procfs, Ok(connected), SweepLimits::default());
    let pids: Vec<_> = events.iter().filter_map(running).map(|(pid, _)| pid).collect();
    assert_eq!(pids, [1, 700, 30]);
    let (_, running) = events.iter().filter_map(running).last().unwrap();
    assert_eq!(running.task.parent, ProcessKey { tgid: 700, start: Ticks(50) });
    assert_eq!((running.task.uid, running.task.euid, running.task.gid), (1000, 1001, 5));
    assert_eq!((running.task.loginuid, running.task.session), (Some(1000), None));
    assert_eq!((running.task.net_namespace, running.task.mount_namespace), (4_026_531_840, 0));
    assert_eq!((running.task.comm.as_str(), running.exe.as_deref()), ("miner", Some("/usr/bin/miner")));
    assert_eq!(running.command.args, ["miner", "--pass", "***"]);
    assert!(matches!(events.last().unwrap().body, Body::Established { flow: FlowId(5), .. }));
    assert_eq!(events.len(), 4);
    let told: Vec<_> = workers.swept().map(|(_, n)| n)[..2].to_vec();
    assert_eq!((told, count(&workers, "worker.sweep.sockets")), (vec![3, 1], 3));
}

#[test]
fn what_ended_meanwhile_is_told_to_have_ended() {
    let gone = miner("miner", 1, 5);
    // Listed, read and found again, but gone when the sweep looks back.
    let line = gone.files["stat"][0].clone();
    let gone = gone.with("stat", &[&line, &line, b""]);
    let procfs =
        FakeProcFs { processes: [(1, miner("init", 0, 1)), (7, gone)].into(), ..FakeProcFs::default() };
    let connected = Connected { sockets: vec![connection(5, 8, 3)], dropped: 0 };
    let (events, _workers) = sweep(procfs, Ok(connected), SweepLimits::default());
    let ended = events.iter().filter(|event| matches!(event.body, Body::Exit { .. }));
    let mut ended: Vec<_> = ended.map(|event| event.owner.unwrap().pid).collect();
    ended.sort_unstable();
    assert_eq!(ended, [7, 8], "8 held a socket and was gone before it was listed");
}

#[test]
fn a_process_whose_proc_hangs_is_given_up_and_the_others_are_read() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    // Opened once to be listed, and then to be read.
    let opened = AtomicU64::new(0);
    let hook = move |pid: u32| {
        if pid == 7 && opened.fetch_add(1, Relaxed) == 1 {
            let _ = held.lock().unwrap().recv();
        }
    };
    let processes = [(1, miner("init", 0, 1)), (7, miner("hangs", 1, 2)), (8, miner("miner", 1, 3))].into();
    let procfs = FakeProcFs { processes, hook: Some(Arc::new(hook)), ..FakeProcFs::default() };
    let limits = SweepLimits { stuck: Duration::from_millis(200), ..SweepLimits::default() };
    let (events, workers) = sweep(procfs, Ok(Connected::default()), limits);
    drop(release);
    let pids: Vec<_> = events.iter().filter_map(running).map(|(pid, _)| pid).collect();
    assert_eq!((pids, count(&workers, "worker.sweep.stuck")), (vec![1, 8], 1));
}

#[test]
fn what_finds_no_room_or_cannot_be_listed_is_counted() {
    let processes = (1..=10).map(|pid| (pid, miner("sh", 0, pid.into()))).collect();
    let procfs = FakeProcFs { processes, ..FakeProcFs::default() };
    let limits = SweepLimits { processes: 4, ..SweepLimits::default() };
    let (events, workers) = sweep(procfs, Err(io::Error::other("no iterator")), limits);
    let pids: Vec<_> = events.iter().filter_map(running).map(|(pid, _)| pid).collect();
    assert_eq!(pids, [7, 8, 9, 10], "those that started last");
    assert_eq!((count(&workers, "worker.sweep.processes"), count(&workers, "worker.sweep.failed")), (6, 1));
}
