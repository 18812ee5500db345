//! Opened, raised, updated, merged, ended.
use super::*;

const MINER: u64 = 1;

/// A miner that logs in at second 2 and is answered at second 3.
fn mining() -> Vec<Event> {
    let miner = owner(100, 1);
    let mut events = miner_starts(1, miner, "miner", MINER);
    events.extend([
        says(2, MINER, Some(miner), "client wallet=4ABcd worker=rig agent=XMRig/6.26.0"),
        facts(2, miner, session("miner")),
        says(3, MINER, Some(miner), "session"),
    ]);
    events
}

#[test]
fn a_login_opens_an_incident_and_its_answer_raises_it() {
    let run = Run::of(&mining());
    assert_eq!(run.requests, [Request::LookUp(owner(100, 1))], "asked once");
    assert_eq!(
        run.story(),
        [(Kind::IncidentOpened, Level::Likely), (Kind::IncidentRaised, Level::Confirmed)]
    );
    let [id] = &run.ids()[..] else { panic!("{:?}", run.ids()) };
    assert_eq!((id.len(), id.chars().all(|c| c.is_ascii_hexdigit())), (16, true));
    let ids: Vec<_> = run.notices.iter().map(|notice| notice.id.clone()).collect();
    assert_eq!(ids, [format!("{id}-1"), format!("{id}-2")]);
}

#[test]
fn a_notice_says_who_what_since_when_and_how_it_is_known() {
    let run = Run::of(&mining());
    let view = run.last();
    assert_eq!((view.score, view.role, view.processes), (100, Role::Miner, 1));
    let evidence: Vec<_> = view.evidence.iter().map(|(rule, text)| (rule.name, text.as_str())).collect();
    assert_eq!(
        evidence,
        [("stratum.session", "saw stratum.session"), ("stratum.client", "saw stratum.client")]
    );
    assert_eq!((view.process, view.owner), (Some(key(100)), Some(owner(100, 1))));
    assert_eq!(
        (view.exe.as_deref(), view.sha256.as_deref()),
        (Some("/usr/bin/miner"), Some("digest of miner"))
    );
    assert_eq!(view.command.args, ["miner"]);
    assert_eq!(view.ancestry.as_deref(), Some("miner[100] < bash[20] < sshd[10]"));
    assert_eq!(
        (view.uid, view.user.as_deref(), view.login_user.as_deref()),
        (Some(1000), Some("alice"), Some("alice"))
    );
    assert_eq!(view.place.key(), "session-3.scope");
    assert_eq!(view.ends, Some(crate::testing::ends(MINER)));
    assert_eq!(view.claim.wallet.as_deref(), Some("4ABcd"));
    assert_eq!((view.since, view.duration), (time(2), Duration::from_secs(1)));
    assert_eq!(view.since_unix_nanos, host().unix_offset_nanos + 2_000_000_000);
    assert_eq!(
        run.message(),
        "confirmed cryptomining (was likely): miner[100] (/usr/bin/miner) of alice in session-3.scope speaks cryptonote with \
         10.0.0.5:3333, wallet 4ABcd, worker rig, agent XMRig/6.26.0; since 2026-01-02T12:00:02Z"
    );
}

#[test]
fn the_same_events_give_the_same_notices_and_another_boot_other_ids() {
    let events = mining();
    assert_eq!(Run::of(&events).notices, Run::of(&events).notices);
    let settings = Settings::default();
    let other = Host { boot_id: "other".to_owned(), ..host() };
    let mut run = Run::new(settings);
    run.pipeline = Pipeline::new(other, settings, vec![Box::new(Says)]);
    run.feed(&events);
    assert_ne!(run.ids(), Run::of(&events).ids());
}

