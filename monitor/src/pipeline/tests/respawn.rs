//! Miners that are started again and again, each time as another file, under the settings as shipped.
use super::*;
use crate::{
    event::{FileId, Place, ProcessKey, Setup, Task, Ticks, Told},
    testing::task,
};

/// A loop in a shell script of alice's.
const SCRIPT: u32 = 50;
const STARTS: u32 = 60;

/// The child number `n` of `parent`, as the kernel tells of its exec from a memfd of its own.
fn starts(at: u64, n: u32, parent: u32, uid: u32) -> (Owner, Event) {
    let child = owner(1_000 + n, 1);
    let mut event = exec(at, child, &["xm"]);
    if let Body::Exec(exec) = &mut event.body {
        exec.task = Task { uid, loginuid: Some(uid), ..task("xm", parent) };
        exec.file = FileId { device: 1, inode: u64::from(1_000 + n) };
        exec.links = 0;
        exec.path = Some(format!("/memfd:x{n}"));
    }
    (child, event)
}

/// What /proc tells of child `n`, whose content is `content`.
fn about(n: u32, uid: u32, content: &str) -> ProcFacts {
    ProcFacts {
        exe: Some(format!("/memfd:x{n}")),
        exe_deleted: true,
        exe_file: Some(FileId { device: 1, inode: u64::from(1_000 + n) }),
        uid: Some(uid),
        loginuid: Some(uid),
        ancestry: Vec::new(),
        ..proc_facts("xm", "session-3.scope", content)
    }
}

/// One life of a second: `first` is what its first message tells, `answer` what the pool's answer does.
struct Life<'a> {
    parent: u32,
    uid: u32,
    content: &'a str,
    first: &'static str,
    answer: &'static str,
}

const PLAIN: Life<'_> =
    Life { parent: SCRIPT, uid: 1000, content: "same", first: "client wallet=4AB", answer: "session" };

fn live(run: &mut Run, at: u64, n: u32, life: &Life<'_>) {
    let (child, exec) = starts(at, n, life.parent, life.uid);
    let flow = u64::from(n);
    run.feed(&[
        exec,
        connect(at, flow, child),
        says(at, flow, Some(child), life.first),
        facts(at, child, about(n, life.uid, life.content)),
        says(at, flow, Some(child), life.answer),
        exit(at + 1, child),
        close(at + 1, flow),
        tick(at + 1),
    ]);
}

/// A life a minute; between them only the clock ticks.
fn every_minute(content: impl Fn(u32) -> String, life: &Life<'_>) -> Run {
    let mut run = Run::new(Settings { heartbeat: Duration::ZERO, ..Settings::default() });
    for n in 0..STARTS {
        let at = u64::from(n) * 60 + 1;
        live(&mut run, at, n, &Life { content: &content(n), ..*life });
        (2..60).for_each(|second| run.feed(&[tick(at + second)]));
    }
    assert!(run.pipeline.incidents.is_consistent());
    run
}

/// One incident that was opened once, counts every start, and was told of seldom.
fn is_one(run: &Run) {
    let kinds: Vec<_> = run.story().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(run.ids().len(), 1, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == Kind::IncidentOpened).count(), 1, "{kinds:?}");
    assert!(!kinds.contains(&Kind::IncidentEnded), "{kinds:?}");
    assert!(kinds.len() <= 12, "at most when the number has doubled: {kinds:?}");
}

fn ended(run: &mut Run) -> IncidentView {
    run.feed(&[tick(u64::from(STARTS) * 60 + 700)]);
    assert_eq!(run.story().last().map(|(kind, _)| *kind), Some(Kind::IncidentEnded));
    run.last().clone()
}

#[test]
fn a_miner_started_every_minute_from_a_fresh_memfd_is_one_incident_with_a_count() {
    let mut run = every_minute(|_| "same".to_owned(), &PLAIN);
    is_one(&run);
    let view = ended(&mut run);
    assert_eq!((view.processes, view.exe_state.map(crate::notice::ExeState::name)), (60, Some("memfd")));
    assert!(
        run.message().contains("xm[1059] (/memfd:x59, 60 processes so far) of alice"),
        "{}",
        run.message()
    );
}

