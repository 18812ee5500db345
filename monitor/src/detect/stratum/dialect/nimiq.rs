//! `nimiq`: JSON over WebSocket whose member `message` names what it is.
//!
//! Sources: nimiq/mining-pool `PoolAgent.js`, nimiq/core-js `BasePoolMiner.js`. The words are everyday ones, so
//! an address of the coin and block data carry the proof. A share is answered only when it is refused.
use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{message::Message, shape::claim},
};

/// An address is `NQ`, two check digits and 32 characters, in groups of four.
const ADDRESS: usize = 36;
/// A header's hash in base64.
const HASH: usize = 44;
/// The shortest block in base64: a header is 146 bytes.
const BLOCK: usize = 194;

/// See [`Words::marks`].
const MARKS: &[&str] = &["register", "extraData", "accountsHash", "blockHeader", "\"block\""];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::Nimiq, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    let (method, purpose, claim) = match message.member("message")? {
        "register" => {
            let address = message.member("address").filter(|address| is_address(address))?;
            let mode = ["nano", "smart", "dumb"].contains(&message.member("mode").unwrap_or_default());
            let genesis = message.member("genesisHash").is_some_and(|hash| is_base64(hash, HASH));
            if !mode && !genesis && !message.cut {
                return None;
            }
            ("register", Purpose::Enter, tells(message, address))
        }
        "share" if has_block(message) => ("share", Purpose::Submit, Claim::default()),
        _ => return None,
    };
    Some(Request { dialect: Dialect::Nimiq, method, purpose, sure: true, claim, offer: None })
}

fn tells(message: &Message<'_>, address: &str) -> Claim {
    let text = |name| message.member(name).and_then(claim);
    let device = message.members.get("deviceId").and_then(serde_json::Value::as_u64);
    Claim {
        wallet: claim(address),
        worker: text("deviceName").or_else(|| device.map(|id| id.to_string())),
        agent: text("minerVersion").or_else(|| text("userAgent")),
        ..Claim::default()
    }
}

/// A whole block, or a header with the two proofs that it is the pool's.
fn has_block(message: &Message<'_>) -> bool {
    let long = |name, least| message.member(name).is_some_and(|text| is_base64(text, least));
    let proofs = message.cut || (long("minerAddrProof", 4) && long("extraDataProof", 4));
    long("block", BLOCK) || (long("blockHeader", BLOCK) && proofs)
}

/// A pool's answer, in order.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    let registered = asked.method == "register" && message.member("message") == Some("registered");
    registered.then(|| Reply::fitting("a pool's consent"))
}

/// A pool's message that nobody asked for.
fn push(message: &Message<'_>) -> Option<Reply> {
    let base64 = |name, least| message.member(name).is_some_and(|text| is_base64(text, least));
    let number = |name: &str| message.members.get(name).is_some_and(serde_json::Value::is_number);
    let certain = |what| Some(Reply::certain(Dialect::Nimiq, what));
    match message.member("message")? {
        "settings" => {
            let paid = message.member("address").is_some_and(is_address);
            let work = number("targetCompact") || number("target") || message.member("target").is_some();
            (paid && base64("extraData", 4) && work).then(|| certain("settings"))?
        }
        "new-block" => {
            let hashes = base64("bodyHash", HASH) && base64("accountsHash", HASH);
            (hashes && (base64("previousBlock", BLOCK) || message.cut)).then(|| certain("a block to mine"))?
        }
        _ => None,
    }
}

fn is_address(text: &str) -> bool {
    let bare: String = text.chars().filter(|character| *character != ' ').take(ADDRESS + 1).collect();
    let digits = bare.get(2..4).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let rest = bare.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    bare.len() == ADDRESS && bare.starts_with("NQ") && digits && rest
}

fn is_base64(text: &str, least: usize) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_.".contains(&byte);
    text.len() >= least && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ADDRESS: &str = "NQ07 0000 0000 0000 0000 0000 0000 0000 0000";

    fn asks(value: &Value) -> Option<Request> {
        request(&Message::of(value, false)?)
    }

    fn pushes(value: &Value) -> Option<bool> {
        push(&Message::of(value, false)?).map(|reply| reply.sure)
    }

    #[test]
    fn a_client_registers_with_its_address() {
        let register = json!({"message":"register","mode":"nano","address":ADDRESS,"deviceId":71_223,
            "deviceName":"attic","startDifficulty":2,"genesisHash":"A".repeat(44)});
        let claim = asks(&register).unwrap().claim;
        assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some(ADDRESS), Some("attic")));
        for other in [
            json!({"message":"register","mode":"nano","address":"alice@example.org"}),
            json!({"message":"register","address":ADDRESS}),
            json!({"message":"register","name":"alice"}),
            json!({"message":"share","url":"https://example.org"}),
            json!({"message":"hello"}),
        ] {
            assert!(asks(&other).is_none(), "{other}");
        }
        assert!(asks(&json!({"message":"share","block":"A".repeat(300)})).is_some());
        let smart = json!({"message":"share","blockHeader":"A".repeat(196),"minerAddrProof":"AAAA","extraDataProof":"AAAA"});
        assert!(asks(&smart).is_some());
    }

    #[test]
    fn a_pool_sends_settings_and_blocks() {
        let settings = json!({"message":"settings","address":ADDRESS,"extraData":"cG9vbA==","target":1.5e70,"targetCompact":521_142_271,"nonce":8});
        assert_eq!(pushes(&settings), Some(true));
        let hash = "B".repeat(44);
        let block = json!({"message":"new-block","bodyHash":hash,"accountsHash":hash,"previousBlock":"C".repeat(300)});
        assert_eq!(pushes(&block), Some(true));
        for other in [
            json!({"message":"settings","theme":"dark"}),
            json!({"message":"new-block","height":7}),
            json!({"message":"registered"}),
        ] {
            assert_eq!(pushes(&other), None, "{other}");
        }
    }
}
