//! Judges the content of a configuration file.
//!
//! Owns which form a file has and what makes it a miner's. Pure: bytes in, [`Told`] out; of the values only pool, wallet,
//! worker, algorithm and coin come out. Must not know how files are read.
use std::collections::BTreeMap;

use super::{
    algorithm::{self, Algorithm},
    judge,
    marks::Marks,
};
use crate::event::Told;

mod json;
mod text;

/// Entries looked at; those of a file with more are judged as far as that.
const ENTRIES: usize = 4_096;
/// Longest value looked at, in bytes.
const LONGEST_VALUE: usize = 512;

/// A key and its value, and the object or section it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    part: usize,
    key: String,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    /// Number, truth value or nothing.
    Plain,
    /// An object or a list.
    Deep,
}

/// What a file tells of mining; empty when it is no miner's, and when its form is not known.
pub(crate) fn read(content: &[u8]) -> Told {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let Ok(text) = std::str::from_utf8(content) else { return Told::default() };
    let entries = json::entries(text).unwrap_or_else(|| text::entries(text));
    let marks = of_entries(&entries);
    let marks = marks.or_else(|| judge::options(&text::words(text)));
    marks.map_or_else(Told::default, |marks| told(&marks))
}

fn told(marks: &Marks) -> Told {
    let claim = marks.claim();
    Told {
        marks: marks.names(),
        pool: claim.pool,
        wallet: claim.wallet,
        worker: claim.worker,
        algorithm: claim.algorithm,
        coin: claim.coin,
    }
}

/// Words of the whole file count together; a pool and an account only side by side.
fn of_entries(entries: &[Entry]) -> Option<Marks> {
    let mut parts: BTreeMap<usize, Marks> = BTreeMap::new();
    for entry in entries {
        let marks = parts.entry(entry.part).or_default();
        match &entry.value {
            Value::Text(text) => marks.take(&entry.key, Some(text)),
            Value::Plain => key_alone(&entry.key, marks),
            Value::Deep => deep(&entry.key, marks),
        }
    }
    let telling = parts.values().find(|part| part.tell_a_miners_entry()).cloned();
    let mut whole = Marks::default();
    parts.values().for_each(|part| whole.add_part(part));
    if telling.is_none() && !whole.tells_by_own_words() {
        return None;
    }
    let mut marks = telling.unwrap_or_default();
    marks.add_part(&whole);
    Some(marks)
}

/// XMRig's profiles of threads are lists named after algorithms.
fn deep(key: &str, marks: &mut Marks) {
    if key == "randomx" {
        marks.add("randomx");
    } else if key.contains('/') && algorithm::named(key) == Some(Algorithm::Mining) {
        marks.add("threads of an algorithm");
    } else {
        key_alone(key, marks);
    }
}

/// A key is no flag, also where a command line would have one of that name.
fn key_alone(key: &str, marks: &mut Marks) {
    marks.take(key, Some(""));
}

#[cfg(test)]
mod everyday;
#[cfg(test)]
mod tests;
