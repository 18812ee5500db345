//! What tests and xtask's own commands share.
pub mod collector;
