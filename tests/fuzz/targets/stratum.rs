//! Any pieces of any conversations: the Stratum detector takes them all, in bounded memory, and forgets them all.
#![no_main]
#[path = "../../../monitor/benches/stratum/allocator.rs"]
mod allocator;
#[path = "../shared/mod.rs"]
mod shared;

use std::num::NonZeroUsize;

use libfuzzer_sys::fuzz_target;
use monitor::{
    detect::{Detector as _, Finding, stratum::Stratum},
    event::FlowId,
};

use crate::shared::pieces::{FLOWS, Steps};

/// What four conversations may hold, in bytes: for each of their eight directions 8 KiB that came too early, 8 KiB of
/// an object, both with what a vector keeps for growth, and what is known of the session.
const MEMORY: isize = (FLOWS as isize) * 2 * 48 * 1024;

fuzz_target!(|data: &[u8]| {
    let before = allocator::held();
    let mut stratum = Stratum::new(NonZeroUsize::new(FLOWS).unwrap());
    let mut found: Vec<Finding> = Vec::new();
    for step in Steps::of(data) {
        stratum.payload(step.at, &step.payload, &mut found);
        let flow = step.payload.flow;
        drop(step.payload);
        if step.close {
            stratum.close(flow, &mut found);
        }
        for finding in found.drain(..) {
            assert!(finding.text.len() < 200, "{finding:?}");
        }
        assert!(stratum.held() <= FLOWS);
        let held = allocator::held() - before;
        assert!(held <= MEMORY, "{held} bytes are held for {} conversations", stratum.held());
    }
    (0..FLOWS).for_each(|flow| stratum.close(FlowId(flow as u64), &mut found));
    assert_eq!(stratum.held(), 0);
});
