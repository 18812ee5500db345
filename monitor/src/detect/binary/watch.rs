//! Processes whose memory is to be searched.
//!
//! Owns when: a program that unpacks itself needs some time. Must not know why a process is watched.
use std::time::Duration;

use crate::event::{BootTime, Owner, ProcessKey};

/// Times of the searches, from the exec.
const AFTER: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(60)];
/// Processes watched at a time.
const WATCHED: usize = 256;

struct Watch {
    owner: Owner,
    since: BootTime,
    asked: usize,
}

impl Watch {
    fn due(&self, at: BootTime) -> bool {
        AFTER.get(self.asked).is_some_and(|after| at.since(self.since) >= *after)
    }
}

/// The processes watched, each three times at most.
#[derive(Default)]
pub(super) struct Watches {
    watches: Vec<Watch>,
    dropped: u64,
}

impl Watches {
    /// Watches a process, unless it is watched already.
    pub(super) fn add(&mut self, owner: Owner, since: BootTime) {
        if self.watches.iter().any(|watch| watch.owner.key == owner.key) {
            return;
        }
        if self.watches.len() < WATCHED {
            self.watches.push(Watch { owner, since, asked: 0 });
        } else {
            self.dropped += 1;
        }
    }

    /// Watches the child of a process that is watched.
    pub(super) fn fork(&mut self, child: Owner, parent: ProcessKey, at: BootTime) {
        if self.watches.iter().any(|watch| watch.owner.key == parent) {
            self.add(child, at);
        }
    }

    pub(super) fn forget(&mut self, key: ProcessKey) {
        self.watches.retain(|watch| watch.owner.key != key);
    }

    /// Those whose memory is to be searched now.
    pub(super) fn due(&mut self, at: BootTime) -> impl Iterator<Item = Owner> {
        let mut due = Vec::new();
        for watch in self.watches.iter_mut().filter(|watch| watch.due(at)) {
            watch.asked += 1;
            due.push(watch.owner);
        }
        self.watches.retain(|watch| watch.asked < AFTER.len());
        due.into_iter()
    }

    pub(super) fn len(&self) -> usize {
        self.watches.len()
    }

    /// Processes that did not fit, since start.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
