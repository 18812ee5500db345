//! What this process may do: capabilities, and the namespaces that they count in.
//!
//! Must not know what each hook does with them.
use std::{fs::metadata, os::unix::fs::MetadataExt as _};

use rustix::thread::{CapabilitySet, capabilities as capget};

use super::{Row, State};
use crate::{config::Scope, privilege::RUNNING};

/// Inode numbers of the initial namespaces, include/uapi/linux/nsfs.h (before 6.18: include/linux/proc_ns.h).
const INITIAL_USER: u64 = 0xEFFF_FFFD;
const INITIAL_PID: u64 = 0xEFFF_FFFC;

/// Without these no program loads. `CAP_SYS_ADMIN` includes them (capabilities(7)).
const NEEDED: [(CapabilitySet, &str); 3] = [
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
];

/// Without these other users' processes are seen, but not all that /proc has about them.
const HELPFUL: [(CapabilitySet, &str); 2] =
    [(CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE"), (CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH")];

/// The capabilities that `run` cannot do without and this process lacks; empty when it may start.
#[must_use]
pub fn needed_but_missing() -> Vec<&'static str> {
    capget(None).map_or(NEEDED.map(|(_, name)| name).to_vec(), |sets| lacking(sets.effective))
}

/// Every capability that the agent uses, by name.
pub fn used() -> impl Iterator<Item = &'static str> {
    NEEDED.iter().chain(&HELPFUL).map(|(_, name)| *name)
}

/// Whether /proc shows the process ids of the initial PID namespace, which are those of a process's key.
#[must_use]
pub fn host_pids() -> bool {
    namespace("PID namespace", "pid", INITIAL_PID).is_ok()
}

fn lacking(effective: CapabilitySet) -> Vec<&'static str> {
    if effective.contains(CapabilitySet::SYS_ADMIN) { Vec::new() } else { absent(effective, &NEEDED) }
}

fn absent(effective: CapabilitySet, wanted: &[(CapabilitySet, &'static str)]) -> Vec<&'static str> {
    wanted.iter().filter(|(set, _)| !effective.contains(*set)).map(|(_, name)| *name).collect()
}

pub(super) fn capabilities() -> Row {
    match capget(None) {
        Ok(sets) => judge(sets.effective, rustix::process::geteuid().as_raw()),
        Err(error) => Row::less(
            State::Missing,
            "privileges",
            format!("capget: {error}"),
            "everything",
            "run as root on the host",
        ),
    }
}

fn judge(effective: CapabilitySet, uid: u32) -> Row {
    let (needed, helpful) = (lacking(effective), absent(effective, &HELPFUL));
    if !needed.is_empty() {
        return Row::less(
            State::Missing,
            "privileges",
            format!("uid {uid} without {}", needed.join(", ")),
            "everything: no program can be loaded",
            "run as root, for example with sudo",
        );
    }
    if !helpful.is_empty() {
        return Row::less(
            State::Degraded,
            "privileges",
            format!("uid {uid} without {}", helpful.join(", ")),
            "executables, digests and sockets of other users' processes",
            format!("grant {}, or run as root", helpful.join(", ")),
        );
    }
    let kept = RUNNING.map(|(_, name, _)| name).join(", ");
    Row::ok(
        "privileges",
        format!("uid {uid}, with all capabilities that are used; a running agent keeps {kept}"),
    )
}

/// A capability counts for the kernel's own objects only in the initial user namespace; /proc shows only the
/// processes of its PID namespace.
pub(super) fn namespaces(watched: &Scope) -> [Row; 2] {
    [
        namespace("user namespace", "user", INITIAL_USER).unwrap_or_else(|found| {
            Row::less(
                State::Missing,
                "user namespace",
                found,
                "everything: root of a user namespace may not load programs",
                "run as root of the host, outside of rootless containers",
            )
        }),
        namespace("PID namespace", "pid", INITIAL_PID).unwrap_or_else(|found| {
            let (lost, remedy) = match watched {
                Scope::Host => (
                    "processes outside of it: they are counted (watch.invisible) and have no pid, name or owner",
                    "run on the host, or with the host's PID namespace (--pid=host); in a guest that is to answer for \
                     itself alone, set [watch] cgroup = \"own\"",
                ),
                _ => (
                    "of what is watched, processes that entered from outside of it (nsenter): they are counted \
                     (watch.invisible) and have no pid",
                    "nothing, if this agent is to answer for its own guest; pids are those that the guest knows",
                ),
            };
            Row::less(State::Degraded, "PID namespace", found, lost, remedy)
        }),
    ]
}

fn namespace(what: &'static str, kind: &str, initial: u64) -> Result<Row, String> {
    let path = format!("/proc/self/ns/{kind}");
    match metadata(&path) {
        Ok(found) if found.ino() == initial => Ok(Row::ok(what, "the host's")),
        Ok(found) => Err(format!("not the host's but {kind}:[{}]", found.ino())),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use rustix::thread::CapabilitySet;

    use super::{State, judge, lacking};

    const THREE: CapabilitySet =
        CapabilitySet::BPF.union(CapabilitySet::PERFMON).union(CapabilitySet::NET_ADMIN);

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(lacking(CapabilitySet::empty()), ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"]);
        assert_eq!(lacking(THREE.difference(CapabilitySet::PERFMON)), ["CAP_PERFMON"]);
        assert!(lacking(THREE).is_empty());
        assert!(lacking(CapabilitySet::SYS_ADMIN).is_empty());
    }

    #[test]
    fn three_capabilities_are_enough_to_start_and_all_to_see_everything() {
        assert_eq!(judge(CapabilitySet::empty(), 1000).state, State::Missing);
        let some = judge(THREE, 0);
        assert_eq!(some.state, State::Degraded);
        assert_eq!(some.found, "uid 0 without CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH");
        assert_eq!(judge(CapabilitySet::all(), 0).state, State::Ok);
    }
}
