//! Record bytes to events.
//!
//! Owns the reading of every record layout. Does no I/O; must not know where the bytes came from. Command lines
//! are redacted here, so that nothing behind this point ever holds a secret from argv.
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use bytes::Bytes;
use monitor_ebpf::event::{self as raw, Kind};
use zerocopy::FromBytes;

use crate::{
    event::{
        Body, BootTime, Direction, Ends, Event, Exec, FileId, FlowId, Fork, Owner, OwnerSource, Payload,
        ProcessKey, Task, Ticks,
    },
    redact,
};

/// Why a record is not an event. The agent counts these; they mean that agent and programs do not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Fewer bytes than the layout or its tail needs.
    Short {
        /// Bytes needed.
        need: usize,
        /// Bytes there.
        got: usize,
    },
    /// A kind that this agent does not know.
    Kind(u32),
    /// An address family that is neither IPv4 nor IPv6.
    Family(u16),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { need, got } => write!(f, "record of {got} bytes where {need} are needed"),
            Self::Kind(kind) => write!(f, "record of unknown kind {kind}"),
            Self::Family(family) => write!(f, "record with unknown address family {family}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads one record, of any kind.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(record: &[u8]) -> Result<Event, DecodeError> {
    let (header, _) = head::<raw::Header>(record)?;
    match Kind::from_u32(header.kind).ok_or(DecodeError::Kind(header.kind))? {
        Kind::Exec => exec(record),
        Kind::Fork => fork(record),
        Kind::Exit => exit(record),
        Kind::Connect => connect(record),
        Kind::Payload => payload(record),
        Kind::Close => close(record),
    }
}

fn head<T: FromBytes>(record: &[u8]) -> Result<(T, &[u8]), DecodeError> {
    T::read_from_prefix(record).map_err(|_| DecodeError::Short { need: size_of::<T>(), got: record.len() })
}

fn tail<'a>(header: &raw::Header, rest: &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let need = header.tail as usize;
    rest.get(..need).ok_or(DecodeError::Short { need, got: rest.len() })
}

fn exec(record: &[u8]) -> Result<Event, DecodeError> {
    let (raw, rest) = head::<raw::Exec>(record)?;
    let argv = tail(&raw.header, rest)?;
    let body = Body::Exec(Box::new(Exec {
        task: task(&raw.task),
        filename: text(&raw.filename),
        interpreter: text(&raw.interpreter),
        file: FileId { device: u64::from(raw.device), inode: raw.inode },
        links: raw.links,
        command: redact::command_line(argv, raw.argv_size > raw.header.tail),
        ..Exec::default()
    }));
    Ok(event(&raw.header, Some(owner(&raw.task.who, OwnerSource::Own)), body))
}

fn fork(record: &[u8]) -> Result<Event, DecodeError> {
    let (raw, _) = head::<raw::Fork>(record)?;
    let body = Body::Fork(Fork { parent: key(&raw.parent), task: task(&raw.task) });
    Ok(event(&raw.header, Some(owner(&raw.task.who, OwnerSource::Own)), body))
}

fn exit(record: &[u8]) -> Result<Event, DecodeError> {
    let (raw, _) = head::<raw::Exit>(record)?;
    let body = Body::Exit { code: raw.code.cast_signed() };
    Ok(event(&raw.header, Some(owner(&raw.who, OwnerSource::Own)), body))
}

fn connect(record: &[u8]) -> Result<Event, DecodeError> {
    let (raw, _) = head::<raw::Connect>(record)?;
    let body = Body::Connect { flow: FlowId(raw.cookie), ends: ends(&raw.ends)? };
    Ok(event(&raw.header, flow_owner(&raw.owner), body))
}

fn payload(record: &[u8]) -> Result<Event, DecodeError> {
    let (raw, rest) = head::<raw::Payload>(record)?;
    let body = Body::Payload(Payload {
        flow: FlowId(raw.cookie),
        ends: ends(&raw.ends)?,
        direction: if raw.direction == raw::EGRESS { Direction::Egress } else { Direction::Ingress },
        offset: raw.offset,
        bytes: Bytes::copy_from_slice(tail(&raw.header, rest)?),
        length: raw.length,
        restart: raw.restart != 0,
    });
    Ok(event(&raw.header, flow_owner(&raw.owner), body))
}

fn close(record: &[u8]) -> Result<Event, DecodeError> {
    let (raw, _) = head::<raw::Close>(record)?;
    Ok(event(&raw.header, None, Body::Close { flow: FlowId(raw.cookie) }))
}

const fn event(header: &raw::Header, owner: Option<Owner>, body: Body) -> Event {
    Event { at: BootTime(header.at), owner, body }
}

const fn key(who: &raw::Identity) -> ProcessKey {
    ProcessKey { tgid: who.tgid, start: Ticks::from_nanos(who.start) }
}

