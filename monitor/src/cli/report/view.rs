//! The report itself, as both forms show it.
//!
//! Owns what is shown of a fold, in which order, and the JSON form (`docs/output.md` has each key). Must not know how
//! entries came here.
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{
    Choice,
    entry::{Level, NUMBERS, TEXTS},
    fold::{Fold, Tally, certified},
    host::{Host, HostKey, State},
    incident::Incident,
    names::Names,
    read::Window,
    summary::{self, Sum},
};

/// Number of the JSON form; raised when a key changes its meaning or goes away, not when one is added.
const SCHEMA: u64 = 1;

/// Everything that is shown.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u64,
    #[serde(serialize_with = "moment")]
    pub(super) generated: Timestamp,
    #[serde(serialize_with = "maybe_moment")]
    pub(super) since: Option<Timestamp>,
    #[serde(serialize_with = "maybe_moment")]
    pub(super) until: Option<Timestamp>,
    /// The most certain first, of those the latest first.
    pub(super) incidents: Vec<Row>,
    /// Those with something to worry about first.
    pub(super) hosts: Vec<HostRow>,
    pub(super) users: Vec<Sum>,
    pub(super) wallets: Vec<Sum>,
    pub(super) counts: Counts,
    /// Sources that could not be read, in whole or in part.
    pub(super) problems: Vec<String>,
    /// Caps that were hit.
    pub(super) limits: Vec<String>,
}

/// Entries, and what became of them.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    pub(super) hosts: usize,
    pub(super) entries: u64,
    pub(super) duplicates: u64,
    pub(super) malformed: u64,
    pub(super) unknown: u64,
    pub(super) unbelieved: u64,
    /// Incidents that `--all` would show too.
    pub(super) hidden: usize,
}

/// Whether somebody still mines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Now {
    /// Its agent watches it.
    Open,
    /// It is over.
    Ended,
    /// It was not told to be over, and its agent says nothing any more.
    Unwatched,
}

impl Now {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Unwatched => "unwatched",
        }
    }
}

/// One incident.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) host: Box<str>,
    pub(super) certified: bool,
    pub(super) contradiction: bool,
    pub(super) now: Now,
    pub(super) incident: Incident,
}

/// One host.
#[derive(Debug, Serialize)]
pub(super) struct HostRow {
    pub(super) host: Box<str>,
    pub(super) certified: bool,
    pub(super) hostnames: Vec<Box<str>>,
    pub(super) contradiction: bool,
    pub(super) machine: Option<Box<str>>,
    #[serde(serialize_with = "state")]
    pub(super) state: State,
    #[serde(serialize_with = "maybe_moment")]
    pub(super) last: Option<Timestamp>,
    /// Seconds that it may say nothing.
    pub(super) patience: u64,
    pub(super) clock_ahead: bool,
    pub(super) version: Option<Box<str>>,
    pub(super) incidents: usize,
    pub(super) losses: u64,
    pub(super) lost: u64,
    pub(super) last_loss: Option<Box<str>>,
    pub(super) duplicates: u64,
    pub(super) unbelieved: u64,
    pub(super) left_out: u64,
}

impl Report {
    /// Of everything that was read; `generated` is the moment of the report.
    pub(super) fn of(fold: Fold, window: &Window, generated: Timestamp) -> Self {
        let Fold { choice, names, mut hosts, tally, problems, .. } = fold;
        for name in names.all().filter(|name| !name.retired) {
            hosts.entry(certified(name)).or_default();
        }
        let (mut incidents, mut rows, mut hidden) = (Vec::new(), Vec::new(), 0);
        for (key, mut host) in hosts {
            let all = std::mem::take(&mut host.incidents);
            let before = all.len();
            let shown: Vec<_> = all.into_values().filter(|incident| is_shown(incident, &choice)).collect();
            hidden += before - shown.len();
            rows.push(host_row(&key, &host, shown.len(), &choice));
            incidents.extend(shown.into_iter().map(|incident| row(&key, &host, incident, &choice, &names)));
        }
        incidents.sort_by(|a, b| order(a).cmp(&order(b)));
        rows.sort_by(|a, b| (is_well(a), a.state, &a.host).cmp(&(is_well(b), b.state, &b.host)));
        Self {
            schema: SCHEMA,
            generated,
            since: window.since,
            until: window.until,
            users: summary::by(&incidents, summary::user),
            wallets: summary::by(&incidents, summary::wallet),
            counts: counts(&tally, rows.len(), hidden),
            limits: summary::limits(&tally),
            incidents,
            hosts: rows,
            problems,
        }
    }
}

/// The most certain first, then what goes on, then the latest.
fn order(row: &Row) -> impl Ord + use<'_> {
    use std::cmp::Reverse;
    let over = row.now == Now::Ended;
    (Reverse(row.incident.level), over, Reverse(row.incident.since), &row.host, &row.incident.facts.incident)
}

