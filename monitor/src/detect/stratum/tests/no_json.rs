//! Mining without JSON: Duino-Coin's lines, Stratum V2 in clear and by its handshake.
use super::{
    super::layer::{noise_fixture::random, sv2_fixture, websocket_fixture::frame},
    fixture::Talk,
    layers::{KEY, SWITCH, Turns, UPGRADE, tunnels, verdict},
};
use crate::{
    detect::{Detector as _, Role},
    event::Direction::{self, Egress as E, Ingress as I},
};

const WORK: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b,2b0b822cd15d6c15b0f00a08ab0c5a9dd2f7f1b9,95";

/// With `end` behind each message.
pub(super) fn duino(end: &str) -> Turns {
    let says = |(direction, text): (Direction, &str)| (direction, format!("{text}{end}").into_bytes());
    [
        (I, "4.3"),
        (E, "JOB,alice,LOW,hunter2"),
        (I, WORK),
        (E, "183,4520.51,Official PC Miner 4.3,attic,,2811"),
        (I, "GOOD"),
    ]
    .map(says)
    .to_vec()
}

#[test]
fn duino_is_found() {
    for end in ["\n", "", "\r\n"] {
        let (rule, told, role) = verdict(&duino(end)).unwrap();
        assert_eq!(
            (rule, told.dialect.as_deref(), role),
            ("stratum.share", Some("duino"), Role::Miner),
            "{end:?}"
        );
        assert_eq!((told.wallet.as_deref(), told.worker.as_deref()), (Some("alice"), Some("attic")));
        assert_eq!(told.agent.as_deref(), Some("Official PC Miner 4.3"));
    }
    let side = |way| duino("\n").into_iter().filter(|turn| turn.0 == way).collect::<Turns>();
    assert_eq!(verdict(&side(E)).unwrap().0, "stratum.client");
    assert_eq!(verdict(&side(I)).unwrap().0, "stratum.server");
    let again = [duino("\n")[1..].to_vec(), duino("\n")[1..].to_vec()].concat();
    assert_eq!(verdict(&again).unwrap().0, "stratum.share", "without its beginning");
}

#[test]
fn words_of_duino_alone_are_nothing() {
    let turns = |lines: &[(Direction, &str)]| -> Turns {
        lines.iter().map(|(way, text)| (*way, format!("{text}\n").into_bytes())).collect()
    };
    for lines in [
        &[(E, "JOB,render,17"), (I, "GOOD")][..],
        &[(I, "4.3"), (E, "JOB,render"), (I, "QUEUED,7")],
        &[(I, WORK)],
        &[(E, "183,4520.51,Some Miner,attic"), (I, "GOOD")],
        &[(I, "2.1"), (E, "JOB,render,17"), (I, "QUEUED,17"), (E, "17,3.5,done"), (I, "GOOD")],
        &[(E, "1,2,3"), (E, "4,5,6"), (I, "GOOD")],
    ] {
        assert_eq!(verdict(&turns(lines)), None, "{lines:?}");
    }
}

