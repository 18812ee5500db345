//! The general rule with every dialect's own module switched off: unlisted dialects, and what is none.
use std::num::NonZeroUsize;

use crate::{
    detect::stratum::{
        Dialect, Dialects, Stratum,
        tests::fixture::{FLOW, Talk},
    },
    event::Direction::{self, Egress as E, Ingress as I},
};

const XMR: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
const BTC: &str = "bc1qtm607qyyxvxmultwukqua37h36488drsduwwc3";
const ETH: &str = "0x79a1A32790250d51e4675e0569E80064Bdd9655F";
const SOL: &str = "83astBRguLMdt2h5U1Tpdq5tjFoJ6noeGwaY3mDLVcri";

fn hash(seed: &str) -> String {
    seed.repeat(64 / seed.len())
}

/// Replaces the short names in braces by values of the right shape.
fn fill(line: &str) -> String {
    let values = [
        ("{XMR}", XMR.to_owned()),
        ("{BTC}", BTC.to_owned()),
        ("{ETH}", ETH.to_owned()),
        ("{SOL}", SOL.to_owned()),
        ("{HASH}", hash("e1364b8782719d76")),
        ("{HASH2}", hash("0x645cf20198c2f386".trim_start_matches("0x"))),
        ("{TARGET}", format!("00000000ffff{}", "0".repeat(52))),
        ("{BLOB}", "0707d5efb9d6057e95a3".repeat(9)),
        ("{MINI}", "41c7d5efb9d6057e".repeat(6)),
        ("{PROOF}", "9f3c27ab15d08e64".repeat(13)),
        ("{SIG}", "5be1909c7712aa43".repeat(8)),
        ("{CYCLE}", (1..=42).map(|edge| (edge * 104_729).to_string()).collect::<Vec<_>>().join(",")),
    ];
    values.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value))
}

/// Rules that the general rule alone reaches.
fn rules(turns: &[(Direction, &str)], size: usize) -> Vec<&'static str> {
    let talk = talk(turns, size);
    assert!(talk.found.iter().all(|found| found.claim.dialect.as_deref() == Some("stratum")));
    talk.rules()
}

fn talk(turns: &[(Direction, &str)], size: usize) -> Talk {
    let others = Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Stratum);
    let alone = others.fold(Dialects::default(), Dialects::without);
    let mut talk = Talk::new();
    talk.stratum = Stratum::new(NonZeroUsize::MIN).only(alone);
    for (direction, line) in turns {
        let line = fill(line) + "\n";
        line.as_bytes().chunks(size).for_each(|part| talk.say(*direction, part));
    }
    talk.stratum.close(FLOW, &mut talk.found);
    talk
}

#[test]
fn clients_of_unlisted_dialects() {
    for line in [
        r#"{"id":1,"method":"mining.login","params":["{BTC}.rig","x"]}"#,
        r#"{"id":1,"method":"mining.authenticate","params":["bob.rig","x",{CYCLE}]}"#.replace(",{CYCLE}", "").as_str(),
        r#"{"id":1,"method":"mining.hello","params":{"agent":"fooMiner/1.0","host":"a.b","proto":"FooStratum/3.0"}}"#,
        r#"{"id":1,"method":"mining.subscribe","body":{"version":3,"agent":"fooMiner/1.0","publicAddress":"a"}}"#,
        r#"{"id":1,"method":"session.hello","params":{"proto":"FooStratum/1.2.0"}}"#,
        r#"{"id":1,"method":"pool.login","params":{"user":"{BTC}.rig","password":"x"}}"#,
        r#"{"id":1,"method":"login","params":{"login":"{XMR}","pass":"x"}}"#,
        r#"{"id":1,"method":"login","params":{"login":"alice","pass":"x","agent":"grin-miner"}}"#,
        r#"{"id":1,"method":"logIn","params":{"account":"alice","password":"x","algo":["rx/0","cn/r"]}}"#,
        r#"{"id":1,"method":"foo_submitLogin","params":["{ETH}"],"worker":"1080"}"#,
        r#"{"id":1,"method":"authorize","params":["{ETH}","x"]}"#,
        r#"{"id":1,"command":"auth","wallet":"{ETH}","worker":"rig7"}"#,
        r#"{"type":"register","address":"NQ07 1234 5678 9ABC DEFG HJKL MNPQ RSTU VXY0","workerName":"box"}"#,
        r#"{"id":1,"method":"auth","params":{"address":"kaspa:qz0yqzh5wkmyq4q5wzmgjg0h3u2r7d9qhw6y3n5tkp0ydc","rig":"a"}}"#,
        r#"{"id":4,"method":"mining.submit","params":["bob","d70fd222","98b6ac44d2",""]}"#,
        r#"{"id":3,"method":"submitShare","params":{"jobId":"a1","nonce":"0011223344556677","hash":"{HASH}"}}"#,
        r#"{"id":3,"method":"submit","params":{"job_id":4,"height":9,"nonce":8895699060858340771,"pow":[{CYCLE}]}}"#,
        r#"{"id":"212","method":"solution","nonce":"00112233445566aa","output":"{PROOF}"}"#,
        r#"{"id":3,"method":"foo_submitWork","params":["0xe05d1fd4002d962f","0x{HASH}","0x{HASH2}"]}"#,
        r#"{"id":3,"method":"submit","params":["bob.rig","7f3a","0000002a","6955b90c","9d2c1ab4"]}"#,
    ] {
        for size in [usize::MAX, 5] {
            assert_eq!(rules(&[(E, line)], size), ["stratum.client"], "{line}");
        }
    }
}

