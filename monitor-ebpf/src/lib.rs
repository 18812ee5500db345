//! The border between the kernel programs and the agent: record layouts, sizes, counters and tunables.
//!
//! Owns every type and number that both sides must agree on. Must not depend on anything but zerocopy, nor
//! know how records are produced (the bin beside it) or understood (`monitor::decode`).
//!
//! Records are read on the machine that wrote them, so integers are in native order. Every wire type has no
//! padding and takes any bits (`FromBytes + IntoBytes`, checked by the derives), so reading one is safe
//! whatever the ring holds.
#![no_std]

pub mod event;
pub mod limits;
pub mod stats;
pub mod tunables;
