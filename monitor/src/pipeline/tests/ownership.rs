//! Whose a finding is: connect, holders, facts that come late or never.
use super::*;

#[test]
fn facts_that_never_come_are_waited_for_one_second() {
    let miner = owner(100, 1);
    let mut run = Run::of(&miner_starts(1, miner, "miner", 1));
    run.feed(&[says(2, 1, Some(miner), "client"), says(2, 1, Some(miner), "session"), tick(2)]);
    assert_eq!((run.story(), run.requests.len()), (vec![], 1));
    run.feed(&[tick(3)]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Confirmed)]);
    let view = run.last();
    assert_eq!(
        (view.exe.as_deref(), view.comm.as_deref(), view.uid),
        (Some("/usr/bin/miner"), Some("miner"), Some(1000))
    );
    assert_eq!((view.command.args.len(), view.since, view.user.as_ref()), (1, time(2), None));
    run.feed(&[says(4, 1, Some(miner), "share")]);
    assert_eq!(run.requests.len(), 1, "it is not asked again");
}

#[test]
fn a_process_that_is_gone_still_gets_its_incident() {
    let miner = owner(100, 1);
    let mut run = Run::of(&miner_starts(1, miner, "miner", 1));
    run.feed(&[exit(2, miner), says(2, 1, Some(miner), "session"), close(2, 1)]);
    assert_eq!((run.requests.len(), run.story()), (0, vec![(Kind::IncidentOpened, Level::Confirmed)]));
    run.feed(&[tick(61), tick(62)]);
    assert_eq!(run.story()[1..], [(Kind::IncidentEnded, Level::Confirmed)]);
}

#[test]
fn facts_that_come_after_the_second_are_told() {
    let miner = owner(100, 1);
    let mut run = Run::of(&miner_starts(1, miner, "miner", 1));
    let hidden = ProcFacts { exe: Some("/tmp/.x/kworker".to_owned()), ..session("miner") };
    run.feed(&[says(2, 1, Some(miner), "client"), tick(3), facts(4, miner, hidden), tick(14)]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Likely), (Kind::IncidentUpdated, Level::Likely)]);
    assert_eq!(
        (run.last().exe.as_deref(), run.last().user.as_deref()),
        (Some("/tmp/.x/kworker"), Some("alice"))
    );
    assert_eq!(run.ids().len(), 1, "an id never changes");
}

#[test]
fn a_restart_that_vanished_before_its_facts_joins_the_incident_of_its_like() {
    let (first, second) = (owner(100, 1), owner(200, 1));
    let mut run = Run::of(&miner_starts(1, first, "miner", 1));
    run.feed(&[
        says(2, 1, Some(first), "session"),
        facts(2, first, session("miner")),
        exit(3, first),
        close(3, 1),
    ]);
    run.feed(&miner_starts(4, second, "miner", 2));
    run.feed(&[exit(5, second), says(5, 2, Some(second), "session"), tick(20)]);
    assert_eq!((run.ids().len(), run.last().processes), (1, 2));
}

#[test]
fn facts_that_come_late_for_the_second_of_a_kind_merge_it_with_the_first() {
    let (first, second) = (owner(100, 1), owner(200, 1));
    let mut other_cgroup = exec(4, second, &["miner"]);
    if let Body::Exec(exec) = &mut other_cgroup.body {
        exec.task.cgroup = 99;
    }
    let mut run = Run::of(&miner_starts(1, first, "miner", 1));
    run.feed(&[says(2, 1, Some(first), "session"), facts(2, first, session("miner"))]);
    run.feed(&[other_cgroup, connect(4, 2, second), says(5, 2, Some(second), "session"), tick(6)]);
    assert_eq!(run.ids().len(), 2, "nothing says yet that they are the same");
    run.feed(&[facts(7, second, session("miner")), tick(30)]);
    let kinds: Vec<_> = run.story().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds[2..], [Kind::IncidentEnded, Kind::IncidentUpdated]);
    let ended = run.notices.iter().find(|notice| notice.kind == Kind::IncidentEnded).unwrap();
    assert!(ended.message.ends_with("which runs the same program at the same place"), "{}", ended.message);
    assert_eq!((run.last().id.clone(), run.last().processes), (run.ids()[0].clone(), 2));
}

