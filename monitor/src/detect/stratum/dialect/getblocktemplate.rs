//! `getblocktemplate`: block templates polled over HTTP, of Bitcoin's nodes and pools and of Monero's daemon.
//!
//! Sources: BIP 22 and BIP 23 (capabilities, long polling, `submitblock`), cgminer `cgminer.c`, cpuminer
//! `cpu-miner.c`, Monero's daemon RPC (`get_block_template`, `submit_block`), XMRig `DaemonClient.cpp`. A node's
//! operator may ask for a template too: a call is a miner's when its HTTP message says so, when it says what its
//! sender can do to a template, when it names the wallet to be paid, or when a block follows (`polling.rs`).
use serde_json::{Map, Value};

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        carrier::Facts,
        message::Message,
        shape::{claim, is_address, is_hex},
    },
};

/// What miners can do (BIP 22, BIP 23). `proposal` is left out: it asks whether a block is valid.
const CAPABILITIES: [&str; 11] = [
    "coinbase/append",
    "coinbasetxn",
    "coinbasevalue",
    "longpoll",
    "prevblock",
    "serverlist",
    "submit/coinbase",
    "submit/truncate",
    "time/increment",
    "version/force",
    "workid",
];
/// A header and a count: no block is smaller.
const BLOCK_DIGITS: usize = 160;

/// This dialect.
pub(super) static WORDS: Words =
    Words { dialect: Dialect::GetBlockTemplate, marks: MARKS, request, answer, push };

/// See [`Words::marks`].
const MARKS: &[&str] = &["getblocktemplate", "get_block_template", "submit"];

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    let facts = message.carrier.http()?;
    let (method, purpose, shaped) = match message.method? {
        "getblocktemplate" | "get_block_template" => {
            ("getblocktemplate", Purpose::Work, !facts.is_by_hand() && is_miners(message))
        }
        "submitblock" | "submit_block" if submits(message) => ("submitblock", Purpose::Submit, false),
        _ => return None,
    };
    let mut told = tells(message);
    facts.tell(&mut told);
    Some(Request {
        dialect: Dialect::GetBlockTemplate,
        method,
        purpose,
        sure: shaped || facts.is_miners() || facts.has_address(),
        claim: told,
        offer: None,
    })
}

fn submits(message: &Message<'_>) -> bool {
    message.text_at(0).is_some_and(|block| is_hex(block, BLOCK_DIGITS))
}

/// Monero's parameters are an object; Bitcoin's are an array of one.
fn parameters<'a>(message: &Message<'a>) -> Option<&'a Map<String, Value>> {
    match message.params? {
        Value::Object(members) => Some(members),
        Value::Array(list) => list.first()?.as_object(),
        _ => None,
    }
}

/// What only one who will work on the template puts into the call.
fn is_miners(message: &Message<'_>) -> bool {
    let Some(members) = parameters(message) else { return false };
    let capable = members.get("capabilities").and_then(Value::as_array);
    let can = |name: &Value| name.as_str().is_some_and(|name| CAPABILITIES.contains(&name));
    let proposes = members.get("mode").and_then(Value::as_str) == Some("proposal");
    !proposes && (capable.is_some_and(|names| names.iter().any(can)) || pays(members) || waits(members))
}

/// Monero: the wallet that the block pays, and room for an extra nonce.
fn pays(members: &Map<String, Value>) -> bool {
    wallet(members).is_some()
        && ["extra_nonce", "reserve_size"].iter().any(|name| members.contains_key(*name))
}

/// A long poll: it waits until the template is of no use any more.
fn waits(members: &Map<String, Value>) -> bool {
    members.get("longpollid").is_some_and(Value::is_string)
}

fn wallet(members: &Map<String, Value>) -> Option<&str> {
    members.get("wallet_address").and_then(Value::as_str).filter(|text| is_address(text))
}

/// A second parameter names the algorithm, where a coin has several (DigiByte).
fn tells(message: &Message<'_>) -> Claim {
    Claim {
        wallet: parameters(message).and_then(wallet).and_then(claim),
        algorithm: message.text_at(1).filter(|_| !submits(message)).and_then(claim),
        ..Claim::default()
    }
}

/// The answer to `asked`.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    message.carrier.http()?;
    match asked.purpose {
        Purpose::Work => message.result.filter(|result| is_template(result)).map(|_| template(message)),
        _ if asked.dialect == Dialect::GetBlockTemplate => submission(message),
        _ => None,
    }
}

/// Null, or Monero's `OK`, says that a block was taken; anything else why not.
fn submission(message: &Message<'_>) -> Option<Reply> {
    let taken = Reply::fitting("an accepted block");
    let refused = Reply { accepts: false, ..Reply::fitting("a refused block") };
    match message.result {
        None => (message.error.is_none() && message.members.contains_key("result")).then_some(taken),
        Some(Value::String(_)) => Some(refused),
        Some(result) => {
            let status = result.get("status").and_then(Value::as_str)?;
            Some(if status == "OK" { taken } else { refused })
        }
    }
}

