//! What this host offers, and what is lost where it offers less.
//!
//! Owns the checks that `doctor` prints and that `run` makes before it starts. Must not know how a hook is
//! loaded, nor how a table is printed. Looks only: nothing on the host is changed.
use std::{
    fs::read_link,
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::config::{Config, Scope};

pub mod cgroup;
pub mod files;
pub mod kernel;
pub mod privilege;
pub mod watch;

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There.
    Ok,
    /// Not there; `run` works with less.
    Degraded,
    /// Not there, and `run` needs it.
    Missing,
}

/// One thing that the agent wants of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name, a word or two.
    pub what: &'static str,
    /// Whether it is there.
    pub state: State,
    /// What was found, a clause.
    pub found: String,
    /// What is lost, a clause; empty when nothing is.
    pub lost: String,
    /// What to do about it; empty when nothing is lost.
    pub remedy: String,
}

impl Row {
    /// All is well.
    #[must_use]
    pub fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Ok, found: found.into(), lost: String::new(), remedy: String::new() }
    }

    /// Less than wanted.
    #[must_use]
    pub fn less(
        state: State,
        what: &'static str,
        found: impl Into<String>,
        lost: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { what, state, found: found.into(), lost: lost.into(), remedy: remedy.into() }
    }
}

/// Every check but the hooks', in the order that they are to be printed.
#[must_use]
pub fn look(config: &Config) -> Vec<Row> {
    let mut rows = vec![
        kernel::release(),
        kernel::btf(Path::new(kernel::BTF_PATH)),
        kernel::lockdown(),
        privilege::capabilities(),
    ];
    rows.extend(privilege::namespaces(&config.watch.cgroup));
    rows.extend([
        cgroup2(cgroup::cgroup2_root(), &config.watch.cgroup),
        watch::row(&config.watch.cgroup),
        journald(&config.journal.socket),
    ]);
    rows.extend(records(config));
    rows.push(systemd());
    rows
}

/// Who watches a part of the host needs no root of the whole; the row `watched` is about that part.
fn cgroup2(root: anyhow::Result<cgroup::Root>, watched: &Scope) -> Row {
    match root {
        Ok(root) if root.whole => {
            Row::ok("cgroup2", format!("real root, inode {}, by {}", root.inode, root.how))
        }
        Ok(root) if *watched != Scope::Host => {
            Row::ok("cgroup2", format!("the root of a private cgroup namespace, by {}", root.how))
        }
        Ok(root) => Row::less(
            State::Degraded,
            "cgroup2",
            format!("only the root of a private cgroup namespace (inode {}), by {}", root.inode, root.how),
            "connections of processes outside of this cgroup namespace",
            "run on the host or with the host's cgroup namespace (--cgroupns=host), mount the host's /sys/fs/cgroup \
             anywhere, or grant CAP_DAC_READ_SEARCH; in a guest that is to answer for itself alone, set [watch] \
             cgroup = \"own\"",
        ),
        Err(error) => Row::less(
            State::Missing,
            "cgroup2",
            format!("{error:#}"),
            "every connection, so all Stratum traffic",
            "mount cgroup2: mount -t cgroup2 none /sys/fs/cgroup/unified",
        ),
    }
}

/// Whether somebody reads journald's socket.
///
/// # Errors
/// Why not: no such file, nobody listens, or it is no datagram socket.
pub fn journald_listens(socket: &Path) -> io::Result<()> {
    UnixDatagram::unbound()?.connect(socket)
}

fn journald(socket: &Path) -> Row {
    match journald_listens(socket) {
        Ok(()) => Row::ok("journald", socket.display().to_string()),
        Err(error) => Row::less(
            State::Degraded,
            "journald",
            format!("{}: {error}", socket.display()),
            "journal entries; readable lines go to stdout instead",
            "start systemd-journald, or choose a sink with --sink",
        ),
    }
}

/// Where records go, when there are any to be written.
fn records(config: &Config) -> Option<Row> {
    let journal = &config.journal;
    let socket = journal.record_socket().filter(|_| !journal.record.is_empty())?;
    let name = &journal.record_namespace;
    Some(match journald_listens(&socket) {
        Ok(()) => {
            Row::ok("records", format!("{}; journalctl --namespace={name} shows them", socket.display()))
        }
        Err(error) => Row::less(
            State::Degraded,
            "records",
            format!("{}: {error}", socket.display()),
            "room of incidents: records go to the main journal",
            format!(
                "systemctl start systemd-journald@{name}.socket (the unit does so for the namespace minewarden), \
                 or set [journal] record_namespace = \"\""
            ),
        ),
    })
}

/// The same test as sd_booted(3).
fn systemd() -> Row {
    let directory = PathBuf::from("/run/systemd/system");
    if directory.is_dir() {
        return Row::ok("systemd", "is the init system");
    }
    let init = read_link("/proc/1/exe").map_or_else(|_| String::new(), |exe| format!(": {}", exe.display()));
    Row::less(
        State::Degraded,
        "systemd",
        format!("not the init system{init}"),
        "unit and session names; incidents are told apart by cgroup path",
        "nothing, if this host is meant to be so",
    )
}

#[cfg(test)]
mod tests {
    use super::{Scope, State, cgroup2, journald, records};
    use crate::config::{Config, RecordName};

    #[test]
    fn the_namespace_of_records_counts_only_where_there_are_any() {
        let mut config = Config::default();
        config.journal.record_namespace = "minewarden-absent".to_owned();
        assert_eq!(records(&config), None);
        config.journal.record = vec![RecordName::Exec];
        let row = records(&config).unwrap();
        assert_eq!(row.state, State::Degraded);
        assert!(row.found.starts_with("/run/systemd/journal.minewarden-absent/socket: "), "{row:?}");
        assert!(row.remedy.starts_with("systemctl start systemd-journald@minewarden-absent.socket "));
        config.journal.record_namespace.clear();
        assert_eq!(records(&config), None);
    }

    #[test]
    fn a_journald_socket_counts_only_while_somebody_listens() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        assert_eq!(journald(&path).state, State::Degraded);
        let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        assert_eq!(journald(&path).state, State::Ok);
        drop(socket);
        let row = journald(&path);
        assert_eq!(row.state, State::Degraded);
        assert!(row.found.contains("refused"), "{}", row.found);
    }

    #[test]
    fn no_cgroup2_at_all_is_said_with_the_cause() {
        let row = cgroup2(
            Err(anyhow::anyhow!("EPERM").context("no cgroup2 mount, and none could be made")),
            &Scope::Host,
        );
        assert_eq!(row.state, State::Missing);
        assert_eq!(row.found, "no cgroup2 mount, and none could be made: EPERM");
    }

    #[test]
    fn a_false_root_is_said() {
        let fd = std::fs::File::open("/").unwrap().into();
        let root = super::cgroup::Root { fd, how: "/sys/fs/cgroup".to_owned(), inode: 25, whole: false };
        let row = cgroup2(Ok(root), &Scope::Host);
        assert_eq!(row.state, State::Degraded);
        assert!(
            row.found.contains("private cgroup namespace (inode 25), by /sys/fs/cgroup"),
            "{}",
            row.found
        );
        let fd = std::fs::File::open("/").unwrap().into();
        let root = super::cgroup::Root { fd, how: "/sys/fs/cgroup".to_owned(), inode: 25, whole: false };
        assert_eq!(cgroup2(Ok(root), &Scope::Own).state, State::Ok);
    }
}
