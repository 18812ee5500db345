//! Tells at once what cannot be a mining message, in any dialect.
//!
//! Owns [`find`], which searches for the marks of all dialects together. Must not know JSON: a backslash may hide
//! a mark (`\u006cogin`), so it counts as one.
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::{memchr, memchr2_iter};

use super::WORDS;

/// `None` when it could not be built: then everything is looked at.
static MARKS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    // Only this kind is searched for with wide instructions.
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(marks()).ok()
});

/// Each mark in which there is no other, and no job. Wide instructions search for 64 at most, and for as many bytes
/// of each as the shortest has, up to four (`aho-corasick` 1.1, `packed/teddy/builder.rs`). Over 64, the search takes
/// ten times as long; each mark less makes it a little faster, but for 32 and fewer it puts four in a group, not two,
/// and stops more often for nothing.
fn marks() -> Vec<&'static str> {
    let all = || WORDS.iter().flat_map(|words| words.marks).copied();
    let is_part = |part: &str, mark: &str| part != mark && mark.contains(part);
    let mut marks: Vec<&str> = all()
        .filter(|mark| job(mark.as_bytes()).is_none() && !all().any(|part| is_part(part, mark)))
        .collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

/// Where the first `job` is, in capitals or not: the one mark that is shorter than four bytes.
fn job(bytes: &[u8]) -> Option<usize> {
    let is_job = |at: &usize| bytes.get(at + 1..at + 3).is_some_and(|rest| rest.eq_ignore_ascii_case(b"ob"));
    memchr2_iter(b'j', b'J', bytes).find(is_job)
}

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
    let first = job(plain).or(escape);
    let plain = window.get(..first.unwrap_or(window.len())).unwrap_or_default();
    match MARKS.as_ref() {
        Some(marks) => marks.find(plain).map(|found| found.start()).or(first),
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
    fn marks_are_few_enough_for_wide_instructions() {
        let marks = marks();
        assert!((33..=64).contains(&marks.len()) && marks.iter().all(|mark| mark.len() >= 4), "{marks:?}");
        for mark in WORDS.iter().flat_map(|words| words.marks) {
            assert!(find(mark.as_bytes()).is_some(), "{mark}");
        }
    }

    #[test]
    fn the_first_is_found() {
        for at in [0, WINDOW - MARK_MAX, WINDOW - 3, WINDOW, 3 * WINDOW + 1] {
            let text = "x".repeat(at) + "job and mining.submit";
            assert_eq!(find(text.as_bytes()), Some(at));
        }
        assert!(WORDS.iter().flat_map(|words| words.marks).all(|mark| mark.len() <= MARK_MAX));
        assert_eq!(find(br#"{"id":1,"method":"mining.ping"}"#), Some(19));
        assert_eq!(find(br#"{"a":"\u006d","b":"mining."}"#), Some(6));
        assert_eq!(find(br#"{"id":1,"method":"eth_getBalance","params":[]}"#), None);
    }
}
