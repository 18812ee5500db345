//! Shares and difficulty on their way from findings into incidents and flows.
use super::*;

/// The miner of all these tests, and its first conversation.
const FLOW: u64 = 10;

fn miner() -> Owner {
    owner(100, 1)
}

fn confirmed() -> Run {
    Run::of(&[
        exec(1, miner(), &["miner"]),
        connect(2, FLOW, miner()),
        says(2, FLOW, Some(miner()), "session wallet=4AB difficulty=1000"),
        facts(3, miner(), session("miner")),
    ])
}

fn counts(view: &IncidentView) -> (u64, u64) {
    (view.shares.accepted, view.shares.rejected)
}

#[test]
fn growing_counts_are_told_when_they_have_doubled_and_at_most_every_ten_seconds() {
    let mut run = confirmed();
    let opened = run.story().len();
    for second in 4..1_028 {
        run.feed(&[says(second, FLOW, Some(miner()), "session accepted=1 again"), tick(second)]);
    }
    let told: Vec<_> =
        run.incident_notices().skip(opened).map(|(kind, view)| (kind, counts(view).0)).collect();
    let expected = [10, 20, 32, 64, 128, 256, 512, 1_024].map(|count| (Kind::IncidentUpdated, count));
    assert_eq!(told, expected);
    assert!(run.message().contains("new: shares: 1024 accepted, 0 rejected; "), "{}", run.message());
}

#[test]
fn counts_of_several_conversations_add_up_and_of_the_pools_side_they_do_not() {
    let mut run = confirmed();
    run.feed(&[
        connect(4, 11, miner()),
        says(4, 11, Some(miner()), "share accepted=3 rejected=1"),
        says(5, FLOW, Some(miner()), "share accepted=2"),
        says(5, 12, Some(miner()), "pool-session accepted=50"),
        close(6, FLOW),
        close(6, 11),
        close(6, 12),
        exit(6, miner()),
        tick(70),
    ]);
    assert_eq!(
        (run.story().last().map(|last| last.0), counts(run.last())),
        (Some(Kind::IncidentEnded), (5, 1))
    );
}

#[test]
fn counts_of_merged_incidents_add_up() {
    let (one, other) = (owner(100, 1), owner(101, 1));
    let run = Run::of(&[
        exec(1, one, &["one"]),
        exec(1, other, &["other"]),
        says(2, 10, Some(one), "share wallet=4AB accepted=2"),
        says(2, 11, Some(other), "share wallet=4CD accepted=5"),
        facts(3, one, session("one")),
        facts(3, other, session("other")),
        says(4, 11, Some(other), "share wallet=4AB accepted=1"),
        tick(20),
    ]);
    assert_eq!(counts(run.last()), (8, 0), "{:?}", run.story());
}

#[test]
fn what_only_counts_opens_no_incident() {
    let mut run = confirmed();
    run.feed(&[exit(4, miner()), close(4, FLOW), tick(70)]);
    let ended = run.story();
    assert_eq!(ended.last().map(|last| last.0), Some(Kind::IncidentEnded));
    run.feed(&[says(80, 11, Some(miner()), "session accepted=7 again"), tick(90), tick(200)]);
    assert_eq!(run.story(), ended);
}

#[test]
fn counts_are_kept_while_the_owner_is_asked_for() {
    let mut run = Run::new(Settings::default());
    run.feed(&[
        exec(1, miner(), &["miner"]),
        says(2, FLOW, None, "share wallet=4AB accepted=1"),
        says(3, FLOW, None, "share accepted=1 difficulty=7 again"),
        says(4, FLOW, None, "share accepted=2 rejected=1 again"),
        holders(5, FLOW, &[miner()]),
        facts(5, miner(), session("miner")),
    ]);
    assert_eq!((counts(run.last()), run.last().claim.difficulty.as_deref()), ((4, 1), Some("7")));
}

#[test]
fn the_latest_difficulty_is_shown_with_the_next_notice_and_is_none_itself() {
    let mut run = confirmed();
    let opened = run.story().len();
    run.feed(&[says(4, FLOW, Some(miner()), "session difficulty=2000 again"), tick(30)]);
    assert_eq!(run.story().len(), opened);
    run.feed(&[says(31, FLOW, Some(miner()), "session worker=rig"), tick(60)]);
    assert_eq!(run.last().claim.difficulty.as_deref(), Some("2000"));
}

#[test]
fn a_capture_reports_the_counts_of_each_flow() {
    let mut run = Run::new(Settings { report_flows: true, ..Settings::default() });
    run.feed(&[
        says(1, 1, None, "session accepted=1 difficulty=5"),
        says(2, 1, None, "session accepted=1 rejected=2 difficulty=6 again"),
        says(2, 2, None, "share accepted=9"),
        close(3, 1),
        close(3, 2),
    ]);
    let shares: Vec<_> = run.flows.iter().map(|flow| (flow.shares.accepted, flow.shares.rejected)).collect();
    assert_eq!((shares, run.flows[0].claim.difficulty.as_deref()), (vec![(2, 2), (9, 0)], Some("6")));
}
