//! Bytes compared eight at a time.
//!
//! Owns the arithmetic: sets of positions, bit 0 the first byte, instead of a loop over bytes: the verifier walks
//! every way through a loop, and this has one. Must not know what is looked for.

/// The high bit of each byte of `word` that is `byte`.
#[inline(always)]
pub(super) const fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ (byte as u64 * ONES);
    !(((differs & LOW) + LOW) | differs | LOW)
}

/// The high bit of each byte of `word` that is in `first..=last`, both below 0x80.
#[inline(always)]
pub(super) const fn within(word: u64, first: u8, last: u8) -> u64 {
    let low = word & LOW;
    let (from_first, behind_last) = (low + (0x80 - first as u64) * ONES, low + (0x7f - last as u64) * ONES);
    from_first & !behind_last & !word & HIGH
}

/// The high bits of the eight bytes, which have no others, as the lowest eight bits.
#[inline(always)]
pub(super) const fn bits(high: u64) -> u64 {
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// 1 in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each byte.
pub(super) const HIGH: u64 = 0x8080_8080_8080_8080;
/// All the others.
const LOW: u64 = !HIGH;
