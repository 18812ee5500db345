//! `grin`: `cryptonote`'s words with Cuckoo cycles, for Grin and its kin (MWC, Epic).
//!
//! Sources: mimblewimble/grin `doc/stratum.md`, nicehash/Specifications `Grin_NiceHash_v1.0.txt`, epic-miner.
//! Ids are strings, answers echo the method. A login is the parent's unless its software says whose it is, so a
//! session may turn out to be this one only by its first job.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words, cryptonote};
use crate::detect::{
    Claim,
    stratum::{
        message::Message,
        shape::{claim, is_hex},
    },
};

/// A header without its proof is 238 bytes in Grin; kin have more.
const PRE_POW_DIGITS: usize = 2 * 200;
/// Enough of a header that the capture limit cut.
const CUT_DIGITS: usize = 64;
/// A cycle has 42 edges, in every member of the family.
const EDGES: usize = 42;
/// Software that speaks nothing else.
const AGENTS: [&str; 3] = ["epic-miner", "grin", "mwc"];
/// Epic's proofs say which of its three algorithms they are of.
const PROOFS: [&str; 3] = ["Cuckoo", "ProgPow", "RandomX"];
/// What a status counts.
const COUNTS: [&str; 5] = ["accepted", "difficulty", "height", "rejected", "stale"];

/// See [`Words::marks`].
const MARKS: &[&str] = &["login", "getjobtemplate", "submit", "pre_pow", "accepted"];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::Grin, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    let ours = |method, purpose, sure| Request {
        dialect: Dialect::Grin,
        method,
        purpose,
        sure,
        claim: Claim::default(),
        offer: None,
    };
    match message.method? {
        "login" => {
            let agent = message.text("agent")?.to_ascii_lowercase();
            let known = AGENTS.iter().any(|name| agent.starts_with(name));
            let request = known.then(|| cryptonote::request(message)).flatten()?;
            Some(Request { dialect: Dialect::Grin, ..request })
        }
        "getjobtemplate" => message.list().is_none().then(|| ours("getjobtemplate", Purpose::Work, false)),
        "submit" => submits(message).then(|| ours("submit", Purpose::Submit, true)),
        _ => None,
    }
}

/// A job, a nonce as a number, and a cycle.
fn submits(message: &Message<'_>) -> bool {
    let Some(params) = message.params else { return false };
    let number = |name| params.get(name).is_some_and(Value::is_u64);
    let cycle = match params.get("pow") {
        Some(Value::Array(edges)) => {
            edges.iter().all(Value::is_u64) && (edges.len() == EDGES || message.cut && edges.len() < EDGES)
        }
        Some(Value::Object(proof)) => proof.keys().any(|name| PROOFS.contains(&name.as_str())),
        _ => false,
    };
    cycle && number("job_id") && number("nonce") && (number("height") || number("edge_bits"))
}

/// A pool's answer to `asked`.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    let told = message.result?;
    let found = |text: &str| text == "ok" || text.starts_with("blockfound");
    let what = match (asked.method, told) {
        ("getjobtemplate", _) => return work(told, message.cut),
        ("submit", Value::String(text)) if found(text) => "an accepted share",
        ("login", Value::String(text)) if text == "ok" => "a pool's consent",
        _ => return None,
    };
    Some(Reply::fitting(what))
}

/// A job, sent unasked or asked for, and what a miner is told of its shares.
fn push(message: &Message<'_>) -> Option<Reply> {
    match (message.method, message.result) {
        (Some("job"), None) => work(message.params?, message.cut),
        (Some("getjobtemplate"), Some(result)) => work(result, message.cut),
        (Some("status"), Some(result)) => {
            let counts = COUNTS.iter().all(|name| result.get(name).is_some_and(Value::is_u64));
            counts.then(|| Reply::certain(Dialect::Grin, "a count of shares"))
        }
        _ => None,
    }
}