#[test]
fn a_miner_that_is_restarted_six_hundred_times_is_one_incident() {
    let mut run = Run::new(brief());
    for n in 0..600 {
        let (at, flow) = (u64::from(n) * 2, u64::from(n));
        let miner = owner(1_000 + n, 1);
        run.feed(&miner_starts(at, miner, "miner", flow));
        run.feed(&[
            says(at, flow, Some(miner), "client wallet=4AB"),
            facts(at, miner, session("miner")),
            says(at, flow, Some(miner), "session"),
            exit(at + 1, miner),
            close(at + 1, flow),
            tick(at + 1),
        ]);
    }
    assert!(run.pipeline.incidents.is_consistent(), "the first 88 were pushed out by later ones");
    run.feed(&[tick(1_258), tick(1_259)]);
    assert_eq!(run.ids().len(), 1);
    assert_eq!(run.last().processes, 600);
    let kinds: Vec<_> = run.story().into_iter().map(|(kind, _)| kind).collect();
    let updates = kinds.iter().filter(|kind| **kind == Kind::IncidentUpdated).count();
    assert_eq!(updates, 8, "at 2 and 4 together, at 8, 16, 32 and so on to 512 processes: {kinds:?}");
    assert_eq!(
        (kinds[0], kinds[1], kinds.last()),
        (Kind::IncidentOpened, Kind::IncidentRaised, Some(&Kind::IncidentEnded))
    );
    let evicted: u64 = run.pipeline.counters().lost.iter().map(|(_, count)| count).sum();
    assert_eq!(evicted, 0);
}

#[test]
fn an_incident_ends_a_minute_after_its_last_process_and_flow_and_then_a_new_one_opens() {
    let mut run = Run::of(&mining());
    run.feed(&[close(203, MINER), exit(203, owner(100, 1)), tick(262)]);
    assert_eq!(run.story().len(), 2);
    run.feed(&[tick(263), tick(300)]);
    assert_eq!(run.story()[2..], [(Kind::IncidentEnded, Level::Confirmed)]);
    assert_eq!(run.last().duration, Duration::from_secs(201));
    assert!(
        run.message().starts_with(
            "ended after 3 min 21 s: confirmed cryptomining: miner[100] (/usr/bin/miner) of alice in session-3.scope \
             spoke cryptonote with 10.0.0.5:3333, wallet 4ABcd"
        ),
        "{}",
        run.message()
    );
    let again = owner(101, 1);
    run.feed(&[
        connect(400, 2, again),
        says(400, 2, Some(again), "client"),
        facts(400, again, session("miner")),
    ]);
    assert_eq!((run.ids().len(), run.last().processes), (2, 1));
}

#[test]
fn a_living_process_keeps_an_incident_open_and_so_does_traffic_without_it() {
    let mut run = Run::of(&mining());
    run.feed(&[close(10, MINER), tick(10_000)]);
    assert_eq!(run.story().len(), 2, "the process lives");

    let mut run = Run::of(&mining());
    run.feed(&[exit(203, owner(100, 1)), flow_payload(250, MINER, None), tick(309)]);
    assert_eq!(run.story().len(), 2, "someone else holds the socket");
    run.feed(&[tick(310)]);
    assert_eq!(run.story()[2..], [(Kind::IncidentEnded, Level::Confirmed)], "its close was lost");
}

#[test]
fn two_python_scripts_are_two_incidents() {
    let mut run = Run::new(Settings::default());
    for (pid, flow, script, wallet) in
        [(100, 1, "a", "client wallet=4AAA"), (200, 2, "b", "client wallet=4BBB")]
    {
        let python = owner(pid, 1);
        run.feed(&miner_starts(1, python, "python3", flow));
        let about = ProcFacts { script_sha256: Some(script.to_owned()), ..session("python3") };
        run.feed(&[says(2, flow, Some(python), wallet), facts(2, python, about)]);
    }
    assert_eq!(run.ids().len(), 2);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Likely); 2]);
}

