//! Bitcoin's first address form and its relatives: base58 of version, hash and four bytes of double SHA-256.
//!
//! Owns the versions. Must not know other families. Versions are from each coin's `chainparams.cpp`
//! (`PUBKEY_ADDRESS`, `SCRIPT_ADDRESS`) and agree with `common/defs/bitcoin` of trezor/trezor-firmware. There is no
//! registry, so coins share them. Left out for that: 60 (`R`), which Ravencoin, Verus, Komodo and Raptoreum use; 23
//! (`A`); 55 (`P`). Named after the older and larger coin: 0 and 5 (also Bitcoin Cash's old form), 30 (also
//! `DigiByte`), 50 (also Monacoin), the `t` forms (also Flux and Zclassic).
use super::Coin;

/// A version of one or two bytes and a hash of 20.
const LENGTHS: [usize; 2] = [21, 22];
/// Base58 of 22 bytes and four of checksum.
const LONGEST: usize = 36;

/// The coin, when the checksum is right and the version is known.
pub(super) fn coin(address: &str) -> Option<Coin> {
    if address.len() > LONGEST {
        return None;
    }
    let mut bytes = [0; LONGEST];
    let length = bs58::decode(address).with_check(None).onto(&mut bytes[..]).ok()?;
    LENGTHS.contains(&length).then(|| bytes.get(..length - 20).and_then(of_version)).flatten()
}

fn of_version(version: &[u8]) -> Option<Coin> {
    Some(Coin(match version {
        [0 | 5] => "bitcoin",
        [48 | 50] => "litecoin",
        [22 | 30] => "dogecoin",
        [63] => "digibyte",
        [76 | 16] => "dash",
        [122] => "ravencoin",
        [33] => "evrmore",
        [38] => "bitcoin-gold",
        [71] => "vertcoin",
        [7 | 82] => "firo",
        [0x1c, 0xb8 | 0xbd] => "zcash",
        [0x20, 0x89 | 0x96] => "horizen",
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::coin;
    use crate::detect::wallet::Coin;

    /// But for the first two, which are the Bitcoin wiki's examples, these are the key hash of BIP 173's example
    /// (`751e76e8...`) under each coin's version, made with another program.
    #[test]
    fn versions_name_coins() {
        for (address, want) in [
            ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bitcoin"),
            ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bitcoin"),
            ("1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH", "bitcoin"),
            ("LVuDpNCSSj6pQ7t9Pv6d6sUkLKoqDEVUnJ", "litecoin"),
            ("MJaRnao1s62a2zAKSkmG582KbLKianqb7v", "litecoin"),
            ("DFpN6QqFfUm3gKNaxN6tNcab1FArL9cZLE", "dogecoin"),
            ("A37YDYSwz3438rFtm1SLVcQHyD7JeueC9H", "dogecoin"),
            ("XmN7PQYWKn5MJFna5fRYgP6mxT2F7xpekE", "dash"),
            ("7d5vJtfDixGnEFRNcVSRarmaCBZeScHACn", "dash"),
            ("rGurgQFkz5PevCCZCxkCz9cxuesdivy2QK", "ravencoin"),
            ("ETqB3jj7o29g8cnr2d6qpzPwtkwgTuXt3Q", "evrmore"),
            ("GUXByHDZLvU4DnVH9imSFckt3HEQ5cFgE5", "bitcoin-gold"),
            ("aBPjJ4LEarrcCrd6EBRTb8jVjUZuHQFVnD", "firo"),
            ("Vkg6Ts44mskyD668xZkxFkjqovjXX9yUzZ", "vertcoin"),
            ("SXyGazfm6S3xfcySmD6QNkZYmtfysC2jvc", "digibyte"),
            ("t1UYsZVJkLPeMjxEtACvSxfWuNmddpWfxzs", "zcash"),
            ("t3VEtV2oBtHxjq7wKHJb3PHsqXHvMRgUmVw", "zcash"),
            ("znbmBYaXE1eNNkRTX56LpjASXHcMERfcigj", "horizen"),
        ] {
            assert_eq!(coin(address), Some(Coin(want)), "{address}");
        }
    }

    #[test]
    fn a_version_that_several_coins_use_names_none() {
        assert_eq!(coin("RKxTdfmtxtfLDKZBgx6SvNkBtNu9jRYnLh"), None);
    }

    #[test]
    fn a_right_checksum_over_another_length_is_no_address() {
        for length in [0, 1, 19, 21, 22] {
            let text = bs58::encode([&[0_u8][..], &vec![7; length]].concat()).with_check().into_string();
            assert_eq!(coin(&text), None, "{length}: {text}");
        }
    }
}
