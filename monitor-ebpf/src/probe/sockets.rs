//! Which processes hold a socket.
//!
//! `iter/task_file` (5.8; `bpf_sock_from_file` since 5.11): `ctx { struct bpf_iter_meta *meta; struct task_struct
//! *task; u32 fd; struct file *file; }`, run when the agent reads the iterator, over every file of every task in
//! the agent's PID namespace, in all network namespaces.
use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_get_socket_cookie, bpf_seq_write, bpf_sock_from_file};
use monitor_ebpf::event::Holder;

use crate::{maps::WANTED, read::offset, task};

/// The context of the iterator, include/linux/bpf.h and kernel/bpf/task_iter.c.
#[repr(C)]
struct Context {
    meta: *const Meta,
    task: u64,
    fd: u64,
    file: u64,
}

#[repr(C)]
struct Meta {
    seq: *mut aya_ebpf::bindings::seq_file,
}

/// aya-ebpf 0.2 has no macro for iterators: the section name says what it is.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
fn sockets(ctx: *mut c_void) -> i32 {
    try_sockets(ctx.cast());
    0
}

#[inline(always)]
fn try_sockets(ctx: *const Context) -> Option<()> {
    // SAFETY: the kernel hands this context to every program of the section.
    let (meta, task, file) = unsafe { ((*ctx).meta, (*ctx).task, (*ctx).file) };
    if task == 0 || file == 0 {
        return None;
    }
    // SAFETY: `file` was checked; the helper gives null for what is no socket.
    let socket = unsafe { bpf_sock_from_file(file as *mut _) } as u64;
    if socket == 0 {
        return None;
    }
    let sk = (socket + u64::from(offset!(socket_sock))) as *const u64;
    // SAFETY: a typed load at an offset that is a constant to the verifier, so that the result is a socket to it.
    let sk = unsafe { *sk };
    if sk == 0 {
        return None;
    }
    // SAFETY: `sk` was checked. The helper makes a cookie where there is none yet.
    let cookie = unsafe { bpf_get_socket_cookie(sk as *mut c_void) };
    // SAFETY: the reference is dropped before the map can change.
    unsafe { WANTED.get(cookie) }?;
    let holder = Holder { cookie, who: task::identity(task)? };
    // SAFETY: `meta` comes from the kernel; the helper copies the holder.
    unsafe { bpf_seq_write((*meta).seq, (&raw const holder).cast(), size_of::<Holder>() as u32) };
    Some(())
}
