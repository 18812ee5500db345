//! What is asked when, and what an answer tells of whom.
use super::*;
use crate::{
    detect::{BINARY_CONTENT, BINARY_DIGEST, BINARY_MEMORY, BINARY_YARA, Rule, Subject},
    event::{CommandLine, RuleMatch},
    testing::{event, exit, fork, key, owner, tick},
};

/// The detector over tables of its own.
struct Rig {
    binary: Binary,
    tables: Tables,
}

/// What one event led to: rules with the pids they are told of, and processes that are asked about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    rules: Vec<(&'static str, u32)>,
    files: Vec<u32>,
    memories: Vec<u32>,
}

impl Rig {
    fn new() -> Self {
        Self { binary: Binary::new(64), tables: Tables::new(64, 64) }
    }

    fn report(&mut self, event: &Event) -> Report {
        let mut out = Report::default();
        self.tables.observe(event);
        self.binary.inspect(event, &self.tables, &mut out);
        out
    }

    fn step(&mut self, event: &Event) -> Told {
        let Report { findings, requests } = self.report(event);
        let mut told = Told::default();
        for finding in findings {
            let Subject::Process(key) = finding.subject else { panic!("{finding:?}") };
            told.rules.push((finding.rule.name, key.tgid));
        }
        for request in requests {
            match request {
                Request::Scan(owner, ScanTarget::File) => told.files.push(owner.pid),
                Request::Scan(owner, ScanTarget::Memory) => told.memories.push(owner.pid),
                other => panic!("{other:?}"),
            }
        }
        told
    }
}

/// A process executes `/opt/INODE`, version `changed`; 0: the kernel does not tell.
fn exec(seconds: u64, pid: u32, inode: u64, changed: i64) -> Event {
    exec_of(seconds, owner(pid, 1), inode, changed, 1)
}

fn exec_of(seconds: u64, owner: Owner, inode: u64, changed: i64, links: u32) -> Event {
    let exec = Exec {
        path: Some(format!("/opt/{inode}")),
        file: FileId { device: 8, inode },
        links,
        size: 1000,
        changed,
        command: CommandLine::default(),
        ..Exec::default()
    };
    event(seconds, Some(owner), Body::Exec(Box::new(exec)))
}

fn found(bundled: bool) -> RuleMatch {
    RuleMatch { name: "xmrig".into(), description: Some("XMRig".into()), bundled }
}

/// An answer about the content `changed`, which is settled.
fn answer(changed: i64) -> Scanned {
    Scanned { sha256: Some("ab".into()), size: 1000, changed, settled: true, ..Scanned::default() }
}

fn scanned(seconds: u64, pid: u32, scanned: Scanned) -> Event {
    event(seconds, Some(owner(pid, 1)), Body::Scanned(Box::new(scanned)))
}

fn nothing() -> Told {
    Told::default()
}

fn files(pids: &[u32]) -> Told {
    Told { files: pids.to_vec(), ..nothing() }
}

fn told(rule: &'static Rule, pids: &[u32]) -> Told {
    Told { rules: pids.iter().map(|pid| (rule.name, *pid)).collect(), ..nothing() }
}

#[test]
fn each_content_is_asked_about_once_and_its_verdict_is_for_all_that_run_it() {
    let mut rig = Rig::new();
    assert_eq!(rig.step(&exec(1, 10, 5, 77)), files(&[10]));
    assert_eq!(rig.step(&exec(1, 11, 5, 77)), nothing(), "waits");
    let seen = Scanned { matches: vec![found(true)], ..answer(77) };
    assert_eq!(rig.step(&scanned(2, 10, seen)), told(&BINARY_CONTENT, &[10, 11]));
    assert_eq!(rig.step(&exec(3, 12, 5, 77)), told(&BINARY_CONTENT, &[12]), "at its exec, without a scan");
    assert_eq!(rig.step(&exec(3, 13, 5, 78)), files(&[13]), "another content");
    assert_eq!(rig.step(&scanned(4, 13, answer(78))), nothing());
    assert_eq!(rig.step(&exec(5, 14, 5, 78)), nothing(), "known to be nothing");
    assert_eq!(rig.binary.evicted(), 0);
}

#[test]
fn what_is_told_names_rule_description_and_path() {
    let mut rig = Rig::new();
    rig.step(&exec(1, 10, 5, 77));
    let seen = Scanned {
        matches: vec![found(true), found(false)],
        listed: Some("/etc/l.txt:3".into()),
        ..answer(77)
    };
    let findings = rig.report(&scanned(2, 10, seen)).findings;
    let texts: Vec<_> = findings.iter().map(|finding| (finding.rule, finding.text.as_str())).collect();
    assert_eq!(
        texts,
        [
            (&BINARY_CONTENT, "/opt/5 matches xmrig (XMRig)"),
            (&BINARY_YARA, "/opt/5 matches own rule xmrig (XMRig)"),
            (&BINARY_DIGEST, "the digest of /opt/5 is listed in /etc/l.txt:3"),
        ]
    );
}

