//! `stratum-v1`: `mining.*` methods with array parameters.
//!
//! Sources: slushpool/stratumprotocol (also BIP 310), cgminer `util.c`, ccminer `util.cpp`, ckpool, and the
//! documents of relatives that keep its words: nicehash/Specifications (`KawPow`, kHeavyHash, Octopus, Kadena,
//! Alephium, Decred), the Kaspa common Stratum protocol, Alephium's and Aleo's Stratum, vipor-net (Xelis),
//! aeternity/protocol `STRATUM.md`, hstratum (Handshake), ckb-gominer-demo. What a client says is here, what a
//! pool says in `pool`, jobs in `job`.
use serde_json::Value;

use super::{Dialect, Purpose, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        account,
        message::Message,
        shape::{claim, is_address, is_algorithm, is_hex, is_hex_value, pool as pool_of},
    },
};

mod job;
mod pool;
#[cfg(test)]
mod tests;

/// Extensions that a client may ask for in `mining.configure`.
const EXTENSIONS: [&str; 4] = ["version-rolling", "minimum-difficulty", "subscribe-extranonce", "info"];
/// A share's proof may be a list: a cycle of 42 edges (aeternity, TON).
const PROOF_WORDS: usize = 8;
/// A share with as many values begins with its user; a shorter one may end with a token of the worker instead.
const USER_FIRST: usize = 4;

/// See [`Words::marks`].
const MARKS: &[&str] = &["mining.", "set_extranonce"];

/// This dialect.
pub(super) static WORDS: Words =
    Words { dialect: Dialect::StratumV1, marks: MARKS, request, answer: pool::answer, push: pool::push };

/// A client's message.
pub(super) fn request(message: &Message<'_>) -> Option<Request> {
    let (method, purpose) = word(message.method?)?;
    let list = message.list();
    let named = message.params.filter(|params| params.is_object());
    let shaped = match named {
        Some(share) if method == "mining.submit" => submits_object(share),
        Some(miner) if method == "mining.subscribe" => subscribes_object(miner),
        Some(_) => return None,
        None => is_shaped(method, list, message.cut),
    };
    // Iron Fish has the same words.
    if !shaped && message.members.contains_key("body") && !message.members.contains_key("params") {
        return None;
    }
    let sure = shaped && (message.id.is_some() || message.cut);
    Some(Request {
        dialect: Dialect::StratumV1,
        method,
        purpose,
        sure,
        claim: tells(method, message),
        offer: None,
    })
}

/// The methods of clients; `mining.auth` is ckpool's short form.
fn word(method: &str) -> Option<(&'static str, Purpose)> {
    const WORDS: [(&str, Purpose); 14] = [
        ("mining.subscribe", Purpose::Enter),
        ("mining.authorize", Purpose::Enter),
        ("mining.auth", Purpose::Enter),
        ("mining.hello", Purpose::Enter),
        ("mining.submit", Purpose::Submit),
        ("mining.configure", Purpose::Other),
        ("mining.capabilities", Purpose::Other),
        ("mining.extranonce.subscribe", Purpose::Other),
        ("mining.suggest_difficulty", Purpose::Other),
        ("mining.suggest_target", Purpose::Other),
        ("mining.get_transactions", Purpose::Other),
        ("mining.multi_version", Purpose::Other),
        ("mining.hashrate", Purpose::Other),
        ("alph_submitHashrate", Purpose::Other),
    ];
    WORDS.into_iter().find(|(word, _)| *word == method)
}

/// Whether the parameters are those of `method`. Those that any system might send prove nothing.
fn is_shaped(method: &str, list: Option<&[Value]>, cut: bool) -> bool {
    let Some(list) = list else { return false };
    match method {
        "mining.subscribe" => subscribes(list),
        "mining.authorize" | "mining.auth" => authorizes(list),
        "mining.hello" => list.iter().filter_map(Value::as_str).any(is_mark),
        "mining.submit" => submits(list, cut),
        "mining.configure" => configures(list),
        "mining.extranonce.subscribe" => list.is_empty(),
        "mining.suggest_difficulty" => matches!(list, [Value::Number(_)]),
        "mining.suggest_target" => list.first().is_some_and(|target| is_hex_value(target, 64)),
        "mining.get_transactions" => matches!(list, [Value::String(_)]),
        "alph_submitHashrate" => matches!(list, [rate, Value::String(_), ..] if is_hex_value(rate, 1)),
        _ => false,
    }
}

/// `EthereumStratum/1.0.0`, `AlephiumStratum/1.0.0`, `AleoStratum/1.0.0`
fn is_mark(text: &str) -> bool {
    text.split_once("Stratum/").is_some_and(|(coin, version)| {
        coin.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && version.starts_with(|first: char| first.is_ascii_digit())
    })
}

