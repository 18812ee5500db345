//! What Stratum detection costs: time per inspected segment of traffic that is not mining, time per conversation
//! that is, and bytes of state per conversation in which nothing was found.
//!
//! `cargo bench -p monitor --bench stratum`. Targets: 500 ns a segment, 5 us a mining conversation, 256 bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench is test code, which clippy.toml excepts only in test functions; its macros make public items"
)]
#[path = "stratum/allocator.rs"]
mod allocator;
#[path = "../tests/properties/cases.rs"]
mod cases;
#[path = "stratum/traffic.rs"]
mod traffic;

use std::{num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use monitor::{
    detect::{Finding, stratum::Stratum},
    event::{BootTime, Direction, Ends, FlowId, Payload},
};

use crate::traffic::KINDS;

/// Conversations at a time: as many as the table may hold in the agent's default.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();
/// A small segment, one of Ethernet's size, and the most that is captured at a time.
const SIZES: [usize; 4] = [64, 512, 1448, 4096];

fn payload(flow: u64, direction: Direction, bytes: Bytes) -> Payload {
    Payload {
        flow: FlowId(flow),
        ends: Ends { local: ([192, 0, 2, 10], 40_001).into(), remote: ([198, 51, 100, 20], 3333).into() },
        direction,
        offset: 0,
        length: u32::try_from(bytes.len()).unwrap(),
        bytes,
        restart: false,
    }
}

/// The first segment of a conversation, in a full table: an old one goes for it.
fn first_segments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("first segment");
    for (kind, stream) in KINDS {
        for size in SIZES {
            let mut piece = payload(0, Direction::Egress, Bytes::from(stream(size)));
            let (mut stratum, mut found) = (Stratum::new(CAPACITY), Vec::new());
            let mut next = || {
                piece.flow.0 += 1;
                stratum.payload(BootTime(0), &piece, &mut found);
            };
            (0..=CAPACITY.get()).for_each(|_| next());
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(BenchmarkId::new(kind, size), |bencher| bencher.iter(&mut next));
            assert_eq!(found, [], "{kind}");
        }
    }
}

/// Segments of one conversation that goes on and on.
fn later_segments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("later segment");
    for (kind, stream) in KINDS {
        let stream = Bytes::from(stream(256 << 10));
        for size in SIZES {
            let pieces: Vec<Bytes> =
                (0..stream.len() / size).map(|n| stream.slice(n * size..(n + 1) * size)).collect();
            let mut pieces = pieces.iter().cycle();
            let mut piece = payload(0, Direction::Egress, Bytes::new());
            let (mut stratum, mut found) = (Stratum::new(CAPACITY), Vec::new());
            let mut next = || {
                piece.offset += u64::from(piece.length);
                piece.bytes = pieces.next().unwrap().clone();
                piece.length = u32::try_from(size).unwrap();
                stratum.payload(BootTime(0), &piece, &mut found);
            };
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(BenchmarkId::new(kind, size), |bencher| bencher.iter(&mut next));
            assert_eq!(found, [], "{kind}");
        }
    }
}

/// A mining conversation until something is found in it, and whole, from its first message to its close.
fn judged_flows(criterion: &mut Criterion) {
    for (name, whole) in [("until found", false), ("mining conversation", true)] {
        let mut group = criterion.benchmark_group(name);
        for case in cases::all().into_iter().filter(|case| !case.is_benign()) {
            let mut pieces = pieces(case.turns);
            let (mut stratum, mut found) = (Stratum::new(CAPACITY), Vec::new());
            let mut talk = |found: &mut Vec<Finding>| {
                found.clear();
                for piece in &mut pieces {
                    piece.flow.0 += 1;
                    if whole || found.is_empty() {
                        stratum.payload(BootTime(0), piece, found);
                    }
                }
                stratum.close(pieces[0].flow, found);
            };
            talk(&mut found);
            assert!(!found.is_empty(), "{}: nothing found", case.name);
            group.bench_function(&case.name, |bencher| bencher.iter(|| talk(&mut found)));
        }
    }
}

/// The turns of a conversation as segments, each at its place in its direction.
fn pieces(turns: Vec<(Direction, Vec<u8>)>) -> Vec<Payload> {
    let mut offsets = [0; 2];
    let mut pieces = Vec::new();
    for (direction, bytes) in turns {
        let mut piece = payload(0, direction, Bytes::from(bytes));
        let offset = &mut offsets[usize::from(direction == Direction::Ingress)];
        piece.offset = std::mem::replace(offset, *offset + u64::from(piece.length));
        pieces.push(piece);
    }
    pieces
}

/// Bytes of state per conversation in which nothing was found, the table's own included.
fn state(_: &mut Criterion) {
    for (kind, stream) in KINDS {
        // Whole, and with a last line that is not complete.
        let pieces = [stream(1448), stream(100)].map(Bytes::from);
        let mut worst = 0;
        // What all conversations share is built when it is first needed, which is not counted.
        let shared = Bytes::from("junk\n{\"a\":1}\n".repeat(8));
        Stratum::new(CAPACITY).payload(BootTime(0), &payload(0, Direction::Egress, shared), &mut Vec::new());
        for flows in [1_000, 7_500, 14_500] {
            let before = allocator::held();
            let mut stratum = Stratum::new(CAPACITY);
            let mut found = Vec::new();
            for flow in 0..flows {
                for (direction, bytes) in [Direction::Egress, Direction::Ingress].into_iter().zip(&pieces) {
                    stratum.payload(BootTime(0), &payload(flow, direction, bytes.clone()), &mut found);
                }
            }
            worst = worst.max(
                usize::try_from(allocator::held() - before)
                    .unwrap()
                    .div_ceil(usize::try_from(flows).unwrap()),
            );
            drop(stratum);
        }
        println!("state/{kind}: {worst} bytes per conversation at most");
    }
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(40)
}

criterion_group! { name = benches; config = short(); targets = state, first_segments, later_segments, judged_flows }
criterion_main!(benches);
