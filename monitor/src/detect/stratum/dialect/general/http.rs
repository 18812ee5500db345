//! A miner's calls over HTTP: work is asked of a node, or handed in there.
//!
//! Owns what tells a miner from a node's other users, who make such calls too. Must not know lines.
use serde_json::Value;

use super::{
    body,
    values::{Group, is_hash},
    words::Topics,
};
use crate::detect::{
    Claim,
    stratum::{
        carrier::Facts,
        dialect::{Dialect, Purpose, Reply, Request},
        message::Message,
        shape::is_hex,
    },
};

/// What one who builds blocks says that it can do. Source: BIP 22 and 23.
const ABILITIES: [&str; 5] = ["coinbase/append", "coinbasetxn", "coinbasevalue", "longpoll", "workid"];
/// A header: no work is smaller.
const HEADER_DIGITS: usize = 160;

/// A call for work, or one that hands some in, of what calls itself a miner or asks as only miners do.
pub(super) fn request(topics: Topics, facts: &Facts, message: &Message<'_>) -> Option<Request> {
    if message.method.is_none() || message.logged {
        return None;
    }
    let purpose = match topics {
        Topics { submit: true, .. } | Topics { share: true, .. } => Purpose::Submit,
        Topics { work: true, .. } => Purpose::Work,
        _ => return None,
    };
    let builds = purpose == Purpose::Work && is_builders(body(message));
    if facts.is_by_hand() || !(facts.is_miners() || builds) {
        return None;
    }
    let mut claim = Claim::default();
    facts.tell(&mut claim);
    let method = if purpose == Purpose::Work { "a call for work" } else { "work" };
    Some(Request { dialect: Dialect::Stratum, method, purpose, sure: true, claim, offer: None })
}

/// Abilities, or the wallet that a block shall pay and room for a nonce in it; in the parameters or one level down.
fn is_builders(group: Group<'_>) -> bool {
    std::iter::once(group).chain(group.inner()).any(|group| {
        let Group::Object(members) = group else { return false };
        let able = |list: &Vec<Value>| {
            list.iter().filter_map(Value::as_str).any(|ability| ABILITIES.contains(&ability))
        };
        let room = ["extra_nonce", "reserve_size"].iter().any(|name| members.contains_key(*name));
        members.values().filter_map(Value::as_array).any(able) || (room && group.wallet().is_some())
    })
}

/// The answer to such a call: a header and a target, or that work was taken.
pub(super) fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if asked.dialect != Dialect::Stratum {
        return None;
    }
    let result = message.result?;
    match asked.purpose {
        Purpose::Work => is_work(result).then(|| Reply::fitting("work")),
        Purpose::Submit => (result == &Value::Bool(true)).then(|| Reply::fitting("an accepted share")),
        _ => None,
    }
}

fn is_work(result: &Value) -> bool {
    let texts = || match result {
        Value::Object(members) => members.values().filter_map(Value::as_str).collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts().into_iter().any(|text| is_hash(text) || is_hex(text, HEADER_DIGITS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::topics, *};
    use crate::detect::stratum::carrier::Carrier;

    /// Of a call over HTTP with these fields in its head.
    fn asks(fields: &[(&str, &str)], method: &str, params: &Value) -> Option<Request> {
        let mut facts = Facts::start(b"POST / HTTP/1.1").unwrap();
        fields.iter().for_each(|(name, value)| facts.field(name, value));
        let value = json!({"id":1,"method":method,"params":params});
        let message = Message::of(&value, false).unwrap().carried_by(Carrier::Http(&facts));
        request(topics(&message)?, &facts, &message)
    }

    #[test]
    fn miners_call_for_work() {
        for (fields, method, params) in [
            (&[("User-Agent", "cgminer 3.7.2")][..], "getwork", json!([])),
            (&[("X-Mining-Extensions", "midstate")], "fetchWork", json!([])),
            (&[("User-Agent", "fooMiner/2")], "foo_submitWork", json!(["00"])),
            (&[], "getworktemplate", json!([{"capabilities":["coinbasetxn"]}])),
        ] {
            assert!(asks(fields, method, &params).is_some_and(|request| request.sure), "{method}");
        }
    }

    #[test]
    fn others_call_too() {
        for (fields, method, params) in [
            (&[][..], "getblocktemplate", json!([{"rules":["segwit"]}])),
            (&[("User-Agent", "curl/8.0")], "getblocktemplate", json!([{"capabilities":["coinbasetxn"]}])),
            (&[("User-Agent", "cgminer 3.7.2")], "getblockcount", json!([])),
            (&[], "eth_getWork", json!([])),
            (&[], "submitJob", json!({"queue":"render"})),
        ] {
            assert!(asks(fields, method, &params).is_none(), "{method}");
        }
    }
}