/// The process that a record names.
pub(crate) const fn owner(who: &raw::Identity, source: OwnerSource) -> Owner {
    Owner { key: key(who), pid: who.pid, generation: Some(who.generation), source }
}

fn flow_owner(raw: &raw::Owner) -> Option<Owner> {
    match raw.source {
        raw::OWNER_CONNECT => Some(owner(&raw.who, OwnerSource::Connect)),
        raw::OWNER_FD_TABLE => Some(owner(&raw.who, OwnerSource::FdTable)),
        _ => None,
    }
}

fn task(raw: &raw::Task) -> Task {
    let set = |id: u32| (id != u32::MAX).then_some(id);
    Task {
        parent: key(&raw.parent),
        uid: raw.uid,
        euid: raw.euid,
        gid: raw.gid,
        loginuid: set(raw.loginuid),
        session: set(raw.session),
        cgroup: raw.cgroup,
        pid_namespace: raw.pid_namespace,
        net_namespace: raw.net_namespace,
        mount_namespace: raw.mount_namespace,
        comm: text(&raw.comm),
        ..Task::default()
    }
}

/// Up to the first NUL, as lossy UTF-8.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or(bytes)).into_owned()
}

/// The ends that a record names.
pub(crate) fn ends(raw: &raw::Ends) -> Result<Ends, DecodeError> {
    Ok(Ends {
        local: SocketAddr::new(address(raw.family, raw.local)?, raw.local_port),
        remote: SocketAddr::new(address(raw.family, raw.remote)?, raw.remote_port),
    })
}

/// IPv4-mapped addresses become IPv4: the packets are.
fn address(family: u16, bytes: [u8; 16]) -> Result<IpAddr, DecodeError> {
    match family {
        raw::FAMILY_V4 => {
            let [a, b, c, d, ..] = bytes;
            Ok(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        raw::FAMILY_V6 => Ok(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()),
        other => Err(DecodeError::Family(other)),
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::*;

    fn header(kind: Kind, tail: usize) -> raw::Header {
        raw::Header { at: 7, kind: kind as u32, tail: u32::try_from(tail).unwrap() }
    }

    #[test]
    fn an_exec_keeps_its_arguments_and_loses_its_secret() {
        let argv = b"/tmp/x\0-p\0hunter2\0";
        let mut raw = raw::Exec::new_zeroed();
        raw.header = header(Kind::Exec, argv.len());
        raw.argv_size = 100;
        raw.task.who.start = 25_000_000;
        raw.task.who.tgid = 9;
        raw.task.loginuid = u32::MAX;
        raw.filename[..6].copy_from_slice(b"/tmp/x");
        let record = [raw.as_bytes(), argv, b"old bytes"].concat();
        let event = decode(&record).unwrap();
        assert_eq!(event.at, BootTime(7));
        assert_eq!(event.owner.unwrap().key, ProcessKey { tgid: 9, start: Ticks(2) });
        let Body::Exec(exec) = event.body else { panic!("{:?}", event.body) };
        assert_eq!(exec.filename, "/tmp/x");
        assert_eq!(exec.task.loginuid, None);
        assert!(exec.command.truncated && exec.command.redacted);
        assert!(!format!("{exec:?}").contains("hunter2"));
    }

    #[test]
    fn payload_has_ends_and_only_the_valid_bytes() {
        let mut raw = raw::Payload { header: header(Kind::Payload, 3), ..raw::Payload::default() };
        raw.ends.family = raw::FAMILY_V6;
        raw.ends.remote[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
        raw.ends.remote_port = 3333;
        raw.direction = raw::INGRESS;
        raw.length = 5;
        let event = decode(&[raw.as_bytes(), b"abcdef"].concat()).unwrap();
        assert_eq!(event.owner, None);
        let Body::Payload(payload) = event.body else { panic!("{:?}", event.body) };
        assert_eq!(payload.ends.remote, "10.0.0.1:3333".parse().unwrap());
        assert_eq!((payload.bytes.as_ref(), payload.length), (b"abc".as_slice(), 5));
        assert_eq!(payload.direction, Direction::Ingress);
    }

    #[test]
    fn damaged_records_are_errors() {
        assert_eq!(decode(b"x"), Err(DecodeError::Short { need: 16, got: 1 }));
        let unknown = raw::Header { at: 0, kind: 99, tail: 0 };
        assert_eq!(decode(unknown.as_bytes()), Err(DecodeError::Kind(99)));
        let mut raw = raw::Payload { header: header(Kind::Payload, 4), ..raw::Payload::default() };
        assert_eq!(decode(raw.as_bytes()), Err(DecodeError::Family(0)));
        raw.ends.family = raw::FAMILY_V4;
        assert_eq!(decode(raw.as_bytes()), Err(DecodeError::Short { need: 4, got: 0 }));
    }
}
