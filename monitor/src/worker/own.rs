//! Whether a process runs the agent's own executable, and which conversations such a process has with itself.
//!
//! Owns both answers: they are what lets the agent tell its own self-test from a miner. The executable is compared by
//! device, inode and digest, never by name. Must not know what a self-test says.
use std::{io, net::SocketAddr, os::fd::OwnedFd, time::Instant};

use procfs_core::{
    ExplicitSystemInfo, FromBufReadSI as _,
    net::{TcpNetEntries, TcpState},
};
use rustix::fs::{CWD, Mode, OFlags, openat};

use super::{digest::Digests, facts::EXE_CAP, file::Status, procfs::ProcDir};
use crate::event::{Ends, ProcFacts};

/// The agent's own executable, whatever its name is by now.
const SELF: &str = "/proc/self/exe";
/// Conversations told of one process.
const TOLD: usize = 8;
/// Sockets of a process that are looked at: a self-test has a handful.
const SOCKETS: usize = 256;
/// Bytes read of /proc/PID/net/tcp, 150 a socket: more than 100,000 sockets.
const TABLE: usize = 16 << 20;

/// Addresses of the table are words of this machine; nothing else of this matters to it.
const ORDER: ExplicitSystemInfo = ExplicitSystemInfo {
    boot_time_secs: 0,
    ticks_per_second: 100,
    page_size: 4096,
    is_little_endian: cfg!(target_endian = "little"),
};

/// The executable that this agent runs.
pub(super) struct Own(Option<OwnedFd>);

impl Own {
    /// Takes hold of it, so that its inode number cannot become another file's.
    pub(super) fn running() -> Self {
        let handle = openat(CWD, SELF, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        Self(handle.inspect_err(|error| log::warn!("{SELF}: {error}; self-tests are not told apart")).ok())
    }

    /// Whether the process with these facts runs it too.
    pub(super) fn is_run_by(&self, facts: &ProcFacts, digests: &Digests, until: Instant) -> bool {
        let Some(own) = &self.0 else { return false };
        let same = facts.exe_file.is_some() && Status::of(own).ok().map(|status| status.id) == facts.exe_file;
        same && facts.exe_sha256.is_some() && digests.of(own, None, EXE_CAP, until) == facts.exe_sha256
    }
}

/// Each established IPv4 conversation over loopback of which the process holds both ends, from either end; as many as
/// are told.
pub(super) fn with_itself(process: &dyn ProcDir) -> io::Result<Vec<Ends>> {
    let mut all = all_with_itself(process)?;
    all.truncate(TOLD);
    Ok(all)
}

fn all_with_itself(process: &dyn ProcDir) -> io::Result<Vec<Ends>> {
    let held = process.sockets(SOCKETS)?;
    let table = process.read("net/tcp", TABLE)?;
    let table = TcpNetEntries::from_buf_read(table.as_slice(), &ORDER).map_err(io::Error::other)?;
    let own: Vec<Ends> = table
        .0
        .iter()
        .filter(|socket| socket.state == TcpState::Established && held.contains(&socket.inode))
        .map(|socket| Ends { local: socket.local_address, remote: socket.remote_address })
        .filter(|ends| is_loopback(ends.local) && is_loopback(ends.remote))
        .collect();
    let other = |ends: &Ends| Ends { local: ends.remote, remote: ends.local };
    Ok(own.iter().filter(|ends| own.contains(&other(ends))).copied().collect())
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpListener, TcpStream},
        time::Duration,
    };

    use super::*;
    use crate::worker::{
        facts,
        procfs::{LiveProcFs, ProcFs as _},
    };

    #[test]
    fn conversations_with_itself_are_told_from_both_ends_and_others_are_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let process = LiveProcFs.open(std::process::id()).unwrap();
        let ends = Ends { local: client.local_addr().unwrap(), remote: client.peer_addr().unwrap() };
        let before = all_with_itself(&*process).unwrap();
        assert!(!before.contains(&ends), "nobody holds the other end before it is accepted");
        let server = listener.accept().unwrap().0;
        let told = all_with_itself(&*process).unwrap();
        let other = Ends { local: ends.remote, remote: ends.local };
        assert!(told.contains(&ends) && told.contains(&other), "{told:?}");
        drop(server);
        assert!(!all_with_itself(&*process).unwrap().contains(&ends));
        assert!(with_itself(&*process).unwrap().len() <= TOLD);
    }

    #[test]
    fn the_own_executable_is_known_by_file_and_content() {
        let (own, digests) = (Own::running(), Digests::default());
        let until = Instant::now() + Duration::from_secs(60);
        let process = LiveProcFs.open(std::process::id()).unwrap();
        let exe = process.exe().unwrap();
        let mut about = ProcFacts {
            exe_file: facts::exe_file(&*process).map(|status| status.id),
            exe_sha256: digests.of(&exe, None, u64::MAX, until),
            ..ProcFacts::default()
        };
        assert!(own.is_run_by(&about, &digests, until));
        about.exe_sha256 = Some("other content".to_owned());
        assert!(!own.is_run_by(&about, &digests, until));
        assert!(!own.is_run_by(&ProcFacts::default(), &digests, until), "nothing is known of it");
        about.exe_sha256 = digests.of(&exe, None, u64::MAX, until);
        about.exe_file = about.exe_file.map(|file| crate::event::FileId { inode: file.inode + 1, ..file });
        assert!(!own.is_run_by(&about, &digests, until), "a copy is another file");
    }
}
