//! What the detector says of segments in the end.
use std::num::NonZeroUsize;

use bytes::Bytes;
use monitor::{
    detect::{Claim, Detector as _, Finding, Role, stratum::Stratum},
    event::{BootTime, Direction, Ends, FlowId, Payload},
};

use crate::{delivery::Segment, disguise::Turns, json::Style};

/// The most that is kept of an object.
const KEPT: usize = 8 << 10;
/// The weight from which an incident is likely.
const LIKELY: u32 = 70;

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

/// What a change leaves open: where it does, two verdicts need not be the same.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doubt {
    /// Members come twice, and parsers differ about which one counts.
    pub(crate) decoys: bool,
    /// The sides speak in another order, or an object is known later: a line that is not over is not looked into
    /// before something of interest comes.
    pub(crate) order: bool,
    /// A message is longer than what is kept of one: nobody reads what is behind, be it the method.
    pub(crate) long: bool,
}

impl Doubt {
    /// What `turns` leave open that were disguised in this style.
    pub(crate) fn of(style: Style, turns: &Turns) -> Self {
        let long = turns.iter().any(|(_, bytes)| bytes.len() > KEPT);
        Self { decoys: style.has_decoys(), order: style.blanks, long }
    }
}

/// Feeds one conversation and closes it; `None` when nothing was found.
pub(crate) fn verdict(segments: &[Segment]) -> Option<Verdict> {
    let found = findings(segments);
    let last = found.last()?;
    let strongest =
        found.iter().map(|found| (found.rule.name, found.rule.weight)).max_by_key(|rule| rule.1)?;
    assert_eq!(strongest.1, last.rule.weight, "rules only get stronger");
    Some(Verdict { rule: (last.rule.name, last.rule.weight), role: last.role, claim: last.claim.clone() })
}

/// Everything that is found in one conversation.
fn findings(segments: &[Segment]) -> Vec<Finding> {
    let mut stratum = Stratum::new(NonZeroUsize::MIN);
    let mut found = Vec::new();
    for (nanos, segment) in (0..).zip(segments) {
        stratum.payload(BootTime(nanos), &payload(segment), &mut found);
    }
    stratum.close(FlowId(1), &mut found);
    assert_eq!(stratum.held(), 0, "a closed conversation leaves nothing behind");
    found
}

/// Every claim that whole messages make, to whoever hears any stretch of them.
pub(crate) fn claims(turns: &Turns) -> Vec<Claim> {
    let mut all = Vec::new();
    for from in 0..turns.len() {
        for to in from + 1..=turns.len() {
            let found = findings(&crate::delivery::plain(&turns[from..to].to_vec()));
            all.extend(found.into_iter().map(|found| found.claim));
        }
    }
    all
}

/// Of each message as a segment.
pub(crate) fn of_turns(turns: &Turns) -> Option<Verdict> {
    verdict(&crate::delivery::plain(turns))
}

/// Whether the verdict on a changed conversation is that on the plain one, as far as `doubt` leaves none.
pub(crate) fn agree(doubt: Doubt, changed: &Option<Verdict>, plain: &Option<Verdict>) -> bool {
    if doubt.long {
        return is_likely(plain) || !is_likely(changed);
    }
    let mut verdicts = [changed.clone(), plain.clone()];
    if let [Some(changed), Some(plain)] = &mut verdicts
        && doubt.decoys
        && (changed.rule.0, plain.rule.0) == ("stratum.share", "stratum.session")
        && plain.claim.dialect.as_deref() == Some("getblocktemplate")
    {
        // A decoy of null says that the block was taken.
        changed.rule = plain.rule;
    }
    let told = verdicts.iter().flatten().filter(|verdict| verdict.claim.difficulty.is_some()).count();
    // Work that anyone could have sent tells a difficulty only behind a client's message.
    let before_its_client = doubt.order && told == 1;
    for verdict in verdicts.iter_mut().flatten() {
        if doubt.decoys || before_its_client {
            // A decoy such as `[1]` is a difficulty, too.
            verdict.claim.difficulty = None;
        }
        if doubt.decoys {
            // Where one reading names no worker, the account does.
            verdict.claim.worker = None;
            // Where one reading names no port, the host alone is the pool.
            verdict.claim.pool = verdict.claim.pool.take().map(|pool| host(&pool).to_owned());
        }
    }
    verdicts[0] == verdicts[1]
}

/// Whether it opens an incident.
fn is_likely(verdict: &Option<Verdict>) -> bool {
    verdict.as_ref().is_some_and(|verdict| verdict.rule.1 >= LIKELY)
}

/// A pool's name without its port.
pub(crate) fn host(pool: &str) -> &str {
    pool.split(':').next().unwrap_or_default()
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
