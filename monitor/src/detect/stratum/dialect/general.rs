//! `stratum`: a dialect that nobody listed.
//!
//! Owns the general rule: words of mining in the method's name, together with values that have the shape of
//! mining's, wherever in the object they stand. Must not know any dialect, and no dialect knows it: so it stands
//! when one of them is missing. It comes last, and only what suffices by itself counts.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        account,
        message::Message,
        shape::{claim, is_hex_value, is_miner_agent},
    },
};

mod values;
mod words;

use values::{Group, has_suffix, is_cryptonote, is_hash, is_name, is_nonce, is_target};
use words::Topics;

/// Members that may say what a message is for where none is called `method`.
const METHOD_MEMBERS: [&str; 5] = ["command", "cmd", "message", "type", "op"];
/// Nested objects that are looked into; pools put one job into a message, or one for each chain.
const INNER: usize = 16;

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::Stratum, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    if message.result.is_some() || message.error.is_some() {
        return None;
    }
    let topics = topics(message)?;
    let group = body(message);
    let tied = message.id.is_some() || message.cut;
    let (method, purpose) = if tied && submits(topics, group) {
        ("a share", Purpose::Submit)
    } else if enters(topics, group, message, tied) {
        ("a login", Purpose::Enter)
    } else {
        return None;
    };
    let claim = if purpose == Purpose::Enter { tells(topics, group, message) } else { Claim::default() };
    Some(Request { dialect: Dialect::Stratum, method, purpose, sure: true, claim, offer: None })
}

fn topics(message: &Message<'_>) -> Option<Topics> {
    let name = message.method.or_else(|| METHOD_MEMBERS.iter().find_map(|name| message.member(name)))?;
    let topics = Topics::of(name);
    (topics != Topics::default()).then_some(topics)
}

/// The parameters; the object itself where there are none.
fn body<'a>(message: &Message<'a>) -> Group<'a> {
    message.params.and_then(Group::of).unwrap_or(Group::Object(message.members))
}

/// A login: in mining's own name space, as mining software, or as a wallet with what only miners add to it.
fn enters(topics: Topics, group: Group<'_>, message: &Message<'_>, tied: bool) -> bool {
    if !(topics.enter || topics.greet || topics.subscribe) {
        return false;
    }
    if group.has_mark() || (topics.mining && tied && is_plain_list(topics, group)) {
        return true;
    }
    let credentials = group.account().is_some() && group.has_pass();
    let algorithm = group.algorithm().or_else(|| group.inner().find_map(Group::algorithm)).is_some();
    if topics.mining && (group.agent().is_some() || group.wallet().is_some()) {
        return true;
    }
    // Wallets are subscribed to elsewhere: for news of their money.
    (topics.enter || topics.greet)
        && ((credentials && (algorithm || group.agent().is_some()))
            || owns(topics, group, message, algorithm))
}

/// `[]` and `[software, session, host, port]` to subscribe, `[user, password]` to log in.
fn is_plain_list(topics: Topics, group: Group<'_>) -> bool {
    let Group::List(list) = group else { return false };
    let first = list.first();
    let fits = if topics.enter {
        first.and_then(Value::as_str).is_some_and(|user| !user.is_empty())
    } else {
        topics.subscribe && first.is_none_or(Value::is_string)
    };
    fits && list.len() <= 6 && !list.iter().any(Value::is_object)
}

/// A wallet, and a worker, software, an algorithm or a password without worth beside it.
fn owns(topics: Topics, group: Group<'_>, message: &Message<'_>, algorithm: bool) -> bool {
    let Some(wallet) = group.wallet().filter(|_| !group.has_signature()) else { return false };
    let works = group.worker().or_else(|| Group::Object(message.members).worker()).is_some();
    let locked = group.has_pass() || matches!(group, Group::List([_, Value::String(_), ..]));
    works
        || algorithm
        || group.agent().is_some()
        || topics.submit
        || is_placeholder(group)
        || (locked && (has_suffix(wallet) || is_cryptonote(wallet)))
}

/// The password that miners write where a pool wants none.
fn is_placeholder(group: Group<'_>) -> bool {
    let Group::List([_, Value::String(password), ..]) = group else { return false };
    matches!(password.as_str(), "x" | "X") || password.starts_with("d=") || password.starts_with("c=")
}

/// A share: which job, which nonce, and what came of it.
fn submits(topics: Topics, group: Group<'_>) -> bool {
    if !(topics.submit || topics.share) {
        return false;
    }
    match group {
        Group::Object(_) if group.has_job_id() => {
            (group.has_nonce() && (group.has_hash() || group.has_proof()))
                || (group.has_number_nonce() && group.has_cycle())
        }
        // Beam and kin name the job by the id of the message.
        Group::Object(_) => topics.share && group.has_nonce() && group.has_proof(),
        Group::List(list) if topics.mining => is_share(list),
        Group::List(list) => is_bare_share(list),
    }
}

/// `[user, job, nonce, ...]` in mining's own name space.
fn is_share(list: &[Value]) -> bool {
    let words = list.get(1..).unwrap_or_default();
    (3..=9).contains(&list.len())
        && list.first().is_some_and(Value::is_string)
        && words.iter().all(|word| word.is_string() || word.is_number())
        && words.iter().any(|word| is_hex_value(word, 8))
}

/// `[nonce, hash, hash]`, or `[user, job, extranonce, time, nonce]`, where the name space does not say that it is
/// mining's.
fn is_bare_share(list: &[Value]) -> bool {
    let texts = || list.iter().filter_map(Value::as_str);
    let has_letter = |text: &&str| text.bytes().skip(2).any(|byte| byte.is_ascii_alphabetic());
    let nonces = texts().filter(|text| is_nonce(text)).count();
    let random = texts().filter(|text| is_nonce(text)).filter(has_letter).count();
    list.len() <= 9
        && ((nonces >= 1 && texts().filter(|text| is_hash(text)).count() >= 2)
            || (nonces >= 3 && random >= 2))
}

/// Never a password: accounts by their names, or what is an address.
fn tells(topics: Topics, group: Group<'_>, message: &Message<'_>) -> Claim {
    let mut told = Claim::default();
    let account = group.wallet().or_else(|| group.account());
    if let Some(account) = account.filter(|_| topics.enter || !topics.mining || group.wallet().is_some()) {
        account::split(account, &mut told);
    }
    let first = || match group {
        Group::List([Value::String(software), ..]) if is_miner_agent(software) => Some(software.as_str()),
        _ => None,
    };
    told.agent = group.agent().or_else(first).and_then(claim);
    let worker = group.worker().or_else(|| Group::Object(message.members).worker());
    told.worker = worker.and_then(claim).or(told.worker);
    told.algorithm = group.algorithm().and_then(claim);
    told
}

/// A pool's answer to `asked`. What could answer anything only counts for a login or a share of this dialect.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
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
fn push(message: &Message<'_>) -> Option<Reply> {
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
            ours && id && group.has_difficulty() && (group.has_blob() || group.has_header(topics.work))
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
    hashes && is_target(target) && rest.len() <= 2
}

/// In mining's own name space: a difficulty, a target, an extranonce.
fn is_setting(topics: Topics, group: Group<'_>) -> bool {
    if !topics.mining || topics.get {
        return false;
    }
    match group {
        Group::List([first, ..]) => topics.setting && (first.is_number() || is_hex_value(first, 2)),
        Group::List(_) => false,
        Group::Object(_) => group.has_extranonce(),
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

#[cfg(test)]
mod tests;
