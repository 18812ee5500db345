//! What pools of this dialect and its kin answer, and send unasked.
//!
//! Owns the shapes of jobs. Must not know what clients say.
use serde_json::Value;

use super::super::{Dialect, Reply, Request};
use crate::detect::{
    Claim,
    stratum::{
        difficulty,
        message::Message,
        shape::{claim, is_address, is_hex},
    },
};

/// A hashing blob is at least 76 bytes: 39 before the nonce, 4 of nonce, 32 of tree hash, 1 of count.
pub(super) const BLOB_DIGITS: usize = 2 * 76;
/// What kin have in the place of a blob: Arweave and Bytom.
const HEADERS: [&str; 2] = ["bds", "previous_block_hash"];

/// A pool's answer to `asked`.
pub(super) fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if let Some(reply) = welcome(message) {
        return Some(reply);
    }
    let result = message.result?;
    let status = result.get("status").and_then(Value::as_str);
    let what = match (asked.method, status) {
        ("login", Some("OK")) if result.get("job").is_some_and(has_job_members) => "a job",
        ("login", Some("OK")) if result.get("height").is_some_and(Value::is_u64) => "a height",
        ("getjob", _) if has_job_members(result) => "a job",
        ("submit", Some("OK")) => "an accepted share",
        ("submit", _) if result == &Value::Bool(true) => "an accepted share",
        ("block_template", Some("OK")) => "a pool's consent",
        ("keepalived", Some("KEEPALIVED")) => "a pool's consent",
        _ => return None,
    };
    Some(Reply::fitting(what))
}

/// The members without which no miner can work.
fn has_job_members(job: &Value) -> bool {
    ["blob", "job_id", "target"].iter().all(|name| job.get(name).is_some())
}

/// A login's answer, with a whole job in it.
fn welcome(message: &Message<'_>) -> Option<Reply> {
    let result = message.result?;
    let job = result.get("job")?;
    (is_job(job, message.cut)).then(|| with_claim(job, message.cut))
}

/// A job, sent unasked or as the answer to a login or to `getjob`.
pub(super) fn push(message: &Message<'_>) -> Option<Reply> {
    match message.method {
        None => welcome(message).or_else(|| {
            let result = message.result?;
            is_job(result, message.cut).then(|| with_claim(result, message.cut))
        }),
        Some("job") => {
            let job = message.params?;
            is_job(job, message.cut).then(|| with_claim(job, message.cut))
        }
        _ => None,
    }
}

/// `{"id":7,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}`, as node-cryptonote-pool and what was made of it
/// answer whatever they take. JSON-RPC 2.0 forbids the null; its servers that write one say more in the result.
pub(in super::super) fn consent(message: &Message<'_>) -> Option<Reply> {
    let member = |name| message.members.get(name);
    let exact = message.members.len() == 4
        && !message.cut
        && message.id.is_some()
        && message.member("jsonrpc") == Some("2.0")
        && member("error").is_some_and(Value::is_null);
    let result = message.result.filter(|_| exact)?.as_object()?;
    let taken = result.len() == 1 && result.get("status").and_then(Value::as_str) == Some("OK");
    taken.then(|| Reply::certain(Dialect::CryptoNote, "a pool's consent"))
}

fn is_job(job: &Value, cut: bool) -> bool {
    let text = |name: &str| job.get(name).and_then(Value::as_str);
    let hex = |name: &str, least| text(name).is_some_and(|text| is_hex(text, least));
    let named = job.get("job_id").is_some_and(|id| id.is_string() || id.is_number());
    if job.get("blob").is_some() {
        return hex("blob", BLOB_DIGITS) && (cut || (named && hex("target", 4)));
    }
    let header = HEADERS.iter().any(|name| hex(name, 64));
    named && ((header && hex("target", 4)) || is_self_select(job) || is_hathor(job))
}

/// For miners that fetch their own block template: where it pays to, and what it must hold.
fn is_self_select(job: &Value) -> bool {
    let text = |name: &str| job.get(name).and_then(Value::as_str);
    text("pool_wallet").is_some_and(is_address) && text("extra_nonce").is_some_and(|nonce| is_hex(nonce, 2))
}

/// Hathor's: the data to hash, how long a nonce may be, and a difficulty as a weight.
fn is_hathor(job: &Value) -> bool {
    let data = job.get("data").and_then(Value::as_str).is_some_and(|data| is_hex(data, 64));
    data && ["nonce_size", "weight"].iter().all(|name| job.get(name).is_some_and(Value::is_number))
}

fn with_claim(job: &Value, cut: bool) -> Reply {
    let text = |name| job.get(name).and_then(Value::as_str);
    let target = text("target").filter(|_| !cut);
    let told = Claim {
        algorithm: text("algo").and_then(claim),
        coin: text("coin").and_then(claim),
        difficulty: target.and_then(difficulty::of_job_target),
        ..Claim::default()
    };
    Reply { claim: told, ..Reply::certain(Dialect::CryptoNote, "a job") }
}
