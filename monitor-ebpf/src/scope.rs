//! Which tasks are watched: all, or those of one cgroup2 subtree.
//!
//! Owns the test of a task against the cgroup that the loader named. It reads the task's own structures: the helper for
//! ancestors (`bpf_get_current_ancestor_cgroup_id`) is for tracing programs since 5.15 only, and for the current task
//! only. Programs attached at that cgroup need no such test. Must not know which hook asks.
use monitor_ebpf::tunables::{ABSENT, Watched};

use crate::read::{member, offset, pointer};

/// Set by the loader. Read field by field with [`watched!`], as `OFFSETS` is.
#[unsafe(no_mangle)]
pub(crate) static WATCHED: Watched = Watched::ALL;

/// One field of [`WATCHED`].
macro_rules! watched {
    ($field:ident) => {
        // SAFETY: a field of a static. Volatile, since the loader writes the value behind the compiler's back.
        unsafe { core::ptr::read_volatile(&raw const WATCHED.$field) }
    };
}

/// Whether only a part of the host is watched.
#[inline(always)]
pub(crate) fn is_part() -> bool {
    watched!(cgroup) != 0
}

/// Whether the task at `task` is watched; `None` when the kernel's structures cannot be read.
#[inline(always)]
pub(crate) fn covers(task: u64) -> Option<bool> {
    let wanted = watched!(cgroup);
    if wanted == 0 {
        return Some(true);
    }
    let cgroup = pointer(pointer(task, offset!(task_cgroups))?, offset!(css_set_cgroup))?;
    let own: u32 = member(cgroup, offset!(cgroup_level))?;
    let mut level = watched!(first);
    while level <= watched!(last) {
        if level > own {
            break;
        }
        if ancestor(cgroup, level)? == wanted {
            return Some(true);
        }
        level += 1;
    }
    Some(false)
}

/// The id of the ancestor at this level, which is at most the cgroup's own.
#[inline(always)]
fn ancestor(cgroup: u64, level: u32) -> Option<u64> {
    let ancestors = offset!(cgroup_ancestors);
    if ancestors == ABSENT {
        return None;
    }
    let slot = ancestors + level * size_of::<u64>() as u32;
    let found: u64 = member(cgroup, slot)?;
    if watched!(pointers) == 0 {
        return Some(found);
    }
    member(pointer(found, offset!(cgroup_node))?, offset!(node_id))
}
