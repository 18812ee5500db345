//! Notices for the unit tests of the sinks: one with every fact, one whose every text is hostile.
use std::time::Duration;

use crate::{
    detect::{ARGV_STRATUM_URL, STRATUM_SESSION},
    event::{
        BootTime, CommandLine, Container, Counters, Ends, FileId, Owner, OwnerSource, Place, ProcessKey,
        Ticks,
    },
    finding::{Claim, Role, Shares},
    notice::{ExeState, IncidentView, Kind, Level, Notice},
    record::{Actor, Deed, Executed, Record},
};

/// 2026-05-20T18:00:00Z.
const SINCE: i128 = 1_779_300_000_000_000_000;

/// A confirmed incident with every field of [`IncidentView`] set.
pub(crate) fn incident() -> Notice {
    let some = |text: &str| Some(text.to_owned());
    let key = ProcessKey { tgid: 77, start: Ticks(9_000) };
    let args = ["./kworker", "-o", "stratum+tcp://pool.example:3333", "--user-agent=a b", "", "it's"];
    let view = IncidentView {
        id: "00c0ffee00c0ffee".into(),
        self_test: false,
        level: Level::Confirmed,
        score: 100,
        role: Role::Miner,
        evidence: vec![
            (&STRATUM_SESSION, "login answered with a job".into()),
            (&ARGV_STRATUM_URL, "argument 2".into()),
        ],
        process: Some(key),
        owner: Some(Owner { key, pid: 4242, generation: Some(2), source: OwnerSource::Connect }),
        processes: 3,
        exe: some("/tmp/.x/kworker"),
        exe_state: Some(ExeState::Deleted),
        exe_file: Some(FileId { device: 253 << 20 | 1, inode: 131 }),
        sha256: some(&"ab".repeat(32)),
        script: some("/srv/m.py"),
        script_sha256: some(&"cd".repeat(32)),
        command: CommandLine { args: args.map(str::to_owned).to_vec(), truncated: true, redacted: false },
        comm: some("kworker"),
        ancestry: some("kworker[4242] < bash[4000] < sshd[900]"),
        uid: Some(1000),
        user: some("alice"),
        loginuid: Some(1001),
        login_user: some("bob"),
        session: Some(3),
        tty: some("pts3"),
        started_unix_nanos: Some(SINCE - 60_000_000_000),
        place: Place {
            cgroup: "/system.slice/web.service".into(),
            unit: some("web.service"),
            session: some("3"),
            slice: some("system.slice"),
            container: some(&"0123".repeat(16)),
            pod: some("0b5a5cde-4a0b-4d5c-8c0c-0d8f0f6f3c11"),
            job: some("slurm:4242"),
        },
        container: Some(Container {
            engine: "docker".into(),
            name: some("web1"),
            image: some("nginx:1.25"),
            pod: some("web-7d9c"),
            namespace: some("shop"),
        }),
        ends: Some(Ends {
            local: "[2001:db8::1]:50000".parse().unwrap(),
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
        since: BootTime(90_000_000_000),
        since_unix_nanos: SINCE,
        duration: Duration::from_millis(12_345),
    };
    Notice {
        id: "boot-1".into(),
        at: BootTime(102_345_678_000),
        unix_nanos: SINCE + 12_345_678_000,
        kind: Kind::IncidentOpened,
        message: "kworker[4242] of alice mines with [2001:db8::7]:3333".into(),
        incident: Some(Box::new(view)),
        counters: None,
    }
}

/// The agent's own notice of this kind.
pub(crate) fn agent(kind: Kind, counters: Counters) -> Notice {
    let message = format!("this is a {}", kind.name());
    Notice { id: "boot-2".into(), kind, message, incident: None, counters: Some(counters), ..incident() }
}

/// As [`incident`], but every text that a process can choose tries to clear the screen, to begin a new line and
/// field, and is too long.
pub(crate) fn hostile() -> Notice {
    let text = || "\x1b[2J\nMINEWARDEN_LEVEL=none\r\u{9b}1m\u{202e}\0".repeat(1_000);
    let mut notice = incident();
    notice.message = text();
    let Some(view) = notice.incident.as_deref_mut() else { return notice };
    for (_, seen) in &mut view.evidence {
        *seen = text();
    }
    view.command.args = vec![text(); 3];
    let Claim { dialect, wallet, worker, agent, algorithm, coin, coin_inferred: _, pool, difficulty } =
        &mut view.claim;
    let claim = [dialect, wallet, worker, agent, algorithm, coin, pool, difficulty];
    let process = [&mut view.exe, &mut view.comm, &mut view.ancestry, &mut view.user, &mut view.login_user];
    let more = [&mut view.script, &mut view.tty];
    let Place { unit, slice, container, pod, job, session: _, cgroup } = &mut view.place;
    let place = [unit, slice, container, pod, job];
    for slot in claim.into_iter().chain(process).chain(more).chain(place) {
        *slot = Some(text());
    }
    *cgroup = text();
    let of_engine = || Some(text());
    view.container = Some(Container {
        engine: text(),
        name: of_engine(),
        image: of_engine(),
        pod: of_engine(),
        namespace: of_engine(),
    });
    notice
}

/// The record of an exec with every field set.
pub(crate) fn execution() -> Record {
    let some = |text: &str| Some(text.to_owned());
    let view = incident().incident.unwrap_or_else(|| unreachable!("the sample has one"));
    Record {
        id: "boot-3".into(),
        unix_nanos: SINCE,
        actor: Actor {
            pid: 4121,
            parent: Some(4100),
            comm: some("m.py"),
            exe: some("/usr/bin/python3.11"),
            exe_state: Some(ExeState::Deleted),
            exe_file: view.exe_file,
            ancestry: some("m.py[4121] < bash[4100] < sshd[900]"),
            started_unix_nanos: SINCE - 60_000_000_000,
            uid: Some(1000),
            euid: Some(0),
            gid: Some(100),
            user: some("alice"),
            loginuid: Some(1001),
            login_user: some("bob"),
            session: Some(3),
            tty: some("pts3"),
            place: Some(view.place),
            cgroup_id: Some(7),
            namespaces: vec![("net", 4_026_531_840), ("pid", 4_026_531_836)],
        },
        deed: Deed::Exec(Box::new(Executed {
            filename: "./m.py".into(),
            directory: some("/srv"),
            interpreter: some("/usr/bin/python3"),
            links: 1,
            command: CommandLine {
                args: ["./m.py", "-o", "pool"].map(str::to_owned).to_vec(),
                truncated: true,
                redacted: true,
            },
        })),
    }
}

/// The record of a connection of the same process.
pub(crate) fn connection() -> Record {
    let ends =
        Ends { local: "[2001:db8::1]:50000".parse().unwrap(), remote: "[2001:db8::7]:3333".parse().unwrap() };
    Record { id: "boot-4".into(), deed: Deed::Connect(ends), ..execution() }
}

/// As [`execution`], with texts as those of [`hostile`].
pub(crate) fn hostile_record() -> Record {
    let text = hostile().message;
    let mut record = execution();
    let Actor { comm, exe, ancestry, user, login_user, tty, .. } = &mut record.actor;
    for slot in [comm, exe, ancestry, user, login_user, tty] {
        *slot = Some(text.clone());
    }
    record.actor.place = Some(Place { cgroup: text.clone(), ..Place::default() });
    if let Deed::Exec(exec) = &mut record.deed {
        exec.filename.clone_from(&text);
        exec.directory = Some(text.clone());
        exec.interpreter = Some(text.clone());
        exec.command.args = vec![text; 3];
    }
    record
}
