//! What was measured, as tables.
//!
//! Owns their order and columns. Must not know what is enough.
use std::io::{self, Write};

use crate::{
    captures::Captures,
    count::Share,
    expect,
    feed::View,
    flow::{Flow, Kind},
    judge::Verdict,
    measure::{Measured, Said, groups},
    table::{Form, Table},
    threshold::Threshold,
};

/// Writes everything.
pub(crate) fn write(
    measured: &Measured<'_>,
    captures: Option<&Captures>,
    thresholds: &[Threshold],
    form: Form,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut tables = Vec::new();
    if let Some(whole) = measured.view(View::Whole) {
        tables.push(kinds(whole));
        tables.push(mining(whole, "By label", |flow| &flow.label));
        tables.push(mining(whole, "By source data set", |flow| &flow.dataset));
        tables.push(harmless(whole));
        tables.push(misnamed(whole));
        tables.push(adversarial(whole));
    }
    tables.push(views("Views", &measured.views));
    tables.push(views("The general rule alone", &measured.general));
    tables.push(without(measured));
    tables.push(listed("Misses", &measured.views, Said::misses));
    tables.push(listed("False alarms", &measured.views, Said::alarms));
    tables.push(listed("False alarms of the general rule alone", &measured.general, Said::alarms));
    tables.extend(captures.into_iter().flat_map(self::captures));
    tables.push(self::thresholds(thresholds));
    tables.iter().try_for_each(|table| table.write(form, out))
}

fn kinds(said: &Said<'_>) -> Table {
    let mut table =
        Table::new("By class", &["class", "found/flows", "confirmed", "named right", "suspicious"]);
    for kind in Kind::ALL {
        let found = said.found(kind);
        if found.whole == 0 {
            continue;
        }
        let of =
            |is_part: &dyn Fn(&Flow, &Verdict) -> bool| Share::of(said.of_kind(kind), |(f, v)| is_part(f, v));
        let right = of(&|flow, verdict| expect::is_right(flow, verdict.dialect.as_deref()));
        let named = if kind.is_mining() { right.to_string() } else { "-".to_owned() };
        let confirmed = of(&|_, verdict| verdict.is_confirmed());
        let weak = of(&|_, verdict| !verdict.is_found() && verdict.score > 0);
        let counts = [found.to_string(), confirmed.to_string(), named, weak.part.to_string()];
        table.row([kind.name().to_owned()].into_iter().chain(counts));
    }
    table
}

/// Mining conversations by one of their marks.
fn mining(said: &Said<'_>, title: &str, key: fn(&Flow) -> &str) -> Table {
    let mut table = Table::new(title, &["class", title, "found/flows", "confirmed", "named right"]);
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_mining()) {
        for name in groups(said.of_kind(kind).map(|(flow, _)| flow), key) {
            let its = || said.of_kind(kind).filter(|(flow, _)| key(flow) == name);
            table.row([
                kind.name().to_owned(),
                name.to_owned(),
                Share::of(its(), |(_, verdict)| verdict.is_found()).to_string(),
                Share::of(its(), |(_, verdict)| verdict.is_confirmed()).to_string(),
                Share::of(its(), |(flow, verdict)| expect::is_right(flow, verdict.dialect.as_deref()))
                    .to_string(),
            ]);
        }
    }
    table
}

/// Harmless conversations by source: there are too many labels to list those in which nothing was found.
fn harmless(said: &Said<'_>) -> Table {
    let mut table = Table::new("Harmless, by source data set", &["class", "source", "false alarms/flows"]);
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_harmless()) {
        for name in groups(said.of_kind(kind).map(|(flow, _)| flow), |flow| &flow.dataset) {
            let its = said.of_kind(kind).filter(|(flow, _)| flow.dataset == name);
            let alarms = Share::of(its, |(_, verdict)| verdict.is_found());
            table.row([kind.name().to_owned(), name.to_owned(), alarms.to_string()]);
        }
    }
    table
}

