//! Ends of processes.
//!
//! `tp_btf/sched_process_exit`: `TP_PROTO(struct task_struct *p)` from 5.5, `(p, bool group_dead)` from 6.16
//! (include/trace/events/sched.h). Called per thread after `signal->live` went down, so 0 there means that the
//! whole process is gone; the flag of newer kernels is not needed.
use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use aya_log_ebpf::debug;
use monitor_ebpf::{
    event::{Exit, Kind},
    stats::Counter,
};

use crate::{
    emit,
    maps::count,
    read::{member, offset},
    scope, task,
};

#[btf_tracepoint(function = "sched_process_exit")]
fn exit(ctx: BtfTracePointContext) -> i32 {
    if try_exit(&ctx).is_none() {
        count(Counter::TaskFault);
        debug!(&ctx, "exit: the task's structures could not be read");
    }
    0
}

#[inline(always)]
fn try_exit(ctx: &BtfTracePointContext) -> Option<()> {
    let task: u64 = ctx.arg(0);
    if task::live_threads(task)? != 0 {
        return Some(());
    }
    let who = task::identity(task)?;
    // What was watched may have left the cgroup: its end is told. Of a part of the host the agent's own PID namespace
    // shows all that it is to name; it may be a guest's, and the host's and other guests' ends are not its own.
    if scope::is_part() && who.pid == 0 && !scope::covers(task)? {
        return Some(());
    }
    let code = member(task, offset!(task_exit_code))?;
    let record = Exit { header: emit::header(Kind::Exit, 0), who, code, reserved: 0 };
    emit::write(Kind::Exit, record);
    Some(())
}
