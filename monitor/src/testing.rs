//! Events and findings for tests. Times are whole seconds.
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;

use crate::{
    event::{
        Body, BootTime, CommandLine, Direction, Ends, Event, Exec, FileId, FlowId, Fork, Owner, OwnerSource,
        Payload, Place, ProcFacts, ProcessKey, Task, Ticks,
    },
    finding::{Claim, Finding, Role, Rule, Shares, Subject},
};

/// `seconds` after boot.
pub(crate) fn time(seconds: u64) -> BootTime {
    BootTime(seconds * 1_000_000_000)
}

/// Process `pid`, which started with the boot.
pub(crate) fn key(pid: u32) -> ProcessKey {
    ProcessKey { tgid: pid, start: Ticks(1) }
}

/// Process `pid` under an exec generation.
pub(crate) fn owner(pid: u32, generation: u32) -> Owner {
    Owner { key: key(pid), pid, generation: Some(generation), source: OwnerSource::Connect }
}

/// Ends of flow `flow`: every flow has its own local port; they share the remote 10.0.0.5:3333.
pub(crate) fn ends(flow: u64) -> Ends {
    let port = 40_000 + u16::try_from(flow).unwrap();
    Ends {
        local: SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), port)),
        remote: SocketAddr::from((Ipv4Addr::new(10, 0, 0, 5), 3333)),
    }
}

pub(crate) fn event(seconds: u64, owner: Option<Owner>, body: Body) -> Event {
    Event { at: time(seconds), owner, body }
}

pub(crate) fn tick(seconds: u64) -> Event {
    event(seconds, None, Body::Tick)
}

pub(crate) fn task(comm: &str, parent: u32) -> Task {
    Task {
        parent: key(parent),
        uid: 1000,
        loginuid: Some(1000),
        cgroup: 7,
        comm: comm.to_owned(),
        ..Task::default()
    }
}

/// An exec of `/usr/bin/<arguments[0]>`, a file of its own by that name.
pub(crate) fn exec(seconds: u64, owner: Owner, args: &[&str]) -> Event {
    let name = args.first().copied().unwrap_or_default();
    let path = format!("/usr/bin/{name}");
    let inode = name.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte));
    let exec = Exec {
        task: task(name, 1),
        filename: path.clone(),
        interpreter: path,
        file: FileId { device: 8, inode },
        links: 1,
        command: CommandLine { args: args.iter().map(|&a| a.to_owned()).collect(), ..CommandLine::default() },
        ..Exec::default()
    };
    event(seconds, Some(owner), Body::Exec(Box::new(exec)))
}

pub(crate) fn fork(seconds: u64, child: Owner, parent: u32, comm: &str) -> Event {
    event(seconds, Some(child), Body::Fork(Fork { parent: key(parent), task: task(comm, parent) }))
}

pub(crate) fn exit(seconds: u64, owner: Owner) -> Event {
    event(seconds, Some(owner), Body::Exit { code: 0 })
}

pub(crate) fn connect(seconds: u64, flow: u64, owner: Owner) -> Event {
    event(seconds, Some(owner), Body::Connect { flow: FlowId(flow), ends: ends(flow) })
}

pub(crate) fn close(seconds: u64, flow: u64) -> Event {
    event(seconds, None, Body::Close { flow: FlowId(flow) })
}

pub(crate) fn holders(seconds: u64, flow: u64, holders: &[Owner]) -> Event {
    event(seconds, None, Body::Holders { flow: FlowId(flow), holders: holders.to_vec() })
}

/// A byte of payload.
pub(crate) fn flow_payload(seconds: u64, flow: u64, owner: Option<Owner>) -> Event {
    let payload = Payload {
        flow: FlowId(flow),
        ends: ends(flow),
        direction: Direction::Egress,
        offset: 0,
        bytes: Bytes::from_static(b"x"),
        length: 1,
        restart: false,
    };
    event(seconds, owner, Body::Payload(payload))
}

/// Facts of a process named `name`, in unit `unit`, whose content has the digest `sha256`.
pub(crate) fn proc_facts(name: &str, unit: &str, sha256: &str) -> ProcFacts {
    ProcFacts {
        comm: name.to_owned(),
        exe: Some(format!("/usr/bin/{name}")),
        exe_file: Some(FileId { device: 1, inode: 1 }),
        exe_sha256: Some(sha256.to_owned()),
        uid: Some(1000),
        user: Some("alice".to_owned()),
        loginuid: Some(1000),
        login_user: Some("alice".to_owned()),
        place: Place {
            cgroup: format!("/user.slice/{unit}"),
            unit: Some(unit.to_owned()),
            ..Place::default()
        },
        ancestry: vec![("bash".to_owned(), 20), ("sshd".to_owned(), 10)],
        ..ProcFacts::default()
    }
}

pub(crate) fn facts(seconds: u64, owner: Owner, facts: ProcFacts) -> Event {
    event(seconds, Some(owner), Body::ProcFacts(Box::new(facts)))
}

pub(crate) fn no_facts(seconds: u64, owner: Owner) -> Event {
    facts(seconds, owner, ProcFacts { error: Some("no such process".to_owned()), ..ProcFacts::default() })
}

/// A finding about a flow, without a claim.
pub(crate) fn finding(rule: &'static Rule, flow: u64, role: Role) -> Finding {
    Finding {
        rule,
        subject: Subject::Flow(FlowId(flow)),
        role,
        text: format!("saw {}", rule.name),
        claim: Claim::default(),
        shares: Shares::default(),
        repeats: false,
    }
}