/// `[agent, session or protocol, host, port]`, each optional.
fn subscribes(list: &[Value]) -> bool {
    list.len() <= 6 && list.first().is_none_or(Value::is_string) && !list.iter().any(Value::is_object)
}

/// Hathor's: `{address, ...}`.
fn subscribes_object(miner: &Value) -> bool {
    miner.get("address").and_then(Value::as_str).is_some_and(is_address)
}

/// `[user, password]`; a few relatives have a third.
fn authorizes(list: &[Value]) -> bool {
    let user = list.first().and_then(Value::as_str);
    list.len() <= 4
        && user.is_some_and(|user| !user.is_empty())
        && list.iter().skip(1).all(|more| !more.is_object())
}

/// `[user, job, extranonce2, time, nonce]`, or shorter and longer; at least one of them is a hexadecimal word, or
/// a list of the words of a proof. Where it is cut, some of these are missing.
fn submits(list: &[Value], cut: bool) -> bool {
    let words = list.get(1..).unwrap_or_default();
    let is_word = |word: &Value| word.is_string() || word.is_number();
    let is_proof = |word: &Value, least: usize| {
        word.as_array().is_some_and(|proof| proof.len() >= least && proof.iter().all(is_word))
    };
    let least = if cut { 0 } else { PROOF_WORDS };
    (3..=9).contains(&list.len())
        && list.first().is_some_and(Value::is_string)
        && words.iter().all(|word| is_word(word) || is_proof(word, least))
        && words.iter().any(|word| is_hex_value(word, 8) || is_proof(word, PROOF_WORDS))
}

/// Alephium's share: `{jobId, fromGroup, toGroup, nonce, worker}`.
fn submits_object(share: &Value) -> bool {
    let job = ["jobId", "job_id"].iter().any(|name| share.get(name).is_some());
    job && share.get("nonce").is_some_and(|nonce| is_hex_value(nonce, 16))
}

/// `[[extension, ...], {extension.parameter: value, ...}]`
fn configures(list: &[Value]) -> bool {
    let names = list.first().and_then(Value::as_array);
    names.is_some_and(|names| names.iter().filter_map(Value::as_str).any(|name| EXTENSIONS.contains(&name)))
}

/// The second parameter of `mining.authorize` is the password: it is not looked at.
fn tells(method: &str, message: &Message<'_>) -> Claim {
    let mut told = Claim::default();
    let at = |index| message.list().and_then(|list| list.get(index));
    match method {
        "mining.subscribe" => {
            match message.text_at(0).or_else(|| message.text("address")) {
                Some(account) if is_account_of_miner(account) => account::split(account, &mut told),
                agent => told.agent = agent.and_then(claim),
            }
            told.pool = message.text_at(2).and_then(|host| pool_of(host, at(3)));
            told.algorithm = at(1).and_then(Value::as_array).and_then(|names| one_algorithm(names));
        }
        "mining.hello" => told.agent = message.text_at(0).filter(|agent| !is_mark(agent)).and_then(claim),
        "mining.submit" if message.cut && message.list().is_some_and(|list| list.len() < USER_FIRST) => {}
        "mining.authorize" | "mining.auth" | "mining.submit" => {
            let user = message.text_at(0).or_else(|| message.text("worker"));
            if let Some(user) = user.filter(|_| !ends_in_token(method, message)) {
                account::split(user, &mut told);
            }
            told.worker = named_worker(message).or(told.worker);
        }
        _ => {}
    }
    told
}

/// Some pools of Conflux and Hathor have the account where others have the agent.
fn is_account_of_miner(text: &str) -> bool {
    is_address(text.split(['.', '/']).next().unwrap_or_default())
}

/// `[job, nonce, worker]`, as pools have it that gave the worker a token for its name (EIP 1571 and kin): no
/// account is in it.
fn ends_in_token(method: &str, message: &Message<'_>) -> bool {
    let share = message.list().filter(|_| method == "mining.submit");
    matches!(share, Some([_, nonce, Value::String(token)]) if is_hex_value(nonce, 8) && !is_hex(token, 1))
}

/// Xelis has `[address, worker, password]`; elsewhere the second is the password.
fn named_worker(message: &Message<'_>) -> Option<String> {
    let [Value::String(address), Value::String(worker), Value::String(_)] = message.list()? else {
        return None;
    };
    let xelis = address.starts_with("xel:") || address.starts_with("xet:");
    (xelis && message.method == Some("mining.authorize")).then(|| claim(worker)).flatten()
}

/// `["xel/v2"]` in the place of a session (Xelis); several are an offer, not a fact.
fn one_algorithm(names: &[Value]) -> Option<String> {
    match names {
        [Value::String(name)] if is_algorithm(name) || name.contains('/') => claim(name),
        _ => None,
    }
}
