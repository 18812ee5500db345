//! One incident, folded from its entries.
//!
//! Owns what the entries of one id on one host come to, in whatever order and however often they arrive. Must not
//! know other incidents.
use jiff::Timestamp;

use super::entry::{Entry, Facts, Level};
use crate::notice::Kind;

/// What is known of one incident.
#[derive(Debug)]
pub(super) struct Incident {
    /// The newest value of each field.
    pub(super) facts: Facts,
    /// The highest level that was told.
    pub(super) level: Level,
    /// The highest score that was told.
    pub(super) score: u64,
    /// When its first evidence was seen, else its oldest entry.
    pub(super) since: Timestamp,
    /// Its newest entry.
    pub(super) last: Timestamp,
    /// When it ended, if it was told.
    pub(super) ended: Option<Timestamp>,
    /// Entries that counted.
    pub(super) entries: u64,
    /// A self-test.
    pub(super) test: bool,
    /// What the journal called the host.
    pub(super) hostname: Option<Box<str>>,
}

impl Incident {
    /// Of its first entry; `None` when that is no incident's.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let facts = Facts::clone(entry.facts.as_deref()?);
        Some(Self {
            level: facts.level,
            score: facts.score.unwrap_or(0),
            since: facts.since.unwrap_or(entry.time),
            last: entry.time,
            ended: (entry.kind == Kind::IncidentEnded).then_some(entry.time),
            entries: 1,
            test: entry.test,
            hostname: entry.hostname.clone(),
            facts,
        })
    }

    /// Adds another entry of the same incident.
    pub(super) fn add(&mut self, entry: &Entry) {
        let Some(facts) = entry.facts.as_deref() else { return };
        self.entries += 1;
        self.test |= entry.test;
        self.level = self.level.max(facts.level);
        self.score = self.score.max(facts.score.unwrap_or(0));
        self.since = self.since.min(facts.since.unwrap_or(entry.time));
        if entry.kind == Kind::IncidentEnded {
            self.ended = self.ended.max(Some(entry.time));
        }
        let newer = entry.time >= self.last;
        self.last = self.last.max(entry.time);
        if newer {
            self.hostname = entry.hostname.clone().or(self.hostname.take());
            let old = std::mem::replace(&mut self.facts, facts.clone());
            fill(&mut self.facts, &old);
        } else {
            fill(&mut self.facts, facts);
        }
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.facts.bytes()
    }
}

/// What `facts` does not say, `other` may.
fn fill(facts: &mut Facts, other: &Facts) {
    for (own, other) in facts.texts.iter_mut().zip(&other.texts) {
        if own.is_none() {
            own.clone_from(other);
        }
    }
    for (own, other) in facts.numbers.iter_mut().zip(&other.numbers) {
        *own = own.or(*other);
    }
    if facts.evidence.is_empty() {
        facts.evidence.clone_from(&other.evidence);
    }
}