#[test]
fn the_same_program_in_two_places_is_two_incidents() {
    let mut run = Run::new(Settings::default());
    for (pid, flow, unit) in [(100, 1, "a.service"), (200, 2, "b.service")] {
        let miner = owner(pid, 1);
        run.feed(&[
            connect(1, flow, miner),
            says(2, flow, Some(miner), "client wallet=4AB"),
            facts(2, miner, proc_facts("miner", unit, "m")),
        ]);
    }
    assert_eq!(run.ids().len(), 2);
}

#[test]
fn incidents_of_one_place_with_the_same_wallet_and_pool_merge_into_the_older() {
    let (one, two) = (owner(100, 1), owner(200, 1));
    let mut run = Run::of(&[
        connect(1, 1, one),
        says(2, 1, Some(one), "client wallet=4AB"),
        facts(2, one, session("miner")),
        connect(5, 2, two),
        says(6, 2, Some(two), "client"),
        facts(6, two, session("renamed")),
    ]);
    let [older, younger] = &run.ids()[..] else { panic!("{:?}", run.ids()) };
    let (older, younger) = (older.clone(), younger.clone());
    run.feed(&[says(7, 2, Some(two), "session wallet=4AB")]);
    let tail: Vec<_> =
        run.incident_notices().skip(2).map(|(kind, view)| (kind, view.id.clone(), view.level)).collect();
    assert_eq!(
        tail,
        [
            (Kind::IncidentEnded, younger.clone(), Level::Confirmed),
            (Kind::IncidentRaised, older.clone(), Level::Confirmed)
        ]
    );
    let ended = run.notices.iter().rev().nth(1).unwrap();
    assert!(
        ended.message.contains(&format!(
            "incident {younger} goes on as incident {older}, which pays the same wallet through the same pool from \
             the same place"
        )),
        "{}",
        ended.message
    );
    assert_eq!((run.last().processes, run.last().process), (2, Some(key(200))));
    run.feed(&[exit(8, one), close(8, 1), tick(100)]);
    assert_eq!(run.story().len(), 4, "the second process keeps it open");
}

#[test]
fn what_is_learned_waits_for_ten_seconds_and_is_told_together() {
    let mut run = Run::of(&mining());
    let miner = owner(100, 1);
    run.feed(&[says(4, MINER, Some(miner), "share"), fork(5, owner(101, 1), 100, "miner")]);
    run.feed(&[
        connect(6, 2, owner(101, 1)),
        says(6, 2, Some(owner(101, 1)), "client"),
        no_facts(6, owner(101, 1)),
    ]);
    run.feed(&[tick(8), tick(12)]);
    assert_eq!(run.story().len(), 2);
    run.feed(&[tick(13), tick(14), tick(40)]);
    assert_eq!(run.story()[2..], [(Kind::IncidentUpdated, Level::Confirmed)]);
    assert!(
        run.message().contains("new: evidence stratum.share, more processes; miner[101]"),
        "{}",
        run.message()
    );
}

#[test]
fn another_wallet_is_told_at_once_and_only_once() {
    let mut run = Run::of(&mining());
    let miner = owner(100, 1);
    run.feed(&[
        connect(4, 2, miner),
        says(4, 2, Some(miner), "session wallet=donation"),
        says(5, MINER, Some(miner), "session wallet=4ABcd"),
        says(6, 2, Some(miner), "session wallet=donation"),
    ]);
    assert_eq!(run.story()[2..], [(Kind::IncidentUpdated, Level::Confirmed)]);
    assert_eq!(run.last().claim.wallet.as_deref(), Some("donation"));
    assert_eq!(run.last().claim.worker, None, "fields of two accounts are not mixed");
}

#[test]
fn the_conversation_with_the_strongest_evidence_is_named_and_of_these_the_latest() {
    let mut run = Run::of(&mining());
    let miner = owner(100, 1);
    run.feed(&[connect(4, 2, miner), says(4, 2, Some(miner), "client"), tick(20)]);
    assert_eq!(run.last().ends, Some(crate::testing::ends(MINER)));
    run.feed(&[says(21, 2, Some(miner), "share"), tick(40)]);
    assert_eq!(run.last().ends, Some(crate::testing::ends(2)));
}