#[test]
fn a_process_that_the_agent_cannot_see_is_not_asked_about() {
    let unseen = Owner { pid: 0, ..owner(100, 1) };
    let mut run = Run::of(&miner_starts(1, unseen, "miner", 1));
    run.feed(&[says(2, 1, Some(unseen), "session")]);
    assert_eq!((run.requests.len(), run.story().len()), (0, 1));
    assert!(run.message().contains("miner[?] (/usr/bin/miner) of uid 1000 speaks"), "{}", run.message());
}

#[test]
fn the_owner_of_an_unowned_flow_is_asked_for_and_the_finding_waits() {
    let miner = owner(100, 1);
    let mut run = Run::of(&[says(1, 1, None, "client"), says(1, 1, None, "session")]);
    assert_eq!((&run.requests[..], run.story().len()), (&[Request::FindOwner(FlowId(1))][..], 0));
    run.feed(&[holders(2, 1, &[miner])]);
    assert_eq!(run.requests[1..], [Request::LookUp(miner)]);
    run.feed(&[facts(2, miner, session("miner"))]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Confirmed)]);
    assert_eq!((run.last().process, run.last().since), (Some(key(100)), time(1)));
}

#[test]
fn several_holders_are_the_processes_of_one_incident_and_the_newest_is_named() {
    let (parent, child) = (owner(100, 1), owner(300, 2));
    let run = Run::of(&[
        says(1, 1, None, "session"),
        holders(2, 1, &[parent, child, owner(200, 1)]),
        facts(2, child, session("miner")),
    ]);
    assert_eq!(run.requests, [Request::FindOwner(FlowId(1)), Request::LookUp(child)]);
    assert_eq!((run.last().process, run.last().processes), (Some(key(300)), 3));
}

#[test]
fn nobody_is_asked_for_more_than_three_times_and_then_the_incident_has_no_process() {
    let mut run = Run::of(&[says(1, 1, None, "session wallet=4AB"), holders(1, 1, &[]), tick(2), tick(5)]);
    assert_eq!(run.requests.len(), 1);
    run.feed(&[tick(6), holders(6, 1, &[]), tick(10), tick(11)]);
    assert_eq!((run.requests.len(), run.story().len()), (3, 0));
    run.feed(&[holders(11, 1, &[])]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Confirmed)]);
    assert_eq!((run.last().process, run.last().processes, run.last().since), (None, 0, time(1)));
    assert!(
        run.message().contains("an unknown process speaks cryptonote with 10.0.0.5:3333"),
        "{}",
        run.message()
    );
    run.feed(&[says(12, 1, None, "share"), tick(20), tick(30)]);
    assert_eq!((run.requests.len(), run.ids().len()), (3, 1), "not asked again");
    run.feed(&[close(40, 1), tick(41), tick(100), tick(101)]);
    assert_eq!(run.story().last(), Some(&(Kind::IncidentEnded, Level::Confirmed)));
}

#[test]
fn an_answer_that_never_comes_counts_as_empty() {
    let mut run = Run::of(&[says(1, 1, None, "client")]);
    run.feed(&[tick(6), tick(11), tick(15)]);
    assert_eq!((run.requests.len(), run.story().len()), (3, 0));
    run.feed(&[tick(16)]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Likely)]);
}

#[test]
fn an_owner_that_shows_up_by_itself_is_taken() {
    let miner = owner(100, 1);
    let run = Run::of(&[says(1, 1, None, "client"), flow_payload(2, 1, Some(Owner { pid: 0, ..miner }))]);
    assert_eq!((run.story().len(), run.last().process), (1, Some(key(100))));
}

#[test]
fn of_several_owners_the_living_is_named() {
    let (parent, child) = (owner(100, 1), owner(101, 1));
    let mut run = Run::of(&miner_starts(1, parent, "miner", 1));
    run.feed(&[fork(2, child, 100, "miner"), flow_payload(3, 1, Some(child)), exit(4, parent)]);
    run.feed(&[says(5, 1, None, "session"), facts(5, child, session("miner"))]);
    assert_eq!((run.last().process, run.last().processes), (Some(key(101)), 2));
}

