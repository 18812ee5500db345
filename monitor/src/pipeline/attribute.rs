//! Whose a finding is, and when enough is known of that process to speak.
//!
//! Owns the findings that wait: for who holds a socket, or for /proc's facts of a process. Who connected is known from
//! the start, but may have handed the socket on: the first finding of a conversation, and later ones from time to
//! time, ask who holds it, and ask /proc of the likeliest meanwhile. Each question is waited for a stated time; then
//! things go on with what the kernel said, so that a process which is gone already still gets its incident. Must not
//! know rules, weights or incidents.
use std::{collections::BTreeMap, time::Duration};

use crate::{
    enrich::{
        Tables,
        flows::{Flow, likeliest_first},
        processes::LookUp,
    },
    event::{BootTime, FlowId, Owner, ProcessKey},
    finding::{Finding, Found, Role, Subject},
    outcome::Request,
    selftest,
};

/// How often a socket's owner is asked for.
const SEARCHES: u8 = 3;
/// From one such request to the next.
const SEARCH_AGAIN: Duration = Duration::from_secs(5);
/// How long it is waited for who holds a socket whose connector is known.
const HOLDERS_WAIT: Duration = Duration::from_secs(1);
/// After this time it is asked again who holds a socket, when there is a new finding.
const HELD_FOR: Duration = Duration::from_secs(30);
/// How long /proc's answer is waited for.
const LOOK_UP_WAIT: Duration = Duration::from_secs(1);
/// The same for what says of itself that it is a self-test, since only /proc's answer can tell: as long as a worker may
/// take for it.
const SELF_TEST_WAIT: Duration = Duration::from_secs(5);
/// Sockets, and processes, that findings wait for at the same time.
const WAITING: usize = 1_024;
/// Findings that wait for one socket or process; a repetition does not count.
const HELD: usize = 8;

struct Search {
    held: Vec<Found>,
    /// Nobody is known without an answer.
    needed: bool,
    asked: u8,
    next: BootTime,
}

struct Wait {
    held: Vec<Found>,
    since: BootTime,
}

/// What a step hands in and gets back.
pub(crate) struct Desk<'a> {
    /// Now.
    pub(crate) at: BootTime,
    /// What is known.
    pub(crate) tables: &'a mut Tables,
    /// Questions to the world.
    pub(crate) requests: &'a mut Vec<Request>,
    /// Findings that wait for nothing more.
    pub(crate) ready: &'a mut Vec<Found>,
}

/// The findings that wait.
#[derive(Default)]
pub(crate) struct Attribution {
    searches: BTreeMap<FlowId, Search>,
    waits: BTreeMap<ProcessKey, Wait>,
    dropped: u64,
}

impl Attribution {
    /// Takes a new finding in.
    pub(crate) fn file(&mut self, finding: Finding, desk: &mut Desk<'_>) {
        let at = desk.at;
        match finding.subject {
            Subject::Process(key) => {
                let owners = desk.tables.processes.get(key).and_then(|process| process.owner);
                let owners = owners.into_iter().collect();
                self.settle(Found { at, finding, ends: None, owners }, desk);
            }
            Subject::Flow(id) => {
                let flow = desk.tables.flows.get(id);
                let ends = flow.map(|flow| flow.ends);
                let owners = flow.map(|flow| flow.owners.clone()).unwrap_or_default();
                let needed = owners.is_empty() && !flow.is_some_and(|flow| flow.ownerless);
                let stale = flow.is_some_and(|flow| is_stale(flow, desk));
                let found = Found { at, finding, ends, owners };
                if needed || stale {
                    self.search(id, found, needed, desk);
                } else {
                    self.settle(found, desk);
                }
            }
        }
    }

    /// An owner showed up by itself: better than nobody.
    pub(crate) fn shown(&mut self, id: FlowId, owner: Owner, desk: &mut Desk<'_>) {
        if self.searches.get(&id).is_some_and(|search| search.needed) {
            self.found(id, &[owner], desk);
        }
    }

