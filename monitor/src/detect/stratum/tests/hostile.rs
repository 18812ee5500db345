//! Secrets, bounds, and bytes that mean harm.
use std::num::NonZeroUsize;

use super::{
    super::{Flow, HELD_BYTES, Stratum},
    fixture::{Talk, piece},
    samples::{Sample, samples},
};
use crate::{
    detect::Detector as _,
    event::{
        BootTime,
        Direction::{Egress as E, Ingress as I},
        FlowId, Payload,
    },
};

#[test]
fn the_password_is_in_no_finding_and_in_no_state() {
    let secret = "hunter2";
    let digits = format!("{:?}", secret.as_bytes());
    let digits = digits.trim_matches(['[', ']']);
    for Sample { turns, .. } in samples() {
        let mut talk = Talk::new();
        for (direction, text) in &turns {
            talk.say(*direction, text.as_bytes());
            let state = format!("{:?} {:?}", talk.found, talk.stratum.flows.iter().collect::<Vec<_>>());
            assert!(!state.contains(secret) && !state.contains(digits), "after {text}");
        }
    }
    let held = Talk::of(&[(E, "{\"pass\":\"hunter2")]);
    let state = format!("{:?}", held.stratum.flows.iter().collect::<Vec<_>>());
    assert!(state.contains(digits), "the check sees raw bytes");
}

#[test]
fn tables_and_bytes_are_bounded() {
    let mut stratum = Stratum::new(NonZeroUsize::new(5000).unwrap());
    let mut out = Vec::new();
    let open = [b"{\"a\":\"".as_slice(), &[b'x'; 8000]].concat();
    for flow in 0..6000 {
        let payload = Payload { flow: FlowId(flow), ..piece(0, &open) };
        stratum.payload(BootTime(0), &payload, &mut out);
        assert!(stratum.held_bytes <= HELD_BYTES && stratum.held() <= 5000);
    }
    assert_eq!(stratum.evicted() + stratum.held() as u64, 6000);
    for flow in 0..6000 {
        stratum.close(FlowId(flow), &mut out);
    }
    assert_eq!((stratum.held(), stratum.held_bytes, out.len()), (0, 0, 0));
    for flow in 0..6000 {
        let payload = Payload { flow: FlowId(flow), ..piece(0, b"\x16\x03\x01\x02\x00\x01") };
        stratum.payload(BootTime(0), &payload, &mut out);
    }
    assert_eq!((stratum.held(), stratum.held_bytes), (5000, 0));
    // Its place in the table costs another 24 bytes, and up to 39 of the index.
    assert!(size_of::<Flow>() <= 256 - 63, "{}", size_of::<Flow>());
}

/// Mutated sessions in random pieces at random places: no panic, and the books balance.
#[test]
fn hostile_bytes_do_no_harm() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let texts: Vec<Vec<u8>> = samples()
        .iter()
        .map(|sample| sample.turns.iter().flat_map(|turn| turn.1.bytes()).collect())
        .collect();
    let mut talk = Talk::new();
    for _ in 0..20_000 {
        let text = &texts[random(texts.len())];
        let from = random(text.len());
        let mut bytes = text[from..text.len().min(from + 1 + random(400))].to_vec();
        for _ in 0..random(4) {
            let at = random(bytes.len());
            bytes[at] = b"{}[]\",:\\\n\r\0\xff0au"[random(15)];
        }
        let payload = Payload {
            flow: FlowId(random(6) as u64),
            direction: if random(2) == 0 { E } else { I },
            length: u32::try_from(bytes.len() + random(2) * random(50)).unwrap(),
            restart: random(50) == 0,
            ..piece(
                [random(2000) as u64, u64::MAX - random(50) as u64][usize::from(random(100) == 0)],
                &bytes,
            )
        };
        talk.stratum.payload(BootTime(random(5_000_000_000) as u64), &payload, &mut talk.found);
        if random(100) == 0 {
            talk.stratum.close(payload.flow, &mut talk.found);
        }
        let held: usize = talk.stratum.flows.iter().map(|(_, flow)| flow.held()).sum();
        assert_eq!(talk.stratum.held_bytes, held);
    }
    assert!(talk.found.len() > 100, "the mutations still hit messages: {}", talk.found.len());
}
