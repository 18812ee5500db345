//! Facts of a task.
//!
//! Owns the reading of `struct task_struct` and what hangs on it. Must not know which hook asks.
use aya_ebpf::helpers::bpf_probe_read_kernel_str_bytes;
use monitor_ebpf::{
    event::{Identity, Task},
    limits,
    stats::Counter,
    tunables::ABSENT,
};

use crate::{
    maps::count,
    read::{PID_NAMESPACE, member, offset, pointer},
};

/// Deepest nesting of PID namespaces that is searched for the agent's; the kernel allows 32
/// (`MAX_PID_NS_LEVEL`), container runtimes use two or three.
const NAMESPACE_LEVELS: u32 = 8;
/// Bytes of `struct upid`: a number, padding, a pointer. The same since 2.6.24 on 64-bit kernels.
const UPID_SIZE: u64 = 16;

/// `PF_KTHREAD` in include/linux/sched.h.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// Whether the task at `task` belongs to the kernel. io_uring's workers do so before 5.12 only.
#[inline(always)]
pub(crate) fn is_kernel_thread(task: u64) -> Option<bool> {
    Some(member::<u32>(task, offset!(task_flags))? & KERNEL_THREAD != 0)
}

/// Which process the task at `task` belongs to.
#[inline(always)]
pub(crate) fn identity(task: u64) -> Option<Identity> {
    let leader = pointer(task, offset!(task_leader))?;
    Some(Identity {
        start: member(leader, offset!(task_start))?,
        tgid: member(task, offset!(task_tgid))?,
        pid: visible_pid(leader).unwrap_or(0),
        generation: member(task, offset!(task_generation)).unwrap_or(0),
        reserved: 0,
    })
}

/// The leader's pid in the agent's PID namespace.
#[inline(always)]
fn visible_pid(leader: u64) -> Option<u32> {
    let pid = pointer(leader, offset!(task_thread_pid))?;
    let deepest: u32 = member(pid, offset!(pid_level))?;
    let wanted = PID_NAMESPACE.load();
    let numbers = pid + u64::from(offset!(pid_numbers));
    let mut level = 0;
    while level < NAMESPACE_LEVELS {
        if level > deepest {
            break;
        }
        let upid = numbers + u64::from(level) * UPID_SIZE;
        let namespace = pointer(upid, offset!(upid_namespace))?;
        if member::<u32>(namespace, offset!(pidns_inum))? == wanted {
            return member(upid, offset!(upid_number));
        }
        level += 1;
    }
    None
}

/// Writes all that is known of the task at `task`; `None` when the kernel's structures cannot be read.
#[inline(always)]
pub(crate) fn describe(task: u64, cgroup: u64, out: &mut Task) -> Option<()> {
    out.who = identity(task)?;
    if out.who.pid == 0 {
        count(Counter::Invisible);
    }
    out.parent = identity(pointer(task, offset!(task_parent))?)?;
    out.cgroup = cgroup;
    let cred = pointer(task, offset!(task_cred))?;
    out.uid = member(cred, offset!(cred_uid))?;
    out.euid = member(cred, offset!(cred_euid))?;
    out.gid = member(cred, offset!(cred_gid))?;
    out.loginuid = member(task, offset!(task_loginuid)).unwrap_or(u32::MAX);
    out.session = member(task, offset!(task_session)).unwrap_or(u32::MAX);
    out.comm = member::<[u8; limits::COMM]>(task, offset!(task_comm))?;
    let spaces = pointer(task, offset!(task_nsproxy)).unwrap_or(0);
    out.net_namespace = inum(spaces, offset!(nsproxy_net), offset!(net_inum));
    out.mount_namespace = inum(spaces, offset!(nsproxy_mount), offset!(mount_inum));
    out.pid_namespace = pid_namespace(task).unwrap_or(0);
    out.cgroup_namespace = inum(spaces, offset!(nsproxy_cgroup), offset!(cgroup_inum));
    out.ipc_namespace = inum(spaces, offset!(nsproxy_ipc), offset!(ipc_inum));
    out.uts_namespace = inum(spaces, offset!(nsproxy_uts), offset!(uts_inum));
    out.user_namespace = inum(cred, offset!(cred_userns), offset!(user_inum));
    terminal(task, &mut out.tty);
    Some(())
}

/// The name of the controlling terminal; `out` is left as it was where there is none.
#[inline(always)]
fn terminal(task: u64, out: &mut [u8; limits::TTY]) {
    let tty = pointer(task, offset!(task_signal)).and_then(|signal| pointer(signal, offset!(signal_tty)));
    let name = offset!(tty_name);
    if let Some(tty) = tty
        && name != ABSENT
    {
        // SAFETY: the helper checks the source and never writes more than the slice holds.
        let _ = unsafe { bpf_probe_read_kernel_str_bytes((tty + u64::from(name)) as *const u8, out) };
    }
}

/// 0 when a kernel has no such namespace, or the task has given up its own.
#[inline(always)]
fn inum(spaces: u64, space: u32, number: u32) -> u32 {
    pointer(spaces, space).and_then(|address| member(address, number)).unwrap_or(0)
}

#[inline(always)]
fn pid_namespace(task: u64) -> Option<u32> {
    let pid = pointer(task, offset!(task_thread_pid))?;
    let level: u32 = member(pid, offset!(pid_level))?;
    let upid = pid + u64::from(offset!(pid_numbers)) + u64::from(level) * UPID_SIZE;
    member(pointer(upid, offset!(upid_namespace))?, offset!(pidns_inum))
}

/// `atomic_t signal->live`: threads of the process that have not begun to exit.
#[inline(always)]
pub(crate) fn live_threads(task: u64) -> Option<u32> {
    member(pointer(task, offset!(task_signal))?, offset!(signal_live))
}
