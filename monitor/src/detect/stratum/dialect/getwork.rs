//! `getwork`: work polled over HTTP, Bitcoin's `getwork` and Ethereum's `eth_getWork`.
//!
//! Sources: en.bitcoin.it "Getwork" (members of the work, long polling), cgminer `cgminer.c` and cpuminer
//! `cpu-miner.c` (requests), ethereum.org JSON-RPC (`eth_getWork`, `eth_submitWork`, `eth_submitHashrate`), ethminer
//! `EthGetworkClient.cpp`. Nodes answer the same calls of anyone: a call is a miner's when its HTTP message says so,
//! when it hands in work, or when polling goes on (`polling.rs`).
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        carrier::Facts,
        difficulty,
        message::Message,
        shape::{claim, is_hash, is_hex},
    },
};

/// A block's header and its padding, as SHA-256 takes them: 128 bytes. Scrypt coins leave the padding out.
const DATA_DIGITS: usize = 160;
/// 32 bytes.
const HASH_DIGITS: usize = 64;

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::Getwork, marks: MARKS, request, answer, push };

/// See [`Words::marks`].
const MARKS: &[&str] = &["getwork\"", "getWork\"", "submit", "\"data\""];

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    let facts = message.carrier.http()?;
    let first = message.text_at(0);
    let (method, purpose, shaped) = match message.method? {
        "getwork" => match first {
            Some(data) if is_hex(data, DATA_DIGITS) => ("getwork", Purpose::Submit, !facts.is_by_hand()),
            _ => ("getwork", Purpose::Work, false),
        },
        "eth_getWork" => ("eth_getWork", Purpose::Work, false),
        "eth_submitWork" if submits(message) => ("eth_submitWork", Purpose::Submit, false),
        "eth_submitHashrate" if first.is_some_and(|rate| is_hex(rate, 1)) => {
            ("eth_submitHashrate", Purpose::Other, false)
        }
        _ => return None,
    };
    let takes_list = message.params.is_none_or(Value::is_array);
    takes_list.then(|| Request {
        dialect: Dialect::Getwork,
        method,
        purpose,
        sure: shaped || facts.is_miners() || facts.has_address(),
        claim: tells(message, facts),
        offer: None,
    })
}

/// Nonce, header hash and mix digest.
fn submits(message: &Message<'_>) -> bool {
    let hash_at = |index| message.text_at(index).is_some_and(is_hash);
    message.text_at(0).is_some_and(|nonce| is_hex(nonce, 16)) && hash_at(1) && hash_at(2)
}

fn tells(message: &Message<'_>, facts: &Facts) -> Claim {
    let mut told = Claim { worker: message.member("worker").and_then(claim), ..Claim::default() };
    facts.tell(&mut told);
    told
}

/// The answer to `asked`.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    match (asked.purpose, message.result?) {
        (Purpose::Work, _) => push(message),
        (Purpose::Submit, Value::Bool(true)) => Some(Reply::fitting("accepted work")),
        (Purpose::Submit, Value::Bool(false)) => {
            Some(Reply { accepts: false, ..Reply::fitting("refused work") })
        }
        (Purpose::Other, Value::Bool(true)) => Some(Reply::fitting("consent")),
        _ => None,
    }
}

/// Work. Bitcoin's is like nothing else; Ethereum's is three hashes, as other calls return too.
fn push(message: &Message<'_>) -> Option<Reply> {
    let facts = message.carrier.http()?;
    let result = message.result?;
    let sure = if is_work(result, message.cut) {
        true
    } else if is_hashes(result) {
        facts.is_marked
    } else {
        return None;
    };
    let target = result.get(2).and_then(Value::as_str).filter(|_| !message.cut);
    let mut told = Claim { difficulty: target.and_then(difficulty::of_boundary), ..Claim::default() };
    facts.tell(&mut told);
    Some(Reply { sure, claim: told, ..Reply::certain(Dialect::Getwork, "work") })
}

