//! `cryptonote`: `login`, `job`, `submit` with object parameters.
//!
//! Sources: XMRig `Client.cpp` and `doc/STRATUM.md`, `STRATUM_EXT.md` of xmrig-proxy, p2pool
//! `stratum_server.cpp`. The words are everyday ones, so the shapes carry the proof.
use serde_json::Value;

use super::{Dialect, Purpose, Reply, Request, Words};
use crate::detect::{
    Claim,
    stratum::{
        account,
        message::Message,
        shape::{claim, is_address, is_algorithm, is_hex, is_miner_agent, pool},
    },
};

/// A hashing blob is at least 76 bytes: 39 before the nonce, 4 of nonce, 32 of tree hash, 1 of count.
const BLOB_DIGITS: usize = 2 * 76;
/// Names kept of a list of algorithms.
const OFFER_NAMES: usize = 4;

/// See [`Words::marks`].
const MARKS: &[&str] = &["\"login\"", "submit", "\"keepalived\"", "\"getjob\"", "\"blob\""];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::CryptoNote, marks: MARKS, request, answer, push };

/// A client's message.
fn request(message: &Message<'_>) -> Option<Request> {
    if !message.params?.is_object() {
        return None;
    }
    let session = message.text("id").is_some();
    let (method, purpose, fits, sure) = match message.method? {
        "login" => ("login", Purpose::Enter, logs_in(message), is_miner_login(message)),
        "submit" => ("submit", Purpose::Submit, submits(message), submits(message)),
        "keepalived" => ("keepalived", Purpose::Other, session, false),
        "getjob" => ("getjob", Purpose::Work, session, false),
        _ => return None,
    };
    let (claim, offer) = if method == "login" { tells(message) } else { Default::default() };
    fits.then_some(Request { dialect: Dialect::CryptoNote, method, purpose, sure, claim, offer })
}

/// Any login that has this dialect's names; only a pool's answer makes it one.
fn logs_in(message: &Message<'_>) -> bool {
    message.text("login").is_some()
        && (message.text("pass").is_some() || message.cut || is_miner_login(message))
}

/// A login that no other system sends: as an address, or offering a miner's algorithms or software.
fn is_miner_login(message: &Message<'_>) -> bool {
    let Some(login) = message.text("login") else { return false };
    let with = |name| message.text(name).is_some();
    let wallet = login.split(['.', '+', '/']).next().unwrap_or_default();
    let companions = with("pass") || with("agent") || with("rigid") || message.cut;
    let offers = algorithms(message).any(is_algorithm);
    companions && (is_address(wallet) || offers || message.text("agent").is_some_and(is_miner_agent))
}

fn submits(message: &Message<'_>) -> bool {
    let hex = |name, least| message.text(name).is_some_and(|text| is_hex(text, least));
    let job = message.params.and_then(|params| params.get("job_id")).is_some();
    let result = hex("result", 64) || (message.cut && message.text("result").is_none());
    (job || message.cut) && hex("nonce", 8) && result
}

fn algorithms<'a>(message: &Message<'a>) -> impl Iterator<Item = &'a str> {
    let algo = message.params.and_then(|params| params.get("algo"));
    let list = algo.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().chain(algo).filter_map(Value::as_str)
}

/// `pass` is not looked at.
fn tells(message: &Message<'_>) -> (Claim, Option<String>) {
    let mut told = Claim::default();
    if let Some(login) = message.text("login") {
        account::split(login, &mut told);
    }
    told.worker = message.text("rigid").and_then(claim).or(told.worker);
    told.agent = message.text("agent").and_then(claim);
    told.pool = message.text("url").and_then(|url| pool(url, None));
    told.coin = message.text("coin").and_then(claim);
    let names: Vec<&str> = algorithms(message).take(OFFER_NAMES).collect();
    if let [name] = names.as_slice() {
        told.algorithm = claim(name);
    }
    let offer = (names.len() > 1).then(|| claim(&names.join(","))).flatten();
    (told, offer)
}

/// A pool's answer to `asked`.
fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if let Some(reply) = welcome(message) {
        return Some(reply);
    }
    let result = message.result?;
    let status = result.get("status").and_then(Value::as_str);
    let what = match (asked.method, status) {
        ("login", Some("OK")) if result.get("job").is_some_and(has_job_members) => "a job",
        ("getjob", _) if has_job_members(result) => "a job",
        ("submit", Some("OK")) => "an accepted share",
        ("submit", _) if result == &Value::Bool(true) => "an accepted share",
        ("keepalived", Some("KEEPALIVED")) => "a pool's consent",
        _ => return None,
    };
    Some(Reply::fitting(what))
}

/// The members without which no miner can work.
fn has_job_members(job: &Value) -> bool {
    ["blob", "job_id", "target"].iter().all(|name| job.get(name).is_some())
}

/// A login's answer, with a whole job in it.
fn welcome(message: &Message<'_>) -> Option<Reply> {
    let result = message.result?;
    let job = result.get("job")?;
    (is_job(job, message.cut)).then(|| with_claim(job))
}

/// A job, sent unasked or as the answer to a login or to `getjob`.
fn push(message: &Message<'_>) -> Option<Reply> {
    match message.method {
        None => welcome(message).or_else(|| {
            let result = message.result?;
            is_job(result, message.cut).then(|| with_claim(result))
        }),
        Some("job") => {
            let job = message.params?;
            is_job(job, message.cut).then(|| with_claim(job))
        }
        _ => None,
    }
}

