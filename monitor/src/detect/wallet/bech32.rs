//! Bech32 and bech32m, where the part before the last `1` names the coin.
//!
//! Owns the names that mined coins have there. Must not know other families. Sources: BIP 173 and BIP 350 (which
//! witness version has which checksum), SLIP-0173 (registered names); Dero, Aleo, Nervos CKB, Grin, Zcash and Xelis put
//! other things than witness programs into it (derohe `rpc/address.go`, snarkVM `account/address`, CKB RFC 21, grin-wallet
//! `slatepack/address.rs`, the Zcash protocol's section 5.6.3 with ZIP 316 and ZIP 320, xelis-blockchain `crypto/bech32.rs`).
use bech32::{
    Bech32, Bech32m, Checksum,
    primitives::decode::{CheckedHrpstring, SegwitHrpstring},
};

use super::Coin;

/// Witness programs.
const SEGWIT: [(&str, Coin); 15] = [
    ("bc", Coin("bitcoin")),
    ("btg", Coin("bitcoin-gold")),
    ("cpu", Coin("cpuchain")),
    ("dgb", Coin("digibyte")),
    ("grs", Coin("groestlcoin")),
    ("hs", Coin("handshake")),
    ("ltc", Coin("litecoin")),
    ("mona", Coin("monacoin")),
    ("nc", Coin("namecoin")),
    ("pkt", Coin("pkt")),
    ("rc", Coin("ravencoin")),
    ("ric", Coin("riecoin")),
    ("sugar", Coin("sugarchain")),
    ("sys", Coin("syscoin")),
    ("vtc", Coin("vertcoin")),
];

/// The coin, when the checksum is right and the name is known.
pub(super) fn coin(address: &str) -> Option<Coin> {
    let (name, _) = address.rsplit_once('1')?;
    if let Some((_, coin)) = SEGWIT.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return SegwitHrpstring::new(address).is_ok().then_some(*coin);
    }
    let (coin, valid) = match name.to_ascii_lowercase().as_str() {
        "aleo" => (Coin("aleo"), is_valid::<Bech32m>(address)),
        "ckb" => (Coin("nervos-ckb"), is_valid::<Bech32m>(address)),
        "dero" => (Coin("dero"), is_valid::<Bech32>(address)),
        "grin" => (Coin("grin"), is_valid::<Bech32>(address)),
        "zs" => (Coin("zcash"), is_valid::<Bech32>(address)),
        "u" | "tex" => (Coin("zcash"), is_valid::<Bech32m>(address)),
        _ => return None,
    };
    valid.then_some(coin)
}

/// Xelis has a colon in the place of the `1`.
pub(super) fn behind_colon(address: &str) -> Option<Coin> {
    let (name, data) = address.split_once(':').filter(|(name, _)| *name == "xel")?;
    is_valid::<Bech32>(&format!("{name}1{data}")).then_some(Coin("xelis"))
}

fn is_valid<C: Checksum>(address: &str) -> bool {
    CheckedHrpstring::new::<C>(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::coin;
    use crate::detect::wallet::Coin;

    #[test]
    fn names_name_coins() {
        for (address, want) in [
            // BIP 173 and BIP 350.
            ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "bitcoin"),
            ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"),
            ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "bitcoin"),
            // BIP 173's example program under other names, made with another program.
            ("ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9", "litecoin"),
            ("dgb1qw508d6qejxtdg4y5r3zarvary0c5xw7kmudfnm", "digibyte"),
            ("vtc1qw508d6qejxtdg4y5r3zarvary0c5xw7kuk9r06", "vertcoin"),
            ("btg1qw508d6qejxtdg4y5r3zarvary0c5xw7k6w057a", "bitcoin-gold"),
            ("grs1qw508d6qejxtdg4y5r3zarvary0c5xw7k3k4sj5", "groestlcoin"),
            ("mona1qw508d6qejxtdg4y5r3zarvary0c5xw7kg5lnx5", "monacoin"),
            ("hs1qw508d6qejxtdg4y5r3zarvary0c5xw7k2hns92", "handshake"),
            ("pkt1qw508d6qejxtdg4y5r3zarvary0c5xw7ksmm0nj", "pkt"),
            ("nc1qw508d6qejxtdg4y5r3zarvary0c5xw7kttkktk", "namecoin"),
            ("sugar1qw508d6qejxtdg4y5r3zarvary0c5xw7kjjlkp2", "sugarchain"),
            ("rc1qw508d6qejxtdg4y5r3zarvary0c5xw7klhnzt3", "ravencoin"),
            // snarkVM, account documentation.
            ("aleo1d5hg2z3ma00382pngntdp68e74zv54jdxy249qhaujhks9c72yrs33ddah", "aleo"),
            // CKB RFC 21.
            (
                "ckb1qzda0cr08m85hc8jlnfp3zer7xulejywt49kt2rr0vthywaa50xwsqdnnw7qkdnnclfkg59uzn8umtfd2kwxceqxwquc4",
                "nervos-ckb",
            ),
            // A published vector of its key, 2edfcb4c11c64e36f877c7bef2ed2915...
            ("dero1qyhdlj6vz8ryudhcwlrmauhd9y25kwkw0artpmlp976c3dchsc3mqqgl0hr24", "dero"),
        ] {
            assert_eq!(coin(address), Some(Coin(want)), "{address}");
        }
    }

    /// BIP 173 and BIP 350, invalid addresses; and a test network's.
    #[test]
    fn the_wrong_checksum_of_the_two_is_refused() {
        for address in [
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
            "BC1QW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "bc1rw5uspcuh",
            "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",
            "bc1gmk9yu",
        ] {
            assert_eq!(coin(address), None, "{address}");
        }
    }
}
