//! How pools say no.
//!
//! Owns the error forms that only pools use. A general JSON-RPC error (`-32601 Method not found`) is what a
//! server that is no pool answers, and is none of them.
use serde_json::Value;

use super::Reply;
use crate::detect::stratum::message::Message;

/// What pools write, lower case. Sources: p2pool `stratum_server.cpp`, XMRig `Client.cpp`, node-cryptonote-pool,
/// grin `doc/stratum.md`, EthereumStratum 2.0.0.
const WORDS: [&str; 21] = [
    "address used for login",
    "bad nonce",
    "banned",
    "duplicate share",
    "failed to validate solution",
    "invalid address",
    "invalid job id",
    "invalid payment address",
    "invalid wallet",
    "invalid worker name",
    "job not found",
    "login first",
    "low difficulty",
    "missing login",
    "no active job",
    "not subscribed",
    "rejected share",
    "solution submitted too late",
    "stale",
    "unauthenticated",
    "unauthorized worker",
];

/// A refusal as a pool puts it.
pub(super) fn of(message: &Message<'_>) -> Option<Reply> {
    let is_refusal = match message.error? {
        Value::Array(error) => is_triple(error),
        Value::Object(error) => error.get("message").and_then(Value::as_str).is_some_and(has_word),
        Value::String(error) => has_word(error),
        _ => false,
    };
    is_refusal.then(|| Reply { accepts: false, ..Reply::fitting("a pool's refusal") })
}

/// Stratum's own form: `[21, "Job not found", null]`.
fn is_triple(error: &[Value]) -> bool {
    matches!(error, [Value::Number(_), Value::String(_)] | [Value::Number(_), Value::String(_), _])
}

fn has_word(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refuses(error: &Value) -> bool {
        let value = json!({"id":1,"result":null,"error":error});
        Message::of(&value, false).is_some_and(|message| of(&message).is_some())
    }

    #[test]
    fn pools_refuse() {
        assert!(refuses(&json!([21, "Job not found", null])));
        assert!(refuses(&json!([24, "Unauthorized worker"])));
        assert!(refuses(&json!({"code":-1,"message":"Low difficulty share"})));
        assert!(refuses(&json!({"code":-1,"message":"IP Address currently banned"})));
        assert!(refuses(&json!("Stale share")));
        assert!(refuses(&json!({"code":-32500,"message":"login first"})));
        assert!(refuses(&json!({"code":-32503,"message":"Solution submitted too late"})));
        assert!(refuses(&json!({"code":406,"message":"Bad nonce"})));
    }

    #[test]
    fn other_servers_refuse_in_other_words() {
        for error in [
            json!({"code":-32601,"message":"Method not found"}),
            json!({"code":-32700,"message":"Parse error"}),
            json!({"code":401,"message":"Unauthorized"}),
            json!("unknown command"),
            json!([]),
            json!([1]),
            json!(1),
            json!(null),
        ] {
            assert!(!refuses(&error), "{error}");
        }
    }
}
