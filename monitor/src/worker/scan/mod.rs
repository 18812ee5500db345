//! Searches executables and the memory of processes for what is known of miners.
//!
//! Owns the answers to [`crate::outcome::Request::Scan`]. Must not know what a match is worth.
mod packed;
mod pass;

pub use pass::{Searched, search_file};
