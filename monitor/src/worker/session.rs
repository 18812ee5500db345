//! logind's own record of a login session.
//!
//! Owns the parts of `/run/systemd/sessions/ID` (systemd, src/login/logind-session.c) that are used, and when they are
//! believed. Must not know whose process asked.
use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::file;
use crate::event::Place;

/// Bytes read of a record.
const CAP: u64 = 16 * 1024;

/// Where logind keeps its records.
pub(super) struct Sessions(PathBuf);

/// Who logged in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) uid: u32,
    pub(super) user: Option<String>,
}

impl Sessions {
    /// Of the host whose files are below `root`.
    pub(super) fn of_host(root: &Path) -> Self {
        Self(root.join("run/systemd/sessions"))
    }

    /// Who logged in to the session that a place is in: for hosts whose audit keeps no login uid. A user can call a
    /// cgroup `session-1.scope`, so only one where logind puts it counts, and only of the user that the path names.
    pub(super) fn login(&self, place: &Place) -> Option<Login> {
        let rest = place.cgroup.strip_prefix("/user.slice/user-")?;
        let (uid, scope) = rest.split_once(".slice/session-")?;
        let id = scope.split('/').next()?.strip_suffix(".scope")?;
        let valid = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let login = valid.then(|| read(&self.0.join(id)))??;
        (login.uid.to_string() == uid).then_some(login)
    }
}

fn read(path: &Path) -> Option<Login> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = openat(CWD, path, flags, Mode::empty()).ok()?;
    let mut content = Vec::new();
    file::open(&handle, None).ok()?.take(CAP).read_to_end(&mut content).ok()?;
    parse(&String::from_utf8_lossy(&content))
}

fn parse(record: &str) -> Option<Login> {
    let value = |key: &str| record.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let user = value("USER").filter(|user| !user.is_empty()).map(str::to_owned);
    Some(Login { uid: value("UID")?.parse().ok()?, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As logind of systemd 252 writes it.
    const RECORD: &str = "# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\n\
        REMOTE=1\nTYPE=tty\nCLASS=user\nSCOPE=session-c3.scope\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nLEADER=900\n";

    #[test]
    fn only_a_session_that_logind_made_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("c3"), RECORD).unwrap();
        let sessions = Sessions(folder.path().to_owned());
        let login = |cgroup: &str| sessions.login(&Place { cgroup: cgroup.to_owned(), ..Place::default() });
        let alice = Some(Login { uid: 1000, user: Some("alice".to_owned()) });
        assert_eq!(login("/user.slice/user-1000.slice/session-c3.scope"), alice);
        assert_eq!(login("/user.slice/user-1000.slice/session-c3.scope/deeper"), alice);
        for other in [
            "/user.slice/user-1001.slice/session-c3.scope",
            "/user.slice/user-1001.slice/user@1001.service/user-1000.slice/session-c3.scope",
            "/user.slice/user-1000.slice/session-c4.scope",
            "/user.slice/user-1000.slice/session-..%2fc3.scope",
            "/user.slice/user-1000.slice/session-.scope",
            "/system.slice/ssh.service",
        ] {
            assert_eq!(login(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_record_says_nothing() {
        for bad in ["", "USER=x\n", "UID=\n", "UID=-1\n", "UID=x\nUSER=y", "\0\u{fffd}=\n"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        rustix::fs::mknodat(CWD, folder.path().join("f"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        std::os::unix::fs::symlink("/proc/self/environ", folder.path().join("l")).unwrap();
        assert_eq!((read(&folder.path().join("f")), read(&folder.path().join("l"))), (None, None));
    }
}
