//! Every map, with its cap.
//!
//! Owns storage. Must not know who reads or fills it.
use core::{ffi::c_void, ptr};

use aya_ebpf::{
    bindings::BPF_SK_STORAGE_GET_F_CREATE,
    btf_maps::SkStorage,
    helpers::generated::bpf_sk_storage_get,
    macros::{btf_map, map},
    maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
};
use monitor_ebpf::{limits, stats::Counter};

use crate::probe::flow::Flow;

/// Exec, fork and exit records.
#[map]
pub(crate) static TASK_EVENTS: RingBuf = RingBuf::with_byte_size(limits::TASK_RING, 0);

/// Connect, payload and close records: apart, so that a flood of one cannot drown the other.
#[map]
pub(crate) static FLOW_EVENTS: RingBuf = RingBuf::with_byte_size(limits::FLOW_RING, 0);

/// [`Counter`] values.
#[map]
pub(crate) static STATS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Counter::COUNT, 0);

/// When the agent was last woken, boot nanoseconds: index 0 for tasks, 1 for flows, 2 for urgent records.
#[map]
pub(crate) static WAKES: Array<u64> = Array::with_max_entries(3, 0);

/// Cookies that the next iterator pass looks for; written by the agent.
#[map]
pub(crate) static WANTED: HashMap<u64, u8> = HashMap::with_max_entries(limits::WANTED, 0);

/// State of a flow; lives and dies with its socket.
#[btf_map]
pub(crate) static FLOWS: SkStorage<Flow> = SkStorage::new();

/// Not on the stack, which is small.
static EMPTY: Flow = Flow::NEW;

/// State of flows whose sockets could not keep it, by cookie. Emptied by age only.
#[map]
pub(crate) static SPARE: LruHashMap<u64, Flow> = LruHashMap::with_max_entries(limits::SPARE, 0);

/// Adds one to a counter.
#[inline(always)]
pub(crate) fn count(counter: Counter) {
    if let Some(slot) = STATS.get_ptr_mut(counter as u32) {
        // SAFETY: the slot belongs to this CPU; a nested program on it can at worst lose one count.
        unsafe { *slot += 1 };
    }
}

/// The state of a socket. aya-ebpf's own accessor knows only the context of a connect hook.
///
/// # Safety
/// `sk` is a socket to the verifier, and not null.
#[inline(always)]
pub(crate) unsafe fn flow(sk: *mut c_void) -> Option<&'static mut Flow> {
    // SAFETY: the caller's promise; flags 0 only looks up. The storage lives while the program runs. Two CPUs may
    // race on one flow; a lost update costs at most a look.
    unsafe { bpf_sk_storage_get(flows(), sk, ptr::null_mut(), 0).cast::<Flow>().as_mut() }
}

/// The state of a socket, made when there is none. A process can use up what its socket may keep
/// (net.core.optmem_max), so that it gets no storage: then the state has a place in [`SPARE`].
///
/// # Safety
/// As for [`flow`].
#[inline(always)]
pub(crate) unsafe fn flow_or_new(sk: *mut c_void, cookie: impl FnOnce() -> u64) -> Option<&'static mut Flow> {
    // SAFETY: as for `flow`; no value means zeros, which is `Flow::NEW`.
    let flow = unsafe {
        bpf_sk_storage_get(flows(), sk, ptr::null_mut(), u64::from(BPF_SK_STORAGE_GET_F_CREATE))
            .cast::<Flow>()
            .as_mut()
    };
    if flow.is_some() {
        return flow;
    }
    let cookie = cookie();
    // SAFETY: as for `flow`.
    let spare = unsafe { spare(cookie) };
    if spare.is_some() {
        return spare;
    }
    count(Counter::SpareFlow);
    #[expect(clippy::needless_borrows_for_generic_args, reason = "by value it would be copied to the stack")]
    SPARE.insert(cookie, &EMPTY, 0).ok()?;
    // SAFETY: as for `flow`.
    unsafe { self::spare(cookie) }
}

/// The state of a socket that could not keep it itself.
///
/// # Safety
/// The entry may be given to another socket while the program runs; a lost update costs at most a look.
#[inline(always)]
pub(crate) unsafe fn spare(cookie: u64) -> Option<&'static mut Flow> {
    // SAFETY: the memory is the map's, and stays so while the program runs.
    SPARE.get_ptr_mut(cookie).and_then(|flow| unsafe { flow.as_mut() })
}

#[inline(always)]
fn flows() -> *mut c_void {
    (&raw const FLOWS).cast_mut().cast()
}
