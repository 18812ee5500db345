//! `beam`: Beam's own Stratum, its values beside the method.
//!
//! Sources: BeamMW/beam wiki, "Beam mining protocol API (Stratum)"; nicehash/Specifications
//! `Beam_NiceHash_v1.0.txt`. At a pool `api_key` is the account, at one's own node a secret: only what has the
//! form of an account is told.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        account,
        message::Message,
        shape::{is_address, is_hex},
    },
};

/// The only proof of work that this protocol carries.
const ALGORITHM: &str = "beamhash";
/// A solution is 104 bytes.
const OUTPUT_DIGITS: usize = 2 * 104;
/// Enough of a solution that the capture limit cut.
const CUT_DIGITS: usize = 32;
const NONCE_DIGITS: usize = 16;
/// A public key and the number of a channel, as the first addresses had.
const ADDRESS_DIGITS: std::ops::RangeInclusive<usize> = 65..=68;
/// The longest name of a worker that is told.
const WORKER_BYTES: usize = 24;
/// Codes of an answer: what was asked is done; a share is taken.
const DONE: i64 = 0;
const TAKEN: i64 = 1;

/// See [`Words::marks`].
const MARKS: &[&str] = &["login", "solution", "nonceprefix", "forkheight", "\"input\""];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::Beam, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    if message.params.is_some() {
        return None;
    }
    let (method, purpose, sure, claim) = match message.method? {
        "login" => {
            let key = message.member("api_key")?;
            let told = if message.member("id") == Some("login") { tells(key) } else { Claim::default() };
            ("login", Purpose::Enter, told.wallet.is_some(), told)
        }
        "solution" if solves(message) => ("solution", Purpose::Submit, true, Claim::default()),
        _ => return None,
    };
    Some(Request { dialect: Dialect::Beam, method, purpose, sure, claim, offer: None })
}

fn solves(message: &Message<'_>) -> bool {
    let digits = |name, least| message.member(name).is_some_and(|text| is_hex(text, least));
    let output = if message.cut { CUT_DIGITS } else { OUTPUT_DIGITS };
    let nonce = digits("nonce", NONCE_DIGITS) || message.cut && message.member("nonce").is_none();
    nonce && digits("output", output)
}

/// Nothing of a key that has not the form of an account: an address with a worker's name, or Beam's own. Tokens of
/// web services have dots too, and parts that are longer or more of them.
fn tells(key: &str) -> Claim {
    let mut told = Claim::default();
    let (head, worker) = key.split_once(['.', '/']).unwrap_or((key, ""));
    let own = ADDRESS_DIGITS.contains(&head.len()) && is_hex(head, head.len());
    let named = worker.len() <= WORKER_BYTES && !worker.contains(['.', '/']);
    if named && (own || is_address(head) && !worker.is_empty()) {
        account::split(key, &mut told);
    }
    told
}

/// A pool's answer to `asked`.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    let code = code(message)?;
    let (what, done) = match asked.purpose {
        Purpose::Submit => ("an accepted share", TAKEN),
        _ => ("a pool's consent", DONE),
    };
    if code != done {
        return Some(Reply { accepts: false, ..Reply::fitting("a pool's refusal") });
    }
    Some(welcome(message).unwrap_or_else(|| Reply::fitting(what)))
}

fn code(message: &Message<'_>) -> Option<i64> {
    (message.method? == "result").then(|| message.members.get("code").and_then(Value::as_i64)).flatten()
}

/// A login's answer says which nonces are whose, or when the rules change.
fn welcome(message: &Message<'_>) -> Option<Reply> {
    let prefix =
        message.member("nonceprefix").is_some_and(|text| is_hex(text, 1) && text.len() <= NONCE_DIGITS);
    let fork = message.members.get("forkheight").is_some_and(Value::is_u64);
    let shaped = code(message)? == DONE && (prefix || fork);
    shaped.then(|| certain("an extranonce"))
}

/// What a pool sends unasked, and its answer to a login.
fn push(message: &Message<'_>) -> Option<Reply> {
    match message.method? {
        "result" => welcome(message),
        "job" if message.params.is_none() => {
            let input = message.member("input").is_some_and(|text| text.len() == 64 && is_hex(text, 64));
            let hard = message.members.get("difficulty").is_some_and(Value::is_u64);
            (input && (hard || message.cut)).then(|| certain("a job"))
        }
        _ => None,
    }
}

