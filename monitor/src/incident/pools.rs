//! What processes did as pools, in case one of them turns out to be a miner too.
//!
//! Owns that memory and its cap. Must not know incidents.
use crate::{
    enrich::bounded::Bounded,
    event::{Owner, ProcessKey},
    finding::{Claim, Finding, Found},
};

/// Processes whose side as a pool is remembered.
const POOLS: usize = 1_024;
/// Findings remembered of each, one per rule.
const FINDINGS: usize = 8;

/// What one process did as a pool, under one exec generation.
#[derive(Default)]
struct Side {
    generation: Option<u32>,
    found: Vec<Found>,
}

/// The pools' sides of processes.
pub(super) struct Pools {
    sides: Bounded<ProcessKey, Side>,
}

impl Pools {
    pub(super) fn new() -> Self {
        Self { sides: Bounded::new(POOLS) }
    }

    /// Keeps what a process did, under the exec generation it did it in.
    pub(super) fn remember(&mut self, key: ProcessKey, generation: Option<u32>, found: &Found) {
        let side = self.sides.entry(key);
        if side.generation != generation {
            *side = Side { generation, found: Vec::new() };
        }
        side.found.retain(|known| known.finding.rule.name != found.finding.rule.name);
        if side.found.len() < FINDINGS {
            // The wallets of those who mine there are not its own.
            let finding = Finding { claim: Claim::default(), ..found.finding.clone() };
            side.found.push(Found { finding, ..found.clone() });
        }
    }

    /// What a process did as a pool.
    pub(super) fn of(&self, key: ProcessKey) -> &[Found] {
        self.sides.peek(&key).map(|side| side.found.as_slice()).unwrap_or_default()
    }

    /// A process ended.
    pub(super) fn forget(&mut self, key: ProcessKey) {
        self.sides.remove(&key);
    }

    /// A process runs another program now.
    pub(super) fn replaced(&mut self, owner: Owner) {
        if self.sides.peek(&owner.key).is_some_and(|side| owner.generation > side.generation) {
            self.sides.remove(&owner.key);
        }
    }

    /// Processes forgotten for want of room, since start.
    pub(super) fn evicted(&self) -> u64 {
        self.sides.evicted()
    }
}
