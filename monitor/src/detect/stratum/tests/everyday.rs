//! What programs say every day in words and values that mining uses too.
use super::fixture::Talk;
use crate::event::Direction::{self, Egress as E, Ingress as I};

const H40: &str = "9f3c27ab15d08e64be1909c7712aa43d5c0e77f1";
const H64: &str = "e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100";

fn filled(text: &str) -> String {
    text.replace("{H40}", H40).replace("{H64}", H64).replace("{H512}", &H64.repeat(8))
}

fn is_nothing(turns: &[(Direction, &str)]) {
    let mut talk = Talk::new();
    turns.iter().for_each(|(way, text)| talk.say(*way, filled(text).as_bytes()));
    assert!(talk.found.is_empty(), "{turns:?}: {:?}", talk.rules());
}

#[test]
fn tokens_in_paths_make_no_miners() {
    for (target, body, answer) in [
        (
            "/api/v4/posts/h9sp7jzrkfgd5mcqwxo1ay3ei4/patch",
            r#"{"message":"Deploy job 12 finished"}"#,
            r#"{"id":"h9"}"#,
        ),
        ("/hook/{H64}", r#"{"type":"notify","text":"hi"}"#, r#"{"ok":true}"#),
        ("/q?access_token={H64}", r#"{"message":"new job queued"}"#, r#"{"result":null}"#),
        ("/{H40}/", r#"{"id":1,"method":"submit","params":[{"tx_blob":"12"}]}"#, r#"{"id":1,"result":"x"}"#),
        (
            "/{H40}/",
            r#"{"id":1,"method":"author_submitExtrinsic","params":["0x12"]}"#,
            r#"{"id":1,"result":"0x{H64}"}"#,
        ),
        (
            "/{H40}/",
            r#"{"id":1,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#,
            r#"{"id":1,"result":{"previousblockhash":"{H64}","transactions":[]}}"#,
        ),
        (
            "/logs/_doc/{H40}",
            r#"{"@timestamp":"x","message":"job submitted by alice","level":"info"}"#,
            r#"{"result":"created"}"#,
        ),
        (
            "/rpc/{H40}",
            r#"{"id":5,"method":"jobs.submit","params":{"name":"nightly"}}"#,
            r#"{"id":5,"result":null}"#,
        ),
    ] {
        let (body, answer) = (filled(body), filled(answer));
        let ask = format!(
            "POST {target} HTTP/1.1\r\nUser-Agent: python-requests/2\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        is_nothing(&[(E, &ask), (I, &reply)]);
    }
}

#[test]
fn regions_are_no_algorithms() {
    for ask in [
        r#"{"id":1,"method":"login","params":{"username":"svc","password":"p","region":"cn-north-1"}}"#,
        r#"{"type":"auth","user":"gw-17","password":"hunter2","region":"cn-hangzhou"}"#,
        r#"{"id":1,"method":"login","params":{"user":"a","password":"p","locale":"cn-ZH"}}"#,
        r#"{"id":1,"method":"login","params":{"login":"alice","pass":"x","algo":"argon2"}}"#,
    ] {
        is_nothing(&[(E, &format!("{ask}\n")), (I, "{\"id\":1,\"result\":true}\n")]);
    }
}

#[test]
fn hashes_of_a_filter_are_no_work() {
    let small = |digits: &str| format!("0x{digits:0>64}");
    for third in [small("3e8"), format!("0x0000{}", "c1d2".repeat(15)), small(H40), small("")] {
        let answer = format!(r#"{{"jsonrpc":"2.0","id":811,"result":["0x{H64}","0x{H64}","{third}"]}}"#);
        is_nothing(&[(I, &format!("{answer}\n"))]);
    }
}

#[test]
fn jobs_of_others() {
    for pushed in [
        r#"{"type":"result","job_id":"vr-12","diff":0.031,"previous":"{H64}","current":"{H64}"}"#,
        r#"{"type":"rollout","job":"api","prev_container":"{H64}","target_container":"{H64}"}"#,
        r#"{"job_id":77,"prev_state_root":"0x{H64}","target_state_root":"0x{H64}"}"#,
        r#"{"type":"flash","job":3,"target":"0x08004000","data":"{H512}"}"#,
        r#"{"type":"spawn","job":"warrior","difficulty":2,"seed":"{H64}"}"#,
        r#"{"job":"keygen","bits":"00001000","seed":"{H64}"}"#,
        r#"{"type":"notify","id":"5f2b6c1d9e8a4b7c8d1e2f3a","input":"{H64}","targetId":"5f2b6c1d9e8a4b7c8d1e2f3a"}"#,
        r#"{"op":"notify","id":91,"file_hash":"{H64}","difficulty":1}"#,
        r#"{"type":"job","id":4,"input_hash":"{H64}","target_rev":"{H40}"}"#,
    ] {
        is_nothing(&[(I, &format!("{pushed}\n"))]);
    }
}

#[test]
fn what_others_hand_in() {
    for ask in [
        r#"{"id":3,"method":"job.submit","params":{"job_id":"c1","nonce":"00112233445566aa","payload_hash":"{H64}"}}"#,
        r#"{"id":3,"method":"submit","params":{"job_id":"r1","nonce":"00112233445566aa00112233445566aa","hash":"{H64}"}}"#,
        r#"{"id":9,"method":"jobs.submit","params":["5f2b6c1d","9e8a4b7c","8d1e2f3a"]}"#,
        r#"{"id":9,"method":"bridge.submitProof","params":["0x0012a3b4","0x{H64}","0x{H64}"]}"#,
        r#"{"type":"share","id":5,"nonce":"00112233445566aa","data":"{H512}"}"#,
        r#"{"id":1,"method":"register","params":{"address":"0x9f3c27ab15d08e64be1909c7712aa43d5c0e77f1","deviceName":"Pixel"}}"#,
        r#"{"id":1,"method":"login","params":{"login":"{H64}","pass":"x"}}"#,
        r#"{"id":1,"method":"process-mining.login","params":["alice","pw"]}"#,
        r#"{"id":1,"method":"dataMining.subscribe","params":["job-1"]}"#,
        r#"{"id":1,"method":"login","params":{"user":"a","password":"b","client":"DataMiner Cube"}}"#,
    ] {
        is_nothing(&[(E, &format!("{ask}\n")), (I, "{\"id\":3,\"result\":{\"status\":\"OK\"}}\n")]);
    }
}
