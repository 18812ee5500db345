//! A whole session of each dialect, written after the sources that the dialect files name. The password is
//! `hunter2` throughout.
mod kin;

use super::fixture::Talk;
use crate::{
    detect::Claim,
    event::Direction::{self, Egress as E, Ingress as I},
};

pub(super) const WALLET: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
pub(super) const BLOB: &str = "070780e6b9d60586ba419a0c224e3c6c3e134cc45c4fa04d8ee2d91c2595463c57eef0a4f0796c000000002fcc4d62fa6c77e76c30017c768be5c61d83ec9d3a085d524ba8053ecc3224660d";
pub(super) const HASH: &str = "e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100";

/// Turns of a conversation, and the claim that it ends with.
pub(in crate::detect::stratum) struct Sample {
    pub(in crate::detect::stratum) turns: Vec<(Direction, String)>,
    pub(in crate::detect::stratum) claim: Claim,
}

fn claim(
    dialect: &str,
    wallet: &str,
    worker: Option<&str>,
    agent: Option<&str>,
    algorithm: Option<&str>,
) -> Claim {
    Claim {
        dialect: Some(dialect.to_owned()),
        wallet: Some(wallet.to_owned()),
        worker: worker.map(str::to_owned),
        agent: agent.map(str::to_owned),
        algorithm: algorithm.map(str::to_owned),
        ..Claim::default()
    }
}

pub(super) fn stratum_v1() -> Sample {
    let turns = vec![
        (E, r#"{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}"#.to_owned() + "\n"),
        (I, r#"{"id":1,"result":[[["mining.set_difficulty","de"],["mining.notify","de"]],"48000000",4],"error":null}"#.to_owned() + "\n"),
        (E, r#"{"id": 2, "method": "mining.authorize", "params": ["fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW.rig", "hunter2"]}"#.to_owned() + "\n"),
        (I, format!(r#"{{"id":2,"result":true,"error":null}}{{"id":null,"method":"mining.notify","params":["2","{HASH}","01","0d",[],"00000002","1d017064","538448e7",true]}}"#) + "\r\n"),
        (E, r#"{"params": ["fk.rig", "2", "00000000", "538448e7", "f4ec1300"], "id": 4, "method": "mining.submit"}"#.to_owned() + "\n"),
        (I, r#"{"error":null,"id":4,"result":true}"#.to_owned() + "\n"),
    ];
    let claim =
        claim("stratum-v1", "fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW", Some("rig"), Some("cpuminer/2.5.1"), None);
    Sample { turns, claim }
}

pub(super) fn cryptonote() -> Sample {
    let turns = vec![
        (
            E,
            format!(
                r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{WALLET}.rig","pass":"hunter2","agent":"XMRig/6.26.0","algo":["rx/0","cn/r"]}}}}"#
            ) + "\n",
        ),
        (
            I,
            format!(
                r#"{{"id":1,"jsonrpc":"2.0","error":null,"result":{{"id":"1be0","job":{{"blob":"{BLOB}","job_id":"q7PL","target":"b88d0600","algo":"rx/0"}},"status":"OK"}}}}"#
            ) + "\n",
        ),
        (E, r#"{"id":2,"jsonrpc":"2.0","method":"keepalived","params":{"id":"1be0"}}"#.to_owned() + "\n"),
        (I, r#"{"id":2,"jsonrpc":"2.0","result":{"status":"KEEPALIVED"}}"#.to_owned() + "\n"),
        (
            E,
            format!(
                r#"{{"id":3,"jsonrpc":"2.0","method":"submit","params":{{"id":"1be0","job_id":"q7PL","nonce":"d0030040","result":"{HASH}"}}}}"#
            ) + "\n",
        ),
        (I, r#"{"id":3,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#.to_owned() + "\n"),
    ];
    let claim = claim("cryptonote", WALLET, Some("rig"), Some("XMRig/6.26.0"), Some("rx/0"));
    let (coin, difficulty) = (Some("monero".to_owned()), Some("10000".to_owned()));
    Sample { turns, claim: Claim { coin, coin_inferred: true, difficulty, ..claim } }
}

fn eth_proxy() -> Sample {
    let wallet = "0x79a1A32790250d51e4675e0569E80064Bdd9655F";
    let work = format!(r#"["0x{HASH}","0x{HASH}","0x00000000ffff{}"]"#, "0".repeat(52));
    let turns = vec![
        (
            E,
            format!(
                r#"{{"worker": "eth1.0", "jsonrpc": "2.0", "params": ["{wallet}", "hunter2"], "id": 2, "method": "eth_submitLogin"}}"#
            ) + "\n",
        ),
        (I, r#"{"id":2,"jsonrpc":"2.0","result":true}"#.to_owned() + "\n"),
        (
            E,
            r#"{"worker": "", "jsonrpc": "2.0", "params": [], "id": 3, "method": "eth_getWork"}"#.to_owned()
                + "\n",
        ),
        (I, format!(r#"{{"id":3,"jsonrpc":"2.0","result":{work}}}"#) + "\n"),
        (
            E,
            format!(
                r#"{{"id":4,"jsonrpc":"2.0","method":"eth_submitWork","params":["0xf65db6ec9b5bac06","0x{HASH}","0x{HASH}"],"worker":"eth1.0"}}"#
            ) + "\n",
        ),
        (I, r#"{"id":4,"jsonrpc":"2.0","result":true}"#.to_owned() + "\n"),
    ];
    let claim = claim("eth-proxy", wallet, Some("eth1.0"), None, None);
    let (coin, difficulty) = (Some("ethereum".to_owned()), Some("4295032833".to_owned()));
    Sample { turns, claim: Claim { coin, coin_inferred: true, difficulty, ..claim } }
}

fn ethereum_stratum_1() -> Sample {
    let turns = vec![
        (E, r#"{"id":1,"method":"mining.subscribe","params":["ethminer/0.19","EthereumStratum/1.0.0"]}"#.to_owned() + "\n"),
        (I, r#"{"id":1,"result":[["mining.notify","ae68","EthereumStratum/1.0.0"],"080c"],"error":null}"#.to_owned() + "\n"),
        (E, r#"{"id":2,"method":"mining.authorize","params":["0xb85150eb365e7df0941f0cf08235f987ba91506a.rig","hunter2"]}"#.to_owned() + "\n"),
        (I, r#"{"id":2,"result":true,"error":null}"#.to_owned() + "\n" + r#"{"id":null,"method":"mining.set_difficulty","params":[0.5]}"# + "\n"),
        (E, r#"{"id":3,"method":"mining.submit","params":["0xb8.rig","bf0488aa","6a909d9bbc0f"]}"#.to_owned() + "\n"),
        (I, r#"{"id":3,"result":true,"error":null}"#.to_owned() + "\n"),
    ];
    let wallet = "0xb85150eb365e7df0941f0cf08235f987ba91506a";
    let claim = claim("ethereum-stratum-1", wallet, Some("rig"), Some("ethminer/0.19"), None);
    Sample { turns, claim: Claim { difficulty: Some("0.5".to_owned()), ..claim } }
}

pub(in crate::detect::stratum) fn samples() -> Vec<Sample> {
    let mut all = vec![stratum_v1(), cryptonote(), eth_proxy(), ethereum_stratum_1()];
    all.extend(kin::samples());
    all
}

/// Says all turns, in pieces of `size` bytes.
pub(super) fn talk(turns: &[(Direction, String)], size: usize) -> Talk {
    let mut talk = Talk::new();
    for (direction, text) in turns {
        text.as_bytes().chunks(size).for_each(|part| talk.say(*direction, part));
    }
    talk
}
