//! The same JSON in other bytes.
//!
//! Owns [`Style`]: blanks, escapes, order of members, doubled and unknown members. Every parser reads the same out
//! of all of them, doubled members apart: those that read into a map keep the last, and those that search a list
//! (`RapidJSON`) find the first. Must not know mining.
use std::fmt::Write as _;

use arbtest::arbitrary::Unstructured;
use serde_json::{Value, json};

use crate::choice::{chance, one, shuffle, up_to};

/// Members that mean nothing to anyone.
const UNKNOWN: [&str; 5] = ["x-pad", "_", "\u{3b1}\u{3b2}", "", "params2"];

/// Where the true one of two members with one name stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doubled {
    /// No name comes twice.
    #[default]
    Never,
    /// Both say the same.
    Alike,
    /// As parsers see it that keep the last.
    LastCounts,
    /// As parsers see it that find the first.
    FirstCounts,
}

/// What may be changed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Spaces and tabs between tokens.
    pub(crate) blanks: bool,
    /// `\u` escapes in names and strings.
    pub(crate) escapes: bool,
    /// Another order of members.
    pub(crate) order: bool,
    /// Members that nobody knows.
    pub(crate) unknown: bool,
    /// Members twice.
    pub(crate) doubled: Doubled,
}

impl Style {
    /// Any style.
    pub(crate) fn any(u: &mut Unstructured<'_>) -> Self {
        let mut yes = || chance(u, 2);
        let (blanks, escapes, order, unknown) = (yes(), yes(), yes(), yes());
        let doubled = *one(u, &[Doubled::Never, Doubled::Alike, Doubled::LastCounts, Doubled::FirstCounts]);
        Self { blanks, escapes, order, unknown, doubled }
    }

    /// Parsers differ about what is written in it.
    pub(crate) fn has_decoys(self) -> bool {
        matches!(self.doubled, Doubled::LastCounts | Doubled::FirstCounts)
    }

    /// Writes `value`.
    pub(crate) fn write(self, value: &Value, u: &mut Unstructured<'_>, out: &mut String) {
        match value {
            Value::String(text) => self.string(text, u, out),
            Value::Array(items) => {
                self.list(['[', ']'], items, u, out, |item, u, out| self.write(item, u, out));
            }
            Value::Object(members) => {
                let members = self.members(members, u);
                self.list(['{', '}'], &members, u, out, |(name, value), u, out| {
                    self.string(name, u, out);
                    self.blank(u, out);
                    out.push(':');
                    self.blank(u, out);
                    self.write(value, u, out);
                });
            }
            other => out.push_str(&other.to_string()),
        }
    }

    fn list<T>(
        self,
        [open, close]: [char; 2],
        items: &[T],
        u: &mut Unstructured<'_>,
        out: &mut String,
        write: impl Fn(&T, &mut Unstructured<'_>, &mut String),
    ) {
        out.push(open);
        self.blank(u, out);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.push(',');
                self.blank(u, out);
            }
            write(item, u, out);
            self.blank(u, out);
        }
        out.push(close);
    }

    fn members(
        self,
        members: &serde_json::Map<String, Value>,
        u: &mut Unstructured<'_>,
    ) -> Vec<(String, Value)> {
        let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if self.order {
            shuffle(u, &mut members);
        }
        if self.unknown && chance(u, 2) {
            let name = (*one(u, &UNKNOWN)).to_owned();
            let at = up_to(u, members.len());
            members.insert(at, (name, decoy(u)));
        }
        if !members.is_empty() && self.doubled != Doubled::Never && chance(u, 2) {
            let at = up_to(u, members.len() - 1);
            let (name, value) = members[at].clone();
            let (place, value) = match self.doubled {
                Doubled::Never | Doubled::Alike => (up_to(u, members.len()), value),
                Doubled::LastCounts => (up_to(u, at), decoy(u)),
                Doubled::FirstCounts => (members.len() - up_to(u, members.len() - 1 - at), decoy(u)),
            };
            members.insert(place, (name, value));
        }
        members
    }

    fn blank(self, u: &mut Unstructured<'_>, out: &mut String) {
        if self.blanks {
            out.push_str(one::<&str>(u, &["", " ", "\t", "  ", " \t "]));
        }
    }

    fn string(self, text: &str, u: &mut Unstructured<'_>, out: &mut String) {
        // Where few are escaped, the shrunk one is readable.
        let odds = if self.escapes { *one(u, &[0, 1, 4]) } else { 0 };
        out.push('"');
        for character in text.chars() {
            let must = matches!(character, '"' | '\\' | '\0'..='\x1f');
            if must || (odds > 0 && chance(u, odds)) {
                escape(character, u, out);
            } else {
                out.push(character);
            }
        }
        out.push('"');
    }
}

fn escape(character: char, u: &mut Unstructured<'_>, out: &mut String) {
    if character == '/' && chance(u, 2) {
        out.push_str("\\/");
        return;
    }
    for unit in character.encode_utf16(&mut [0; 2]) {
        let upper = chance(u, 2);
        let written = if upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") };
        written.expect("a string takes everything");
    }
}

/// A value that tells nothing: whose text would count could not be said. No conversation has the number as an id.
fn decoy(u: &mut Unstructured<'_>) -> Value {
    one(
        u,
        &[Value::Null, Value::from(7_007_007), Value::Bool(false), Value::from(vec![1]), json!({"x-pad": 1})],
    )
    .clone()
}
