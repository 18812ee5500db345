//! Which processes hold a socket.
//!
//! `iter/task_file` (5.8; `bpf_sock_from_file` since 5.11, the cookie and the storage of a socket in it since 5.12):
//! `ctx { struct bpf_iter_meta *meta; struct task_struct *task; u32 fd; struct file *file; }`, run when the agent
//! reads the iterator, over every file of every task in the agent's PID namespace, in all network namespaces. One
//! program tells of the sockets that are asked for, the other of every connected TCP socket. Only processes that are
//! watched hold one.
use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_get_socket_cookie, bpf_seq_write, bpf_sock_from_file};
use monitor_ebpf::event::{
    Ends, Established, FAMILY_V4, FAMILY_V6, Holder, Identity, OWNER_FD_TABLE, OWNER_NONE, Owner,
};

use super::connect::{TCP, remote_of};
use crate::{
    maps::{WANTED, flow_or_new},
    read::{member, offset},
    scope, task,
};

/// States of include/net/tcp_states.h in which a connection carries data or soon may: ESTABLISHED, SYN_SENT,
/// SYN_RECV, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT.
const CONNECTED: u32 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8;
/// The highest number of a state there.
const STATES: u8 = 31;

/// The context of the iterator, include/linux/bpf.h and kernel/bpf/task_iter.c.
#[repr(C)]
struct Context {
    meta: *const Meta,
    task: u64,
    fd: u64,
    file: u64,
}

#[repr(C)]
pub(super) struct Meta {
    seq: *mut aya_ebpf::bindings::seq_file,
}

/// One file of one task that is a socket.
struct Found {
    meta: *const Meta,
    task: u64,
    /// A socket to the verifier, and not null.
    sk: *mut c_void,
    cookie: u64,
}

/// The sockets that are asked for. aya-ebpf 0.2 has no macro for iterators: the section name says what it is.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
fn sockets(ctx: *mut c_void) -> i32 {
    try_sockets(ctx.cast());
    0
}

/// Every connected TCP socket.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
fn established(ctx: *mut c_void) -> i32 {
    try_established(ctx.cast());
    0
}

#[inline(always)]
fn found(ctx: *const Context) -> Option<Found> {
    // SAFETY: the kernel hands this context to every program of the section.
    let (meta, task, file) = unsafe { ((*ctx).meta, (*ctx).task, (*ctx).file) };
    if task == 0 || file == 0 {
        return None;
    }
    // SAFETY: `file` was checked; the helper gives null for what is no socket.
    let socket = unsafe { bpf_sock_from_file(file as *mut _) } as u64;
    if socket == 0 || !scope::covers(task)? {
        return None;
    }
    let sk = (socket + u64::from(offset!(socket_sock))) as *const u64;
    // SAFETY: a typed load at an offset that is a constant to the verifier, so that the result is a socket to it.
    let sk = unsafe { *sk };
    if sk == 0 {
        return None;
    }
    let sk = sk as *mut c_void;
    // SAFETY: `sk` was checked. The helper makes a cookie where there is none yet.
    let cookie = unsafe { bpf_get_socket_cookie(sk) };
    Some(Found { meta, task, sk, cookie })
}

/// Appends a record to what the agent reads.
#[inline(always)]
pub(super) fn write<T>(meta: *const Meta, record: &T) {
    // SAFETY: `meta` comes from the kernel; the helper copies the record.
    unsafe { bpf_seq_write((*meta).seq, (&raw const *record).cast(), size_of::<T>() as u32) };
}

#[inline(always)]
fn try_sockets(ctx: *const Context) -> Option<()> {
    let Found { meta, task, cookie, .. } = found(ctx)?;
    // SAFETY: the reference is dropped before the map can change.
    unsafe { WANTED.get(cookie) }?;
    write(meta, &Holder { cookie, who: task::identity(task)? });
    Some(())
}

#[inline(always)]
fn try_established(ctx: *const Context) -> Option<()> {
    let Found { meta, task, sk, cookie } = found(ctx)?;
    let family: u16 = member(sk as u64, offset!(sock_family))?;
    if family != FAMILY_V4 && family != FAMILY_V6 {
        return None;
    }
    let protocol: u16 = member(sk as u64, offset!(sock_protocol))?;
    let state: u8 = member(sk as u64, offset!(sock_state))?;
    if u32::from(protocol) != TCP || CONNECTED >> (state & STATES) & 1 == 0 {
        return None;
    }
    let who = task::identity(task)?;
    let ends = ends_of(sk as u64, family)?;
    own(sk, cookie, who);
    write(meta, &Established { holder: Holder { cookie, who }, ends });
    Some(())
}

/// Both ends of the socket at `sk`.
#[inline(always)]
fn ends_of(sk: u64, family: u16) -> Option<Ends> {
    let mut ends = remote_of(sk)?;
    ends.local_port = member(sk, offset!(sock_local_port))?;
    if family == FAMILY_V4 {
        let [a, b, c, d]: [u8; 4] = member(sk, offset!(sock_local_v4))?;
        (ends.local[0], ends.local[1], ends.local[2], ends.local[3]) = (a, b, c, d);
    } else {
        ends.local = member(sk, offset!(sock_local_v6))?;
    }
    Some(ends)
}

/// Names the owner of a socket that nobody was seen to connect, so that its payload tells whose it is. Of several
/// holders the newest, as the agent has it too.
#[inline(always)]
fn own(sk: *mut c_void, cookie: u64, who: Identity) -> Option<()> {
    // SAFETY: the only caller hands on a socket that the verifier knows.
    let flow = unsafe { flow_or_new(sk, || cookie) }?;
    let known = flow.owner;
    if known.source == OWNER_NONE || (known.source == OWNER_FD_TABLE && is_newer(&who, &known.who)) {
        flow.owner = Owner { who, source: OWNER_FD_TABLE, reserved: 0 };
    }
    // The agent is told of it here, so its end is of interest.
    flow.captured = 1;
    Some(())
}

#[inline(always)]
fn is_newer(one: &Identity, other: &Identity) -> bool {
    one.generation > other.generation || (one.generation == other.generation && one.start > other.start)
}