fn certain(what: &'static str) -> Reply {
    let told = Claim { algorithm: Some(ALGORITHM.to_owned()), ..Claim::default() };
    Reply { claim: told, ..Reply::certain(Dialect::Beam, what) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: &str = "2d3f5a7c9b1e4d6f8a0b2c4d6e8f0a1b3c5d7e9f1a2b4c6d8e0f2a3b5c7d9e1f4a3";

    fn login(key: &str) -> Option<(bool, Claim)> {
        let value = json!({"method":"login","api_key":key,"id":"login","jsonrpc":"2.0"});
        request(&Message::of(&value, false).unwrap()).map(|asked| (asked.sure, asked.claim))
    }

    #[test]
    fn a_key_is_told_only_as_an_account() {
        let (sure, claim) = login(&format!("{OWN}.attic")).unwrap();
        assert_eq!(
            (sure, claim.wallet.as_deref(), claim.worker.as_deref()),
            (true, Some(OWN), Some("attic"))
        );
        assert_eq!(login("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy.rig").map(|told| told.0), Some(true));
        for secret in
            ["correct horse", &"5e".repeat(32), "Zx8pQ2rT7vW4yA9cE1gI3kM5oQ7sU9wY2bD4f", "key.of-mine"]
        {
            assert_eq!(login(secret), Some((false, Claim::default())), "{secret}");
        }
        let other = json!({"method":"login","api_key":format!("{OWN}.attic"),"id":7});
        let asked = request(&Message::of(&other, false).unwrap()).unwrap();
        assert!(!asked.sure && asked.claim == Claim::default(), "another service's");
        let other = json!({"method":"login","api_key":"a","params":{"login":"b"}});
        assert!(request(&Message::of(&other, false).unwrap()).is_none());
    }

    #[test]
    fn shares_hold_a_solution() {
        let sure = |nonce: &str, output: &str, cut| {
            let value = json!({"method":"solution","id":"212","nonce":nonce,"output":output,"jsonrpc":"2.0"});
            request(&Message::of(&value, cut).unwrap()).is_some_and(|asked| asked.sure)
        };
        assert!(sure("ab4e3a00001f73c2", &"9d".repeat(104), false));
        assert!(sure("ab4e3a00001f73c2", &"9d".repeat(40), true));
        assert!(!sure("ab4e3a00001f73c2", &"9d".repeat(40), false));
        assert!(!sure("42", "x = 7", false));
    }

    #[test]
    fn pools_are_told_by_word_and_shape() {
        let pushes =
            |value: Value, cut| push(&Message::of(&value, cut).unwrap()).is_some_and(|reply| reply.sure);
        let input = "636b90cc".repeat(8);
        assert!(pushes(
            json!({"method":"job","id":"212","input":input,"difficulty":3_441_671_469_u32,"height":4}),
            false
        ));
        assert!(pushes(json!({"method":"job","id":"212","input":input}), true));
        assert!(!pushes(json!({"method":"job","id":"212","input":input}), false));
        assert!(!pushes(json!({"method":"job","id":"212","input":"frame 12","difficulty":1}), false));
        assert!(pushes(json!({"method":"result","id":"login","code":0,"nonceprefix":"ab4e3a"}), false));
        assert!(pushes(json!({"method":"result","id":"login","code":0,"forkheight":777_777}), false));
        assert!(!pushes(json!({"method":"result","id":"login","code":0}), false));
        assert!(!pushes(json!({"method":"cancel","id":"212"}), false));
    }

    #[test]
    fn codes_say_what_became_of_a_request() {
        let told = |purpose, code: i64| {
            let value = json!({"method":"result","id":"1","code":code,"description":"d"});
            let asked = Request::plain(Dialect::Beam, "solution", purpose);
            answer(&asked, &Message::of(&value, false).unwrap()).map(|reply| reply.accepts)
        };
        assert_eq!((told(Purpose::Submit, 1), told(Purpose::Submit, 2)), (Some(true), Some(false)));
        assert_eq!((told(Purpose::Enter, 0), told(Purpose::Enter, -32_003)), (Some(true), Some(false)));
        let other = json!({"id":"1","result":{"code":1}});
        let asked = Request::plain(Dialect::Beam, "solution", Purpose::Submit);
        assert!(answer(&asked, &Message::of(&other, false).unwrap()).is_none());
    }
}
