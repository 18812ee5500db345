//! Miner, pool, and relay.
use super::*;

/// Both ends of a conversation over loopback: the miner connected (flow 1), the pool accepted (flow 2).
fn loopback(miner: Owner, pool: Owner) -> Vec<Event> {
    vec![
        connect(1, 1, miner),
        says(2, 1, Some(miner), "client wallet=4AB"),
        says(2, 2, None, "pool-client"),
        holders(2, 2, &[pool]),
        facts(2, miner, session("agent-of-both")),
        says(3, 2, None, "pool-session wallet=4AB"),
        holders(3, 2, &[pool]),
        says(3, 1, Some(miner), "session"),
        tick(20),
        tick(40),
    ]
}

#[test]
fn over_loopback_there_is_one_incident_and_it_is_the_miners() {
    // Both run the same program at the same place: only the process tells them apart.
    let (miner, pool) = (owner(100, 1), owner(200, 1));
    let mut events = vec![facts(1, pool, session("agent-of-both"))];
    events.extend(loopback(miner, pool));
    let run = Run::of(&events);
    assert_eq!(
        run.story(),
        [(Kind::IncidentOpened, Level::Likely), (Kind::IncidentRaised, Level::Confirmed)]
    );
    assert_eq!((run.last().process, run.last().role, run.last().processes), (Some(key(100)), Role::Miner, 1));
    let asked: Vec<_> = run.requests.iter().filter(|request| matches!(request, Request::LookUp(_))).collect();
    assert_eq!(asked, [&Request::LookUp(miner)], "a pool is not looked up");
}

#[test]
fn a_pool_alone_opens_nothing() {
    let pool = owner(200, 1);
    let mut run = Run::of(&[says(1, 2, Some(pool), "pool-session pool-share"), tick(30)]);
    run.feed(&[says(1, 3, None, "pool-session"), holders(1, 3, &[]), tick(40), tick(50), tick(60)]);
    assert_eq!(run.notices, []);
}

#[test]
fn a_pool_that_turns_miner_opens_as_a_relay() {
    let relay = owner(200, 1);
    let run = Run::of(&[
        connect(1, 1, relay),
        says(1, 2, Some(relay), "pool-session wallet=downstream"),
        says(2, 1, Some(relay), "client wallet=upstream"),
        facts(2, relay, session("proxy")),
    ]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Confirmed)]);
    let view = run.last();
    assert_eq!((view.role, view.claim.wallet.as_deref()), (Role::Relay, Some("upstream")));
    assert_eq!(view.ends, Some(crate::testing::ends(1)));
    let texts: Vec<_> = view.evidence.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["as pool: saw stratum.session", "saw stratum.client"]);
    assert!(
        run.message().contains("relays cryptonote from other miners to 10.0.0.5:3333"),
        "{}",
        run.message()
    );
}

#[test]
fn a_miner_that_turns_pool_is_updated_to_a_relay_at_once() {
    let relay = owner(200, 1);
    let mut run = Run::of(&[
        connect(1, 1, relay),
        says(2, 1, Some(relay), "session wallet=upstream"),
        facts(2, relay, session("proxy")),
        says(3, 2, Some(relay), "pool-session"),
        says(4, 2, Some(relay), "pool-session"),
    ]);
    assert_eq!(
        run.story(),
        [(Kind::IncidentOpened, Level::Confirmed), (Kind::IncidentUpdated, Level::Confirmed)]
    );
    assert_eq!((run.last().role, run.ids().len()), (Role::Relay, 1));
    assert_eq!(run.last().evidence[0].1, "saw stratum.session; as pool: saw stratum.session");
    run.feed(&[exit(5, relay), close(5, 1), close(5, 2), tick(64), tick(65)]);
    assert_eq!(run.story()[2..], [(Kind::IncidentEnded, Level::Confirmed)]);
}

#[test]
fn what_another_program_of_the_same_process_did_as_a_pool_does_not_count() {
    let (pool, miner) = (owner(200, 1), owner(200, 2));
    let run = Run::of(&[
        exec(1, pool, &["pool"]),
        says(1, 2, Some(pool), "pool-session"),
        exec(2, miner, &["miner"]),
        connect(3, 1, miner),
        says(3, 1, Some(miner), "session"),
        facts(3, miner, session("miner")),
    ]);
    assert_eq!(run.last().role, Role::Miner);
}

#[test]
fn a_child_that_the_pool_forked_and_that_runs_a_miner_is_no_relay() {
    let held = |pid| Owner { generation: None, source: OwnerSource::FdTable, ..owner(pid, 1) };
    let (pool, miner) = (held(200), owner(300, 2));
    let mut run = Run::of(&[
        says(2, 2, None, "pool-client"),
        fork(2, owner(300, 1), 200, "pool"),
        exec(3, miner, &["miner"]),
        holders(3, 2, &[pool, held(300)]),
        says(4, 2, None, "pool-session"),
        connect(4, 1, miner),
        says(4, 1, Some(miner), "session"),
        facts(4, miner, session("miner")),
        says(5, 2, None, "pool-session wallet=4AB"),
        tick(20),
    ]);
    assert_eq!((run.last().process, run.last().role), (Some(key(300)), Role::Miner));
    run.feed(&[says(21, 3, None, "pool-session"), holders(21, 3, &[held(300)]), tick(40)]);
    assert_eq!(run.last().role, Role::Relay, "that one it accepted itself");
}
