//! Reads an object as JSON, also when its end is missing.
//!
//! Owns [`read`] and the way an unfinished object is closed. Must not know what the members mean.
//! `serde_json` alone decides what is JSON; this file only makes a prefix whole, in one pass.
use std::borrow::Cow;

use serde_json::Value;

use super::doubled::{self, Doubled};

/// What was read.
#[derive(Debug)]
pub(super) struct Object {
    /// The members.
    pub(super) value: Value,
    /// The members as other parsers read them, where a name comes twice.
    pub(super) other: Option<Value>,
    /// The string that the cut went through, as far as it is there. Its value in `value` is not whole.
    pub(super) torn: Option<String>,
}

/// Reads `bytes`, which begin with a brace; `cut` when the object's end is missing.
pub(super) fn read(bytes: &[u8], cut: bool) -> Option<Object> {
    if !cut {
        return parse(bytes).map(|Doubled { last, first }| Object { value: last, other: first, torn: None });
    }
    let prefix = Prefix::of(bytes);
    let Doubled { last, first } = parse(&prefix.closed(bytes))?;
    let torn = prefix.torn.and_then(|from| bytes.get(from..prefix.end)).map(text);
    Some(Object { value: last, other: first, torn })
}

/// What a string says whose inside is `bytes`.
fn text(bytes: &[u8]) -> String {
    match parse(&[b"\"", bytes, b"\""].concat()) {
        Some(Doubled { last: Value::String(text), .. }) => text,
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Pools written for lenient parsers take bytes that are not UTF-8 and halves of surrogate pairs; both are
/// replaced when the strict reading fails.
fn parse(bytes: &[u8]) -> Option<Doubled> {
    let lossy = || String::from_utf8_lossy(&without_surrogates(bytes)).into_owned();
    doubled::read(bytes).or_else(|| doubled::read(lossy().as_bytes()))
}

fn without_surrogates(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'\\') {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'\\', [b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', x, y, tail @ ..])
                if x.is_ascii_hexdigit() && y.is_ascii_hexdigit() =>
            {
                out.extend_from_slice(br"\ufffd");
                tail
            }
            (b'\\', [next, tail @ ..]) => {
                out.extend_from_slice(&[byte, *next]);
                tail
            }
            _ => {
                out.push(byte);
                tail
            }
        };
    }
    Cow::Owned(out)
}

/// What the next token may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Name,
    Value,
    Other,
}

/// How much of an unfinished object can be kept, and what closes it.
struct Prefix {
    /// The bytes up to here are kept.
    end: usize,
    /// Where the string begins that `end` cuts.
    torn: Option<usize>,
    /// Closing brackets still needed, outermost first.
    open: Vec<u8>,
}

impl Prefix {
    fn of(bytes: &[u8]) -> Self {
        let mut open = Vec::new();
        let mut expect = Expect::Other;
        let mut end = 0;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'{' | b'[' => {
                    open.push(if byte == b'{' { b'}' } else { b']' });
                    expect = if byte == b'{' { Expect::Name } else { Expect::Value };
                    end = at;
                }
                b'}' | b']' => {
                    open.pop();
                    expect = Expect::Other;
                    end = at;
                }
                b':' => expect = Expect::Value,
                b',' => {
                    // A number or a word is whole only once something follows it.
                    end = at - 1;
                    expect = if open.last() == Some(&b'}') { Expect::Name } else { Expect::Value };
                }
                b'"' => match string_end(bytes, at) {
                    Ok(behind) => {
                        if expect == Expect::Value {
                            end = behind;
                        }
                        at = behind;
                        expect = Expect::Other;
                    }
                    Err(last) if expect == Expect::Value => return Self { end: last, torn: Some(at), open },
                    Err(_) => break,
                },
                _ => {}
            }
        }
        Self { end, torn: None, open }
    }

    fn closed(&self, bytes: &[u8]) -> Vec<u8> {
        let mut whole = bytes.get(..self.end).unwrap_or_default().to_vec();
        whole.extend(self.torn.map(|_| b'"'));
        whole.extend(self.open.iter().rev());
        whole
    }
}

/// For a string whose text begins at `from`: the place behind its quote, or how far a cut one can be kept.
fn string_end(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    loop {
        let wide = match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'"'), _) => return Ok(at + 1),
            (Some(b'\\'), Some(b'u')) => 6,
            (Some(b'\\'), _) => 2,
            (Some(_), _) => 1,
            (None, _) => return Err(at),
        };
        if at + wide > bytes.len() {
            return Err(at);
        }
        at += wide;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cut(text: &str) -> (Value, Option<String>) {
        let object = read(text.as_bytes(), true).unwrap();
        (object.value, object.torn)
    }

    #[test]
    fn a_prefix_keeps_all_that_is_whole() {
        for (text, want) in [
            ("{", json!({})),
            (r#"{"id"#, json!({})),
            (r#"{"id""#, json!({})),
            (r#"{"id":"#, json!({})),
            (r#"{"id":12"#, json!({})),
            (r#"{"id":12,"#, json!({"id":12})),
            (r#"{"id":12,"method":tru"#, json!({"id":12})),
            (r#"{"id":null, "params":["a", 1, [], {"b":2"#, json!({"id":null,"params":["a",1,[],{}]})),
            (r#"{"a":{"b":"c"},"d":["e"]"#, json!({"a":{"b":"c"},"d":["e"]})),
        ] {
            assert_eq!(cut(text), (want, None), "{text}");
        }
    }

    #[test]
    fn a_torn_string_is_kept_and_named() {
        for (text, want, torn) in [
            (r#"{"a":""#, json!({"a":""}), ""),
            (r#"{"a":["x","abc"#, json!({"a":["x","abc"]}), "abc"),
            (r#"{"a":"abc\"#, json!({"a":"abc"}), "abc"),
            (r#"{"a":"abc\u00"#, json!({"a":"abc"}), "abc"),
            (r#"{"a":"q\"\u0072"#, json!({"a":"q\"r"}), "q\"r"),
        ] {
            assert_eq!(cut(text), (want, Some(torn.to_owned())), "{text}");
        }
    }

    #[test]
    fn every_prefix_of_a_message_is_read() {
        let text = r#"{"id":1,"método":"l\u006fg\"in","params":{"l":["a",{"b":-1.5e3},true,null],"π":"ü"},"z":[[]]}"#;
        let whole = read(text.as_bytes(), false).unwrap().value;
        for at in 1..=text.len() {
            let object = read(&text.as_bytes()[..at], true).unwrap_or_else(|| panic!("prefix of {at} bytes"));
            let members = object.value.as_object().unwrap();
            assert!(members.keys().all(|name| whole.get(name).is_some()), "{at}: {members:?}");
        }
    }

    #[test]
    fn lenient_text_is_read() {
        for text in [
            br#"{"a":"\ud800","b":1}"#.as_slice(),
            b"{\"a\":\"\xff\xfe\",\"b\":1}",
            br#"{"b":1,"a":"\\\uDFFF"}"#,
        ] {
            assert_eq!(read(text, false).unwrap().value["b"], 1, "{}", text.escape_ascii());
        }
        assert_eq!(read(br#"{"a":"\ud83d\ude00"}"#, false).unwrap().value["a"], "\u{1f600}");
    }

    #[test]
    fn what_is_no_json_is_nothing() {
        for text in ["{]", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":01}", "{'a':1}"] {
            assert!(read(text.as_bytes(), false).is_none(), "{text}");
        }
        assert!(read(b"{\"a\"]]]]", true).is_none());
        assert!(read(b"", true).is_none());
    }
}
