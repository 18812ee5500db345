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
    let mut rest = tail(&raw.header, rest)?;
    let filename = string(&mut rest, raw.filename_size)?.map(text).unwrap_or_default();
    let interpreter = string(&mut rest, raw.interpreter_size)?.map_or_else(|| filename.clone(), text);
    let path = string(&mut rest, raw.path_size)?.map(backwards);
    let directory = string(&mut rest, raw.directory_size)?.map(backwards);
    let body = Body::Exec(Box::new(Exec {
        task: task(&raw.task),
        filename,
        interpreter,
        file: FileId { device: u64::from(raw.device), inode: raw.inode },
        links: raw.links,
        size: raw.size,
        changed: changed(&raw),
        path,
        directory,
        command: redact::command_line(rest, raw.argv_size as usize > rest.len()),
    }));
    Ok(event(&raw.header, Some(owner(&raw.task.who, OwnerSource::Own)), body))
}

/// Takes a string of `size` bytes from the front of a record's tail.
fn string<'a>(rest: &mut &'a [u8], size: u16) -> Result<Option<&'a [u8]>, DecodeError> {
    if matches!(size, raw::NO_STRING | raw::LONG_STRING) {
        return Ok(None);
    }
    let need = usize::from(size);
    let (string, behind) = rest.split_at_checked(need).ok_or(DecodeError::Short { need, got: rest.len() })?;
    *rest = behind;
    Ok(Some(string))
}

/// A path from its names, the last one first. A file system's own root, where a file is in no tree of mounts, is called
/// `/` and is no name.
fn backwards(names: &[u8]) -> String {
    let mut path = String::with_capacity(names.len());
    let names = names.strip_suffix(&[0]).unwrap_or(names);
    for name in names.rsplit(|&byte| byte == 0).filter(|name| !matches!(*name, b"" | b"/")) {
        path.push('/');
        path.push_str(&String::from_utf8_lossy(name));
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// ctime in nanoseconds. Kernels since 6.13 keep a mark in the top bit (`I_CTIME_QUERIED` in include/linux/fs.h).
fn changed(raw: &raw::Exec) -> i64 {
    let nanos = i64::from(raw.changed_nanos & 0x7fff_ffff);
    raw.changed.cast_signed().saturating_mul(1_000_000_000).saturating_add(nanos)
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
        user_namespace: raw.user_namespace,
        cgroup_namespace: raw.cgroup_namespace,
        ipc_namespace: raw.ipc_namespace,
        uts_namespace: raw.uts_namespace,
        tty: Some(text(&raw.tty)).filter(|name| !name.is_empty()),
        comm: text(&raw.comm),
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
        let strings = b"./x\0x\0tmp\0tmp\0";
        let argv = b"./x\0-p\0hunter2\0";
        let mut raw = raw_exec(strings.len() + argv.len());
        (raw.filename_size, raw.path_size, raw.directory_size) = (4, 6, 4);
        raw.argv_size = 100;
        raw.task.who.start = 25_000_000;
        raw.task.who.tgid = 9;
        raw.task.loginuid = u32::MAX;
        raw.task.tty[..4].copy_from_slice(b"pts3");
        (raw.changed, raw.changed_nanos) = (3, 1 << 31 | 5);
        let event = decode(&[raw.as_bytes(), strings, argv, b"old bytes"].concat()).unwrap();
        assert_eq!(event.at, BootTime(7));
        assert_eq!(event.owner.unwrap().key, ProcessKey { tgid: 9, start: Ticks(2) });
        let Body::Exec(exec) = event.body else { panic!("{:?}", event.body) };
        assert_eq!((exec.filename.as_str(), exec.interpreter.as_str()), ("./x", "./x"));
        assert_eq!((exec.path.as_deref(), exec.directory.as_deref()), (Some("/tmp/x"), Some("/tmp")));
        assert_eq!((exec.task.loginuid, exec.task.tty.as_deref()), (None, Some("pts3")));
        assert_eq!(exec.changed, 3_000_000_005);
        assert!(exec.command.truncated && exec.command.redacted);
        assert!(!format!("{exec:?}").contains("hunter2"));
    }

    fn raw_exec(tail: usize) -> raw::Exec {
        let mut raw = raw::Exec::new_zeroed();
        raw.header = header(Kind::Exec, tail);
        [raw.filename_size, raw.interpreter_size, raw.path_size, raw.directory_size] = [raw::NO_STRING; 4];
        raw
    }

    #[test]
    fn strings_that_are_not_there_are_none_and_ones_that_run_over_are_an_error() {
        let mut raw = raw_exec(5);
        let Body::Exec(exec) = decode(&[raw.as_bytes(), b"a\0b\0c"].concat()).unwrap().body else { panic!() };
        assert_eq!((exec.filename.as_str(), exec.path, exec.directory), ("", None, None));
        assert_eq!(exec.command.args, ["a", "b", "c"]);
        raw.path_size = 6;
        assert_eq!(
            decode(&[raw.as_bytes(), b"a\0b\0c and more"].concat()),
            Err(DecodeError::Short { need: 6, got: 5 })
        );
    }

    #[test]
    fn a_path_is_turned_round() {
        assert_eq!(backwards(b"sh\0bin\0usr\0"), "/usr/bin/sh");
        assert_eq!(backwards(b"memfd:kworker\0"), "/memfd:kworker");
        assert_eq!(backwards(b"caf\xc3\xa9 \n\xff\0/\0"), "/caf\u{e9} \n\u{fffd}");
        assert_eq!((backwards(b""), backwards(b"/\0")), ("/".to_owned(), "/".to_owned()));
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
