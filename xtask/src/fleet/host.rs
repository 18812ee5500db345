//! What is on a host: all its paths, and every trace of the agent, so that a test can say what changed.
use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::testbed::ssh::Ssh;

/// What changes on a host without anybody's help: logs, systemd's own state, a package manager's bookkeeping.
const RESTLESS: [&str; 12] = [
    "/etc/.pwd.lock",
    "/etc/group",
    "/etc/gshadow",
    "/etc/passwd",
    "/etc/shadow",
    "/tmp/",
    "/var/backups/",
    "/var/cache/",
    "/var/lib/dpkg/",
    "/var/lib/systemd/",
    "/var/log/",
    "/var/tmp/systemd-private-",
];
/// Kind, mode, owner, path and, of files, size. Other file systems (/proc, /run) are not the host's disk.
const PATHS: &str =
    "find / -xdev \\( -type f -printf '%y %m %U:%G %s %p\\n' -o -printf '%y %m %U:%G - %p\\n' \\)";
/// Files by name on every file system but the kernel's, unit files, units, users and groups, running programs. What
/// journald keeps of the agent's entries is the operator's.
const TRACES: &str = "\
    find / /run /tmp /dev/shm -xdev -iname '*minewarden*' ! -path '/run/log/journal/*' ! -path '/var/log/journal/*'
    systemctl list-unit-files --plain --no-legend --no-pager '*minewarden*'
    systemctl list-units --all --plain --no-legend --no-pager '*minewarden*'
    getent passwd minewarden
    getent group minewarden
    for process in /proc/[0-9]*; do readlink $process/exe; done 2>/dev/null | grep minewarden
    grep -A3 '^Package: minewarden' /var/lib/dpkg/status
    true";

/// A host's own files at one moment.
pub(super) struct Snapshot(BTreeSet<String>);

impl Snapshot {
    pub(super) fn take(ssh: &Ssh, host: &str) -> Result<Self> {
        let snapshot = Self::of(&ssh.run(host, PATHS)?);
        ensure!(
            snapshot.0.iter().any(|line| line.ends_with(" /etc/hostname")),
            "{host}: its files cannot be listed"
        );
        Ok(snapshot)
    }

    fn of(listing: &str) -> Self {
        let path = |line: &&str| line.splitn(5, ' ').nth(4).unwrap_or_default().to_owned();
        let restless = |path: String| RESTLESS.iter().any(|prefix| path.starts_with(prefix));
        Self(listing.lines().filter(|line| !restless(path(line))).map(str::to_owned).collect())
    }

    /// What is in one and not in the other, `+` for new and `-` for gone or changed.
    pub(super) fn changes(&self, later: &Self) -> Vec<String> {
        let new = later.0.difference(&self.0).map(|line| format!("+ {line}"));
        new.chain(self.0.difference(&later.0).map(|line| format!("- {line}"))).collect()
    }
}

/// Every trace of the agent on a host, one a line.
pub(super) fn traces(ssh: &Ssh, host: &str) -> Result<Vec<String>> {
    Ok(ssh.run(host, TRACES)?.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_and_what_is_restless_is_not() {
        let before = Snapshot::of("f 644 0:0 5 /etc/a b\nd 755 0:0 - /var/log/x\nf 644 0:0 1 /etc/gone");
        let after = Snapshot::of("f 644 0:0 6 /etc/a b\nf 644 0:0 9 /var/log/y\nf 755 0:0 7 /usr/bin/new");
        let expected = [
            "+ f 644 0:0 6 /etc/a b",
            "+ f 755 0:0 7 /usr/bin/new",
            "- f 644 0:0 1 /etc/gone",
            "- f 644 0:0 5 /etc/a b",
        ];
        assert_eq!(before.changes(&after), expected);
        assert!(before.changes(&before).is_empty());
    }
}
