//! `stratum-v1`: `mining.*` methods with array parameters.
//!
//! Sources: slushpool/stratumprotocol (also BIP 310), cgminer `util.c`, ccminer `util.cpp`; relatives that keep
//! its words are told by the shape of their first messages (ZIP 301, `KawPow`, kHeavyHash, Conflux, Xelis).
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        account,
        message::Message,
        shape::{claim, is_algorithm, is_hex, is_hex_value, pool},
    },
};

/// Extensions that a client may ask for in `mining.configure`.
const EXTENSIONS: [&str; 4] = ["version-rolling", "minimum-difficulty", "subscribe-extranonce", "info"];

/// See [`Words::marks`].
const MARKS: &[&str] = &["mining.", "set_extranonce"];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::StratumV1, marks: MARKS, request, answer, push };

/// A client's message.
pub(super) fn request(message: &Message<'_>) -> Option<Request> {
    let list = message.list();
    let (method, purpose, shaped) = match message.method? {
        "mining.subscribe" => ("mining.subscribe", Purpose::Enter, list.is_some_and(subscribes)),
        "mining.authorize" => ("mining.authorize", Purpose::Enter, list.is_some_and(authorizes)),
        "mining.submit" => ("mining.submit", Purpose::Submit, list.is_some_and(submits)),
        "mining.configure" => ("mining.configure", Purpose::Other, list.is_some_and(configures)),
        "mining.extranonce.subscribe" => {
            ("mining.extranonce.subscribe", Purpose::Other, list.is_some_and(<[Value]>::is_empty))
        }
        "mining.suggest_difficulty" => {
            ("mining.suggest_difficulty", Purpose::Other, list.is_some_and(suggests_difficulty))
        }
        "mining.suggest_target" => {
            let shaped = list.and_then(<[Value]>::first).is_some_and(|target| is_hex_value(target, 64));
            ("mining.suggest_target", Purpose::Other, shaped)
        }
        "mining.get_transactions" => {
            ("mining.get_transactions", Purpose::Other, matches!(list, Some([Value::String(_)])))
        }
        _ => return None,
    };
    if message.params.is_some() && list.is_none() {
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

/// `[agent, session or protocol, host, port]`, each optional.
fn subscribes(list: &[Value]) -> bool {
    list.len() <= 6 && list.first().is_none_or(Value::is_string) && !list.iter().any(Value::is_object)
}

/// `[user, password]`; a few relatives have a third.
fn authorizes(list: &[Value]) -> bool {
    let user = list.first().and_then(Value::as_str);
    list.len() <= 4
        && user.is_some_and(|user| !user.is_empty())
        && list.iter().skip(1).all(|more| !more.is_object())
}

/// `[user, job, extranonce2, time, nonce]`, or shorter and longer; at least one of them is a hexadecimal word.
fn submits(list: &[Value]) -> bool {
    let words = list.get(1..).unwrap_or_default();
    (3..=9).contains(&list.len())
        && list.first().is_some_and(Value::is_string)
        && words.iter().all(|word| word.is_string() || word.is_number())
        && words.iter().any(|word| is_hex_value(word, 8))
}

/// `[[extension, ...], {extension.parameter: value, ...}]`
fn configures(list: &[Value]) -> bool {
    let names = list.first().and_then(Value::as_array);
    names.is_some_and(|names| names.iter().filter_map(Value::as_str).any(|name| EXTENSIONS.contains(&name)))
}

fn suggests_difficulty(list: &[Value]) -> bool {
    matches!(list, [Value::Number(_)])
}

/// The second parameter of `mining.authorize` is the password: it is not looked at.
fn tells(method: &str, message: &Message<'_>) -> Claim {
    let mut told = Claim::default();
    match method {
        "mining.subscribe" => {
            let at = |index| message.list().and_then(|list| list.get(index));
            told.agent = message.text_at(0).and_then(claim);
            told.pool = message.text_at(2).and_then(|host| pool(host, at(3)));
            told.algorithm = at(1).and_then(Value::as_array).and_then(|names| one_algorithm(names));
        }
        "mining.authorize" | "mining.submit" => {
            if let Some(user) = message.text_at(0) {
                account::split(user, &mut told);
            }
        }
        _ => {}
    }
    told
}

/// `["xel/v2"]` in the place of a session (Xelis); several are an offer, not a fact.
fn one_algorithm(names: &[Value]) -> Option<String> {
    match names {
        [Value::String(name)] if is_algorithm(name) || name.contains('/') => claim(name),
        _ => None,
    }
}

/// A pool's answer to `asked`.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if let Some(reply) = subscription(message) {
        return Some(reply);
    }
    let fits = match (asked.method, message.result?) {
        ("mining.subscribe", Value::Array(result)) => gives_extranonce(result),
        ("mining.subscribe", Value::String(result)) => result == "true" || result == "result",
        ("mining.configure", Value::Object(result)) => {
            result.keys().any(|name| EXTENSIONS.iter().any(|known| name.starts_with(known)))
        }
        ("mining.configure", _) => false,
        ("mining.submit", Value::Object(result)) => {
            result.get("status").and_then(Value::as_str) == Some("OK")
        }
        (_, Value::Bool(yes)) => *yes,
        _ => false,
    };
    let what = match asked.purpose {
        Purpose::Submit => "an accepted share",
        _ if asked.method == "mining.subscribe" => "an extranonce",
        _ => "a pool's consent",
    };
    fits.then(|| Reply::fitting(what))
}

