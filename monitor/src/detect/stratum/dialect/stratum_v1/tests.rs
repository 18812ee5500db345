//! What this dialect takes, and what it leaves alone.
use serde_json::json;

use super::{
    pool::{answer, push},
    *,
};

fn asks(value: &Value) -> Option<Request> {
    let message = Message::of(value, false)?;
    request(&message)
}

fn sure(method: &str, params: &Value) -> bool {
    asks(&json!({"id":1,"method":method,"params":params})).is_some_and(|request| request.sure)
}

#[test]
fn clients_are_told_by_word_and_shape() {
    for (method, params) in [
        ("mining.subscribe", json!([])),
        ("mining.subscribe", json!(["cpuminer/2.5.1", "session"])),
        ("mining.subscribe", json!(["EWBF 0.3.4b", null, "eu1-zcash.flypool.org", "3333"])),
        ("mining.authorize", json!(["user.worker", "x"])),
        ("mining.submit", json!(["user", "2", "00000000", "538448e7", "f4ec1300"])),
        ("mining.submit", json!(["user", "abc123", "0011223344556677"])),
        ("mining.configure", json!([["version-rolling"], {"version-rolling.mask":"ffffffff"}])),
        ("mining.extranonce.subscribe", json!([])),
        ("mining.suggest_difficulty", json!([512])),
    ] {
        assert!(sure(method, &params), "{method} {params}");
    }
}

#[test]
fn a_word_alone_does_not_suffice() {
    for (method, params) in [
        ("mining.subscribe", json!({"topic":"x"})),
        ("mining.subscribe", json!([{"topic":"x"}])),
        ("mining.subscribe", json!(null)),
        ("mining.authorize", json!([])),
        ("mining.authorize", json!([1, 2])),
        ("mining.submit", json!(["dig", "site", "north"])),
        ("mining.submit", json!({"ore":"iron"})),
        ("mining.configure", json!(["drill"])),
        ("mining.suggest_difficulty", json!(["hard"])),
        ("subscribe", json!(["jobs"])),
        ("mining.stats", json!([])),
    ] {
        assert!(!sure(method, &params), "{method} {params}");
    }
    assert!(!asks(&json!({"method":"mining.subscribe","params":[]})).unwrap().sure, "no id");
}

#[test]
fn what_a_client_tells() {
    let told =
        asks(&json!({"id":1,"method":"mining.subscribe","params":["GMiner/2.09",null,"a.b.com","4505"]}));
    let claim = told.unwrap().claim;
    assert_eq!((claim.agent.as_deref(), claim.pool.as_deref()), (Some("GMiner/2.09"), Some("a.b.com:4505")));
    let told = asks(&json!({"id":2,"method":"mining.authorize","params":["tb1q.rig", "hunter2"]}));
    let claim = told.unwrap().claim;
    assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some("tb1q"), Some("rig")));
    assert!(!format!("{claim:?}").contains("hunter2"));
    let nicehash =
        json!(["NiceHash/1.0.0", "1662637786319", "3e747837e632920e8cd11453c2558233e3822489a20d828fdf"]);
    let told = asks(&json!({"id":1,"method":"mining.subscribe","params":nicehash}));
    assert_eq!(told.unwrap().claim.pool, None);
}

