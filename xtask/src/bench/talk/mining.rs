//! Mining in three dialects of Stratum.
//!
//! Owns its messages. Wallets and names are made up and belong to nobody. Must not know who sends them.
use super::Random;

/// Login, its answers, then work and shares in turn.
pub(super) fn stratum_1(step: usize, random: &mut Random) -> Vec<u8> {
    let (id, job) = (step / 2 + 1, random.hex(8));
    let text = match step {
        0 => r#"{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}"#.to_owned(),
        1 => format!(r#"{{"id":1,"result":[[["mining.notify","{job}"]],"f8002c90",4],"error":null}}"#),
        2 => {
            r#"{"id":2,"method":"mining.authorize","params":["1BoatSLRHtKNngkdXEeobR76b53LETtpyT.rig7","x"]}"#
                .to_owned()
        }
        3 => r#"{"id":2,"result":true,"error":null}"#.to_owned(),
        even if even % 2 == 0 => format!(
            r#"{{"id":{id},"method":"mining.submit","params":["1BoatSLRHtKNngkdXEeobR76b53LETtpyT.rig7","{job}","00000000","5f1c2b3a","{}"]}}"#,
            random.hex(8)
        ),
        _ => format!(
            "{{\"id\":{id},\"result\":true,\"error\":null}}\n{{\"id\":null,\"method\":\"mining.notify\",\
             \"params\":[\"{job}\",\"{}\",\"{}\",\"{}\",[],\"20000000\",\"1903a30c\",\"5f1c2b3a\",true]}}",
            random.hex(64),
            random.hex(120),
            random.hex(180)
        ),
    };
    (text + "\n").into_bytes()
}

pub(super) fn crypto_note(step: usize, random: &mut Random) -> Vec<u8> {
    let (id, job) = (step / 2 + 1, random.hex(16));
    let work = format!(
        r#"{{"blob":"0c0c{}","job_id":"{job}","target":"b88d0600","algo":"rx/0","height":3000000}}"#,
        random.hex(148)
    );
    let text = match step {
        0 => format!(
            r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"4{}","pass":"x","agent":"XMRig/6.21.0"}}}}"#,
            "8BqzNzcMgsnRcGknfiRYZ".repeat(5).get(..94).unwrap_or_default()
        ),
        1 => format!(
            r#"{{"id":1,"jsonrpc":"2.0","result":{{"id":"{job}","job":{work},"status":"OK"}},"error":null}}"#
        ),
        even if even % 2 == 0 => format!(
            r#"{{"id":{id},"jsonrpc":"2.0","method":"submit","params":{{"id":"{job}","job_id":"{job}","nonce":"{}","result":"{}"}}}}"#,
            random.hex(8),
            random.hex(64)
        ),
        _ => format!(
            "{{\"id\":{id},\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{{\"status\":\"OK\"}}}}\n\
             {{\"jsonrpc\":\"2.0\",\"method\":\"job\",\"params\":{work}}}"
        ),
    };
    (text + "\n").into_bytes()
}

pub(super) fn eth_proxy(step: usize, random: &mut Random) -> Vec<u8> {
    let id = step / 2 + 1;
    let text = match step {
        0 => format!(
            r#"{{"id":1,"jsonrpc":"2.0","method":"eth_submitLogin","worker":"rig7","params":["0x{}"]}}"#,
            random.hex(40)
        ),
        1 => r#"{"id":1,"jsonrpc":"2.0","result":true}"#.to_owned(),
        even if even % 4 == 2 => {
            format!(r#"{{"id":{id},"jsonrpc":"2.0","method":"eth_getWork","params":[]}}"#)
        }
        odd if odd % 4 == 3 => format!(
            r#"{{"id":{id},"jsonrpc":"2.0","result":["0x{}","0x{}","0x{}"]}}"#,
            random.hex(64),
            random.hex(64),
            random.hex(64)
        ),
        even if even % 2 == 0 => format!(
            r#"{{"id":{id},"jsonrpc":"2.0","method":"eth_submitWork","params":["0x{}","0x{}","0x{}"]}}"#,
            random.hex(16),
            random.hex(64),
            random.hex(64)
        ),
        _ => format!(r#"{{"id":{id},"jsonrpc":"2.0","result":true}}"#),
    };
    (text + "\n").into_bytes()
}
