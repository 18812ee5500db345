//! What knowing programs by content costs: bytes a second of the one pass that digests a file and searches it, the
//! memory that the rules take, and the most that a pass takes.
//!
//! `cargo bench -p monitor --bench content`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench is test code, which clippy.toml excepts only in test functions; its macros make public items"
)]
use std::{fs::File, io::Read as _, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use monitor::{rules::bundled_rules, worker::scan::search_file};

/// A file that is read whole, one as large as a miner, and one that is large.
const MEGABYTES: [usize; 3] = [4, 8, 100];

/// This program's own code, as often as it takes.
fn file(megabytes: usize) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let mut left = u64::try_from(megabytes << 20).unwrap();
    while left > 0 {
        let mut code = File::open("/proc/self/exe").unwrap().take(left);
        left -= std::io::copy(&mut code, &mut file).unwrap();
    }
    file
}

/// `VmRSS` or `VmHWM` in kB.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn content(criterion: &mut Criterion) {
    let before = memory("VmRSS");
    let start = std::time::Instant::now();
    let (rules, problems) = bundled_rules();
    assert!(problems.is_empty(), "{problems:?}");
    println!(
        "{} rules: {} kB resident more, compiled in {:?}",
        rules.bundled,
        memory("VmRSS") - before,
        start.elapsed()
    );
    let mut group = criterion.benchmark_group("digest and search");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for megabytes in MEGABYTES {
        let file = file(megabytes);
        let before = memory("VmRSS");
        group.throughput(Throughput::Bytes(u64::try_from(megabytes << 20).unwrap()));
        group.bench_function(BenchmarkId::from_parameter(format!("{megabytes} MiB")), |bencher| {
            bencher.iter(|| search_file(&rules, &file, Duration::from_secs(60)).unwrap());
        });
        println!("resident before {before} kB, after {} kB, most {} kB", memory("VmRSS"), memory("VmHWM"));
    }
}

criterion_group!(benches, content);
criterion_main!(benches);
