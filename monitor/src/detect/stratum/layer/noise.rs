//! The handshake of Stratum V2, told by the sizes of its flights.
//!
//! Owns [`Noise`], both directions of one conversation. Must not know packets: a flight is what one side sends until
//! the other speaks, however it is split. All of it looks random, so nothing but sizes and turns can tell:
//!
//! | flight | bytes | what |
//! |---|---|---|
//! | client | 64 | `ElligatorSwift` key |
//! | server | 234 | key 64, static key 64 + 16, signed certificate 74 + 16 |
//! | client | 54 to 1,329 | header 6 + 16, `SetupConnection` 16 to 1,291 + 16 |
//! | server | 44 | header 6 + 16, `SetupConnection.Success` 6 + 16 |
//! | client | 44 or more | any message |
//!
//! Only the whole row is told. The first two alone are what other protocols with such keys could have by chance: Bitcoin's
//! version 2 transport (BIP 324) sends a key of 64 bytes and random padding. Sources: sv2-spec 04, the reference
//! implementation's `noise-sv2` (the specification's own table says 170 for the second flight, which is from a time of
//! shorter keys), sv2-spec 03 for the messages.
use crate::event::Direction;

/// Sizes of the flights.
const FLIGHTS: [(u32, u32); 5] = [(64, 64), (234, 234), (54, 1329), (44, 44), (44, u32::MAX)];

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Noise {
    client: Option<Direction>,
    flight: u8,
    bytes: u32,
    sample: Sample,
    over: bool,
}

/// How the bytes of a flight are spread.
#[derive(Debug, Default)]
struct Sample {
    seen: [u64; 4],
    count: u32,
    high: u32,
}

impl Noise {
    /// Whether a conversation may begin so: a client's first flight is no longer than this, and no text.
    pub(super) fn may_begin(bytes: &[u8]) -> bool {
        const ENOUGH: usize = 16;
        bytes.len() <= 64 && (bytes.len() < ENOUGH || !bytes.is_ascii())
    }

    /// Nothing more is expected.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes are missing: positions are not known any more.
    pub(super) const fn end(&mut self) {
        self.over = true;
    }

    /// Takes what `direction` sends next. When that completes the row, says which way the client's messages go.
    pub(super) fn take(&mut self, direction: Direction, bytes: &[u8]) -> Option<Direction> {
        if self.over || bytes.is_empty() {
            return None;
        }
        let client = *self.client.get_or_insert(direction);
        if (direction == client) != self.flight.is_multiple_of(2) {
            if !self.is_complete() {
                self.over = true;
                return None;
            }
            self.flight += 1;
            self.bytes = 0;
            self.sample = Sample::default();
        }
        let (least, most) = self.sizes();
        self.bytes = self.bytes.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.over = self.bytes > most;
        if self.over {
            return None;
        }
        bytes.iter().for_each(|byte| self.sample.add(*byte));
        let last = usize::from(self.flight) + 1 == FLIGHTS.len();
        if last && self.bytes >= least {
            self.over = true;
            return self.sample.is_random().then_some(client);
        }
        None
    }

    fn sizes(&self) -> (u32, u32) {
        FLIGHTS.get(usize::from(self.flight)).copied().unwrap_or_default()
    }

    fn is_complete(&self) -> bool {
        let (least, most) = self.sizes();
        (least..=most).contains(&self.bytes) && self.sample.is_random()
    }
}

impl Sample {
    /// Bytes looked at: of a longer flight the first are enough.
    const MAX: u32 = 1 << 11;

    fn add(&mut self, byte: u8) {
        if self.count == Self::MAX {
            return;
        }
        self.count += 1;
        self.high += u32::from(byte >> 7);
        if let Some(word) = self.seen.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// Encrypted bytes are: about half of them are above 127 (six deviations are allowed), and at least 70 % as many
    /// different ones as of a fair die.
    fn is_random(&self) -> bool {
        let count = f64::from(self.count);
        let distinct = f64::from(self.seen.iter().map(|word| word.count_ones()).sum::<u32>());
        let fair = 256.0 * (1.0 - (-count / 256.0).exp());
        let spread = (f64::from(self.high) - count / 2.0).abs() <= 3.0 * count.sqrt();
        spread && distinct >= 0.7 * fair
    }
}

#[cfg(test)]
pub(in crate::detect::stratum) mod tests {
    use super::*;
    use Direction::{Egress as E, Ingress as I};

    /// Bytes that look random, the same on every run (xorshift).
    pub(in crate::detect::stratum) fn random(seed: u64, count: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        };
        (0..count).map(|_| next()).collect()
    }

    /// Flights of these sizes, in pieces of at most `piece` bytes.
    fn told(sizes: &[(Direction, usize)], piece: usize) -> Option<Direction> {
        let mut noise = Noise::default();
        let mut told = None;
        for (seed, (direction, size)) in sizes.iter().enumerate() {
            for part in random(seed as u64 + 7, *size).chunks(piece) {
                told = told.or(noise.take(*direction, part));
            }
        }
        told
    }

    #[test]
    fn a_handshake_is_told_however_it_is_split() {
        for (client, server) in [(E, I), (I, E)] {
            for setup in [54, 171, 1329] {
                let row = [(client, 64), (server, 234), (client, setup), (server, 44), (client, 120)];
                for piece in [1, 7, 44, 100, 4096] {
                    assert_eq!(told(&row, piece), Some(client), "{setup} in pieces of {piece}");
                }
                assert_eq!(told(&row[..4], 4096), None);
            }
        }
    }

    #[test]
    fn other_sizes_are_not() {
        let row = [(E, 64), (I, 234), (E, 171), (I, 44), (E, 120)];
        for (flight, sizes) in [
            (0, vec![63, 65, 32]),
            (1, vec![170, 233, 235]),
            (2, vec![53, 1330]),
            (3, vec![43, 45, 500]),
            (4, vec![43]),
        ] {
            for size in sizes {
                let mut row = row;
                row[flight].1 = size;
                assert_eq!(told(&row, 4096), None, "flight {flight} of {size}");
            }
        }
        // Lightning (BOLT 8), and the keys of BIP 324 with padding.
        assert_eq!(told(&[(E, 50), (I, 50), (E, 66), (I, 100), (E, 200)], 4096), None);
        assert_eq!(told(&[(E, 64 + 234), (I, 64 + 170), (E, 400), (I, 44), (E, 200)], 4096), None);
    }

    #[test]
    fn text_of_these_sizes_is_not() {
        let mut noise = Noise::default();
        for (direction, size) in [(E, 64), (I, 234), (E, 171), (I, 44), (E, 120)] {
            assert_eq!(
                noise.take(direction, &b"QWxsIHdvcmsgYW5kIG5vIHBsYXk".repeat(10)[..size.min(234)]),
                None
            );
        }
        assert!(noise.is_over());
        assert!(!Noise::may_begin(&[b'x'; 16]) && !Noise::may_begin(&random(1, 65)));
        assert!(Noise::may_begin(&random(1, 64)) && Noise::may_begin(b"{"));
    }

    #[test]
    fn nothing_is_told_behind_missing_bytes() {
        let mut noise = Noise::default();
        noise.take(E, &random(1, 64));
        noise.end();
        assert_eq!((noise.take(I, &random(2, 234)), noise.is_over()), (None, true));
    }
}