    /// The processes that hold a socket, as they were answered; where nobody is known, none asks again later.
    pub(crate) fn holders(&mut self, id: FlowId, holders: &[Owner], desk: &mut Desk<'_>) {
        let Some(search) = self.searches.get(&id) else { return };
        if holders.is_empty() && search.needed && search.asked < SEARCHES {
            return;
        }
        let known = desk.tables.flows.get(id).map(|flow| flow.owners.clone());
        // The table has forgotten the conversation.
        let known = known.unwrap_or_else(|| likeliest_first(holders, desk.at));
        self.found(id, &known, desk);
    }

    /// The socket is gone, and nobody can be found to hold it any more.
    pub(crate) fn closed(&mut self, id: FlowId, desk: &mut Desk<'_>) {
        if self.searches.get(&id).is_some_and(|search| !search.needed) {
            self.found(id, &[], desk);
        }
    }

    /// Goes on with these owners; with those that were known before when there are none.
    fn found(&mut self, id: FlowId, owners: &[Owner], desk: &mut Desk<'_>) {
        let Some(search) = self.searches.remove(&id) else { return };
        if owners.is_empty() && search.needed {
            desk.tables.flows.give_up(id);
        }
        for mut found in search.held {
            if !owners.is_empty() {
                found.owners = owners.to_vec();
            }
            self.settle(found, desk);
        }
    }

    /// /proc answered about a process, or its program was replaced: then it is asked about anew.
    pub(crate) fn learned(&mut self, key: ProcessKey, desk: &mut Desk<'_>) {
        if !self.waits.contains_key(&key) {
            return;
        }
        let process = desk.tables.processes.get(key);
        match process.map(|process| (process.look_up, process.owner)) {
            Some((LookUp::Never, Some(owner))) => ask(owner, desk),
            Some((LookUp::Asked, _)) => {}
            _ => self.release(key, desk),
        }
    }

    /// Asks again for owners, and gives up what was waited for too long.
    pub(crate) fn tick(&mut self, desk: &mut Desk<'_>) {
        let at = desk.at;
        let due: Vec<_> = self.searches.iter().filter(|(_, s)| s.next <= at).map(|(id, _)| *id).collect();
        for id in due {
            match self.searches.get_mut(&id) {
                Some(search) if search.asked < SEARCHES => {
                    search.asked += 1;
                    search.next = later(at, SEARCH_AGAIN);
                    desk.requests.push(Request::FindOwner(id));
                }
                _ => {
                    desk.tables.flows.unanswered(id, at);
                    self.found(id, &[], desk);
                }
            }
        }
        let late = self.waits.iter().filter(|(_, wait)| at.since(wait.since) >= patience(wait));
        let late: Vec<_> = late.map(|(key, _)| *key).collect();
        late.into_iter().for_each(|key| self.release(key, desk));
    }

    /// Waits for nothing any more: the agent stops.
    pub(crate) fn flush(&mut self, desk: &mut Desk<'_>) {
        let waits = std::mem::take(&mut self.waits).into_values().map(|wait| wait.held);
        let searches = std::mem::take(&mut self.searches).into_values().map(|search| search.held);
        desk.ready.extend(waits.chain(searches).flatten());
    }

    /// Findings that found no room to wait in, since start.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// `needed`: nobody is known; else who is known has to do when no answer comes soon.
    fn search(&mut self, id: FlowId, found: Found, needed: bool, desk: &mut Desk<'_>) {
        if let Some(search) = self.searches.get_mut(&id) {
            self.dropped += u64::from(!hold(&mut search.held, found));
        } else if self.searches.len() < WAITING {
            let (asked, wait) = if needed { (1, SEARCH_AGAIN) } else { (SEARCHES, HOLDERS_WAIT) };
            desk.requests.push(Request::FindOwner(id));
            self.prepare(&found, desk);
            let next = later(desk.at, wait);
            self.searches.insert(id, Search { held: vec![found], needed, asked, next });
        } else if needed {
            self.dropped += 1;
        } else {
            self.settle(found, desk);
        }
    }

