//! Whole conversations through the detector.
pub(super) mod fixture;
mod found;
mod hostile;
mod learned;
mod negatives;
mod samples;
