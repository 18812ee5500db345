//! Ergo's addresses: base58 of network and type, a public key, and four bytes of Blake2b-256.
//!
//! Owns their form. Must not know other families. Source: ergo `ErgoAddress.scala` (`ErgoAddressEncoder`). Only pay-to-
//! public-key addresses of the main network, the ones that miners have.
use blake2::{Blake2b, Digest as _, digest::consts::U32};

use super::Coin;

/// Main network (0) and public key (1).
const PREFIX: u8 = 1;
/// A compressed point.
const KEY: usize = 33;
const CHECKSUM: usize = 4;
/// Base58 of that: all begin with `9` and have as many characters.
const CHARACTERS: usize = 51;

/// The coin, when the checksum is right.
pub(super) fn coin(address: &str) -> Option<Coin> {
    if address.len() != CHARACTERS || !address.starts_with('9') {
        return None;
    }
    let mut bytes = [0; CHARACTERS];
    let length = bs58::decode(address).onto(&mut bytes[..]).ok()?;
    let (body, checksum) = bytes.get(..length)?.split_at_checked(1 + KEY)?;
    let right = checksum.len() == CHECKSUM && Blake2b::<U32>::digest(body).starts_with(checksum);
    (body.first() == Some(&PREFIX) && right).then_some(Coin("ergo"))
}
