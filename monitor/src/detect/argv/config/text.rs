//! Lines of `key = value`, `key: value` or `key value`, with sections; and files that hold a command line.
//!
//! Owns the way from lines to entries, and to words. Must not know which keys matter.
use super::{ENTRIES, Entry, LONGEST_VALUE, Value};
use crate::detect::argv::arguments::ARGUMENTS;

/// One entry for each line that is none of comment, section or blank. Parts begin where a section or an item of a list
/// does, below a YAML key without a value, and where the indentation ends.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let mut part = 0;
    let mut column = 0;
    let mut entries = Vec::new();
    for whole in text.lines() {
        if entries.len() >= ENTRIES {
            break;
        }
        let line = whole.trim();
        let item = line.starts_with("- ");
        let begins = line.starts_with('[') || (item && line.contains(':'));
        let line = line.strip_prefix("- ").unwrap_or(line);
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let indented = whole.len() - whole.trim_start().len() + if item { 2 } else { 0 };
        if begins || indented < column {
            part += 1;
        }
        column = indented;
        if !line.starts_with(['#', ';', '[', '-', '/']) {
            entries.extend(entry(part, line));
            part += usize::from(line.ends_with(':'));
        }
    }
    entries
}

fn entry(part: usize, line: &str) -> Option<Entry> {
    let end = line.find(|c: char| c == '=' || c == ':' || c.is_whitespace())?;
    let (key, rest) = line.split_at_checked(end)?;
    let value = rest.trim_start_matches(|c: char| c == '=' || c == ':' || c.is_whitespace());
    let value = unquoted(value.trim_end_matches(';').trim_end());
    let key = unquoted(key);
    let value = if value.is_empty() || value.len() > LONGEST_VALUE {
        Value::Plain
    } else {
        Value::Text(value.to_owned())
    };
    (!key.is_empty()).then(|| Entry { part, key: key.to_owned(), value })
}

/// The words of a command line that stands in a file; nothing when no word of it is an option.
pub(super) fn words(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).map(unquoted).take(ARGUMENTS).collect();
    if words.iter().any(|word| word.starts_with('-')) { words } else { Vec::new() }
}

fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_line_is_read() {
        let text = "# url = no\nurl = \"a://b:1\"\nuser: me\nalgo rx/0\n[two]\nuser='you';\nempty =\n\n; no\n- url: c\n";
        let read: Vec<_> = entries(text)
            .into_iter()
            .map(|entry| match entry.value {
                Value::Text(value) => format!("{} {}={value}", entry.part, entry.key),
                _ => format!("{} {}", entry.part, entry.key),
            })
            .collect();
        assert_eq!(read, ["0 url=a://b:1", "0 user=me", "0 algo=rx/0", "1 user=you", "1 empty", "2 url=c"]);
    }

    #[test]
    fn words_are_those_of_options_only() {
        assert_eq!(words("# no\n-pool a:1 \\\n -wal \"b\""), ["-pool", "a:1", "\\", "-wal", "b"]);
        assert_eq!(words("a b c"), [""; 0]);
        assert_eq!(words(&"-x ".repeat(100_000)).len(), ARGUMENTS);
    }
}
