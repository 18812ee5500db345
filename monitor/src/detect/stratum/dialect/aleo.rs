//! Aleo's private form, begun by a `type` instead of a method; counted to `stratum-v1`, which Aleo pools speak
//! otherwise.
//!
//! Source: the "Aleo-mining-protocol" of 2023 (`auth_request`, `auth_response`, `task`, `solution`). There are no
//! ids, so nothing is an answer; addresses (`aleo1...`) and block hashes (`ab1...`) are bech32m and carry the proof.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{account, message::Message, shape::is_address},
};

/// Characters of a 32-byte address: the prefix, a separator, 52 of data and 6 of checksum.
const ADDRESS_CHARS: usize = 63;

/// See [`Words::marks`].
const MARKS: &[&str] = &["auth_request", "epoch_challenge"];

/// This form.
pub(super) static WORDS: Words = Words { dialect: Dialect::StratumV1, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    let account = message.member("username").filter(|_| has_type(message, "auth_request"))?;
    let mut claim = Claim::default();
    account::split(account, &mut claim);
    Some(Request {
        dialect: Dialect::StratumV1,
        method: "auth_request",
        purpose: Purpose::Enter,
        sure: claim.wallet.as_deref().is_some_and(is_aleo),
        claim,
        offer: None,
    })
}

fn answer(_: &Request, _: &Message<'_>) -> Option<Reply> {
    None
}

/// What a pool sends: the address that it mines to, and work.
fn push(message: &Message<'_>) -> Option<Reply> {
    let address = message.member("address").is_some_and(is_aleo);
    if has_type(message, "auth_response") && address {
        return Some(Reply { sure: false, ..Reply::certain(Dialect::StratumV1, "a pool's consent") });
    }
    let challenge = message.members.get("epoch_challenge").filter(|_| has_type(message, "task"))?;
    let hash = challenge.get("epoch_block_hash").and_then(Value::as_str).is_some_and(is_block_hash);
    let shaped = hash && (address || message.cut) && challenge.get("epoch_number").is_some_and(Value::is_u64);
    shaped.then(|| Reply::certain(Dialect::StratumV1, "a job"))
}

fn has_type(message: &Message<'_>, name: &str) -> bool {
    message.method.is_none() && message.member("type") == Some(name)
}

/// `aleo1` and 58 more.
pub(super) fn is_aleo(text: &str) -> bool {
    text.starts_with("aleo1") && text.len() == ADDRESS_CHARS && is_address(text)
}

/// `ab1` and 58 more.
pub(super) fn is_block_hash(text: &str) -> bool {
    text.starts_with("ab1") && text.len() == ADDRESS_CHARS - 2 && is_address(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn address() -> String {
        format!("aleo1{}", "q2w3e4r5t6".repeat(6).get(..58).unwrap())
    }

    fn hash() -> String {
        format!("ab1{}", "q2w3e4r5t6".repeat(6).get(..58).unwrap())
    }

    #[test]
    fn a_miner_enters_as_an_address() {
        let asks = |value: &Value| request(&Message::of(value, false).unwrap());
        let asked = asks(&json!({"type":"auth_request","username":format!("{}.attic", address())})).unwrap();
        assert_eq!((asked.sure, asked.claim.wallet), (true, Some(address())));
        assert_eq!(asked.claim.worker.as_deref(), Some("attic"));
        assert!(!asks(&json!({"type":"auth_request","username":"alice"})).unwrap().sure);
        assert!(asks(&json!({"type":"chat","username":address()})).is_none());
        assert!(asks(&json!({"method":"m","type":"auth_request","username":address()})).is_none());
    }

    #[test]
    fn pools_are_told_by_a_challenge() {
        let pushes = |value: Value| push(&Message::of(&value, false).unwrap()).map(|reply| reply.sure);
        let challenge = json!({"epoch_number":4,"epoch_block_hash":hash(),"degree":8191});
        let task = json!({"type":"task","epoch_challenge":challenge,"address":address(),"difficulty":10});
        assert_eq!(pushes(task), Some(true));
        let consent = json!({"type":"auth_response","result":true,"address":address(),"message":null});
        assert_eq!(pushes(consent), Some(false));
        for other in [
            json!({"type":"task","epoch_challenge":"north","address":address()}),
            json!({"type":"task","title":"wash the car"}),
            json!({"type":"auth_response","result":true}),
        ] {
            assert_eq!(pushes(other.clone()), None, "{other}");
        }
    }
}
