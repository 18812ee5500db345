//! How hard a share is, as pools put it: a number, or a target that a hash must stay below.
//!
//! Owns the arithmetic. Must not know messages or dialects. A value that a cut may have gone through is not for this
//! file: half a target is another target.
use serde_json::Value;

use super::shape::{claim, is_hash, is_hex};

/// Floating-point numbers hold whole ones exactly up to here.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Digits of a target of 32 bytes.
const BOUNDARY_DIGITS: usize = 64;
/// Digits of it that are counted with: 60 bits.
const COUNTED_DIGITS: usize = 15;

/// As told: a number (`8192.0` is `8192`), or a target in hexadecimal.
pub(super) fn told(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|n| number.is_f64() && n.fract() == 0.0 && n.abs() < EXACT);
            Some(whole.map_or_else(|| number.to_string(), |whole| format!("{whole:.0}")))
        }
        Value::String(text) => {
            Some(text).filter(|text| is_hex(text, BOUNDARY_DIGITS)).and_then(|text| claim(text))
        }
        _ => None,
    }
}

/// Of a target in `CryptoNote`'s two forms, little-endian: the top four bytes of eight, or all eight. Source: XMRig
/// `Job::setTarget`, which counts as `2^32 / target` and `2^64 / target`, both less one.
pub(super) fn of_job_target(target: &str) -> Option<String> {
    let digits = target.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u64::from_str_radix(target, 16).ok().filter(|number| digits && *number > 0)?;
    let difficulty = match target.len() {
        8 => u64::from(u32::MAX) / (number.swap_bytes() >> 32),
        16 => u64::MAX / number.swap_bytes(),
        _ => return None,
    };
    Some(difficulty.to_string())
}

/// Of a target as Ethereum's pools send it: `0x` and 32 bytes, big-endian. `2^256 / target`, from the first 60 bits.
pub(super) fn of_boundary(target: &str) -> Option<String> {
    let digits = target.strip_prefix("0x").filter(|_| is_hash(target))?;
    let significant = digits.trim_start_matches('0');
    let zeros = digits.len() - significant.len();
    let counted = significant.get(..COUNTED_DIGITS.min(significant.len()))?;
    let number = u128::from_str_radix(counted, 16).ok()?;
    // Bits of 2^256 above the last digit that is counted.
    let shift = u32::try_from(4 * (zeros + counted.len())).ok()?;
    let whole = 1_u128.checked_shl(shift)?;
    whole.checked_div(number).map(|difficulty| difficulty.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_as_told() {
        for (value, want) in [
            (json!(512), Some("512")),
            (json!(8192.0), Some("8192")),
            (json!(0.001), Some("0.001")),
            (json!(1e300), Some("1e+300")),
            (json!("hard"), None),
            (json!([1]), None),
        ] {
            assert_eq!(told(&value).as_deref(), want, "{value}");
        }
        let target = format!("0007{}", "f".repeat(60));
        assert_eq!(told(&json!(target)), Some(target));
    }

    /// Worked examples of XMRig's logs: a pool's `b88d0600` is shown as `diff 10000`.
    #[test]
    fn job_targets_become_difficulties() {
        for (target, want) in [
            ("b88d0600", Some("10000")),
            ("ffffffff", Some("1")),
            ("711b0d00", Some("5000")),
            ("e4a63d00", Some("1063")),
            ("0000000000000080", Some("1")),
            ("a6c5e0b78d060000", Some("2560005")),
            ("00000000", None),
            ("b88d06", None),
            ("b88d060g", None),
            ("+88d0600", None),
            ("\u{fc}\u{fc}\u{fc}\u{fc}", None),
            ("", None),
        ] {
            assert_eq!(of_job_target(target).as_deref(), want, "{target}");
        }
    }

    #[test]
    fn boundaries_become_difficulties() {
        let target = |head: &str, fill: &str| format!("0x{head}{}", fill.repeat(64 - head.len()));
        for (target, want) in [
            (target("00000000", "f"), Some("4294967296")),
            (target("00000000ffff", "0"), Some("4295032833")),
            (target("0112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba", "0"), Some("238")),
            (target("f", "f"), Some("1")),
            (target("0", "0"), None),
            (target("0", "g"), None),
            ("0x00000000ffff".to_owned(), None),
            (target("00000000", "f").replace("0x", "00"), None),
        ] {
            assert_eq!(of_boundary(&target).as_deref(), want, "{target}");
        }
    }
}