#[test]
fn pools_are_told_by_word_and_shape() {
    let hash = "81b4baf5d132e05b36408e62c2d294177236530d81164222d6fc0b720d2b1480";
    let pushes = |method: &str, params: Value| {
        let value = json!({"id":null,"method":method,"params":params});
        push(&Message::of(&value, false).unwrap()).is_some_and(|reply| reply.sure)
    };
    assert!(pushes(
        "mining.notify",
        json!(["2", hash, "01", "0d", [], "00000002", "1d017064", "538448e7", true])
    ));
    assert!(pushes("mining.notify", json!(["0", [1_u64, 2, 3, u64::MAX], 1_700_000_000])));
    assert!(pushes("mining.set_difficulty", json!([0.5])));
    assert!(pushes("mining.set_extranonce", json!(["08002c", 4])));
    assert!(pushes("mining.set_version_mask", json!(["1fffe000"])));
    assert!(!pushes("mining.notify", json!(["4f", "deadbeef", "", true])));
    assert!(!pushes("mining.notify", json!(["site 4", "collapsed"])));
    assert!(!pushes("mining.set_difficulty", json!(["hard"])));
    assert!(!pushes("notify", json!(["job-81", hash, true])));
    let result = json!([[["mining.set_difficulty", "b4"], ["mining.notify", "ae"]], "08000002", 4]);
    let value = json!({"id":1,"result":result,"error":null});
    assert!(push(&Message::of(&value, false).unwrap()).is_some());
    let value = json!({"id":1,"result":[null, "64290b"],"error":null});
    assert!(push(&Message::of(&value, false).unwrap()).is_none());
}

#[test]
fn answers_fit_their_requests() {
    let fits = |method, purpose, result: Value| {
        let value = json!({"id":1,"result":result,"error":null});
        let asked = Request::plain(Dialect::StratumV1, method, purpose);
        Message::of(&value, false).is_some_and(|message| answer(&asked, &message).is_some())
    };
    assert!(fits("mining.subscribe", Purpose::Enter, json!([null, "64290b"])));
    assert!(fits("mining.subscribe", Purpose::Enter, json!([true, "EthereumStratum/1.0.0"])));
    assert!(fits("mining.subscribe", Purpose::Enter, json!("true")));
    assert!(fits("mining.authorize", Purpose::Enter, json!(true)));
    assert!(fits("mining.configure", Purpose::Other, json!({"version-rolling":true})));
    assert!(fits("mining.submit", Purpose::Submit, json!({"status":"OK"})));
    assert!(!fits("mining.subscribe", Purpose::Enter, json!({"subscription":1})));
    assert!(!fits("mining.subscribe", Purpose::Enter, json!([])));
    assert!(!fits("mining.authorize", Purpose::Enter, json!("65e60c5a93b2f2c0")));
    assert!(!fits("mining.submit", Purpose::Submit, json!(false)));
    assert!(!fits("mining.configure", Purpose::Other, json!(true)));
}

const HASH: &str = "81b4baf5d132e05b36408e62c2d294177236530d81164222d6fc0b720d2b1480";

fn pushes(method: &str, params: &Value) -> Option<bool> {
    let value = json!({"id":null,"method":method,"params":params});
    push(&Message::of(&value, false).unwrap()).map(|reply| reply.sure)
}

#[test]
fn clients_of_the_relatives() {
    let hashed = |word: &str| format!("0x{}", word.repeat(8));
    for (method, params) in [
        ("mining.hello", json!(["m/1", "AlephiumStratum/1.0.0"])),
        ("mining.auth", json!(["user.rig", "x"])),
        ("mining.subscribe", json!(["m/1", "AleoStratum/1.0.0", null])),
        ("mining.subscribe", json!(["NiceHash/1.0.0", "1662637786319", HASH])),
        (
            "mining.submit",
            json!({"jobId":"0a3f","fromGroup":1,"toGroup":2,"nonce":"515a".repeat(12),"worker":"w"}),
        ),
        ("mining.submit", json!(["u.rig", "1f", hashed("1f"), HASH, HASH])),
        ("mining.submit", json!(["u.rig", "d70fd222", "98b6", vec!["00003e2a"; 42]])),
        ("mining.submit", json!(["u", "d7", "98b6", vec![4_210_040; 42]])),
        ("mining.submit", json!(["u", "6af", "00000000", "5e0c3a11", "00000000d7a1", "0".repeat(64)])),
        ("mining.configure", json!([["subscribe-extranonce"], {}])),
        (
            "mining.configure",
            json!([["info"], {"info.hw-version":"s9","info.connection-url":"stratum+tcp://a.b"}]),
        ),
        ("mining.suggest_target", json!([HASH])),
        ("alph_submitHashrate", json!(["0x1dcd6500", "w"])),
        ("mining.subscribe", json!({"address":"fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW","mine_txs":false})),
    ] {
        assert!(sure(method, &params), "{method} {params}");
    }
}

