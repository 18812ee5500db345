//! `cryptonote` as miners in web pages speak it: `type` instead of `method`, over WebSocket.
//!
//! Sources: cryptonight web miners and their pools' proxies (deepMiner `server.js`, pika-proxy), after Coinhive. The
//! jobs are those of `CryptoNote`; answers carry no id and come in order.
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

/// A hashing blob is at least 76 bytes.
const BLOB_DIGITS: usize = 2 * 76;

/// See [`Words::marks`].
const MARKS: &[&str] = &["site_key", "job_id"];

/// This dialect's other form.
pub(super) static WORDS: Words = Words { dialect: Dialect::CryptoNote, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    if message.method.is_some() || !message.params?.is_object() {
        return None;
    }
    let (method, purpose, sure) = match message.member("type")? {
        "auth" => {
            let key = message.text("site_key")?;
            ("auth", Purpose::Enter, is_address(key))
        }
        "submit" => {
            let hex = |name, least| message.text(name).is_some_and(|text| is_hex(text, least));
            let fits = message.text("job_id").is_some() && hex("nonce", 8) && hex("result", 64);
            ("submit", Purpose::Submit, fits.then_some(true)?)
        }
        _ => return None,
    };
    let mut told = Claim::default();
    if let Some(key) = message.text("site_key").filter(|_| sure && method == "auth") {
        account::split(key, &mut told);
    }
    Some(Request { dialect: Dialect::CryptoNote, method, purpose, sure, claim: told, offer: None })
}

/// A pool's answer, in order.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    let number = |name| message.params?.get(name).filter(|value| value.is_number());
    match (asked.method, message.member("type")?) {
        ("auth", "authed") => number("hashes").map(|_| Reply::fitting("a pool's consent")),
        ("submit", "hash_accepted") => number("hashes").map(|_| Reply::fitting("an accepted share")),
        _ => None,
    }
}

/// A job.
fn push(message: &Message<'_>) -> Option<Reply> {
    if message.method.is_some() || message.member("type")? != "job" {
        return None;
    }
    let hex = |name, least| message.text(name).is_some_and(|text| is_hex(text, least));
    let job =
        message.text("job_id").is_some() && hex("blob", BLOB_DIGITS) && (message.cut || hex("target", 4));
    let told = |name| message.params?.get(name).and_then(Value::as_str);
    let claim = Claim { algorithm: told("algo").map(super::super::shape::clip), ..Claim::default() };
    job.then(|| Reply { claim, ..Reply::certain(Dialect::CryptoNote, "a job") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(value: &Value) -> Option<bool> {
        request(&Message::of(value, false)?).map(|request| request.sure)
    }

    fn pushes(value: &Value) -> bool {
        push(&Message::of(value, false).unwrap()).is_some()
    }

    #[test]
    fn a_site_key_alone_is_no_proof() {
        let auth =
            |key: &str| asks(&json!({"type":"auth","params":{"site_key":key,"type":"anonymous","goal":0}}));
        assert_eq!(auth("Q7hB2fYd0sKx91LmN4pRtVwZ6cEgJiUo"), Some(false));
        let wallet =
            "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
        assert_eq!(auth(wallet), Some(true));
        assert_eq!(asks(&json!({"type":"auth","params":{"token":"x"}})), None);
        assert_eq!(asks(&json!({"type":"submit","params":{"form":"contact"}})), None);
    }

    #[test]
    fn jobs_and_shares() {
        let blob = "07".repeat(76);
        assert!(pushes(&json!({"type":"job","params":{"job_id":"1","blob":blob,"target":"ffffff00"}})));
        assert!(!pushes(&json!({"type":"job","params":{"job_id":"1","state":"queued"}})));
        assert_eq!(
            asks(
                &json!({"type":"submit","params":{"job_id":"1","nonce":"d0030040","result":"e1".repeat(32)}})
            ),
            Some(true)
        );
    }

    #[test]
    fn answers_fit_their_requests() {
        let fits = |method, kind: &str| {
            let value = json!({"type":kind,"params":{"hashes":256}});
            answer(
                &Request::plain(Dialect::CryptoNote, method, Purpose::Other),
                &Message::of(&value, false).unwrap(),
            )
            .is_some()
        };
        assert!(fits("auth", "authed") && fits("submit", "hash_accepted"));
        assert!(!fits("auth", "hash_accepted") && !fits("submit", "authed"));
    }
}
