//! minewarden: finds cryptomining on Linux hosts and says who, what, since when, and how it knows.
//!
//! One pipe: kernel hook -> ring buffer -> `decode` -> `enrich` -> `detect` -> `weigh` -> `incident` -> `sink`.
//! See `docs/architecture.md` for the map and the invariants.
pub mod agent;
pub mod cli;
pub mod config;
pub mod decode;
pub mod detect;
pub mod enrich;
pub mod event;
pub mod finding;
pub mod host;
mod incident;
pub mod kernel;
pub mod metrics;
pub mod notice;
pub mod outcome;
pub mod pipeline;
pub mod privilege;
pub mod record;
pub mod redact;
pub mod rules;
pub mod selftest;
pub mod service;
pub mod sink;
pub mod source;
#[cfg(test)]
mod testing;
pub mod weigh;
pub mod worker;
