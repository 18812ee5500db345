//! The pure part, from an event to what leaves: `enrich` -> `detect` -> attribute -> `weigh` -> `incident`.
//!
//! Owns the order of the calls and the settings they share. Must not do I/O, read a clock, or wait: time is
//! `event.at`, and what is wanted from the world leaves as a [`Request`] and comes back as an event.
use std::{sync::Arc, time::Duration};

use crate::{
    detect::{Detector, Report},
    enrich::{Tables, flows::Flow},
    event::{Body, BootTime, Counters, Event, FlowId, Host},
    finding::{Finding, Found},
    incident::Incidents,
    metrics::Vitals,
    notice::FlowView,
    outcome::{Outcome, Request},
    record::Recorded,
    rules::Pools,
    weigh::{strongest_first, weigh},
};

pub(crate) mod attribute;
mod pulse;
mod records;

use attribute::{Attribution, Desk};
use pulse::Pulse;
use records::Records;

/// How the pipeline works. Caps of 0 count as 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Captures: every flow is judged by itself and reported when it ends; there are no incidents.
    pub report_flows: bool,
    /// An incident ends when all its processes and flows are gone for this long.
    pub end_after: Duration,
    /// From one heartbeat notice to the next; zero for none.
    pub heartbeat: Duration,
    /// Processes held.
    pub processes: usize,
    /// Flows held.
    pub flows: usize,
    /// Incidents open at the same time.
    pub incidents: usize,
    /// What is written down for investigators.
    pub recorded: Recorded,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            report_flows: false,
            end_after: Duration::from_secs(600),
            heartbeat: Duration::from_secs(300),
            processes: 16_384,
            flows: 65_536,
            incidents: 4_096,
            recorded: Recorded::default(),
        }
    }
}

/// What may change while the pipeline works; the rest of [`Settings`] sizes its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// As [`Settings::end_after`].
    pub end_after: Duration,
    /// As [`Settings::heartbeat`].
    pub heartbeat: Duration,
    /// As [`Settings::recorded`].
    pub recorded: Recorded,
}

/// How the agent is, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vital {
    /// Incidents that are open.
    pub open: usize,
    /// Events and entries lost since start.
    pub lost: u64,
}

/// All detection state. One task owns it.
pub struct Pipeline {
    report_flows: bool,
    tables: Tables,
    detectors: Vec<Box<dyn Detector>>,
    attribution: Attribution,
    incidents: Incidents,
    pulse: Pulse,
    records: Records,
}

impl Pipeline {
    /// An empty pipeline. Detectors see each event in the order given.
    #[must_use]
    pub fn new(host: Host, settings: Settings, detectors: Vec<Box<dyn Detector>>) -> Self {
        let Settings { report_flows, end_after, heartbeat, processes, flows, incidents, recorded } = settings;
        Self {
            report_flows,
            tables: Tables::new(processes, flows),
            detectors,
            attribution: Attribution::default(),
            incidents: Incidents::new(host.clone(), end_after, incidents),
            records: Records::new(host.clone(), recorded),
            pulse: Pulse::new(host, if report_flows { Duration::ZERO } else { heartbeat }),
        }
    }

    /// The agent's hooks are attached. A replay that shall give the same notice ids starts at the same time.
    pub fn start(&mut self, at: BootTime) -> Outcome {
        self.pulse.begin(at);
        Outcome { notices: vec![self.pulse.started(at)], ..Outcome::default() }
    }

    /// Takes in one event.
    pub fn step(&mut self, event: &Event) -> Outcome {
        let mut out = Outcome::default();
        self.pulse.begin(event.at);
        if let Some((id, flow)) = self.tables.observe(event) {
            self.report(id, flow, &mut out.flows);
        }
        out.records.extend(self.records.of(event, &self.tables));
        let mut ready = Vec::new();
        self.detect(event, &mut out.requests, &mut ready);
        if !self.report_flows {
            self.answer(event, &mut out.requests, &mut ready);
            self.settle(&ready, event.at, &mut out);
            self.incidents.observe(event, &self.tables, &mut out.notices);
            self.incidents.announce(event.at, &mut out.notices);
        }
        match &event.body {
            Body::Close { flow } => {
                if let Some(closed) = self.tables.flows.remove(*flow) {
                    self.report(*flow, closed, &mut out.flows);
                }
            }
            Body::Counters(counters) => {
                self.pulse.count(counters);
                out.notices.extend(self.pulse.loss(event.at, &self.counters()));
            }
            Body::Clock { unix_offset_nanos } => {
                let offset = i128::from(*unix_offset_nanos);
                self.pulse.set_clock(offset);
                self.incidents.set_clock(offset);
                self.records.set_clock(offset);
            }
            Body::Tick => self.tick(event.at, &mut out),
            _ => {}
        }
        out
    }

    /// What was watched is gone, and nothing will be seen any more: why.
    pub fn blind(&mut self, at: BootTime, why: String) -> Outcome {
        let notice = self.pulse.blind(at, why, &self.counters());
        Outcome { notices: vec![notice], ..Outcome::default() }
    }

