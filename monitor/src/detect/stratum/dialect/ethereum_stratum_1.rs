//! `ethereum-stratum-1`: `stratum-v1`'s words with the mark `EthereumStratum/1.0.0`.
//!
//! Source: nicehash/Specifications, `EthereumStratum_NiceHash_v1.0.0.txt`. Only what carries the mark, or the
//! job of this dialect, is taken here; everything else of a session is `stratum_v1`'s.
use serde_json::Value;

use super::{Dialect, Reply, Request, Words, stratum_v1};
use crate::detect::stratum::{message::Message, shape::is_hex_value};

const MARK: &str = "EthereumStratum/1.";

/// See [`Words::marks`].
const MARKS: &[&str] = &["mining.", "EthereumStratum"];

/// This dialect.
pub(super) static WORDS: Words =
    Words { dialect: Dialect::EthereumStratum1, marks: MARKS, request, answer: subscribed, push };

/// `mining.subscribe` with the mark: `["MinerName/1.0.0", "EthereumStratum/1.0.0"]`.
fn request(message: &Message<'_>) -> Option<Request> {
    let marked = message.method? == "mining.subscribe" && message.list()?.iter().any(is_mark);
    if !marked {
        return None;
    }
    stratum_v1::request(message).map(|request| Request { dialect: Dialect::EthereumStratum1, ..request })
}

/// The answer to `mining.subscribe`: `[["mining.notify", session, "EthereumStratum/1.0.0"], extranonce]`.
fn subscription(message: &Message<'_>) -> Option<Reply> {
    let [Value::Array(topic), extranonce, ..] = message.result?.as_array()?.as_slice() else { return None };
    let shaped = topic.iter().any(is_mark) && is_hex_value(extranonce, 1);
    shaped.then(|| Reply::certain(Dialect::EthereumStratum1, "an extranonce"))
}

/// The answer to a subscription of this dialect or of its parent.
fn subscribed(_: &Request, message: &Message<'_>) -> Option<Reply> {
    subscription(message)
}

/// The answer to a subscription, or the job `[id, seed hash, header hash, clean]`.
fn push(message: &Message<'_>) -> Option<Reply> {
    match (message.method, message.list()) {
        (None, _) => subscription(message),
        (Some("mining.notify"), Some([Value::String(_), seed, header, Value::Bool(_)])) => {
            let shaped = is_hash(seed) && is_hash(header);
            shaped.then(|| Reply::certain(Dialect::EthereumStratum1, "a job"))
        }
        _ => None,
    }
}

/// 32 bytes and no more: relatives have whole headers there.
fn is_hash(value: &Value) -> bool {
    let digits = value.as_str().map(|text| text.strip_prefix("0x").unwrap_or(text));
    is_hex_value(value, 64) && digits.is_some_and(|digits| digits.len() == 64)
}

fn is_mark(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(MARK))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_mark_makes_the_dialect() {
        let asks = |params: Value| {
            let value = json!({"id":1,"method":"mining.subscribe","params":params});
            let message = Message::of(&value, false).unwrap();
            request(&message).map(|request| (request.dialect, request.sure, request.claim.agent))
        };
        let agent = Some("ethminer-0.19.0".to_owned());
        let want = Some((Dialect::EthereumStratum1, true, agent));
        assert_eq!(asks(json!(["ethminer-0.19.0", "EthereumStratum/1.0.0"])), want);
        assert_eq!(asks(json!(["ethminer-0.19.0"])), None);
        assert_eq!(asks(json!(["ethminer-0.19.0", "EthereumStratum/2.0.0"])), None);
    }

    #[test]
    fn pools_are_told_by_mark_or_job() {
        let dialect =
            |value: &Value| push(&Message::of(value, false).unwrap()).and_then(|reply| reply.dialect);
        let ours = Some(Dialect::EthereumStratum1);
        let topic = json!(["mining.notify", "ae6812eb", "EthereumStratum/1.0.0"]);
        assert_eq!(dialect(&json!({"id":1,"result":[topic, "080c"],"error":null})), ours);
        let (seed, header) = ("abad8f99".repeat(8), "645cf20198c2f3861e947d4f67e3ab63".repeat(2));
        assert_eq!(
            dialect(&json!({"method":"mining.notify","params":["bf0488aa", seed, header, true]})),
            ours
        );
        assert_eq!(dialect(&json!({"method":"mining.notify","params":["bf0488aa", seed, true]})), None);
        let whole = json!({"method":"mining.notify","params":["bf0488aa", seed, header.repeat(4), true]});
        assert_eq!(dialect(&whole), None, "a header of another dialect");
        assert_eq!(dialect(&json!({"id":1,"result":[true, "EthereumStratum/1.0.0"]})), None);
    }
}
