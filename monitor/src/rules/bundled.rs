//! The agent's own rules, as the build script bundled them from `assets/rules/`.
//!
//! Owns how they are unpacked. Must not know how they are compiled.
use super::veil::veil;

/// `name NUL text NUL` of each file, veiled.
static VEILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.bin"));

/// Name and text of every bundled file, in the order of the names.
#[must_use]
pub fn bundled() -> Vec<(String, String)> {
    let clear = veil(VEILED);
    let mut parts = clear.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned());
    std::iter::from_fn(|| Some((parts.next().filter(|name| !name.is_empty())?, parts.next()?))).collect()
}
