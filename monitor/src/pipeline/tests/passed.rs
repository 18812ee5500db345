//! Sockets that were inherited or passed on: those that hold them are named, and it is not waited for long.
use super::*;

fn held(pid: u32, generation: u32) -> Owner {
    Owner { source: OwnerSource::FdTable, ..owner(pid, generation) }
}

/// A miner that connected, and said so much that there is a finding.
fn speaks() -> Run {
    let miner = owner(100, 1);
    let mut run = Run::asking(&miner_starts(1, miner, "miner", 1));
    run.feed(&[says(2, 1, Some(miner), "session")]);
    run
}

#[test]
fn who_holds_the_socket_and_proc_are_asked_at_once() {
    let mut run = speaks();
    assert_eq!(run.requests, [Request::FindOwner(FlowId(1)), Request::LookUp(owner(100, 1))]);
    run.feed(&[facts(2, owner(100, 1), session("miner"))]);
    assert_eq!(run.story(), []);
    run.feed(&[holders(2, 1, &[held(100, 1)])]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Confirmed)]);
    assert_eq!((run.last().process, run.last().user.as_deref()), (Some(key(100)), Some("alice")));
    run.feed(&[says(3, 1, Some(owner(100, 1)), "share")]);
    assert_eq!(run.requests.len(), 2, "not asked again so soon");
}

#[test]
fn the_other_order_of_answers_gives_the_same() {
    let mut run = speaks();
    run.feed(&[holders(2, 1, &[held(100, 1)])]);
    assert_eq!(run.story(), []);
    run.feed(&[facts(2, owner(100, 1), session("miner"))]);
    assert_eq!((run.story().len(), run.last().sha256.as_deref()), (1, Some("digest of miner")));
}

#[test]
fn an_answer_that_does_not_come_is_waited_for_one_second() {
    let mut run = speaks();
    run.feed(&[facts(2, owner(100, 1), session("miner")), tick(2)]);
    assert_eq!(run.story(), []);
    run.feed(&[tick(3)]);
    assert_eq!((run.story().len(), run.last().process), (1, Some(key(100))));
    run.feed(&[says(4, 1, Some(owner(100, 1)), "share"), says(5, 1, Some(owner(100, 1)), "client")]);
    assert_eq!(run.requests.len(), 2, "nor is every finding after it");
}

#[test]
fn a_child_that_goes_on_is_named_when_its_parent_has_exited() {
    let mut run = Run::asking(&miner_starts(1, owner(100, 1), "miner", 1));
    run.feed(&[fork(1, owner(101, 1), 100, "miner"), exit(1, owner(100, 1))]);
    run.feed(&[says(2, 1, Some(owner(100, 1)), "session"), holders(2, 1, &[held(101, 1)])]);
    run.feed(&[facts(2, held(101, 1), session("miner"))]);
    assert_eq!((run.story().len(), run.last().process, run.last().processes), (1, Some(key(101)), 1));
}

#[test]
fn a_parent_that_exits_later_leaves_the_incident_to_its_child() {
    let mut run = speaks();
    run.feed(&[holders(2, 1, &[held(100, 1)]), facts(2, owner(100, 1), session("miner"))]);
    run.feed(&[fork(3, owner(101, 1), 100, "miner"), exit(4, owner(100, 1))]);
    run.feed(&[says(5, 1, Some(owner(100, 1)), "share"), holders(5, 1, &[held(101, 1)])]);
    run.feed(&[facts(5, held(101, 1), session("miner")), tick(6), tick(20)]);
    assert_eq!((run.ids().len(), run.last().process, run.last().processes), (1, Some(key(101)), 2));
    run.feed(&[tick(64), tick(70)]);
    assert_ne!(run.story().last().unwrap().0, Kind::IncidentEnded, "the child lives");
}

#[test]
fn a_process_that_was_passed_the_socket_is_named_and_who_connected_is_not() {
    let mut run = speaks();
    run.feed(&[exec(1, owner(300, 5), &["worker"]), facts(2, owner(100, 1), session("miner"))]);
    run.feed(&[holders(2, 1, &[held(300, 5)]), facts(2, held(300, 5), session("worker"))]);
    assert_eq!((run.story().len(), run.last().process, run.last().processes), (1, Some(key(300)), 1));
    assert_eq!(run.last().exe.as_deref(), Some("/usr/bin/worker"));
    run.feed(&[says(3, 1, Some(owner(100, 1)), "share")]);
    run.feed(&[exit(4, owner(300, 5)), close(4, 1), tick(70), tick(71)]);
    assert_eq!(run.story().last().unwrap().0, Kind::IncidentEnded, "who connected does not keep it open");
}

