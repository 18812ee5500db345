//! Everything that is measured: each conversation in each view, with every dialect and with one switched off.
//!
//! Owns [`Measured`]. Must not know what is enough.
use std::collections::BTreeSet;

use anyhow::Result;
use monitor::detect::stratum::{Dialect, Dialects};

use crate::{
    count::Share,
    expect,
    feed::View,
    flow::{Flow, Kind, Side},
    judge::{Judge, Verdict},
};

/// What was said of all conversations in one view, in their order.
pub(crate) struct Said<'a> {
    pub(crate) view: View,
    pub(crate) verdicts: Vec<(&'a Flow, Verdict)>,
}

impl<'a> Said<'a> {
    fn of(flows: &'a [Flow], view: View, mut judge: Judge) -> Result<Self> {
        let verdicts = flows.iter().map(|flow| Ok((flow, judge.judge(flow, view)?)));
        Ok(Self { view, verdicts: verdicts.collect::<Result<_>>()? })
    }

    /// Those of `kind` for which something can be asked of this view.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&'a Flow, &Verdict)> {
        let asked = move |flow: &Flow| flow.kind == kind && is_asked(flow, self.view);
        self.verdicts.iter().filter(move |(flow, _)| asked(flow)).map(|(flow, verdict)| (*flow, verdict))
    }

    /// Found, of the mining conversations of `kind`, or false alarms of the others.
    pub(crate) fn found(&self, kind: Kind) -> Share {
        Share::of(self.of_kind(kind), |(_, verdict)| verdict.is_found())
    }

    /// Harmless conversations that were found.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = (&'a Flow, &Verdict)> {
        let alarm = |flow: &Flow, verdict: &Verdict| flow.kind.is_harmless() && verdict.is_found();
        let alarms = self.verdicts.iter().filter(move |(flow, verdict)| alarm(flow, verdict));
        alarms.map(|(flow, verdict)| (*flow, verdict))
    }

    /// Mining conversations that were not found.
    pub(crate) fn misses(&self) -> impl Iterator<Item = (&'a Flow, &Verdict)> {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_mining());
        kinds.flat_map(|kind| self.of_kind(kind)).filter(|(_, verdict)| !verdict.is_found())
    }
}

/// Without the client's half, only a server that answered as a pool can be told.
fn is_asked(flow: &Flow, view: View) -> bool {
    view != View::Only(Side::Server) || !flow.kind.is_mining() || flow.confirmed
}

/// A dialect whose own module was switched off.
pub(crate) struct Without {
    pub(crate) dialect: Dialect,
    /// Of its conversations in plaintext Stratum, those that are still found.
    pub(crate) stratum: Share,
    /// The same of those over HTTP.
    pub(crate) http: Share,
    /// Those that are not.
    pub(crate) misses: Vec<String>,
}

/// All of it.
pub(crate) struct Measured<'a> {
    /// As shipped, one for each of [`View::ALL`].
    pub(crate) views: Vec<Said<'a>>,
    /// The general rule and no other, in each view.
    pub(crate) general: Vec<Said<'a>>,
    pub(crate) without: Vec<Without>,
}

impl<'a> Measured<'a> {
    pub(crate) fn of(flows: &'a [Flow]) -> Result<Self> {
        let others = Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Stratum);
        let alone = others.clone().fold(Dialects::default(), Dialects::without);
        let views = View::ALL.into_iter();
        Ok(Self {
            views: views
                .clone()
                .map(|view| Said::of(flows, view, Judge::shipped()))
                .collect::<Result<_>>()?,
            general: views.map(|view| Said::of(flows, view, Judge::only(alone))).collect::<Result<_>>()?,
            without: others.map(|dialect| without(flows, dialect)).collect::<Result<_>>()?,
        })
    }

    /// What was said in `view`, as shipped.
    pub(crate) fn view(&self, view: View) -> Option<&Said<'a>> {
        self.views.iter().find(|said| said.view == view)
    }

    /// Of all mining conversations, those whose dialect was named right.
    pub(crate) fn named(&self) -> Share {
        let whole = self.view(View::Whole).into_iter();
        let mining = whole.flat_map(|said| &said.verdicts).filter(|(flow, _)| flow.kind.is_mining());
        Share::of(mining, |(flow, verdict)| expect::is_right(flow, verdict.dialect.as_deref()))
    }
}

fn without(flows: &[Flow], dialect: Dialect) -> Result<Without> {
    let mut judge = Judge::only(Dialects::default().without(dialect));
    let mut out = Without { dialect, stratum: Share::default(), http: Share::default(), misses: Vec::new() };
    let its = |flow: &&Flow| flow.kind.is_mining() && expect::dialect(flow) == dialect.name();
    for flow in flows.iter().filter(its) {
        let found = judge.judge(flow, View::Whole)?.is_found();
        let share = if flow.kind == Kind::Http { &mut out.http } else { &mut out.stratum };
        share.part += usize::from(found);
        share.whole += 1;
        out.misses.extend((!found).then(|| flow.id.clone()));
    }
    Ok(out)
}

/// The values that `key` has among `flows`, in order.
pub(crate) fn groups<'a>(flows: impl Iterator<Item = &'a Flow>, key: fn(&Flow) -> &str) -> BTreeSet<&'a str> {
    flows.map(key).collect()
}