#[test]
fn a_url_on_the_command_line_opens_a_suspicion_and_adds_to_the_sum() {
    let miner = owner(100, 1);
    let mut run = Run::of(&[
        exec(1, miner, &["miner", "-o", "stratum+ssl://4AB.rig:x@pool.example:443"]),
        tick(11),
        facts(11, miner, session("miner")),
    ]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Suspicious)]);
    assert_eq!(run.last().evidence[0].0, &ARGV_STRATUM_URL);
    assert_eq!(
        run.message(),
        "suspicious cryptomining: miner[100] (/usr/bin/miner) of alice in session-3.scope was given the address of \
         pool.example:443, wallet 4AB, worker rig; since 2026-01-02T12:00:11Z"
    );
    run.feed(&[connect(12, 1, miner), says(12, 1, Some(miner), "client")]);
    assert_eq!((run.last().level, run.last().score), (Level::Likely, 95));
}

#[test]
fn open_incidents_are_bounded_and_what_found_no_room_is_counted() {
    let mut run = Run::new(Settings { incidents: 3, ..Settings::default() });
    for n in 0..10 {
        let miner = owner(100 + n, 1);
        let flow = u64::from(n);
        run.feed(&[connect(1, flow, miner), says(2, flow, Some(miner), "client")]);
        run.feed(&[facts(2, miner, session(&format!("miner{n}")))]);
    }
    assert_eq!(run.ids().len(), 3);
    assert!(run.pipeline.counters().lost.contains(&("incidents".to_owned(), 7)));
}

#[test]
fn the_dialect_is_the_named_conversations_and_a_refined_one_is_told() {
    let mut run = Run::of(&mining());
    let miner = owner(100, 1);
    run.feed(&[says(4, MINER, Some(miner), "session dialect=ethereum-stratum-1"), tick(20)]);
    assert_eq!(run.story()[2..], [(Kind::IncidentUpdated, Level::Confirmed)]);
    assert!(run.message().contains("new: dialect ethereum-stratum-1; miner[100]"), "{}", run.message());
    run.feed(&[connect(21, 2, miner), says(21, 2, Some(miner), "client dialect=eth-proxy"), tick(40)]);
    let claim = &run.last().claim;
    assert_eq!(
        (run.last().ends, claim.dialect.as_deref()),
        (Some(crate::testing::ends(MINER)), Some("ethereum-stratum-1"))
    );
}

/// Copies that differ, as a packer makes them, or several scripts: `programs` of them, three processes of each.
fn paid_alike(programs: u32) -> Run {
    let mut run = Run::new(Settings::default());
    for n in 0..programs * 3 {
        let (miner, flow) = (owner(1_000 + n, 1), u64::from(n));
        let about =
            ProcFacts { script_sha256: Some(format!("script {}", n % programs)), ..session("python3") };
        run.feed(&miner_starts(1, miner, "python3", flow));
        run.feed(&[says(2, flow, Some(miner), "client wallet=4AB"), facts(2, miner, about)]);
        run.feed(&[says(3, flow, Some(miner), "session wallet=4AB"), tick(3)]);
    }
    run
}

#[test]
fn many_processes_of_several_programs_that_pay_alike_are_one_incident() {
    for programs in [2, 100] {
        let run = paid_alike(programs);
        assert_eq!(run.ids().len(), 1, "{programs} programs: {:?}", run.story());
        assert!(run.notices.len() <= 3, "{programs} programs: {:?}", run.story());
        assert!(run.pipeline.incidents.is_consistent());
    }
    let mut run = paid_alike(2);
    run.feed(&[tick(30)]);
    assert_eq!(run.last().processes, 6);
    assert!(run.message().contains("more processes"), "{}", run.message());
}