#[test]
fn copies_that_differ_by_a_byte_and_pay_alike_are_one_incident_though_their_parents_differ() {
    // A timer starts each by a shell of its own.
    let mut run = Run::new(Settings { heartbeat: Duration::ZERO, ..Settings::default() });
    for n in 0..1_000 {
        let at = u64::from(n) * 2 + 1;
        live(&mut run, at, n, &Life { content: &n.to_string(), parent: 10_000 + n, ..PLAIN });
    }
    assert!(run.pipeline.incidents.is_consistent());
    is_one(&run);
    assert_eq!(ended(&mut run).processes, 1_000);
    let lost: u64 = run.pipeline.counters().lost.iter().map(|(_, count)| count).sum();
    assert_eq!(lost, 0);
}

#[test]
fn copies_that_differ_and_name_no_wallet_are_one_incident_when_one_script_starts_them() {
    let mut run = every_minute(|n| n.to_string(), &Life { first: "client", ..PLAIN });
    is_one(&run);
    assert_eq!(ended(&mut run).processes, 60);
}

#[test]
fn a_wallet_that_is_told_late_opens_no_second_incident_for_copies_of_one_script() {
    let life = Life { first: "client", answer: "session wallet=4AB", ..PLAIN };
    let mut run = every_minute(|n| n.to_string(), &life);
    is_one(&run);
    assert_eq!(ended(&mut run).claim.wallet.as_deref(), Some("4AB"));
}

#[test]
fn a_subshell_for_each_start_does_not_hide_the_script() {
    let mut run = Run::new(Settings { heartbeat: Duration::ZERO, ..Settings::default() });
    for n in 0..STARTS {
        let at = u64::from(n) * 60 + 1;
        run.feed(&[fork(at, owner(20_000 + n, 1), SCRIPT, "sh")]);
        live(
            &mut run,
            at,
            n,
            &Life { content: &n.to_string(), parent: 20_000 + n, first: "client", ..PLAIN },
        );
    }
    is_one(&run);
}

#[test]
fn what_is_not_the_same_stays_apart() {
    let other = |life: Life<'_>| {
        let mut run = Run::new(Settings::default());
        live(&mut run, 1, 1, &Life { first: "client", ..PLAIN });
        live(&mut run, 61, 2, &Life { content: "other", ..life });
        run.ids().len()
    };
    assert_eq!(other(Life { first: "client", ..PLAIN }), 1, "the same script");
    assert_eq!(other(Life { first: "client", uid: 1001, ..PLAIN }), 2, "another user");
    assert_eq!(other(Life { first: "client", parent: 51, ..PLAIN }), 2, "another script");
    assert_eq!(other(Life { first: "client", parent: 1, ..PLAIN }), 2, "init takes in everything");
    assert_eq!(other(Life { first: "server", ..PLAIN }), 2, "other evidence");
    let mut run = Run::new(Settings::default());
    live(&mut run, 1, 1, &PLAIN);
    live(&mut run, 61, 2, &Life { content: "other", first: "client wallet=4CD", ..PLAIN });
    assert_eq!(run.ids().len(), 2, "another wallet");
}

/// Two programs of one interpreter, started by one shell, against the same pool.
fn interpreted(scripts: [(Option<&str>, &str); 2]) -> usize {
    let mut run = Run::new(Settings::default());
    for (n, (path, digest)) in (1..).zip(scripts) {
        let (child, exec) = starts(1, n, SCRIPT, 1000);
        let script = path.map(str::to_owned);
        let about = ProcFacts { script, script_sha256: Some(digest.to_owned()), ..about(n, 1000, "python") };
        run.feed(&[exec, connect(1, n.into(), child), says(2, n.into(), Some(child), "client")]);
        run.feed(&[facts(2, child, about)]);
    }
    run.ids().len()
}

#[test]
fn two_scripts_are_two_incidents_and_a_script_that_changes_in_its_place_is_one() {
    assert_eq!(interpreted([(Some("/a.py"), "one"), (Some("/b.py"), "two")]), 2);
    assert_eq!(interpreted([(Some("-c"), "one"), (Some("-c"), "two")]), 2, "code in an argument");
    assert_eq!(interpreted([(None, "one"), (None, "two")]), 2, "nobody told where they lie");
    assert_eq!(interpreted([(Some("/a.py"), "one"), (Some("/b.py"), "one")]), 1, "a copy");
    assert_eq!(interpreted([(Some("/a.py"), "one"), (Some("/a.py"), "two")]), 1, "a byte appended");
}

