//! minewarden: finds cryptomining on Linux hosts and says who, what, since when, and how it knows.
//!
//! One pipe: kernel hook -> ring buffer -> `decode` -> `enrich` -> `detect` -> `weigh` -> `incident` -> `sink`.
//! See `docs/architecture.md` for the map and the invariants.
pub mod detect;
pub mod enrich;
pub mod event;
pub mod notice;
pub mod outcome;
pub mod redact;
pub mod sink;
pub mod source;
pub mod worker;
