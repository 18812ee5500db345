//! Ethereum's hexadecimal addresses, which have a checksum only when their letters mix case.
//!
//! Owns EIP-55. Must not know other families. Ethereum Classic and every chain of the same machine have the same
//! form, and most mixed-case addresses are copied from a wallet that writes them so: the name says the form.
use sha3::{Digest as _, Keccak256};

use super::Coin;

const DIGITS: usize = 40;

/// The coin, when case says that the address was not mistyped.
pub(super) fn coin(address: &str) -> Option<Coin> {
    let digits = address.strip_prefix("0x").filter(|digits| digits.len() == DIGITS)?;
    let digits = digits.as_bytes();
    let has = |letter: fn(&u8) -> bool| digits.iter().any(letter);
    let hex = digits.iter().all(u8::is_ascii_hexdigit);
    if !hex || !has(u8::is_ascii_uppercase) || !has(u8::is_ascii_lowercase) {
        return None;
    }
    let hash = Keccak256::digest(digits.to_ascii_lowercase());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let right = digits.iter().zip(nibbles).all(|(digit, nibble)| {
        let upper = nibble >= 8;
        digit.is_ascii_digit() || digit.is_ascii_uppercase() == upper
    });
    right.then_some(Coin("ethereum"))
}

#[cfg(test)]
mod tests {
    use super::coin;
    use crate::detect::wallet::Coin;

    #[test]
    fn the_examples_of_eip_55() {
        for address in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            assert_eq!(coin(address), Some(Coin("ethereum")), "{address}");
            let wrong = address.replace('b', "B");
            assert_eq!(coin(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_case_has_no_checksum() {
        for address in [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0xde709f2102306220921060314715629080e2fb77",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
        ] {
            assert_eq!(coin(address), None, "{address}");
        }
    }
}
