//! Shapes of single values that mining messages are told by.
//!
//! Owns the predicates and [`clip`]. Must not know messages or dialects.
use serde_json::Value;

use crate::detect::wallet;

/// A value that goes into a claim is at most this many bytes.
const CLAIM_BYTES: usize = 256;
/// The shortest address in use: 25 base58 characters (base58check of 25 bytes may lose leading ones).
const ADDRESS_MIN: usize = 25;

/// Leading zeros of a target, in hexadecimal digits: shares of Ethereum's pools are at least a thousandth as hard as
/// 2^32, and none is as hard as a block of any chain ever was.
const BOUNDARY_ZEROS: std::ops::RangeInclusive<usize> = 5..=20;

/// Bare hexadecimal shorter than that is an id or a token: no coin has such addresses.
const HEX_ADDRESS_MIN: usize = 40;

/// Hexadecimal digits, at least `least` of them, behind an optional `0x`.
pub(super) fn is_hex(text: &str, least: usize) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits.len() >= least && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A string of hexadecimal digits.
pub(super) fn is_hex_value(value: &Value, least: usize) -> bool {
    value.as_str().is_some_and(|text| is_hex(text, least))
}

/// 32 bytes as Ethereum writes them: `0x` and 64 digits. Some pools leave leading zeros out of a target; those
/// are not hashes.
pub(super) fn is_hash(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|digits| digits.len() == 64 && is_hex(digits, 64))
}

/// A share's target as Ethereum's pools send it. Its first digits are zeros, as no share is easier than that; a number
/// or an address in 32 bytes begins with more of them.
pub(super) fn is_boundary(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let zeros = digits.bytes().take_while(|digit| *digit == b'0').count();
    digits.len() == 64 && is_hex(digits, 64) && BOUNDARY_ZEROS.contains(&zeros)
}

/// An address of a coin, by its checksum or by its looks: `0x` and 40 digits, or one run of letters and digits (base58, bech32,
/// hex), with or without a coin's prefix before a colon. Below 40 characters only base58 is in use, which has
/// fewer letters than names and tokens have.
pub(super) fn is_address(text: &str) -> bool {
    let bare = text.split_once(':').map_or(text, |(_, address)| address);
    let bytes = bare.as_bytes();
    let short = bytes.len() < HEX_ADDRESS_MIN;
    // A JSON Web Token begins so.
    let looks = bytes.len() >= ADDRESS_MIN
        && !bare.starts_with("eyJ")
        && !(short && (is_hex(bare, 1) || !is_base58(bytes)))
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes.iter().any(u8::is_ascii_alphabetic)
        && (bytes.iter().any(u8::is_ascii_digit) || mixes_case(bytes));
    looks || wallet::coin(text).is_some()
}

/// The alphabet leaves out what looks alike.
fn is_base58(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() && !b"0OIl".contains(byte))
}

/// As base58 without a digit does.
fn mixes_case(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase)
}

/// Of `CryptoNight`, as XMRig and xmr-stak write them behind a dash.
const CN_VARIANTS: [&str; 11] =
    ["lite", "heavy", "pico", "half", "femto", "gpu", "turtle", "trtl", "ccx", "superfast", "upx2"];

/// The name of an algorithm as miners list them: `rx/0`, `cn-lite/1`, `argon2/chukwa`, `kawpow`.
pub(super) fn is_algorithm(text: &str) -> bool {
    const FAMILIES: [&str; 9] =
        ["argon2", "astrobwt", "cn", "cryptonight", "ghostrider", "kawpow", "panthera", "randomx", "rx"];
    let (family, rest) = text.split_once(['/', '-', '_']).unwrap_or((text, ""));
    // Regions and locales are called `cn-north-1` and `cn-ZH`, and a password hash `argon2`.
    let short = ["cn", "rx"].iter().any(|known| family.eq_ignore_ascii_case(known));
    let dashed = text.as_bytes().get(family.len()).is_some_and(|next| *next == b'-');
    let variant = || {
        let name = rest.split(['/', '_']).next().unwrap_or_default();
        CN_VARIANTS.iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    text.len() <= 32
        && FAMILIES.iter().any(|known| family.eq_ignore_ascii_case(known))
        && !(short && dashed && !variant())
        && !text.eq_ignore_ascii_case("argon2")
}

const MINER: &str = "miner";
/// What other miners dig in: `RapidMiner`, `DataMiner`, process mining.
const ELSEWHERE: [&str; 7] = ["data", "rapid", "process", "text", "log", "opinion", "task"];

/// Software that calls itself a miner: `ccminer/2.3`, `minerd`, `MinerGate`, and not `MinerGame`.
pub(super) fn is_miner_agent(text: &str) -> bool {
    let lower = clip(text).to_ascii_lowercase();
    let digs_elsewhere = |at: usize| {
        let before = lower.get(..at).unwrap_or_default().trim_end_matches(['-', '_', ' ']);
        ELSEWHERE.iter().any(|what| before.ends_with(what))
    };
    let word_ends = |(at, _): (usize, &str)| {
        if digs_elsewhere(at) {
            return false;
        }
        let behind = lower.get(at + MINER.len()..).unwrap_or_default();
        !behind.starts_with(|next: char| next.is_ascii_lowercase())
            || ["d", "gate"].iter().any(|kin| behind.split(['/', ' ', '-', '_']).next() == Some(kin))
    };
    ["xmr", "monero"].iter().any(|word| lower.contains(word)) || lower.match_indices(MINER).any(word_ends)
}

/// A host name or address and not something else that miners put in its place.
pub(super) fn is_host(text: &str) -> bool {
    let named = text.contains(['.', ':']) || text == "localhost";
    named && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_[]/@+".contains(&byte))
}

/// A non-empty value for a claim, cut to its cap on a character boundary.
pub(super) fn clip(text: &str) -> String {
    text.get(..text.floor_char_boundary(CLAIM_BYTES)).unwrap_or_default().to_owned()
}

/// [`clip`], and nothing for an empty text.
pub(super) fn claim(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| clip(text))
}

