//! The agent's own self-test is marked; whoever misses one of its conditions is a miner.
use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::event::{Ends, Place, Task};

const SAYS: &str = "client wallet=minewarden-selftest worker=selftest-0123456789abcdef";

fn ends(ip: [u8; 4]) -> Ends {
    let at = |ip, port| SocketAddr::from((Ipv4Addr::from(ip), port));
    Ends { local: at([127, 0, 0, 1], 40_001), remote: at(ip, 3333) }
}

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

fn talk(seconds: u64, flow: u64, ends: Ends, owner: Option<Owner>, text: &'static str) -> Event {
    let mut event = says(seconds, flow, owner, text);
    if let Body::Payload(payload) = &mut event.body {
        payload.ends = ends;
    }
    event
}

fn begins(owner: Owner, ends: Ends) -> Vec<Event> {
    let mut exec = exec(1, owner, &["minewarden", "selftest"]);
    if let Body::Exec(exec) = &mut exec.body {
        exec.task = Task { uid: 0, euid: 0, ..exec.task.clone() };
    }
    let connect = event(1, Some(owner), Body::Connect { flow: FlowId(1), ends });
    vec![exec, connect]
}

fn own(with_itself: &[Ends]) -> ProcFacts {
    let other = |ends: &Ends| Ends { local: ends.remote, remote: ends.local };
    let with_itself = with_itself.iter().flat_map(|ends| [*ends, other(ends)]).collect();
    ProcFacts { uid: Some(0), user: Some("root".to_owned()), with_itself, ..session("minewarden") }
}

/// A test up to its login: `about` is what /proc says of the process.
fn logged_in(text: &'static str, ends: Ends, about: ProcFacts) -> Run {
    let tester = owner(100, 1);
    let mut events = begins(tester, ends);
    events.extend([talk(2, 1, ends, Some(tester), text), facts(2, tester, about)]);
    Run::of(&events)
}

/// The whole test.
fn tested(ends: Ends, about: ProcFacts) -> Run {
    let mut run = logged_in(SAYS, ends, about);
    let text = "session wallet=minewarden-selftest worker=selftest-0123456789abcdef";
    run.feed(&[talk(3, 1, ends, Some(owner(100, 1)), text)]);
    run
}

fn marks(run: &Run) -> Vec<bool> {
    run.incident_notices().map(|(_, view)| view.self_test).collect()
}

#[test]
fn a_self_test_is_marked_named_and_over_with_its_process() {
    let mut run = tested(ends(LOOPBACK), own(&[ends(LOOPBACK)]));
    assert_eq!(
        run.story(),
        [(Kind::IncidentOpened, Level::Likely), (Kind::IncidentRaised, Level::Confirmed)]
    );
    assert_eq!(marks(&run), [true, true]);
    let view = run.last();
    assert_eq!((view.process, view.role), (Some(key(100)), Role::Miner));
    assert_eq!(view.claim.worker.as_deref(), Some("selftest-0123456789abcdef"));
    assert!(
        run.message().starts_with("self-test, nothing is mined: confirmed cryptomining"),
        "{}",
        run.message()
    );
    run.feed(&[tick(4), exit(5, owner(100, 1)), close(5, 1), tick(6)]);
    assert_eq!(
        run.story().last(),
        Some(&(Kind::IncidentEnded, Level::Confirmed)),
        "a minute is not waited for"
    );
    assert!(run.last().self_test);
}

#[test]
fn the_other_end_in_the_same_process_makes_it_no_relay() {
    let tester = owner(100, 1);
    let mut run = tested(ends(LOOPBACK), own(&[ends(LOOPBACK)]));
    let back = Ends { local: ends(LOOPBACK).remote, remote: ends(LOOPBACK).local };
    run.feed(&[talk(4, 2, back, None, "pool-session"), holders(4, 2, &[tester]), tick(20)]);
    run.feed(&[
        talk(
            21,
            1,
            ends(LOOPBACK),
            Some(tester),
            "share wallet=minewarden-selftest \
        worker=selftest-0123456789abcdef accepted=1",
        ),
        tick(40),
    ]);
    assert_eq!((run.last().role, run.ids().len()), (Role::Miner, 1));
    assert!(marks(&run).iter().all(|marked| *marked));
}

