//! Sizes that both sides know.
//!
//! Owns capacities and lengths. Must not know why a flow is looked at (`policy.rs` of the programs).

/// Bytes of a task's command name, `TASK_COMM_LEN` in include/linux/sched.h.
pub const COMM: usize = 16;
/// Bytes of a terminal's name that are kept; the kernel has room for 64, `ttySOMETHING12` is long.
pub const TTY: usize = 16;
/// Most bytes that the strings of an exec take together (file name, interpreter, path, directory); what does not fit
/// is left out, the last first.
pub const STRINGS: usize = 4096;
/// Names and mounts followed from a file up to its root; what is deeper has no path.
pub const STEPS: u32 = 32;
/// Most bytes of an argument area in one record; more is marked as truncated.
pub const ARGV: usize = 4096;
/// Most bytes of one segment in one record, and most bytes of a direction captured at a time.
pub const PAYLOAD: usize = 4096;
/// Bytes captured when a flow that had been rejected is looked at again.
pub const LOOK: usize = 512;
/// Bytes at the start of a segment that decide whether it can be mining.
pub const HEAD: usize = 64;

/// Ring for exec, fork and exit. A mapped ring counts twice in resident memory.
pub const TASK_RING: u32 = 1 << 20;
/// Ring for connect, payload and close.
pub const FLOW_RING: u32 = 2 << 20;
/// Socket cookies that one iterator pass can look for.
pub const WANTED: u32 = 256;

/// Sockets that could not keep their own state, whose state is kept elsewhere.
pub const SPARE: u32 = 1024;

/// A wake-up is sent at most this often for ordinary records. The agent drains [`DRAIN_NANOS`] after a wake-up, so
/// that a record written in between is never left lying.
pub const WAKE_NANOS: u64 = 15_000_000;
/// The same for the payload of a flow that is still being judged.
pub const URGENT_WAKE_NANOS: u64 = 1_000_000;
/// How long the agent waits before it drains again while data may be waiting. Above [`WAKE_NANOS`] by the
/// time a program may take between deciding not to wake and submitting its record.
pub const DRAIN_NANOS: u64 = 20_000_000;
/// The same after payload: its answer, or the rest of a login, comes within a round trip. Above
/// [`URGENT_WAKE_NANOS`].
pub const URGENT_DRAIN_NANOS: u64 = 2_000_000;
