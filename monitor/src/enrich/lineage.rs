//! Who a process descends from.
//!
//! Owns [`Lineage`]: the ancestors as they were when the process was made. A parent that ends leaves its child to init,
//! and is soon forgotten; its name stays here. Must not know the table.
use std::sync::Arc;

use crate::event::ProcessKey;

/// Ancestors kept at most; the same number as in [`crate::event::ProcFacts::ancestry`].
pub(super) const ANCESTORS: usize = 16;

/// Name and pid in the agent's PID namespace (0: not visible there).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ancestor {
    pub(super) name: Arc<str>,
    pub(super) pid: u32,
}

impl Ancestor {
    pub(super) fn new(name: &str, pid: u32) -> Self {
        Self { name: name.into(), pid }
    }
}

/// Ancestors, nearest first, at most [`ANCESTORS`]. Siblings share one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    ancestors: Arc<[Ancestor]>,
    /// The farthest of them, where it is known as a process: more may be known of it by now.
    top: Option<ProcessKey>,
}

impl Lineage {
    /// Of these ancestors, the farthest of which is `top`.
    pub(super) fn new(ancestors: &[Ancestor], top: Option<ProcessKey>) -> Self {
        let kept = ancestors.get(..ANCESTORS).unwrap_or(ancestors);
        Self { ancestors: kept.into(), top: top.filter(|_| kept.len() == ancestors.len()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ancestors.is_empty()
    }

    pub(super) fn ancestors(&self) -> &[Ancestor] {
        &self.ancestors
    }

    pub(super) const fn top(&self) -> Option<ProcessKey> {
        self.top
    }

    /// Takes in what /proc says of the same process, later: an ancestor that ended is not in it any more, so it only
    /// adds what is above the farthest that is known.
    pub(super) fn learn(&mut self, told: &[(String, u32)]) {
        let above = match self.ancestors.last() {
            None => told,
            Some(last) if last.pid != 0 => {
                let at = told.iter().position(|(_, pid)| *pid == last.pid);
                at.and_then(|at| told.get(at + 1..)).unwrap_or_default()
            }
            Some(_) => &[],
        };
        if above.is_empty() {
            return;
        }
        let above = above.iter().map(|(name, pid)| Ancestor::new(name, *pid));
        let all: Vec<Ancestor> = self.ancestors.iter().cloned().chain(above).collect();
        *self = Self::new(&all, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(told: &[(&str, u32)]) -> Vec<(String, u32)> {
        told.iter().map(|(name, pid)| ((*name).to_owned(), *pid)).collect()
    }

    fn shown(lineage: &Lineage) -> Vec<(String, u32)> {
        lineage.ancestors().iter().map(|ancestor| (ancestor.name.to_string(), ancestor.pid)).collect()
    }

    #[test]
    fn proc_adds_what_is_above_and_never_takes_away() {
        let mut lineage = Lineage::new(&[Ancestor::new("sh", 30), Ancestor::new("bash", 20)], None);
        lineage.learn(&line(&[("init", 1)]));
        assert_eq!(shown(&lineage), line(&[("sh", 30), ("bash", 20)]), "reparented: nothing in common");
        lineage.learn(&line(&[("sh", 30), ("bash", 20), ("sshd", 10), ("init", 1)]));
        let whole = line(&[("sh", 30), ("bash", 20), ("sshd", 10), ("init", 1)]);
        assert_eq!(shown(&lineage), whole);
        lineage.learn(&line(&[("init", 1)]));
        lineage.learn(&[]);
        assert_eq!(shown(&lineage), whole);
    }

    #[test]
    fn without_anything_known_proc_is_believed() {
        let mut lineage = Lineage::default();
        lineage.learn(&line(&[("bash", 20), ("init", 1)]));
        assert_eq!(shown(&lineage), line(&[("bash", 20), ("init", 1)]));
    }

    #[test]
    fn an_ancestor_that_cannot_be_seen_is_not_taken_for_another_one() {
        let mut lineage = Lineage::new(&[Ancestor::new("runc", 0)], None);
        lineage.learn(&line(&[("odd", 0), ("init", 1)]));
        assert_eq!(shown(&lineage), line(&[("runc", 0)]));
    }

    #[test]
    fn is_cut_at_the_cap() {
        let many: Vec<Ancestor> = (1..=40).map(|pid| Ancestor::new("sh", pid)).collect();
        let cut = Lineage::new(&many, Some(ProcessKey::default()));
        assert_eq!((cut.ancestors().len(), cut.top()), (ANCESTORS, None));
    }
}
