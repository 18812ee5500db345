//! Conversations that are no mining, though some of their words are.
use super::{
    fixture::{FLOW, Talk},
    samples::samples,
};
use crate::event::Direction::{self, Egress as E, Ingress as I};

const WALLET: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
const SUBSCRIBE: &str = r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.9.0"]}"#;
const HASH: &str = "0xe1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100";

fn login() -> String {
    format!(
        r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{WALLET}","pass":"x","agent":"XMRig/2.6.0"}}}}"#
    )
}

fn http(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}\n", body.len())
}

/// Found in one piece or byte by byte, forwards or with the ends swapped: nothing.
fn is_nothing(name: &str, turns: &[(Direction, &str)]) {
    for size in [usize::MAX, 7, 1] {
        for swap in [false, true] {
            let mut talk = Talk::new();
            for (direction, text) in turns {
                let direction = if swap ^ (*direction == E) { E } else { I };
                text.as_bytes().chunks(size).for_each(|part| talk.say(direction, part));
            }
            talk.stratum.close(FLOW, &mut talk.found);
            assert!(talk.found.is_empty(), "{name}: {:?}", talk.found);
        }
    }
}

#[test]
fn json_rpc_of_nodes_and_wallets() {
    let target = format!("0x00000000ffff{}", "0".repeat(52));
    let work = format!(r#"{{"jsonrpc":"2.0","id":1,"result":["{HASH}","{HASH}","{target}"]}}"#);
    let submit = format!(
        r#"{{"jsonrpc":"2.0","id":2,"method":"eth_submitWork","params":["0xf65db6ec9b5bac06","{HASH}","{HASH}"]}}"#
    );
    let rate =
        format!(r#"{{"jsonrpc":"2.0","id":3,"method":"eth_submitHashrate","params":["0x500000","{HASH}"]}}"#);
    let filter = format!(r#"{{"jsonrpc":"2.0","id":1,"result":["{HASH}","{HASH}","{HASH}"]}}"#);
    let get_work = r#"{"jsonrpc":"2.0","id":1,"method":"eth_getWork","params":[]}"#;
    is_nothing(
        "eth_getWork over HTTP",
        &[(E, &http(get_work)), (I, &ok(&work)), (E, &http(get_work)), (I, &ok(&work))],
    );
    let yes = r#"{"jsonrpc":"2.0","id":2,"result":true}"#;
    is_nothing("eth_submitWork over HTTP", &[(E, &http(&submit)), (I, &ok(yes))]);
    let yes = r#"{"jsonrpc":"2.0","id":3,"result":true}"#;
    is_nothing("eth_submitHashrate over HTTP", &[(E, &http(&rate)), (I, &ok(yes))]);
    is_nothing("eth_submitHashrate to a node", &[(E, &format!("{rate}\n")), (I, yes)]);
    is_nothing(
        "eth_getFilterChanges",
        &[
            (E, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getFilterChanges\",\"params\":[\"0x1\"]}\n"),
            (I, &filter),
        ],
    );
    is_nothing(
        "eth_subscribe",
        &[
            (E, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}\n"),
            (I, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x9ce59a13059e417087c02d3236a0b1cc\"}\n"),
            (I, "{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{\"result\":{}}}\n"),
        ],
    );
    is_nothing(
        "Electrum",
        &[
            (E, "{\"id\":0,\"method\":\"server.version\",\"params\":[\"electrum/4.4\",\"1.4\"]}\n"),
            (I, "{\"id\":0,\"result\":[\"ElectrumX 1.16.0\",\"1.4\"],\"jsonrpc\":\"2.0\"}\n"),
            (
                E,
                "{\"id\":1,\"method\":\"blockchain.scripthash.subscribe\",\"params\":[\"8b01df4e368ea28f8dc0423bcf7a4923\"]}\n",
            ),
            (I, "{\"id\":1,\"result\":null,\"jsonrpc\":\"2.0\"}\n"),
        ],
    );
    let getblock =
        r#"{"jsonrpc":"1.0","id":"curl","method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#;
    is_nothing(
        "bitcoind",
        &[(E, &http(getblock)), (I, &ok(r#"{"result":{"bits":"1d00ffff"},"error":null,"id":"curl"}"#))],
    );
}

#[test]
fn json_rpc_of_tools() {
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":{"name":"c","version":"1"}}}"#;
    is_nothing(
        "LSP",
        &[
            (E, &format!("Content-Length: {}\r\n\r\n{initialize}", initialize.len())),
            (I, "Content-Length: 38\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}"),
        ],
    );
    is_nothing(
        "MCP",
        &[
            (E, &format!("{initialize}\n")),
            (I, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"capabilities\":{}}}\n"),
        ],
    );
    is_nothing(
        "Transmission",
        &[
            (E, &http(r#"{"method":"session-get","tag":1}"#)),
            (I, &ok(r#"{"arguments":{},"result":"success","tag":1}"#)),
        ],
    );
    is_nothing(
        "Kodi",
        &[
            (
                E,
                r#"{"jsonrpc":"2.0","method":"JSONRPC.Version","id":1}{"jsonrpc":"2.0","method":"Player.GetActivePlayers","id":2}"#,
            ),
            (I, r#"{"id":1,"jsonrpc":"2.0","result":{"version":{"major":12}}}"#),
        ],
    );
    is_nothing(
        "OVSDB",
        &[
            (E, r#"{"method":"list_dbs","id":"list_dbs","params":[]}"#),
            (I, r#"{"id":"list_dbs","result":["_Server","Open_vSwitch"],"error":null}"#),
        ],
    );
    is_nothing(
        "a router's log-in page",
        &[
            (
                E,
                &http(
                    "{\n\"id\": 1,\n\"method\": \"login\",\n\"params\": [\"youruser\", \"somepassword\"]\n}",
                ),
            ),
            (I, &ok(r#"{"id":1,"result":"65e60c5a93b2f2c05e61681bf5e94b49","error":null}"#)),
        ],
    );
}

#[test]
fn everyday_words() {
    is_nothing(
        "a game",
        &[
            (
                E,
                "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"alice@example.org\",\"pass\":\"hunter2\",\"agent\":\"ChessClient/3.1\"}}\n",
            ),
            (
                I,
                "{\"id\":1,\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"id\":\"771\",\"status\":\"OK\"}}\n",
            ),
            (I, "{\"method\":\"state\",\"params\":{\"tick\":1812}}\n"),
        ],
    );
    is_nothing(
        "a job queue",
        &[
            (
                E,
                "{\"id\":7,\"method\":\"submit\",\"params\":{\"queue\":\"render\",\"job\":{\"name\":\"frame-12\"}}}\n",
            ),
            (I, "{\"id\":7,\"result\":{\"job_id\":\"c1d2\",\"status\":\"OK\"}}\n"),
            (
                I,
                "{\"method\":\"job\",\"params\":{\"job_id\":\"c1d2\",\"state\":\"running\",\"blob\":\"aGVsbG8=\"}}\n",
            ),
        ],
    );
    is_nothing(
        "a job queue with arrays",
        &[
            (
                E,
                "{\"id\":1,\"method\":\"subscribe\",\"params\":[\"jobs\"]}\n{\"id\":2,\"method\":\"authorize\",\"params\":[\"worker-17\",\"s3cret\"]}\n",
            ),
            (I, "{\"id\":1,\"result\":true,\"error\":null}\n{\"id\":2,\"result\":true,\"error\":null}\n"),
            (I, "{\"id\":null,\"method\":\"notify\",\"params\":[\"job-81\",\"/bin/true\",true]}\n"),
        ],
    );
    is_nothing(
        "a game about mines",
        &[
            (
                E,
                "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":{\"shaft\":4}}\n{\"id\":2,\"method\":\"mining.submit\",\"params\":[\"iron\",\"12\",\"kg\"]}\n",
            ),
            (
                I,
                "{\"id\":1,\"result\":[\"shaft\",\"4\"]}\n{\"id\":2,\"result\":true}\n{\"method\":\"mining.notify\",\"params\":[\"shaft 4\",\"collapsed\"]}\n",
            ),
        ],
    );
}

#[test]
fn texts_that_quote_messages() {
    let (login, quoted) = (login(), SUBSCRIBE.replace('"', "\\\""));
    let notify = format!(
        r#"{{"id":null,"method":"mining.notify","params":["2","{HASH}","01","0d",[],"2","1d017064","538448e7",true]}}"#
    );
    is_nothing(
        "mail",
        &[
            (I, "220 mx ESMTP\r\n"),
            (E, &format!("EHLO a\r\nDATA\r\nSubject: q\r\n\r\n{login}\r\n{SUBSCRIBE}\r\n.\r\n")),
            (I, "250 ok\r\n"),
        ],
    );
    is_nothing("mail, one side captured", &[(E, &format!("EHLO a\r\nDATA\r\n\r\n{login}\r\n.\r\n"))]);
    is_nothing(
        "IRC",
        &[
            (E, &format!("NICK dave\r\nPRIVMSG #p :my miner sends {SUBSCRIBE} and fails\r\n")),
            (I, &format!(":b PRIVMSG #p :{login}\r\n")),
        ],
    );
    is_nothing(
        "web page",
        &[
            (E, "GET /doc HTTP/1.1\r\n\r\n"),
            (I, &ok(&format!("# Stratum\n```\n{SUBSCRIBE}\n{notify}\n{login}\n```\n"))),
        ],
    );
    is_nothing(
        "web form",
        &[
            (E, &http(&login)),
            (I, &ok("thanks")),
            (E, &http(SUBSCRIBE)),
            (I, "HTTP/1.1 204 No Content\r\n\r\n"),
        ],
    );
    is_nothing(
        "syslog",
        &[(
            E,
            &format!("<134>1 fw suricata: ET COINMINER payload={SUBSCRIBE}\n<134>1 fw suricata: {login}\n"),
        )],
    );
    is_nothing(
        "alerts as JSON lines",
        &[(E, &format!("{{\"event_type\":\"alert\",\"payload_printable\":\"{quoted}\"}}\n"))],
    );
    is_nothing(
        "a pool's own log",
        &[(
            E,
            "{\"level\":\"info\",\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.9\"]}\n",
        )],
    );
    is_nothing(
        "MQTT",
        &[
            (E, &format!("\x10\x16\0\x04MQTT\x04\x02\0<\0\nrig-017-aa0@\0\trig/stats{SUBSCRIBE}")),
            (I, " \x02\0\0"),
        ],
    );
    is_nothing(
        "Redis",
        &[
            (E, &format!("*3\r\n$7\r\nPUBLISH\r\n$4\r\njobs\r\n$99\r\n{notify}\r\n{SUBSCRIBE}\r\n")),
            (I, ":1\r\n"),
        ],
    );
    is_nothing("beanstalkd", &[(E, &format!("put 0 0 60 63\r\n{SUBSCRIBE}\r\n")), (I, "INSERTED 1\r\n")]);
    is_nothing(
        "a quotation in a document",
        &[(E, &format!("{{\"doc\":{{\"example\":{login}}},\"more\":[{SUBSCRIBE}]}}\n"))],
    );
}

#[test]
fn answers_that_mean_nothing_alone() {
    is_nothing(
        "answers",
        &[(
            I,
            "{\"id\":1,\"result\":true,\"error\":null}\n{\"id\":2,\"result\":{\"status\":\"OK\"}}\n{\"id\":3,\"error\":[21,\"Job not found\",null]}\n{\"id\":4,\"result\":[null,\"64290b\"]}\n",
        )],
    );
    is_nothing(
        "keep-alives",
        &[
            (E, "{\"id\":1,\"method\":\"keepalived\",\"params\":{\"id\":\"7\"}}\n"),
            (I, "{\"id\":1,\"result\":{\"status\":\"KEEPALIVED\"}}\n"),
        ],
    );
}

#[test]
fn a_transcript_that_goes_out_and_comes_back() {
    let transcript: String =
        samples().into_iter().flat_map(|sample| sample.turns).map(|turn| turn.1).collect();
    is_nothing(
        "paste",
        &[(E, &http(&transcript)), (I, &ok("stored")), (E, "GET /1 HTTP/1.1\r\n\r\n"), (I, &ok(&transcript))],
    );
    let chat = |from: &str| -> String {
        let lines = transcript.lines().map(|line| format!("{from}PRIVMSG #pool :{line}\r\n"));
        std::iter::once("NICK dave\r\n".to_owned()).chain(lines).collect()
    };
    is_nothing("chat", &[(E, &chat("")), (I, &chat(":dave!d@h "))]);
    let asked = format!("NICK dave\r\nPRIVMSG #pool :{SUBSCRIBE}\r\n");
    let told = ":b NOTICE * :hi\r\n:b PRIVMSG #pool :{\"id\":1,\"result\":[[[\"mining.notify\",\"de\"]],\"4800\",4]}\r\n";
    is_nothing("a question answered by a quotation", &[(E, &asked), (I, told)]);
}

#[test]
fn a_recorded_session_that_goes_by_in_one_piece() {
    for sample in samples() {
        let transcript: String = sample.turns.into_iter().map(|turn| turn.1).collect();
        for direction in [E, I] {
            let mut talk = Talk::of(&[(direction, &transcript)]);
            talk.stratum.close(FLOW, &mut talk.found);
            assert!(talk.found.is_empty(), "{:?}", talk.found);
        }
    }
}

#[test]
fn an_echo_is_no_proof() {
    for sample in samples() {
        let lines: Vec<String> = sample.turns.into_iter().map(|turn| turn.1).collect();
        let turns: Vec<_> = lines.iter().flat_map(|line| [(E, line.as_str()), (I, line.as_str())]).collect();
        let talk = Talk::of(&turns);
        assert!(talk.found.iter().all(|found| !found.rule.proof), "{:?}", talk.rules());
    }
}

#[test]
fn behind_bytes_that_were_skipped_text_still_guards() {
    for text in ["Subject: mining\r\n\r\n", "* 1 FETCH (BODY[] {907}\r\n", "250 ok\r\n"] {
        let mut talk = Talk::new();
        let mut payload = super::fixture::piece(50_000, format!("{text}{}\n", login()).as_bytes());
        payload.restart = true;
        talk.stratum.payload(crate::event::BootTime(0), &payload, &mut talk.found);
        assert!(talk.found.is_empty(), "{text}: {:?}", talk.found);
    }
}

#[test]
fn devices_and_games_that_log_in() {
    for login in [
        r#""login":"5f2b6c1d9e8a4b7c8d1e2f3a4b5c6d7e","pass":"t","rigid":"a""#,
        r#""login":"svcAccountNightlyBackup2026east","pass":"t""#,
        r#""login":"steve","pass":"t","agent":"MinerGame/1.0""#,
    ] {
        let ask = format!("{{\"id\":1,\"method\":\"login\",\"params\":{{{login}}}}}\n");
        is_nothing(
            login,
            &[(E, &ask), (I, "{\"id\":1,\"result\":{\"status\":\"OK\",\"session\":\"ab\"}}\n")],
        );
    }
    let logged = login().replacen('{', r#"{"ts":1,"lvl":"info","#, 1);
    is_nothing("a log that has a message's members", &[(E, &format!("{logged}\n"))]);
}
