//! `ethereum-stratum-2`: named parameters, `mining.hello` first, values without `0x`.
//!
//! Source: AndreaLanfranchi/EthereumStratum-2.0.0 (EIP 1571). Only what this dialect has of its own is taken
//! here; `mining.authorize` and `mining.submit` look like `stratum_v1`'s.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        message::Message,
        shape::{claim, is_hex, is_hex_value, pool},
    },
};

const MARK: &str = "EthereumStratum/2.";
/// A target without its leading zeros; no pool asks for shares so hard that less is left.
const TARGET_DIGITS: usize = 32;
/// Block numbers and epochs are 32 bits in practice.
const NUMBER_DIGITS: usize = 8;
/// Session and worker tokens are meant to be short.
const TOKEN_BYTES: usize = 64;

/// See [`Words::marks`].
const MARKS: &[&str] = &["mining."];

/// This dialect.
pub(super) static WORDS: Words =
    Words { dialect: Dialect::EthereumStratum2, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    let plain = |method, purpose, sure| Request {
        dialect: Dialect::EthereumStratum2,
        method,
        purpose,
        sure,
        claim: Claim::default(),
        offer: None,
    };
    match message.method? {
        "mining.hello" => {
            let marked = message.text("proto").is_some_and(|proto| proto.starts_with(MARK));
            let request = plain("mining.hello", Purpose::Enter, true);
            marked.then(|| Request { claim: greets(message), ..request })
        }
        "mining.hashrate" => {
            let shaped =
                matches!(message.list()?, [rate, worker] if is_hex_value(rate, 1) && is_token(worker));
            shaped.then(|| plain("mining.hashrate", Purpose::Other, false))
        }
        _ => None,
    }
}

/// `port` is hexadecimal, as all numbers of this dialect are.
fn greets(message: &Message<'_>) -> Claim {
    let port = message.text("port").and_then(|port| u16::from_str_radix(port, 16).ok()).map(Value::from);
    Claim {
        agent: message.text("agent").and_then(claim),
        pool: message.text("host").and_then(|host| pool(host, port.as_ref())),
        ..Claim::default()
    }
}

/// A pool's answer to `asked`. Of a request that could be another dialect's, only the greeting's answer tells.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if let Some(reply) = greeting(message) {
        return Some(reply);
    }
    if asked.dialect != Dialect::EthereumStratum2 {
        return None;
    }
    let done = message.result.is_none() && message.error.is_none() && !message.cut;
    let token = message.result.is_some_and(is_token);
    let what = match (asked.method, asked.purpose) {
        (_, Purpose::Submit) if done => "an accepted share",
        ("mining.hashrate", _) if done => "a pool's consent",
        ("mining.subscribe", _) if token => "a session",
        ("mining.authorize", _) if token => "a worker's token",
        _ => return None,
    };
    Some(Reply::fitting(what))
}

/// The answer to `mining.hello`.
fn greeting(message: &Message<'_>) -> Option<Reply> {
    let proto = message.result?.get("proto").and_then(Value::as_str)?;
    proto.starts_with(MARK).then(|| Reply::certain(Dialect::EthereumStratum2, "a pool's greeting"))
}