    /// Asks /proc of the process that will most likely be named, while it is asked who holds the socket.
    fn prepare(&mut self, found: &Found, desk: &mut Desk<'_>) {
        let Some(main) = found.owners.first().filter(|_| found.finding.role != Role::Pool) else { return };
        let process = desk.tables.processes.get(main.key);
        let asked = process.is_some_and(|process| process.look_up != LookUp::Never);
        let main = process.and_then(|process| process.owner).unwrap_or(*main);
        let unseen = main.pid == 0 || process.is_some_and(|process| process.exited.is_some());
        let room = self.waits.len() < WAITING && !self.waits.contains_key(&main.key);
        if room && !asked && !unseen {
            self.waits.insert(main.key, Wait { held: Vec::new(), since: desk.at });
            ask(main, desk);
        }
    }

    fn settle(&mut self, mut found: Found, desk: &mut Desk<'_>) {
        let exited = |owner: &Owner| desk.tables.processes.get(owner.key).is_some_and(|p| p.exited.is_some());
        found.owners.sort_by_key(exited);
        let Some(main) = found.owners.first().copied().filter(|_| found.finding.role != Role::Pool) else {
            desk.ready.push(found);
            return;
        };
        let process = desk.tables.processes.get(main.key);
        let look_up = process.map(|process| process.look_up).unwrap_or_default();
        let main = process.and_then(|process| process.owner).unwrap_or(main);
        let unseen = main.pid == 0 || exited(&main);
        if let Some(wait) = self.waits.get_mut(&main.key) {
            self.dropped += u64::from(!hold(&mut wait.held, found));
            if look_up == LookUp::Never {
                ask(main, desk);
            }
        } else if unseen || look_up != LookUp::Never || self.waits.len() >= WAITING {
            desk.ready.push(found);
        } else {
            self.waits.insert(main.key, Wait { held: vec![found], since: desk.at });
            ask(main, desk);
        }
    }

    /// What was found of a program that the process has left meanwhile is not the new one's: a child that is forked runs
    /// what its parent does until its own exec.
    fn release(&mut self, key: ProcessKey, desk: &mut Desk<'_>) {
        let mut held = self.waits.remove(&key).map(|wait| wait.held).unwrap_or_default();
        let executed = desk.tables.processes.get(key).and_then(|process| process.executed);
        held.retain(|found| found.finding.subject != Subject::Process(key) || executed <= Some(found.at));
        desk.ready.append(&mut held);
    }
}

fn patience(wait: &Wait) -> Duration {
    let of_self_test = |found: &Found| selftest::says(&found.finding.claim);
    let all = !wait.held.is_empty() && wait.held.iter().all(of_self_test);
    if all { SELF_TEST_WAIT } else { LOOK_UP_WAIT }
}

/// Whether it may be held by others by now than those that are known.
fn is_stale(flow: &Flow, desk: &Desk<'_>) -> bool {
    if flow.owners.is_empty() || flow.closed.is_some() {
        return false;
    }
    let Some(looked) = flow.held_at else { return true };
    let main = flow.owners.first().and_then(|owner| desk.tables.processes.get(owner.key));
    let exited = main.and_then(|process| process.exited);
    desk.at.since(looked) >= HELD_FOR || exited.is_some_and(|exited| exited > looked)
}

fn ask(owner: Owner, desk: &mut Desk<'_>) {
    desk.tables.processes.asked(owner);
    desk.requests.push(Request::LookUp(owner));
}

fn later(at: BootTime, by: Duration) -> BootTime {
    BootTime(at.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}

/// Keeps a finding, or what a repetition of a kept one adds; `false` when there was no room.
fn hold(held: &mut Vec<Found>, found: Found) -> bool {
    let same = |known: &&mut Found| {
        let (known, new) = (&known.finding, &found.finding);
        (known.rule.name, known.subject, known.role) == (new.rule.name, new.subject, new.role)
    };
    if let Some(known) = held.iter_mut().find(same) {
        known.finding.claim.learn(&found.finding.claim);
        known.finding.text = found.finding.text;
        known.finding.shares.add(found.finding.shares);
        known.finding.repeats &= found.finding.repeats;
        return true;
    }
    let room = held.len() < HELD;
    if room {
        held.push(found);
    }
    room
}
