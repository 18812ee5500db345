//! `ironfish`: Iron Fish's own Stratum, with a `body` in the place of `params`.
//!
//! Sources: iron-fish/ironfish `mining/stratum/messages.ts`, nicehash/Specifications `FishHash_v1.0.txt`,
//! TeamRedMiner's notes on version 2. Both sides number their messages on their own: what a share's answer
//! belongs to stands in its body.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        account,
        message::{Id, Message},
        shape::{claim, is_hex},
    },
};

/// A header is 180 bytes with its randomness; earlier versions had longer ones.
const HEADER_DIGITS: usize = 2 * 172;
/// Enough of a header that the capture limit cut.
const CUT_DIGITS: usize = 64;

/// See [`Words::marks`].
const MARKS: &[&str] = &["mining."];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::IronFish, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    let body = message.members.get("body")?;
    let (method, purpose, shaped) = match message.method? {
        "mining.subscribe" => ("mining.subscribe", Purpose::Enter, subscribes(body)),
        "mining.submit" => ("mining.submit", Purpose::Submit, submits(body)),
        _ => return None,
    };
    let claim = if method == "mining.subscribe" { tells(message) } else { Claim::default() };
    shaped.then_some(Request { dialect: Dialect::IronFish, method, purpose, sure: true, claim, offer: None })
}

/// A version, and who it is: an address (from version 1 on) or a graffiti (before).
fn subscribes(body: &Value) -> bool {
    let with = |name| body.get(name).is_some_and(Value::is_string);
    body.get("version").is_some_and(Value::is_u64) && (with("publicAddress") || with("graffiti"))
        || with("publicAddress") && with("agent")
}

/// `randomness` is a number in the first versions, 8 bytes as hexadecimal digits later.
fn submits(body: &Value) -> bool {
    let randomness = body.get("randomness");
    let digits = randomness.and_then(Value::as_str).is_some_and(|text| is_hex(text, 8));
    has_request_id(body) && (digits || randomness.is_some_and(Value::is_u64))
}

fn has_request_id(body: &Value) -> bool {
    body.get("miningRequestId").is_some_and(|id| id.is_u64() || id.is_string())
}

fn tells(message: &Message<'_>) -> Claim {
    let mut told = Claim::default();
    if let Some(address) = message.text("publicAddress") {
        account::split(address, &mut told);
    }
    told.worker = message.text("name").and_then(claim).or(told.worker);
    told.agent = message.text("agent").and_then(claim);
    told
}

/// The id of the share that `mining.submitted` is about.
pub(super) fn answered(message: &Message<'_>) -> Option<Id> {
    let submitted = message.method? == "mining.submitted";
    submitted.then(|| message.members.get("body")?.get("id").and_then(Id::of)).flatten()
}

/// A pool's answer to `asked`.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    match (asked.purpose, message.method?) {
        (Purpose::Enter, "mining.subscribed") => push(message),
        (Purpose::Submit, "mining.submitted") => {
            let taken = message.members.get("body")?.get("result").and_then(Value::as_bool)?;
            let what = if taken { "an accepted share" } else { "a pool's refusal" };
            Some(Reply { accepts: taken, ..Reply::fitting(what) })
        }
        _ => None,
    }
}

