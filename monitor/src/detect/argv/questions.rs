//! Who is asked about, in what order and how fast.
//!
//! Owns the processes whose files or environment are to be read. Each is asked for once per program. Must not know what
//! is in them.
use std::collections::VecDeque;

use crate::{detect::Report, event::Owner, outcome::Request};

/// Requests in one tick (a second) for processes that name files or have signs.
const FILES_A_TICK: usize = 32;
/// Requests in one tick for the environments of all others. Reading one of 40 variables was measured at 0.23 ms of a
/// worker's time without optimisation: 0.4 % of a core, and ten minutes for the 10,000 processes of a large host.
const ENVIRONMENTS_A_TICK: usize = 16;

/// Two queues: the more telling question first.
pub(super) struct Questions {
    files: VecDeque<(Owner, Vec<String>)>,
    environments: VecDeque<Owner>,
    capacity: usize,
    dropped: u64,
}

impl Questions {
    /// At most `capacity` wait in each queue.
    pub(super) const fn new(capacity: usize) -> Self {
        Self { files: VecDeque::new(), environments: VecDeque::new(), capacity, dropped: 0 }
    }

    /// Files, and with them the environment.
    pub(super) fn files(&mut self, owner: Owner, files: Vec<String>) {
        if self.files.len() < self.capacity {
            self.files.push_back((owner, files));
        } else {
            self.dropped += 1;
        }
    }

    /// The environment alone.
    pub(super) fn environment(&mut self, owner: Owner) {
        if self.environments.len() < self.capacity {
            self.environments.push_back(owner);
        } else {
            self.dropped += 1;
        }
    }

    /// Asks about those that still run, as many as a tick allows.
    pub(super) fn ask(&mut self, runs: impl Fn(&Owner) -> bool, out: &mut Report) {
        let mut left = FILES_A_TICK;
        while left > 0
            && let Some((owner, files)) = self.files.pop_front()
        {
            if runs(&owner) {
                out.requests.push(Request::ReadSetup { owner, files });
                left -= 1;
            }
        }
        let mut left = ENVIRONMENTS_A_TICK;
        while left > 0
            && let Some(owner) = self.environments.pop_front()
        {
            if runs(&owner) {
                out.requests.push(Request::ReadSetup { owner, files: Vec::new() });
                left -= 1;
            }
        }
    }

    /// Processes that wait.
    pub(super) fn len(&self) -> usize {
        self.files.len() + self.environments.len()
    }

    /// Processes that found no room, since start.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}
