//! The golden conversations of `tests/replay/cases`, message by message.
//!
//! Owns the reading of what was said; how it was carried (links, splits, losses) is the golden replays' own matter
//! and is passed over. Must not know mining. Property tests, the benchmark and the fuzzers' seeds share it, so a
//! dialect that gets a golden case gets them too.
use std::{
    fs,
    path::{Path, PathBuf},
};

use monitor::event::Direction;

/// A conversation. The client is the local end.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Its folder's name: a dialect and a word, or `benign-` and a word.
    pub(crate) name: String,
    /// Who said what. A message may hold several lines.
    pub(crate) turns: Vec<(Direction, Vec<u8>)>,
}

impl Case {
    /// Whether nothing is to be found in it.
    pub(crate) fn is_benign(&self) -> bool {
        self.name.starts_with("benign-")
    }
}

/// Where the golden conversations are.
///
/// # Panics
/// When no folder above the package has them.
pub(crate) fn folder() -> PathBuf {
    let within = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = within.map(|folder| folder.join("tests/replay/cases")).filter(|folder| folder.is_dir());
    folders.next().expect("tests/replay/cases lies in a folder above the package")
}

/// Every golden conversation, by name.
///
/// # Panics
/// When the folder, or a message in it, cannot be read.
pub(crate) fn all() -> Vec<Case> {
    let folder = folder();
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut cases: Vec<Case> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(path.join("session.txt"))
                .unwrap_or_else(|error| panic!("{name}/session.txt: {error}"));
            Case { turns: turns(&text), name }
        })
        .collect();
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// The messages of a `session.txt`; its words are told in the folder's README.
fn turns(text: &str) -> Vec<(Direction, Vec<u8>)> {
    let mut turns: Vec<(Direction, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let whole = || [rest.as_bytes(), b"\n"].concat();
        match word {
            ">" => turns.push((Direction::Egress, whole())),
            "<" => turns.push((Direction::Ingress, whole())),
            ">=" => turns.push((Direction::Egress, unescape(rest))),
            "<=" => turns.push((Direction::Ingress, unescape(rest))),
            "+" => turns.last_mut().expect("a message to add to").1.extend(whole()),
            _ => {}
        }
    }
    turns
}

/// `\r`, `\n`, `\\` and `\xNN`; the golden replays refuse anything else.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(rest.get(..at).unwrap_or_default().as_bytes());
        let escape = rest.get(at + 1..).unwrap_or_default();
        let (byte, used) = match escape.as_bytes().first() {
            Some(b'r') => (b'\r', 1),
            Some(b'n') => (b'\n', 1),
            Some(b'x') => {
                let digits = escape.get(1..3).expect("two digits behind \\x");
                (u8::from_str_radix(digits, 16).expect("hexadecimal digits behind \\x"), 3)
            }
            _ => (b'\\', 1),
        };
        bytes.push(byte);
        rest = escape.get(used..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
