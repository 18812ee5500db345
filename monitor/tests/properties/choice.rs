//! Small choices from a property test's source of entropy.
//!
//! Where the entropy has run out, every choice is the plain one, so a failure shrinks to what matters.
use arbtest::arbitrary::Unstructured;

/// True one time in `odds`.
pub(crate) fn chance(u: &mut Unstructured<'_>, odds: u8) -> bool {
    u.arbitrary::<u8>().unwrap_or_default() % odds == odds - 1
}

/// A number from 0 to `most`.
pub(crate) fn up_to(u: &mut Unstructured<'_>, most: usize) -> usize {
    u.int_in_range(0..=most).unwrap_or_default()
}

/// One of `all`, which is not empty.
pub(crate) fn one<'a, T>(u: &mut Unstructured<'_>, all: &'a [T]) -> &'a T {
    u.choose(all).unwrap_or(&all[0])
}

/// Puts `all` into another order.
pub(crate) fn shuffle<T>(u: &mut Unstructured<'_>, all: &mut [T]) {
    for at in 1..all.len() {
        let other = at - up_to(u, at);
        all.swap(at, other);
    }
}
