//! Values with the shape of mining's, under whatever name.
//!
//! Owns what a key may be called and what a value looks like. Must not know methods. A value whose key speaks of
//! secrets, signatures or checksums is none: those are as long and as random as hashes.
use serde_json::{Map, Value};

use super::wallet::is_wallet;
use crate::detect::stratum::shape::{is_algorithm, is_hex, is_miner_agent};

/// A hashing blob or header with its target is at least that long (76 bytes; Cuckoo headers are longer).
const BLOB_DIGITS: usize = 2 * 76;
/// A proof of work that is no hash: Beam's Equihash 150,5 has 104 bytes, and it is among the shortest.
const PROOF_DIGITS: usize = 2 * 104;
/// What is called a blob may be shorter: Dero's small blocks have 48 bytes.
const NAMED_BLOB_DIGITS: usize = 2 * 48;
const HASH_DIGITS: usize = 64;
/// Signatures have 64 or 65 bytes, or more.
const SIGNATURE_DIGITS: usize = 2 * 64;
/// Cuckoo cycles have 32 to 42 edges.
const CYCLE: std::ops::RangeInclusive<usize> = 32..=48;

const JOB_KEYS: [&str; 2] = ["jobid", "job"];
const AGENT_KEYS: [&str; 6] = ["agent", "useragent", "ua", "client", "software", "version"];
const WORKER_KEYS: [&str; 5] = ["worker", "workername", "rig", "rigid", "minername"];
const ALGORITHM_KEYS: [&str; 6] = ["algo", "algos", "algorithm", "algorithms", "algoperf", "pow"];
const TARGET_KEYS: [&str; 8] =
    ["target", "targetblob", "sharetarget", "jobtarget", "pooltarget", "networktarget", "bits", "nbits"];
const HEADER_KEYS: [&str; 8] = [
    "prepow",
    "powhash",
    "prevhash",
    "previoushash",
    "prevblockhash",
    "previousblock",
    "previousblockhash",
    "seedhash",
];
const RESULT_KEYS: [&str; 6] = ["result", "hash", "mixhash", "powhash", "mixdigest", "commitment"];
const PASS_KEYS: [&str; 3] = ["pass", "password", "passwd"];
const ACCOUNT_KEYS: [&str; 9] =
    ["login", "user", "username", "account", "wallet", "walletaddress", "address", "publicaddress", "miner"];
const NONCE_KEYS: [&str; 4] = ["xn", "extranonce", "extranonce1", "nonceprefix"];
/// A nonce of four bytes.
const HEX_DIGITS: usize = 8;
/// Parts of keys whose values are as random as hashes, and are none that were worked for.
const OTHER_KEYS: [&str; 16] = [
    "cipher", "data", "payload", "auth", "check", "commit", "digest", "etag", "hmac", "key", "md5", "secret",
    "session", "sha", "sig", "token",
];

