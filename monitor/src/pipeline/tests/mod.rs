//! Scenarios through the whole pipeline, with a detector that finds what the payload says.
use bytes::Bytes;

use super::*;
use crate::{
    detect::{
        ARGV_STRATUM_URL, DESTINATION_LIST, STRATUM_CLIENT, STRATUM_SERVER, STRATUM_SESSION, STRATUM_SHARE,
        argv::Argv,
    },
    event::{Counters, Owner, OwnerSource, ProcFacts},
    finding::{Claim, Finding, Role, Rule, Shares, Subject},
    notice::{IncidentView, Kind, Level, Notice},
    record::Record,
    testing::{
        close, connect, event, exec, exit, facts, flow_payload, fork, holders, key, no_facts, owner,
        proc_facts, tick, time,
    },
};

mod agent;
mod captures;
mod chaos;
mod incidents;
mod ownership;
mod passed;
mod processes;
mod records;
mod respawn;
mod roles;
mod self_test;
mod shares;

/// Finds what payload says, such as `client wallet=4AB worker=rig`, `pool-session`, or `share accepted=2
/// again`. Everything else that a
/// detector is asked for has no answer here.
struct Says;

impl Says {
    fn rule(word: &str) -> Option<(&'static Rule, Role)> {
        let (role, name) = word.strip_prefix("pool-").map_or((Role::Miner, word), |name| (Role::Pool, name));
        let rule = match name {
            "client" => &STRATUM_CLIENT,
            "server" => &STRATUM_SERVER,
            "session" => &STRATUM_SESSION,
            "share" => &STRATUM_SHARE,
            "listed" => &DESTINATION_LIST,
            _ => return None,
        };
        Some((rule, role))
    }

    fn value(text: &str, name: &str) -> Option<String> {
        let mut pairs = text.split(' ').filter_map(|word| word.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    fn shares(text: &str) -> Shares {
        let count = |name| Self::value(text, name).map_or(0, |count| count.parse().unwrap());
        Shares { accepted: count("accepted"), rejected: count("rejected") }
    }

    fn claim(text: &str) -> Claim {
        let value = |name: &str| Self::value(text, name);
        Claim {
            dialect: value("dialect").or(Some("cryptonote".to_owned())),
            wallet: value("wallet"),
            worker: value("worker"),
            agent: value("agent"),
            pool: value("pool"),
            difficulty: value("difficulty"),
            ..Claim::default()
        }
    }
}

impl Detector for Says {
    fn inspect(&mut self, event: &Event, _tables: &Tables, out: &mut Report) {
        let Body::Payload(payload) = &event.body else { return };
        let text = std::str::from_utf8(&payload.bytes).unwrap();
        for (rule, role) in text.split(' ').filter_map(Self::rule) {
            let subject = Subject::Flow(payload.flow);
            let claim = Self::claim(text);
            out.findings.push(Finding {
                rule,
                subject,
                role,
                text: format!("saw {}", rule.name),
                claim,
                shares: Self::shares(text),
                repeats: text.ends_with(" again"),
            });
        }
    }

    fn held(&self) -> usize {
        0
    }

    fn evicted(&self) -> u64 {
        0
    }
}

/// A payload event that [`Says`] understands.
fn says(seconds: u64, flow: u64, owner: Option<Owner>, text: &'static str) -> Event {
    let mut event = flow_payload(seconds, flow, owner);
    if let Body::Payload(payload) = &mut event.body {
        payload.bytes = Bytes::from_static(text.as_bytes());
    }
    event
}

/// A pipeline, everything it said so far, and a world that answers its look-ups when told to.
struct Run {
    pipeline: Pipeline,
    notices: Vec<Notice>,
    requests: Vec<Request>,
    flows: Vec<FlowView>,
    records: Vec<Record>,
    /// Whether who is known to own a conversation is found to hold it, at once and without mention in `requests`.
    holds: bool,
}

fn host() -> Host {
    Host {
        watched: String::new(),
        boot_id: "b00t".to_owned(),
        unix_offset_nanos: 1_767_355_200_000_000_000,
        version: "0.1.0".to_owned(),
    }
}

/// An incident ends after a minute, so that stories are short.
fn brief() -> Settings {
    Settings { end_after: Duration::from_secs(60), ..Settings::default() }
}

impl Run {
    fn new(settings: Settings) -> Self {
        let detectors: Vec<Box<dyn Detector>> = vec![Box::new(Says), Box::new(Argv::new(64))];
        let pipeline = Pipeline::new(host(), settings, detectors);
        Self {
            pipeline,
            notices: Vec::new(),
            requests: Vec::new(),
            flows: Vec::new(),
            records: Vec::new(),
            holds: true,
        }
    }

    /// Who holds a socket is answered by the test alone.
    fn asking(events: &[Event]) -> Self {
        let mut run = Self { holds: false, ..Self::new(brief()) };
        run.feed(events);
        run
    }

    fn of(events: &[Event]) -> Self {
        let mut run = Self::new(brief());
        run.feed(events);
        run
    }

    fn take(&mut self, out: Outcome) {
        self.notices.extend(out.notices);
        self.requests.extend(out.requests);
        self.flows.extend(out.flows);
        self.records.extend(out.records);
    }

    fn feed(&mut self, events: &[Event]) {
        for event in events {
            let mut out = self.pipeline.step(event);
            let asked = self.held(&mut out.requests);
            self.take(out);
            for (flow, owners) in asked {
                let body = Body::Holders { flow, holders: owners };
                let out = self.pipeline.step(&Event { at: event.at, owner: None, body });
                self.take(out);
            }
        }
    }

    /// Takes out the requests for conversations whose owners are known.
    fn held(&self, requests: &mut Vec<Request>) -> Vec<(FlowId, Vec<Owner>)> {
        let owners = |request: &Request| match request {
            Request::FindOwner(flow) if self.holds => {
                let owners = self.pipeline.tables.flows.get(*flow)?.owners.clone();
                (!owners.is_empty()).then_some((*flow, owners))
            }
            _ => None,
        };
        let held = requests.iter().filter_map(owners).collect();
        requests.retain(|request| owners(request).is_none());
        held
    }

    fn finish(&mut self, seconds: u64) {
        let out = self.pipeline.finish(time(seconds));
        self.take(out);
    }

    /// Kind and level of each incident notice, in order.
    fn story(&self) -> Vec<(Kind, Level)> {
        self.incident_notices().map(|(kind, view)| (kind, view.level)).collect()
    }

    fn incident_notices(&self) -> impl Iterator<Item = (Kind, &IncidentView)> {
        self.notices.iter().filter_map(|notice| Some((notice.kind, notice.incident.as_deref()?)))
    }

    fn last(&self) -> &IncidentView {
        self.incident_notices().last().expect("an incident notice").1
    }

    fn message(&self) -> &str {
        &self.notices.last().expect("a notice").message
    }

    /// Distinct incident ids, in order of appearance.
    fn ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for (_, view) in self.incident_notices() {
            if !ids.contains(&view.id) {
                ids.push(view.id.clone());
            }
        }
        ids
    }
}

/// An exec and its connection: what a miner begins with.
fn miner_starts(seconds: u64, owner: Owner, name: &str, flow: u64) -> Vec<Event> {
    vec![exec(seconds, owner, &[name]), connect(seconds, flow, owner)]
}

fn session(name: &str) -> ProcFacts {
    proc_facts(name, "session-3.scope", &format!("digest of {name}"))
}
