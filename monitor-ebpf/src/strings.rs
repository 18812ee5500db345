//! Strings one behind the other in a record: names that the kernel has, and paths put together from them.
//!
//! Owns the walk from a file up to its root. Helpers that know paths (`bpf_d_path`) are not allowed in a raw tracepoint.
//! Nothing is locked: a rename in the same instant can give a path that never was. Must not know which record.
//!
//! Results go to the record's memory and are read back from there: of that the verifier remembers nothing, so that it
//! follows one way on from here instead of one for each way out of each turn of the loop (measured: 20 times fewer
//! instructions).
use core::{hint::black_box, ptr};

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_kernel_str};
use monitor_ebpf::{
    event::{LONG_STRING, NO_STRING},
    limits,
};

use crate::read::offset;

/// Room for one name, its NUL included: `NAME_MAX` in include/uapi/linux/limits.h.
const NAME: u32 = 256;

/// Strings in the first `M` bytes of memory that has `2 * M`; `M` is a power of two, at least [`NAME`].
pub(crate) struct Strings<const M: usize> {
    start: *mut u8,
    /// Where the next one goes, below `M`.
    end: *mut u32,
}

impl<const M: usize> Strings<M> {
    /// None yet. `end` is where the bytes taken are counted.
    ///
    /// # Safety
    /// `start` is valid for writes of `2 * M` bytes, and `end` for reads and writes, for as long as `self` is used.
    #[inline(always)]
    pub(crate) unsafe fn new(start: *mut u8, end: *mut u32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { end.write_volatile(0) };
        Self { start, end }
    }

    /// Bytes taken, below `M`.
    #[inline(always)]
    pub(crate) fn end(&self) -> u32 {
        // The mask keeps the bound where the verifier sees it: LLVM drops a plain comparison.
        // SAFETY: the promise of `new`.
        black_box(unsafe { self.end.read_volatile() }) & (M as u32 - 1)
    }

    #[inline(always)]
    fn set(&self, begin: u32, end: u32, size: &mut u16) {
        // SAFETY: the promise of `new`; a reference.
        unsafe {
            self.end.write_volatile(end);
            ptr::write_volatile(size, (end - begin) as u16);
        }
    }

    /// Appends a string of the kernel. `size` becomes the number of bytes that it took, its NUL included, or why it is
    /// not there.
    #[inline(always)]
    pub(crate) fn string(&self, address: u64, size: &mut u16) {
        let begin = self.end();
        let end = begin + self.copy(begin, M as u32, address);
        if end == begin {
            write(size, NO_STRING);
        } else if end < M as u32 {
            self.set(begin, end, size);
        } else {
            write(size, LONG_STRING);
        }
    }

    /// After the first string proved too long: keeps what of it fits.
    #[inline(always)]
    pub(crate) fn cut_first(&self, size: &mut u16) {
        self.set(0, M as u32 - 1, size);
    }

    /// Copies at most `most` bytes, NUL included, to `at`, which is below `M`; they may run over into the second half.
    /// Says how many; 0 when they cannot be read.
    #[inline(always)]
    fn copy(&self, at: u32, most: u32, address: u64) -> u32 {
        // SAFETY: `at` is below `M` and `most` at most `M`; the helper checks the source.
        let copied = unsafe {
            bpf_probe_read_kernel_str(self.start.add(at as usize).cast(), most, address as *const _)
        };
        if copied < 0 { 0 } else { copied as u32 }
    }

    /// Appends the names of a `struct path`, from the file up to the root of its mount namespace. The root itself has
    /// no name: nothing is appended. `size` is as for [`Self::string`].
    #[inline(always)]
    pub(crate) fn path(&self, path: u64, size: &mut u16) {
        write(size, NO_STRING);
        let begin = self.end();
        let mut end = begin;
        let mut dentry = follow(path, offset!(path_dentry));
        let mut mount = follow(path, offset!(path_mount)).wrapping_sub(u64::from(offset!(mount_shown)));
        let mut root = top(mount);
        let mut step = 0;
        // An address that cannot be followed is 0, and of 0 there is no name.
        while step < limits::STEPS {
            step += 1;
            // The same bounds on every way to here: else the verifier would follow each of them apart.
            end = black_box(end) & (M as u32 - 1);
            if dentry == root {
                let parent = follow(mount, offset!(mount_parent));
                if parent == mount {
                    self.set(begin, end, size);
                    break;
                }
                dentry = follow(mount, offset!(mount_point));
                mount = parent;
                root = top(mount);
            } else {
                let copied = self.copy(end, NAME, follow(dentry, offset!(dentry_name)));
                if copied == 0 {
                    break;
                }
                end += copied;
                if end >= M as u32 {
                    write(size, LONG_STRING);
                    break;
                }
                let parent = follow(dentry, offset!(dentry_parent));
                if parent == dentry {
                    // In no mount's tree: a memfd.
                    self.set(begin, end, size);
                    break;
                }
                dentry = parent;
            }
        }
    }
}

/// The dentry at the top of a `struct mount`.
#[inline(always)]
fn top(mount: u64) -> u64 {
    follow(mount.wrapping_add(u64::from(offset!(mount_shown))), offset!(mount_root))
}

/// The pointer at `offset` of the structure at `base`; 0 when it cannot be read. A member that this kernel lacks is at
/// no address that can be.
#[inline(always)]
fn follow(base: u64, offset: u32) -> u64 {
    let mut value = 0;
    // SAFETY: `value` has room for what is read; the helper checks the source, and gives 0 where it fails.
    unsafe {
        bpf_probe_read_kernel(
            (&raw mut value).cast(),
            size_of::<u64>() as u32,
            base.wrapping_add(u64::from(offset)) as *const _,
        );
    }
    value
}

#[inline(always)]
fn write(size: &mut u16, value: u16) {
    // SAFETY: a reference.
    unsafe { ptr::write_volatile(size, value) };
}
