//! Addresses with a checksum of 40 bits behind the coin's name and a colon.
//!
//! Owns the checksum and the names. Must not know other families. Sources: `spec/cashaddr.md` of Bitcoin Cash, whose
//! code kaspad (`util/bech32`) and its forks took over with longer payloads, and CIP-37 of Conflux, which has another
//! alphabet. `bitcoincash:`, `ecash:` and `kaspa:` are often left out, and then stand for what is missing.
use super::Coin;

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CONFLUX: &[u8; 32] = b"abcdefghjkmnprstuvwxyz0123456789";

/// Name, coin, alphabet.
const NAMES: [(&str, Coin, &[u8; 32]); 9] = [
    ("bitcoincash", Coin("bitcoin-cash"), BECH32),
    ("ecash", Coin("ecash"), BECH32),
    ("kaspa", Coin("kaspa"), BECH32),
    ("karlsen", Coin("karlsen"), BECH32),
    ("spectre", Coin("spectre"), BECH32),
    ("hoosat", Coin("hoosat"), BECH32),
    ("pyrin", Coin("pyrin"), BECH32),
    ("nexa", Coin("nexa"), BECH32),
    ("cfx", Coin("conflux"), CONFLUX),
];
/// Names that may be missing.
const IMPLIED: usize = 3;

/// Payload and checksum: a version byte and 20 bytes at least.
const PAYLOAD_MIN: usize = 42;
/// The same with 65 bytes: more than any coin has.
const PAYLOAD_MAX: usize = 112;

/// The coin, when the checksum is right and the name is known.
pub(super) fn coin(address: &str) -> Option<Coin> {
    let mixed = address.bytes().any(|byte| byte.is_ascii_uppercase())
        && address.bytes().any(|byte| byte.is_ascii_lowercase());
    if mixed {
        return None;
    }
    let (name, payload) = address.split_once(':').map_or((None, address), |(name, rest)| (Some(name), rest));
    // CIP-37 allows `CFX:TYPE.USER:AAT...`.
    let payload = payload.rsplit_once(':').map_or(payload, |(_, payload)| payload);
    if !(PAYLOAD_MIN..=PAYLOAD_MAX).contains(&payload.len()) {
        return None;
    }
    let candidates = match name {
        Some(_) => NAMES.get(..),
        None => NAMES.get(..IMPLIED),
    };
    let is_named = |known: &str| name.is_none_or(|name| known.eq_ignore_ascii_case(name));
    let mut candidates = candidates?.iter().filter(|(known, ..)| is_named(known));
    candidates.find(|(name, _, alphabet)| is_valid(name, payload, alphabet)).map(|(_, coin, _)| *coin)
}

/// `name` in small letters; its low five bits, a zero and the payload make a code word.
fn is_valid(name: &str, payload: &str, alphabet: &[u8; 32]) -> bool {
    let mut state = Polymod(1);
    name.bytes().for_each(|byte| state.add(byte & 31));
    state.add(0);
    for byte in payload.bytes() {
        let digit = alphabet.iter().position(|known| *known == byte.to_ascii_lowercase());
        let Some(digit) = digit.and_then(|digit| u8::try_from(digit).ok()) else { return false };
        state.add(digit);
    }
    state.0 == 1
}

/// The remainder so far, 40 bits.
struct Polymod(u64);

impl Polymod {
    const GENERATOR: [u64; 5] =
        [0x98_f2bc_8e61, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470];

    fn add(&mut self, digit: u8) {
        let top = self.0 >> 35;
        self.0 = ((self.0 & 0x07_ffff_ffff) << 5) ^ u64::from(digit);
        for (bit, generator) in Self::GENERATOR.into_iter().enumerate() {
            if top >> bit & 1 == 1 {
                self.0 ^= generator;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::coin;
    use crate::detect::wallet::Coin;

    #[test]
    fn names_name_coins() {
        for (address, want) in [
            // The specifications' examples: cashaddr.md, eCash's own, CIP-37.
            ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "bitcoin-cash"),
            ("BITCOINCASH:QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A", "bitcoin-cash"),
            ("qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "bitcoin-cash"),
            ("ecash:qpm2qsznhks23z7629mms6s4cwef74vcwva87rkuu2", "ecash"),
            ("qpm2qsznhks23z7629mms6s4cwef74vcwva87rkuu2", "ecash"),
            ("cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg", "conflux"),
            ("CFX:TYPE.USER:AARC9ABYCUE0HHZGYRR53M6CXEDGCCRMMYYBJGH4XG", "conflux"),
            ("cfx:aatbrjwnsffj8mt2a1pdf88tn5ycyeeewpzeb10ka3", "conflux"),
            // Addresses in the coins' own code and documentation: kaspad's miner, the Karlsen developers' list, the
            // Spectre wallet's tests, the Hoosat bridge's sample configuration.
            ("kaspa:qzk3uh2twkhu0fmuq50mdy3r2yzuwqvstq745hxs7tet25hfd4egcafcdmpdl", "kaspa"),
            ("qzk3uh2twkhu0fmuq50mdy3r2yzuwqvstq745hxs7tet25hfd4egcafcdmpdl", "kaspa"),
            ("karlsen:qqe3p64wpjf5y27kxppxrgks298ge6lhu6ws7ndx4tswzj7c84qkjlrspcuxw", "karlsen"),
            ("spectre:qqnklfz9safc78p30y5c9q6p2rvxhj35uhnh96uunklak0tjn2x5wz8n7akql", "spectre"),
            ("hoosat:qq2g85qrj2k4xs80y32v69kjn7nr49khyrack9mpd3gy54vfp8ja53ws4yezz", "hoosat"),
        ] {
            assert_eq!(coin(address), Some(Coin(want)), "{address}");
        }
    }

    #[test]
    fn the_name_is_part_of_the_checksum() {
        for address in [
            "kaspa:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "pyrin:qzk3uh2twkhu0fmuq50mdy3r2yzuwqvstq745hxs7tet25hfd4egcafcdmpdl",
            "kaspatest:qzk3uh2twkhu0fmuq50mdy3r2yzuwqvstq745hxs7tet25hfd4egcafcdmpdl",
            "bitcoincash:Qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "kaspa:",
        ] {
            assert_eq!(coin(address), None, "{address}");
        }
    }
}
