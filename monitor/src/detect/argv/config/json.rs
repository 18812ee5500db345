//! JSON as miners write it: with comments, commas at the end, and without braces around the whole.
//!
//! Owns the way from text to entries. Linear in the length of the text; depth is bounded by `serde_json`. Must not know
//! which keys matter.
use serde_json::Value as Json;

use super::{ENTRIES, Entry, LONGEST_VALUE, Value};

/// Every member of every object, in no particular order; `None` when `text` is no JSON.
pub(super) fn entries(text: &str) -> Option<Vec<Entry>> {
    let mut bare = without_comments(text);
    match bare.trim_start().chars().next()? {
        '{' | '[' => {}
        // xmr-stak's files are the inside of an object.
        '"' => bare = format!("{{{}}}", bare.trim_end().trim_end_matches(',')),
        _ => return None,
    }
    let json: Json = serde_json::from_str(&bare).ok()?;
    let mut entries = Vec::new();
    let mut waiting = vec![&json];
    let mut part = 0;
    while let Some(value) = waiting.pop() {
        match value {
            Json::Object(members) => {
                part += 1;
                for (key, value) in members.iter().take(ENTRIES - entries.len()) {
                    entries.push(Entry { part, key: key.clone(), value: of(value) });
                    waiting.push(value);
                }
            }
            Json::Array(values) => {
                let room = (ENTRIES * 2).saturating_sub(waiting.len());
                waiting
                    .extend(values.iter().filter(|value| value.is_object() || value.is_array()).take(room));
            }
            _ => {}
        }
    }
    Some(entries)
}

fn of(value: &Json) -> Value {
    match value {
        Json::String(text) if text.len() <= LONGEST_VALUE => Value::Text(text.clone()),
        // ckpool, cgminer and others: a list of addresses.
        Json::Array(values) => match values.first() {
            Some(Json::String(text)) if text.len() <= LONGEST_VALUE => Value::Text(text.clone()),
            _ => Value::Deep,
        },
        Json::Object(_) => Value::Deep,
        _ => Value::Plain,
    }
}

/// Replaces `// ..`, `/* .. */` and `# ..` outside strings by blanks, and takes out commas that nothing follows.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Where in `out` the last comma is, when only blanks followed.
    let mut comma = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                comma = None;
                out.push(c);
                string(&mut chars, &mut out);
            }
            '#' => skip_line(&mut chars),
            '/' if chars.peek() == Some(&'/') => skip_line(&mut chars),
            '/' if chars.peek() == Some(&'*') => skip_block(&mut chars),
            _ => {
                if let (']' | '}', Some(at)) = (c, comma) {
                    out.replace_range(at..=at, " ");
                }
                if c == ',' {
                    comma = Some(out.len());
                } else if !c.is_whitespace() {
                    comma = None;
                }
                out.push(c);
            }
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn string(chars: &mut Chars<'_>, out: &mut String) {
    while let Some(c) = chars.next() {
        out.push(c);
        match c {
            '\\' => out.extend(chars.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn skip_line(chars: &mut Chars<'_>) {
    while chars.next_if(|c| *c != '\n').is_some() {}
}

fn skip_block(chars: &mut Chars<'_>) {
    let mut before = chars.next();
    let mut first = true;
    for c in chars.by_ref() {
        if before == Some('*') && c == '/' && !first {
            return;
        }
        // The star of `/*/` opens and does not close.
        first = false;
        before = Some(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_go_and_strings_stay() {
        for (text, want) in [
            ("{\"a\": 1, // one\n}", "{\"a\": 1  \n}"),
            ("{\"a\": \"// no # comment /* \\\" */\",}", "{\"a\": \"// no # comment /* \\\" */\" }"),
            ("[1, /* two\n */ 2, ]", "[1,  2  ]"),
            ("{} # end", "{} "),
            ("/**/{}", "{}"),
            ("{\"a\":[1,],}", "{\"a\":[1 ] }"),
            ("\"open", "\"open"),
            ("/* open", ""),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(without_comments(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_none_and_hostile_json_is_bounded() {
        for text in ["", "a = b", "{", "{\"a\":}", "[[", "-o pool:1"] {
            assert_eq!(entries(text), None, "{text}");
        }
        assert_eq!(entries(&"[".repeat(100_000)), None, "too deep");
        let wide =
            format!("{{{}\"z\":1}}", (0..50_000).map(|i| format!("\"k{i}\":{{}},")).collect::<String>());
        assert_eq!(entries(&wide).unwrap().len(), ENTRIES);
        let list = format!("[{}{{}}]", "{\"a\":1},".repeat(50_000));
        assert!(entries(&list).unwrap().len() <= ENTRIES * 2);
    }
}