#[test]
fn the_miner_that_bash_execs_is_the_one_that_is_named() {
    let (bash, miner) = (owner(100, 1), owner(100, 2));
    let run = Run::of(&[
        exec(1, bash, &["bash"]),
        connect(2, 1, bash),
        says(2, 1, Some(bash), "client"),
        exec(2, miner, &["miner"]),
        facts(2, bash, session("bash")),
        says(3, 1, Some(bash), "session"),
        facts(3, miner, session("miner")),
    ]);
    assert_eq!(run.requests, [Request::LookUp(bash), Request::LookUp(miner)]);
    assert_eq!((run.ids().len(), run.last().exe.as_deref()), (1, Some("/usr/bin/miner")));
    assert_eq!(run.last().sha256.as_deref(), Some("digest of miner"));
    assert_eq!(run.last().user.as_deref(), Some("alice"));
}

#[test]
fn an_exec_ends_the_part_of_the_old_program() {
    let (miner, sleep) = (owner(100, 1), owner(100, 2));
    let mut run = Run::of(&miner_starts(1, miner, "miner", 1));
    run.feed(&[says(2, 1, Some(miner), "session"), facts(2, miner, session("miner"))]);
    run.feed(&[close(10, 1), exec(10, sleep, &["sleep"]), tick(69)]);
    assert_eq!(run.story().len(), 1);
    run.feed(&[tick(70)]);
    assert_eq!(run.story().last(), Some(&(Kind::IncidentEnded, Level::Confirmed)));
}

#[test]
fn findings_that_wait_are_bounded() {
    let mut run = Run::new(Settings::default());
    for flow in 0..2_000 {
        run.feed(&[says(1, flow, None, "client"), says(1, flow, None, "client")]);
    }
    assert_eq!(run.requests.len(), 1_024);
    assert!(run.pipeline.counters().lost.contains(&("findings".to_owned(), 2 * (2_000 - 1_024))));
}

#[test]
fn a_forgotten_process_is_asked_about_again() {
    let miner = owner(100, 1);
    let mut run = Run::new(Settings { processes: 4, ..Settings::default() });
    run.feed(&miner_starts(1, miner, "miner", 1));
    run.feed(&[says(2, 1, Some(miner), "client"), facts(2, miner, session("miner"))]);
    (200..210).for_each(|pid| run.feed(&[exec(3, owner(pid, 1), &["sh"])]));
    run.feed(&[says(4, 1, Some(miner), "session"), facts(4, miner, session("miner"))]);
    assert_eq!(run.requests, [Request::LookUp(miner), Request::LookUp(miner)]);
    assert_eq!(
        run.story(),
        [(Kind::IncidentOpened, Level::Likely), (Kind::IncidentRaised, Level::Confirmed)]
    );
    assert_eq!((run.ids().len(), run.last().processes), (1, 1));
    assert!(run.pipeline.counters().lost.contains(&("tables.processes".to_owned(), 8)));
}

#[test]
fn a_child_that_was_met_before_it_ran_its_own_program_is_not_named() {
    let held = |pid| Owner { generation: None, source: OwnerSource::FdTable, ..owner(pid, 1) };
    let mut run = Run::of(&[
        says(1, 1, None, "client"),
        fork(1, owner(300, 1), 200, "miner"),
        holders(2, 1, &[held(200), held(300)]),
        exec(2, owner(300, 2), &["date"]),
        facts(2, owner(300, 2), session("date")),
    ]);
    run.feed(&[tick(20), says(21, 1, None, "session"), tick(22)]);
    assert_eq!((run.ids().len(), run.last().process, run.last().processes), (1, Some(key(200)), 1));
    let alone = Run::of(&[
        says(1, 1, None, "session"),
        exec(2, owner(300, 2), &["miner"]),
        holders(2, 1, &[held(300)]),
        facts(2, held(300), session("miner")),
    ]);
    assert_eq!(alone.last().process, Some(key(300)), "better than nobody");
}
