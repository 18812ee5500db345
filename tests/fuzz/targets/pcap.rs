//! Any bytes as a capture file: read to the end, and what it holds is judged.
#![no_main]
#[path = "../shared/mod.rs"]
mod shared;

use std::{io::Cursor, num::NonZeroUsize, path::Path};

use libfuzzer_sys::fuzz_target;
use monitor::{
    detect::stratum::Stratum,
    event::Body,
    source::{Source as _, pcap::Capture},
};

use crate::shared::ready;

/// Events that one packet may become: what it carries, an end, and the ticks that fill a silence before it.
const EVENTS_PER_PACKET: u64 = 128;

fuzz_target!(|data: &[u8]| {
    let Ok(mut capture) = Capture::new(Path::new("fuzz"), Box::new(Cursor::new(data.to_vec()))) else {
        return;
    };
    let mut stratum = Stratum::new(NonZeroUsize::new(64).unwrap());
    let (mut found, mut events) = (Vec::new(), 0);
    while let Ok(Some(event)) = ready(capture.next()) {
        events += 1;
        match event.body {
            Body::Payload(payload) => stratum.payload(event.at, &payload, &mut found),
            Body::Close { flow } => stratum.close(flow, &mut found),
            _ => {}
        }
        found.clear();
    }
    let tally = capture.tally();
    assert!(events <= (tally.packets + 1) * EVENTS_PER_PACKET, "{events} events of {tally:?}");
    assert!(
        capture.warnings().iter().all(|warning| warning.starts_with("fuzz: ") && !warning.contains('\n'))
    );
});