/// `{difficulty, height, job_id, pre_pow}`; in Epic, which has several, also the algorithm.
fn work(job: &Value, cut: bool) -> Option<Reply> {
    let text = |name| job.get(name).and_then(Value::as_str);
    let least = if cut { CUT_DIGITS } else { PRE_POW_DIGITS };
    let numbered = job.get("job_id").is_some_and(|id| id.is_u64() || id.is_string());
    let shaped = text("pre_pow").is_some_and(|header| is_hex(header, least)) && (numbered || cut);
    let told = Claim { algorithm: text("algorithm").and_then(claim), ..Claim::default() };
    shaped.then(|| Reply { claim: told, ..Reply::certain(Dialect::Grin, "a job") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(method: &str, params: &Value, cut: bool) -> Option<Request> {
        let value = json!({"id":"1","jsonrpc":"2.0","method":method,"params":params});
        let message = Message::of(&value, cut)?;
        request(&message)
    }

    fn cycle(edges: u64) -> Vec<u64> {
        (0..edges).map(|edge| 4_210_040 + edge * 9_000_001).collect()
    }

    #[test]
    fn shares_hold_a_cycle() {
        let share =
            |pow: Value| json!({"edge_bits":32,"height":16_419,"job_id":0,"nonce":u64::MAX,"pow":pow});
        let sure = |pow: Value, cut| asks("submit", &share(pow), cut).is_some_and(|request| request.sure);
        assert!(sure(json!(cycle(42)), false) && sure(json!(cycle(30)), true));
        assert!(sure(json!({"RandomX": cycle(32)}), false));
        assert!(
            !sure(json!(cycle(30)), false)
                && !sure(json!(vec!["a"; 42]), false)
                && !sure(json!({"a":1}), false)
        );
        let nameless = json!({"height":1,"pow":cycle(42)});
        assert!(asks("submit", &nameless, false).is_none());
    }

    #[test]
    fn a_login_is_ours_by_its_software() {
        let login = |agent: &str| {
            let params = json!({"login":"me@example.org","pass":"hunter2","agent":agent});
            asks("login", &params, false).map(|request| (request.dialect, request.sure))
        };
        assert_eq!(login("grin-miner"), Some((Dialect::Grin, true)));
        assert_eq!(login("mwc-miner"), Some((Dialect::Grin, true)));
        assert_eq!(login("XMRig/6"), None);
        assert_eq!(
            login("GrindrClient/1").map(|told| told.1),
            Some(false),
            "only a pool's answer makes it one"
        );
    }

    #[test]
    fn asking_for_a_job_proves_nothing() {
        assert!(asks("getjobtemplate", &json!(null), false).is_some_and(|request| !request.sure));
        assert!(asks("getjobtemplate", &json!(["jobs"]), false).is_none());
        assert!(
            asks("status", &json!(null), false).is_none() && asks("keepalive", &json!(null), false).is_none()
        );
    }

    #[test]
    fn pools_are_told_by_a_header() {
        let pushes = |value: Value, cut| push(&Message::of(&value, cut).unwrap());
        let work = json!({"difficulty":1,"height":16_375,"job_id":5,"pre_pow":"0001".repeat(119)});
        assert!(pushes(json!({"id":"Stratum","method":"job","params":work}), false).is_some());
        assert!(pushes(json!({"id":"2","method":"getjobtemplate","result":work}), false).is_some());
        let torn = json!({"difficulty":1,"job_id":5,"pre_pow":"0001".repeat(20)});
        assert!(pushes(json!({"method":"job","params":torn}), true).is_some());
        assert!(pushes(json!({"method":"job","params":torn}), false).is_none());
        let epic = json!({"difficulty":[["cuckoo",1]],"job_id":5,"algorithm":"progpow","pre_pow":"0001".repeat(119)});
        let told = pushes(json!({"method":"job","params":epic}), false).unwrap().claim.algorithm;
        assert_eq!(told.as_deref(), Some("progpow"));
        let counts = json!({"id":"5","height":13_726,"difficulty":1,"accepted":3,"rejected":0,"stale":0});
        assert!(pushes(json!({"id":"5","method":"status","result":counts}), false).is_some());
        assert!(
            pushes(json!({"id":"5","method":"status","result":{"accepted":1,"rejected":0}}), false).is_none()
        );
        assert!(pushes(json!({"method":"job","params":{"job_id":5,"state":"running"}}), false).is_none());
    }

    #[test]
    fn answers_fit_their_requests() {
        let fits = |method, result: Value| {
            let value = json!({"id":"1","method":method,"result":result,"error":null});
            let asked = Request::plain(Dialect::Grin, method, Purpose::Other);
            answer(&asked, &Message::of(&value, false).unwrap()).is_some()
        };
        assert!(fits("login", json!("ok")) && fits("submit", json!("ok")));
        assert!(fits("submit", json!(format!("blockfound - {}", "23".repeat(32)))));
        assert!(
            !fits("login", json!("welcome"))
                && !fits("submit", json!("queued"))
                && !fits("status", json!("ok"))
        );
        assert!(!fits("getjobtemplate", json!("ok")));
    }
}
