//! Captures: every flow is judged by itself.
use super::*;

fn capture(flows: usize) -> Run {
    Run::new(Settings { report_flows: true, flows, ..Settings::default() })
}

#[test]
fn a_flow_is_reported_when_it_closes_and_the_rest_at_the_end() {
    let mut run = capture(64);
    run.feed(&[
        says(1, 1, None, "client wallet=4AB"),
        says(1, 2, None, "nothing of interest"),
        says(2, 1, None, "session worker=rig"),
        says(2, 3, None, "pool-server"),
        close(3, 1),
    ]);
    assert_eq!(run.flows.iter().map(|view| view.flow.0).collect::<Vec<_>>(), [1]);
    let view = &run.flows[0];
    assert_eq!((view.level, view.score, view.ends), (Level::Confirmed, 100, crate::testing::ends(1)));
    let names: Vec<_> = view.evidence.iter().map(|(rule, _)| rule.name).collect();
    assert_eq!(names, ["stratum.session", "stratum.client"]);
    assert_eq!((view.claim.wallet.as_deref(), view.claim.worker.as_deref()), (Some("4AB"), Some("rig")));
    run.finish(10);
    let rest: Vec<_> = run.flows[1..].iter().map(|view| (view.flow.0, view.level, view.score)).collect();
    assert_eq!(rest, [(2, Level::None, 0), (3, Level::Likely, 80)]);
}

#[test]
fn nobody_is_asked_and_no_incident_opens() {
    let mut run = capture(64);
    run.feed(&[says(1, 1, None, "session"), tick(10), tick(1_000)]);
    run.finish(1_001);
    assert_eq!((run.requests.len(), run.notices.len(), run.notices[0].kind), (0, 1, Kind::AgentStopped));
}

#[test]
fn a_flow_that_had_to_make_room_is_reported_and_counted() {
    let mut run = capture(2);
    for flow in 1..=5 {
        run.feed(&[says(flow, flow, None, "client")]);
    }
    assert_eq!(run.flows.iter().map(|view| view.flow.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(run.pipeline.counters().lost.contains(&("tables.flows".to_owned(), 3)));
    run.finish(10);
    assert_eq!(run.flows.len(), 5);
}

#[test]
fn a_flow_without_payload_is_not_reported() {
    let mut run = capture(8);
    run.feed(&[connect(1, 1, owner(1, 1)), close(2, 1), connect(3, 2, owner(1, 1))]);
    run.finish(4);
    assert_eq!(run.flows, []);
}

#[test]
fn a_flow_is_reported_with_the_dialect_it_turned_out_to_speak() {
    let mut run = capture(8);
    run.feed(&[
        says(1, 1, None, "client dialect=stratum-v1"),
        says(2, 1, None, "session dialect=ethereum-stratum-1"),
        close(3, 1),
    ]);
    assert_eq!(run.flows[0].claim.dialect.as_deref(), Some("ethereum-stratum-1"));
}
