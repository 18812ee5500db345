//! Tells at once what cannot be a mining message, in any dialect.
//!
//! Owns [`find`], which searches for the marks of all dialects together. Must not know JSON: a backslash may hide
//! a mark (`\u006cogin`), so it counts as one.
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memchr;

use super::WORDS;

/// `None` when it could not be built: then everything is looked at.
static MARKS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    // Only this kind is searched for with wide instructions.
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostFirst).build(WORDS.iter().flat_map(|words| words.marks)).ok()
});

/// Bytes searched at a time, so that a search ends soon behind what it finds.
const WINDOW: usize = 2 << 10;
/// No mark is longer.
const MARK_MAX: usize = 32;

/// Where in `bytes` the first thing is that may belong to a mining message.
pub(in crate::detect::stratum) fn find(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
        let window = rest.get(..WINDOW + MARK_MAX).unwrap_or(rest);
        if let Some(at) = find_in(window) {
            return Some(from + at);
        }
        from += WINDOW;
    }
    None
}

fn find_in(window: &[u8]) -> Option<usize> {
    let escape = memchr(b'\\', window);
    let plain = window.get(..escape.unwrap_or(window.len())).unwrap_or_default();
    match MARKS.as_ref() {
        Some(marks) => marks.find(plain).map(|found| found.start()).or(escape),
        None => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::detect::stratum::{
        dialect::Dialects,
        message::Message,
        tests::samples::{Sample, samples},
    };

    #[test]
    fn what_is_read_has_a_mark() {
        let every = Dialects::default();
        let mut read = 0;
        for Sample { turns, .. } in samples() {
            for text in turns.iter().flat_map(|turn| turn.1.lines()) {
                let from = text.find('{').unwrap_or(0);
                for value in serde_json::Deserializer::from_str(&text[from..]).into_iter::<Value>().flatten()
                {
                    let Some(message) = Message::of(&value, false) else { continue };
                    let sure = every.push(&message).is_some_and(|reply| reply.sure);
                    if sure || every.request(&message).is_some() {
                        read += 1;
                        assert!(find(value.to_string().as_bytes()).is_some(), "{value}");
                    }
                }
            }
        }
        assert!(read > 10, "{read}");
    }

    #[test]
    fn the_first_is_found() {
        for at in [0, WINDOW - MARK_MAX, WINDOW - 3, WINDOW, 3 * WINDOW + 1] {
            let text = "x".repeat(at) + "mining.notify and mining.submit";
            assert_eq!(find(text.as_bytes()), Some(at));
        }
        assert!(WORDS.iter().flat_map(|words| words.marks).all(|mark| mark.len() <= MARK_MAX));
        assert_eq!(find(br#"{"id":1,"method":"mining.ping"}"#), Some(18));
        assert_eq!(find(br#"{"a":"\u006d","b":"mining."}"#), Some(6));
        assert_eq!(find(br#"{"id":1,"method":"eth_getBalance","params":[]}"#), None);
    }
}