#[test]
fn whoever_misses_one_condition_is_a_miner() {
    let own_ends = ends(LOOPBACK);
    let outside = ends([10, 0, 0, 5]);
    let cases = [
        ("another program", logged_in(SAYS, own_ends, ProcFacts { with_itself: Vec::new(), ..own(&[]) })),
        (
            "another wallet",
            logged_in("client wallet=4AB worker=selftest-0123456789abcdef", own_ends, own(&[own_ends])),
        ),
        ("no nonce", logged_in("client wallet=minewarden-selftest worker=rig1", own_ends, own(&[own_ends]))),
        ("a pool elsewhere", logged_in(SAYS, outside, own(&[own_ends]))),
        ("even if it were held", logged_in(SAYS, outside, own(&[outside]))),
    ];
    for (case, run) in &cases {
        assert!(
            !marks(run).is_empty() && marks(run).iter().all(|marked| !marked),
            "{case}: {:?}",
            run.notices
        );
        assert!(!run.message().contains("self-test, "), "{case}");
    }
    // The kernel's word on the user goes before /proc's, whose ids may be a user namespace's.
    let tester = owner(100, 1);
    let run = Run::of(&[
        exec(1, tester, &["minewarden", "selftest"]),
        event(1, Some(tester), Body::Connect { flow: FlowId(1), ends: own_ends }),
        talk(2, 1, own_ends, Some(tester), SAYS),
        facts(2, tester, own(&[own_ends])),
    ]);
    assert_eq!(marks(&run), [false], "uid 1000 by the kernel");
}

#[test]
fn a_test_process_that_mines_besides_is_a_real_incident_beside() {
    let tester = owner(100, 1);
    let mut run = tested(ends(LOOPBACK), own(&[ends(LOOPBACK)]));
    run.feed(&[connect(5, 7, tester), says(5, 7, Some(tester), "session wallet=4AB"), tick(20)]);
    assert_eq!(marks(&run), [true, true, false]);
    assert_eq!(run.ids().len(), 2);
    assert_eq!(run.last().level, Level::Confirmed);
}

#[test]
fn another_holder_of_the_socket_makes_it_a_real_incident() {
    let (tester, other) = (owner(100, 1), owner(101, 1));
    let loopback = ends(LOOPBACK);
    let mut events = begins(tester, loopback);
    events.extend([exec(1, other, &["sh"]), talk(2, 1, loopback, Some(tester), SAYS)]);
    let mut run = Run::asking(&events);
    run.feed(&[holders(2, 1, &[tester, other]), facts(2, tester, own(&[loopback])), tick(3)]);
    assert_eq!(marks(&run), [false]);
}

#[test]
fn two_tests_are_two_incidents_and_the_place_of_neither_matters() {
    let mut run = tested(ends(LOOPBACK), own(&[ends(LOOPBACK)]));
    let second = owner(200, 1);
    let mut events = begins(second, ends(LOOPBACK));
    for event in &mut events {
        if let Body::Connect { flow, .. } = &mut event.body {
            *flow = FlowId(2);
        }
    }
    let text = "session wallet=minewarden-selftest worker=selftest-00000000000000ff";
    let about = ProcFacts { place: Place::default(), ..own(&[ends(LOOPBACK)]) };
    events.extend([talk(4, 2, ends(LOOPBACK), Some(second), text), facts(4, second, about)]);
    run.feed(&events);
    assert_eq!((run.ids().len(), marks(&run)), (2, vec![true; 3]));
}

#[test]
fn what_says_to_be_a_test_is_waited_for_a_little_longer_and_then_told() {
    let tester = owner(100, 1);
    let mut events = begins(tester, ends(LOOPBACK));
    events.extend([talk(2, 1, ends(LOOPBACK), Some(tester), SAYS), tick(4), tick(6)]);
    let mut run = Run::of(&events);
    assert_eq!(run.story(), []);
    run.feed(&[tick(7)]);
    assert_eq!(marks(&run), [false], "nobody knows what it runs");
}
