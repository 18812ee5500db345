//! What pools of this dialect and its relatives answer, and send unasked.
//!
//! Must not know what clients say.
use serde_json::Value;

use super::{
    super::{Dialect, Purpose, Reply, Request},
    EXTENSIONS, is_mark,
    job::{is_job, is_neptune},
};
use crate::detect::{
    Claim,
    stratum::{
        difficulty,
        message::Message,
        shape::{is_hex, is_hex_value, is_host},
    },
};

/// A pool's answer to `asked`.
pub(super) fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if let Some(reply) = subscription(message) {
        return Some(reply);
    }
    let fits = match (asked.method, message.result?) {
        ("mining.subscribe", Value::Array(result)) => gives_extranonce(result),
        ("mining.subscribe", Value::String(result)) => ["ok", "result", "true"].contains(&result.as_str()),
        ("mining.hello", Value::Array(result)) => result.iter().filter_map(Value::as_str).any(is_mark),
        ("mining.configure", Value::Object(result)) => {
            result.keys().any(|name| EXTENSIONS.iter().any(|known| name.starts_with(known)))
        }
        ("mining.configure", _) => false,
        ("mining.submit", Value::Object(result)) => {
            result.get("status").and_then(Value::as_str) == Some("OK")
        }
        ("mining.submit", Value::Array(result)) => result.first().is_some_and(is_yes),
        ("mining.submit", Value::String(result)) => result == "ok",
        (_, Value::Bool(yes)) => *yes,
        _ => false,
    };
    let what = match asked.purpose {
        Purpose::Submit => "an accepted share",
        _ if asked.method == "mining.subscribe" => "an extranonce",
        _ => "a pool's consent",
    };
    fits.then(|| Reply::fitting(what))
}

/// `["true"]`, as Conflux says yes.
fn is_yes(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str() == Some("true"))
}

/// The forms of the relatives: `["04d567b212", ...]`, `[null, "64290b"]`, `[true, "EthereumStratum/1.0.0"]`,
/// `["session", "extranonce", 32, "key"]`.
fn gives_extranonce(result: &[Value]) -> bool {
    (2..=6).contains(&result.len())
        && result.iter().filter_map(Value::as_str).any(|text| !text.is_empty())
        && !result.iter().any(Value::is_object)
}

/// `[[["mining.set_difficulty", id], ["mining.notify", id]], extranonce1, size]`, which nothing else answers.
fn subscription(message: &Message<'_>) -> Option<Reply> {
    let [Value::Array(topics), Value::String(extranonce), ..] = message.result?.as_array()?.as_slice() else {
        return None;
    };
    let is_topic = |topic: &Value| match topic {
        Value::Array(pair) => {
            pair.first().and_then(Value::as_str).is_some_and(|name| name.starts_with("mining."))
        }
        Value::String(name) => name.starts_with("mining."),
        _ => false,
    };
    let shaped = topics.iter().any(is_topic) && is_hex(extranonce, 2);
    shaped.then(|| Reply::certain(Dialect::StratumV1, "an extranonce"))
}

/// What a pool sends unasked, and its answer to a subscription.
pub(super) fn push(message: &Message<'_>) -> Option<Reply> {
    let Some(method) = message.method else { return subscription(message).or_else(|| result_job(message)) };
    let list = message.list().unwrap_or_default();
    let first = list.first();
    let (what, shaped) = match method {
        "mining.notify" => ("a job", is_job(list, message.cut)),
        "mining.set_difficulty" => ("a difficulty", matches!(list, [level] if is_level(level))),
        "mining.set_target" => ("a target", first.is_some_and(is_target)),
        "mining.set_extranonce" => ("an extranonce", first.is_some_and(|nonce| is_hex_value(nonce, 2))),
        "mining.set_version_mask" => ("a version mask", first.is_some_and(|mask| is_hex_value(mask, 8))),
        // kHeavyHash leaves out the name space.
        "set_extranonce" if gives_size(list) => ("an extranonce", true),
        _ => {
            let what = hint(method, list)?;
            return Some(Reply { sure: false, ..Reply::certain(Dialect::StratumV1, what) });
        }
    };
    let hard = first.filter(|_| matches!(what, "a difficulty" | "a target") && !message.cut);
    let told = Claim { difficulty: hard.and_then(difficulty::told), ..Claim::default() };
    shaped.then(|| Reply { claim: told, ..Reply::certain(Dialect::StratumV1, what) })
}

/// Neptune's pools put a job into a result that nobody asked for.
fn result_job(message: &Message<'_>) -> Option<Reply> {
    let job = message.result?.get("job")?;
    is_neptune(job).then(|| Reply::certain(Dialect::StratumV1, "a job"))
}

/// A pool's message that could be anyone's; it counts behind a client's.
fn hint(method: &str, list: &[Value]) -> Option<&'static str> {
    let (what, shaped) = match (method, list) {
        ("set_extranonce", [nonce, ..]) => ("an extranonce", is_hex_value(nonce, 2)),
        ("client.reconnect", []) => ("another address", true),
        ("client.reconnect", [Value::String(host), port, ..]) => {
            ("another address", is_host(host) && (port.is_number() || port.is_string()))
        }
        ("client.show_message", [Value::String(_)]) => ("a pool's message", true),
        ("mining.print", [Value::Number(_), Value::String(_)]) => ("a pool's message", true),
        ("mining.set_goal", [Value::String(_), ..]) => ("a goal", true),
        _ => return None,
    };
    shaped.then_some(what)
}

/// `["0029", 6]`: what a nonce begins with, and how many bytes are left of it.
fn gives_size(list: &[Value]) -> bool {
    let [Value::String(nonce), Value::Number(size)] = list else { return false };
    nonce.len() <= 16 && is_hex(nonce, 2) && size.as_u64().is_some_and(|size| (1..=32).contains(&size))
}

/// Some pools write the number as text.
fn is_level(level: &Value) -> bool {
    level.is_number() || level.as_str().is_some_and(|text| text.parse::<f64>().is_ok_and(f64::is_finite))
}

/// 32 bytes; in Aleo a number.
fn is_target(target: &Value) -> bool {
    is_hex_value(target, 64) || target.is_u64()
}