fn text(value: &str) -> Vec<u8> {
    [&[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
}

fn clear() -> Turns {
    let setup = [
        vec![0, 2, 0, 2, 0, 1, 0, 0, 0],
        text("pool.example"),
        34254_u16.to_le_bytes().to_vec(),
        text("Acme"),
        text("S1"),
        text("acmeos 1.2"),
        text("serial"),
    ];
    let open = [vec![1, 0, 0, 0], text("fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW.attic"), vec![0; 36]].concat();
    let channel =
        [vec![1, 0, 0, 0, 1, 0, 0, 0], vec![0xff; 32], vec![4, 1, 2, 3, 4], vec![1, 0, 0, 0]].concat();
    let frame = sv2_fixture::frame;
    vec![
        (E, frame(0, 0, &setup.concat())),
        (I, frame(0, 1, &[2, 0, 0, 0, 0, 0])),
        (E, frame(0, 0x10, &open)),
        (I, [frame(0, 0x11, &channel), frame(0x8000, 0x15, &[7; 45])].concat()),
        (E, frame(0x8000, 0x1a, &[1; 24])),
        (I, frame(0x8000, 0x1c, &[1; 20])),
    ]
}

#[test]
fn stratum_v2_in_clear_is_read() {
    let (rule, told, _) = verdict(&clear()).unwrap();
    assert_eq!((rule, told.dialect.as_deref()), ("stratum.share", Some("stratum-v2")));
    assert_eq!(told.wallet.as_deref(), Some("fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW"));
    assert_eq!((told.worker.as_deref(), told.agent.as_deref()), (Some("attic"), Some("Acme acmeos 1.2")));
    assert_eq!(told.pool.as_deref(), Some("pool.example:34254"));
    let side = |way| clear().into_iter().filter(|turn| turn.0 == way).collect::<Turns>();
    assert_eq!(verdict(&side(E)).unwrap().0, "stratum.client");
    assert_eq!(verdict(&side(I)).unwrap().0, "stratum.server");
}

fn handshake(sizes: [usize; 5]) -> Turns {
    let ways = [E, I, E, I, E];
    (0_u64..).zip(sizes).zip(ways).map(|((seed, size), way)| (way, random(seed + 3, size))).collect()
}

#[test]
fn stratum_v2_is_told_by_its_handshake() {
    let turns = handshake([64, 234, 171, 44, 120]);
    let (rule, told, role) = verdict(&turns).unwrap();
    assert_eq!((rule, told.dialect.as_deref(), role), ("stratum.handshake", Some("stratum-v2"), Role::Miner));
    let (_, tunnel, pool) = tunnels().swap_remove(0);
    let (rule, told, _) = verdict(&[tunnel, turns.clone()].concat()).unwrap();
    assert_eq!((rule, told.pool.as_deref()), ("stratum.handshake", Some(pool)));
    let turned: Turns =
        turns.iter().map(|(way, bytes)| (if *way == E { I } else { E }, bytes.clone())).collect();
    assert_eq!(verdict(&turned).unwrap().2, Role::Pool);
    for turns in [&turns[..2], &turns[..4]] {
        assert_eq!(verdict(&turns.to_vec()), None, "{} flights are no proof", turns.len());
    }
    assert_eq!(verdict(&handshake([64, 170, 171, 44, 120])), None);
}

/// Streams that begin as a layer does and go on at random, with holes: whatever comes, little is held.
#[test]
fn hostile_streams_hold_little_and_end() {
    let heads: Vec<Vec<u8>> = tunnels()
        .into_iter()
        .flat_map(|(_, turns, _)| turns)
        .chain(duino("\n"))
        .chain(clear())
        .chain([(E, UPGRADE.to_vec()), (I, SWITCH.to_vec()), (E, frame(0x81, b"{\"a\":1}", KEY))])
        .map(|(_, bytes)| bytes)
        .collect();
    for seed in 0..400_u64 {
        let mut talk = Talk::new();
        for (turn, noise) in random(seed, 24).into_iter().enumerate() {
            let head = &heads[(usize::from(noise) + turn) % heads.len()];
            let keep = head.len() * (usize::from(noise) % 3 + 1) / 3;
            let tail = random(seed ^ u64::from(noise), usize::from(noise));
            let bytes = [&head[..keep], &tail].concat();
            let way = if noise & 1 == 0 { E } else { I };
            if noise & 0x1e == 0 {
                talk.lose(way, 100);
            }
            bytes.chunks(usize::from(noise % 50) + 1).for_each(|part| talk.say(way, part));
            let held: usize = talk.stratum.flows.iter().map(|(_, flow)| flow.layers.held()).sum();
            assert!(held <= 4 << 10, "{held}");
        }
        talk.stratum.finish(&mut talk.found);
    }
}
