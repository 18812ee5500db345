//! The jobs of `mining.notify`, as this dialect and its relatives write them.
//!
//! Owns [`is_job`] and [`is_neptune`]. Must not know other messages.
use serde_json::Value;

use super::super::aleo::{is_aleo, is_block_hash};
use crate::detect::stratum::shape::{is_hex, is_hex_value};

/// Handshake's jobs have 12 values, Zhash's 10.
const VALUES_MAX: usize = 14;
/// Names of a job's id where it is an object.
const IDS: [&str; 2] = ["jobId", "job_id"];

/// `[id, hash, ...]`: an id and at least one hash of 32 bytes, or a list of objects that have both (Alephium, one
/// for each of its chains).
pub(super) fn is_job(list: &[Value], cut: bool) -> bool {
    let Some((id, rest)) = list.split_first() else { return false };
    if id.is_object() {
        return list.iter().all(|job| is_object_job(job, cut));
    }
    list.len() <= VALUES_MAX && (id.is_string() || id.is_number()) && rest.iter().any(is_hash)
}

/// kHeavyHash writes the hash as four numbers, Aleo as bech32m.
fn is_hash(value: &Value) -> bool {
    let is_numbers = |words: &Vec<Value>| words.len() == 4 && words.iter().all(Value::is_u64);
    let is_bech32 = |text: &str| is_block_hash(text) || is_aleo(text);
    is_hex_value(value, 64)
        || value.as_array().is_some_and(is_numbers)
        || value.as_str().is_some_and(is_bech32)
}

/// Neptune's digests are 40 bytes: the threshold, the parent or proposal, and paths of a proof.
pub(super) fn is_neptune(job: &Value) -> bool {
    let digest = |name| job.get(name).is_some_and(|value| is_hex_value(value, 80));
    digest("threshold") && (digest("parent_digest") || digest("proposal_id"))
}

fn is_object_job(job: &Value, cut: bool) -> bool {
    let Some(members) = job.as_object() else { return false };
    let mut texts = members.values().filter_map(Value::as_str);
    let named = IDS.iter().any(|name| members.contains_key(*name));
    (named && texts.any(|text| is_hex(text, 64))) || (cut && members.is_empty())
}