fn is_template(result: &Value) -> bool {
    let hex = |name, least| result.get(name).and_then(Value::as_str).is_some_and(|text| is_hex(text, least));
    let has = |name| result.get(name).is_some();
    let bitcoin =
        hex("previousblockhash", 64) && (has("transactions") || has("coinbasevalue") || has("bits"));
    bitcoin || hex("blocktemplate_blob", BLOCK_DIGITS) || hex("blockhashing_blob", BLOCK_DIGITS - 8)
}

fn template(message: &Message<'_>) -> Reply {
    let mut told = Claim::default();
    message.carrier.http().unwrap_or(Facts::NONE).tell(&mut told);
    Reply { claim: told, ..Reply::fitting("a block template") }
}

/// A template alone is what every node gives to anyone.
fn push(_: &Message<'_>) -> Option<Reply> {
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::stratum::carrier::Carrier;

    const WALLET: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";

    fn asks(agent: &str, method: &str, params: &Value) -> Option<Request> {
        let value = json!({"id":0,"method":method,"params":params});
        let mut facts = Facts::default();
        facts.field("User-Agent", agent);
        request(&Message::of(&value, false)?.carried_by(Carrier::Http(&facts)))
    }

    #[test]
    fn a_miner_says_what_it_can_do_or_whom_to_pay() {
        let sure = |agent: &str, params: Value| asks(agent, "getblocktemplate", &params).unwrap().sure;
        let capable = json!([{"capabilities":["coinbasetxn","workid"],"rules":["segwit"]}]);
        let paid = json!({"wallet_address":WALLET,"extra_nonce":"0011223344556677"});
        let rules = json!([{"rules":["segwit"]}]);
        assert!(sure("pool/1", capable.clone()) && !sure("curl/8.5.0", capable));
        assert!(sure("", paid.clone()) && !sure("curl/8.5.0", paid));
        assert!(sure("", json!([{"rules":["segwit"],"longpollid":"00ff"}])));
        assert!(sure("cpuminer/2.5.1", rules.clone()) && !sure("", rules));
        assert!(!sure("", json!([{"mode":"proposal","capabilities":["workid"],"data":"00"}])));
        assert!(!sure("", json!({"wallet_address":"here","reserve_size":60})));
        assert!(!sure("", json!([])));
    }

    #[test]
    fn what_a_call_tells() {
        let params = json!({"wallet_address":WALLET,"reserve_size":8});
        let claim = asks("XMRig/6.26.0", "get_block_template", &params).unwrap().claim;
        assert_eq!((claim.wallet.as_deref(), claim.agent.as_deref()), (Some(WALLET), Some("XMRig/6.26.0")));
        let claim =
            asks("", "getblocktemplate", &json!([{"capabilities":["workid"]}, "scrypt"])).unwrap().claim;
        assert_eq!(claim.algorithm.as_deref(), Some("scrypt"));
    }

    #[test]
    fn blocks_are_long() {
        assert!(asks("cpuminer/2", "submitblock", &json!(["0".repeat(200)])).unwrap().sure);
        for none in [json!([]), json!(["mydata"]), json!(["00ff"])] {
            assert!(asks("cpuminer/2", "submitblock", &none).is_none(), "{none}");
        }
    }

    #[test]
    fn answers() {
        let gives = |purpose: Purpose, answer_text: Value| {
            let asked = Request::plain(Dialect::GetBlockTemplate, "getblocktemplate", purpose);
            let message = Message::of(&answer_text, false).unwrap().carried_by(Carrier::Http(Facts::NONE));
            answer(&asked, &message).map(|reply| (reply.what, reply.accepts))
        };
        let template = json!({"id":0,"result":{"previousblockhash":"0".repeat(64),"transactions":[]}});
        assert_eq!(gives(Purpose::Work, template), Some(("a block template", true)));
        let monero = json!({"id":0,"result":{"blocktemplate_blob":"0".repeat(200),"status":"OK"}});
        assert_eq!(gives(Purpose::Work, monero), Some(("a block template", true)));
        assert_eq!(gives(Purpose::Work, json!({"id":0,"result":{"status":"BUSY"}})), None);
        let block = |result: Value| gives(Purpose::Submit, json!({"id":0,"result":result,"error":null}));
        assert_eq!(block(json!(null)), Some(("an accepted block", true)));
        assert_eq!(block(json!("high-hash")), Some(("a refused block", false)));
        assert_eq!(block(json!({"status":"OK"})), Some(("an accepted block", true)));
        assert_eq!(block(json!(1)), None);
    }
}