#[test]
fn a_process_that_is_gone_before_anyone_looked_still_counts_as_its_scripts() {
    let mut run = Run::new(Settings { heartbeat: Duration::ZERO, ..Settings::default() });
    for n in 0..STARTS {
        let (at, flow) = (u64::from(n) * 60 + 1, u64::from(n));
        let (child, exec) = starts(at, n, SCRIPT, 1000);
        run.feed(&[exec, connect(at, flow, child), says(at, flow, Some(child), "client"), exit(at, child)]);
        run.feed(&[no_facts(at, child), close(at, flow), tick(at + 1)]);
    }
    is_one(&run);
    assert_eq!(ended(&mut run).processes, 60);
}

#[test]
fn an_answer_that_is_heard_after_the_end_is_of_the_same_incident() {
    let mut run = Run::new(Settings { heartbeat: Duration::ZERO, ..Settings::default() });
    for n in 0..STARTS {
        let (at, flow) = (u64::from(n) * 60 + 1, u64::from(n));
        // A timer starts each by a shell of its own.
        let (child, exec) = starts(at, n, 10_000 + n, 1000);
        let about = about(n, 1000, &n.to_string());
        run.feed(&[exec, connect(at, flow, child), says(at, flow, Some(child), "client wallet=4AB")]);
        run.feed(&[facts(at, child, about), exit(at, child), says(at, flow, Some(child), "session")]);
        run.feed(&[close(at, flow), tick(at + 1)]);
    }
    is_one(&run);
    assert_eq!(ended(&mut run).processes, 60);
}

#[test]
fn a_pid_that_is_used_again_is_another_parent() {
    let mut run = Run::new(Settings::default());
    for (n, start) in [(1, 1), (2, 700)] {
        let (child, mut exec) = starts(u64::from(n), n, SCRIPT, 1000);
        if let Body::Exec(exec) = &mut exec.body {
            exec.task.parent = ProcessKey { tgid: SCRIPT, start: Ticks(start) };
        }
        let about = ProcFacts { place: Place::default(), ..about(n, 1000, &n.to_string()) };
        run.feed(&[exec, connect(1, n.into(), child), says(2, n.into(), Some(child), "client")]);
        run.feed(&[facts(2, child, about)]);
    }
    assert_eq!(run.ids().len(), 2);
}

#[test]
fn what_inherits_the_miners_environment_is_no_part_of_its_incident() {
    let told = Told {
        marks: vec!["variable POOL is the pool pool.example:3333".to_owned()],
        pool: Some("pool.example:3333".to_owned()),
        wallet: Some("4AB".to_owned()),
        ..Told::default()
    };
    let mut run = Run::new(Settings::default());
    for (n, content) in [(0, "miner"), (1, "web server"), (2, "database")] {
        let (child, exec) = starts(1, n, SCRIPT, 1000);
        let setup = Setup { environment: told.clone(), ..Setup::default() };
        run.feed(&[exec, facts(1, child, about(n, 1000, content))]);
        run.feed(&[event(12, Some(child), Body::Setup(Box::new(setup)))]);
    }
    let (miner, _) = starts(1, 0, SCRIPT, 1000);
    run.feed(&[connect(13, 7, miner), says(13, 7, Some(miner), "session wallet=4AB"), tick(30)]);
    let pids: Vec<_> =
        run.incident_notices().map(|(_, view)| (view.processes, view.evidence.len())).collect();
    assert!(!pids.is_empty() && pids.iter().all(|told| *told == (1, 2)), "{pids:?}");
    assert!(run.pipeline.incidents.is_consistent());
}

#[test]
fn what_alerts_only_together_is_not_put_together_from_two_processes() {
    let mut run = Run::new(Settings::default());
    let wallet =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
    let paying = owner(1_000, 1);
    run.feed(&[exec(1, paying, &["payd", wallet]), facts(1, paying, about(0, 1000, "shop"))]);
    (2..=12).for_each(|second| run.feed(&[tick(second)]));
    let reading = owner(1_001, 1);
    run.feed(&[exec(13, reading, &["payd"]), facts(13, reading, about(0, 1000, "shop"))]);
    run.feed(&[connect(14, 7, reading), says(14, 7, Some(reading), "listed"), tick(20)]);
    assert_eq!(run.story(), []);
    run.feed(&[connect(21, 8, paying), says(21, 8, Some(paying), "listed"), tick(30)]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Suspicious)], "of one process");
}