#[test]
fn who_connected_and_keeps_the_socket_is_named_and_the_others_count() {
    let mut run = speaks();
    run.feed(&[holders(2, 1, &[held(101, 2), held(100, 1)]), facts(2, owner(100, 1), session("miner"))]);
    assert_eq!((run.last().process, run.last().processes), (Some(key(100)), 2));
}

#[test]
fn a_socket_that_closes_meanwhile_is_not_waited_for() {
    let mut run = speaks();
    run.feed(&[facts(2, owner(100, 1), session("miner")), close(2, 1)]);
    assert_eq!((run.story().len(), run.last().process), (1, Some(key(100))));
    run.feed(&[holders(2, 1, &[])]);
    assert_eq!(run.story().len(), 1, "the answer comes too late");
}

#[test]
fn a_shell_that_hands_its_connection_to_a_miner_by_exec_is_the_miner() {
    let (bash, miner) = (owner(100, 1), owner(100, 2));
    let mut run = Run::asking(&[exec(1, bash, &["bash"]), connect(2, 1, bash), exec(2, miner, &["miner"])]);
    run.feed(&[says(3, 1, Some(bash), "session"), holders(3, 1, &[held(100, 2)])]);
    run.feed(&[facts(3, miner, session("miner"))]);
    assert_eq!((run.story().len(), run.last().exe.as_deref()), (1, Some("/usr/bin/miner")));
}

#[test]
fn a_miner_started_by_who_connected_keeps_its_part_when_it_holds_the_socket_after_its_exec() {
    let (bash, miner) = (owner(100, 1), owner(300, 2));
    let mut run = Run::asking(&[exec(1, bash, &["bash"]), connect(2, 1, bash)]);
    run.feed(&[fork(3, owner(300, 1), 100, "bash"), exec(3, miner, &["miner"]), exit(4, bash)]);
    run.feed(&[says(5, 1, Some(bash), "session"), holders(5, 1, &[held(300, 2)])]);
    run.feed(&[facts(5, miner, session("miner"))]);
    assert_eq!((run.last().process, run.last().exe.as_deref()), (Some(key(300)), Some("/usr/bin/miner")));
    // Met between fork and exec, and closed by the exec.
    let mut run =
        Run::asking(&[exec(1, bash, &["bash"]), connect(2, 1, bash), fork(3, owner(300, 1), 100, "bash")]);
    run.feed(&[says(3, 1, Some(bash), "session"), holders(3, 1, &[held(100, 1), held(300, 1)])]);
    run.feed(&[exec(3, miner, &["date"]), facts(3, bash, session("bash"))]);
    assert_eq!((run.last().process, run.last().processes), (Some(key(100)), 1));
}

#[test]
fn a_connection_that_the_sweep_met_has_its_owner_at_once() {
    let ends = crate::testing::ends(1);
    let swept = Body::Established { flow: FlowId(1), ends, holders: vec![held(100, 1)] };
    let mut run = Run::asking(&[event(1, None, swept), says(2, 1, Some(held(100, 1)), "server")]);
    assert_eq!(run.requests, [Request::LookUp(held(100, 1))]);
    run.feed(&[facts(2, held(100, 1), session("miner"))]);
    assert_eq!(
        (run.story(), run.last().process),
        (vec![(Kind::IncidentOpened, Level::Likely)], Some(key(100)))
    );
    run.feed(&[says(40, 1, Some(held(100, 1)), "session")]);
    assert_eq!(run.requests[1..], [Request::FindOwner(FlowId(1))], "half a minute later it may be another's");
    run.feed(&[holders(40, 1, &[held(100, 1)])]);
    assert_eq!(run.last().level, Level::Confirmed);
}

#[test]
fn a_sweep_that_comes_by_answers_who_waits() {
    let mut run = Run::asking(&[says(1, 1, None, "client")]);
    let ends = crate::testing::ends(1);
    run.feed(&[event(1, None, Body::Established { flow: FlowId(1), ends, holders: vec![held(100, 1)] })]);
    assert_eq!(run.requests, [Request::FindOwner(FlowId(1)), Request::LookUp(held(100, 1))]);
}