/// `w-123`: a name in one word.
fn is_token(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        (1..=TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// What a pool sends unasked, and its greeting.
fn push(message: &Message<'_>) -> Option<Reply> {
    match message.method {
        None => greeting(message),
        Some("mining.set") => sets(message),
        Some("mining.notify") => {
            notifies(message.list()?).then(|| Reply::certain(Dialect::EthereumStratum2, "a job"))
        }
        Some("mining.reconnect") => {
            let moves = message.text("host").is_some() && message.text("port").is_some();
            let reply = Reply::certain(Dialect::EthereumStratum2, "another address");
            moves.then_some(Reply { sure: false, ..reply })
        }
        _ => None,
    }
}

/// Epoch, target, algorithm and extranonce, those of them that changed. A target proves a pool, or two of the
/// others.
fn sets(message: &Message<'_>) -> Option<Reply> {
    let hex = |name, least| message.text(name).is_some_and(|text| is_hex(text, least));
    let target = hex("target", TARGET_DIGITS);
    let small = |name| message.text(name).is_some_and(|text| is_small(text, 2 * NUMBER_DIGITS));
    let others = [small("epoch"), small("extranonce"), message.text("algo").is_some()];
    let count = others.iter().filter(|other| **other).count();
    if !target && count == 0 {
        return None;
    }
    let algorithm = message.text("algo").and_then(claim);
    Some(Reply {
        sure: target || count > 1,
        claim: Claim { algorithm, ..Claim::default() },
        ..Reply::certain(Dialect::EthereumStratum2, "a target")
    })
}

/// `[job, block number, header hash, "0" or "1"]`
fn notifies(list: &[Value]) -> bool {
    let [Value::String(_), Value::String(number), Value::String(header), Value::String(stale)] = list else {
        return false;
    };
    let flag = stale == "0" || stale == "1";
    flag && is_small(number, NUMBER_DIGITS) && header.len() == 64 && is_hex(header, 64)
}

fn is_small(text: &str, most: usize) -> bool {
    text.len() <= most && is_hex(text, 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEADER: &str = "645cf20198c2f3861e947d4f67e3ab63b7b2e24dcc9095bd9123e7b33371f6cc";

    fn hello(proto: &str) -> Value {
        json!({"id":0,"method":"mining.hello","params":{"agent":"m/1","host":"a.b.example","port":"d05","proto":proto}})
    }

    #[test]
    fn a_greeting_has_the_mark() {
        let asks = |value: &Value| request(&Message::of(value, false).unwrap());
        let asked = asks(&hello("EthereumStratum/2.0.0")).unwrap();
        assert!(asked.sure && asked.purpose == Purpose::Enter);
        assert_eq!(asked.claim.pool.as_deref(), Some("a.b.example:3333"));
        assert_eq!(asked.claim.agent.as_deref(), Some("m/1"));
        assert!(
            asks(&hello("SomethingElse/2.0")).is_none() && asks(&hello("EthereumStratum/1.0.0")).is_none()
        );
        let rate = json!({"id":9,"method":"mining.hashrate","params":["1dcd6500","w-7"]});
        assert!(!asks(&rate).unwrap().sure);
        assert!(asks(&json!({"id":9,"method":"mining.hashrate","params":[1000]})).is_none());
    }

    #[test]
    fn pools_are_told_by_what_they_set() {
        let pushes = |value: Value| push(&Message::of(&value, false).unwrap()).map(|reply| reply.sure);
        let set = |params: Value| pushes(json!({"method":"mining.set","params":params}));
        assert_eq!(
            set(json!({"epoch":"dc","target":"0f".repeat(28),"algo":"ethash","extranonce":"af4c"})),
            Some(true)
        );
        assert_eq!(set(json!({"target":"0f".repeat(28)})), Some(true));
        assert_eq!(set(json!({"algo":"progpow","epoch":"dd"})), Some(true));
        assert_eq!(set(json!({"extranonce":"af4c"})), Some(false));
        assert_eq!(set(json!({"depth":"4","ore":"iron"})), None);
        let notify = |params: Value| pushes(json!({"method":"mining.notify","params":params}));
        assert_eq!(notify(json!(["bf04", "6526d5", HEADER, "0"])), Some(true));
        assert_eq!(notify(json!(["bf04", "6526d5", HEADER, true])), None, "another dialect");
        assert_eq!(notify(json!(["bf04", HEADER, HEADER, "1"])), None);
        assert_eq!(notify(json!(["bf04", "6526d5", "collapsed", "0"])), None);
        let moved = json!({"method":"mining.reconnect","params":{"host":"b.example","port":"d80"}});
        assert_eq!(pushes(moved), Some(false));
        let told = json!({"id":0,"result":{"proto":"EthereumStratum/2.0.0","encoding":"plain"}});
        assert_eq!(pushes(told), Some(true));
        assert_eq!(pushes(json!({"id":0,"result":{"proto":"other"}})), None);
    }

    #[test]
    fn short_answers_count_in_a_known_session_only() {
        let fits = |dialect, method, purpose, value: &Value| {
            let asked = Request::plain(dialect, method, purpose);
            answer(&asked, &Message::of(value, false).unwrap()).is_some()
        };
        let (ours, parent) = (Dialect::EthereumStratum2, Dialect::StratumV1);
        let (bare, token) = (json!({"id":4}), json!({"id":4,"result":"w-7"}));
        assert!(fits(ours, "mining.submit", Purpose::Submit, &bare));
        assert!(fits(ours, "mining.hashrate", Purpose::Other, &bare));
        assert!(fits(ours, "mining.subscribe", Purpose::Enter, &token));
        assert!(fits(ours, "mining.authorize", Purpose::Enter, &token));
        assert!(!fits(parent, "mining.submit", Purpose::Submit, &bare));
        assert!(!fits(parent, "mining.authorize", Purpose::Enter, &token));
        assert!(!fits(ours, "mining.submit", Purpose::Submit, &json!({"id":4,"result":false})));
    }

    #[test]
    fn what_a_pool_sets_tells_the_algorithm() {
        let value = json!({"method":"mining.set","params":{"algo":"ethash","epoch":"1"}});
        let reply = push(&Message::of(&value, false).unwrap()).unwrap();
        assert_eq!(reply.claim.algorithm.as_deref(), Some("ethash"));
    }
}