/// One object or array, its nested ones apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Group<'a> {
    Object(&'a Map<String, Value>),
    List(&'a [Value]),
}

impl<'a> Group<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self::Object(members)),
            Value::Array(list) => Some(Self::List(list)),
            _ => None,
        }
    }

    /// Elements of an array have no key.
    fn entries(self) -> impl Iterator<Item = (Key, &'a Value)> {
        let (members, list) = match self {
            Self::Object(members) => (Some(members), None),
            Self::List(list) => (None, Some(list)),
        };
        let members = members.into_iter().flatten().map(|(key, value)| (Key::of(key), value));
        members.chain(list.into_iter().flatten().map(|value| (Key::default(), value)))
    }

    fn texts(self) -> impl Iterator<Item = (Key, &'a str)> {
        self.entries().filter_map(|(key, value)| value.as_str().map(|text| (key, text)))
    }

    /// A text that is not empty under one of `keys`.
    fn text(self, keys: &[&str]) -> Option<&'a str> {
        self.texts().find(|(key, text)| key.is_one_of(keys) && !text.is_empty()).map(|(_, text)| text)
    }

    /// Objects and arrays in it.
    pub(super) fn inner(self) -> impl Iterator<Item = Self> {
        self.entries().filter_map(|(_, value)| Self::of(value))
    }

    pub(super) fn agent(self) -> Option<&'a str> {
        self.text(&AGENT_KEYS).filter(|agent| is_miner_agent(agent))
    }

    pub(super) fn worker(self) -> Option<&'a str> {
        self.text(&WORKER_KEYS)
    }

    pub(super) fn account(self) -> Option<&'a str> {
        self.text(&ACCOUNT_KEYS)
    }

    pub(super) fn has_pass(self) -> bool {
        self.entries().any(|(key, _)| key.is_one_of(&PASS_KEYS))
    }

    /// An account that is an address, or begins with one.
    pub(super) fn wallet(self) -> Option<&'a str> {
        let mut named =
            self.texts().filter(|(key, _)| key.as_str().is_empty() || key.is_one_of(&ACCOUNT_KEYS));
        named.find(|(_, text)| is_wallet(text)).map(|(_, text)| text)
    }

    /// What wallets log in with elsewhere.
    pub(super) fn has_signature(self) -> bool {
        self.texts().any(|(key, text)| key.as_str().contains("sig") || is_hex(text, SIGNATURE_DIGITS))
    }

    /// A name of an algorithm, or several in an array.
    pub(super) fn algorithm(self) -> Option<&'a str> {
        let fits = |(key, text): &(Key, &str)| {
            let named = key.is_one_of(&ALGORITHM_KEYS) && text.contains(['/', '-', '_']);
            (named || (key.as_str().is_empty() && text.contains('/'))) && is_algorithm(text)
        };
        self.texts().find(fits).map(|(_, text)| text)
    }

    /// The mark of a protocol, such as `EthereumStratum/2.0.0`.
    pub(super) fn has_mark(self) -> bool {
        let is_mark = |text: &str| {
            let (name, version) = text.split_once("Stratum/").unwrap_or_default();
            name.len() <= 32
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && version.starts_with(|digit: char| digit.is_ascii_digit())
        };
        self.texts().any(|(_, text)| is_mark(text))
    }

    pub(super) fn has_job_id(self) -> bool {
        self.entries().any(|(key, value)| key.is_one_of(&JOB_KEYS) && is_name(value))
    }

    /// An id of something, such as of a request for work.
    pub(super) fn has_some_id(self) -> bool {
        self.entries().any(|(key, value)| key.as_str().ends_with("id") && is_name(value))
    }

    /// A word in hexadecimal, as short as a nonce.
    pub(super) fn has_hex(self) -> bool {
        self.texts().any(|(_, text)| is_hex(text, HEX_DIGITS))
    }

    /// A target or a difficulty.
    pub(super) fn has_difficulty(self) -> bool {
        let is_number = |value: &Value| value.as_f64().is_some_and(|number| number >= 1.0);
        self.entries().any(|(key, value)| {
            let key = key.as_str();
            let hard = key.contains("difficulty") || matches!(key, "diff" | "sharediff");
            let text = value.as_str().filter(|text| is_bound(text));
            (hard && (is_number(value) || text.is_some())) || (text.is_some() && TARGET_KEYS.contains(&key))
        })
    }

    /// A nonce in hexadecimal.
    pub(super) fn has_nonce(self) -> bool {
        self.texts().any(|(key, text)| key.as_str().contains("nonce") && is_nonce(text))
    }

    /// A nonce as a number.
    pub(super) fn has_number_nonce(self) -> bool {
        self.entries().any(|(key, value)| key.as_str() == "nonce" && value.is_u64())
    }

    pub(super) fn has_extranonce(self) -> bool {
        self.text(&NONCE_KEYS).is_some_and(|nonce| is_hex(nonce, 2))
    }

    pub(super) fn has_blob(self) -> bool {
        let least = |key: Key| if key.as_str().contains("blob") { NAMED_BLOB_DIGITS } else { BLOB_DIGITS };
        self.texts().any(|(key, text)| !key.is_other() && is_hex(text, least(key)))
    }

    /// A hash that is named as what is to be hashed, or (`as_job`) as any hash or input.
    pub(super) fn has_header(self, as_job: bool) -> bool {
        let is_header = |key: Key| {
            key.as_str().contains("header")
                || key.is_one_of(&HEADER_KEYS)
                || (as_job && key.is_one_of(&["hash", "input"]))
        };
        self.texts().any(|(key, text)| is_header(key) && !key.is_other() && is_hash(text))
    }

    /// What was worked for, as a hash.
    pub(super) fn has_hash(self) -> bool {
        self.texts().any(|(key, text)| key.is_one_of(&RESULT_KEYS) && is_hash(text))
    }

    /// What was worked for, as a proof that is longer than hashes and signatures.
    pub(super) fn has_proof(self) -> bool {
        self.worked().any(|text| is_hex(text, PROOF_DIGITS)) || self.has_cycle()
    }

    /// What was worked for, as the edges of a cycle.
    pub(super) fn has_cycle(self) -> bool {
        self.entries().any(|(_, value)| value.as_array().is_some_and(|edges| is_cycle(edges)))
    }

    fn worked(self) -> impl Iterator<Item = &'a str> {
        self.texts().filter(|(key, _)| !key.is_other()).map(|(_, text)| text)
    }
}

