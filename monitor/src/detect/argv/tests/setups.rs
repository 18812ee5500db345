//! Whose files and environment are asked for, how fast, and what the answer says.
use super::*;
use crate::{
    event::{Setup, SetupFile},
    outcome::Request,
};

fn asked(events: &[Event]) -> Vec<(u32, Vec<String>)> {
    let mut argv = Argv::new(64);
    let mut tables = Tables::new(512, 64);
    let mut out = Report::default();
    for event in events {
        tables.observe(event);
        argv.inspect(event, &tables, &mut out);
    }
    let question = |request| match request {
        Request::ReadSetup { owner, files } => (owner.pid, files),
        other => panic!("{other:?}"),
    };
    out.requests.into_iter().map(question).collect()
}

fn files(path: &str, line: &str) -> Vec<String> {
    let asked = asked(&[exec_of(0, MINER, path, line), tick(1)]);
    asked.into_iter().next().map(|(_, files)| files).unwrap_or_default()
}

#[test]
fn files_that_a_command_line_names_are_asked_for() {
    for (path, line, want) in [
        ("/usr/bin/xmrig", "xmrig|-c|/etc/x.json", &["/etc/x.json"][..]),
        ("/usr/bin/xmrig", "xmrig|--config=x.json", &["x.json"]),
        ("/usr/bin/xmrig", "xmrig|--config|x", &[]),
        ("/usr/bin/xmrig", "xmrig|-c=./x", &["./x"]),
        ("/opt/x/x", "x|pools.txt|a.json|a.json|b.png", &["pools.txt", "a.json"]),
        (
            "/usr/local/bin/x",
            "x|1.json|2.json|3.json|4.json|5.json",
            &["1.json", "2.json", "3.json", "4.json"],
        ),
        ("/usr/bin/python3", "python3|/srv/miner.py|config.json", &["config.json"]),
        // What packages bring shows, edits and keeps the files of others.
        ("/usr/bin/kwrite-qt6", "kwrite-qt6|/opt/xmrig/config.json", &[]),
        ("/usr/bin/python3", "python3|/usr/bin/viewer|/opt/xmrig/config.json", &[]),
        ("/usr/bin/sumd", "sumd|/opt/xmrig/config.json|pools.txt", &[]),
        ("/usr/bin/node", "node|app.js|--config|app.json", &["app.json"]),
        ("/usr/bin/python3", "python3|-c|import a.b", &[]),
        ("/usr/bin/vim.basic", "vim|config.json", &[]),
        ("/usr/bin/jq", "jq|.|https://example.org/a.json", &[]),
        ("/tmp/m/x", "x", &["/tmp/m/config.json", "/tmp/m/config.ini", "/tmp/m/pools.txt"]),
        ("/tmp/m/x", "x|-c|own.json", &["own.json"]),
        ("/tmp/m/x", "x|-o|stratum+tcp://pool:1", &[]),
        ("/memfd:x", "x", &[]),
        ("/usr/sbin/x", "x", &[]),
    ] {
        assert_eq!(files(path, line), want, "{line}");
    }
}

#[test]
fn each_program_is_asked_about_once() {
    let line = "x|-c|a.json";
    let one = [exec_of(0, MINER, "/usr/bin/x", line), tick(1), tick(2), tick(10), tick(11), tick(60)];
    assert_eq!(asked(&one).len(), 1);
    let next = exec_of(20, owner(100, 2), "/usr/bin/x", line);
    assert_eq!(asked(&[&one[..], &[next, tick(21), tick(40)]].concat()).len(), 2);
}

#[test]
fn the_environment_of_what_stays_is_asked_for_at_a_bounded_rate() {
    let plain = [exec_of(0, MINER, "/usr/bin/x", "x"), tick(1), tick(9), tick(10), tick(20)];
    assert_eq!(asked(&plain), [(100, Vec::new())]);
    assert_eq!(asked(&[plain[0].clone(), exit(5, MINER), tick(10), tick(20)]), []);
    assert_eq!(
        asked(&[exec_of(0, MINER, "/usr/bin/bash", "bash"), tick(1), tick(10)]),
        [],
        "a shell's is no sign"
    );
    let many: Vec<_> = (0..60).map(|pid| exec_of(0, owner(pid, 1), "/usr/bin/x", "x")).collect();
    let pace: Vec<_> = (10..15)
        .map(|end| asked(&[&many[..], &(1..=end).map(tick).collect::<Vec<_>>()].concat()).len())
        .collect();
    assert_eq!(pace, [16, 32, 48, 60, 60]);
    let files: Vec<_> = (0..60).map(|pid| exec_of(0, owner(pid, 1), "/usr/bin/x", "x|-c|a.json")).collect();
    assert_eq!(asked(&[&files[..], &[tick(1)]].concat()).len(), 32);
}

#[test]
fn what_finds_no_room_to_be_asked_is_counted() {
    let many: Vec<_> = (0..40).map(|pid| exec_of(0, owner(pid, 1), "/usr/bin/x", "x|-c|a.json")).collect();
    let (_, argv) = run(16, &[&many[..], &[tick(1)]].concat());
    assert_eq!(argv.evicted(), 24, "of 40, 16 are watched, and all of those may be asked about");
}

/// A configuration and an environment that tell of a miner.
fn answer(seconds: u64, owner: Owner) -> Event {
    let told = |mark: &str| Told {
        marks: vec![mark.to_owned()],
        pool: Some("pool.example:3333".to_owned()),
        wallet: Some(XMR.to_owned()),
        coin: Some("monero".to_owned()),
        ..Told::default()
    };
    let file = |path: &str, told| SetupFile { path: path.to_owned(), error: None, told };
    let setup = Setup {
        error: None,
        files: vec![
            file("a.json", Told::default()),
            file("b.json", told("donate-level")),
            file("c.json", told("x")),
        ],
        environment: told("variable POOL is the pool pool.example:3333"),
    };
    event(seconds, Some(owner), Body::Setup(Box::new(setup)))
}

#[test]
fn an_answer_counts_when_the_process_stays() {
    let start = exec_of(0, MINER, "/usr/bin/x", "x|-c|b.json");
    let events = [start.clone(), tick(1), answer(1, MINER), tick(9)];
    assert_eq!(found(&events), []);
    let findings = found(&[&events[..], &[tick(10)]].concat());
    let texts: Vec<_> = findings.iter().map(|finding| (finding.rule.name, finding.text.as_str())).collect();
    assert_eq!(
        texts,
        [
            ("argv.config", "b.json has donate-level"),
            ("argv.environment", "environment: variable POOL is the pool pool.example:3333")
        ]
    );
    let claim = &findings[0].claim;
    assert_eq!((claim.pool.as_deref(), claim.coin.as_deref()), (Some("pool.example:3333"), Some("monero")));
    assert_eq!(found(&[start.clone(), tick(1), tick(10), answer(12, MINER)]).len(), 2, "a late answer");
    assert_eq!(found(&[start.clone(), tick(1), answer(1, MINER), exit(2, MINER), tick(10)]), []);
    let next = exec_of(2, owner(100, 2), "/usr/bin/x", "x");
    assert_eq!(found(&[start, tick(1), next, answer(3, MINER), tick(20)]), [], "of an older program");
}

#[test]
fn an_answer_without_signs_is_nothing() {
    let setup = Setup { error: Some("gone".to_owned()), ..Setup::default() };
    let failed = event(12, Some(MINER), Body::Setup(Box::new(setup)));
    assert_eq!(found(&[exec_of(0, MINER, "/usr/bin/x", "x|a.json"), tick(1), tick(10), failed]), []);
}
