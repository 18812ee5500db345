//! A client's messages: a login, a share.
//!
//! Owns what has to stand together in one. Must not know what pools send.
use serde_json::Value;

use super::{
    body, http, topics,
    values::{Group, is_hash, is_nonce},
    wallet::{has_suffix, is_cryptonote},
    words::Topics,
};
use crate::detect::{
    Claim,
    stratum::{
        account,
        dialect::{Dialect, Purpose, Request},
        message::Message,
        shape::{claim, is_address, is_hex_value, is_miner_agent},
    },
};

/// A client's message.
pub(super) fn request(message: &Message<'_>) -> Option<Request> {
    if message.result.is_some() || message.error.is_some() {
        return None;
    }
    let topics = topics(message)?;
    if let Some(facts) = message.carrier.http() {
        return http::request(topics, facts, message);
    }
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
    if topics.mining
        && (group.agent().is_some() || group.wallet().is_some() || group.account().is_some_and(is_payee))
    {
        return true;
    }
    // Wallets are subscribed to elsewhere: for news of their money.
    (topics.enter || topics.greet)
        && ((credentials && (algorithm || group.agent().is_some()))
            || owns(topics, group, message, algorithm))
}

/// A wallet, or what looks like an address of a coin that is not known.
fn is_payee(account: &str) -> bool {
    let wallet = account.split(['.', '+', '/']).next().unwrap_or_default();
    is_address(wallet)
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
        Group::Object(_) if topics.share && group.has_nonce() && group.has_proof() => true,
        Group::Object(_) => topics.mining && group.has_some_id() && group.has_hex(),
        Group::List(list) if topics.mining => is_share(list),
        Group::List(list) => is_bare_share(topics, list),
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
fn is_bare_share(topics: Topics, list: &[Value]) -> bool {
    let texts = || list.iter().filter_map(Value::as_str);
    let has_letter = |text: &&str| text.bytes().skip(2).any(|byte| byte.is_ascii_alphabetic());
    let nonces = texts().filter(|text| is_nonce(text)).count();
    let random = texts().filter(|text| is_nonce(text)).filter(has_letter).count();
    let worked = list.len() == 3 && nonces == 1 && texts().filter(|text| is_hash(text)).count() == 2;
    let named = texts().next().is_some_and(|user| !is_nonce(user));
    (topics.work && worked) || (list.len() == 5 && named && nonces >= 3 && random >= 2)
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
