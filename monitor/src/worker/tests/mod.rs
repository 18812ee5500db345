//! Tests of the workers as a whole, with a fake at the two seams.
pub(crate) mod fake;
mod live;
mod owners;
mod pool;
mod reader;