#[test]
fn pools_of_unlisted_dialects() {
    for line in [
        r#"{"method":"job","params":{"job_id":"q","blob":"{BLOB}","target":"b88d0600"}}"#,
        r#"{"id":1,"result":{"id":"9","job":{"job_id":"q","blob":"{BLOB}","target":"b88d0600"},"status":"OK"}}"#,
        r#"{"id":"0","method":"getjobtemplate","result":{"difficulty":1,"height":3,"job_id":4,"pre_pow":"{BLOB}"}}"#,
        r#"{"jobid":"1.0","blockhashing_blob":"{BLOB}","difficultyuint64":28000}"#,
        r#"{"jobid":"1.0","blockhashing_blob":"{MINI}","difficultyuint64":28000,"height":4}"#,
        r#"{"method":"job","id":"212","input":"{HASH}","difficulty":50331648}"#,
        r#"{"id":null,"method":"new_job","params":{"jobId":"a1","headerHash":"{HASH}","target":"{TARGET}"}}"#,
        r#"{"method":"mining.notify","params":[{"jobId":"1","headerBlob":"{BLOB}","targetBlob":"{TARGET}"}]}"#,
        r#"{"method":"mining.notify","params":["4f","{HASH}",true]}"#,
        r#"{"method":"notify","params":["4f","{HASH}","{HASH2}","20000000","1705ae3a",true]}"#,
        r#"{"method":"newWork","params":["4f","0x{HASH}","0x{HASH2}","0x{TARGET}"]}"#,
        r#"{"id":0,"result":["0x{HASH}","0x{HASH2}","0x{TARGET}"]}"#,
        r#"{"method":"mining.set_target","params":["{TARGET}"]}"#,
        r#"{"method":"mining.subscribed","body":{"clientId":0,"xn":"64da"}}"#,
        r#"{"method":"mining.set","params":{"epoch":"dc","extranonce":"af4c"}}"#,
        r#"{"id":1,"result":[[["mining.set_difficulty","b4"],["mining.notify","ae"]],"08000002",4]}"#,
        r#"{"id":1,"result":["04d567b212","04d567b212"],"error":null}"#,
        r#"{"id":1,"result":[true,"FooStratum/1.0.0"]}"#,
    ] {
        for size in [usize::MAX, 5] {
            assert_eq!(rules(&[(I, line)], size), ["stratum.server"], "{line}");
        }
    }
}

