//! x
pub mod cgroup;
