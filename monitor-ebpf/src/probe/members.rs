//! Which processes are watched.
//!
//! `iter/task` (5.8): `ctx { struct bpf_iter_meta *meta; struct task_struct *task; }`, run when the agent reads the
//! iterator, over every task in the agent's PID namespace. It tells of what already runs where /proc alone cannot: who
//! is below a cgroup that the agent sees by another path, and the number in the initial PID namespace of a process that
//! /proc shows by the number in the agent's.
use core::ffi::c_void;

use super::sockets::{Meta, write};
use crate::{
    read::{member, offset},
    scope, task,
};

/// The context of the iterator, kernel/bpf/task_iter.c.
#[repr(C)]
struct Context {
    meta: *const Meta,
    task: u64,
}

/// aya-ebpf 0.2 has no macro for iterators: the section name says what it is.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
fn members(ctx: *mut c_void) -> i32 {
    try_members(ctx.cast());
    0
}

#[inline(always)]
fn try_members(ctx: *const Context) -> Option<()> {
    // SAFETY: the kernel hands this context to every program of the section.
    let (meta, task) = unsafe { ((*ctx).meta, (*ctx).task) };
    if task == 0 || task::is_kernel_thread(task)? {
        return None;
    }
    let leader = member::<u32>(task, offset!(task_pid))? == member::<u32>(task, offset!(task_tgid))?;
    if leader && scope::covers(task)? {
        write(meta, &task::identity(task)?);
    }
    Some(())
}