    /// The agent stops, or the capture is over: what was begun is judged as it is, what waited goes on with what
    /// is known, open incidents stay open, and of a capture every remaining flow is reported.
    pub fn finish(&mut self, at: BootTime) -> Outcome {
        let mut out = Outcome::default();
        let mut ready = Vec::new();
        let mut findings = Vec::new();
        self.detectors.iter_mut().for_each(|detector| detector.finish(&mut findings));
        self.file(findings, at, &mut out.requests, &mut ready);
        let (tables, requests) = (&mut self.tables, &mut out.requests);
        self.attribution.flush(&mut Desk { at, tables, requests, ready: &mut ready });
        self.settle(&ready, at, &mut out);
        self.incidents.announce(at, &mut out.notices);
        for (id, flow) in self.tables.flows.drain() {
            self.report(id, flow, &mut out.flows);
        }
        let open = self.incidents.announced();
        out.notices.push(self.pulse.stopped(at, open, &self.counters()));
        out
    }

    /// Goes on with other settings, and with other lists of pools.
    pub fn reload(&mut self, live: Live, pools: &Arc<Pools>) {
        let Live { end_after, heartbeat, recorded } = live;
        self.incidents.end_after(end_after);
        self.pulse.every(heartbeat);
        self.records.want(recorded);
        self.detectors.iter_mut().for_each(|detector| detector.relearn(pools));
    }

    /// Open incidents and losses.
    #[must_use]
    pub fn vital(&self) -> Vital {
        Vital { open: self.incidents.announced(), lost: self.pulse.lost() }
    }

    /// What the tables and detectors dropped since start, and what else is worth knowing of them, by name.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let sum = |count: fn(&dyn Detector) -> u64| self.detectors.iter().map(|d| count(d.as_ref())).sum();
        let named = |(name, count): (&str, u64)| (name.to_owned(), count);
        let seen = [
            ("tables.exited", self.tables.processes.forgotten_dead()),
            ("detectors.cut", sum(|detector| detector.cut())),
        ];
        let lost = [
            ("tables.processes", self.tables.processes.evicted()),
            ("tables.flows", self.tables.flows.evicted()),
            ("detectors", sum(|detector| detector.evicted())),
            ("findings", self.attribution.dropped()),
        ];
        Counters {
            seen: seen.map(named).into(),
            lost: lost.into_iter().chain(self.incidents.counters()).map(named).collect(),
        }
    }

    /// What the agent's metrics show of the state.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let (incidents, most) = self.incidents.held();
        let (processes, flows) = (&self.tables.processes, &self.tables.flows);
        Vitals {
            counters: self.pulse.totals(&self.counters()),
            open: self.incidents.by_level(),
            tables: vec![
                ("processes", processes.len(), processes.capacity()),
                ("flows", flows.len(), flows.capacity()),
                ("incidents", incidents, most),
            ],
        }
    }

    fn detect(&mut self, event: &Event, requests: &mut Vec<Request>, ready: &mut Vec<Found>) {
        let mut report = Report::default();
        for detector in &mut self.detectors {
            detector.inspect(event, &self.tables, &mut report);
        }
        requests.append(&mut report.requests);
        self.file(report.findings, event.at, requests, ready);
    }

    fn file(
        &mut self,
        findings: Vec<Finding>,
        at: BootTime,
        requests: &mut Vec<Request>,
        ready: &mut Vec<Found>,
    ) {
        for finding in findings {
            self.tables.flows.note(&finding);
            if !self.report_flows {
                let tables = &mut self.tables;
                self.attribution.file(finding, &mut Desk { at, tables, requests, ready });
            }
        }
    }

    /// Hands to findings that wait what this event says of their owners.
    fn answer(&mut self, event: &Event, requests: &mut Vec<Request>, ready: &mut Vec<Found>) {
        let mut desk = Desk { at: event.at, tables: &mut self.tables, requests, ready };
        match (&event.body, event.owner) {
            (Body::Holders { flow, holders }, _) => self.attribution.holders(*flow, holders, &mut desk),
            (Body::Established { flow, holders, .. }, _) => {
                self.attribution.holders(*flow, holders, &mut desk);
            }
            (Body::Close { flow }, _) => self.attribution.closed(*flow, &mut desk),
            (Body::Connect { flow, .. }, Some(owner)) => self.attribution.shown(*flow, owner, &mut desk),
            (Body::Payload(payload), Some(owner)) => {
                self.attribution.shown(payload.flow, owner, &mut desk);
            }
            (Body::ProcFacts(_) | Body::Exec(_), Some(owner)) => {
                self.attribution.learned(owner.key, &mut desk);
            }
            (Body::Tick, _) => self.attribution.tick(&mut desk),
            _ => {}
        }
    }

    fn settle(&mut self, ready: &[Found], at: BootTime, out: &mut Outcome) {
        for found in ready {
            self.incidents.add(found, at, &self.tables, &mut out.notices);
        }
    }

    fn tick(&mut self, at: BootTime, out: &mut Outcome) {
        if !self.report_flows {
            self.incidents.tick(at, &self.tables, &mut out.notices);
        }
        let counters = self.counters();
        out.notices.extend(self.pulse.loss(at, &counters));
        out.notices.extend(self.pulse.beat(at, self.incidents.announced(), &counters));
    }

    fn report(&self, id: FlowId, flow: Flow, out: &mut Vec<FlowView>) {
        if !self.report_flows || !flow.payload {
            return;
        }
        let verdict = weigh(flow.findings.iter().map(|(rule, _)| *rule));
        let mut evidence = flow.findings;
        strongest_first(&mut evidence);
        let Flow { ends, claim, shares, .. } = flow;
        out.push(FlowView {
            flow: id,
            ends,
            level: verdict.level,
            score: verdict.score,
            evidence,
            claim,
            shares,
        });
    }
}

#[cfg(test)]
mod tests;