fn misnamed(said: &Said<'_>) -> Table {
    let mut table = Table::new("Found under another name", &["flow", "label", "named", "should be"]);
    let found = said.verdicts.iter().filter(|(flow, verdict)| flow.kind.is_mining() && verdict.is_found());
    for (flow, verdict) in found.filter(|(flow, verdict)| !expect::is_right(flow, verdict.dialect.as_deref()))
    {
        let named = verdict.dialect.as_deref().unwrap_or("none").to_owned();
        let want = expect::dialect(flow).to_owned();
        table.row([flow.id.clone(), flow.label.clone(), named, want]);
    }
    table
}

fn adversarial(said: &Said<'_>) -> Table {
    let mut table =
        Table::new("Adversarial, constructed", &["flow", "label", "level", "score", "what was said"]);
    for (flow, verdict) in said.of_kind(Kind::Adversarial) {
        let text = if verdict.text.is_empty() { "nothing".to_owned() } else { verdict.text.clone() };
        let level = verdict.level.to_string();
        table.row([flow.id.clone(), flow.label.clone(), level, verdict.score.to_string(), text]);
    }
    table
}

fn views(title: &str, views: &[Said<'_>]) -> Table {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Unscored);
    let kinds: Vec<_> = kinds.filter(|kind| views.iter().any(|said| said.found(*kind).whole > 0)).collect();
    let head: Vec<_> = ["seen"].into_iter().chain(kinds.iter().map(|kind| kind.name())).collect();
    let mut table = Table::new(title, &head);
    for said in views {
        let found = kinds.iter().map(|kind| said.found(*kind).to_string());
        table.row([said.view.name()].into_iter().chain(found));
    }
    table
}

fn without(measured: &Measured<'_>) -> Table {
    let head = ["switched off", "Stratum still found", "over HTTP still found", "misses"];
    let mut table = Table::new("Each dialect's own module switched off in turn", &head);
    for without in &measured.without {
        table.row([
            without.dialect.name().to_owned(),
            without.stratum.to_string(),
            without.http.to_string(),
            some(&without.misses),
        ]);
    }
    table
}

/// Conversations one by one, with the views in which they stand.
fn listed<'a, I>(title: &str, views: &'a [Said<'a>], of: impl Fn(&'a Said<'a>) -> I) -> Table
where
    I: Iterator<Item = (&'a Flow, &'a Verdict)>,
{
    let mut table = Table::new(title, &["seen", "count", "label", "flows"]);
    for said in views {
        let flows: Vec<_> = of(said).map(|(flow, _)| flow).collect();
        for label in groups(flows.iter().copied(), |flow| &flow.label) {
            let its: Vec<_> =
                flows.iter().filter(|flow| flow.label == label).map(|flow| flow.id.clone()).collect();
            table.row([said.view.name(), its.len().to_string(), label.to_owned(), some(&its)]);
        }
    }
    table
}

fn captures(captures: &Captures) -> Vec<Table> {
    let head = ["folder", "files", "found/conversations", "same verdict/labelled"];
    let mut table = Table::new("Raw captures", &head);
    let mut odd = Table::new("Odd in the raw captures", &["folder", "what"]);
    for folder in &captures.folders {
        let (found, same) = (folder.found.to_string(), folder.same.to_string());
        table.row([folder.name.to_owned(), folder.files.to_string(), found, same]);
        folder.odd.iter().for_each(|what| odd.row([folder.name.to_owned(), what.clone()]));
    }
    captures.broken.iter().for_each(|what| odd.row(["not read to its end".to_owned(), what.clone()]));
    vec![table, odd]
}

fn thresholds(thresholds: &[Threshold]) -> Table {
    let mut table = Table::new("Thresholds", &["holds", "share", "least", "what", "reason"]);
    for threshold in thresholds {
        table.row([
            if threshold.holds() { "yes" } else { "NO" }.to_owned(),
            threshold.share.to_string(),
            format!("{} %", threshold.percent),
            threshold.what.clone(),
            threshold.reason.to_owned(),
        ]);
    }
    table
}

/// As many as a line can show; a table is for reading.
fn some(ids: &[String]) -> String {
    const SHOWN: usize = 50;
    let shown = ids.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(" ");
    if ids.len() > SHOWN { format!("{shown} and {} more", ids.len() - SHOWN) } else { shown }
}
