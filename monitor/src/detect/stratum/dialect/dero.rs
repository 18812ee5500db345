//! `dero`: jobs and shares as JSON over WebSocket; the wallet stands in the request's path, `/ws/WALLET.WORKER`.
//!
//! Sources: derohe `rpc/daemon_rpc.go`, `cmd/dero-miner/miner.go`, `cmd/derod/rpc/websocket_getwork_server.go`.
//! There is no login and no answer to a share: its result shows in the counters of a later job.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        message::Message,
        shape::{claim, is_hex},
    },
};

/// A miniblock is 48 bytes.
const MINIBLOCK_DIGITS: usize = 96;
/// Human-readable parts of addresses, each with its separator: network and test network, plain and integrated.
const PREFIXES: [&str; 4] = ["dero1", "deto1", "deroi1", "detoi1"];
/// The shortest address: prefix, 33 bytes of key and one of version in base 32, six of checksum.
const ADDRESS_MIN: usize = 60;

/// See [`Words::marks`].
const MARKS: &[&str] = &["jobid"];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::Dero, marks: MARKS, request, answer, push };

/// The request that a path is, if any.
pub(in crate::detect::stratum) fn path(path: &str) -> Option<Request> {
    let account = path.strip_prefix("/ws/")?;
    let (wallet, worker) = account.split_once('.').unwrap_or((account, ""));
    if !is_address(wallet) {
        return None;
    }
    let told = Claim { wallet: claim(wallet), worker: claim(worker), ..Claim::default() };
    Some(asks("/ws/", Purpose::Enter, told))
}

const fn asks(method: &'static str, purpose: Purpose, claim: Claim) -> Request {
    Request { dialect: Dialect::Dero, method, purpose, sure: true, claim, offer: None }
}

fn is_address(text: &str) -> bool {
    // Bech32 (BIP 173) leaves out 1, b, i and o.
    let known = |byte: u8| {
        byte.is_ascii_lowercase() && !b"bio".contains(&byte) || byte.is_ascii_digit() && byte != b'1'
    };
    let data = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
    text.len() >= ADDRESS_MIN && data.is_some_and(|data| data.bytes().all(known))
}

/// A share.
fn request(message: &Message<'_>) -> Option<Request> {
    let blob = message.member("mbl_blob")?;
    let digits = blob.len() == MINIBLOCK_DIGITS && is_hex(blob, MINIBLOCK_DIGITS);
    (message.member("jobid").is_some() && digits).then(|| asks("mbl_blob", Purpose::Submit, Claim::default()))
}

/// The answer to the request for this path is the first job.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if asked.purpose == Purpose::Enter { push(message) } else { None }
}

/// A job.
fn push(message: &Message<'_>) -> Option<Reply> {
    let hex = |name, least| message.member(name).is_some_and(|text| is_hex(text, least));
    let number = |name: &str| message.members.get(name).is_some_and(Value::is_number);
    let blob = hex("blockhashing_blob", MINIBLOCK_DIGITS) || hex("blocktemplate_blob", 2 * MINIBLOCK_DIGITS);
    let rest = number("difficultyuint64") || message.member("difficulty").is_some() || message.cut;
    // The name sets it apart from the templates of Monero's kin, which have the blobs too.
    let job = message.member("jobid").is_some();
    (job && blob && rest).then(|| Reply::certain(Dialect::Dero, "a job"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WALLET: &str = "dero1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqgq9y3aa";

    #[test]
    fn the_path_names_the_wallet() {
        let told = path(&format!("/ws/{WALLET}.attic")).unwrap().claim;
        assert_eq!((told.wallet.as_deref(), told.worker.as_deref()), (Some(WALLET), Some("attic")));
        assert_eq!(path(&format!("/ws/{WALLET}")).unwrap().claim.worker, None);
        for other in [
            "/ws/alice",
            "/ws/",
            "/",
            "/ws/dero1qy",
            &format!("/chat/{WALLET}"),
            &format!("/ws/{}", "x".repeat(70)),
        ] {
            assert!(path(other).is_none(), "{other}");
        }
    }

    #[test]
    fn jobs_and_shares() {
        let job = |value: Value| push(&Message::of(&value, false).unwrap()).is_some();
        let blob = "41".repeat(48);
        assert!(job(json!({"jobid":"1.0.n","blocktemplate_blob":"41".repeat(100),"blockhashing_blob":blob,
            "difficulty":"9000","difficultyuint64":9000,"height":7,"miniblocks":0,"lasterror":"","status":"OK"})));
        assert!(!job(json!({"blockhashing_blob":blob,"difficulty":9,"status":"OK"})));
        assert!(!job(json!({"jobid":"7","status":"queued","difficulty":"hard"})));
        let share = |value: Value| request(&Message::of(&value, false).unwrap()).is_some();
        assert!(share(json!({"jobid":"1.0.n","mbl_blob":blob})));
        assert!(!share(json!({"jobid":"1.0.n","mbl_blob":"00"})) && !share(json!({"mbl_blob":blob})));
    }
}
