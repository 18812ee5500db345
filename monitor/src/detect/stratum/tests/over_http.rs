//! Work and templates over HTTP: what is found, in whatever pieces, and what is not.
use super::fixture::{FLOW, Talk};
use crate::event::Direction::{self, Egress as E, Ingress as I};

const AGENT: &str = "User-Agent: cgminer 4.9.0\r\n";

fn post(head: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn work() -> String {
    format!(
        r#"{{"id":1,"error":null,"result":{{"data":"{}","target":"{}"}}}}"#,
        "0".repeat(256),
        "f".repeat(64)
    )
}

/// In pieces of every size that matters: always the same.
fn rules(turns: &[(Direction, String)]) -> Vec<&'static str> {
    let talk = |size: usize| {
        let mut talk = Talk::new();
        for (direction, text) in turns {
            text.as_bytes().chunks(size).for_each(|part| talk.say(*direction, part));
        }
        talk.stratum.close(FLOW, &mut talk.found);
        talk.rules()
    };
    let whole = talk(usize::MAX);
    [1, 2, 7, 64].into_iter().for_each(|size| assert_eq!(talk(size), whole, "pieces of {size}"));
    whole
}

#[test]
fn a_miner_says_what_it_is() {
    let ask = r#"{"id":1,"method":"getwork","params":[]}"#;
    assert_eq!(rules(&[(E, post(AGENT, ask))]), ["stratum.client"]);
    assert_eq!(rules(&[(E, post("X-Mining-Extensions: midstate\r\n", ask))]), ["stratum.client"]);
    assert_eq!(rules(&[(E, post(AGENT, ask)), (I, ok(&work()))]), ["stratum.client", "stratum.session"]);
    assert!(rules(&[(E, post(AGENT, r#"{"id":1,"method":"getblockcount","params":[]}"#))]).is_empty());
}

#[test]
fn work_is_a_miners_whoever_asked_but_a_person() {
    let ask = r#"{"id":1,"method":"getwork","params":[]}"#;
    assert_eq!(rules(&[(I, ok(&work()))]), ["stratum.server"]);
    assert_eq!(rules(&[(E, post("", ask)), (I, ok(&work()))]), ["stratum.session"]);
    assert!(rules(&[(E, post("User-Agent: curl/8.5.0\r\n", ask)), (I, ok(&work()))]).is_empty());
}

#[test]
fn what_is_quoted_in_a_body_is_no_call() {
    let ask = r#"{"id":1,"method":"getwork","params":[]}"#;
    for body in [
        format!("[{ask}]"),
        format!("<pre>{ask}</pre>"),
        format!(r#"{{"text":{ask}}}"#),
        format!("{{}}\n{ask}\n"),
    ] {
        assert!(
            rules(&[(E, post(AGENT, &body)), (I, ok("{\"id\":1,\"result\":true}"))]).is_empty(),
            "{body}"
        );
    }
    assert!(rules(&[(E, format!("{ask}\n")), (I, format!("{}\n", work()))]).is_empty(), "on a line");
}

#[test]
fn polling_for_ethereums_work_is_mining_once_it_goes_on() {
    let ask = post("", r#"{"id":1,"method":"eth_getWork","params":[]}"#);
    let hash = format!("0x{}", "a".repeat(64));
    let give = ok(&format!(r#"{{"id":1,"result":["{hash}","{hash}","0x0000{}"]}}"#, "f".repeat(60)));
    let polls =
        |times| -> Vec<_> { (0..times).flat_map(|_| [(E, ask.clone()), (I, give.clone())]).collect() };
    assert!(rules(&polls(2)).is_empty());
    assert_eq!(rules(&polls(3)), ["stratum.session"]);
}

#[test]
fn a_line_based_session_in_bodies_stays_a_quotation() {
    let login = r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.9.0"]}"#;
    assert!(rules(&[(E, post(AGENT, login)), (I, ok(r#"{"id":2,"result":true}"#))]).is_empty());
}

#[test]
fn the_password_is_nowhere_once_its_line_is_over() {
    // alice:hunter2
    let head = format!("Authorization: Basic YWxpY2U6aHVudGVyMg==\r\n{AGENT}");
    let text = post(&head, r#"{"id":1,"method":"getwork","params":[]}"#);
    let over = text.find("User-Agent").unwrap();
    let mut talk = Talk::new();
    for (at, byte) in text.bytes().enumerate() {
        talk.say(E, &[byte]);
        if at >= over {
            let state = format!("{:?} {:?}", talk.found, talk.stratum.flows.iter().collect::<Vec<_>>());
            assert!(!state.contains("hunter2") && !state.contains("aHVudGVyMg"), "at {at}");
            assert!(!state.contains(&format!("{:?}", b"aHVudGVyMg").replace(['[', ']'], "")), "at {at}");
        }
    }
    assert_eq!(talk.last().claim.wallet.as_deref(), Some("alice"));
    assert_eq!(talk.stratum.held_bytes, 0);
}
