//! What entries come to, without a journal; and the page of the JSON form against the code.
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Choice,
    entry::{Entry, NUMBERS, TEXTS},
    fold::{CLAIMED_MAX, Fold, HOST_INCIDENTS_MAX},
    names::Names,
    read::Window,
    source::Source,
    text,
    view::{ROW_KEYS, Report},
};

const NOW: &str = "2026-05-20T18:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn fold(all: bool) -> Fold {
    Fold::new(Choice { all, silent_after: None, writers: vec![0], now: now() }, Names::default())
}

/// An entry of the host `web01`, so many seconds before [`NOW`].
fn entry(id: &str, event: &str, before: i64, more: &Value) -> Entry {
    let at = now() - SignedDuration::from_secs(before);
    let mut object = json!({
        "__REALTIME_TIMESTAMP": at.as_microsecond().to_string(), "_UID": "0", "_HOSTNAME": "web01",
        "MINEWARDEN_ID": id, "MINEWARDEN_EVENT": event, "MINEWARDEN_TIME": at.to_string(),
    });
    if event.starts_with("incident-") {
        for (key, value) in [("INCIDENT", "f00"), ("LEVEL", "likely"), ("SCORE", "80"), ("USER", "bob")] {
            object[format!("MINEWARDEN_{key}")] = json!(value);
        }
    }
    for (key, value) in more.as_object().unwrap() {
        object[key] = value.clone();
    }
    Entry::parse(object.to_string().as_bytes()).unwrap()
}

fn reported(fold: Fold) -> (Value, String) {
    let report = Report::of(fold, &Window::default(), now());
    let mut shown = Vec::new();
    text::write(&mut shown, &report).unwrap();
    (serde_json::to_value(&report).unwrap(), String::from_utf8(shown).unwrap())
}

fn take(fold: &mut Fold, entries: &[Entry]) {
    entries.iter().for_each(|entry| fold.take(&Source::local(None), entry));
}

#[test]
fn entries_of_one_incident_are_one_row_in_any_order_and_however_often() {
    let entries = || {
        vec![
            entry("a-1", "incident-opened", 90, &json!({"MINEWARDEN_EXE": "/x", "MINEWARDEN_PID": "7"})),
            entry(
                "a-2",
                "incident-raised",
                60,
                &json!({"MINEWARDEN_LEVEL": "confirmed", "MINEWARDEN_SCORE": "100"}),
            ),
            entry("a-3", "incident-ended", 30, &json!({"MINEWARDEN_WALLET": "w", "MINEWARDEN_PID": "8"})),
        ]
    };
    let mut forwards = fold(false);
    take(&mut forwards, &entries());
    take(&mut forwards, &entries());
    let mut backwards = fold(false);
    let mut reversed = entries();
    reversed.reverse();
    take(&mut backwards, &reversed);
    let (forwards, text) = reported(forwards);
    assert_eq!(forwards["incidents"], reported(backwards).0["incidents"]);
    let [row] = forwards["incidents"].as_array().unwrap().as_slice() else { panic!("{forwards:#}") };
    let expected = [
        ("level", json!("confirmed")),
        ("score", json!(100)),
        ("state", json!("ended")),
        ("duration", json!(60)),
        ("entries", json!(3)),
        ("exe", json!("/x")),
        ("pid", json!(8)),
        ("wallet", json!("w")),
        ("ended", json!("2026-05-20T17:59:30.000000Z")),
    ];
    for (key, value) in expected {
        assert_eq!(row[key], value, "{key}");
    }
    assert_eq!(forwards["counts"]["duplicates"], 3);
    assert!(
        text.contains("confirmed 100 on web01: from 2026-05-20T17:58:30Z until 2026-05-20T17:59:30Z (1m)"),
        "{text}"
    );
}

#[test]
fn what_is_less_and_self_tests_are_shown_when_asked_for() {
    let entries = [
        entry("a-1", "incident-opened", 9, &json!({"MINEWARDEN_LEVEL": "suspicious"})),
        entry("a-2", "incident-opened", 8, &json!({"MINEWARDEN_INCIDENT": "test", "MINEWARDEN_TEST": "1"})),
    ];
    for (all, shown, hidden) in [(false, 0, 2), (true, 2, 0)] {
        let mut fold = fold(all);
        take(&mut fold, &entries);
        let (json, _) = reported(fold);
        assert_eq!(json["incidents"].as_array().unwrap().len(), shown);
        assert_eq!(json["counts"]["hidden"], hidden);
    }
}