#[test]
fn both_sides_are_a_session() {
    let login = r#"{"id":1,"method":"pool.login","params":{"user":"{BTC}.rig","password":"hunter2","agent":"fooMiner/1"}}"#;
    let share = r#"{"id":3,"method":"pool.submit","params":{"jobId":"a1","nonce":"0011223344556677","hash":"{HASH}"}}"#;
    let job = r#"{"method":"pool.job","params":{"jobId":"a1","headerHash":"{HASH}","target":"{TARGET}"}}"#;
    let talk = talk(
        &[
            (E, login),
            (I, r#"{"id":1,"result":true}"#),
            (I, job),
            (E, share),
            (I, r#"{"id":3,"result":"ok"}"#),
        ],
        usize::MAX,
    );
    let mut told = talk.rules();
    told.dedup();
    assert_eq!(told, ["stratum.client", "stratum.session", "stratum.share"]);
    let claim = &talk.last().claim;
    assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some(BTC), Some("rig")));
    assert_eq!(claim.agent.as_deref(), Some("fooMiner/1"));
    assert!(!format!("{:?}", talk.found).contains("hunter2"));
}

/// Nothing in any piece sizes, from either end, alone or all together, answered or not.
fn is_nothing(lines: &[&str]) {
    for size in [usize::MAX, 5] {
        for way in [E, I] {
            let back = if way == E { I } else { E };
            let all: Vec<_> = lines.iter().map(|line| (way, *line)).collect();
            assert!(rules(&all, size).is_empty(), "{all:?}");
            for line in lines {
                for answer in
                    [r#"{"id":1,"result":true}"#, r#"{"id":1,"result":{"status":"OK"},"error":null}"#]
                {
                    let told = rules(&[(way, line), (back, answer)], size);
                    assert!(told.is_empty(), "{told:?} {line}");
                }
            }
        }
    }
}

#[test]
fn nodes_and_wallets() {
    is_nothing(&[
        r#"{"id":1,"command":"submit","tx_blob":"{BLOB}"}"#,
        r#"{"id":1,"command":"subscribe","accounts":["rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"]}"#,
        r#"{"type":"ledgerClosed","ledger_hash":"{HASH}","fee_base":10,"ledger_index":90}"#,
        r#"{"id":1,"method":"accountSubscribe","params":["{SOL}",{"encoding":"jsonParsed"}]}"#,
        r#"{"id":1,"method":"logsSubscribe","params":[{"mentions":["{SOL}"]}]}"#,
        r#"{"id":1,"method":"getBalance","params":["{SOL}"]}"#,
        r#"{"id":1,"method":"author_submitExtrinsic","params":["0x{BLOB}"]}"#,
        r#"{"method":"chain_newHead","params":{"result":{"number":"0x1","parentHash":"0x{HASH}","stateRoot":"0x{HASH2}"},"subscription":"x"}}"#,
        r#"{"method":"eth_subscription","params":{"subscription":"0x1","result":{"difficulty":"0x15d9223a23aa","hash":"0x{HASH}","logsBloom":"0x{BLOB}","miner":"{ETH}","nonce":"0x378da40ff335b070","parentHash":"0x{HASH2}"}}}"#,
        r#"{"id":1,"result":{"difficulty":"0x15d9223a23aa","hash":"0x{HASH}","logsBloom":"0x{BLOB}","nonce":"0x378da40ff335b070","parentHash":"0x{HASH2}"}}"#,
        r#"{"id":1,"method":"eth_subscribe","params":["logs",{"address":"{ETH}","topics":["0x{HASH}"]}]}"#,
        r#"{"id":1,"method":"eth_submitHashrate","params":["0x500000","0x{HASH}"]}"#,
        r#"{"id":1,"method":"eth_getWork","params":[]}"#,
        r#"{"id":1,"method":"eth_getStorageAt","params":["{ETH}","0x{HASH}","latest"]}"#,
        r#"{"id":1,"result":["0x{HASH}","0x{HASH2}","0x{HASH}"]}"#,
        r#"{"id":1,"method":"miner_setEtherbase","params":["{ETH}"]}"#,
        r#"{"id":1,"method":"personal_unlockAccount","params":["{ETH}","x",30]}"#,
        r#"{"id":1,"method":"engine_newPayloadV3","params":[{"parentHash":"0x{HASH}","extraData":"0x","transactions":["0x{BLOB}"]}]}"#,
        r#"{"id":1,"method":"submitblock","params":["{BLOB}"]}"#,
        r#"{"id":1,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#,
        r#"{"id":1,"result":{"hash":"{HASH}","height":9,"difficulty":1.5,"bits":"1d017064","nonce":99,"previousblockhash":"{HASH2}"}}"#,
        r#"{"id":1,"method":"get_block_template","params":{"wallet_address":"{XMR}","reserve_size":60}}"#,
        r#"{"id":1,"result":{"blockhashing_blob":"{BLOB}","difficulty":61043624293,"height":9,"prev_hash":"{HASH}","seed_hash":"{HASH2}"}}"#,
        r#"{"id":1,"method":"submit_block","params":["{BLOB}"]}"#,
        r#"{"id":1,"method":"blockchain.scripthash.subscribe","params":["{HASH}"]}"#,
        r#"{"id":1,"method":"blockchain.address.subscribe","params":["{BTC}"]}"#,
        r#"{"method":"blockchain.headers.subscribe","params":[{"height":520481,"hex":"{BLOB}"}]}"#,
        r#"{"id":1,"method":"transfer","params":{"destinations":[{"amount":1,"address":"{XMR}"}]}}"#,
        r#"{"id":1,"method":"submit_tx","params":{"nonce":7,"txHash":"{HASH}"}}"#,
        r#"{"id":1,"method":"submit_order","params":{"nonce":1716900000000,"account":"{HASH}","signature":"{SIG}"}}"#,
    ]);
}

#[test]
fn logins_of_others() {
    is_nothing(&[
        r#"{"id":1,"method":"login","params":{"user":"alice","token":"eyJhbGciOiJIUzI1NiJ9.e30.x"}}"#,
        r#"{"id":1,"method":"login","params":{"login":"alice@example.org","pass":"hunter2","agent":"ChessClient/3.1"}}"#,
        r#"{"id":1,"method":"login","params":{"login":"alice","pass":"hunter2","agent":"MinerGame/1.0"}}"#,
        r#"{"id":1,"method":"login","params":["youruser","somepassword"]}"#,
        r#"{"id":1,"method":"login","params":{"address":"{ETH}","signature":"0x{SIG}"}}"#,
        r#"{"id":1,"method":"login","params":["{ETH}","0x{SIG}"]}"#,
        r#"{"id":1,"method":"auth","params":{"wallet":"{SOL}","nonce":"deadbeef","client":"phantom/1.0"}}"#,
        r#"{"id":1,"method":"login","params":{"algo":"BASIC","pKey":"3ef4a9f8c8bf04bd8f09884b98403eae","sKey":"2deb570ab58fd553a4ed3ee249fd2d51"}}"#,
        r#"{"id":1,"method":"login","params":{"api_key":"3J98t1WpEZ73CNmQviecrnyiWrnqRLNy","worker":"w1"}}"#,
        r#"{"op":"login","args":[{"apiKey":"{HASH}","passphrase":"x","timestamp":"1","sign":"{HASH2}"}]}"#,
        r#"{"id":1,"method":"public/auth","params":{"grant_type":"client_credentials","client_id":"fo7WAPRm4P"}}"#,
        r#"{"id":1,"method":"login","params":{"username":"root","hash":"1ee5d4a0a2d1c3f0b1b7f9f7c9ad1c27"}}"#,
        r#"{"id":1,"method":"register","params":{"username":"bob","worker":"nurse","password":"x"}}"#,
        r#"{"id":1,"method":"SUBSCRIBE","params":["btcusdt@aggTrade"]}"#,
        r#"{"type":"auth","access_token":"{HASH}"}"#,
    ]);
}

#[test]
fn jobs_of_others() {
    is_nothing(&[
        r#"{"id":1,"method":"submit","params":{"queue":"render","job":{"name":"frame-12"}}}"#,
        r#"{"id":1,"method":"authorize","params":["worker-17","s3cret"]}"#,
        r#"{"id":1,"method":"submit","params":["worker-17","job-81","exit=0"]}"#,
        r#"{"id":1,"method":"submit","params":["20261123","20261124","20261125"]}"#,
        r#"{"method":"notify","params":["job-81","/bin/true",true]}"#,
        r#"{"method":"notify","params":["job-81","{HASH}",true]}"#,
        r#"{"method":"job","params":{"job_id":"c1d2","state":"running","sha256":"{HASH}"}}"#,
        r#"{"method":"job","params":{"job_id":12,"inputHash":"{HASH}","height":1080,"bitsPerSample":16,"target":"x86_64"}}"#,
        r#"{"method":"job.done","params":{"job_id":"12","checksum":"{HASH}","difficulty":3}}"#,
        r#"{"type":"job","id":"42","commit":"{HASH}","target":"deadbeef"}"#,
        r#"{"id":1,"method":"submit","params":{"job_id":"12","digest":"{HASH}","nonce":"deadbeef"}}"#,
        r#"{"id":1,"method":"submit","params":{"job_id":"12","nonce":"deadbeef","signature":"{SIG}"}}"#,
        r#"{"id":1,"method":"submitResult","params":{"jobID":"12","result":"0x{HASH}"}}"#,
        r#"{"id":1,"method":"challenge","params":{"nonce":"deadbeef","hash":"{HASH}","difficulty":20}}"#,
        r#"{"id":1,"method":"share","params":{"document":"{HASH}","with":["bob"]}}"#,
        r#"{"id":1,"method":"tools/call","params":{"name":"explain","arguments":{"job_id":"1","blob":"{BLOB}","target":"b88d0600"}}}"#,
        r#"{"id":1,"method":"tools/call","params":{"name":"submit","arguments":{"job_id":"1","nonce":"deadbeef","result":"{HASH}"}}}"#,
        r#"{"id":1,"method":"resources/subscribe","params":{"uri":"file:///FooStratum/notes"}}"#,
        r#"{"id":1,"result":["deadbeef","feedbeef"],"error":null}"#,
        r#"{"id":1,"jsonrpc":"2.0","result":["04d567b212","04d567b212"],"error":null}"#,
        r#"{"id":1,"result":["20261123","20261123"],"error":null}"#,
    ]);
}

#[test]
fn talk_about_mining() {
    is_nothing(&[
        r#"{"method":"mining.stats","hashrate":"104 TH/s","job":"ok"}"#,
        r#"{"id":1,"method":"mining.subscribe","params":{"topic":"ore"}}"#,
        r#"{"id":1,"method":"mining.register","params":["truck-7","north"]}"#,
        r#"{"id":1,"method":"mining.login","params":{"user":"bob","site":4}}"#,
        r#"{"id":1,"method":"mining.submit","params":["dig","site","north"]}"#,
        r#"{"id":1,"method":"mining.getTarget","params":[42]}"#,
        r#"{"method":"mining.notify","params":["4f","deadbeef","",true]}"#,
        r#"{"method":"mining.subscribe","params":[]}"#,
        r#"{"type":"share","job_id":"1","nonce":"deadbeef","hash":"{HASH}","accepted":true}"#,
        r#"{"id":1,"method":"miner_getstat1","psw":"x"}"#,
        r#"{"id":1,"result":["9.3 - ETH","21","182724;51;0","{TARGET}"]}"#,
        r#"{"STATUS":[{"STATUS":"S"}],"POOLS":[{"URL":"stratum+tcp://a.b:1","User":"{BTC}.rig","Stratum Difficulty":4096}],"id":1}"#,
        r#"{"id":1,"result":[["mining","gold"],"beef"]}"#,
        r#"{"level":"info","id":1,"method":"login","params":{"login":"{XMR}","pass":"x"}}"#,
        r#"{"ts":1,"method":"job","params":{"job_id":"q","blob":"{BLOB}","target":"b88d0600"}}"#,
    ]);
}

/// What carries HTTP is a node's or a web page's until a dialect says otherwise.
#[test]
fn requests_over_http_are_not_judged() {
    let login = fill(r#"{"id":1,"method":"pool.login","params":{"user":"{BTC}.rig","password":"x"}}"#);
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{login}", login.len());
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"id\":1,\"result\":true}";
    assert!(rules(&[(E, &head), (I, answer)], usize::MAX).is_empty());
}
