//! New processes.
//!
//! `tp_btf/sched_process_fork`: `TP_PROTO(struct task_struct *parent, struct task_struct *child)`, the same
//! from 5.5 to 6.18 (include/trace/events/sched.h). Runs in the parent, before the child does.
use core::mem::MaybeUninit;

use aya_ebpf::{
    helpers::generated::bpf_get_current_cgroup_id, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use aya_log_ebpf::debug;
use monitor_ebpf::{
    event::{Fork, Kind},
    stats::Counter,
};

use crate::{
    emit::{self, Urgency},
    maps::count,
    read::{member, offset},
    scope, task,
};

#[btf_tracepoint(function = "sched_process_fork")]
fn fork(ctx: BtfTracePointContext) -> i32 {
    if try_fork(&ctx).is_none() {
        count(Counter::TaskFault);
        debug!(&ctx, "fork: the task's structures could not be read");
    }
    0
}

#[inline(always)]
fn try_fork(ctx: &BtfTracePointContext) -> Option<()> {
    let (parent, child): (u64, u64) = (ctx.arg(0), ctx.arg(1));
    if member::<u32>(child, offset!(task_pid))? != member::<u32>(child, offset!(task_tgid))? {
        return Some(()); // a thread
    }
    if !scope::covers(child)? {
        count(Counter::Outside);
        return Some(());
    }
    let Some(mut entry) = emit::reserve::<Fork>(Kind::Fork) else {
        return Some(()); // counted
    };
    let filled = fill(&mut entry, parent, child);
    if filled.is_some() {
        emit::submit(entry, Kind::Fork, Urgency::Ordinary);
    } else {
        entry.discard(0);
    }
    filled
}

/// In the ring's memory: on the stack a record of this size leaves too little room.
#[inline(always)]
fn fill(entry: &mut MaybeUninit<Fork>, parent: u64, child: u64) -> Option<()> {
    // SAFETY: the entry spans one record of plain integers, all of which are written first.
    let record = unsafe {
        entry.as_mut_ptr().write_bytes(0, 1);
        entry.assume_init_mut()
    };
    record.parent = task::identity(parent)?;
    // SAFETY: no preconditions. The child starts in its parent's cgroup (clone3's CLONE_INTO_CGROUP aside,
    // which the agent corrects from /proc).
    let cgroup = unsafe { bpf_get_current_cgroup_id() };
    task::describe(child, cgroup, &mut record.task)?;
    record.header = emit::header(Kind::Fork, 0);
    Some(())
}
