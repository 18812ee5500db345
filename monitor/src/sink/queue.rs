//! The bounded queues in front of a sink.
//!
//! Owns the choice what to give up when it is full. Must not know threads or sinks.
use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc};

use crate::{
    notice::{Kind, Notice},
    record::Record,
};

/// Notices in order, at most `capacity` of them.
pub(super) struct Queue {
    waiting: VecDeque<Arc<Notice>>,
    capacity: NonZeroUsize,
    dropped: u64,
}

impl Queue {
    pub(super) const fn new(capacity: NonZeroUsize) -> Self {
        Self { waiting: VecDeque::new(), capacity, dropped: 0 }
    }

    /// Appends `notice`. When full, one is dropped and counted: the oldest of those worth least, if that is less
    /// than `notice` is worth, else `notice` itself.
    pub(super) fn push(&mut self, notice: Arc<Notice>) {
        if self.waiting.len() >= self.capacity.get() {
            self.dropped += 1;
            let least = self.waiting.iter().enumerate().min_by_key(|(_, waiting)| worth(waiting.kind));
            match least.filter(|(_, waiting)| worth(waiting.kind) < worth(notice.kind)) {
                Some((index, _)) => drop(self.waiting.remove(index)),
                None => return,
            }
        }
        self.waiting.push_back(notice);
    }

    pub(super) fn pop(&mut self) -> Option<Arc<Notice>> {
        self.waiting.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Records in order, at most `capacity` of them: what comes to a full queue is given up.
pub(super) struct Records {
    waiting: VecDeque<Arc<Record>>,
    capacity: NonZeroUsize,
    dropped: u64,
}

impl Records {
    pub(super) const fn new(capacity: NonZeroUsize) -> Self {
        Self { waiting: VecDeque::new(), capacity, dropped: 0 }
    }

    pub(super) fn push(&mut self, record: Arc<Record>) {
        if self.waiting.len() < self.capacity.get() {
            self.waiting.push_back(record);
        } else {
            self.dropped += 1;
        }
    }

    /// One that could not be written is the next to be tried again.
    pub(super) fn put_back(&mut self, record: Arc<Record>) {
        self.waiting.push_front(record);
    }

    pub(super) fn pop(&mut self) -> Option<Arc<Record>> {
        self.waiting.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// An incident's turning points are worth most; a heartbeat is made up for by the next.
const fn worth(kind: Kind) -> u8 {
    match kind {
        Kind::Heartbeat => 0,
        Kind::AgentStarted | Kind::AgentStopped | Kind::Loss => 1,
        Kind::IncidentUpdated => 2,
        Kind::IncidentOpened | Kind::IncidentRaised | Kind::IncidentEnded => 3,
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroUsize, sync::Arc};

    use super::Queue;
    use crate::{
        notice::{
            Kind::{
                AgentStarted, Heartbeat, IncidentEnded, IncidentOpened, IncidentRaised, IncidentUpdated, Loss,
            },
            Notice,
        },
        sink::sample::incident,
    };

    #[test]
    fn a_full_queue_gives_up_the_oldest_of_those_worth_least() {
        let mut queue = Queue::new(NonZeroUsize::new(4).unwrap());
        let kinds = [
            Heartbeat,       // given up for the raise
            IncidentOpened,  // kept
            AgentStarted,    // given up for the second update
            IncidentUpdated, // given up for the end
            IncidentRaised,  // kept
            Heartbeat,       // worth no more than any: not taken
            IncidentUpdated, // kept
            IncidentEnded,   // kept
            Loss,            // not taken
        ];
        for (index, kind) in kinds.into_iter().enumerate() {
            queue.push(Arc::new(Notice { id: index.to_string(), kind, ..incident() }));
        }
        assert_eq!(queue.len(), 4);
        assert_eq!(queue.dropped(), 5);
        let kept: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|notice| notice.kind).collect();
        assert_eq!(kept, [IncidentOpened, IncidentRaised, IncidentUpdated, IncidentEnded]);
    }
}
