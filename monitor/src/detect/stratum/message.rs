//! The neutral view of one JSON-RPC-like object.
//!
//! Owns [`Message`] and [`Id`]. Must not know any dialect.
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Map, Value};

use super::carrier::Carrier;

/// Members that log records have and messages have not. A record may hold a message's members beside them.
fn is_log_member(name: &str) -> bool {
    matches!(
        name,
        "@timestamp"
            | "caller"
            | "event"
            | "event_type"
            | "facility"
            | "host"
            | "hostname"
            | "level"
            | "log"
            | "logger"
            | "lvl"
            | "msg"
            | "severity"
            | "stream"
            | "time"
            | "timestamp"
            | "ts"
    )
}

/// What ties an answer to its request. A digest, so that nothing of a chosen length is kept; `1` and `"1"` are
/// the same, as some pools echo the one for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u64);

/// One object, its absent and null members left out.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// Number or string.
    pub(super) id: Option<Id>,
    /// Exactly as sent.
    pub(super) method: Option<&'a str>,
    /// Every member, also those that are read out below.
    pub(super) members: &'a Map<String, Value>,
    /// Array or object: `params`, else `body` (Iron Fish).
    pub(super) params: Option<&'a Value>,
    /// Anything but null.
    pub(super) result: Option<&'a Value>,
    /// Anything but null.
    pub(super) error: Option<&'a Value>,
    /// The object's end is missing: what is not there may have been.
    pub(super) cut: bool,
    /// It has members of a log record.
    pub(super) logged: bool,
    /// What it came in.
    pub(super) carrier: Carrier<'a>,
}

impl<'a> Message<'a> {
    /// `None` when `value` is no object.
    pub(super) fn of(value: &'a Value, cut: bool) -> Option<Self> {
        let members = value.as_object()?;
        let member = |name| members.get(name).filter(|member: &&Value| !member.is_null());
        let text = |name| member(name).and_then(Value::as_str);
        Some(Self {
            id: member("id").and_then(Id::of),
            method: text("method"),
            members,
            params: member("params").or_else(|| member("body")).filter(|params| is_container(params)),
            result: member("result"),
            error: member("error"),
            cut,
            logged: members.keys().any(|name| is_log_member(name)),
            carrier: Carrier::Line,
        })
    }

    /// The same, come in `carrier`.
    pub(super) fn carried_by(self, carrier: Carrier<'a>) -> Self {
        Self { carrier, ..self }
    }

    /// A member of the object itself that is a string.
    pub(super) fn member(&self, name: &str) -> Option<&'a str> {
        self.members.get(name).and_then(Value::as_str)
    }

    /// `params` as an array.
    pub(super) fn list(&self) -> Option<&'a [Value]> {
        self.params.and_then(Value::as_array).map(Vec::as_slice)
    }

    /// A member of `params` that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.params.and_then(|params| params.get(name)).and_then(Value::as_str)
    }

    /// An element of `params` that is a string.
    pub(super) fn text_at(&self, index: usize) -> Option<&'a str> {
        self.list().and_then(|list| list.get(index)).and_then(Value::as_str)
    }
}

fn is_container(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

impl Id {
    /// For protocols whose answers carry none and come in order.
    pub(super) const IN_ORDER: Self = Self(0);

    /// A number or a string; `None` for anything else.
    pub(super) fn of(id: &Value) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        match id {
            Value::String(text) => match whole_number(text) {
                Some(number) => number.hash(&mut hasher),
                None => text.hash(&mut hasher),
            },
            Value::Number(number) => match number.as_u64() {
                Some(number) => number.hash(&mut hasher),
                None => number.to_string().hash(&mut hasher),
            },
            _ => return None,
        }
        Some(Self(hasher.finish()))
    }
}

/// A number as it is written, without anything before it.
fn whole_number(text: &str) -> Option<u64> {
    let plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_compared_by_their_text() {
        assert_eq!(Id::of(&json!(1)), Id::of(&json!("1")));
        assert_eq!(Id::of(&json!(-1.5)), Id::of(&json!("-1.5")));
        assert_ne!(Id::of(&json!(1)), Id::of(&json!("01")));
        assert_ne!(Id::of(&json!(1)), Id::of(&json!(2)));
        assert_ne!(Id::of(&json!(1)), Id::of(&json!(1.5)));
        for none in [json!(null), json!([1]), json!({}), json!(true)] {
            assert_eq!(Id::of(&none), None, "{none}");
        }
    }

    #[test]
    fn null_members_are_absent() {
        let value = json!({"id":null,"method":"m","params":null,"error":null,"result":null,"worker":1});
        let message = Message::of(&value, false).unwrap();
        assert_eq!(message.method, Some("m"));
        assert!(message.id.is_none() && message.params.is_none() && message.member("worker").is_none());
        assert!(message.result.is_none() && message.error.is_none() && !message.logged);
    }

    #[test]
    fn only_objects_are_messages() {
        for value in [json!([]), json!([{"id":1}]), json!("method"), json!(null)] {
            assert!(Message::of(&value, false).is_none(), "{value}");
        }
        let value = json!({"method":1,"body":{"a":"b"}});
        let message = Message::of(&value, false).unwrap();
        assert_eq!((message.method, message.text("a")), (None, Some("b")));
    }

    #[test]
    fn log_records_are_told() {
        assert!(Message::of(&json!({"method":"m","level":"info"}), false).unwrap().logged);
    }
}
