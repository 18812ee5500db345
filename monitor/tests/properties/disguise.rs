//! The same conversation in other messages.
//!
//! Owns [`disguise`]: every JSON object of a conversation is written in another style, lines end otherwise, blank
//! lines come between them. What is no JSON stays as it is; an HTTP body's length is told anew. Must not know mining.
use arbtest::arbitrary::Unstructured;
use monitor::event::Direction;
use serde_json::Value;

use crate::{
    choice::{chance, one},
    json::Style,
};

/// Who says what.
pub(crate) type Turns = Vec<(Direction, Vec<u8>)>;

/// Writes every message of `turns` in `style`.
pub(crate) fn disguise(turns: &Turns, style: Style, u: &mut Unstructured<'_>) -> Turns {
    turns.iter().map(|(direction, bytes)| (*direction, message(bytes, style, u))).collect()
}

/// Whether a message is lines of JSON and nothing else.
pub(crate) fn is_lines(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'{') && objects(bytes).is_some()
}

fn message(bytes: &[u8], style: Style, u: &mut Unstructured<'_>) -> Vec<u8> {
    if let Some((head, body)) = http(bytes)
        && let Some(values) = objects(body)
    {
        let mut text = String::new();
        values.iter().for_each(|value| style.write(value, u, &mut text));
        return [with_length(head, text.len()).as_bytes(), text.as_bytes()].concat();
    }
    let Some(values) = objects(bytes).filter(|_| is_lines(bytes)) else { return bytes.to_vec() };
    let mut text = String::new();
    for value in &values {
        if style.blanks {
            text.push_str(one::<&str>(u, &["", " ", "\t", "\n", "\r\n", "\n \r\n\t"]));
        }
        style.write(value, u, &mut text);
        // Clients leave out the line's end, too: the next object follows at once.
        text.push_str(if style.blanks {
            one::<&str>(u, &["\n", "\r\n", " \n", "\n\n\n", "", "  "])
        } else {
            "\n"
        });
    }
    text.into_bytes()
}

/// All JSON objects of a text that has nothing else.
fn objects(bytes: &[u8]) -> Option<Vec<Value>> {
    let values = serde_json::Deserializer::from_slice(bytes).into_iter().collect::<Result<Vec<Value>, _>>();
    values.ok().filter(|values| !values.is_empty() && values.iter().all(Value::is_object))
}

/// Head, with the blank line that ends it, and body.
fn http(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_at(text.find("\r\n\r\n")? + 4);
    head.to_ascii_lowercase().contains("content-length:").then_some((head, body.as_bytes()))
}

fn with_length(head: &str, length: usize) -> String {
    let is_length = |line: &str| line.to_ascii_lowercase().starts_with("content-length:");
    let line =
        |line: &str| if is_length(line) { format!("Content-Length: {length}") } else { line.to_owned() };
    head.split("\r\n").map(line).collect::<Vec<_>>().join("\r\n")
}

/// Lets the client speak before it has heard what it need not wait for, and the pool push before it answers.
pub(crate) fn interleave(turns: &Turns, u: &mut Unstructured<'_>) -> Turns {
    let mut turns = turns.clone();
    for _ in 0..turns.len() {
        for at in 1..turns.len() {
            if may_swap(&turns[at - 1], &turns[at]) && chance(u, 4) {
                turns.swap(at - 1, at);
            }
        }
    }
    turns
}

/// Neither waits for the other: a request does not wait for a push, and a push goes unasked.
fn may_swap(first: &(Direction, Vec<u8>), second: &(Direction, Vec<u8>)) -> bool {
    let (Some(one), Some(two)) = (objects(&first.1), objects(&second.1)) else { return false };
    if !is_lines(&first.1) || !is_lines(&second.1) {
        return false;
    }
    let asks =
        |values: &[Value]| values.iter().any(|value| !value["id"].is_null() && value["method"].is_string());
    let answers = |values: &[Value]| values.iter().any(|value| !value["method"].is_string());
    match (first.0 == second.0, asks(&one), asks(&two)) {
        // A direction's own order is its sender's; TCP keeps it.
        (true, ..) => false,
        // The client's request before a line of the pool's that is earlier: it did not wait.
        (false, false, true) => true,
        // A request's answer stays behind it; a push may have been under way.
        (false, true, false) => !answers(&two),
        _ => false,
    }
}