/// A pool as `host:port`, without scheme and without `user:password@`.
pub(super) fn pool(address: &str, port: Option<&Value>) -> Option<String> {
    let bare = address.rsplit_once("://").map_or(address, |(_, rest)| rest);
    let bare = bare.rsplit_once('@').map_or(bare, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or_default();
    if !is_host(bare) {
        return None;
    }
    let port = port.and_then(|port| match port {
        Value::String(text) => text.parse::<u16>().ok(),
        Value::Number(number) => number.as_u64().and_then(|port| u16::try_from(port).ok()),
        _ => None,
    });
    claim(&port.map_or_else(|| bare.to_owned(), |port| format!("{bare}:{port}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_told_from_names() {
        for address in [
            "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD",
            "0x79a1A32790250d51e4675e0569E80064Bdd9655F",
            "fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW",
            "kaspa:qz0yqzh5wkmyq4q5wzmgjg0h3u2r7d9qhw6y3n5tkp0ydc",
        ] {
            assert!(is_address(address), "{address}");
        }
        let blanks = "NQ07 0000 0000 0000 0000 0000 0000 0000 0000";
        assert!(is_address(blanks) && !is_address(&blanks.replace("07", "08")), "only the checksum tells");
        for name in [
            "alice",
            "alice@example.org",
            "worker-17",
            "1234567890123456789012345678",
            "5f2b6c1d9e8a4b7c8d1e2f3a4b5c6d7e",
            "svcAccountNightlyBackup2026east",
            "",
        ] {
            assert!(!is_address(name), "{name}");
        }
    }

    #[test]
    fn miners_are_told_from_software_about_mines() {
        for agent in [
            "ccminer/2.3",
            "cpuminer-multi",
            "minerd 2.5",
            "MinerGate/9",
            "lolMiner 1.98",
            "XMRig/6",
            "NBMiner",
        ] {
            assert!(is_miner_agent(agent), "{agent}");
        }
        for agent in ["MinerGame/1.0", "Minerva 2", "minerals", "Mozilla/5.0", ""] {
            assert!(!is_miner_agent(agent), "{agent}");
        }
    }

    #[test]
    fn algorithms_are_told_from_words() {
        for name in
            ["rx/0", "cn", "cn/r", "cn-heavy/xhv", "cryptonight_v7", "argon2/chukwa", "randomx", "RX/wow"]
        {
            assert!(is_algorithm(name), "{name}");
        }
        for name in ["sha256", "cnn", "rxjs", "", "ed25519", "cnn/news"] {
            assert!(!is_algorithm(name), "{name}");
        }
    }

    #[test]
    fn hex_and_hashes() {
        assert!(
            is_hex("0xAb12", 4)
                && is_hex("ab12", 4)
                && !is_hex("ab1", 4)
                && !is_hex("ab1g", 4)
                && !is_hex("", 1)
        );
        assert!(is_hash(&format!("0x{}", "5".repeat(64))));
        assert!(!is_hash(&"5".repeat(64)) && !is_hash("0x5") && !is_hash(&format!("0x{}g", "5".repeat(63))));
        assert!(is_hex_value(&json!("00"), 2) && !is_hex_value(&json!(0), 1));
    }

    #[test]
    fn a_pool_has_no_user_in_it() {
        let pool = |host, port: Value| pool(host, Some(&port));
        assert_eq!(pool("eu1.pool.org", json!("3333")).as_deref(), Some("eu1.pool.org:3333"));
        assert_eq!(pool("my.pool.com", json!(1234)).as_deref(), Some("my.pool.com:1234"));
        assert_eq!(pool("stratum+ssl://u:secret@a.b:1/x", json!(null)).as_deref(), Some("a.b:1"));
        assert_eq!(pool("3e747837e632920e8cd11453c2558233e382", json!("1")), None);
        assert_eq!(pool("", json!(1)), None);
    }

    #[test]
    fn values_are_cut_on_a_character() {
        let long = format!("a{}", "\u{fc}".repeat(200));
        let cut = clip(&long);
        assert_eq!(cut.len(), 255);
        assert!(long.starts_with(&cut));
        assert_eq!(claim("  "), None);
    }
}
