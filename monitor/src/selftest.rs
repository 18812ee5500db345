//! What tells the conversation of `minewarden selftest` from a miner's, as far as its words go.
//!
//! Owns the wallet and the form of the nonce that stands for the worker. They are public and prove nothing: the
//! agent marks an incident as a self-test only where the program, its user and both ends of the conversation are
//! right too (`incident/self_test.rs`). Must not know how the conversation is held, nor how it is found.

use crate::finding::Claim;

/// The account that a self-test logs in with; no pool pays to it.
pub const WALLET: &str = "minewarden-selftest";
/// What the nonce of a self-test begins with; it is sent as the worker's name.
const NONCE: &str = "selftest-";
/// Hexadecimal digits of a nonce.
const DIGITS: usize = 16;

/// The nonce made of these bits.
#[must_use]
pub fn nonce(bits: u64) -> String {
    format!("{NONCE}{bits:016x}")
}

/// Whether a worker's name is the nonce of a self-test.
#[must_use]
pub fn is_nonce(worker: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    worker.strip_prefix(NONCE).is_some_and(|bits| bits.len() == DIGITS && bits.bytes().all(digit))
}

/// Whether a conversation says of itself that it is a self-test.
pub(crate) fn says(claim: &Claim) -> bool {
    claim.wallet.as_deref() == Some(WALLET) && claim.worker.as_deref().is_some_and(is_nonce)
}

#[cfg(test)]
mod tests {
    use super::{is_nonce, nonce};

    #[test]
    fn a_nonce_is_known_by_its_form() {
        assert!(is_nonce(&nonce(0)) && is_nonce(&nonce(u64::MAX)));
        for other in
            ["selftest-", "selftest-0123", "rig1", "selftest-0123456789abcdeG", "selftest-0123456789abcdef0"]
        {
            assert!(!is_nonce(other), "{other}");
        }
    }
}