fn is_job(job: &Value, cut: bool) -> bool {
    let hex = |name, least| job.get(name).and_then(Value::as_str).is_some_and(|text| is_hex(text, least));
    let named = job.get("job_id").is_some_and(|id| id.is_string() || id.is_number());
    hex("blob", BLOB_DIGITS) && (cut || (named && hex("target", 4)))
}

fn with_claim(job: &Value) -> Reply {
    let text = |name| job.get(name).and_then(Value::as_str).and_then(claim);
    let told = Claim { algorithm: text("algo"), coin: text("coin"), ..Claim::default() };
    Reply { claim: told, ..Reply::certain(Dialect::CryptoNote, "a job") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WALLET: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";

    fn asks(method: &str, params: &Value) -> Option<Request> {
        let value = json!({"id":1,"jsonrpc":"2.0","method":method,"params":params});
        let message = Message::of(&value, false)?;
        request(&message)
    }

    fn sure(method: &str, params: &Value) -> bool {
        asks(method, params).is_some_and(|request| request.sure)
    }

    #[test]
    fn miners_log_in_as_miners_do() {
        assert!(sure("login", &json!({"login":WALLET,"pass":"x"})));
        assert!(sure("login", &json!({"login":format!("{WALLET}.50000.rig"),"pass":"x","agent":"a"})));
        assert!(sure("login", &json!({"login":"x","pass":"x","agent":"any","algo":["cn/r","rx/0"]})));
        assert!(sure(
            "login",
            &json!({"login":"me@example.org","pass":"x","agent":"XMRig/6.26.0 (Linux x86_64)"})
        ));
        let submit = json!({"id":"1","job_id":"2","nonce":"d0030040","result":"e1".repeat(32)});
        assert!(sure("submit", &submit));
    }

    #[test]
    fn others_log_in_too() {
        for (method, params) in [
            ("login", json!({"user":"alice","token":"eyJhbGciOiJIUzI1NiJ9.e30.x"})),
            (
                "login",
                json!({"login":"alice@example.org","pass":"hunter2","agent":"ChessClient/3.1 (Windows)"}),
            ),
            ("login", json!({"username":"root","hash":"1ee5d4a0a2d1c3f0b1b7f9f7c9ad1c27"})),
            ("login", json!(["youruser", "somepassword"])),
            ("login", json!({"login":WALLET})),
            ("submit", json!({"queue":"render","job":{"name":"frame-12"}})),
            ("submit", json!({"id":"1","job_id":"2","nonce":"d0030040","result":"ok"})),
            ("keepalived", json!({"id":"1"})),
            ("getjob", json!({"id":"1"})),
        ] {
            assert!(!sure(method, &params), "{method} {params}");
        }
    }

    #[test]
    fn what_a_login_tells() {
        let told = asks(
            "login",
            &json!({"login":format!("{WALLET}.rig1"),"pass":"hunter2","agent":"XMRig/6.26.0","rigid":"box","algo":["rx/0"]}),
        );
        let claim = told.unwrap().claim;
        assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some(WALLET), Some("box")));
        assert_eq!(
            (claim.agent.as_deref(), claim.algorithm.as_deref()),
            (Some("XMRig/6.26.0"), Some("rx/0"))
        );
        let url = "stratum+ssl://u:hunter2@donate.ssl.xmrig.com:443";
        let told =
            asks("login", &json!({"login":WALLET,"pass":"x","url":url,"algo":["rx/0","cn/r","a","b","c"]}));
        let told = told.unwrap();
        assert_eq!(told.claim.pool.as_deref(), Some("donate.ssl.xmrig.com:443"));
        assert_eq!((told.claim.algorithm, told.offer.as_deref()), (None, Some("rx/0,cn/r,a,b")));
    }

    #[test]
    fn a_job_has_a_blob() {
        let pushes = |value: Value, cut| push(&Message::of(&value, cut).unwrap()).is_some();
        let job = json!({"blob":"07".repeat(76),"job_id":"q","target":"b88d0600","algo":"rx/0"});
        assert!(pushes(json!({"method":"job","params":job}), false));
        assert!(pushes(json!({"id":1,"result":{"id":"1","job":job,"status":"OK"}}), false));
        assert!(pushes(json!({"id":1,"result":job}), false));
        assert!(!pushes(json!({"method":"job","params":{"job_id":"c1d2","state":"running"}}), false));
        let short = json!({"blob":"07".repeat(75),"job_id":"q","target":"b88d0600"});
        assert!(!pushes(json!({"method":"job","params":short}), false));
        let torn = json!({"blob":"07".repeat(80)});
        assert!(
            pushes(json!({"method":"job","params":torn}), true)
                && !pushes(json!({"method":"job","params":torn}), false)
        );
        assert!(!pushes(json!({"id":2,"result":{"status":"OK"}}), false));
    }

    #[test]
    fn answers_fit_their_requests() {
        let fits = |method, result: Value| {
            let value = json!({"id":1,"result":result,"error":null});
            let asked = Request::plain(Dialect::CryptoNote, method, Purpose::Other);
            Message::of(&value, false).is_some_and(|message| answer(&asked, &message).is_some())
        };
        assert!(fits(
            "login",
            json!({"id":"...","job":{"blob":"...","job_id":"...","target":"..."},"status":"OK"})
        ));
        assert!(fits("submit", json!({"status":"OK"})) && fits("keepalived", json!({"status":"KEEPALIVED"})));
        assert!(!fits("login", json!({"id":"771","status":"OK"})));
        assert!(!fits("submit", json!({"job_id":"c1d2","status":"queued"})));
        assert!(!fits("login", json!(true)) && !fits("keepalived", json!({"status":"OK"})));
    }
}