/// What a pool sends. Its answer to a subscription may have an id of its own, so it is one of these too.
fn push(message: &Message<'_>) -> Option<Reply> {
    let body = message.members.get("body")?;
    let hex = |name, least| body.get(name).and_then(Value::as_str).is_some_and(|text| is_hex(text, least));
    let (what, shaped) = match message.method? {
        "mining.subscribed" => {
            let given = hex("xn", 1) || body.get("graffiti").is_some_and(Value::is_string);
            ("an extranonce", body.get("clientId").is_some_and(Value::is_u64) && (given || message.cut))
        }
        "mining.set_target" => ("a target", hex("target", 64)),
        "mining.notify" => {
            let least = if message.cut { CUT_DIGITS } else { HEADER_DIGITS };
            ("a job", (has_request_id(body) || message.cut) && hex("header", least))
        }
        _ => return None,
    };
    shaped.then(|| Reply::certain(Dialect::IronFish, what))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ADDRESS: &str = "5da7b0e1f35c2a4d9e8b6c7f0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

    fn asks(method: &str, body: &Value) -> Option<Request> {
        let value = json!({"id":0,"method":method,"body":body});
        let message = Message::of(&value, false)?;
        request(&message)
    }

    #[test]
    fn clients_are_told_by_word_and_shape() {
        for (method, body) in [
            (
                "mining.subscribe",
                json!({"version":3,"agent":"m/1","publicAddress":ADDRESS,"extend":["mining.submitted"]}),
            ),
            ("mining.subscribe", json!({"version":1,"name":"rig","publicAddress":ADDRESS})),
            ("mining.subscribe", json!({"version":0,"graffiti":"hello"})),
            ("mining.submit", json!({"miningRequestId":7,"randomness":"64da00000001f3c2"})),
            ("mining.submit", json!({"miningRequestId":7,"randomness":81_723,"graffiti":"a"})),
        ] {
            assert!(asks(method, &body).is_some_and(|request| request.sure), "{method} {body}");
        }
        for (method, body) in [
            ("mining.subscribe", json!({"topic":"ore"})),
            ("mining.subscribe", json!({"version":3})),
            ("mining.subscribe", json!({"agent":"shop/1"})),
            ("mining.submit", json!({"randomness":"64da00000001f3c2"})),
            ("mining.submit", json!({"miningRequestId":7,"randomness":"much"})),
            ("subscribe", json!({"version":1,"publicAddress":ADDRESS})),
        ] {
            assert!(asks(method, &body).is_none(), "{method} {body}");
        }
        let with_params =
            json!({"id":0,"method":"mining.subscribe","params":{"version":3,"publicAddress":ADDRESS}});
        assert!(request(&Message::of(&with_params, false).unwrap()).is_none());
    }

    #[test]
    fn what_a_subscription_tells() {
        let account = format!("{ADDRESS}.attic");
        let claim = asks("mining.subscribe", &json!({"version":3,"agent":"m/1","publicAddress":account}))
            .unwrap()
            .claim;
        assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some(ADDRESS), Some("attic")));
        assert_eq!(claim.agent.as_deref(), Some("m/1"));
    }

    #[test]
    fn pools_are_told_by_word_and_shape() {
        let pushes = |method: &str, body: Value, cut| {
            let value = json!({"id":4,"method":method,"body":body});
            push(&Message::of(&value, cut).unwrap()).is_some_and(|reply| reply.sure)
        };
        assert!(pushes("mining.subscribed", json!({"clientId":0,"xn":"64da"}), false));
        assert!(pushes("mining.subscribed", json!({"clientId":0,"graffiti":"pool.miner"}), false));
        assert!(pushes("mining.set_target", json!({"target":"0".repeat(64)}), false));
        assert!(pushes("mining.notify", json!({"miningRequestId":9,"header":"ab".repeat(180)}), false));
        assert!(pushes("mining.notify", json!({"miningRequestId":9,"header":"ab".repeat(40)}), true));
        assert!(!pushes("mining.notify", json!({"miningRequestId":9,"header":"ab".repeat(40)}), false));
        assert!(!pushes("mining.notify", json!({"header":"Shaft 4 has collapsed"}), false));
        assert!(!pushes("mining.subscribed", json!({"xn":"64da"}), false));
        assert!(!pushes("mining.set_target", json!({"target":"north"}), false));
    }

    #[test]
    fn a_share_is_answered_by_the_id_in_the_body() {
        let told =
            |result: bool| json!({"id":31,"method":"mining.submitted","body":{"id":7,"result":result}});
        let asked = Request::plain(Dialect::IronFish, "mining.submit", Purpose::Submit);
        for taken in [true, false] {
            let value = told(taken);
            let message = Message::of(&value, false).unwrap();
            assert_eq!(answered(&message), Id::of(&json!(7)));
            assert_eq!(answer(&asked, &message).map(|reply| reply.accepts), Some(taken));
        }
        let value = json!({"id":31,"method":"mining.notify","body":{"id":7,"result":true}});
        let message = Message::of(&value, false).unwrap();
        assert!(answered(&message).is_none() && answer(&asked, &message).is_none());
    }
}
