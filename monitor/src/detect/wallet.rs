//! Which coin an address belongs to, told by its checksum.
//!
//! Owns [`Coin`] and [`coin`]; each file below knows one family of address forms. Must not know protocols or
//! where an address was read. An address without a checksum names no coin, however it looks; a form that several
//! coins share names the one that is used most, or none where that cannot be said.
mod base58check;
mod bech32;
mod cashaddr;
mod cryptonote;
mod ergo;
mod ethereum;
mod nimiq;
#[cfg(test)]
mod vectors;

/// The longest text looked at: a unified address of Zcash with three receivers has 213 characters.
const LONGEST: usize = 256;
/// The shortest: base58check of 25 bytes, most of them zero.
const SHORTEST: usize = 25;

/// A coin by its name in notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coin(&'static str);

impl Coin {
    /// Small letters, `bitcoin-cash`.
    pub(crate) const fn name(self) -> &'static str {
        self.0
    }
}

/// The coin of an address whose checksum is right. Payout services put the coin's ticker and a colon before it.
pub(crate) fn coin(address: &str) -> Option<Coin> {
    let fits = |text: &str| (SHORTEST..=LONGEST).contains(&text.len());
    let address = Some(address.trim()).filter(|address| fits(address))?;
    cashaddr::coin(address).or_else(|| bech32::behind_colon(address)).or_else(|| {
        let bare = address.rsplit_once(':').map_or(address, |(_, bare)| bare);
        Some(bare).filter(|bare| fits(bare)).and_then(of_bare)
    })
}

fn of_bare(address: &str) -> Option<Coin> {
    [ethereum::coin, bech32::coin, base58check::coin, cryptonote::coin, ergo::coin, nimiq::coin]
        .into_iter()
        .find_map(|family| family(address))
}

#[cfg(test)]
mod tests {
    use super::coin;

    fn name(address: &str) -> Option<&'static str> {
        coin(address).map(super::Coin::name)
    }

    /// The donation address of XMRig (`src/donate.h` and its README).
    const MONERO: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
    /// BIP 173.
    const BITCOIN: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

    #[test]
    fn each_family_is_asked() {
        for (address, want) in [
            (MONERO, "monero"),
            (BITCOIN, "bitcoin"),
            // Bitcoin wiki, "Invoice address".
            ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bitcoin"),
            // EIP-55.
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "ethereum"),
            // bitcoincashorg/bitcoincash.org, `spec/cashaddr.md`.
            ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "bitcoin-cash"),
            // The address that nobody holds the key of.
            ("NQ07 0000 0000 0000 0000 0000 0000 0000 0000", "nimiq"),
        ] {
            assert_eq!(name(address), Some(want), "{address}");
            assert_eq!(name(&format!(" {address} ")), Some(want), "{address}");
        }
    }

    #[test]
    fn a_ticker_may_stand_before_it() {
        assert_eq!(name(&format!("XMR:{MONERO}")), Some("monero"));
        assert_eq!(name(&format!("BTC:{BITCOIN}")), Some("bitcoin"));
        assert_eq!(name("BTC:alice"), None);
    }

    #[test]
    fn one_letter_changed_is_no_address() {
        for address in [
            MONERO,
            BITCOIN,
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "kaspa:qzk3uh2twkhu0fmuq50mdy3r2yzuwqvstq745hxs7tet25hfd4egcafcdmpdl",
            "cfx:aatbrjwnsffj8mt2a1pdf88tn5ycyeeewpzeb10ka3",
        ] {
            assert!(name(address).is_some(), "{address}");
            let start = address.find(':').map_or(1, |colon| colon + 2);
            for at in start..address.len() {
                let mut letters = address.as_bytes().to_vec();
                letters[at] = if letters[at] == b'z' { b'y' } else { b'z' };
                let changed = String::from_utf8(letters).unwrap();
                assert_eq!(name(&changed), None, "{changed}");
            }
        }
    }

    #[test]
    fn what_is_no_address_names_no_coin() {
        let long = "1".repeat(10_000);
        for text in [
            "",
            "alice",
            "x",
            "1234567890123456789012345678",
            "5f2b6c1d9e8a4b7c8d1e2f3a4b5c6d7e",
            "svcAccountNightlyBackup2026east",
            "bc1",
            "1111111111111111111111111",
            "::::::::::::::::::::::::::::::::",
            "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
            "0x\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
            "NQ\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
            &long,
        ] {
            assert_eq!(name(text), None, "{text}");
        }
    }
}
