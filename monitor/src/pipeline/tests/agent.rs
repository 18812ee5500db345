//! The agent's own notices.
use super::*;
use crate::pipeline::{Live, Vital};

fn counters(seconds: u64, lost: u64) -> Event {
    let counters = Counters {
        seen: vec![("exec".to_owned(), 10)],
        lost: vec![("exec".to_owned(), lost), ("payload".to_owned(), 2 * lost), ("fork".to_owned(), 0)],
    };
    event(seconds, None, Body::Counters(counters))
}

fn kinds(run: &Run) -> Vec<Kind> {
    run.notices.iter().map(|notice| notice.kind).collect()
}

fn started() -> Run {
    let mut run = Run::new(Settings::default());
    let out = run.pipeline.start(time(100));
    run.take(out);
    run
}

#[test]
fn start_and_stop_are_told_with_the_last_counters() {
    let mut run = started();
    run.feed(&[counters(101, 0)]);
    run.finish(110);
    assert_eq!(kinds(&run), [Kind::AgentStarted, Kind::AgentStopped]);
    assert_eq!(run.message(), "agent 0.1.0 stopped: 0 incidents still open, 0 events lost since it started");
    let last = run.notices.last().unwrap().counters.as_ref().unwrap();
    assert_eq!(last.seen.first(), Some(&("exec".to_owned(), 10)));
    assert!(last.lost.contains(&("tables.flows".to_owned(), 0)), "{last}");
    let ids: Vec<_> = run.notices.iter().map(|notice| notice.id.split_once('-').unwrap()).collect();
    assert_eq!((ids[0].0, ids[0].1, ids[1].1), (ids[1].0, "1", "2"));
    assert_eq!(run.notices[0].unix_nanos, host().unix_offset_nanos + 100_000_000_000);
}

#[test]
fn an_agent_that_starts_again_in_the_same_boot_has_other_ids() {
    let mut again = Run::new(Settings::default());
    let out = again.pipeline.start(time(200));
    again.take(out);
    assert_ne!(started().notices[0].id, again.notices[0].id);
    assert_eq!(started().notices, started().notices);
}

#[test]
fn a_heartbeat_comes_every_five_minutes_and_none_when_it_is_off() {
    let mut run = started();
    run.feed(&[counters(101, 0), tick(399), tick(400), tick(401), tick(699), tick(700)]);
    assert_eq!(kinds(&run)[1..], [Kind::Heartbeat; 2]);
    assert_eq!(run.message(), "alive: 0 open incidents, 0 events lost since it started");
    let mut off = Run::new(Settings { heartbeat: Duration::ZERO, ..Settings::default() });
    off.feed(&[tick(1), tick(10_000)]);
    assert_eq!(off.notices, []);
}

#[test]
fn a_loss_is_told_at_most_once_a_minute_and_only_what_is_new() {
    let mut run = started();
    run.feed(&[counters(101, 0), counters(102, 5)]);
    assert_eq!(kinds(&run)[1..], [Kind::Loss]);
    assert_eq!(
        run.message(),
        "lost 15 events (exec 5, payload 10): mining in that time may have gone unseen"
    );
    run.feed(&[counters(103, 6), counters(104, 7), tick(161)]);
    assert_eq!(kinds(&run).len(), 2);
    run.feed(&[tick(162)]);
    assert_eq!(run.message(), "lost 6 events (exec 2, payload 4): mining in that time may have gone unseen");
    run.feed(&[counters(300, 7), tick(390)]);
    assert_eq!(kinds(&run).len(), 3, "nothing was lost since");
}

#[test]
fn what_was_only_not_written_is_not_called_unseen() {
    let lost = |seconds, exec, records| {
        let lost = vec![("exec".to_owned(), exec), ("sink-journald.records".to_owned(), records)];
        event(seconds, None, Body::Counters(Counters { seen: Vec::new(), lost }))
    };
    let mut run = started();
    run.feed(&[lost(101, 0, 0), lost(102, 0, 7)]);
    assert_eq!(run.message(), "lost 7 entries (sink-journald.records 7)");
    run.feed(&[lost(200, 2, 8)]);
    assert_eq!(
        run.message(),
        "lost 2 events (exec 2): mining in that time may have gone unseen; lost 1 entries (sink-journald.records 1)"
    );
}

#[test]
fn at_the_end_open_incidents_stay_open_and_what_waited_is_told() {
    let miner = owner(100, 1);
    let mut run = Run::of(&miner_starts(1, miner, "miner", 1));
    run.feed(&[says(2, 1, Some(miner), "session"), says(2, 2, None, "client")]);
    assert_eq!(run.notices, []);
    run.finish(3);
    assert_eq!(kinds(&run), [Kind::IncidentOpened, Kind::IncidentOpened, Kind::AgentStopped]);
    assert!(run.message().contains("2 incidents still open"), "{}", run.message());
}

#[test]
fn a_clock_that_goes_backwards_harms_nothing() {
    let miner = owner(100, 1);
    let mut run = Run::of(&[tick(1_000), connect(500, 1, miner), says(400, 1, Some(miner), "session")]);
    run.feed(&[tick(1), tick(0), tick(1_000), tick(2_000)]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Confirmed)]);
}

#[test]
fn a_recording_carries_the_host() {
    let text = serde_json::to_string(&host()).unwrap();
    assert_eq!(serde_json::from_str::<Host>(&text).unwrap(), host());
}

#[test]
fn a_wall_clock_that_was_set_moves_the_times_of_what_comes_after() {
    let mut run = started();
    let unix_offset_nanos = 5_000_000_000;
    run.feed(&[Event {
        at: BootTime(200_000_000_000),
        owner: None,
        body: Body::Clock { unix_offset_nanos },
    }]);
    run.finish(210);
    assert_eq!(run.notices[0].unix_nanos, host().unix_offset_nanos + 100_000_000_000);
    assert_eq!(run.notices[1].unix_nanos, 215_000_000_000);
}

#[test]
fn settings_that_are_read_again_count_at_once() {
    let mut run = started();
    run.feed(&[counters(101, 2), tick(102)]);
    let notices = run.notices.len();
    let live = Live {
        heartbeat: Duration::from_secs(7),
        end_after: Duration::from_secs(5),
        recorded: Recorded { exec: true, connect: false },
    };
    run.pipeline.reload(live, &Arc::default());
    run.feed(&[tick(106), tick(107)]);
    assert_eq!(kinds(&run)[notices..], [Kind::Heartbeat]);
    assert_eq!(run.pipeline.vital(), Vital { open: 0, lost: 6 });
    let miner = owner(100, 1);
    run.feed(&miner_starts(108, miner, "miner", 1));
    run.feed(&[says(109, 1, Some(miner), "session"), tick(110), tick(111), tick(112)]);
    assert_eq!(run.pipeline.vital().open, 1);
}
