//! The processes of this host, by key.
//!
//! Owns [`ProcessTable`], its cap and how long the dead are kept. Must not know flows, detectors, or how facts
//! are read.
use std::{collections::VecDeque, time::Duration};

pub use super::process::{Image, LookUp, Process, Who};
use super::{
    bounded::Bounded,
    lineage::{ANCESTORS, Ancestor, Lineage},
};
use crate::event::{Body, BootTime, Event, Fork, Owner, ProcessKey};

/// How long an exited process is kept for packets that come late.
const KEPT_AFTER_EXIT: Duration = Duration::from_secs(60);

/// Bounded table of processes, fed by events only.
pub struct ProcessTable {
    entries: Bounded<ProcessKey, Process>,
    dead: VecDeque<(BootTime, ProcessKey)>,
    dead_capacity: usize,
    forgotten_dead: u64,
}

impl ProcessTable {
    /// At most `capacity` processes, of them at most a quarter dead ones: a storm of short-lived processes may
    /// not push out the ones that live.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: Bounded::new(capacity),
            dead: VecDeque::new(),
            dead_capacity: capacity.div_ceil(4),
            forgotten_dead: 0,
        }
    }

    /// What is known of a process.
    #[must_use]
    pub fn get(&self, key: ProcessKey) -> Option<&Process> {
        self.entries.peek(&key)
    }

    /// Processes held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Processes that may be held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Living processes forgotten for want of room, since start.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.entries.evicted()
    }

    /// Exited processes forgotten before their time for want of room, since start: no loss unless a packet of
    /// theirs comes late.
    #[must_use]
    pub const fn forgotten_dead(&self) -> u64 {
        self.forgotten_dead
    }

    /// Ancestors, nearest first, at most 16: those that made it, as they were then, whether they still live or not.
    /// Where nobody saw that: what /proc said later, else the parents that are known here.
    #[must_use]
    pub fn ancestry(&self, key: ProcessKey) -> Vec<(String, u32)> {
        let (ancestors, _) = self.trace(key);
        ancestors.iter().map(|ancestor| (ancestor.name.to_string(), ancestor.pid)).collect()
    }

    /// Ancestors, and the farthest of them where it is known as a process.
    fn trace(&self, key: ProcessKey) -> (Vec<Ancestor>, Option<ProcessKey>) {
        let mut ancestors = Vec::new();
        let mut next = Some(key);
        let mut top = None;
        while ancestors.len() < ANCESTORS
            && let Some(process) = next.and_then(|key| self.get(key))
        {
            let lineage = &process.lineage;
            if lineage.is_empty() {
                let parent = process.task.as_ref().map(|task| task.parent);
                let Some(parent) = parent.filter(|parent| Some(*parent) != next) else { break };
                let Some(named) = self.get(parent).and_then(Process::as_ancestor) else { break };
                ancestors.push(named);
                next = Some(parent);
            } else {
                ancestors.extend_from_slice(lineage.ancestors());
                next = lineage.top();
            }
            top = next;
        }
        ancestors.truncate(ANCESTORS);
        (ancestors, top)
    }

    /// The lineage of a child that `parent` makes now; `None` when the parent is not known by name.
    fn heirs(&mut self, parent: ProcessKey) -> Option<Lineage> {
        let process = self.get(parent)?;
        if let Some(heirs) = &process.heirs {
            return Some(heirs.clone());
        }
        let own = process.as_ancestor()?;
        let (above, top) = self.trace(parent);
        let top = if above.is_empty() { Some(parent) } else { top };
        let all: Vec<Ancestor> = std::iter::once(own).chain(above).collect();
        let heirs = Lineage::new(&all, top);
        self.entries.get_mut(&parent)?.heirs = Some(heirs.clone());
        Some(heirs)
    }

    /// Notes that /proc is being asked about what runs in this process now.
    pub(crate) fn asked(&mut self, owner: Owner) {
        let process = self.entries.entry(owner.key);
        process.meet(owner);
        process.look_up = LookUp::Asked;
    }

    /// Takes in what an event says.
    pub(crate) fn observe(&mut self, event: &Event) {
        if matches!(event.body, Body::Tick) {
            self.forget_dead(event.at);
        }
        if let Body::Holders { holders, .. } | Body::Established { holders, .. } = &event.body {
            for holder in holders {
                self.entries.entry(holder.key).meet(*holder);
            }
        }
        let Some(owner) = event.owner else { return };
        match &event.body {
            Body::Exec(exec) => {
                let process = self.entries.entry(owner.key);
                process.exec(owner, exec);
                process.executed = process.executed.max(Some(event.at));
                self.descend(owner.key, exec.task.parent);
            }
            Body::Fork(fork) => self.fork(owner, fork),
            Body::Exit { .. } => self.exit(owner.key, event.at),
            Body::ProcFacts(facts) => self.entries.entry(owner.key).learn(owner, facts),
            Body::Running(running) => {
                self.entries.entry(owner.key).running(owner, running);
                self.descend(owner.key, running.task.parent);
            }
            Body::Scanned(scanned) => self.entries.entry(owner.key).scanned(owner, scanned),
            Body::Connect { .. } | Body::Payload(_) => self.entries.entry(owner.key).meet(owner),
            Body::Close { .. }
            | Body::Holders { .. }
            | Body::Established { .. }
            | Body::Setup(_)
            | Body::Counters(_)
            | Body::Clock { .. }
            | Body::Tick => {}
        }
    }

    fn fork(&mut self, owner: Owner, fork: &Fork) {
        let heirs = self.heirs(fork.parent).unwrap_or_else(|| {
            // Made before the agent came: a child starts with its maker's name. Both numbers of its pid are the same
            // where those of its child are.
            let pid = if owner.pid == owner.key.tgid { fork.parent.tgid } else { 0 };
            Lineage::new(&[Ancestor::new(&fork.task.comm, pid)], Some(fork.parent))
        });
        let parent = self.entries.get_mut(&fork.parent).cloned();
        let child = self.entries.entry(owner.key);
        child.fork(owner, fork, parent.as_ref());
        child.lineage = heirs;
    }

    /// A process whose fork nobody saw has its parent of now for its maker.
    fn descend(&mut self, key: ProcessKey, parent: ProcessKey) {
        if key == parent || self.get(key).is_none_or(|process| !process.lineage.is_empty()) {
            return;
        }
        let heirs = self.heirs(parent);
        if let (Some(heirs), Some(process)) = (heirs, self.entries.get_mut(&key)) {
            process.lineage = heirs;
        }
    }

    fn exit(&mut self, key: ProcessKey, at: BootTime) {
        let Some(process) = self.entries.get_mut(&key) else { return };
        if process.exited.replace(at).is_some() {
            return;
        }
        self.dead.push_back((at, key));
        if self.dead.len() > self.dead_capacity
            && let Some((_, oldest)) = self.dead.pop_front()
        {
            self.forgotten_dead += u64::from(self.entries.remove(&oldest).is_some());
        }
    }

    fn forget_dead(&mut self, now: BootTime) {
        while let Some((at, key)) = self.dead.front().copied()
            && now.since(at) >= KEPT_AFTER_EXIT
        {
            self.dead.pop_front();
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
