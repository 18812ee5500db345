//! Successful execve.
//!
//! `tp_btf/sched_process_exec`: `TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`, the
//! same from 5.5 to 6.18 (include/trace/events/sched.h). One hook sees execve, execveat, memfds and execs of
//! non-leader threads; credentials, `self_exec_id` and the argument area are already the new ones.
use core::{hint::black_box, mem::MaybeUninit};

use aya_ebpf::{
    helpers::generated::{bpf_get_current_cgroup_id, bpf_probe_read_user},
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use aya_log_ebpf::debug;
use monitor_ebpf::{
    event::{Exec, Kind},
    limits,
    stats::Counter,
};

use crate::{
    emit::{self, Urgency},
    maps::count,
    read::{member, offset, pointer},
    task,
};

/// A record with room for `N` bytes of arguments, `N` a power of two.
#[repr(C)]
struct Record<const N: usize> {
    head: Exec,
    argv: [u8; N],
}

/// The argument area: where it starts, and how many of its bytes fit a record.
struct Argv {
    start: u64,
    size: u64,
    kept: u32,
}

#[btf_tracepoint(function = "sched_process_exec")]
fn exec(ctx: BtfTracePointContext) -> i32 {
    if try_exec(&ctx).is_none() {
        count(Counter::TaskFault);
        debug!(&ctx, "exec: the task's structures could not be read");
    }
    0
}

#[inline(always)]
fn try_exec(ctx: &BtfTracePointContext) -> Option<()> {
    let (task, bprm): (u64, u64) = (ctx.arg(0), ctx.arg(2));
    let mm = pointer(task, offset!(task_mm))?;
    let start: u64 = member(mm, offset!(mm_arg_start))?;
    let size = member::<u64>(mm, offset!(mm_arg_end))?.saturating_sub(start);
    let kept = if size > limits::ARGV as u64 { limits::ARGV as u32 } else { size as u32 };
    let argv = Argv { start, size, kept };
    // Three sizes: most command lines are short, and the ring is small on purpose.
    if kept <= 256 {
        record::<256>(task, bprm, &argv)
    } else if kept <= 1024 {
        record::<1024>(task, bprm, &argv)
    } else {
        record::<{ limits::ARGV }>(task, bprm, &argv)
    }
}

#[inline(always)]
fn record<const N: usize>(task: u64, bprm: u64, argv: &Argv) -> Option<()> {
    let Some(mut entry) = emit::reserve::<Record<N>>(Kind::Exec) else {
        return Some(()); // counted
    };
    let filled = fill(&mut entry, task, bprm, argv);
    if filled.is_some() {
        emit::submit(entry, Kind::Exec, Urgency::Ordinary);
    } else {
        entry.discard(0);
    }
    filled
}

#[inline(always)]
fn fill<const N: usize>(entry: &mut MaybeUninit<Record<N>>, task: u64, bprm: u64, argv: &Argv) -> Option<()> {
    // SAFETY: the entry spans one record of plain integers. The head is zeroed first (a ring holds old bytes);
    // the tail is written by the helper, and only `header.tail` bytes of it are ever read.
    let (head, tail) = unsafe {
        let record = entry.as_mut_ptr();
        (&raw mut (*record).head).write_bytes(0, 1);
        (&mut (*record).head, (&raw mut (*record).argv).cast::<u8>())
    };
    // SAFETY: no preconditions.
    let cgroup = unsafe { bpf_get_current_cgroup_id() };
    task::describe(task, cgroup, &mut head.task)?;
    let inode = pointer(pointer(bprm, offset!(bprm_file))?, offset!(file_inode))?;
    head.inode = member(inode, offset!(inode_number))?;
    head.links = member(inode, offset!(inode_links))?;
    head.device = member(pointer(inode, offset!(inode_super))?, offset!(super_device))?;
    task::kernel_string(pointer(bprm, offset!(bprm_filename))?, &mut head.filename);
    task::kernel_string(pointer(bprm, offset!(bprm_interpreter))?, &mut head.interpreter);
    head.argv_size = argv.size as u32;
    let kept = copy_argv::<N>(tail, argv);
    head.header = emit::header(Kind::Exec, kept);
    Some(())
}

/// Copies the argument area; says how many bytes are valid.
#[inline(always)]
fn copy_argv<const N: usize>(tail: *mut u8, argv: &Argv) -> u32 {
    if argv.kept == 0 {
        return 0;
    }
    // The mask keeps the bound where the verifier sees it: LLVM drops a plain comparison.
    let size = (black_box(argv.kept.wrapping_sub(1)) & (N as u32 - 1)) + 1;
    // SAFETY: `tail` has room for `N` bytes and `size` is at most `N`; the helper checks the source.
    let failed = unsafe { bpf_probe_read_user(tail.cast(), size, argv.start as *const _) } != 0;
    if failed {
        count(Counter::ArgvFault);
        return 0;
    }
    size
}
