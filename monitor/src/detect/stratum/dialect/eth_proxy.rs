//! `eth-proxy`: Ethereum's work methods on a raw line, begun by `eth_submitLogin`.
//!
//! Sources: ethminer `EthStratumClient.cpp`, open-ethereum-pool `docs/STRATUM.md`. Wallets and nodes speak
//! `eth_getWork` and `eth_submitWork` over HTTP too: there they are no Stratum, and the session says so.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        account, difficulty,
        message::Message,
        shape::{claim, is_boundary, is_hash, is_hex},
    },
};

/// See [`Words::marks`].
const MARKS: &[&str] = &["submit", "getWork\"", "\"0x0000"];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::EthProxy, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    let list = message.list();
    let hash_at = |index| message.text_at(index).is_some_and(is_hash);
    let (method, purpose, sure) = match message.method? {
        "eth_submitLogin" => {
            ("eth_submitLogin", Purpose::Enter, message.text_at(0).is_some_and(|account| !account.is_empty()))
        }
        "eth_getWork" if list.is_none_or(<[Value]>::is_empty) => ("eth_getWork", Purpose::Work, false),
        "eth_submitWork" => {
            let nonce = message.text_at(0).is_some_and(|nonce| nonce.starts_with("0x") && is_hex(nonce, 16));
            ("eth_submitWork", Purpose::Submit, nonce && hash_at(1) && hash_at(2))
        }
        "eth_submitHashrate" => {
            // Nodes take it too, and say true; only clients of pools name their worker.
            let rate = message.text_at(0).is_some_and(|rate| rate.starts_with("0x") && is_hex(rate, 1));
            ("eth_submitHashrate", Purpose::Other, rate && hash_at(1) && message.member("worker").is_some())
        }
        _ => return None,
    };
    if message.params.is_some() && list.is_none() {
        return None;
    }
    let claim = tells(method, message);
    Some(Request { dialect: Dialect::EthProxy, method, purpose, sure, claim, offer: None })
}

/// The second parameter of `eth_submitLogin` is the password or an e-mail address: it is not looked at.
fn tells(method: &str, message: &Message<'_>) -> Claim {
    let mut told = Claim::default();
    if let Some(account) = message.text_at(0).filter(|_| method == "eth_submitLogin") {
        account::split(account, &mut told);
    }
    told.worker = message.member("worker").and_then(claim).or(told.worker);
    told
}

/// A pool's answer to `asked`.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if asked.purpose == Purpose::Work {
        return work(message);
    }
    let accepts = message.result? == &Value::Bool(true);
    let what = if asked.purpose == Purpose::Submit { "an accepted share" } else { "a pool's consent" };
    accepts.then(|| Reply::fitting(what))
}

/// Work, answered or sent unasked with id 0.
fn push(message: &Message<'_>) -> Option<Reply> {
    if message.method.is_some() { None } else { work(message) }
}

/// `[header hash, seed hash, target]`, some with a block number behind. Three hashes are also what a node's
/// filter returns; a target begins with zeros, as no pool's share is that easy.
fn work(message: &Message<'_>) -> Option<Reply> {
    let list = message.result?.as_array()?;
    let text_at = |index: usize| list.get(index).and_then(Value::as_str);
    let target = text_at(2)?;
    let hashes =
        (3..=4).contains(&list.len()) && text_at(0).is_some_and(is_hash) && text_at(1).is_some_and(is_hash);
    if !hashes || !is_hex(target, 32) {
        return None;
    }
    let sure = is_boundary(target) && !list.iter().take(2).filter_map(Value::as_str).any(is_boundary);
    let hard = Some(target).filter(|_| !message.cut).and_then(difficulty::of_boundary);
    let claim = Claim { difficulty: hard, ..Claim::default() };
    Some(Reply { sure, claim, ..Reply::certain(Dialect::EthProxy, "work") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(value: &Value) -> Option<Request> {
        let message = Message::of(value, false)?;
        request(&message)
    }

    fn hash(digit: &str) -> String {
        format!("0x{}", digit.repeat(64))
    }

    #[test]
    fn clients_are_told_by_word_and_shape() {
        let sure = |method: &str, params: Value| {
            asks(&json!({"id":1,"method":method,"params":params})).is_some_and(|request| request.sure)
        };
        assert!(sure("eth_submitLogin", json!(["0xb85150eb365e7df0941f0cf08235f987ba91506a"])));
        assert!(sure("eth_submitWork", json!(["0xe05d1fd4002d962f", hash("a"), hash("b")])));
        let rate = json!({"id":6,"worker":"","method":"eth_submitHashrate","params":["0x500000", hash("a")]});
        assert!(asks(&rate).unwrap().sure);
        for (method, params) in [
            ("eth_getWork", json!([])),
            ("eth_submitHashrate", json!(["0x500000", hash("a")])),
            ("eth_submitLogin", json!([])),
            ("eth_submitLogin", json!([1])),
            ("eth_submitLogin", json!({"a":1})),
            ("eth_submitWork", json!(["0xe05d", hash("a"), hash("b")])),
            ("eth_subscribe", json!(["newHeads"])),
            ("eth_getBalance", json!([hash("a"), "latest"])),
        ] {
            assert!(!sure(method, params.clone()), "{method} {params}");
        }
    }

    #[test]
    fn what_a_login_tells() {
        let address = "0x79a1A32790250d51e4675e0569E80064Bdd9655F";
        let params = json!([format!("{address}/rig/me@example.org"), "hunter2"]);
        let told = asks(&json!({"worker":"eth1.0","params":params,"id":2,"method":"eth_submitLogin"}));
        let claim = told.unwrap().claim;
        assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some(address), Some("eth1.0")));
        assert!(!format!("{claim:?}").contains("hunter2"));
    }

    #[test]
    fn work_ends_in_a_target() {
        let target = format!("0x00000000{}", "f".repeat(56));
        let pushed = |result: Value| {
            let value = json!({"id":0,"jsonrpc":"2.0","result":result});
            push(&Message::of(&value, false).unwrap()).map(|reply| reply.sure)
        };
        assert_eq!(pushed(json!([hash("a"), hash("b"), target])), Some(true));
        assert_eq!(pushed(json!([hash("a"), hash("b"), target, "0x1"])), Some(true));
        assert_eq!(
            pushed(json!([hash("a"), hash("b"), hash("c")])),
            Some(false),
            "may be three hashes of a filter"
        );
        for other in [json!([hash("a"), hash("b")]), json!(["0x1", "0x2", target]), json!(true), json!({})] {
            assert_eq!(pushed(other.clone()), None, "{other}");
        }
    }
}