#[test]
fn the_most_certain_comes_first_and_what_goes_on_before_what_is_over() {
    let mut fold = fold(false);
    let opened = |id: &str, before, level: &str| {
        let more = json!({"MINEWARDEN_INCIDENT": id, "MINEWARDEN_LEVEL": level});
        entry(id, "incident-opened", before, &more)
    };
    let ended = entry(
        "x",
        "incident-ended",
        1,
        &json!({"MINEWARDEN_INCIDENT": "over", "MINEWARDEN_LEVEL": "confirmed"}),
    );
    take(
        &mut fold,
        &[
            opened("likely", 5, "likely"),
            opened("old", 50, "confirmed"),
            opened("new", 9, "confirmed"),
            ended,
        ],
    );
    let (json, _) = reported(fold);
    let ids: Vec<_> =
        json["incidents"].as_array().unwrap().iter().map(|row| row["incident"].as_str().unwrap()).collect();
    assert_eq!(ids, ["new", "old", "over", "likely"]);
}

#[test]
fn an_agent_that_begins_anew_watches_no_incident_of_the_last_one() {
    let mut fold = fold(false);
    take(
        &mut fold,
        &[entry("a-1", "incident-opened", 90, &json!({})), entry("b-1", "agent-started", 60, &json!({}))],
    );
    assert_eq!(reported(fold).0["incidents"][0]["state"], "unwatched");
}

#[test]
fn caps_hold_and_are_told() {
    let mut fold = fold(false);
    for number in 0..HOST_INCIDENTS_MAX + 3 {
        let id = format!("i{number}");
        let more = json!({"MINEWARDEN_INCIDENT": id});
        take(&mut fold, &[entry(&id, "incident-opened", 9, &more)]);
    }
    for number in 0..CLAIMED_MAX + 2 {
        take(&mut fold, &[entry("h-1", "heartbeat", 9, &json!({"_HOSTNAME": format!("host{number}")}))]);
    }
    let (json, text) = reported(fold);
    assert_eq!(json["incidents"].as_array().unwrap().len(), HOST_INCIDENTS_MAX);
    assert_eq!(json["counts"]["hosts"], CLAIMED_MAX);
    let limits: Vec<_> =
        json["limits"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(limits[0].starts_with("3 entries of hosts beyond"), "{limits:?}");
    assert!(limits[1].starts_with("3 entries of incidents beyond"), "{limits:?}");
    assert!(text.contains("\nlimit: 3 entries of hosts beyond"), "{text}");
}

#[test]
fn a_heartbeat_that_came_twice_does_not_make_a_host_look_silent() {
    let mut fold = fold(false);
    let beat = |number: i64| entry(&format!("a-{number}"), "heartbeat", 4_000 - number * 300, &json!({}));
    let beats: Vec<_> = (0..13).map(beat).collect();
    take(&mut fold, &beats[..7]);
    take(&mut fold, &beats);
    let (json, _) = reported(fold);
    assert_eq!(json["hosts"][0]["patience"], 900);
    assert_eq!(json["hosts"][0]["state"], "alive");
}

#[test]
fn a_clock_that_is_ahead_is_told() {
    let mut fold = fold(false);
    take(&mut fold, &[entry("a-1", "heartbeat", -3_600, &json!({}))]);
    let (json, text) = reported(fold);
    assert_eq!(json["hosts"][0]["clock_ahead"], true);
    assert!(text.contains("its clock is ahead"), "{text}");
}

const OUTPUT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/output.md"));

/// Names in the first column of the table after `heading`.
fn table(heading: &str) -> BTreeSet<String> {
    let (_, after) = OUTPUT.split_once(heading).unwrap_or_else(|| panic!("docs/output.md: no {heading:?}"));
    let rows =
        after.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_page_has_every_key_of_the_json_form_and_no_other() {
    let mut fold = fold(false);
    take(&mut fold, &[entry("a-1", "incident-opened", 9, &json!({"MINEWARDEN_WALLET": "w"}))]);
    let (json, _) = reported(fold);
    assert_eq!(keys(&json), table("\n### The object\n"));
    assert_eq!(keys(&json["counts"]), table("\n### `counts`\n"));
    assert_eq!(keys(&json["hosts"][0]), table("\n### A host\n"));
    assert_eq!(keys(&json["users"][0]), table("\n### A sum\n"));
    assert_eq!(keys(&json["wallets"][0]), keys(&json["users"][0]));
    let own: BTreeSet<_> = ROW_KEYS.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(own, table("\n### An incident\n"));
    let fields = TEXTS.iter().chain(&NUMBERS).map(|name| name.to_ascii_lowercase());
    assert_eq!(keys(&json["incidents"][0]), own.into_iter().chain(fields).collect());
    for name in TEXTS.iter().chain(&NUMBERS) {
        assert!(OUTPUT.contains(&format!("| `MINEWARDEN_{name}` |")), "{name} is no field of the page");
    }
}
