//! From TCP segments to events of conversations.
//!
//! Owns the table of conversations, bounded by [`CAPACITY`]. Must not know files, nor what the bytes mean. VLAN tags
//! and tunnels do not tell conversations apart.
use std::{
    collections::VecDeque,
    hash::{Hash, Hasher},
    num::NonZeroUsize,
};

use lru::LruCache;

use super::{
    batch::Batch,
    conversation::{Conversation, Pair},
    packet::{End, Segment},
};
use crate::event::{BootTime, FlowId};

/// Conversations held at a time, 200 bytes each; the one quiet for longest makes room.
const CAPACITY: NonZeroUsize = match NonZeroUsize::new(65_536) {
    Some(capacity) => capacity,
    None => NonZeroUsize::MIN,
};

/// Both ends, the lesser first.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(End, End);

impl Key {
    fn of(segment: &Segment<'_>) -> Self {
        let Segment { from, to, .. } = *segment;
        if from <= to { Self(from, to) } else { Self(to, from) }
    }

    const fn pair(self, lesser_is_client: bool) -> Pair {
        let Self(lesser, greater) = self;
        if lesser_is_client {
            Pair { client: lesser, server: greater }
        } else {
            Pair { client: greater, server: lesser }
        }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self(lesser, greater) = self;
        state.write_u128(lesser.address);
        state.write_u128(greater.address);
        state.write_u32(u32::from(lesser.port) << 16 | u32::from(greater.port));
    }
}

/// A conversation and which of its ends is the client.
struct Entry {
    conversation: Conversation,
    lesser_is_client: bool,
}

/// Every conversation of a capture.
pub(super) struct Conversations {
    table: LruCache<Key, Entry>,
    begun: u64,
    evicted: u64,
    silent: u64,
    before_start: u64,
}

impl Conversations {
    pub(super) fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    pub(super) fn with_capacity(capacity: NonZeroUsize) -> Self {
        Self { table: LruCache::new(capacity), begun: 0, evicted: 0, silent: 0, before_start: 0 }
    }

    /// Conversations begun so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Conversations that were pushed out by the cap while they were open and had carried payload.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Conversations that were pushed out by the cap before they carried any.
    pub(super) fn silent(&self) -> u64 {
        self.silent
    }

    /// Segments left out because they lie before the first byte captured of their direction.
    pub(super) fn before_start(&self) -> u64 {
        self.before_start
    }

    /// Appends to `out` what `segment` shows.
    pub(super) fn take(&mut self, at: BootTime, segment: &Segment<'_>, out: &mut Batch) {
        if segment.says_nothing() {
            return;
        }
        let key = Key::of(segment);
        let pair = match self.table.get_mut(&key) {
            Some(entry) => {
                let pair = key.pair(entry.lesser_is_client);
                let conversation = &mut entry.conversation;
                if !conversation.is_replaced_by(segment, segment.from == pair.client) {
                    self.before_start += u64::from(!conversation.take(at, pair, segment, out));
                    return;
                }
                // Bytes after the end of a conversation: the same two ends went on talking.
                if segment.syn { Pair::of(segment) } else { pair }
            }
            None if segment.syn || segment.length > 0 => Pair::of(segment),
            // An end alone says nothing.
            None => return,
        };
        self.make_room(at, &key, out);
        let mut conversation = Conversation::new(FlowId(self.begun));
        self.begun += 1;
        conversation.take(at, pair, segment, out);
        self.table.put(key, Entry { conversation, lesser_is_client: pair.client == key.0 });
    }

    /// Every conversation that is still open, in the order in which they began: nothing follows.
    pub(super) fn end(&mut self) -> VecDeque<FlowId> {
        let mut open: Vec<_> = self.table.iter().filter_map(|(_, entry)| entry.conversation.open()).collect();
        self.table.clear();
        open.sort_unstable();
        open.into()
    }

    /// Ends the conversation that was between the same ends, or the one quiet for longest where all room is taken.
    fn make_room(&mut self, at: BootTime, key: &Key, out: &mut Batch) {
        let mut gone = self.table.pop(key);
        if gone.is_none() && self.table.len() == self.table.cap().get() {
            gone = self.table.pop_lru().map(|(_, entry)| entry);
            let open = gone.as_ref().is_some_and(|entry| entry.conversation.open().is_some());
            let silent = gone.as_ref().is_some_and(|entry| entry.conversation.is_silent());
            self.evicted += u64::from(open);
            self.silent += u64::from(silent);
        }
        if let Some(mut entry) = gone {
            entry.conversation.close(at, out);
        }
    }
}

#[cfg(test)]
#[path = "conversations_tests.rs"]
mod tests;
