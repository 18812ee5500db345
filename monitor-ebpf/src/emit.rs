//! From a filled record to the ring: reserve, fill, submit, or count the loss.
//!
//! Owns the decision when to wake the agent. Must not know what a record means.
use aya_ebpf::{
    bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::generated::bpf_ktime_get_boot_ns,
    maps::{RingBuf, ring_buf::RingBufEntry},
};
use monitor_ebpf::{
    event::{Header, Kind},
    limits,
    stats::Counter,
};

use crate::maps::{FLOW_EVENTS, TASK_EVENTS, WAKES, count};

/// How soon the agent should look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Within the drain timer.
    Ordinary,
    /// Now: a flow is being judged.
    Now,
}

/// Boot time, nanoseconds.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// A header with a tail of `tail` bytes.
#[inline(always)]
pub(crate) fn header(kind: Kind, tail: u32) -> Header {
    Header { at: now(), kind: kind as u32, tail }
}

#[inline(always)]
fn ring(kind: Kind) -> (&'static RingBuf, u32) {
    match kind {
        Kind::Exec | Kind::Fork | Kind::Exit => (&TASK_EVENTS, 0),
        Kind::Connect | Kind::Payload | Kind::Close => (&FLOW_EVENTS, 1),
    }
}

/// Room for one `T` in the ring of `kind`; a full ring is counted.
#[inline(always)]
pub(crate) fn reserve<T: 'static>(kind: Kind) -> Option<RingBufEntry<T>> {
    let entry = ring(kind).0.reserve::<T>(0);
    if entry.is_none() {
        count(Counter::lost(kind));
    }
    entry
}

/// Wakes the agent at most once per gap: waking a sleeper costs far more than the record itself, and a woken
/// agent drains again after [`limits::DRAIN_NANOS`].
#[inline(always)]
pub(crate) fn submit<T: 'static>(entry: RingBufEntry<T>, kind: Kind, urgency: Urgency) {
    let gap = if urgency == Urgency::Now { limits::URGENT_WAKE_NANOS } else { limits::WAKE_NANOS };
    let mut flags = BPF_RB_FORCE_WAKEUP;
    if let Some(last) = WAKES.get_ptr_mut(ring(kind).1) {
        let now = now();
        // SAFETY: the slot lives as long as the map. Two CPUs may both see the gap as over: one wake too many.
        unsafe {
            if now.wrapping_sub(*last) < gap {
                flags = BPF_RB_NO_WAKEUP;
            } else {
                *last = now;
            }
        }
    }
    entry.submit(u64::from(flags));
}

/// Writes a record without a tail.
#[inline(always)]
pub(crate) fn write<T: Copy + 'static>(kind: Kind, record: T) {
    if let Some(mut entry) = reserve::<T>(kind) {
        entry.write(record);
        submit(entry, kind, Urgency::Ordinary);
    }
}
