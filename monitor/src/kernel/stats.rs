//! The kernel programs' counters, added up over all CPUs.
//!
//! Owns reading them. Must not know who prints them.
use std::io;

use aya::maps::{MapData, PerCpuArray};
use monitor_ebpf::stats::Counter;

/// Handle on the counters.
pub struct Stats {
    map: PerCpuArray<MapData, u64>,
}

impl Stats {
    pub(super) const fn new(map: PerCpuArray<MapData, u64>) -> Self {
        Self { map }
    }

    /// Name and total since the programs were loaded, every counter.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn read(&self) -> io::Result<Vec<(String, u64)>> {
        Counter::ALL
            .iter()
            .map(|&(counter, name)| {
                let values = self.map.get(&(counter as u32), 0).map_err(io::Error::other)?;
                Ok((name.to_owned(), values.iter().sum()))
            })
            .collect()
    }
}
