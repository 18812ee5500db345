//! Whole conversations through the detector.
pub(super) mod fixture;
mod found;
mod hostile;
mod negatives;
pub(super) mod samples;
