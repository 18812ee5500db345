//! What the executable of a process is made of: asks for a search of each content once, and tells what it showed.
//!
//! Owns which contents were asked about and their verdicts, and when the memory of a packed program is worth a look.
//! Must not know files, rules or lists: workers search, and answer with events.
use std::{sync::Arc, time::Duration};

use self::verdict::Verdict;
use super::{Detector, Report};
use crate::{
    enrich::{Tables, bounded::Bounded, processes::Process},
    event::{Body, BootTime, Event, Exec, FileId, Owner, ProcessKey, ScanTarget, Scanned},
    outcome::Request,
    rules::Pools,
};

mod verdict;
mod watch;

use watch::Watches;

/// Processes that wait for the verdict of one content; more of them ask for themselves.
const WAITING: usize = 64;
/// A question that has no answer by then was lost.
const ANSWERED: Duration = Duration::from_secs(120);

/// One content of one file, as the kernel had it at exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Version {
    file: FileId,
    changed: i64,
    size: u64,
}

impl Version {
    /// `None` when the kernel did not tell enough.
    fn of(exec: &Exec) -> Option<Self> {
        let &Exec { file, changed, size, .. } = exec;
        (file.inode != 0 && changed != 0).then_some(Self { file, changed, size })
    }

    /// Whether the answer is about this content, and will still be.
    fn answered_by(self, scanned: &Scanned) -> bool {
        scanned.error.is_none()
            && scanned.settled
            && (scanned.changed, scanned.size) == (self.changed, self.size)
    }
}

/// What is known of a content.
enum Content {
    /// It was asked about on behalf of one process; others that run it wait.
    Asked { since: BootTime, waiting: Vec<Owner> },
    /// `None`: nothing to tell.
    Known(Option<Arc<Verdict>>),
}

/// What runs in a process that waits for a verdict, or has one that is worth telling.
#[derive(Clone)]
struct Program {
    version: Option<Version>,
    verdict: Option<Arc<Verdict>>,
}

/// The rules [`super::BINARY_CONTENT`], [`super::BINARY_MEMORY`], [`super::BINARY_YARA`] and
/// [`super::BINARY_DIGEST`].
pub struct Binary {
    contents: Bounded<Version, Content>,
    /// Questions without an answer yet.
    asked: Bounded<Owner, Option<Version>>,
    programs: Bounded<ProcessKey, Program>,
    watches: Watches,
}

