//! Whole conversations through the detector.
mod everyday;
pub(super) mod fixture;
mod found;
mod hostile;
mod layers;
mod learned;
mod negatives;
mod no_json;
mod over_http;
pub(super) mod samples;
