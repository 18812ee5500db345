//! What the agent gives up once its hooks are attached.
//!
//! Owns the capabilities of the running agent and the way to keep no others. Capabilities belong to a thread, and a
//! thread inherits them from the one that starts it: to be called before any other thread is there. Must not know
//! what a hook or a worker does with a capability.
use anyhow::Context as _;
use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
        set_no_new_privs,
    },
};

/// A capability by its name, and what it is for.
type Use = (CapabilitySet, &'static str, &'static str);

/// Loading and attaching alone.
pub const START: [Use; 2] = [
    (CapabilitySet::PERFMON, "CAP_PERFMON", "to load programs for tracepoints and iterators"),
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN", "to load and attach programs at the cgroup root"),
];

/// For as long as the agent runs.
pub const RUNNING: [Use; 3] = [
    (
        CapabilitySet::BPF,
        "CAP_BPF",
        "counters, maps and iterators: before Linux 6.5 any bpf(2) where unprivileged use is off",
    ),
    (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE", "/proc/PID of other users: exe, root, fd, environ, mem"),
    (
        CapabilitySet::DAC_READ_SEARCH,
        "CAP_DAC_READ_SEARCH",
        "executables and files that only their user may read",
    ),
];

/// Kept only where the kernel has no socket iterator (before Linux 5.12), or where it stands for `CAP_BPF`.
pub const ADMIN: Use =
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN", "setns(2) into network namespaces, for sock_diag(7)");

/// Names of what the running agent holds, as told by [`keep`].
#[must_use]
pub fn names(held: CapabilitySet) -> String {
    let all = RUNNING.iter().chain(&START).chain([&ADMIN]);
    let names = all.filter(|(set, ..)| held.contains(*set)).map(|(_, name, _)| *name).collect::<Vec<_>>();
    if names.is_empty() { "no capability".to_owned() } else { names.join(", ") }
}

/// Gives up, in this thread and those that it starts, every capability but [`RUNNING`] (and [`ADMIN`] where sockets
/// have to be looked for without the iterators), and with `no_new_privs` the way back. Gives what is held.
///
/// The bounding set shrinks too where `CAP_SETPCAP` is held; where it is not, `no_new_privs` alone keeps a program
/// that is started from gaining anything (capabilities(7), execve(2)).
///
/// # Errors
/// When the kernel refuses a step: the agent had better not go on with more than it says.
pub fn keep(iterators: bool) -> anyhow::Result<CapabilitySet> {
    let now = capabilities(None).context("capget")?;
    let held = wanted(now.permitted, iterators);
    clear_ambient_capability_set().context("prctl(PR_CAP_AMBIENT_CLEAR_ALL)")?;
    bound(held).context("prctl(PR_CAPBSET_DROP)")?;
    let sets = CapabilitySets { effective: held, permitted: held, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).context("capset")?;
    set_no_new_privs(true).context("prctl(PR_SET_NO_NEW_PRIVS)")?;
    Ok(held)
}

/// Before Linux 5.8, and where somebody grants it in their place, `CAP_SYS_ADMIN` is all that there is.
fn wanted(permitted: CapabilitySet, iterators: bool) -> CapabilitySet {
    let admin = !iterators || !permitted.contains(CapabilitySet::BPF);
    let all = RUNNING.iter().fold(CapabilitySet::empty(), |sum, (set, ..)| sum.union(*set));
    permitted.intersection(if admin { all.union(ADMIN.0) } else { all })
}

/// Takes what is not in `held` from the bounding set.
fn bound(held: CapabilitySet) -> rustix::io::Result<()> {
    for capability in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
        match capability_is_in_bounding_set(capability) {
            Ok(true) if !held.contains(capability) => {}
            Ok(_) => continue,
            // Beyond the last that this kernel knows.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
        match remove_capability_from_bounding_set(capability) {
            Err(Errno::PERM) => return Ok(()),
            done => done?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::thread::CapabilitySet;

    use super::{names, wanted};

    #[test]
    fn what_only_loading_takes_is_given_up() {
        let held = wanted(CapabilitySet::all(), true);
        assert_eq!(names(held), "CAP_BPF, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH");
        assert_eq!(held.bits().count_ones(), 3);
    }

    #[test]
    fn the_old_ways_keep_what_they_need_and_nothing_is_made_up() {
        assert!(wanted(CapabilitySet::all(), false).contains(CapabilitySet::SYS_ADMIN));
        assert_eq!(wanted(CapabilitySet::SYS_ADMIN, true), CapabilitySet::SYS_ADMIN);
        let some = CapabilitySet::BPF.union(CapabilitySet::NET_ADMIN);
        assert_eq!(wanted(some, false), CapabilitySet::BPF);
        assert_eq!(names(CapabilitySet::empty()), "no capability");
    }
}
