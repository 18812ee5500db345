//! What the detector says of segments in the end.
use std::num::NonZeroUsize;

use bytes::Bytes;
use monitor::{
    detect::{Claim, Detector as _, Role, stratum::Stratum},
    event::{BootTime, Direction, Ends, FlowId, Payload},
};

use crate::{delivery::Segment, disguise::Turns, json::Style};

/// The strongest rule, whose part the local end plays, and what was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Name of the rule with the highest weight, and that weight.
    pub(crate) rule: (&'static str, u32),
    /// Part of the local end.
    pub(crate) role: Role,
    /// As the last finding has it.
    pub(crate) claim: Claim,
}

/// Feeds one conversation and closes it; `None` when nothing was found.
pub(crate) fn verdict(segments: &[Segment]) -> Option<Verdict> {
    let mut stratum = Stratum::new(NonZeroUsize::MIN);
    let mut found = Vec::new();
    for (nanos, segment) in (0..).zip(segments) {
        stratum.payload(BootTime(nanos), &payload(segment), &mut found);
    }
    stratum.close(FlowId(1), &mut found);
    assert_eq!(stratum.held(), 0, "a closed conversation leaves nothing behind");
    let last = found.last()?;
    let strongest =
        found.iter().map(|found| (found.rule.name, found.rule.weight)).max_by_key(|rule| rule.1)?;
    assert_eq!(strongest.1, last.rule.weight, "rules only get stronger");
    Some(Verdict { rule: (last.rule.name, last.rule.weight), role: last.role, claim: last.claim.clone() })
}

/// Of each message as a segment.
pub(crate) fn of_turns(turns: &Turns) -> Option<Verdict> {
    verdict(&crate::delivery::plain(turns))
}

/// Whether two verdicts are the same, as far as `style` leaves no doubt.
pub(crate) fn agree(style: Style, one: &Option<Verdict>, other: &Option<Verdict>) -> bool {
    let [mut one, mut other] = [one.clone(), other.clone()];
    if style.has_decoys() {
        // Where one reading names no worker, the account does.
        one.iter_mut().chain(&mut other).for_each(|verdict| verdict.claim.worker = None);
    }
    one == other
}

fn payload(segment: &Segment) -> Payload {
    Payload {
        flow: FlowId(1),
        ends: Ends { local: ([192, 0, 2, 10], 40_001).into(), remote: ([198, 51, 100, 20], 3333).into() },
        direction: segment.direction,
        offset: segment.offset as u64,
        bytes: Bytes::copy_from_slice(&segment.bytes),
        length: u32::try_from(segment.length).expect("a segment is short"),
        restart: false,
    }
}

/// The side that a message came from, as text for a person.
pub(crate) fn show(segments: &[Segment]) -> String {
    let line = |segment: &Segment| {
        let way = if segment.direction == Direction::Egress { '>' } else { '<' };
        format!("{way} {} {}", segment.offset, segment.bytes.escape_ascii())
    };
    segments.iter().map(line).collect::<Vec<_>>().join("\n")
}
