//! The names of mining algorithms.
//!
//! Owns which are nobody else's words. Pure data and look-up. Must not know options. Sources: XMRig's table
//! (`src/base/crypto/Algorithm.cpp`) and the lists of algorithms in the help texts of cpuminer-opt, ccminer,
//! SRBMiner-Multi, lolMiner, T-Rex, Rigel and tnn-miner.

/// Algorithms whose names are nobody else's words. A name with one of [`STEMS`] in front counts too.
const ALGORITHMS: [&str; 31] = [
    "allium",
    "astrobwt",
    "cpupower",
    "cpurx",
    "curvehash",
    "dynexsolve",
    "etchash",
    "ethash",
    "evrprogpow",
    "firopow",
    "fishhash",
    "heavyhash",
    "hmq1725",
    "kawpow",
    "kheavyhash",
    "lyra2z",
    "meowpow",
    "neoscrypt",
    "nexapow",
    "nist5",
    "power2b",
    "rinhash",
    "sha256dt",
    "sha512256d",
    "verus",
    "ubqhash",
    "verthash",
    "yescrypt",
    "zelhash",
    "zhash",
    "panthera",
];
/// Beginnings of algorithms with variants.
const STEMS: [&str; 28] = [
    "argon2/chukwa",
    "argon2/ninja",
    "argon2d16000",
    "autolykos",
    "beamhash",
    "cn-heavy",
    "cn-lite",
    "cn-pico",
    "cn/",
    "cryptonight",
    "cuckaroo",
    "cuckatoo",
    "equihash",
    "ghostrider",
    "karlsenhash",
    "lyra2re",
    "minotaur",
    "progpow",
    "pyrinhash",
    "randomx",
    "rx/",
    "spectrex",
    "verushash",
    "x16r",
    "x21s",
    "x25x",
    "xelishash",
    "yespower",
];
/// Hash functions that old miners name and that have other uses, and names that are words of others. Hash functions of
/// passwords and of files are left out.
const COMMON_ALGORITHMS: [&str; 20] = [
    "abelian",
    "gr",
    "mike",
    "mtp",
    "octopus",
    "timetravel",
    "tribus",
    "warthog",
    "blake2s",
    "decred",
    "groestl",
    "keccak",
    "lbry",
    "qubit",
    "scrypt",
    "sha256d",
    "skein",
    "x11",
    "x13",
    "x17",
];

/// How telling the name of an algorithm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    /// Also a hash function with other uses.
    Common,
    /// Used for mining alone.
    Mining,
}

/// What the value of an algorithm option names: one name, or several with `,`, `;` or `+` between.
pub(super) fn named(value: &str) -> Option<Algorithm> {
    let value = value.trim().to_ascii_lowercase();
    if value.len() > LONGEST_ALGORITHM {
        return None;
    }
    let one = |name: &str| {
        if ALGORITHMS.contains(&name) || STEMS.iter().any(|stem| name.starts_with(stem)) {
            Some(Algorithm::Mining)
        } else {
            COMMON_ALGORITHMS.contains(&name).then_some(Algorithm::Common)
        }
    };
    value.split([',', ';', '+']).map(|name| one(name.trim())).min().flatten()
}

/// Two names of algorithms with room to spare.
const LONGEST_ALGORITHM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_told_from_hash_functions() {
        for name in
            ["rx/0", "RandomX", "cn/r", "KawPow", "verus", "equihash144_5", "verushash;randomx", "ghostrider"]
        {
            assert_eq!(named(name), Some(Algorithm::Mining), "{name}");
        }
        for name in ["sha256d", "scrypt", "x11", "scrypt;kawpow"] {
            assert_eq!(named(name), Some(Algorithm::Common), "{name}");
        }
        for name in [
            "",
            "aes-256-gcm",
            "rsa",
            "argon2id",
            "blake2b",
            "sha256",
            "kawpow,nothing",
            "round_robin",
            "lz4",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}
