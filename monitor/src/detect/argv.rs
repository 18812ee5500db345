//! A stratum URL on the command line of a process that stays.
//!
//! Owns the candidates between their exec and their tenth second. A search for the text (`grep -r
//! stratum+tcp://pool:3333 .`) is over by then. Must not know /proc: arguments come with the exec event.
use std::time::Duration;

use super::{ARGV_STRATUM_URL, Claim, Detector, Finding, Report, Role, Shares, Subject};
use crate::{
    enrich::{Tables, bounded::Bounded},
    event::{Body, BootTime, CommandLine, Event, ProcessKey},
};

mod url;

/// How long a process must live after its exec.
const STAYS: Duration = Duration::from_secs(10);
/// Arguments looked at.
const ARGUMENTS: usize = 512;

struct Candidate {
    since: BootTime,
    generation: Option<u32>,
    url: url::PoolUrl,
}

/// The rule [`ARGV_STRATUM_URL`].
pub struct Argv {
    candidates: Bounded<ProcessKey, Candidate>,
}

impl Argv {
    /// At most `capacity` processes are watched at a time.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { candidates: Bounded::new(capacity) }
    }

    fn report(&mut self, now: BootTime, tables: &Tables, out: &mut Vec<Finding>) {
        // Entries are never touched after their insertion, so the one unused for longest is the eldest.
        while let Some((&key, candidate)) = self.candidates.oldest()
            && now.since(candidate.since) >= STAYS
        {
            let Some(candidate) = self.candidates.remove(&key) else { return };
            let known = tables.processes.get(key);
            let gone = known.is_some_and(|process| {
                process.exited.is_some() || process.generation() > candidate.generation
            });
            if !gone {
                out.push(candidate.url.finding(key));
            }
        }
    }
}

impl Detector for Argv {
    fn inspect(&mut self, event: &Event, tables: &Tables, out: &mut Report) {
        match (&event.body, event.owner) {
            (Body::Exec(exec), Some(owner)) => {
                self.candidates.remove(&owner.key);
                if let Some(url) = find(&exec.command) {
                    let candidate = Candidate { since: event.at, generation: owner.generation, url };
                    self.candidates.insert(owner.key, candidate);
                }
            }
            (Body::Exit { .. }, Some(owner)) => {
                self.candidates.remove(&owner.key);
            }
            (Body::Tick, _) => self.report(event.at, tables, &mut out.findings),
            _ => {}
        }
    }

    fn held(&self) -> usize {
        self.candidates.len()
    }

    fn evicted(&self) -> u64 {
        self.candidates.evicted()
    }
}

fn find(command: &CommandLine) -> Option<url::PoolUrl> {
    command.args.iter().take(ARGUMENTS).find_map(|argument| url::PoolUrl::parse(value(argument)))
}

/// The part of an argument that is a value: after `--name=`, or after a one-letter option such as `-o`.
fn value(argument: &str) -> &str {
    if let Some(long) = argument.strip_prefix("--") {
        return long.split_once('=').map_or(argument, |(_, value)| value);
    }
    let mut letters = argument.chars();
    match (letters.next(), letters.next()) {
        (Some('-'), Some(letter)) if letter.is_ascii_alphabetic() => letters.as_str().trim_start_matches('='),
        _ => argument,
    }
}

impl url::PoolUrl {
    fn finding(self, key: ProcessKey) -> Finding {
        Finding {
            rule: &ARGV_STRATUM_URL,
            subject: Subject::Process(key),
            role: Role::Miner,
            text: format!("argument {}://{}, alive after {} s", self.scheme, self.pool, STAYS.as_secs()),
            shares: Shares::default(),
            repeats: false,
            claim: Claim {
                wallet: self.wallet,
                worker: self.worker,
                pool: Some(self.pool),
                ..Claim::default()
            },
        }
    }
}

#[cfg(test)]
mod tests;
