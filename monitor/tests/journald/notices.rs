//! Notices to write: one with every fact, of a real process, and one whose texts are hostile.
use std::{process::id, time::Duration};

use monitor::{
    detect::{ARGV_STRATUM_URL, STRATUM_SESSION},
    event::{BootTime, CommandLine, Container, Ends, FileId, Owner, OwnerSource, Place, ProcessKey, Ticks},
    finding::{Claim, Role, Shares},
    notice::{ExeState, IncidentView, Kind, Level, Notice},
};

const SINCE: i128 = 1_779_300_000_000_000_000;

/// A confirmed incident whose process is this test, each text made by `text` from what it stands for.
fn notice(text: impl Fn(&str) -> String) -> Notice {
    let some = |plain: &str| Some(text(plain));
    let key = ProcessKey { tgid: id(), start: Ticks(1) };
    let view = IncidentView {
        self_test: false,
        id: "00c0ffee00c0ffee".into(),
        level: Level::Confirmed,
        score: 100,
        role: Role::Relay,
        evidence: vec![
            (&STRATUM_SESSION, text("login answered with a job")),
            (&ARGV_STRATUM_URL, text("argument 2")),
        ],
        process: Some(key),
        owner: Some(Owner { key, pid: id(), generation: None, source: OwnerSource::Connect }),
        processes: 3,
        exe: some("/tmp/kworker"),
        exe_state: Some(ExeState::Memfd),
        exe_file: Some(FileId { device: 8 << 20 | 1, inode: 131 }),
        sha256: Some("ab".repeat(32)),
        script: some("/srv/m.py"),
        script_sha256: Some("cd".repeat(32)),
        command: CommandLine { args: vec![text("./kworker"), text("-o"), text("a b")], ..Default::default() },
        comm: some("kworker"),
        ancestry: some("kworker[2] < bash[1]"),
        uid: Some(1000),
        user: some("alice"),
        loginuid: Some(1001),
        login_user: some("bob"),
        session: Some(3),
        tty: some("pts3"),
        started_unix_nanos: Some(SINCE - 1),
        place: Place {
            cgroup: text("/system.slice/web.service"),
            unit: some("web.service"),
            session: some("3"),
            slice: some("system.slice"),
            container: some("0123456789ab"),
            pod: some("0b5a5cde-4a0b-4d5c-8c0c-0d8f0f6f3c11"),
            job: some("slurm:4242"),
        },
        container: Some(Container {
            engine: text("docker"),
            name: some("web1"),
            image: some("nginx:1.25"),
            pod: some("web-7d9c"),
            namespace: some("shop"),
        }),
        ends: Some(Ends {
            local: "[::1]:50000".parse().unwrap(),
            remote: "[2001:db8::7]:3333".parse().unwrap(),
        }),
        claim: Claim {
            dialect: some("cryptonote"),
            wallet: some("48wallet"),
            worker: some("rig1"),
            agent: some("XMRig/6.21.0"),
            algorithm: some("rx/0"),
            coin: some("monero"),
            coin_inferred: false,
            pool: some("pool.example:3333"),
            difficulty: some("10000"),
        },
        shares: Shares { accepted: 42, rejected: 1 },
        since: BootTime(1),
        since_unix_nanos: SINCE,
        duration: Duration::from_millis(12_345),
    };
    Notice {
        id: "whole".into(),
        at: BootTime(2),
        unix_nanos: SINCE + 1,
        kind: Kind::IncidentOpened,
        message: text("kworker[2] mines"),
        incident: Some(Box::new(view)),
        counters: None,
    }
}

/// With every fact.
pub(crate) fn whole() -> Notice {
    notice(str::to_owned)
}

/// The one with this number, in any order of writing.
pub(crate) fn numbered(number: usize, kind: Kind) -> Notice {
    Notice { id: number.to_string(), kind, ..whole() }
}

/// Every text tries to end its field, to begin others, to drive a terminal, to hide, and to be too long; some of
/// its bytes were not UTF-8.
pub(crate) fn hostile() -> Notice {
    let bytes =
        b"\xff\xfe\0\x1b]0;owned\x07\x1b[2J\nMINEWARDEN_LEVEL=none\nMESSAGE\n\x01\0\0\0\0\0\0\0x\n\r\x7f";
    let text = format!("{}\u{9b}2J\u{202e}\u{2028}\u{feff}", String::from_utf8_lossy(bytes));
    notice(|plain| format!("{plain}{}", text.repeat(300)))
}
