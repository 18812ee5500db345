//! What a process was told to do: its command line, its configuration files, its environment.
//!
//! Owns the processes between their exec and their tenth second, and who is asked about. A search for the text of a
//! miner's command is over by then, and thousands of processes a second that live for less cost nothing but a place in a
//! queue. Must not know /proc or files: arguments come with events, files and environments are read by the workers.
use std::time::Duration;

use super::{ARGV_CONFIG, ARGV_ENVIRONMENT, Claim, Detector, Finding, Report, Role, Rule, Shares, Subject};
use crate::{
    enrich::{
        Tables,
        bounded::Bounded,
        processes::{Image, Process},
    },
    event::{Body, BootTime, Event, Owner, ProcessKey, Setup, Ticks, Told},
};

mod account;
mod algorithm;
mod arguments;
pub(crate) mod config;
pub(crate) mod environment;
mod judge;
mod marks;
mod program;
mod questions;
mod url;
mod vocabulary;

use judge::{Judged, judge};
use questions::Questions;

/// How long a process must live after its exec for its command line to count.
const STAYS: Duration = Duration::from_secs(10);
/// How long before its command line is looked at, and the files that it names are asked for. Some miners remove theirs
/// soon after their start.
const SETTLES: Duration = Duration::from_secs(1);

/// A process that is too young.
struct Young {
    since: BootTime,
    generation: Option<u32>,
    /// It executed nothing itself.
    forked: bool,
}

/// A process that was judged and whose tenth second has not come.
struct Judgement {
    since: BootTime,
    generation: Option<u32>,
    findings: Vec<Finding>,
    /// Its environment was asked for, or is not to be.
    asked: bool,
}

/// The rules of the family `argv`.
pub struct Argv {
    young: Bounded<ProcessKey, Young>,
    judged: Bounded<ProcessKey, Judgement>,
    /// Processes that the sweep or /proc told of, so that none is judged twice.
    met: Bounded<ProcessKey, ()>,
    questions: Questions,
}

impl Argv {
    /// At most `capacity` processes are watched at a time.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            young: Bounded::new(capacity),
            judged: Bounded::new(capacity),
            met: Bounded::new(capacity),
            questions: Questions::new(capacity),
        }
    }

    fn begin(&mut self, at: BootTime, owner: Owner, forked: bool) {
        self.forget(owner.key);
        self.young.insert(owner.key, Young { since: at, generation: owner.generation, forked });
    }

    fn forget(&mut self, key: ProcessKey) {
        self.young.remove(&key);
        self.judged.remove(&key);
        self.met.remove(&key);
    }

    /// A process that was there before anybody looked; it has the age that its start tells.
    fn meet(&mut self, at: BootTime, owner: Owner, tables: &Tables, out: &mut Report) {
        let key = owner.key;
        let Some(process) = tables.processes.get(key) else { return };
        let known = process.executed.is_some()
            || self.young.peek(&key).is_some()
            || self.judged.peek(&key).is_some()
            || self.met.peek(&key).is_some();
        if known || process.image.command.args.is_empty() {
            return;
        }
        self.met.insert(key, ());
        let started = BootTime(key.start.0.saturating_mul(Ticks::NANOS));
        let judgement = self.judge(key, process, started);
        if at.since(started) >= STAYS {
            self.report(judgement, process, out);
        } else {
            self.judged.insert(key, judgement);
        }
    }

    fn judge(&mut self, key: ProcessKey, process: &Process, since: BootTime) -> Judgement {
        let Judged { findings, files, judged } = judge(key, &process.image);
        let asked = !files.is_empty() || !findings.is_empty();
        if asked {
            process.owner.into_iter().for_each(|owner| self.questions.files(owner, files.clone()));
        }
        Judgement { since, generation: process.generation(), findings, asked: asked || !judged }
    }

    fn report(&mut self, judgement: Judgement, process: &Process, out: &mut Report) {
        out.findings.extend(judgement.findings);
        if let Some(owner) = process.owner.filter(|_| !judgement.asked) {
            self.questions.environment(owner);
        }
    }

    /// Judges those whose first second is over. Entries are never touched after their insertion, so the one unused for
    /// longest is the eldest.
    fn settle(&mut self, now: BootTime, tables: &Tables) {
        while let Some((&key, young)) = self.young.oldest()
            && now.since(young.since) >= SETTLES
        {
            let Some(young) = self.young.remove(&key) else { return };
            let alive = alive(tables, key, young.generation);
            if let Some(process) = alive.filter(|process| !(young.forked && parent_lives(tables, process))) {
                let judgement = self.judge(key, process, young.since);
                self.judged.insert(key, judgement);
                if young.forked {
                    self.met.insert(key, ());
                }
            }
        }
    }

    /// Says what was found of those whose tenth second is over.
    fn speak(&mut self, now: BootTime, tables: &Tables, out: &mut Report) {
        while let Some((&key, judgement)) = self.judged.oldest()
            && now.since(judgement.since) >= STAYS
        {
            let Some(judgement) = self.judged.remove(&key) else { return };
            if let Some(process) = alive(tables, key, judgement.generation) {
                self.report(judgement, process, out);
            }
        }
    }

    fn answered(&mut self, owner: Owner, setup: &Setup, tables: &Tables, out: &mut Report) {
        let Some(process) = alive(tables, owner.key, owner.generation) else { return };
        let findings = of_setup(owner.key, setup);
        match self.judged.peek_mut(&owner.key) {
            Some(judgement) if judgement.generation == process.generation() => {
                judgement.findings.extend(findings);
            }
            _ => out.findings.extend(findings),
        }
    }
}

