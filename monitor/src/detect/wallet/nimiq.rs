//! Nimiq's addresses: `NQ`, two check digits and 32 characters, with or without blanks.
//!
//! Owns their checksum, which is the one of bank accounts (ISO 7064, MOD 97-10). Must not know other families. Source:
//! nimiq/core-js `Address.js`. One text in 97 of this form passes, but the form is narrow.
use super::Coin;

const CHARACTERS: usize = 36;
/// Without `I`, `O`, `W` and `Z`.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVXY";

/// The coin, when the check digits are right.
pub(super) fn coin(address: &str) -> Option<Coin> {
    let letters: Vec<u8> =
        address.bytes().filter(|byte| *byte != b' ').map(|b| b.to_ascii_uppercase()).collect();
    let [b'N', b'Q', first, second, rest @ ..] = letters.as_slice() else { return None };
    let shaped = letters.len() == CHARACTERS
        && [first, second].iter().all(|digit| digit.is_ascii_digit())
        && rest.iter().all(|letter| ALPHABET.contains(letter));
    let moved = rest.iter().chain([&b'N', &b'Q', first, second]);
    (shaped && remainder(moved) == 1).then_some(Coin("nimiq"))
}

/// Of the number that one gets with 10 for `A` to 35 for `Z`.
fn remainder<'a>(letters: impl Iterator<Item = &'a u8>) -> u32 {
    letters.fold(0, |remainder, letter| match letter {
        b'0'..=b'9' => (remainder * 10 + u32::from(letter - b'0')) % 97,
        _ => (remainder * 100 + u32::from(letter.saturating_sub(b'A')) + 10) % 97,
    })
}

#[cfg(test)]
mod tests {
    use super::coin;
    use crate::detect::wallet::Coin;

    #[test]
    fn check_digits_are_those_of_bank_accounts() {
        // The address of all zeros, to which Nimiq burns, as nimiq.com writes it.
        for address in
            ["NQ07 0000 0000 0000 0000 0000 0000 0000 0000", "nq0700000000000000000000000000000000"]
        {
            assert_eq!(coin(address), Some(Coin("nimiq")), "{address}");
        }
        for address in [
            "NQ08 0000 0000 0000 0000 0000 0000 0000 0000",
            "NQ07 0000 0000 0000 0000 0000 0000 0000 0001",
            "NQ07 0000 0000 0000 0000 0000 0000 0000 000",
            "NQ07 0000 0000 0000 0000 0000 0000 0000 00000",
            "NQ07 OOOO 0000 0000 0000 0000 0000 0000 0000",
            "NQ\u{fc}7 0000 0000 0000 0000 0000 0000 0000 0000",
        ] {
            assert_eq!(coin(address), None, "{address}");
        }
    }
}
