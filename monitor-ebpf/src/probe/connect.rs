//! Outgoing TCP connections: who opened a socket, and to where.
//!
//! - `cgroup/connect4`, `cgroup/connect6` (4.17): `int prog(struct bpf_sock_addr *ctx)`, in the caller's
//!   context, io_uring's too; 1 lets the call go on.
//! - `tp_btf/inet_sock_set_state` (socket storage and cookie in it since 5.12):
//!   `TP_PROTO(const struct sock *sk, const int oldstate, const int newstate)`. SYN_SENT comes in the caller's
//!   context, and is the only one of the three that sees MPTCP subflows; CLOSE tells the end of a flow.
//!
//! Whoever comes first makes the flow's state anew and names its owner; the connect record is written once a
//! connection. The hooks of connect(2) run only for a socket that is not connected, so they always begin one.
use aya_ebpf::{
    EbpfContext as _,
    bindings::bpf_sock,
    helpers::generated::{bpf_get_current_task, bpf_get_socket_cookie},
    macros::{btf_tracepoint, cgroup_sock_addr},
    programs::{BtfTracePointContext, SockAddrContext},
};
use monitor_ebpf::{
    event::{Close, Connect, Ends, FAMILY_V4, FAMILY_V6, Kind, OWNER_CONNECT, Owner},
    stats::Counter,
};

use super::flow::Flow;
use crate::{
    emit,
    maps::{count, flow, flow_or_new, spare},
    read::{member, offset},
    scope, task,
};

/// `IPPROTO_TCP`, and MPTCP, whose first subflow carries the data (include/uapi/linux/in.h).
pub(crate) const TCP: u32 = 6;
const MPTCP: u32 = 262;
/// include/net/tcp_states.h.
const SYN_SENT: i32 = 2;
const CLOSED: i32 = 7;
const PASS: i32 = 1;

#[cgroup_sock_addr(connect4)]
fn connect4(ctx: SockAddrContext) -> i32 {
    connect(&ctx, FAMILY_V4);
    PASS
}

#[cgroup_sock_addr(connect6)]
fn connect6(ctx: SockAddrContext) -> i32 {
    connect(&ctx, FAMILY_V6);
    PASS
}

#[inline(always)]
fn connect(ctx: &SockAddrContext, family: u16) -> Option<()> {
    // SAFETY: the verifier turns each field of the context into a checked load.
    let (address, sk) = unsafe { (&*ctx.sock_addr, (*ctx.sock_addr).__bindgen_anon_1.sk) };
    if (address.protocol != TCP && address.protocol != MPTCP) || sk.is_null() {
        return None;
    }
    let mut ends = Ends { family, ..Ends::default() };
    if family == FAMILY_V4 {
        put(&mut ends.remote, 0, address.user_ip4);
    } else {
        put(&mut ends.remote, 0, address.user_ip6[0]);
        put(&mut ends.remote, 4, address.user_ip6[1]);
        put(&mut ends.remote, 8, address.user_ip6[2]);
        put(&mut ends.remote, 12, address.user_ip6[3]);
    }
    ends.remote_port = u16::from_be(address.user_port as u16);
    // SAFETY: the context has a socket.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    opened(sk.cast(), cookie, ends, true)
}

/// Names the current process as owner of `sk`, and tells the agent once per connection. `first`: a connection
/// certainly begins.
#[inline(always)]
fn opened(sk: *mut core::ffi::c_void, cookie: u64, ends: Ends, first: bool) -> Option<()> {
    let Some(owner) = current_owner() else {
        count(Counter::TaskFault);
        return None;
    };
    // SAFETY: both callers hand on a socket that the verifier knows.
    let flow = unsafe { flow_or_new(sk, || cookie) }?;
    if first || flow.told == 0 {
        *flow = Flow { owner, told: 1, ..Flow::NEW };
        emit::write(Kind::Connect, Connect { header: emit::header(Kind::Connect, 0), owner, cookie, ends });
    }
    Some(())
}

/// Nobody for a kernel thread: it connects for itself, or (io_uring before 5.12) for a process that it does not
/// name.
#[inline(always)]
fn current_owner() -> Option<Owner> {
    // SAFETY: no preconditions; both callers run in the context of the process that connects.
    let current = unsafe { bpf_get_current_task() };
    if task::is_kernel_thread(current)? {
        return Some(Flow::NEW.owner);
    }
    Some(Owner { who: task::identity(current)?, source: OWNER_CONNECT, reserved: 0 })
}

