//! The kernel programs' counters, added up over all CPUs.
//!
//! Owns reading them. Must not know who prints them.
use std::io;

use aya::maps::{MapData, PerCpuArray};
use monitor_ebpf::stats::Counter;

use crate::event::Counters;

/// Handle on the counters.
pub struct Stats {
    map: PerCpuArray<MapData, u64>,
}

impl Stats {
    pub(super) const fn new(map: PerCpuArray<MapData, u64>) -> Self {
        Self { map }
    }

    /// Every counter's name and total since the programs were loaded, losses apart from the rest.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn read(&self) -> io::Result<Counters> {
        let mut counters = Counters::default();
        for (counter, name) in Counter::ALL {
            let values = self.map.get(&(counter as u32), 0).map_err(io::Error::other)?;
            let kept = if counter.is_loss() { &mut counters.lost } else { &mut counters.seen };
            kept.push((name.to_owned(), values.iter().sum()));
        }
        Ok(counters)
    }
}
