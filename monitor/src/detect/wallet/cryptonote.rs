//! Monero and kin: base58 in blocks of eight bytes, a tag, two keys, four bytes of Keccak-256.
//!
//! Owns the block code and the tags. Must not know other families. Sources: Monero's `src/common/base58.cpp`; tags
//! from each coin's `cryptonote_config.h` and XMRig's `WalletAddress.cpp`. Main networks only.
use sha3::{Digest as _, Keccak256};

use super::Coin;

/// Characters that a block of so many bytes takes.
const BLOCK_CHARACTERS: [usize; 9] = [0, 2, 3, 5, 6, 7, 9, 10, 11];
const CHECKSUM: usize = 4;
/// Two keys and a checksum.
const BYTES_MIN: usize = 64 + CHECKSUM;
/// An integrated address adds eight bytes; tags have five at most.
const BYTES_MAX: usize = BYTES_MIN + 8 + 5;

/// The coin, when the checksum is right and the tag is known.
pub(super) fn coin(address: &str) -> Option<Coin> {
    let bytes = decode(address)?;
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    let tag = tag(body).and_then(of_tag)?;
    Keccak256::digest(body).starts_with(checksum).then_some(tag)
}

fn decode(address: &str) -> Option<Vec<u8>> {
    let blocks = address.as_bytes().chunks(BLOCK_CHARACTERS[8]);
    let mut bytes = Vec::with_capacity(BYTES_MAX);
    for block in blocks {
        let size = BLOCK_CHARACTERS.iter().position(|characters| *characters == block.len())?;
        let mut number = 0_u128;
        for letter in block {
            number = number * 58 + u128::from(digit(*letter)?);
        }
        // Eleven characters hold a little more than eight bytes.
        let number = number.to_be_bytes();
        let (over, kept) = number.split_at_checked(number.len() - size)?;
        if over.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    (BYTES_MIN..=BYTES_MAX).contains(&bytes.len()).then_some(bytes)
}

/// Base58: digits, capitals and small letters, without `0`, `I`, `O` and `l`.
const fn digit(letter: u8) -> Option<u8> {
    let (first, value) = match letter {
        b'1'..=b'9' => (b'1', 0),
        b'A'..=b'H' => (b'A', 9),
        b'J'..=b'N' => (b'J', 17),
        b'P'..=b'Z' => (b'P', 22),
        b'a'..=b'k' => (b'a', 33),
        b'm'..=b'z' => (b'm', 44),
        _ => return None,
    };
    Some(letter - first + value)
}

/// Seven bits a byte, lowest first; the top bit says that more follow.
fn tag(bytes: &[u8]) -> Option<u64> {
    let mut tag = 0_u64;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        tag |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some(tag);
        }
    }
    None
}

/// Public, integrated, subaddress.
fn of_tag(tag: u64) -> Option<Coin> {
    Some(Coin(match tag {
        0x12 | 0x13 | 0x2a => "monero",
        0x1032 | 0x1a9a | 0x2fb0 => "wownero",
        0x6_241d_18c0 | 0xc_4f7d_18c0 | 0x8dd_58c0 => "zephyr",
        0x3e_f318 | 0x55e_f318 | 0xf5e_f318 => "salvium",
        0x2b_b39a | 0x29_339a | 0x8_319a => "sumokoin",
        0x2cca | 0x11_6bc7 | 0x6847 => "arqma",
        0x5a | 0x5b | 0x66 => "graft",
        0x7ad4 => "conceal",
        0xc5 | 0x3678 => "zano",
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::coin;
    use crate::detect::wallet::Coin;

    #[test]
    fn tags_name_coins() {
        for (address, want) in [
            // getmonero.org, donations: a public address and a subaddress.
            (
                "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",
                "monero",
            ),
            (
                "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H",
                "monero",
            ),
            // Monero documentation, integrated address.
            (
                "4LL9oSLmtpccfufTMvppY6JwXNouMBzSkbLYfpAV5Usx3skxNgYeYTRj5UzqtReoS44qo9mtmXCqY45DJ852K5Jv2bYXZKKQePHES9khPK",
                "monero",
            ),
            // `cryptonote_config.h`: Salvium's treasury, Zephyr's governance wallet.
            (
                "SaLvdZR6w1A21sf2Wh6jYEh1wzY4GSbT7RX6FjyPsnLsffWLrzFQeXUXJcmBLRWDzZC2YXeYe5t7qKsnrg9FpmxmEcxPHsEYfqA",
                "salvium",
            ),
            (
                "ZEPHYR2jZrZXenfKejCcCmEkRzUYwXjgWfJF4yzdCznKQ8yQ3g3PsWUbZjzfzHbeTPMgXVmEuDKQUB9rPkgtVwyWRh9knU4EpfJ57",
                "zephyr",
            ),
            // Keys 00 01 02 ... 3f under each tag, made with another program.
            (
                "Wo34rehkNzG21UVT1p34Di3MPXQQ9NRfr4hJZMnUho7z63DbKAp3Aa87P8dGZ9NY2G8j3fDwUhuUQA4xhBKp3GvY1XzpFTaFX",
                "wownero",
            ),
            (
                "Sumonzhp6Gr1fzjTfjCiMg31umR44Y5op4MpoNSPsTFx5hjqKpjCpi673esHD4YCAE8PZuEbPsZcN9jUwByjCw4WB5Py9LoDmBk",
                "sumokoin",
            ),
            (
                "ar2VadhgD9n21UVT1p34Di3MPXQQ9NRfr4hJZMnUho7z63DbKAp3Aa87P8dGZ9NY2G8j3fDwUhuUQA4xhBKp3GvY1XzqBEbET",
                "arqma",
            ),
            (
                "G47Ykm31C3f2BDNSgrTE9j3X8QQ5Bnbbs4s3SMTX7y416CxUJqrTLW97YsWGEBnhxH8tnYDcX85QRAEhaAzrTSrZ8DRNQ2L",
                "graft",
            ),
            (
                "ccx7BFLYbJT1qjcTLmctHh3BeeQj6xFjq4XZgN7SHdBy5sUiKVmcze77DPkGt6xN6F8ZJnEGSHjYP9uDpBemd6zX3KcJvPBWZp",
                "conceal",
            ),
            (
                "ZxBiE1PWXKJ21UVT1p34Di3MPXQQ9NRfr4hJZMnUho7z63DbKAp3Aa87P8dGZ9NY2G8j3fDwUhuUQA4xhBKp3GvY1XzuDYeVx",
                "zano",
            ),
        ] {
            assert_eq!(coin(address), Some(Coin(want)), "{address}");
        }
    }

    #[test]
    fn an_unknown_tag_names_no_coin_and_a_block_has_eight_bytes() {
        let other = "Xwme4KZbE7621UVT1p34Di3MPXQQ9NRfr4hJZMnUho7z63DbKAp3Aa87P8dGZ9NY2G8j3fDwUhuUQA4xhBKp3GvY1Xzt9v2qm";
        assert_eq!(coin(other), None);
        for text in ["z".repeat(95), "1".repeat(95), "4".repeat(94), "z".repeat(128)] {
            assert_eq!(coin(&text), None, "{text}");
        }
    }
}
