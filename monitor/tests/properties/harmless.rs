//! Conversations that are not mining, made at random: nothing is found in any of them, and nothing panics.
//!
//! Owns the making of them. A word of mining comes with values that mining does not have; values of mining come
//! with words that are not mining's. A word and its values together are mining, and are not made here.
use arbtest::arbitrary::Unstructured;
use monitor::event::Direction;
use serde_json::{Map, Value, json};

use crate::{
    cases,
    choice::{chance, one, up_to},
    delivery::{plain, segments},
    disguise::{Turns, disguise},
    json::Style,
    try_often,
    verdict::{show, verdict},
};

/// Methods of other JSON-RPC, and of nobody.
const METHODS: [&str; 18] = [
    "initialize",
    "tools/call",
    "textDocument/didOpen",
    "eth_blockNumber",
    "eth_getBalance",
    "eth_call",
    "getblockcount",
    "getrawtransaction",
    "get_info",
    "get_balance",
    "server.version",
    "blockchain.scripthash.subscribe",
    "mining_status",
    "miner.stats",
    "jobs.list",
    "account.open",
    "mined",
    "x",
];
/// Words of Stratum, which everyday software has, too. The settings in mining's own name space (`mining.set_target`) are
/// left out: all that they come with is a number, and a member that comes twice may have one.
const WORDS: [&str; 8] =
    ["login", "submit", "job", "keepalived", "mining.notify", "mining.submit", "getjob", "set_extranonce"];
const TEXTS: [&str; 10] = [
    "",
    "a",
    "bob",
    "OK",
    "latest",
    "me@example.org",
    "2026-01-01T00:00:00Z",
    "/srv/data",
    "hello world",
    "\u{fc}",
];
const NAMES: [&str; 10] =
    ["name", "value", "size", "path", "uri", "text", "items", "start", "kind", "description"];

#[test]
fn nothing_is_found_in_json_rpc_of_others() {
    try_often(|u| {
        let turns = conversation(u);
        let style = Style::any(u);
        let written = disguise(&turns, style, u);
        assert_eq!(verdict(&segments(&written, u)), None, "\n{}", show(&plain(&written)));
    });
}

#[test]
fn nothing_is_found_in_bytes_and_text() {
    try_often(|u| {
        let turns = (0..=up_to(u, 8)).map(|_| (direction(u), junk(u))).collect();
        let segments = segments(&turns, u);
        assert_eq!(verdict(&segments), None, "\n{}", show(&segments));
    });
}

/// Pieces of real sessions, broken anywhere and in any order: whatever is found, nothing panics and nothing stays.
#[test]
fn broken_sessions_do_no_harm() {
    let cases = cases::all();
    try_often(|u| {
        let mut turns = Turns::new();
        for _ in 0..=up_to(u, 12) {
            let case = one(u, &cases);
            let (_, message) = one(u, &case.turns);
            let from = up_to(u, message.len());
            let mut bytes = message[from..from + up_to(u, message.len() - from)].to_vec();
            for _ in 0..up_to(u, 3).min(bytes.len()) {
                let at = up_to(u, bytes.len() - 1);
                bytes[at] = u.arbitrary().unwrap_or(b'{');
            }
            turns.push((direction(u), bytes));
        }
        turns.retain(|(_, bytes)| !bytes.is_empty());
        let mut segments = if chance(u, 2) { segments(&turns, u) } else { plain(&turns) };
        for segment in &mut segments {
            segment.offset += usize::from(chance(u, 20)) * up_to(u, 9_000);
            segment.length += usize::from(chance(u, 20)) * up_to(u, 9_000);
        }
        let _ = verdict(&segments);
    });
}

fn direction(u: &mut Unstructured<'_>) -> Direction {
    *one(u, &[Direction::Egress, Direction::Ingress])
}

fn conversation(u: &mut Unstructured<'_>) -> Turns {
    let mut turns = Turns::new();
    for id in 0..=up_to(u, 6) {
        turns.push((Direction::Egress, line(&request(id, u))));
        match up_to(u, 3) {
            0 => turns
                .push((Direction::Ingress, line(&json!({"id": id, "result": value(u, 3), "error": null})))),
            1 => turns.push((
                Direction::Ingress,
                line(&json!({"jsonrpc": "2.0", "id": id, "result": value(u, 3)})),
            )),
            2 => turns.push((
                Direction::Ingress,
                line(&json!({"id": id, "error": {"code": -32601, "message": "no"}})),
            )),
            _ => turns.push((Direction::Ingress, line(&request(id, u)))),
        }
    }
    turns
}

fn request(id: usize, u: &mut Unstructured<'_>) -> Value {
    let (method, params) =
        if chance(u, 3) { (*one(u, &WORDS), everyday(u)) } else { (*one(u, &METHODS), value(u, 3)) };
    let mut request = json!({"id": id, "method": method, "params": params});
    if chance(u, 2) {
        request["jsonrpc"] = json!("2.0");
    }
    request
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// Parameters with no hash, no address, no nonce: text and numbers by name.
fn everyday(u: &mut Unstructured<'_>) -> Value {
    let members = (0..up_to(u, 4)).map(|_| ((*one(u, &NAMES)).to_owned(), json!(*one(u, &TEXTS))));
    Value::Object(members.collect())
}

/// Anything, hashes and addresses too.
fn value(u: &mut Unstructured<'_>, depth: u8) -> Value {
    match up_to(u, if depth == 0 { 4 } else { 6 }) {
        0 => Value::Null,
        1 => json!(chance(u, 2)),
        2 => json!(u.arbitrary::<i32>().unwrap_or_default()),
        3 => json!(*one(u, &TEXTS)),
        4 => json!(hex(u)),
        5 => (0..up_to(u, 4)).map(|_| value(u, depth - 1)).collect(),
        _ => Value::Object(
            (0..up_to(u, 4))
                .map(|_| ((*one(u, &NAMES)).to_owned(), value(u, depth - 1)))
                .collect::<Map<_, _>>(),
        ),
    }
}

fn hex(u: &mut Unstructured<'_>) -> String {
    let prefix = *one(u, &["", "0x"]);
    let bytes = *one(u, &[4, 20, 32, 76]);
    let seed = u.arbitrary::<u8>().unwrap_or_default();
    prefix.to_owned()
        + &(0..bytes).map(|at: u8| format!("{:02x}", at.wrapping_mul(37) ^ seed)).collect::<String>()
}

fn junk(u: &mut Unstructured<'_>) -> Vec<u8> {
    match up_to(u, 3) {
        0 => {
            let length = up_to(u, 300);
            u.bytes(length.min(u.len())).map(<[u8]>::to_vec).unwrap_or_default()
        }
        1 => b"GET /pool/mining.subscribe?id=1 HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec(),
        2 => format!("{} said: {{\"{}\"\r\n", one(u, &TEXTS), one(u, &WORDS)).into_bytes(),
        _ => format!("{{{}}}\n", one(u, &WORDS)).into_bytes(),
    }
}
