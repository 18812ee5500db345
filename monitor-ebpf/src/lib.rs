//! Kernel/user ABI.
#![no_std]
