//! Numbers that look random and are the same for the same seed.
//!
//! Owns the generator and a pool of bytes. Must not know what they are used for.

/// Bytes in the pool: more than one message is long.
const POOL: usize = 1 << 20;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Random {
    state: u64,
    pool: Vec<u8>,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self { state: seed, pool: Vec::new() };
        random.pool = (0..POOL / 8).flat_map(|_| random.next().to_le_bytes()).collect();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` up to and without `high`.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(u64::MAX).max(1);
        low + usize::try_from(self.next() % span).unwrap_or_default()
    }

    /// Mostly near `low`, now and then near `high`: the cube of an even number.
    pub(crate) fn skewed(&mut self, low: usize, high: usize) -> usize {
        let span = high.saturating_sub(low).max(1);
        let even = self.between(0, 1_000);
        low + span.saturating_mul(even * even * even) / 1_000_000_000
    }

    /// True once in `count` times.
    pub(crate) fn once_in(&mut self, count: usize) -> bool {
        self.between(0, count) == 0
    }

    /// Bytes of every value, as encrypted or compressed ones.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            let from = self.between(0, self.pool.len());
            let rest = self.pool.get(from..).unwrap_or_default();
            bytes.extend_from_slice(rest.get(..count - bytes.len()).unwrap_or(rest));
        }
        bytes
    }

    /// Lower-case hex digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let text: String = self.bytes(digits.div_ceil(2)).iter().map(|byte| format!("{byte:02x}")).collect();
        text.get(..digits).unwrap_or(&text).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_seed_decides_and_ranges_hold() {
        let (mut one, mut same, mut other) = (Random::new(1), Random::new(1), Random::new(2));
        assert_eq!((one.bytes(100), one.hex(7)), (same.bytes(100), same.hex(7)));
        assert_ne!(one.next(), other.next());
        assert!((0..1_000).all(|_| (5..9).contains(&one.between(5, 9))));
        assert!((0..1_000).all(|_| (5..900).contains(&one.skewed(5, 900))));
    }
}