#[test]
fn words_of_the_relatives_alone_do_not_suffice() {
    for (method, params) in [
        ("mining.hello", json!(["hello", "world"])),
        ("mining.hello", json!(["Strata/1", "see Stratum/notes"])),
        ("mining.submit", json!({"ore":"iron","nonce":"515a".repeat(12)})),
        ("mining.submit", json!({"jobId":"7","nonce":"later"})),
        ("mining.submit", json!(["dig", "site", ["a", "b"]])),
        ("mining.multi_version", json!([1])),
        ("mining.hashrate", json!([1000])),
        ("mining.capabilities", json!([{"notify":[]}])),
        ("alph_submitHashrate", json!(["fast", "w"])),
    ] {
        assert!(!sure(method, &params), "{method} {params}");
    }
}

#[test]
fn only_xelis_names_its_worker_behind_the_address() {
    let worker = |params: Value| {
        let told = asks(&json!({"id":2,"method":"mining.authorize","params":params})).unwrap();
        told.claim.worker
    };
    assert_eq!(worker(json!(["xel:qq3w0yzh5wkmyq4q5wz", "attic", "hunter2"])).as_deref(), Some("attic"));
    assert_eq!(worker(json!(["user", "hunter2", "m/1"])), None);
    assert_eq!(worker(json!(["xel:qq3w0yzh5wkmyq4q5wz", "hunter2"])), None);
}

#[test]
fn jobs_of_the_relatives() {
    let blob = "07".repeat(100);
    let chain =
        json!({"jobId":"0a","fromGroup":0,"toGroup":1,"headerBlob":blob,"txsBlob":"","targetBlob":"1d"});
    let aleo = format!("ab1{}", "q2w3e4r5t6".repeat(6).get(..58).unwrap());
    for job in [
        json!([chain, chain]),
        json!(["1f", HASH, HASH, HASH, true, 1_219_736, "1b00c4ef"]),
        json!(["1f", format!("{HASH}0102030405060708")]),
        json!(["00000000", "2302785", format!("0x{HASH}"), "0x55e63b88"]),
        json!(["12", 834_100, HASH, "", "", 3, "28948022309329048855892746252171976963", "", true]),
        json!(["6a", HASH, HASH, HASH, HASH, HASH, HASH, "00000000", "1a00ffff", "5e0c3a11", HASH, true]),
        json!(["1611", HASH, 1, HASH, true]),
        json!(["7", aleo, null, true]),
        json!(["abc", "19726d97f49", HASH, "xel/0", true]),
    ] {
        assert_eq!(pushes("mining.notify", &job), Some(true), "{job}");
    }
    for other in [
        json!([{"jobId":"7","title":"paint the shed"}]),
        json!([{"note":HASH}]),
        json!([chain, "and more"]),
        json!(["7", "ab1 and so on", true]),
        json!(["7", [1, 2, 3], 4]),
        json!([]),
    ] {
        assert_eq!(pushes("mining.notify", &other), None, "{other}");
    }
}

