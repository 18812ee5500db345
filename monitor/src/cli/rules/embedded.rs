//! The texts of the bundled rules.
//!
//! Owns how they lie in the executable: not in clear, or it would bear the marks of every miner that it knows, and a
//! search for them, ours or another scanner's, would find the agent. Must not know what they say.

/// A byte's key, which runs with its place: neither a plain search nor one for bytes under a constant key sees
/// through.
const fn key(place: usize) -> u8 {
    let [first, ..] = (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    first
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses an index out of bounds"
)]
const fn veil<const N: usize>(clear: &[u8]) -> [u8; N] {
    let mut veiled = [0; N];
    let mut place = 0;
    while place < N {
        veiled[place] = clear[place] ^ key(place);
        place += 1;
    }
    veiled
}

macro_rules! files {
    ($($name:literal)*) => {
        [$((
            $name,
            {
                const CLEAR: &[u8] = include_bytes!(concat!("../../../assets/rules/", $name));
                static VEILED: [u8; CLEAR.len()] = veil(CLEAR);
                &VEILED
            },
        )),*]
    };
}

static FILES: [(&str, &[u8]); 7] = files![
    "bitcoin.yar" "closed.yar" "coins.yar" "cryptonight.yar" "ethash.yar" "randomx.yar" "xmrig.yar"
];

/// Name and text of every file.
pub(super) fn files() -> impl Iterator<Item = (&'static str, String)> {
    FILES.iter().map(|(name, veiled)| {
        let clear: Vec<u8> = veiled.iter().enumerate().map(|(place, byte)| byte ^ key(place)).collect();
        (*name, String::from_utf8_lossy(&clear).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_bundled_as_it_is() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/rules");
        let mut there: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        there.retain(|name| name.to_string_lossy().ends_with(".yar"));
        there.sort();
        assert_eq!(there, FILES.map(|(name, _)| name));
        for (name, text) in files() {
            assert_eq!(text, fs::read_to_string(folder.join(name)).unwrap(), "{name}");
        }
    }
}
