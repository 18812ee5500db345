//! From a filled record to the ring: reserve, fill, submit, or count the loss.
//!
//! Owns the decision when to wake the agent. Must not know what a record means.
use aya_ebpf::{
    bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::generated::{bpf_jiffies64, bpf_ktime_get_boot_ns},
    maps::{RingBuf, ring_buf::RingBufEntry},
};
use monitor_ebpf::{
    event::{Header, Kind},
    limits,
    stats::Counter,
};

use crate::maps::{FLOW_EVENTS, TASK_EVENTS, WAKES, count};

/// Index of the urgent wake-ups in [`WAKES`]; the rings have 0 and 1.
const URGENT: u32 = 2;

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

/// Timer ticks since boot, of `1 / HZ` seconds each; the verifier makes a plain load of it.
#[inline(always)]
pub(crate) fn tick() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_jiffies64() }
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
/// agent drains again soon. Urgent wake-ups have a gap of their own, so that an ordinary record does not hold
/// back the payload right behind it; each also counts as an ordinary one.
#[inline(always)]
pub(crate) fn submit<T: 'static>(entry: RingBufEntry<T>, kind: Kind, urgency: Urgency) {
    let ordinary = ring(kind).1;
    let wakes = match urgency {
        Urgency::Now => {
            let wakes = over(URGENT, limits::URGENT_WAKE_NANOS);
            if wakes {
                over(ordinary, 0);
            }
            wakes
        }
        Urgency::Ordinary => over(ordinary, limits::WAKE_NANOS),
    };
    entry.submit(u64::from(if wakes { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP }));
}

/// Whether `gap` nanoseconds have gone by since this last said so.
#[inline(always)]
fn over(slot: u32, gap: u64) -> bool {
    let Some(last) = WAKES.get_ptr_mut(slot) else {
        return true;
    };
    let now = now();
    // SAFETY: the slot lives as long as the map. Two CPUs may both see the gap as over: one wake too many.
    unsafe {
        let over = now.wrapping_sub(*last) >= gap;
        if over {
            *last = now;
        }
        over
    }
}

/// Writes a record without a tail.
#[inline(always)]
pub(crate) fn write<T: Copy + 'static>(kind: Kind, record: T) {
    if let Some(mut entry) = reserve::<T>(kind) {
        entry.write(record);
        submit(entry, kind, Urgency::Ordinary);
    }
}
