//! Reads JSON text in which an object may have members with the same name.
//!
//! Owns [`Doubled`]. JSON leaves open which of them counts (RFC 8259, section 4): parsers that read into a map keep
//! the last, those that search a list of members (`RapidJSON`, and so XMRig and its proxy) find the first. Both
//! readings are given, or a decoy behind or before a member would hide a message from one of them. Must not know
//! what the members mean.
use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry};

/// The readings of one text.
#[derive(Debug)]
pub(super) struct Doubled {
    /// The last of members with one name counts.
    pub(super) last: Value,
    /// The first does; only where that says something else.
    pub(super) first: Option<Value>,
}

/// Reads `text`; `None` when it is no JSON.
pub(super) fn read(text: &[u8]) -> Option<Doubled> {
    // All of it at once: the parser would look at each string by itself.
    let text = str::from_utf8(text).ok()?;
    let doubled = Cell::new(false);
    let last = reading(text, Reading { first: false, doubled: &doubled })?;
    let first = doubled.get().then(|| reading(text, Reading { first: true, doubled: &doubled })).flatten();
    Some(Doubled { first: first.filter(|first| *first != last), last })
}

fn reading(text: &str, reading: Reading<'_>) -> Option<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = reading.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(value)
}

#[derive(Clone, Copy)]
struct Reading<'a> {
    /// The first of members with one name counts.
    first: bool,
    /// There were any.
    doubled: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            match map.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(mut place) => {
                    self.doubled.set(true);
                    if !self.first {
                        place.insert(value);
                    }
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(text: &str) -> (Value, Option<Value>) {
        let read = read(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        (read.last, read.first)
    }

    #[test]
    fn both_readings_are_given_where_they_differ() {
        assert_eq!(of(r#"{"a":1,"b":2,"a":3}"#), (json!({"a":3,"b":2}), Some(json!({"a":1,"b":2}))));
        assert_eq!(
            of(r#"{"a":[{"b":1,"\u0062":[]}]}"#),
            (json!({"a":[{"b":[]}]}), Some(json!({"a":[{"b":1}]})))
        );
        assert_eq!(of(r#"{"a":1,"a":1}"#), (json!({"a":1}), None));
        assert_eq!(of(r#"{"a":{"b":1},"c":{"b":2}}"#), (json!({"a":{"b":1},"c":{"b":2}}), None));
    }

    #[test]
    fn a_text_is_read_as_serde_json_reads_it() {
        for text in [
            r#"{"a":[null,true,-1,18446744073709551615,1.5e3,1e999,"\u00fc\n"],"":{}}"#,
            "[]",
            "{\"a\":1} ",
            "{\"a\":1}x",
            "{\"a\":01}",
            "{",
            "",
        ] {
            let plain = serde_json::from_str::<Value>(text).ok();
            assert_eq!(read(text.as_bytes()).map(|read| read.last), plain, "{text}");
        }
    }
}
