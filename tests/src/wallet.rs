//! Wallet addresses in the form that each dialect's coins use. They belong to nobody.
use crate::protocol::Dialect;

const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const HEX: &[u8] = b"0123456789abcdef";

/// An address that is made from `seed`: the same seed gives the same one.
#[must_use]
pub fn address(dialect: Dialect, seed: &str) -> String {
    match dialect {
        Dialect::StratumV1 => format!("bc1q{}", letters(BECH32, 38, seed)),
        Dialect::Cryptonote => format!("4{}", letters(BASE58, 94, seed)),
        Dialect::EthProxy | Dialect::EthereumStratum1 => format!("0x{}", letters(HEX, 40, seed)),
    }
}

fn letters(alphabet: &[u8], count: usize, seed: &str) -> String {
    // FNV-1a over the seed, then Knuth's MMIX generator: any spread of letters will do.
    let mut state = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(state >> 33).unwrap_or(0) % alphabet.len();
        alphabet.get(index).map_or('x', |letter| char::from(*letter))
    };
    (0..count).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_form_of_its_coin_and_follows_its_seed() {
        let monero = address(Dialect::Cryptonote, "one");
        assert!(monero.len() == 95 && monero.starts_with('4'), "{monero}");
        assert_eq!(address(Dialect::EthProxy, "one").len(), 42);
        assert_eq!(address(Dialect::StratumV1, "one").len(), 42);
        assert_eq!(monero, address(Dialect::Cryptonote, "one"));
        assert_ne!(monero, address(Dialect::Cryptonote, "two"));
    }
}