#[btf_tracepoint(function = "inet_sock_set_state")]
fn set_state(ctx: BtfTracePointContext) -> i32 {
    state_changed(&ctx);
    0
}

#[inline(always)]
fn state_changed(ctx: &BtfTracePointContext) -> Option<()> {
    let sk: *mut core::ffi::c_void = ctx.arg(0);
    let state: i32 = ctx.arg(2);
    if state != SYN_SENT && state != CLOSED {
        return None;
    }
    let protocol: u16 = member(sk as u64, offset!(sock_protocol))?;
    if u32::from(protocol) != TCP {
        return None;
    }
    // SAFETY: no preconditions.
    if state == SYN_SENT && !scope::covers(unsafe { bpf_get_current_task() })? {
        return None;
    }
    // SAFETY: the tracepoint's first argument is a socket.
    let cookie = unsafe { bpf_get_socket_cookie(sk) };
    if state == SYN_SENT { opened(sk, cookie, remote_of(sk as u64)?, false) } else { closed(sk, cookie) }
}

/// The far end of the socket at `sk`, as the kernel's structure has it.
#[inline(always)]
pub(crate) fn remote_of(sk: u64) -> Option<Ends> {
    let family: u16 = member(sk, offset!(sock_family))?;
    let mut ends = Ends { family, ..Ends::default() };
    if family == FAMILY_V4 {
        let [a, b, c, d]: [u8; 4] = member(sk, offset!(sock_remote_v4))?;
        (ends.remote[0], ends.remote[1], ends.remote[2], ends.remote[3]) = (a, b, c, d);
    } else {
        ends.remote = member(sk, offset!(sock_remote_v6))?;
    }
    ends.remote_port = u16::from_be(member(sk, offset!(sock_remote_port))?);
    Some(ends)
}

#[inline(always)]
fn closed(sk: *mut core::ffi::c_void, cookie: u64) -> Option<()> {
    // SAFETY: the tracepoint's first argument is a socket.
    let flow = match unsafe { flow(sk) } {
        Some(flow) => flow,
        // SAFETY: nothing of the entry is held on to.
        None => unsafe { spare(cookie) }?,
    };
    // The socket may connect again, or listen.
    let known_to_agent = flow.told == 1 || flow.captured == 1;
    *flow = Flow::NEW;
    if known_to_agent {
        emit::write(Kind::Close, Close { header: emit::header(Kind::Close, 0), cookie });
    }
    Some(())
}

/// Reads a field of the socket. Volatile: else LLVM merges the branches below into one load through a computed
/// pointer, which the verifier refuses.
macro_rules! field {
    ($sk:ident.$($path:tt)+) => {
        // SAFETY: the caller checked the socket; the verifier turns the field into a checked load.
        unsafe { core::ptr::read_volatile(&raw const (*$sk).$($path)+) }
    };
}
pub(crate) use field;

/// Both ends of a packet's socket, as the process sees them: a packet's own addresses may be translated.
#[inline(always)]
pub(crate) fn ends_of_sock(sk: *mut bpf_sock) -> Ends {
    let family = field!(sk.family) as u16;
    let mut ends = Ends { family, ..Ends::default() };
    if family == FAMILY_V4 {
        put(&mut ends.local, 0, field!(sk.src_ip4));
        put(&mut ends.remote, 0, field!(sk.dst_ip4));
    } else {
        put(&mut ends.local, 0, field!(sk.src_ip6[0]));
        put(&mut ends.local, 4, field!(sk.src_ip6[1]));
        put(&mut ends.local, 8, field!(sk.src_ip6[2]));
        put(&mut ends.local, 12, field!(sk.src_ip6[3]));
        put(&mut ends.remote, 0, field!(sk.dst_ip6[0]));
        put(&mut ends.remote, 4, field!(sk.dst_ip6[1]));
        put(&mut ends.remote, 8, field!(sk.dst_ip6[2]));
        put(&mut ends.remote, 12, field!(sk.dst_ip6[3]));
    }
    ends.local_port = field!(sk.src_port) as u16;
    ends.remote_port = u16::from_be(field!(sk.dst_port));
    ends
}

/// Four address bytes, already in network order in memory.
#[inline(always)]
fn put(address: &mut [u8; 16], at: usize, word: u32) {
    let [a, b, c, d] = word.to_ne_bytes();
    (address[at], address[at + 1], address[at + 2], address[at + 3]) = (a, b, c, d);
}