/// A key in small letters, without what joins words; no longer than any that is known.
#[derive(Clone, Copy, Default)]
struct Key {
    letters: [u8; 24],
    length: usize,
}

impl Key {
    fn of(key: &str) -> Self {
        let mut own = Self::default();
        let letters = key.bytes().filter(u8::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
        for (place, letter) in own.letters.iter_mut().zip(letters) {
            *place = letter;
            own.length += 1;
        }
        own
    }

    fn as_str(&self) -> &str {
        self.letters
            .get(..self.length)
            .and_then(|letters| std::str::from_utf8(letters).ok())
            .unwrap_or_default()
    }

    fn is_one_of(&self, keys: &[&str]) -> bool {
        keys.contains(&self.as_str())
    }

    fn is_other(&self) -> bool {
        OTHER_KEYS.iter().any(|part| self.as_str().contains(part))
    }
}

/// A short text or a number: what a job may be named by.
pub(super) fn is_name(value: &Value) -> bool {
    value.is_u64() || value.as_str().is_some_and(|text| (1..=128).contains(&text.len()))
}

/// Exactly 32 bytes in hexadecimal.
pub(super) fn is_hash(text: &str) -> bool {
    text.strip_prefix("0x").unwrap_or(text).len() == HASH_DIGITS && is_hex(text, HASH_DIGITS)
}

/// 4 or 8 bytes in hexadecimal.
pub(super) fn is_nonce(text: &str) -> bool {
    matches!(text.strip_prefix("0x").unwrap_or(text).len(), 8 | 16) && is_hex(text, 8)
}

/// A target in one of its forms: 4 bytes (compact, or the top ones), 8 or 32. Behind `0x` only the last is in use.
fn is_bound(text: &str) -> bool {
    let digits = text.strip_prefix("0x");
    let known = match digits {
        Some(digits) => digits.len() == HASH_DIGITS,
        None => matches!(text.len(), 8 | 16 | HASH_DIGITS),
    };
    known && is_hex(text, 8)
}

fn is_cycle(edges: &[Value]) -> bool {
    CYCLE.contains(&edges.len()) && edges.iter().all(Value::is_u64)
}

/// 32 bytes, of which the first two are zero and not all: a share is never easier.
pub(super) fn is_target(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits.starts_with("0000") && digits.bytes().any(|digit| digit != b'0') && is_hash(text)
}
