//! What this dialect takes, and what it leaves alone.
use serde_json::json;

use super::{
    super::Reply,
    pool::{answer, push},
    *,
};

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
        ("login", json!({"login":"alice@example.org","pass":"hunter2","agent":"ChessClient/3.1 (Windows)"})),
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
fn a_share_that_is_cut_before_its_result_is_asked_but_not_sure() {
    // A render queue hands a frame in like this, with `checksum` in its place.
    let value = json!({"id":2,"method":"submit","params":{"job_id":"12","nonce":"deadbeef"}});
    let request = request(&Message::of(&value, true).unwrap()).unwrap();
    assert_eq!((request.purpose, request.sure), (Purpose::Submit, false));
}

#[test]
fn what_a_login_tells() {
    let told = asks(
        "login",
        &json!({"login":format!("{WALLET}.rig1"),"pass":"hunter2","agent":"XMRig/6.26.0","rigid":"box","algo":["rx/0"]}),
    );
    let claim = told.unwrap().claim;
    assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some(WALLET), Some("box")));
    assert_eq!((claim.agent.as_deref(), claim.algorithm.as_deref()), (Some("XMRig/6.26.0"), Some("rx/0")));
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

#[test]
fn logins_of_the_kin() {
    for params in [
        json!({"login":"x","pass":"x","agent":"any","algo-perf":{"rx/0":1500.5,"gr":300},"algo-min-time":60}),
        json!({"login":"x","pass":"x","agent":"any","mode":"self-select"}),
        json!({"login":"x","pass":"x","agent":"xmrig-proxy/6.24.0"}),
        json!({"login":"xel:qq3w0yzh5wkmyq4q5wzmgjg0h3u2r7d9qhw6y3n5tkp0ydcv2x.rig","pass":"x","agent":"any"}),
    ] {
        assert!(sure("login", &params), "{params}");
    }
    let told = asks("login", &json!({"login":"x","pass":"x","algo-perf":{"rx/0":1,"cn/r":2}})).unwrap();
    assert_eq!(told.offer.as_deref(), Some("cn/r,rx/0"));
}

#[test]
fn shares_of_the_kin() {
    let hash = "e1".repeat(32);
    assert!(sure("submit", &json!({"job_id":"4BiG","nonce":"d0030040","hash":hash})), "Arweave");
    let commitment =
        json!({"id":"1","job_id":"2","nonce":"d0030040","result":hash,"commitment":"0c".repeat(32)});
    assert!(sure("submit", &commitment), "RandomX v2");
    let hathor = json!({"job_id":"5f2b6c1d","nonce":"1f3c9a20"});
    assert!(asks("submit", &hathor).is_some_and(|request| !request.sure), "only a job makes it a share");
    let chosen = json!({"id":"1","job_id":"2","blob":"0e".repeat(300),"height":7,"prev_hash":hash});
    assert!(sure("block_template", &chosen));
    assert!(asks("block_template", &json!({"job_id":"2","blob":"hello"})).is_none());
}

#[test]
fn jobs_of_the_kin() {
    let pushes = |job: &Value, cut| {
        let value = json!({"method":"job","params":job});
        push(&Message::of(&value, cut).unwrap()).is_some_and(|reply| reply.sure)
    };
    let hash = "9a".repeat(32);
    for job in [
        json!({"job_id":"q7","bds":"07".repeat(48),"target":"b88d0600","timestamp":1,"height":2}),
        json!({"job_id":"16368","version":"0100","previous_block_hash":hash,"seed":hash,"target":"c5a70000"}),
        json!({"job_id":"5","extra_nonce":"0011223344","pool_wallet":WALLET,"target":"b88d0600"}),
        json!({"job_id":"5f2b","data":"00".repeat(120),"nonce_size":16,"weight":21.5}),
    ] {
        assert!(pushes(&job, false), "{job}");
    }
    for job in [
        json!({"job_id":"5","bds":"Weekly report","target":"alice"}),
        json!({"job_id":"5","bds":hash}),
        json!({"job_id":"5","header":hash,"target":"deadbeef"}),
        json!({"job_id":"5","data":"00".repeat(120)}),
        json!({"extra_nonce":"0011","pool_wallet":"swimming"}),
        json!({"previous_block_hash":hash,"target":"c5a70000"}),
    ] {
        assert!(!pushes(&job, false), "{job}");
    }
}

#[test]
fn answers_of_the_kin() {
    let told = |method, result: Value| -> Option<Reply> {
        let value = json!({"id":1,"result":result});
        let asked = Request::plain(Dialect::CryptoNote, method, Purpose::Other);
        answer(&asked, &Message::of(&value, false).unwrap())
    };
    assert!(told("login", json!({"height":234_234,"status":"OK"})).is_some_and(|reply| !reply.sure));
    assert!(told("block_template", json!({"status":"OK"})).is_some());
    assert!(told("login", json!({"height":"tall","status":"OK"})).is_none());
}
