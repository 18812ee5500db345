//! Lists of digests: files that the operator knows to be miners.
//!
//! Owns the form of a line, the cap, and the look-up. Must not know whose file has the digest.
use std::sync::Arc;

use super::{Problem, list};

/// Entries of all lists together: 12 MB.
const ENTRIES_MAX: usize = 250_000;
/// Longest label, in bytes.
const LABEL_MAX: usize = 64;

/// SHA-256 digests with the place where each was read.
#[derive(Debug, Default)]
pub struct Digests {
    files: Vec<Arc<str>>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    digest: [u8; 32],
    line: u32,
    file: u16,
    label: Option<Box<str>>,
}

impl Digests {
    /// Adds a list: on each line a SHA-256 in hexadecimal, perhaps with a label behind a blank; `#` begins a
    /// comment. A line as `sha256sum` prints it will do.
    pub(super) fn add(&mut self, file: &str, text: &str, problems: &mut Vec<Problem>) {
        let Ok(index) = u16::try_from(self.files.len()) else { return };
        self.files.push(file.into());
        list::read(file, text, problems, |content, line| {
            if self.entries.len() >= ENTRIES_MAX {
                return list::Entry::Full(ENTRIES_MAX, "digests");
            }
            let (hex, label) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
            let Some(digest) = digest(hex) else { return list::Entry::Wrong("64 hexadecimal digits are") };
            self.entries.push(Entry { digest, line, file: index, label: self::label(label) });
            list::Entry::Taken
        });
    }

    /// To be called when all lists are added.
    pub(super) fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.digest);
        self.entries.dedup_by_key(|entry| entry.digest);
        self.entries.shrink_to_fit();
    }

    /// The list that has this digest (lower-case hex), as `FILE:LINE` or `FILE:LINE LABEL`.
    #[must_use]
    pub fn find(&self, sha256: &str) -> Option<String> {
        let wanted = digest(sha256)?;
        let found = self.entries.binary_search_by_key(&wanted, |entry| entry.digest).ok()?;
        let entry = self.entries.get(found)?;
        let place = format!("{}:{}", self.files.get(usize::from(entry.file))?, entry.line);
        Some(match &entry.label {
            Some(label) => format!("{place} {label}"),
            None => place,
        })
    }

    /// Digests held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn label(text: &str) -> Option<Box<str>> {
    let text = text.trim().trim_start_matches('*');
    let end = text.floor_char_boundary(LABEL_MAX);
    text.get(..end).filter(|label| !label.is_empty()).map(Into::into)
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let bytes = hex.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(digest)
}
