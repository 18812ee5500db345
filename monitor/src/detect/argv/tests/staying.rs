//! Which process is judged, when, and once.
use super::*;

const LINE: &str = "x|-o|pool.example:3333|-a|rx/0";

/// As the sweep tells of it; `started` in seconds after boot.
fn running(seconds: u64, pid: u32, started: u64, line: &str) -> (Event, Owner) {
    let key = ProcessKey { tgid: pid, start: Ticks(started * 100) };
    let owner = Owner { key, generation: None, ..owner(pid, 1) };
    let Body::Exec(exec) = exec_of(0, owner, "/tmp/x", line).body else { panic!("an exec") };
    let running = Running {
        task: exec.task.clone(),
        exe: exec.path.clone(),
        command: exec.command.clone(),
        ..Running::default()
    };
    (event(seconds, Some(owner), Body::Running(Box::new(running))), owner)
}

#[test]
fn an_old_process_that_the_sweep_meets_is_told_at_once() {
    let (met, owner) = running(100, 7, 50, LINE);
    let findings = found(std::slice::from_ref(&met));
    assert_eq!((findings.len(), findings[0].subject), (1, Subject::Process(owner.key)));
    assert_eq!(found(&[met.clone(), met.clone(), tick(200), met]).len(), 1, "once");
}

#[test]
fn a_young_process_that_the_sweep_meets_is_waited_for() {
    let (met, owner) = running(55, 7, 50, LINE);
    assert_eq!(found(&[met.clone(), tick(56), tick(59)]), []);
    assert_eq!(found(&[met.clone(), tick(60), tick(61)]).len(), 1);
    assert_eq!(found(&[met, exit(56, owner), tick(60)]), []);
}

#[test]
fn an_exec_that_was_seen_is_not_judged_again_by_the_sweep_or_by_proc() {
    let (met, owner) = running(3, 7, 1, LINE);
    let exec = exec_of(1, owner, "/tmp/x", LINE);
    assert_eq!(found(&[exec.clone(), met.clone(), tick(4), tick(11), met, tick(20)]).len(), 1);
}

#[test]
fn proc_tells_the_arguments_of_a_process_whose_exec_was_lost() {
    let (met, owner) = running(100, 7, 50, LINE);
    let Body::Running(running) = met.body else { panic!("a running process") };
    let facts = crate::event::ProcFacts { exe: running.exe, command: running.command, ..Default::default() };
    let told = event(100, Some(owner), Body::ProcFacts(Box::new(facts)));
    assert_eq!(found(&[told.clone(), told]).len(), 1);
}

#[test]
fn a_miner_that_goes_into_the_background_is_found_under_its_new_pid() {
    let child = owner(101, 1);
    let start = exec_of(0, MINER, "/tmp/x", LINE);
    let events =
        [start.clone(), fork(0, child, 100, "x"), exit(0, MINER), tick(1), tick(9), tick(10), tick(20)];
    let findings = found(&events);
    assert_eq!((findings.len(), findings[0].subject), (1, Subject::Process(key(101))));
    // A child beside its living parent is the same miner.
    let both = [start, fork(0, child, 100, "x"), tick(1), tick(10), tick(20)];
    let subjects: Vec<_> = found(&both).iter().map(|finding| finding.subject).collect();
    assert_eq!(subjects, [Subject::Process(key(100))]);
}

#[test]
fn what_is_gone_within_a_second_is_not_even_judged() {
    let events = [exec_of(0, MINER, "/tmp/x", LINE), exit(0, MINER), tick(1), tick(10)];
    let (findings, argv) = run(16, &events);
    assert_eq!((findings.len(), argv.held()), (0, 0));
}