/// The forms of the relatives: `["04d567b212", ...]`, `[null, "64290b"]`, `[true, "EthereumStratum/1.0.0"]`,
/// `["session", "extranonce", 32, "key"]`.
fn gives_extranonce(result: &[Value]) -> bool {
    (2..=6).contains(&result.len())
        && result.iter().filter_map(Value::as_str).any(|text| !text.is_empty())
        && !result.iter().any(Value::is_object)
}

/// `[[["mining.set_difficulty", id], ["mining.notify", id]], extranonce1, size]`, which nothing else answers.
fn subscription(message: &Message<'_>) -> Option<Reply> {
    let [Value::Array(topics), Value::String(extranonce), ..] = message.result?.as_array()?.as_slice() else {
        return None;
    };
    let is_topic = |topic: &Value| match topic {
        Value::Array(pair) => {
            pair.first().and_then(Value::as_str).is_some_and(|name| name.starts_with("mining."))
        }
        Value::String(name) => name.starts_with("mining."),
        _ => false,
    };
    let shaped = topics.iter().any(is_topic) && is_hex(extranonce, 2);
    shaped.then(|| Reply::certain(Dialect::StratumV1, "an extranonce"))
}

/// What a pool sends unasked, and its answer to a subscription.
fn push(message: &Message<'_>) -> Option<Reply> {
    let Some(method) = message.method else { return subscription(message) };
    let list = message.list()?;
    let first = list.first();
    let (what, shaped) = match method {
        "mining.notify" => ("a job", notifies(list)),
        "mining.set_difficulty" => ("a difficulty", matches!(list, [Value::Number(_)])),
        "mining.set_target" => ("a target", first.is_some_and(|target| is_hex_value(target, 64))),
        "mining.set_extranonce" => ("an extranonce", first.is_some_and(|nonce| is_hex_value(nonce, 2))),
        "mining.set_version_mask" => ("a version mask", first.is_some_and(|mask| is_hex_value(mask, 8))),
        // kHeavyHash leaves out the name space; alone that word is anyone's.
        "set_extranonce" if first.is_some_and(|nonce| is_hex_value(nonce, 2)) => {
            return Some(Reply { sure: false, ..Reply::certain(Dialect::StratumV1, "an extranonce") });
        }
        _ => return None,
    };
    shaped.then(|| Reply::certain(Dialect::StratumV1, what))
}

