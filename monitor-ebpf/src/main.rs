//! The kernel programs. Empty on the host, where only the library beside it is of use, and `policy.rs` under test.
//!
//! Owns the list of modules. One file per hook family under `probe/`.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![cfg_attr(
    target_arch = "bpf",
    expect(clippy::needless_pass_by_value, reason = "aya's macros hand each hook its context by value"),
    expect(
        clippy::indexing_slicing,
        reason = "a reachable panic cannot be loaded: the verifier checks each index"
    ),
    expect(
        clippy::cast_possible_truncation,
        reason = "sizes are small constants; sequence numbers wrap on purpose"
    )
)]

#[cfg(target_arch = "bpf")]
mod emit;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(any(target_arch = "bpf", test))]
mod policy;
#[cfg(target_arch = "bpf")]
mod probe;
#[cfg(target_arch = "bpf")]
mod read;
#[cfg(target_arch = "bpf")]
mod scope;
#[cfg(target_arch = "bpf")]
mod strings;
#[cfg(target_arch = "bpf")]
mod task;

/// Helpers such as `bpf_probe_read_kernel` are only for programs under a GPL-compatible licence.
#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Loops for ever, which the verifier refuses: a reachable panic cannot be loaded.
#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
