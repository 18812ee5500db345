//! Addresses of coins, by their looks, strictly.
//!
//! Owns the forms. Must not know which coin has which, nor checksums. Tokens and keys are as random: a form counts
//! only with its alphabet, its length and its marks.
use crate::detect::stratum::shape::is_hex;

/// CryptoNote addresses have 95 characters, integrated ones 106, kin some more.
const CRYPTONOTE_ADDRESS: std::ops::RangeInclusive<usize> = 95..=110;
const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Characters of base58 addresses: Bitcoin's and kin, and those of 32 bytes and a few more.
const BASE58_ADDRESS: [std::ops::RangeInclusive<usize>; 2] = [30..=36, 43..=52];

/// An address in one of the forms in use, with or without a coin before a colon and a worker behind a mark.
pub(super) fn is_wallet(text: &str) -> bool {
    let (coin, rest) = text.split_once(':').unwrap_or(("", text));
    let bare = rest.split(['.', '+', '/']).next().unwrap_or_default();
    let bytes = bare.as_bytes();
    if !bare.is_ascii() || coin.len() > 12 {
        return false;
    }
    let small = || bytes.iter().all(|byte| BECH32.contains(byte));
    if let Some(digits) = bare.strip_prefix("0x") {
        return digits.len() == 40 && is_hex(bare, 40);
    }
    (!coin.is_empty() && bytes.len() >= 40 && small())
        || is_bech32(bare)
        || is_nimiq(bare)
        || (is_mixed_base58(bytes)
            && (BASE58_ADDRESS.iter().chain([&CRYPTONOTE_ADDRESS]).any(|form| form.contains(&bytes.len()))))
}

/// A wallet that nothing else looks like: so long a run of base58.
pub(super) fn is_cryptonote(text: &str) -> bool {
    let bare = text.split(['.', '+', '/']).next().unwrap_or_default().as_bytes();
    CRYPTONOTE_ADDRESS.contains(&bare.len()) && is_mixed_base58(bare)
}

/// Something is named behind the wallet.
pub(super) fn has_suffix(text: &str) -> bool {
    text.split_once(['.', '+', '/']).is_some_and(|(_, behind)| !behind.is_empty())
}

/// `bc1q...`: a short name, `1`, and at least 38 characters of an alphabet of 32.
fn is_bech32(text: &str) -> bool {
    text.rsplit_once('1').is_some_and(|(coin, data)| {
        (2..=8).contains(&coin.len())
            && coin.bytes().all(|byte| byte.is_ascii_lowercase())
            && data.len() >= 38
            && data.bytes().all(|byte| BECH32.contains(&byte))
    })
}

/// `NQ07 0000 ...`: 36 characters in groups of four.
fn is_nimiq(text: &str) -> bool {
    let bare: String = text.chars().filter(|letter| *letter != ' ').take(40).collect();
    bare.len() == 36
        && bare.starts_with("NQ")
        && bare.bytes().skip(2).take(2).all(|byte| byte.is_ascii_digit())
        && bare.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

fn is_mixed_base58(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() && !b"0OIl".contains(byte))
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().any(u8::is_ascii_uppercase)
        && bytes.iter().any(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XMR: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";

    #[test]
    fn forms_of_coins() {
        for address in [
            XMR,
            "0x79a1A32790250d51e4675e0569E80064Bdd9655F",
            "bc1qtm607qyyxvxmultwukqua37h36488drsduwwc3",
            "kaspa:qz0yqzh5wkmyq4q5wzmgjg0h3u2r7d9qhw6y3n5tkp0ydc",
            "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
            "NQ07 1234 5678 9ABC DEFG HJKL MNPQ RSTU VXY0",
        ] {
            for account in [address.to_owned(), format!("{address}.rig1"), format!("{address}/rig1")] {
                assert!(is_wallet(&account), "{account}");
            }
        }
        assert!(is_cryptonote(XMR) && is_cryptonote(&format!("{XMR}+5000.rig")) && !is_cryptonote("4abc"));
        assert!(has_suffix("a.b") && has_suffix("a/b") && !has_suffix("a.") && !has_suffix("a"));
    }

    #[test]
    fn names_keys_and_tokens_are_none() {
        let hash = "e1364b8782719d76".repeat(4);
        for other in [
            "",
            "alice",
            "alice@example.org",
            "svcAccountNightlyBackup2026east",
            "3ef4a9f8c8bf04bd8f09884b98403eae",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x",
            "0x79a1A32790250d51e4675e0569E80064",
            "123e4567-e89b-12d3-a456-426614174000",
            "node1abcdefghijkmnopqrstuvwxyzabcdefghijkmnopq",
            "\u{fc}\u{fc}",
            &hash,
        ] {
            assert!(!is_wallet(other), "{other}");
        }
    }
}