/// A job has an id and at least one hash of 32 bytes; kHeavyHash writes the hash as four numbers.
fn notifies(list: &[Value]) -> bool {
    let is_number_hash = |value: &Value| {
        value.as_array().is_some_and(|words| words.len() == 4 && words.iter().all(Value::is_u64))
    };
    let Some((id, rest)) = list.split_first() else { return false };
    list.len() <= 14
        && (id.is_string() || id.is_number())
        && rest.iter().any(|value| is_hex_value(value, 64) || is_number_hash(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(value: &Value) -> Option<Request> {
        let message = Message::of(value, false)?;
        request(&message)
    }

    fn sure(method: &str, params: &Value) -> bool {
        asks(&json!({"id":1,"method":method,"params":params})).is_some_and(|request| request.sure)
    }

    #[test]
    fn clients_are_told_by_word_and_shape() {
        for (method, params) in [
            ("mining.subscribe", json!([])),
            ("mining.subscribe", json!(["cpuminer/2.5.1", "session"])),
            ("mining.subscribe", json!(["EWBF 0.3.4b", null, "eu1-zcash.flypool.org", "3333"])),
            ("mining.authorize", json!(["user.worker", "x"])),
            ("mining.submit", json!(["user", "2", "00000000", "538448e7", "f4ec1300"])),
            ("mining.submit", json!(["user", "abc123", "0011223344556677"])),
            ("mining.configure", json!([["version-rolling"], {"version-rolling.mask":"ffffffff"}])),
            ("mining.extranonce.subscribe", json!([])),
            ("mining.suggest_difficulty", json!([512])),
        ] {
            assert!(sure(method, &params), "{method} {params}");
        }
    }

    #[test]
    fn a_word_alone_does_not_suffice() {
        for (method, params) in [
            ("mining.subscribe", json!({"topic":"x"})),
            ("mining.subscribe", json!([{"topic":"x"}])),
            ("mining.subscribe", json!(null)),
            ("mining.authorize", json!([])),
            ("mining.authorize", json!([1, 2])),
            ("mining.submit", json!(["dig", "site", "north"])),
            ("mining.submit", json!({"ore":"iron"})),
            ("mining.configure", json!(["drill"])),
            ("mining.suggest_difficulty", json!(["hard"])),
            ("subscribe", json!(["jobs"])),
            ("mining.stats", json!([])),
        ] {
            assert!(!sure(method, &params), "{method} {params}");
        }
        assert!(!asks(&json!({"method":"mining.subscribe","params":[]})).unwrap().sure, "no id");
    }

    #[test]
    fn what_a_client_tells() {
        let told =
            asks(&json!({"id":1,"method":"mining.subscribe","params":["GMiner/2.09",null,"a.b.com","4505"]}));
        let claim = told.unwrap().claim;
        assert_eq!(
            (claim.agent.as_deref(), claim.pool.as_deref()),
            (Some("GMiner/2.09"), Some("a.b.com:4505"))
        );
        let told = asks(&json!({"id":2,"method":"mining.authorize","params":["tb1q.rig", "hunter2"]}));
        let claim = told.unwrap().claim;
        assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some("tb1q"), Some("rig")));
        assert!(!format!("{claim:?}").contains("hunter2"));
        let nicehash =
            json!(["NiceHash/1.0.0", "1662637786319", "3e747837e632920e8cd11453c2558233e3822489a20d828fdf"]);
        let told = asks(&json!({"id":1,"method":"mining.subscribe","params":nicehash}));
        assert_eq!(told.unwrap().claim.pool, None);
    }

    #[test]
    fn pools_are_told_by_word_and_shape() {
        let hash = "81b4baf5d132e05b36408e62c2d294177236530d81164222d6fc0b720d2b1480";
        let pushes = |method: &str, params: Value| {
            let value = json!({"id":null,"method":method,"params":params});
            push(&Message::of(&value, false).unwrap()).is_some_and(|reply| reply.sure)
        };
        assert!(pushes(
            "mining.notify",
            json!(["2", hash, "01", "0d", [], "00000002", "1d017064", "538448e7", true])
        ));
        assert!(pushes("mining.notify", json!(["0", [1_u64, 2, 3, u64::MAX], 1_700_000_000])));
        assert!(pushes("mining.set_difficulty", json!([0.5])));
        assert!(pushes("mining.set_extranonce", json!(["08002c", 4])));
        assert!(pushes("mining.set_version_mask", json!(["1fffe000"])));
        assert!(!pushes("mining.notify", json!(["4f", "deadbeef", "", true])));
        assert!(!pushes("mining.notify", json!(["site 4", "collapsed"])));
        assert!(!pushes("mining.set_difficulty", json!(["hard"])));
        assert!(!pushes("notify", json!(["job-81", hash, true])));
        let result = json!([[["mining.set_difficulty", "b4"], ["mining.notify", "ae"]], "08000002", 4]);
        let value = json!({"id":1,"result":result,"error":null});
        assert!(push(&Message::of(&value, false).unwrap()).is_some());
        let value = json!({"id":1,"result":[null, "64290b"],"error":null});
        assert!(push(&Message::of(&value, false).unwrap()).is_none());
    }

    #[test]
    fn answers_fit_their_requests() {
        let fits = |method, purpose, result: Value| {
            let value = json!({"id":1,"result":result,"error":null});
            let asked = Request::plain(Dialect::StratumV1, method, purpose);
            Message::of(&value, false).is_some_and(|message| answer(&asked, &message).is_some())
        };
        assert!(fits("mining.subscribe", Purpose::Enter, json!([null, "64290b"])));
        assert!(fits("mining.subscribe", Purpose::Enter, json!([true, "EthereumStratum/1.0.0"])));
        assert!(fits("mining.subscribe", Purpose::Enter, json!("true")));
        assert!(fits("mining.authorize", Purpose::Enter, json!(true)));
        assert!(fits("mining.configure", Purpose::Other, json!({"version-rolling":true})));
        assert!(fits("mining.submit", Purpose::Submit, json!({"status":"OK"})));
        assert!(!fits("mining.subscribe", Purpose::Enter, json!({"subscription":1})));
        assert!(!fits("mining.subscribe", Purpose::Enter, json!([])));
        assert!(!fits("mining.authorize", Purpose::Enter, json!("65e60c5a93b2f2c0")));
        assert!(!fits("mining.submit", Purpose::Submit, json!(false)));
        assert!(!fits("mining.configure", Purpose::Other, json!(true)));
    }
}
