//! A pool's messages: a job, a setting, an answer.
//!
//! Owns what has to stand together in one. Must not know what clients send.
use serde_json::Value;

use super::{
    http, topics,
    values::{Group, is_hash, is_name, is_nonce, is_target},
    words::Topics,
};
use crate::detect::{
    Claim,
    stratum::{
        dialect::{Dialect, Purpose, Reply, Request},
        message::Message,
        shape::{claim, is_boundary, is_hex_value},
    },
};

/// Nested objects that are looked into; pools put one job into a message, or one for each chain.
const INNER: usize = 16;

/// A pool's answer to `asked`. What could answer anything only counts for a login or a share of this dialect.
pub(super) fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if message.carrier.http().is_some() {
        return http::answer(asked, message);
    }
    if let Some(reply) = push(message) {
        return Some(reply);
    }
    let fits = asked.dialect == Dialect::Stratum
        && match message.result? {
            Value::Bool(yes) => *yes,
            Value::String(text) => {
                ["true", "ok", "result"].iter().any(|word| text.eq_ignore_ascii_case(word))
            }
            Value::Array(list) => asked.purpose == Purpose::Enter && gives_extranonce(list),
            Value::Object(result) => {
                result.get("status").and_then(Value::as_str) == Some("OK")
                    || Group::Object(result).has_extranonce()
            }
            _ => false,
        };
    let what = if asked.purpose == Purpose::Submit { "an accepted share" } else { "a pool's consent" };
    fits.then(|| Reply::fitting(what))
}

fn gives_extranonce(list: &[Value]) -> bool {
    (2..=6).contains(&list.len())
        && !list.iter().any(Value::is_object)
        && list.iter().any(|value| is_hex_value(value, 2))
}

/// What a pool sends unasked, and those of its answers that nothing else gives.
pub(super) fn push(message: &Message<'_>) -> Option<Reply> {
    // Nodes hand out work over HTTP to whoever asks: only who asks tells.
    if message.carrier.http().is_some() {
        return None;
    }
    let topics = topics(message).unwrap_or_default();
    let groups = || groups(message);
    let what = if groups().any(|group| is_job(topics, message.method.is_some(), group))
        || message.result.is_some_and(is_work)
    {
        "a job"
    } else if groups().any(|group| is_setting(topics, group)) {
        "a setting of a pool"
    } else if message.result.is_some_and(is_subscription) || is_session(message) {
        "a subscription"
    } else {
        return None;
    };
    let algorithm = groups().find_map(Group::algorithm).and_then(claim);
    let claim = Claim { algorithm, ..Claim::default() };
    Some(Reply { claim, ..Reply::certain(Dialect::Stratum, what) })
}

/// Parameters or result, and the objects in them; the object itself where there are neither.
fn groups<'a>(message: &Message<'a>) -> impl Iterator<Item = Group<'a>> {
    let outer = message.params.or(message.result).map_or(Some(Group::Object(message.members)), Group::of);
    let inner = outer.into_iter().flat_map(Group::inner).take(INNER);
    outer.into_iter().chain(inner.filter(|group| matches!(group, Group::Object(_))))
}

/// A job: its id, what is to be hashed, and how hard that is.
fn is_job(topics: Topics, named: bool, group: Group<'_>) -> bool {
    match group {
        Group::Object(members) => {
            let id = group.has_job_id() || (topics.work && members.get("id").is_some_and(is_name));
            // Objects of other methods are theirs, whatever they hold.
            let ours = topics.work || !named;
            let work = group.has_blob() || group.has_header(topics.work);
            let known = id && group.has_difficulty();
            // In mining's own name space the target may come apart.
            ours && work && (known || (topics.mining && topics.work && group.has_some_id()))
        }
        Group::List(list) if topics.work => is_listed_job(list, topics.mining),
        Group::List(_) => false,
    }
}

/// `[id, hash, ...]`. Outside of mining's own name space a job has more: a target, or two hashes and two short words
/// (version, bits, time).
fn is_listed_job(list: &[Value], mining: bool) -> bool {
    let Some((id, rest)) = list.split_first() else { return false };
    let texts = || rest.iter().filter_map(Value::as_str);
    let hashes = texts().filter(|text| is_hash(text)).count();
    let is_number_hash = |value: &Value| {
        value.as_array().is_some_and(|words| words.len() == 4 && words.iter().all(Value::is_u64))
    };
    if list.len() > 16 || !is_name(id) {
        return false;
    }
    if mining {
        return hashes >= 1 || rest.iter().any(is_number_hash);
    }
    let short = texts().filter(|text| is_nonce(text)).count();
    hashes >= 2 && (short >= 2 || texts().any(is_target))
}

/// `[hash, hash, target]`, some with more behind.
fn is_work(result: &Value) -> bool {
    let Some([Value::String(header), Value::String(seed), Value::String(target), rest @ ..]) =
        result.as_array().map(Vec::as_slice)
    else {
        return false;
    };
    let hashes = [header, seed].iter().all(|hash| is_hash(hash) && !is_target(hash));
    hashes && is_boundary(target) && rest.len() <= 2
}

/// In mining's own name space: a difficulty, a target, an extranonce.
fn is_setting(topics: Topics, group: Group<'_>) -> bool {
    if !topics.mining || topics.get {
        return false;
    }
    match group {
        Group::List([first, ..]) => topics.setting && (first.is_number() || is_hex_value(first, 2)),
        Group::List(_) => false,
        Group::Object(_) => group.has_extranonce() || (topics.setting && group.has_difficulty()),
    }
}

/// `[[["mining.notify", id], ...], extranonce, size]`, or a protocol's mark.
fn is_subscription(result: &Value) -> bool {
    let Some(group) = Group::of(result) else { return false };
    if group.has_mark() || group.inner().any(Group::has_mark) {
        return true;
    }
    let Group::List(list) = group else { return false };
    let is_topic = |value: &Value| {
        let topics = value.as_str().map(Topics::of).unwrap_or_default();
        topics.mining && (topics.work || topics.setting)
    };
    let topics = || list.iter().filter_map(Value::as_array);
    let named = topics()
        .flatten()
        .any(|topic| is_topic(topic) || topic.as_array().is_some_and(|pair| pair.iter().any(is_topic)));
    named && list.iter().skip(1).any(|value| is_hex_value(value, 2))
}

/// `[session, extranonce]` where both are the same, in the old form of JSON-RPC with its error that is null.
fn is_session(message: &Message<'_>) -> bool {
    let old = message.members.contains_key("error") && !message.members.contains_key("jsonrpc");
    let Some([Value::String(session), Value::String(extranonce)]) =
        message.result.and_then(Value::as_array).map(Vec::as_slice)
    else {
        return false;
    };
    let bytes = session.as_bytes();
    old && message.error.is_none()
        && session == extranonce
        && matches!(bytes.len(), 8 | 10 | 16)
        && bytes.iter().all(u8::is_ascii_hexdigit)
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().any(u8::is_ascii_alphabetic)
}
