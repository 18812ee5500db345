//! Conversations that are mining inside of tunnels and WebSocket.
use super::{
    super::layer::websocket_fixture::frame,
    fixture::Talk,
    no_json::duino,
    samples::{Sample, WALLET, cryptonote, samples},
};
use crate::{
    detect::{Claim, Detector as _, Role},
    event::Direction::{self, Egress as E, Ingress as I},
};

pub(super) type Turns = Vec<(Direction, Vec<u8>)>;

pub(super) const KEY: Option<[u8; 4]> = Some([0x9e, 0x37, 0x00, 0xb9]);
pub(super) const UPGRADE: &[u8] = b"GET /proxy HTTP/1.1\r\nHost: pool.example:8181\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n";
pub(super) const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/// What is said when each turn comes in segments of at most `size` bytes.
fn talk(turns: &Turns, size: usize) -> Talk {
    let mut talk = Talk::new();
    for (direction, bytes) in turns {
        bytes.chunks(size).for_each(|segment| talk.say(*direction, segment));
    }
    talk.stratum.finish(&mut talk.found);
    talk
}

/// The strongest rule and the claim at the end, the same for every size of segments.
pub(super) fn verdict(turns: &Turns) -> Option<(&'static str, Claim, Role)> {
    let end = |size| talk(turns, size).found.pop().map(|found| (found.rule.name, found.claim, found.role));
    let whole = end(usize::MAX);
    for size in [1, 3, 16, 100] {
        assert_eq!(end(size), whole, "segments of {size}");
    }
    whole
}

fn bytes(turns: &[(Direction, String)]) -> Turns {
    turns.iter().map(|(direction, text)| (*direction, text.clone().into_bytes())).collect()
}

/// Each line as a WebSocket message.
fn framed(turns: &[(Direction, String)]) -> Turns {
    let framed = |direction: Direction, text: &str| {
        let key = if direction == E { KEY } else { None };
        text.split_inclusive('\n').flat_map(|line| frame(0x81, line.as_bytes(), key)).collect()
    };
    turns.iter().map(|(direction, text)| (*direction, framed(*direction, text))).collect()
}

