//! `cryptonote`: `login`, `job`, `submit` with object parameters.
//!
//! Sources: XMRig `Client.cpp`, `SelfSelectClient.cpp` and `doc/STRATUM.md`, `STRATUM_EXT.md` of xmrig-proxy,
//! p2pool `stratum_server.cpp`, ccminer `xmr-rpc.cpp`, xmr-stak `jpsock.cpp`, MoneroOcean's xmrig,
//! matpool/Arweave-stratum-mining-protocol, B3-Mimic (Bytom), hathor-core `stratum.py`. The words are everyday
//! ones, so the shapes carry the proof. What a client says is here, what a pool says in `pool`.
use serde_json::Value;

use super::{Dialect, Purpose, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        account,
        message::Message,
        shape::{claim, is_address, is_algorithm, is_hex, is_miner_agent, pool as pool_of},
    },
};

mod pool;
#[cfg(test)]
mod tests;

/// Names kept of a list of algorithms.
const OFFER_NAMES: usize = 4;

pub(super) use pool::consent;

/// See [`Words::marks`].
const MARKS: &[&str] = &[
    "\"login\"",
    "submit",
    "\"keepalived\"",
    "\"getjob\"",
    "\"blob\"",
    "\"block_template\"",
    "\"job",
    "{\"status\":\"OK\"}",
];

/// This dialect.
pub(super) static WORDS: Words =
    Words { dialect: Dialect::CryptoNote, marks: MARKS, request, answer: pool::answer, push: pool::push };

/// A client's message.
pub(super) fn request(message: &Message<'_>) -> Option<Request> {
    if !message.params?.is_object() {
        return None;
    }
    let session = message.text("id").is_some();
    let (method, purpose, fits, sure) = match message.method? {
        "login" => ("login", Purpose::Enter, logs_in(message), is_miner_login(message)),
        "submit" => ("submit", Purpose::Submit, submits(message) || submits_nonce(message), submits(message)),
        "block_template" => ("block_template", Purpose::Other, hands_in(message), hands_in(message)),
        "keepalived" => ("keepalived", Purpose::Other, session, false),
        "getjob" => ("getjob", Purpose::Work, session, false),
        _ => return None,
    };
    let (claim, offer) = if method == "login" { tells(message) } else { Default::default() };
    fits.then_some(Request { dialect: Dialect::CryptoNote, method, purpose, sure, claim, offer })
}

/// Any login that has this dialect's names; only a pool's answer makes it one.
fn logs_in(message: &Message<'_>) -> bool {
    message.text("login").is_some()
        && (message.text("pass").is_some() || message.cut || is_miner_login(message))
}

/// A login that no other system sends: as an address, or offering a miner's algorithms or software, or to a pool
/// that lets its miners choose the transactions.
fn is_miner_login(message: &Message<'_>) -> bool {
    let Some(login) = message.text("login") else { return false };
    let with = |name| message.text(name).is_some();
    let wallet = login.split(['.', '+', '/']).next().unwrap_or_default();
    let companions = with("pass") || with("agent") || with("rigid") || message.cut;
    let offers = algorithms(message).any(is_algorithm) || message.text("mode") == Some("self-select");
    // Bare digits are a token as well as an address.
    let pays = is_address(wallet) && (wallet.starts_with("0x") || !is_hex(wallet, 1));
    companions && (pays || offers || message.text("agent").is_some_and(is_miner_agent))
}

/// A share: Arweave calls its result `hash`.
fn submits(message: &Message<'_>) -> bool {
    let hex = |name, least| message.text(name).is_some_and(|text| is_hex(text, least));
    let result = hex("result", 64) || hex("hash", 64);
    (has_job(message) || message.cut) && has_nonce(message) && result
}

/// A share without its result, as Hathor's.
fn submits_nonce(message: &Message<'_>) -> bool {
    has_job(message) && has_nonce(message)
}

/// Four or eight bytes.
fn has_nonce(message: &Message<'_>) -> bool {
    let whole = |nonce: &str| matches!(nonce.len(), 8 | 16) || message.cut;
    message.text("nonce").is_some_and(|nonce| is_hex(nonce, 8) && whole(nonce))
}

fn has_job(message: &Message<'_>) -> bool {
    message.params.and_then(|params| params.get("job_id")).is_some()
}

/// The block that a miner chose itself: a template, and the job that it is for.
fn hands_in(message: &Message<'_>) -> bool {
    let template = message.text("blob").is_some_and(|blob| is_hex(blob, pool::BLOB_DIGITS));
    template && (has_job(message) || message.cut)
}

/// Those of `algo`, one or several; `MoneroOcean`'s clients also say how fast each is.
fn algorithms<'a>(message: &Message<'a>) -> impl Iterator<Item = &'a str> {
    let member = |name| message.params.and_then(|params| params.get(name));
    let algo = member("algo");
    let list = algo.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let measured = member("algo-perf").and_then(Value::as_object).filter(|_| algo.is_none());
    let measured = measured.into_iter().flat_map(|rates| rates.keys().map(String::as_str));
    list.iter().chain(algo).filter_map(Value::as_str).chain(measured)
}

/// `pass` is not looked at.
fn tells(message: &Message<'_>) -> (Claim, Option<String>) {
    let mut told = Claim::default();
    if let Some(login) = message.text("login") {
        account::split(login, &mut told);
    }
    told.worker = message.text("rigid").and_then(claim).or(told.worker);
    told.agent = message.text("agent").and_then(claim);
    told.pool = message.text("url").and_then(|url| pool_of(url, None));
    told.coin = message.text("coin").and_then(claim);
    let names: Vec<&str> = algorithms(message).take(OFFER_NAMES).collect();
    if let [name] = names.as_slice() {
        told.algorithm = claim(name);
    }
    let offer = (names.len() > 1).then(|| claim(&names.join(","))).flatten();
    (told, offer)
}