#[test]
fn an_unknown_version_and_a_running_process_are_always_asked_about() {
    let mut rig = Rig::new();
    assert_eq!(rig.step(&exec(1, 10, 5, 0)), files(&[10]));
    assert_eq!(rig.step(&exec(1, 11, 5, 0)), files(&[11]));
    let running = |pid| event(2, Some(owner(pid, 1)), Body::Running(Box::default()));
    assert_eq!(rig.step(&running(12)), files(&[12]));
    assert_eq!(rig.step(&running(12)), nothing(), "once");
    let seen = Scanned { matches: vec![found(true)], ..answer(77) };
    assert_eq!(rig.step(&scanned(3, 12, seen)), told(&BINARY_CONTENT, &[12]));
    assert_eq!(rig.step(&running(12)), nothing(), "told already");
}

#[test]
fn an_answer_that_may_be_of_another_content_counts_for_the_process_alone() {
    let failed = Scanned { error: Some("gone".into()), ..Scanned::default() };
    let unsettled = Scanned { settled: false, ..answer(77) };
    for uncertain in [failed, unsettled, answer(78)] {
        let mut rig = Rig::new();
        for pid in 10..13 {
            rig.step(&exec(1, pid, 5, 77));
        }
        assert_eq!(rig.step(&scanned(2, 10, uncertain.clone())), files(&[12]), "another that runs it");
        assert_eq!(rig.step(&scanned(2, 12, uncertain.clone())), files(&[11]));
        assert_eq!(rig.step(&scanned(2, 11, uncertain.clone())), nothing());
        assert_eq!(rig.step(&exec(3, 20, 5, 77)), files(&[20]), "still not known");
        let matched = Scanned { matches: vec![found(true)], ..uncertain };
        if matched.error.is_none() {
            assert_eq!(rig.step(&scanned(4, 20, matched)), told(&BINARY_CONTENT, &[20]));
        }
    }
}

#[test]
fn a_process_that_executes_something_else_meanwhile_is_not_told_of() {
    let mut rig = Rig::new();
    rig.step(&exec(1, 10, 5, 77));
    rig.step(&exec(1, 11, 5, 77));
    assert_eq!(rig.step(&exec_of(2, owner(11, 2), 6, 88, 1)), files(&[11]));
    let seen = Scanned { matches: vec![found(true)], ..answer(77) };
    assert_eq!(rig.step(&scanned(3, 10, seen)), told(&BINARY_CONTENT, &[10]));
}

#[test]
fn a_late_answer_names_no_program_that_was_executed_since() {
    let mut rig = Rig::new();
    rig.step(&exec(1, 10, 5, 77));
    assert_eq!(rig.step(&exec_of(2, owner(10, 2), 6, 88, 1)), files(&[10]));
    let seen = Scanned { matches: vec![found(true)], ..answer(77) };
    assert_eq!(rig.step(&scanned(3, 10, seen)), nothing(), "it runs /opt/6 by now");
    assert_eq!(rig.step(&exec(4, 11, 5, 77)), told(&BINARY_CONTENT, &[11]), "and the verdict is kept");
}

#[test]
fn a_question_that_got_no_answer_is_asked_again() {
    let mut rig = Rig::new();
    assert_eq!(rig.step(&exec(1, 10, 5, 77)), files(&[10]));
    assert_eq!(rig.step(&exec(60, 11, 5, 77)), nothing());
    assert_eq!(rig.step(&exec(200, 12, 5, 77)), files(&[12]));
    let seen = Scanned { matches: vec![found(true)], ..answer(77) };
    assert_eq!(rig.step(&scanned(201, 12, seen)), told(&BINARY_CONTENT, &[12, 11]));
}

#[test]
fn more_than_wait_ask_for_themselves() {
    let mut rig = Rig::new();
    let asked: Vec<_> = (0..67).flat_map(|pid| rig.step(&exec(1, 100 + pid, 5, 77)).files).collect();
    assert_eq!(asked, [100, 165, 166]);
}