pub(super) fn tunnels() -> Vec<(&'static str, Turns, &'static str)> {
    let socks5: Turns = vec![
        (E, b"\x05\x01\x00".to_vec()),
        (I, b"\x05\x00".to_vec()),
        (E, b"\x05\x01\x00\x03\x0cpool.example\x0d\x05".to_vec()),
        (I, b"\x05\x00\x00\x01\0\0\0\0\0\0".to_vec()),
    ];
    let password: Turns = vec![
        (E, b"\x05\x02\x00\x02".to_vec()),
        (I, b"\x05\x02".to_vec()),
        (E, b"\x01\x03bob\x07hunter2".to_vec()),
        (I, b"\x01\x00".to_vec()),
        (E, b"\x05\x01\x00\x01\xc0\x00\x02\x09\x0d\x05".to_vec()),
        (I, b"\x05\x00\x00\x01\0\0\0\0\0\0".to_vec()),
    ];
    let four: Turns = vec![
        (E, b"\x04\x01\x0d\x05\x00\x00\x00\x01me\x00pool.example\x00".to_vec()),
        (I, b"\x00\x5a\0\0\0\0\0\0".to_vec()),
    ];
    let connect: Turns = vec![
        (E, b"CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\nProxy-Authorization: Basic aHVudGVyMg==\r\n\r\n".to_vec()),
        (I, b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n".to_vec()),
    ];
    let refused: Turns = vec![
        (E, b"CONNECT pool.example:3333 HTTP/1.1\r\n\r\n".to_vec()),
        (I, b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n".to_vec()),
    ];
    let nested = [socks5.clone(), connect.clone()].concat();
    let retried = [refused, connect.clone()].concat();
    vec![
        ("socks5", socks5, "pool.example:3333"),
        ("password", password, "192.0.2.9:3333"),
        ("socks4a", four, "pool.example:3333"),
        ("connect", connect, "pool.example:3333"),
        ("nested", nested, "pool.example:3333"),
        ("retried", retried, "pool.example:3333"),
    ]
}

#[test]
fn tunnels_are_peeled_and_name_the_pool() {
    for (name, tunnel, pool) in tunnels() {
        for Sample { turns, claim } in samples() {
            let turns = [tunnel.clone(), bytes(&turns)].concat();
            let (rule, told, role) = verdict(&turns).unwrap_or_else(|| panic!("{name}: nothing is found"));
            assert_eq!((rule, role), ("stratum.share", Role::Miner), "{name}");
            assert_eq!(told.pool.as_deref(), Some(pool), "{name}");
            assert_eq!((told.dialect, told.wallet), (claim.dialect, claim.wallet), "{name}");
        }
        assert_eq!(verdict(&tunnel), None, "{name} alone is nothing");
    }
}

#[test]
fn no_secret_of_a_tunnel_is_shown() {
    let secrets = ["hunter2", "aHVudGVyMg"].map(|secret| {
        let bytes = format!("{:?}", secret.as_bytes());
        (secret, bytes.trim_matches(['[', ']']).to_owned())
    });
    for turns in tunnels().into_iter().map(|(_, tunnel, _)| tunnel).chain([duino("\n")]) {
        let mut talk = Talk::new();
        for (direction, bytes) in turns {
            for byte in bytes.chunks(1) {
                talk.say(direction, byte);
                let layers = talk.stratum.flows.iter().map(|(_, flow)| format!("{:?}", flow.layers));
                let shown = layers.collect::<String>() + &format!("{:?}", talk.found);
                assert!(!secrets.iter().any(|(text, list)| shown.contains(text) || shown.contains(list)));
            }
        }
    }
}

#[test]
fn one_side_of_a_tunnel_is_one_sided() {
    for (name, tunnel, pool) in tunnels().into_iter().filter(|(name, ..)| *name != "retried") {
        let turns = [tunnel, bytes(&cryptonote().turns)].concat();
        let side = |way| turns.iter().filter(|turn| turn.0 == way).cloned().collect::<Turns>();
        let (rule, told, _) = verdict(&side(E)).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((rule, told.pool.as_deref()), ("stratum.client", Some(pool)), "{name}");
    }
}

#[test]
fn websocket_messages_are_lines() {
    for Sample { turns, claim } in samples() {
        let frames = framed(&turns);
        let upgraded = [vec![(E, UPGRADE.to_vec()), (I, SWITCH.to_vec())], frames.clone()].concat();
        let (rule, told, _) = verdict(&upgraded).expect("found behind an upgrade");
        assert_eq!(
            (rule, told.wallet, told.dialect),
            ("stratum.share", claim.wallet.clone(), claim.dialect.clone())
        );
        assert_eq!(told.pool.as_deref(), Some("pool.example:8181"));
        let (rule, told, _) = verdict(&frames).expect("found without it");
        assert_eq!((rule, told.wallet, told.dialect), ("stratum.share", claim.wallet, claim.dialect));
    }
}

#[test]
fn a_stream_in_binary_messages_is_read() {
    let Sample { turns, .. } = cryptonote();
    let pieces = |(direction, text): &(Direction, String)| {
        let key = if *direction == E { KEY } else { None };
        (*direction, text.as_bytes().chunks(50).flat_map(|part| frame(0x82, part, key)).collect())
    };
    let stream: Turns = turns.iter().map(pieces).collect();
    let upgraded = [vec![(E, UPGRADE.to_vec()), (I, SWITCH.to_vec())], stream].concat();
    assert_eq!(verdict(&upgraded).unwrap().0, "stratum.share");
}

#[test]
fn compressed_messages_are_counted() {
    let mut talk = Talk::new();
    for (direction, bytes) in [
        (E, UPGRADE.to_vec()),
        (I, SWITCH.to_vec()),
        (E, frame(0xc1, b"\xaa\x56\x4a", KEY)),
        (I, frame(0xc1, b"\xaa\x56", None)),
    ] {
        talk.say(direction, &bytes);
    }
    assert!(talk.found.is_empty());
    assert_eq!(talk.stratum.cut(), 2);
}

#[test]
fn web_miners_are_cryptonote() {
    let blob = "07".repeat(76);
    let turns = [
        (E, r#"{"type":"auth","params":{"site_key":"Q7hB2fYd0sKx91LmN4pRtVwZ6cEgJiUo","type":"anonymous","user":null,"goal":0}}"#.to_owned()),
        (I, r#"{"type":"authed","params":{"token":"","hashes":0}}"#.to_owned()),
        (I, format!(r#"{{"type":"job","params":{{"job_id":"1","blob":"{blob}","target":"ffffff00"}}}}"#)),
        (E, format!(r#"{{"type":"submit","params":{{"version":7,"job_id":"1","nonce":"d0030040","result":"{}"}}}}"#, "e1".repeat(32))),
        (I, r#"{"type":"hash_accepted","params":{"hashes":256}}"#.to_owned()),
    ];
    let upgraded = [vec![(E, UPGRADE.to_vec()), (I, SWITCH.to_vec())], framed(&turns)].concat();
    let (rule, told, _) = verdict(&upgraded).unwrap();
    assert_eq!((rule, told.dialect.as_deref()), ("stratum.share", Some("cryptonote")));
    assert_eq!(verdict(&framed(&turns[..2])), None, "a site key alone is no proof");
}

const NQ: &str = "NQ07 0000 0000 0000 0000 0000 0000 0000 0000";

#[test]
fn nimiq_is_found() {
    let turns = [
        (
            E,
            format!(
                r#"{{"message":"register","mode":"nano","address":"{NQ}","deviceId":7,"deviceName":"attic","genesisHash":"{}"}}"#,
                "A".repeat(44)
            ),
        ),
        (I, r#"{"message":"registered"}"#.to_owned()),
        (
            I,
            format!(
                r#"{{"message":"settings","address":"{NQ}","extraData":"cG9vbA==","target":1.5e70,"targetCompact":521142271,"nonce":8}}"#
            ),
        ),
        (E, format!(r#"{{"message":"share","block":"{}"}}"#, "Q".repeat(300))),
    ];
    let (rule, told, _) = verdict(&framed(&turns)).unwrap();
    assert_eq!(
        (rule, told.dialect.as_deref(), told.wallet.as_deref(), told.worker.as_deref()),
        ("stratum.session", Some("nimiq"), Some(NQ), Some("attic"))
    );
    assert_eq!(verdict(&framed(&turns[..1])).unwrap().0, "stratum.client");
    assert_eq!(verdict(&framed(&turns[1..3])).unwrap().0, "stratum.server");
}

#[test]
fn dero_is_found() {
    let wallet = "dero1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqgq9y3aa";
    let get =
        format!("GET /ws/{wallet}.attic HTTP/1.1\r\nHost: node.example:10100\r\nUpgrade: websocket\r\n\r\n");
    let blob = "41".repeat(48);
    let job = format!(
        r#"{{"jobid":"1.0.n","blocktemplate_blob":"{}","blockhashing_blob":"{blob}","difficulty":"9","difficultyuint64":9,"height":7,"miniblocks":0,"lasterror":"","status":"OK"}}"#,
        "41".repeat(150)
    );
    let turns = framed(&[(I, job), (E, format!(r#"{{"jobid":"1.0.n","mbl_blob":"{blob}"}}"#))]);
    let upgraded = [vec![(E, get.into_bytes()), (I, SWITCH.to_vec())], turns.clone()].concat();
    let (rule, told, _) = verdict(&upgraded).unwrap();
    assert_eq!(
        (rule, told.dialect.as_deref(), told.wallet.as_deref()),
        ("stratum.session", Some("dero"), Some(wallet))
    );
    assert_eq!((told.worker.as_deref(), told.pool.as_deref()), (Some("attic"), Some("node.example:10100")));
    assert_eq!(verdict(&upgraded[..1].to_vec()).unwrap().0, "stratum.client");
    assert_eq!(verdict(&turns).unwrap().0, "stratum.session");
    assert_eq!(verdict(&turns[..1].to_vec()).unwrap().0, "stratum.server");
}

#[test]
fn a_quoted_tunnel_peels_nothing() {
    let login = format!(
        r#"{{"id":1,"method":"login","params":{{"login":"{WALLET}","pass":"x","agent":"XMRig/6"}}}}"#
    );
    for text in [
        format!(
            "POST /paste HTTP/1.1\r\nContent-Length: 999\r\n\r\nCONNECT pool.example:1 HTTP/1.1\r\n\r\n{login}\r\n"
        ),
        format!("GET /raw HTTP/1.1\r\nHost: a.example\r\n\r\n{login}\n"),
        format!("EHLO a\r\nDATA\r\n\x05\x01\x00\x05\x01\x00\x03\x03a.b\0\x50{login}\r\n"),
    ] {
        assert!(talk(&vec![(E, text.clone().into_bytes())], usize::MAX).found.is_empty(), "{text}");
    }
}