impl Detector for Argv {
    fn inspect(&mut self, event: &Event, tables: &Tables, out: &mut Report) {
        match (&event.body, event.owner) {
            (Body::Exec(_), Some(owner)) => self.begin(event.at, owner, false),
            (Body::Fork(_), Some(owner)) => self.begin(event.at, owner, true),
            (Body::Exit { .. }, Some(owner)) => self.forget(owner.key),
            (Body::Running(_) | Body::ProcFacts(_), Some(owner)) => self.meet(event.at, owner, tables, out),
            (Body::Setup(setup), Some(owner)) => self.answered(owner, setup, tables, out),
            (Body::Tick, _) => {
                self.settle(event.at, tables);
                self.speak(event.at, tables, out);
                self.questions.ask(|owner| alive(tables, owner.key, owner.generation).is_some(), out);
            }
            _ => {}
        }
    }

    fn held(&self) -> usize {
        self.young.len() + self.judged.len() + self.questions.len()
    }

    fn evicted(&self) -> u64 {
        self.young.evicted() + self.judged.evicted() + self.questions.dropped()
    }
}

/// The process, if it still runs that program. One that the table forgot for want of room is given up.
fn alive(tables: &Tables, key: ProcessKey, generation: Option<u32>) -> Option<&Process> {
    let process = tables.processes.get(key)?;
    let another = generation.is_some() && process.generation() > generation;
    (process.exited.is_none() && !another).then_some(process)
}

/// A child that runs its parent's program is spoken for by it; one whose parent is gone went into the background.
fn parent_lives(tables: &Tables, process: &Process) -> bool {
    let parent = process.task.as_ref().and_then(|task| tables.processes.get(task.parent));
    let same = |parent: &Process| runs(&parent.image) == runs(&process.image);
    parent.is_some_and(|parent| parent.exited.is_none() && same(parent))
}

fn runs(image: &Image) -> (Option<&str>, &[String]) {
    (image.path(), &image.command.args)
}

/// What the files and the environment of a process show.
fn of_setup(key: ProcessKey, setup: &Setup) -> Vec<Finding> {
    let files = setup.files.iter().filter(|file| !file.told.marks.is_empty());
    let mut findings: Vec<Finding> = files
        .map(|file| {
            let text = format!("{} has {}", file.path, file.told.marks.join(", "));
            finding(&ARGV_CONFIG, key, text, claim(&file.told))
        })
        .take(1)
        .collect();
    if !setup.environment.marks.is_empty() {
        let text = format!("environment: {}", setup.environment.marks.join(", "));
        findings.push(finding(&ARGV_ENVIRONMENT, key, text, claim(&setup.environment)));
    }
    findings
}

fn claim(told: &Told) -> Claim {
    let Told { marks: _, pool, wallet, worker, algorithm, coin } = told.clone();
    Claim { pool, wallet, worker, algorithm, coin_inferred: coin.is_some(), coin, ..Claim::default() }
}

fn finding(rule: &'static Rule, key: ProcessKey, text: String, claim: Claim) -> Finding {
    Finding {
        rule,
        subject: Subject::Process(key),
        role: Role::Miner,
        text,
        claim,
        shares: Shares::default(),
        repeats: false,
    }
}

#[cfg(test)]
mod tests;
