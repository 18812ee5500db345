//! What a conversation costs in memory as long as nothing in it is suspicious: at most 256 bytes, its places in the
//! table included.
//!
//! Owns the bound. Bytes of an object whose end did not come yet are held apart from that, under caps of their own:
//! here every line ends with its segment.
#![allow(clippy::unwrap_used, reason = "test code, which clippy.toml excepts only in test functions")]
#[path = "../../benches/stratum/allocator.rs"]
mod allocator;
#[path = "../../benches/stratum/traffic.rs"]
mod traffic;

use std::num::NonZeroUsize;

use bytes::Bytes;
use monitor::{
    detect::stratum::Stratum,
    event::{BootTime, Direction, Ends, FlowId, Payload},
};

/// Bytes per conversation.
const MOST: usize = 256;
/// Conversations at a time: the index of the table has just grown, and is as empty as it gets.
const COUNTS: [u64; 2] = [1_793, 3_585];

fn payload(flow: u64, direction: Direction, offset: usize, bytes: &Bytes) -> Payload {
    Payload {
        flow: FlowId(flow),
        ends: Ends { local: ([192, 0, 2, 10], 40_001).into(), remote: ([198, 51, 100, 20], 443).into() },
        direction,
        offset: offset.try_into().unwrap(),
        length: bytes.len().try_into().unwrap(),
        bytes: bytes.clone(),
        restart: false,
    }
}

/// Bytes held per conversation once each has sent and received these segments.
fn state(segments: &[Bytes], flows: u64) -> usize {
    // What all conversations share is built when it is first needed.
    let shared = Bytes::from("junk\n{\"a\":1}\n".repeat(8));
    Stratum::new(NonZeroUsize::MIN).payload(
        BootTime(0),
        &payload(0, Direction::Egress, 0, &shared),
        &mut Vec::new(),
    );
    let before = allocator::held();
    let mut stratum = Stratum::new(NonZeroUsize::new(16_384).unwrap());
    let mut found = Vec::new();
    for flow in 0..flows {
        for direction in [Direction::Egress, Direction::Ingress] {
            let mut offset = 0;
            for segment in segments {
                stratum.payload(BootTime(0), &payload(flow, direction, offset, segment), &mut found);
                offset += segment.len();
            }
        }
    }
    let held = usize::try_from(allocator::held() - before).unwrap();
    assert_eq!(found, []);
    assert!(held > 0, "the allocator counts");
    held.div_ceil(flows.try_into().unwrap())
}

/// Up to the end of the last line.
fn lines(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').unwrap();
    bytes.truncate(end + 1);
    bytes
}

#[test]
fn what_is_not_suspicious_costs_little() {
    for (kind, stream) in traffic::KINDS {
        for length in [300, 1448] {
            let mut bytes = stream(2 * length);
            let mut later = bytes.split_off(length);
            if kind == "json-rpc" {
                (bytes, later) = (lines(stream(length)), lines(stream(length)));
            }
            for segments in [vec![bytes.clone()], vec![bytes, later]] {
                let segments: Vec<Bytes> = segments.into_iter().map(Bytes::from).collect();
                for flows in COUNTS {
                    let state = state(&segments, flows);
                    assert!(state <= MOST, "{kind}, {} segments of {length}: {state} bytes", segments.len());
                }
            }
        }
    }
}