/// Whether nothing is to be said of a host; such come last.
pub(super) const fn is_well(host: &HostRow) -> bool {
    let well = matches!(host.state, State::Alive | State::Retired);
    well && !host.contradiction && host.losses == 0 && host.unbelieved == 0 && !host.clock_ahead
}

fn is_shown(incident: &Incident, choice: &Choice) -> bool {
    choice.all || (!incident.test && incident.level >= Level::Likely)
}

fn row(key: &HostKey, host: &Host, incident: Incident, choice: &Choice, names: &Names) -> Row {
    let heard = matches!(host.state(choice.now, choice.silent_after), State::Alive);
    let now = match incident.ended {
        Some(_) => Now::Ended,
        None if heard && !host.outlived(incident.last) => Now::Open,
        None => Now::Unwatched,
    };
    let contradiction = host.contradiction && belied(key, incident.hostname.as_deref(), names);
    Row { host: key.name.clone(), certified: key.certified, contradiction, now, incident }
}

/// Whether `hostname` is none that the certificate's host may have.
fn belied(key: &HostKey, hostname: Option<&str>, names: &Names) -> bool {
    let name = names.all().find(|name| key.certified && *name.name == *key.name);
    name.zip(hostname).is_some_and(|(name, hostname)| !name.covers(hostname))
}

fn host_row(key: &HostKey, host: &Host, incidents: usize, choice: &Choice) -> HostRow {
    HostRow {
        host: key.name.clone(),
        certified: key.certified,
        hostnames: host.hostnames.iter().cloned().collect(),
        contradiction: host.contradiction,
        machine: (!key.machine.is_empty()).then(|| key.machine.clone()),
        state: host.state(choice.now, choice.silent_after),
        last: host.last,
        patience: host.patience(choice.silent_after).as_secs(),
        clock_ahead: host.ahead(choice.now),
        version: host.version.clone(),
        incidents,
        losses: host.losses,
        lost: host.lost,
        last_loss: host.last_loss.as_ref().map(|(_, message)| message.clone()),
        duplicates: host.duplicates,
        unbelieved: host.unbelieved,
        left_out: host.left_out,
    }
}

const fn counts(tally: &Tally, hosts: usize, hidden: usize) -> Counts {
    Counts {
        hosts,
        entries: tally.entries,
        duplicates: tally.duplicates,
        malformed: tally.malformed,
        unknown: tally.foreign,
        unbelieved: tally.unbelieved,
        hidden,
    }
}

impl Row {
    /// From its first evidence to its end, or to the newest word of it.
    pub(super) fn duration(&self) -> SignedDuration {
        let end = self.incident.ended.unwrap_or(self.incident.last);
        end.duration_since(self.incident.since).max(SignedDuration::ZERO)
    }
}

/// Keys of an incident before those of [`TEXTS`] and [`NUMBERS`].
#[cfg(test)]
pub(super) const ROW_KEYS: [&str; 16] = [
    "host",
    "certified",
    "hostname",
    "contradiction",
    "incident",
    "level",
    "score",
    "state",
    "since",
    "last",
    "ended",
    "duration",
    "entries",
    "test",
    "evidence",
    "rules",
];

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let incident = &self.incident;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("host", &self.host)?;
        map.serialize_entry("certified", &self.certified)?;
        map.serialize_entry("hostname", &incident.hostname)?;
        map.serialize_entry("contradiction", &self.contradiction)?;
        map.serialize_entry("incident", &incident.facts.incident)?;
        map.serialize_entry("level", &incident.level.to_string())?;
        map.serialize_entry("score", &incident.score)?;
        map.serialize_entry("state", self.now.name())?;
        map.serialize_entry("since", &rfc3339(incident.since))?;
        map.serialize_entry("last", &rfc3339(incident.last))?;
        map.serialize_entry("ended", &incident.ended.map(rfc3339))?;
        map.serialize_entry("duration", &self.duration().as_secs())?;
        map.serialize_entry("entries", &incident.entries)?;
        map.serialize_entry("test", &incident.test)?;
        map.serialize_entry("evidence", &incident.facts.evidence)?;
        for name in TEXTS {
            let text = incident.facts.text(name);
            match name {
                "RULES" => {
                    let rules: Vec<_> =
                        text.unwrap_or_default().split(',').filter(|rule| !rule.is_empty()).collect();
                    map.serialize_entry("rules", &rules)?;
                }
                name => map.serialize_entry(&name.to_ascii_lowercase(), &text)?,
            }
        }
        for name in NUMBERS {
            map.serialize_entry(&name.to_ascii_lowercase(), &incident.facts.number(name))?;
        }
        map.end()
    }
}

/// UTC to the microsecond, as in all of our output.
pub(super) fn rfc3339(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn moment<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
fn maybe_moment<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(rfc3339).serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to the field")]
fn state<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.name())
}
