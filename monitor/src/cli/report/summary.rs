//! Sums over incidents, and what a cap left out.
//!
//! Owns what counts as one user and one wallet. Must not know how a sum is shown.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde::Serialize;

use super::{
    entry::Level,
    fold::{
        CLAIMED_MAX, HOST_IDS_MAX, HOST_INCIDENTS_MAX, HOSTS_MAX, IDS_MAX, INCIDENTS_MAX, PROBLEMS_MAX, Tally,
    },
    view::{Now, Row},
};

/// Incidents with one thing in common.
#[derive(Debug, Serialize)]
pub(super) struct Sum {
    /// What they have in common.
    pub(super) name: String,
    pub(super) incidents: usize,
    /// Of those, how many go on.
    pub(super) open: usize,
    /// On how many hosts.
    pub(super) hosts: usize,
    /// The highest level.
    pub(super) level: String,
}

/// Who: who logged in, else the user, else the number.
pub(super) fn user(row: &Row) -> Option<String> {
    let facts = &row.incident.facts;
    let name = facts.text("LOGIN_USER").or_else(|| facts.text("USER")).map(str::to_owned);
    name.or_else(|| facts.number("UID").map(|uid| format!("uid {uid}")))
}

/// Who is paid.
pub(super) fn wallet(row: &Row) -> Option<String> {
    row.incident.facts.text("WALLET").map(str::to_owned)
}

#[derive(Default)]
struct Group<'a> {
    incidents: usize,
    open: usize,
    hosts: BTreeSet<&'a str>,
    level: Option<Level>,
}

/// Sums by what `name` gives; those with most hosts first.
pub(super) fn by(rows: &[Row], name: impl Fn(&Row) -> Option<String>) -> Vec<Sum> {
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for row in rows {
        let Some(name) = name(row) else { continue };
        let group = groups.entry(name).or_default();
        group.incidents += 1;
        group.open += usize::from(row.now == Now::Open);
        group.hosts.insert(&row.host);
        group.level = group.level.max(Some(row.incident.level));
    }
    let mut sums: Vec<_> = groups.into_iter().map(|(name, group)| sum(name, &group)).collect();
    sums.sort_by(|a, b| {
        (Reverse(a.hosts), Reverse(a.incidents), &a.name).cmp(&(
            Reverse(b.hosts),
            Reverse(b.incidents),
            &b.name,
        ))
    });
    sums
}

fn sum(name: String, group: &Group<'_>) -> Sum {
    let level = group.level.map_or_else(String::new, |level| level.to_string());
    Sum { name, incidents: group.incidents, open: group.open, hosts: group.hosts.len(), level }
}

/// A line for each cap that was hit.
pub(super) fn limits(tally: &Tally) -> Vec<String> {
    let all = [
        (
            tally.hosts_left_out,
            format!("entries of hosts beyond {HOSTS_MAX} ({CLAIMED_MAX} without a certificate) do not count"),
        ),
        (
            tally.incidents_left_out,
            format!(
                "entries of incidents beyond {INCIDENTS_MAX} ({HOST_INCIDENTS_MAX} of one host) or of too much text \
                 do not count: ask for a shorter time"
            ),
        ),
        (
            tally.ids_left_out,
            format!("entries beyond {IDS_MAX} ({HOST_IDS_MAX} of one host) may have counted twice"),
        ),
        (tally.problems_left_out, format!("problems beyond {PROBLEMS_MAX} are not listed")),
    ];
    all.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
}
