//! A map with a stated cap that forgets what was used longest ago, and counts what it forgot.
//!
//! Owns nothing but that. Must not know what it holds.
use std::{hash::Hash, num::NonZeroUsize};

use lru::LruCache;

/// At most `capacity` entries; the least recently used one makes room.
pub(crate) struct Bounded<K: Hash + Eq, V> {
    entries: LruCache<K, V>,
    evicted: u64,
}

impl<K: Hash + Eq + Copy, V> Bounded<K, V> {
    /// A capacity of 0 counts as 1.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN);
        Self { entries: LruCache::new(capacity), evicted: 0 }
    }

    /// Reads without counting as a use.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.entries.peek(key)
    }

    /// Writes, and counts as a use.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// Writes without counting as a use.
    pub(crate) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.peek_mut(key)
    }

    /// Puts a new entry in, replacing one of the same key; returns what was pushed out to make room.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        let pushed = self.entries.push(key, value).filter(|(other, _)| *other != key);
        self.evicted += u64::from(pushed.is_some());
        pushed
    }

    /// The entry of `key`, made when missing.
    pub(crate) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        if !self.entries.contains(&key) {
            self.insert(key, V::default());
        }
        self.entries.get_or_insert_mut(key, V::default)
    }

    /// The cap.
    pub(crate) fn capacity(&self) -> usize {
        self.entries.cap().get()
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.pop(key)
    }

    /// The entry that was used longest ago.
    pub(crate) fn oldest(&self) -> Option<(&K, &V)> {
        self.entries.peek_lru()
    }

    /// Takes out everything, the entry that was used longest ago first.
    pub(crate) fn drain(&mut self) -> Vec<(K, V)> {
        std::iter::from_fn(|| self.entries.pop_lru()).collect()
    }

    /// Takes out what `keep` does not want, in the same order of use.
    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        for (key, value) in self.drain() {
            if keep(&value) {
                self.entries.push(key, value);
            }
        }
    }

    /// Entries held.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entries that the cap pushed out, since start.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn pushes_out_the_longest_unused_and_counts_it() {
        let mut map = Bounded::new(2);
        assert_eq!(map.insert(1, "one"), None);
        assert_eq!(map.insert(2, "two"), None);
        assert_eq!(map.insert(1, "uno"), None, "a replacement pushes nothing out");
        assert_eq!(map.insert(3, "three"), Some((2, "two")));
        assert_eq!((map.len(), map.evicted()), (2, 1));
        assert_eq!(map.oldest(), Some((&1, &"uno")));
        assert_eq!(map.drain(), vec![(1, "uno"), (3, "three")]);
    }

    #[test]
    fn what_is_kept_keeps_its_order_and_nothing_counts_as_pushed_out() {
        let mut map = Bounded::new(3);
        for number in 1..=3 {
            map.insert(number, number);
        }
        map.retain(|number| *number != 2);
        assert_eq!((map.drain(), map.evicted()), (vec![(1, 1), (3, 3)], 0));
    }

    #[test]
    fn a_capacity_of_zero_still_holds_one() {
        let mut map: Bounded<u8, u8> = Bounded::new(0);
        *map.entry(1) += 1;
        *map.entry(1) += 1;
        assert_eq!(map.peek(&1), Some(&2));
        map.entry(2);
        assert_eq!((map.peek(&1), map.evicted()), (None, 1));
    }
}
