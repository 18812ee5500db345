//! Reads of kernel memory at offsets that the loader found in BTF.
//!
//! Owns the frozen globals. Must not know what a structure means.
use aya_ebpf::{Global, helpers::bpf_probe_read_kernel};
use monitor_ebpf::tunables::{ABSENT, Offsets};

/// Set by the loader. Read field by field with [`offset!`]: the map behind it is frozen, so to the verifier
/// each field is a constant.
#[unsafe(no_mangle)]
pub(crate) static OFFSETS: Offsets = Offsets::ABSENT;

/// Inode number of the agent's PID namespace, set by the loader.
#[unsafe(no_mangle)]
pub(crate) static PID_NAMESPACE: Global<u32> = Global::new(0);

/// One member's offset.
macro_rules! offset {
    ($field:ident) => {
        // SAFETY: a field of a static. Volatile, since the loader writes the value behind the compiler's back.
        unsafe { core::ptr::read_volatile(&raw const $crate::read::OFFSETS.$field) }
    };
}
pub(crate) use offset;

/// The member at `offset` of the structure at `base`; `None` when this kernel has no such member or the
/// memory cannot be read.
#[inline(always)]
pub(crate) fn member<T>(base: u64, offset: u32) -> Option<T> {
    if offset == ABSENT {
        return None;
    }
    // SAFETY: the helper checks the address; `T` is an integer or an array of them at every call.
    unsafe { bpf_probe_read_kernel((base + u64::from(offset)) as *const T) }.ok()
}

/// Follows a pointer member.
#[inline(always)]
pub(crate) fn pointer(base: u64, offset: u32) -> Option<u64> {
    member::<u64>(base, offset).filter(|&address| address != 0)
}