#[test]
fn what_else_pools_send() {
    assert_eq!(pushes("mining.set_difficulty", &json!(["0.25"])), Some(true));
    assert_eq!(pushes("mining.set_target", &json!([1_234])), Some(true), "Aleo");
    assert_eq!(pushes("set_extranonce", &json!(["0029", 6])), Some(true), "kHeavyHash");
    for (method, params) in [
        ("set_extranonce", json!(["0029"])),
        ("client.reconnect", json!(["eu.pool.example", 3333, 5])),
        ("client.reconnect", json!([])),
        ("client.show_message", json!(["maintenance at noon"])),
        ("mining.print", json!([0, "your address is not valid"])),
        ("mining.set_goal", json!(["sha256d", {"malgo":"SHA256d"}])),
    ] {
        assert_eq!(pushes(method, &params), Some(false), "{method} {params}");
    }
    for (method, params) in [
        ("mining.set_difficulty", json!(["nan"])),
        ("mining.set_target", json!(["north"])),
        ("client.reconnect", json!(["what?", []])),
        ("client.show_message", json!([1])),
        ("client.get_version", json!([])),
        ("mining.ping", json!([])),
        ("mining.pong", json!([])),
    ] {
        assert_eq!(pushes(method, &params), None, "{method} {params}");
    }
}

#[test]
fn answers_of_the_relatives() {
    let fits = |method, result: Value| {
        let value = json!({"id":1,"result":result,"error":null});
        let asked = Request::plain(Dialect::StratumV1, method, Purpose::Enter);
        Message::of(&value, false).is_some_and(|message| answer(&asked, &message).is_some())
    };
    assert!(fits("mining.subscribe", json!("result")), "Alephium");
    assert!(fits("mining.subscribe", json!([null, "a331", 6])), "Kadena");
    assert!(fits("mining.subscribe", json!(["ABC123", "0".repeat(60), 32, HASH])), "Xelis");
    assert!(fits("mining.subscribe", json!(true)), "Conflux");
    assert!(fits("mining.hello", json!(["AlephiumStratum/1.0.0", false, "b4", "5", "node/3"])));
    assert!(!fits("mining.hello", json!(["hello"])) && !fits("mining.subscribe", json!("welcome")));
}

#[test]
fn accounts_stand_in_several_places() {
    let told = |method: &str, params: Value| {
        let claim = asks(&json!({"id":2,"method":method,"params":params})).unwrap().claim;
        (claim.wallet, claim.worker, claim.agent)
    };
    let address = "fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW".to_owned();
    let account = format!("{address}.attic");
    let want = (Some(address.clone()), Some("attic".to_owned()), None);
    assert_eq!(told("mining.subscribe", json!([account, "hunter2"])), want, "Conflux");
    assert_eq!(told("mining.subscribe", json!({"address":address})), (Some(address), None, None), "Hathor");
    let share = json!({"jobId":"0a3f","nonce":"515a".repeat(12),"worker":account});
    assert_eq!(told("mining.submit", share), want, "Alephium");
    assert_eq!(told("mining.submit", json!(["9d01", "68765fccd712", "w-7"])), (None, None, None), "EIP 1571");
}

#[test]
fn neptune_answers_with_jobs_that_nobody_asked_for() {
    let pushes = |job: Value| {
        let value = json!({"id":0,"jsonrpc":"2.0","result":{"id":0,"job":job}});
        push(&Message::of(&value, false).unwrap()).is_some_and(|reply| reply.sure)
    };
    let digest = "15".repeat(40);
    assert!(pushes(json!({"id":"job_1","threshold":digest,"parent_digest":digest,"paths":{}})));
    assert!(!pushes(json!({"id":"job_1","threshold":"0.7","parent_digest":digest})));
    assert!(!pushes(json!({"blob":"07".repeat(76),"job_id":"q","target":"b88d0600"})), "another dialect's");
}

#[test]
fn shares_are_accepted_in_several_words() {
    let fits = |result: Value| {
        let value = json!({"id":1,"result":result,"error":null});
        let asked = Request::plain(Dialect::StratumV1, "mining.submit", Purpose::Submit);
        answer(&asked, &Message::of(&value, false).unwrap()).is_some()
    };
    assert!(fits(json!(["true"])) && fits(json!([true])) && fits(json!("ok")));
    assert!(!fits(json!(["false", "invalid nonce"])) && !fits(json!([])) && !fits(json!("later")));
}