#[test]
fn children_run_what_their_parents_run() {
    let mut rig = Rig::new();
    rig.step(&exec(1, 10, 5, 77));
    assert_eq!(rig.step(&fork(1, owner(11, 1), 10, "x")), nothing(), "waits with its parent");
    assert_eq!(rig.step(&exit(1, owner(10, 1))), nothing());
    let seen = Scanned { matches: vec![found(true)], ..answer(77) };
    assert_eq!(rig.step(&scanned(2, 10, seen)), told(&BINARY_CONTENT, &[10, 11]));
    assert_eq!(rig.step(&fork(3, owner(12, 1), 11, "x")), told(&BINARY_CONTENT, &[12]));
    assert_eq!(rig.step(&fork(3, owner(13, 1), 99, "x")), nothing());
    rig.step(&exec(4, 20, 6, 0));
    assert_eq!(rig.step(&fork(4, owner(21, 1), 20, "x")), files(&[21]), "of an unknown version");
}

#[test]
fn the_memory_of_a_packed_program_is_searched_three_times() {
    let mut rig = Rig::new();
    rig.step(&exec(1, 10, 5, 77));
    let packed = Scanned { packed: Some("UPX".into()), ..answer(77) };
    assert_eq!(rig.step(&scanned(1, 10, packed)), nothing(), "being packed is nothing by itself");
    let searched: Vec<_> = (1..200).filter(|at| rig.step(&tick(*at)).memories == [10]).collect();
    assert_eq!(searched, [3, 11, 61]);
    let memory = |matches| Scanned { target: ScanTarget::Memory, matches, ..Scanned::default() };
    assert_eq!(rig.step(&scanned(61, 10, memory(vec![]))), nothing());
    let report = rig.report(&scanned(62, 10, memory(vec![found(true)])));
    let [finding] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!(finding.rule, &BINARY_MEMORY);
    assert_eq!(finding.text, "the memory of /opt/5 (packed: UPX) matches xmrig (XMRig)");
    assert_eq!(rig.step(&exec(70, 11, 5, 77)), told(&BINARY_MEMORY, &[11]), "the same file again");
    assert!((70..200).all(|at| rig.step(&tick(at)).memories.is_empty()));
}

#[test]
fn a_program_without_a_name_is_searched_in_memory_until_it_is_known_or_gone() {
    let mut rig = Rig::new();
    for pid in [10, 11, 12, 13] {
        assert_eq!(rig.step(&exec_of(1, owner(pid, 1), u64::from(pid), 77, 0)), files(&[pid]));
        if pid != 11 {
            assert_eq!(rig.step(&scanned(1, pid, answer(77))), nothing());
        }
    }
    let seen = Scanned { matches: vec![found(true)], ..answer(77) };
    assert_eq!(rig.step(&scanned(1, 11, seen)), told(&BINARY_CONTENT, &[11]));
    rig.step(&exit(2, owner(12, 1)));
    rig.step(&exec_of(2, owner(13, 2), 9, 99, 1));
    assert_eq!(rig.step(&fork(2, owner(14, 1), 10, "x")), nothing());
    assert_eq!(rig.step(&tick(3)).memories, [10]);
    assert_eq!(rig.step(&tick(4)).memories, [14]);
}

#[test]
fn watches_have_a_cap_and_count_what_did_not_fit() {
    let mut watches = Watches::default();
    for pid in 0..300 {
        watches.add(owner(pid, 1), BootTime(0));
        watches.add(owner(pid, 1), BootTime(0));
    }
    // What did not fit was tried twice.
    assert_eq!((watches.len(), watches.dropped()), (256, 88));
    assert_eq!(watches.due(crate::testing::time(2)).count(), 256);
    watches.forget(key(0));
    assert_eq!(watches.len(), 255);
}

#[test]
fn state_is_bounded() {
    let mut rig = Rig::new();
    for n in 1..2000_u32 {
        rig.step(&exec(1, n, u64::from(n), 77));
    }
    assert_eq!(rig.binary.held(), 3 * 64);
    assert!(rig.binary.evicted() > 0, "questions whose answer will not be understood");
    let late = Scanned { matches: vec![found(true)], ..answer(77) };
    assert_eq!(rig.step(&scanned(2, 1, late)), told(&BINARY_CONTENT, &[1]), "still told of the process");
}

#[test]
fn after_new_rules_a_content_is_asked_about_again_and_what_was_asked_is_still_answered() {
    let mut rig = Rig::new();
    assert_eq!(rig.step(&exec(1, 10, 5, 77)), files(&[10]));
    assert_eq!(rig.step(&scanned(2, 10, answer(77))), nothing());
    assert_eq!(rig.step(&exec(3, 11, 6, 78)), files(&[11]));
    assert_eq!(rig.step(&exec(3, 12, 6, 78)), nothing(), "waits");
    rig.binary.relearn(&Arc::default());
    let seen = Scanned { matches: vec![found(true)], ..answer(78) };
    assert_eq!(rig.step(&scanned(4, 11, seen)), told(&BINARY_CONTENT, &[11, 12]));
    assert_eq!(rig.step(&exec(5, 13, 5, 77)), files(&[13]), "known to be nothing, by the old rules");
}