impl Binary {
    /// Verdicts of at most `capacity` contents are kept, and as many processes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            contents: Bounded::new(capacity),
            asked: Bounded::new(capacity),
            programs: Bounded::new(capacity),
            watches: Watches::default(),
        }
    }

    fn exec(&mut self, at: BootTime, owner: Owner, exec: &Exec, tables: &Tables, out: &mut Report) {
        self.programs.remove(&owner.key);
        self.watches.forget(owner.key);
        if exec.links == 0 {
            // A memfd or a deleted file: what a loader leaves.
            self.watches.add(owner, at);
        }
        self.runs(at, owner, Version::of(exec), tables, out);
    }

    /// `owner` runs this content.
    fn runs(
        &mut self,
        at: BootTime,
        owner: Owner,
        version: Option<Version>,
        tables: &Tables,
        out: &mut Report,
    ) {
        let Some(content) = version else { return self.ask(owner, None, out) };
        match self.contents.get_mut(&content) {
            Some(Content::Known(None)) => {}
            Some(Content::Known(Some(verdict))) => {
                let verdict = Arc::clone(verdict);
                self.tell(at, owner, version, verdict, tables, out);
            }
            Some(Content::Asked { since, waiting }) if at.since(*since) < ANSWERED => {
                if waiting.len() < WAITING {
                    waiting.push(owner);
                    self.programs.insert(owner.key, Program { version, verdict: None });
                } else {
                    self.ask(owner, None, out);
                }
            }
            Some(Content::Asked { since, .. }) => {
                *since = at;
                self.ask(owner, version, out);
            }
            None => {
                self.contents.insert(content, Content::Asked { since: at, waiting: Vec::new() });
                self.ask(owner, version, out);
            }
        }
    }

    fn ask(&mut self, owner: Owner, version: Option<Version>, out: &mut Report) {
        self.asked.insert(owner, version);
        self.programs.insert(owner.key, Program { version, verdict: None });
        out.requests.push(Request::Scan(owner, ScanTarget::File));
    }

    /// A child runs what its parent runs.
    fn fork(&mut self, at: BootTime, child: Owner, parent: ProcessKey, tables: &Tables, out: &mut Report) {
        self.watches.fork(child, parent, at);
        match self.programs.peek(&parent).cloned() {
            Some(Program { version, verdict: Some(verdict) }) => {
                self.tell(at, child, version, verdict, tables, out);
            }
            Some(Program { version, verdict: None }) => self.runs(at, child, version, tables, out),
            None => {}
        }
    }

    fn file_scanned(
        &mut self,
        at: BootTime,
        owner: Owner,
        scanned: &Scanned,
        tables: &Tables,
        out: &mut Report,
    ) {
        let version = self.asked.remove(&owner).flatten();
        let verdict = Verdict::of(scanned).map(Arc::new);
        match &verdict {
            // What runs there by now was not searched.
            Some(_) if replaced(owner, tables) => {}
            Some(verdict) => self.tell(at, owner, version, Arc::clone(verdict), tables, out),
            None => self.drop_program(owner.key, version),
        }
        let Some(content) = version else { return };
        let waiting = match self.contents.remove(&content) {
            Some(Content::Asked { waiting, .. }) => waiting,
            Some(known @ Content::Known(_)) => {
                self.contents.insert(content, known);
                return;
            }
            None => return,
        };
        // Those that execed something else meanwhile do not wait any more.
        let still =
            |owner: &Owner| self.programs.peek(&owner.key).is_some_and(|program| program.version == version);
        let mut waiting: Vec<_> = waiting.into_iter().filter(still).collect();
        if content.answered_by(scanned) {
            self.contents.insert(content, Content::Known(verdict.clone()));
            for owner in waiting {
                match &verdict {
                    Some(verdict) => self.tell(at, owner, version, Arc::clone(verdict), tables, out),
                    None => self.drop_program(owner.key, version),
                }
            }
        } else if let Some(next) = waiting.pop() {
            self.contents.insert(content, Content::Asked { since: at, waiting });
            self.ask(next, version, out);
        }
    }

    fn memory_scanned(&mut self, owner: Owner, scanned: &Scanned, tables: &Tables, out: &mut Report) {
        if scanned.matches.is_empty() || replaced(owner, tables) {
            return;
        }
        self.watches.forget(owner.key);
        let program = self.programs.peek(&owner.key).cloned();
        let (version, verdict) = program.map_or((None, None), |program| (program.version, program.verdict));
        let packed = verdict.map_or_else(Verdict::default, Arc::unwrap_or_clone);
        let memory = scanned.matches.clone();
        let found = Verdict { memory: memory.clone(), packed: packed.packed.clone(), ..Verdict::default() };
        out.findings.extend(found.findings(owner.key, tables));
        // What unpacked itself once does so again: the next run of the same file is known at its exec.
        let verdict = Some(Arc::new(Verdict { memory, earlier: true, ..packed }));
        if let Some(Content::Known(known)) = version.and_then(|version| self.contents.get_mut(&version)) {
            known.clone_from(&verdict);
        }
        self.programs.insert(owner.key, Program { version, verdict });
    }

    fn tell(
        &mut self,
        at: BootTime,
        owner: Owner,
        version: Option<Version>,
        verdict: Arc<Verdict>,
        tables: &Tables,
        out: &mut Report,
    ) {
        out.findings.extend(verdict.findings(owner.key, tables));
        if verdict.known() {
            self.watches.forget(owner.key);
        } else {
            self.watches.add(owner, at);
        }
        self.programs.insert(owner.key, Program { version, verdict: Some(verdict) });
    }

    fn drop_program(&mut self, key: ProcessKey, version: Option<Version>) {
        if self.programs.peek(&key).is_some_and(|program| program.version == version) {
            self.programs.remove(&key);
        }
    }
}

impl Detector for Binary {
    fn inspect(&mut self, event: &Event, tables: &Tables, out: &mut Report) {
        if matches!(event.body, Body::Tick) {
            out.requests
                .extend(self.watches.due(event.at).map(|owner| Request::Scan(owner, ScanTarget::Memory)));
        }
        let Some(owner) = event.owner else { return };
        match &event.body {
            Body::Exec(exec) => self.exec(event.at, owner, exec, tables, out),
            Body::Fork(fork) => self.fork(event.at, owner, fork.parent, tables, out),
            // Its exec, or the same sweep, has it already.
            Body::Running(_) if self.programs.peek(&owner.key).is_none() => self.ask(owner, None, out),
            Body::Exit { .. } => {
                self.watches.forget(owner.key);
                if self.programs.peek(&owner.key).is_some_and(|program| program.verdict.is_some()) {
                    self.programs.remove(&owner.key);
                }
            }
            Body::Scanned(scanned) => match scanned.target {
                ScanTarget::File => self.file_scanned(event.at, owner, scanned, tables, out),
                ScanTarget::Memory => self.memory_scanned(owner, scanned, tables, out),
            },
            _ => {}
        }
    }

    /// What was asked is answered still: whoever waits for it is told.
    fn relearn(&mut self, _: &Arc<Pools>) {
        self.contents.retain(|content| matches!(content, Content::Asked { .. }));
    }

    fn held(&self) -> usize {
        self.contents.len() + self.asked.len() + self.programs.len() + self.watches.len()
    }

    /// A verdict that was pushed out is asked for again: no loss.
    fn evicted(&self) -> u64 {
        self.asked.evicted() + self.watches.dropped()
    }
}

/// Whether the process runs another program by now than the one that was asked about.
fn replaced(owner: Owner, tables: &Tables) -> bool {
    let now = tables.processes.get(owner.key).and_then(Process::generation);
    owner.generation.is_some() && now > owner.generation
}

#[cfg(test)]
mod tests;