/// Behind a cut the target may be missing; the midstate, the other hash of 32 bytes, is no other answer's either.
fn is_work(result: &Value, cut: bool) -> bool {
    let hex = |name, least| result.get(name).and_then(Value::as_str).is_some_and(|text| is_hex(text, least));
    hex("data", DATA_DIGITS) && (hex("target", HASH_DIGITS) || (cut && hex("midstate", HASH_DIGITS)))
}

/// Header hash, seed hash and target; some with a block number behind.
fn is_hashes(result: &Value) -> bool {
    let list = result.as_array().map(Vec::as_slice).unwrap_or_default();
    let text_at = |index: usize| list.get(index).and_then(Value::as_str);
    (3..=4).contains(&list.len())
        && (0..2).all(|index| text_at(index).is_some_and(is_hash))
        && text_at(2).is_some_and(|target| target.starts_with("0x0000") && is_hex(target, 32))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::stratum::carrier::Carrier;

    fn facts(agent: &str) -> Facts {
        let mut facts = Facts::default();
        facts.field("User-Agent", agent);
        facts
    }

    fn sure(agent: &str, method: &str, params: &Value) -> Option<bool> {
        let value = json!({"id":0,"method":method,"params":params});
        let facts = facts(agent);
        let message = Message::of(&value, false)?.carried_by(Carrier::Http(&facts));
        request(&message).map(|request| request.sure)
    }

    fn hash(digit: &str) -> String {
        format!("0x{}", digit.repeat(64))
    }

    #[test]
    fn the_call_alone_is_anyones() {
        let data = json!(["0".repeat(256)]);
        let solution = json!(["0xe05d1fd4002d962f", hash("a"), hash("b")]);
        for (agent, method, params, want) in [
            ("cgminer 3.7.2", "getwork", json!([]), Some(true)),
            ("lib/1", "getwork", json!([]), Some(false)),
            ("lib/1", "getwork", data.clone(), Some(true)),
            ("curl/8.5.0", "getwork", data, Some(false)),
            ("ethminer/0.11", "eth_getWork", json!([]), Some(true)),
            ("", "eth_getWork", json!([]), Some(false)),
            ("", "eth_submitWork", solution, Some(false)),
            ("", "eth_submitWork", json!(["0x1", hash("a")]), None),
            ("", "eth_submitHashrate", json!(["0x500000", hash("a")]), Some(false)),
            ("cgminer 3.7.2", "getwork", json!({"a":1}), None),
            ("cgminer 3.7.2", "getblockcount", json!([]), None),
        ] {
            assert_eq!(sure(agent, method, &params), want, "{agent} {method} {params}");
        }
    }

    #[test]
    fn on_a_line_it_is_no_such_message() {
        let value = json!({"id":0,"method":"getwork","params":[]});
        assert!(request(&Message::of(&value, false).unwrap()).is_none());
    }

    #[test]
    fn work_is_told_by_its_members() {
        let gives_of = |result: Value, cut| {
            let value = json!({"id":0,"result":result,"error":null});
            push(&Message::of(&value, cut).unwrap().carried_by(Carrier::Http(Facts::NONE)))
                .map(|reply| reply.sure)
        };
        let gives = |result| gives_of(result, false);
        let begun = json!({"midstate":"0".repeat(64),"data":"0".repeat(256)});
        assert_eq!((gives_of(begun.clone(), true), gives(begun)), (Some(true), None));
        let target = format!("0x00000000{}", "f".repeat(56));
        assert_eq!(gives(json!({"data":"0".repeat(256),"target":"f".repeat(64)})), Some(true));
        assert_eq!(gives(json!([hash("a"), hash("b"), target])), Some(false));
        assert_eq!(gives(json!([hash("a"), hash("b"), hash("c")])), None, "hashes of a filter");
        assert_eq!(gives(json!({"data":"0x00","target":"here"})), None);
    }
}
