//! Whole conversations through the detector.
pub(super) mod fixture;
mod found;
mod hostile;
mod negatives;
mod over_http;
pub(super) mod samples;
