//! Pieces and conversations for tests.
use std::num::NonZeroUsize;

use bytes::Bytes;

use crate::{
    detect::{Finding, stratum::Stratum},
    event::{BootTime, Direction, Ends, FlowId, Payload},
};

/// The conversation of all tests.
pub(in crate::detect::stratum) const FLOW: FlowId = FlowId(7);

/// Bytes sent by the local end at `offset`.
pub(in crate::detect::stratum) fn piece(offset: u64, bytes: &[u8]) -> Payload {
    Payload {
        flow: FLOW,
        ends: Ends { local: ([10, 0, 0, 1], 40_000).into(), remote: ([10, 0, 0, 2], 3333).into() },
        direction: Direction::Egress,
        offset,
        bytes: Bytes::copy_from_slice(bytes),
        length: u32::try_from(bytes.len()).unwrap(),
        restart: false,
    }
}

/// One conversation, fed in order, with everything that was found.
pub(in crate::detect::stratum) struct Talk {
    pub(in crate::detect::stratum) stratum: Stratum,
    pub(in crate::detect::stratum) found: Vec<Finding>,
    offsets: [u64; 2],
}

impl Talk {
    pub(in crate::detect::stratum) fn new() -> Self {
        Self { stratum: Stratum::new(NonZeroUsize::new(4).unwrap()), found: Vec::new(), offsets: [0; 2] }
    }

    pub(in crate::detect::stratum) fn of(turns: &[(Direction, &str)]) -> Self {
        let mut talk = Self::new();
        for (direction, text) in turns {
            talk.say(*direction, text.as_bytes());
        }
        talk
    }

    pub(in crate::detect::stratum) fn say(&mut self, direction: Direction, bytes: &[u8]) {
        let offset = &mut self.offsets[direction as usize];
        let payload = Payload { direction, ..piece(*offset, bytes) };
        *offset += bytes.len() as u64;
        self.stratum.payload(BootTime(0), &payload, &mut self.found);
    }

    /// Bytes that are never captured.
    pub(in crate::detect::stratum) fn lose(&mut self, direction: Direction, count: u32) {
        let offset = &mut self.offsets[direction as usize];
        let payload = Payload { direction, length: count, ..piece(*offset, b"") };
        *offset += u64::from(count);
        self.stratum.payload(BootTime(0), &payload, &mut self.found);
    }

    /// Names of the rules, in the order found.
    pub(in crate::detect::stratum) fn rules(&self) -> Vec<&'static str> {
        self.found.iter().map(|finding| finding.rule.name).collect()
    }

    /// The rule and claim of the last finding.
    pub(in crate::detect::stratum) fn last(&self) -> &Finding {
        self.found.last().expect("a finding")
    }
}
