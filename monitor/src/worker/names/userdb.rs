//! systemd's user database.
//!
//! Owns its protocol: Varlink, a JSON object that a zero byte ends, over a socket
//! (systemd.io/USER_GROUP_API, systemd.io/USER_RECORD). Must not know the other sources of names.
use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
        socket_with,
    },
};
use serde::Deserialize;

use super::{User, wait};

/// The service that asks all others, NSS among them; then the one of PID 1, which knows `DynamicUser=` and is there
/// also where userdbd is not.
const SERVICES: [&str; 2] = ["io.systemd.Multiplexer", "io.systemd.DynamicUser"];
/// A service may ask a directory server.
const LIMIT: Duration = Duration::from_secs(2);
/// Bytes read of an answer. A record may hold certificates.
const CAP: usize = 256 * 1024;

/// A folder of services, `/run/systemd/userdb`.
pub(super) struct UserDb(PathBuf);

#[derive(Deserialize)]
struct Answer {
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    record: Option<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    user_name: String,
    uid: Option<u32>,
    home_directory: Option<PathBuf>,
}

impl UserDb {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The user, and how many services did not answer in time.
    pub(super) fn of(&self, uid: u32, until: Instant) -> (Option<User>, u32) {
        let mut late = 0;
        for service in SERVICES {
            match ask(&self.0.join(service), service, uid, until.min(Instant::now() + LIMIT)) {
                Ok(Some(user)) => return (Some(user), late),
                Ok(None) => {}
                Err(e) => {
                    late += u32::from(matches!(e.kind(), io::ErrorKind::TimedOut));
                    log::debug!("{service}, uid {uid}: {e}");
                }
            }
        }
        (None, late)
    }
}

fn ask(path: &Path, service: &str, uid: u32, until: Instant) -> io::Result<Option<User>> {
    // Connecting to a socket whose queue is full would block.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let question = serde_json::json!({
        "method": "io.systemd.UserDatabase.GetUserRecord",
        "parameters": {"uid": uid, "service": service},
    });
    write(&socket, format!("{question}\0").as_bytes(), until)?;
    let answer: Answer = serde_json::from_slice(&read(&socket, until)?)?;
    let record = answer.parameters.and_then(|parameters| parameters.record);
    let record = record.filter(|record| record.uid == Some(uid) && !record.user_name.is_empty());
    Ok(record.map(|record| User { name: record.user_name, home: record.home_directory }))
}

fn write(socket: &OwnedFd, mut bytes: &[u8], until: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        wait(socket.as_fd(), PollFlags::OUT, until)?;
        let n = send(socket, bytes, SendFlags::NOSIGNAL)?;
        bytes = bytes.get(n..).unwrap_or_default();
    }
    Ok(())
}

/// The first message, without the zero byte.
fn read(socket: &OwnedFd, until: Instant) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let mut chunk = [0_u8; 4096];
    while message.len() < CAP {
        wait(socket.as_fd(), PollFlags::IN, until)?;
        let (n, _) = recv(socket, &mut chunk, RecvFlags::empty())?;
        let bytes = chunk.get(..n).unwrap_or_default();
        match bytes.iter().position(|byte| *byte == 0) {
            Some(end) => {
                message.extend_from_slice(bytes.get(..end).unwrap_or_default());
                return Ok(message);
            }
            None if bytes.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            None => message.extend_from_slice(bytes),
        }
    }
    Err(io::Error::other(format!("an answer of more than {CAP} bytes")))
}
