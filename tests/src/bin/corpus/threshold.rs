//! What is enough.
//!
//! Owns the table of thresholds, each with its reason. Must not know how anything is measured.
use monitor::detect::stratum::Dialect;

use crate::{
    captures::Captures,
    count::Share,
    feed::View,
    flow::{Kind, Side},
    measure::Measured,
};

/// Something that must hold.
pub(crate) struct Threshold {
    /// What, for a person.
    pub(crate) what: String,
    pub(crate) share: Share,
    /// The least, in percent of the whole.
    pub(crate) percent: usize,
    /// Why this much.
    pub(crate) reason: &'static str,
}

impl Threshold {
    pub(crate) const fn holds(&self) -> bool {
        self.share.is_at_least(self.percent)
    }
}

/// Of a kind of mining conversation in a view, this much has to be found.
const FOUND: [(Kind, View, usize, &str); 8] = [
    (Kind::Captured, View::Whole, 100, "real miners: each miss is a miner that runs on"),
    (Kind::Documented, View::Whole, 100, "rare dialects have no captures; their documents are all there is"),
    (Kind::Http, View::Whole, 100, "older miners, and those of a node's own chain"),
    (Kind::Captured, View::First(1), 80, "one packet may be a server's greeting or half a message"),
    (Kind::Captured, View::First(2), 95, "the second is mostly the answer or the rest of the first message"),
    (Kind::Captured, View::First(4), 99, "by then a miner has logged in; what is left waits for a job"),
    (Kind::Captured, View::Only(Side::Server), 85, "some servers only said yes, as others than pools do"),
    (
        Kind::Captured,
        View::Only(Side::Client),
        98,
        "the watched side is the client's, so almost nothing may be lost",
    ),
];
/// Kinds in which nothing may be found, in any view.
const QUIET: [(Kind, &str); 3] = [
    (Kind::Benign, "an alarm that is false costs more trust than an exotic miner missed"),
    (Kind::HardCaptured, "real programs that look like mining run on the hosts that are watched"),
    (Kind::HardConstructed, "each is a message that other detectors took for mining"),
];
const NAMED: (usize, &str) = (95, "reports and counts are by dialect; kin that differ late may be mistaken");
const WITHOUT: (usize, &str) = (80, "a dialect that nobody listed yet has only the general rule");
const SAME: (usize, &str) =
    (100, "packets and this corpus hold the same conversations, so they get the same verdict");

/// Everything that must hold, in the order of the report.
pub(crate) fn thresholds(measured: &Measured<'_>, captures: Option<&Captures>) -> Vec<Threshold> {
    let mut all = Vec::new();
    for (kind, view, percent, reason) in FOUND {
        let share = measured.view(view).map(|said| said.found(kind)).unwrap_or_default();
        all.push(Threshold {
            what: format!("{}, {}: found", kind.name(), view.name()),
            share,
            percent,
            reason,
        });
    }
    for said in &measured.views {
        for (kind, reason) in QUIET {
            let what = format!("{}, {}: no false alarm", kind.name(), said.view.name());
            all.push(Threshold { what, share: quiet(said.found(kind)), percent: 100, reason });
        }
    }
    let (percent, reason) = NAMED;
    let what = "dialect named right".to_owned();
    all.push(Threshold { what, share: measured.named(), percent, reason });
    all.extend(general(measured));
    if let Some(captures) = captures {
        let (percent, reason) = SAME;
        let what = "the same verdict from the raw captures".to_owned();
        all.push(Threshold { what, share: captures.same, percent, reason });
    }
    all
}

/// The general rule alone, and in the place of each dialect's own module.
fn general(measured: &Measured<'_>) -> Vec<Threshold> {
    let mut all = Vec::new();
    let (percent, reason) = WITHOUT;
    for without in measured.without.iter().filter(|without| is_asked(without.dialect)) {
        let share = sum([without.stratum, without.http]);
        if share.whole > 0 {
            let what = format!("without {}: its conversations still found", without.dialect.name());
            all.push(Threshold { what, share, percent, reason });
        }
    }
    for (kind, reason) in QUIET {
        let share = sum(measured.general.iter().map(|said| quiet(said.found(kind))));
        let what = format!("{}, the general rule alone in all views: no false alarm", kind.name());
        all.push(Threshold { what, share, percent: 100, reason });
    }
    all
}

fn sum(shares: impl IntoIterator<Item = Share>) -> Share {
    shares
        .into_iter()
        .fold(Share::default(), |sum, one| Share { part: sum.part + one.part, whole: sum.whole + one.whole })
}

/// The general rule reads JSON; these are told by bytes.
fn is_asked(dialect: Dialect) -> bool {
    !["stratum-v2", "duino"].contains(&dialect.name())
}

const fn quiet(alarms: Share) -> Share {
    Share { part: alarms.whole - alarms.part, whole: alarms.whole }
}
