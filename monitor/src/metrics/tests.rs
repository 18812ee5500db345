//! The text that Prometheus gets, and the page, rules and dashboard that name its metrics.
use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
};

use super::*;
use crate::sink::sample::{agent, incident};

const OUTPUT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/output.md"));
const RULES: &str = include_str!("../../assets/prometheus/minewarden.rules.yml");
const RULES_TEST: &str = include_str!("../../assets/prometheus/minewarden.rules.test.yml");
const DASHBOARD: &str = include_str!("../../assets/grafana/minewarden.json");

fn board() -> Board {
    let board = Board::new("0.1.0", "abc");
    let mut raised = incident();
    raised.kind = Kind::IncidentRaised;
    let mut ended = incident();
    ended.kind = Kind::IncidentEnded;
    let mut tested = incident();
    tested.incident.as_deref_mut().unwrap().self_test = true;
    for notice in [incident(), raised, ended, tested, agent(Kind::Heartbeat, Counters::default())] {
        board.count(&notice);
    }
    let counters = Counters {
        seen: vec![("exec".into(), 7), ("sweep.millis".into(), 1_500)],
        lost: vec![("tables.flows".into(), 2)],
    };
    let open = BTreeMap::from([((Level::Confirmed, Role::Miner), 3)]);
    let delivery = Delivery {
        sink: "journald",
        written: 5,
        dropped: 1,
        failures: 2,
        waiting: 4,
        records_written: 6,
        records_dropped: 0,
        records_waiting: 0,
    };
    board.update(Vitals { counters, open, tables: vec![("flows", 9, 65_536)] }, vec![delivery]);
    board
}

#[test]
fn every_metric_has_help_type_and_value() {
    let text = board().text();
    for family in ALL {
        assert_eq!(text.matches(&format!("# HELP {} ", family.name)).count(), 1, "{text}");
        let kind = if family.kind == MetricKind::Counter { "counter" } else { "gauge" };
        assert_eq!(text.matches(&format!("# TYPE {} {kind}\n", family.name)).count(), 1, "{text}");
        let sample =
            |line: &str| line.strip_prefix(family.name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        assert!(text.lines().any(sample), "{} has no value", family.name);
        assert_eq!(family.name.ends_with("_total"), family.kind == MetricKind::Counter, "{}", family.name);
    }
    let own = |line: &&str| !line.starts_with('#');
    let names: BTreeSet<_> =
        text.lines().filter(own).filter_map(|line| line.split(['{', ' ']).next()).collect();
    assert_eq!(names, ALL.iter().map(|family| family.name).collect());
}

#[test]
fn the_values() {
    let text = board().text();
    for line in [
        "minewarden_build_info{version=\"0.1.0\",object=\"abc\"} 1",
        "minewarden_up 1",
        "minewarden_incidents_open{level=\"confirmed\",role=\"miner\"} 3",
        "minewarden_incidents_open{level=\"likely\",role=\"relay\"} 0",
        "minewarden_incidents_total{level=\"confirmed\"} 2",
        "minewarden_incidents_total{level=\"suspicious\"} 0",
        "minewarden_selftests_total{level=\"confirmed\"} 1",
        "minewarden_notices_total{event=\"incident-ended\"} 1",
        "minewarden_notices_total{event=\"loss\"} 0",
        "minewarden_events_total{kind=\"exec\"} 7",
        "minewarden_lost_total{kind=\"tables.flows\"} 2",
        "minewarden_sweep_duration_seconds 1.5",
        "minewarden_sink_written_total{sink=\"journald\",class=\"record\"} 6",
        "minewarden_sink_dropped_total{sink=\"journald\",class=\"notice\"} 1",
        "minewarden_sink_waiting{sink=\"journald\",class=\"notice\"} 4",
        "minewarden_sink_failures_total{sink=\"journald\"} 2",
        "minewarden_table_entries{table=\"flows\"} 9",
        "minewarden_table_capacity{table=\"flows\"} 65536",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("sweep.millis"));
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap().parse().unwrap()
    };
    assert!(value("minewarden_resident_memory_bytes") > 1e6);
    for name in ["start_time", "tick_timestamp", "heartbeat_timestamp", "selftest_timestamp"] {
        assert!((unix_now() - value(&format!("minewarden_{name}_seconds"))).abs() < 600.0, "{name}");
    }
}

fn ask(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn only_get_metrics_is_answered_and_each_connection_once() {
    let endpoint = Endpoint::start("127.0.0.1:0".parse().unwrap(), Arc::new(board())).unwrap();
    let address = endpoint.address();
    assert!(Endpoint::start(address, Arc::new(board())).is_err(), "taken");
    let good = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(good.starts_with("HTTP/1.1 200 ") && good.contains("\nminewarden_up 1\n"), "{good}");
    assert!(good.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{good}");
    assert!(good.to_lowercase().contains("connection: close"), "{good}");
    assert!(ask(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(address, "POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(ask(address, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    // Those who say nothing hold no one up for longer than the limit.
    let silent: Vec<_> = (0..8).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert!(ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200 "));
    drop(silent);
}

/// Every word that begins as our metrics do.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("minewarden_")).collect()
}

#[test]
fn the_page_lists_every_metric_with_its_kind_and_labels() {
    let section = OUTPUT.split_once("\n## Metrics\n").unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `minewarden_"));
    let rows: Vec<Vec<String>> = rows
        .map(|row| row.split('|').skip(1).take(3).map(|cell| cell.trim().replace('`', "")).collect())
        .collect();
    let expected: Vec<Vec<String>> = ALL
        .iter()
        .map(|family| {
            let kind = if family.kind == MetricKind::Counter { "counter" } else { "gauge" };
            vec![family.name.to_owned(), kind.to_owned(), family.labels.join(", ")]
        })
        .collect();
    assert_eq!(rows, expected);
    let known: BTreeSet<_> = ALL.iter().map(|family| family.name).collect();
    assert!(named(section).is_subset(&known), "{:?}", named(section).difference(&known));
}

#[test]
fn rules_and_dashboard_use_only_metrics_that_exist() {
    let known: BTreeSet<_> = ALL.iter().map(|family| family.name).collect();
    for (file, text, least) in
        [("rules", RULES, 5), ("their tests", RULES_TEST, 5), ("dashboard", DASHBOARD, 12)]
    {
        let named = named(text);
        assert!(named.is_subset(&known), "{file}: {:?}", named.difference(&known));
        assert!(named.len() >= least, "{file} use {named:?}");
    }
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels of one id");
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let position = &panel["gridPos"];
        assert!(position["x"].as_u64().unwrap() + position["w"].as_u64().unwrap() <= 24, "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert!(!named(target["expr"].as_str().unwrap()).is_empty(), "{target}");
        }
    }
    assert!(panels.len() >= 8 && dashboard["schemaVersion"].as_u64() >= Some(36));
}
