//! Whole sessions of the dialects that grew out of others, and of those with forms of their own.
use super::{HASH, Sample, claim};
use crate::{
    detect::Claim,
    event::Direction::{Egress as E, Ingress as I},
};

const ADDRESS: &str = "5da7b0e1f35c2a4d9e8b6c7f0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

pub(super) fn samples() -> Vec<Sample> {
    vec![ethereum_stratum_2(), equihash(), ironfish(), grin(), beam()]
}

fn line(text: &str) -> String {
    format!("{text}\n")
}

fn ethereum_stratum_2() -> Sample {
    let wallet = "0x79a1A32790250d51e4675e0569E80064Bdd9655F";
    let turns = vec![
        (
            E,
            line(
                r#"{"id":0,"method":"mining.hello","params":{"agent":"ethminer-0.19","host":"eth.example","port":"d05","proto":"EthereumStratum/2.0.0"}}"#,
            ),
        ),
        (
            I,
            line(
                r#"{"id":0,"result":{"proto":"EthereumStratum/2.0.0","encoding":"plain","resume":"1","timeout":"b4","maxerrors":"5","node":"Geth/1"}}"#,
            ),
        ),
        (
            E,
            line(r#"{"id":1,"method":"mining.subscribe"}"#)
                + &line(&format!(
                    r#"{{"id":2,"method":"mining.authorize","params":["{wallet}.rig","hunter2"]}}"#
                )),
        ),
        (
            I,
            line(r#"{"id":1,"result":"s-12"}"#)
                + &line(r#"{"id":2,"result":"w-7"}"#)
                + &line(
                    r#"{"method":"mining.set","params":{"epoch":"dc","target":"0112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba","algo":"ethash","extranonce":"af4c"}}"#,
                )
                + &line(&format!(r#"{{"method":"mining.notify","params":["bf04","6526d5","{HASH}","0"]}}"#)),
        ),
        (E, line(r#"{"id":5,"method":"mining.submit","params":["bf04","68765fccd712","w-7"]}"#)),
        (I, line(r#"{"id":5}"#)),
    ];
    let told = claim("ethereum-stratum-2", wallet, Some("rig"), Some("ethminer-0.19"), Some("ethash"));
    let told = Claim { coin: Some("ethereum".to_owned()), coin_inferred: true, ..told };
    Sample { turns, claim: Claim { pool: Some("eth.example:3333".to_owned()), ..told } }
}

fn equihash() -> Sample {
    let wallet = "t1YQ7mVdK3uGf9sWc4LhXz8bRnE2pTaJo6S";
    let solution = format!("fd4005{}", "5a".repeat(1344));
    let turns = vec![
        (E, line(r#"{"id":1,"method":"mining.subscribe","params":["miniZ/2.4",null,"zec.example","3333"]}"#)),
        (I, line(r#"{"id":1,"result":[null,"37e8000000000000d3808dc11ebe571f"],"error":null}"#)),
        (E, line(&format!(r#"{{"id":2,"method":"mining.authorize","params":["{wallet}.rig","hunter2"]}}"#))),
        (
            I,
            line(r#"{"id":2,"result":true,"error":null}"#)
                + &line(&format!(
                    r#"{{"id":null,"method":"mining.set_target","params":["00{}"]}}"#,
                    "3c".repeat(31)
                ))
                + &line(&format!(
                    r#"{{"id":null,"method":"mining.notify","params":["39f2","04000000","{HASH}","{HASH}","{}","16ee7c58","83837b1c",true]}}"#,
                    "0".repeat(64)
                )),
        ),
        (
            E,
            line(&format!(
                r#"{{"id":4,"method":"mining.submit","params":["{wallet}.rig","39f2","16ee7c58","4304000000000000","{solution}"]}}"#
            )),
        ),
        (I, line(r#"{"id":4,"result":true,"error":null}"#)),
    ];
    let told = claim("equihash", wallet, Some("rig"), Some("miniZ/2.4"), None);
    let (pool, difficulty) = (Some("zec.example:3333".to_owned()), Some(format!("00{}", "3c".repeat(31))));
    Sample { turns, claim: Claim { pool, difficulty, ..told } }
}

fn ironfish() -> Sample {
    let turns = vec![
        (
            E,
            line(&format!(
                r#"{{"id":0,"method":"mining.subscribe","body":{{"version":3,"agent":"lolMiner/1.88","publicAddress":"{ADDRESS}.rig","extend":["mining.submitted"]}}}}"#
            )),
        ),
        (I, line(r#"{"id":0,"method":"mining.subscribed","body":{"clientId":4,"xn":"64da"}}"#)),
        (E, line(r#"{"id":1,"method":"mining.wait_for_work"}"#)),
        (
            I,
            line(&format!(r#"{{"id":1,"method":"mining.set_target","body":{{"target":"{HASH}"}}}}"#))
                + &line(&format!(
                    r#"{{"id":2,"method":"mining.notify","body":{{"miningRequestId":9,"header":"{}"}}}}"#,
                    "1f".repeat(180)
                )),
        ),
        (
            E,
            line(
                r#"{"id":2,"method":"mining.submit","body":{"miningRequestId":9,"randomness":"64da00000001f3c2"}}"#,
            ),
        ),
        (I, line(r#"{"id":3,"method":"mining.submitted","body":{"id":2,"result":true}}"#)),
    ];
    Sample { turns, claim: claim("ironfish", ADDRESS, Some("rig"), Some("lolMiner/1.88"), None) }
}

fn grin() -> Sample {
    let cycle: Vec<String> = (0..42).map(|edge| (4_210_040 + edge * 9_000_001).to_string()).collect();
    let work = format!(r#"{{"difficulty":4,"height":16375,"job_id":5,"pre_pow":"{}"}}"#, "0001".repeat(119));
    let turns = vec![
        (
            E,
            line(
                r#"{"id":"0","jsonrpc":"2.0","method":"login","params":{"login":"me@example.org","pass":"hunter2","agent":"grin-miner"}}"#,
            ),
        ),
        (I, line(r#"{"id":"0","jsonrpc":"2.0","method":"login","result":"ok","error":null}"#)),
        (E, line(r#"{"id":"1","jsonrpc":"2.0","method":"getjobtemplate","params":null}"#)),
        (
            I,
            line(&format!(
                r#"{{"id":"1","jsonrpc":"2.0","method":"getjobtemplate","result":{work},"error":null}}"#
            )) + &line(&format!(r#"{{"id":"Stratum","jsonrpc":"2.0","method":"job","params":{work}}}"#)),
        ),
        (
            E,
            line(&format!(
                r#"{{"id":"2","jsonrpc":"2.0","method":"submit","params":{{"edge_bits":32,"height":16375,"job_id":5,"nonce":8895699060858340771,"pow":[{}]}}}}"#,
                cycle.join(",")
            )),
        ),
        (I, line(r#"{"id":"2","jsonrpc":"2.0","method":"submit","result":"ok","error":null}"#)),
    ];
    Sample { turns, claim: claim("grin", "me@example.org", None, Some("grin-miner"), None) }
}

fn beam() -> Sample {
    let wallet = "2d3f5a7c9b1e4d6f8a0b2c4d6e8f0a1b3c5d7e9f1a2b4c6d8e0f2a3b5c7d9e1f4a3";
    let turns = vec![
        (E, line(&format!(r#"{{"method":"login","api_key":"{wallet}.rig","id":"login","jsonrpc":"2.0"}}"#))),
        (
            I,
            line(
                r#"{"id":"login","jsonrpc":"2.0","method":"result","code":0,"description":"Login successful","nonceprefix":"ab4e3a","forkheight":777777}"#,
            ),
        ),
        (E, String::new()),
        (
            I,
            line(&format!(
                r#"{{"id":"212","jsonrpc":"2.0","method":"job","input":"{HASH}","difficulty":3441671469,"height":1400}}"#
            )),
        ),
        (
            E,
            line(&format!(
                r#"{{"method":"solution","id":"212","nonce":"ab4e3a00001f73c2","output":"{}","jsonrpc":"2.0"}}"#,
                "9d".repeat(104)
            )),
        ),
        (I, line(r#"{"id":"212","jsonrpc":"2.0","method":"result","code":1,"description":"accepted"}"#)),
    ];
    Sample { turns, claim: claim("beam", wallet, Some("rig"), None, Some("beamhash")) }
}
