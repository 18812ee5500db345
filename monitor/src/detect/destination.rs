//! Connections, tunnels and arguments that name a pool of the operator's lists.
//!
//! Owns what was told already. A list is nobody's proof: many pools have a web site at the same address. Must not know
//! files or names' resolution: a name counts where it was said.
use std::{net::SocketAddr, sync::Arc};

use super::{ARGV_ENVIRONMENT, Claim, DESTINATION_LIST, Detector, Finding, Report, Role, Shares, Subject};
use crate::{
    enrich::{Tables, bounded::Bounded},
    event::{Body, CommandLine, Event, FlowId},
    rules::{Listed, Pools},
};

/// Arguments looked at.
const ARGUMENTS: usize = 512;

/// The rule [`DESTINATION_LIST`].
pub struct Destination {
    pools: Arc<Pools>,
    /// What has its finding.
    told: Bounded<Subject, ()>,
}

impl Destination {
    /// At most `capacity` processes and conversations are remembered as told.
    #[must_use]
    pub fn new(pools: Arc<Pools>, capacity: usize) -> Self {
        Self { pools, told: Bounded::new(capacity) }
    }

    fn connection(&mut self, flow: FlowId, remote: SocketAddr, out: &mut Report) {
        if let Some(listed) = self.pools.address(remote.ip(), remote.port()) {
            self.tell(Subject::Flow(flow), &remote.to_string(), &listed, out);
        }
    }

    fn command(&mut self, subject: Subject, command: &CommandLine, out: &mut Report) {
        let own = command.args.iter().take(ARGUMENTS).filter(|argument| !is_web(argument));
        let named = own.into_iter().find_map(|argument| {
            let (host, port) = host(argument)?;
            Some((host, self.pools.name(host, port)?))
        });
        if let Some((host, listed)) = named {
            self.tell(subject, host, &listed, out);
        }
    }

    /// What detectors before this one found in the same event.
    fn findings(&mut self, out: &mut Report) {
        let pools = Arc::clone(&self.pools);
        // What stands below an entry point inherits its environment: one variable must not count twice.
        let own = out.findings.iter().filter(|finding| finding.rule != &ARGV_ENVIRONMENT);
        let named = own.filter_map(|finding| {
            let (host, port) = host(finding.claim.pool.as_deref()?)?;
            Some((finding.subject, host.to_owned(), pools.name(host, port)?))
        });
        for (subject, host, listed) in named.collect::<Vec<_>>() {
            self.tell(subject, &host, &listed, out);
        }
    }

    fn tell(&mut self, subject: Subject, what: &str, listed: &Listed, out: &mut Report) {
        if self.told.get_mut(&subject).is_some() {
            return;
        }
        self.told.insert(subject, ());
        out.findings.push(Finding {
            rule: &DESTINATION_LIST,
            subject,
            role: Role::Miner,
            text: format!("{what} is listed in {}", listed.place),
            claim: Claim::default(),
            shares: Shares::default(),
            repeats: false,
        });
    }
}

impl Detector for Destination {
    fn inspect(&mut self, event: &Event, _: &Tables, out: &mut Report) {
        if self.pools.is_empty() {
            return;
        }
        match (&event.body, event.owner) {
            (Body::Connect { flow, ends } | Body::Established { flow, ends, .. }, _) => {
                self.connection(*flow, ends.remote, out);
            }
            (Body::Exec(exec), Some(owner)) => {
                let subject = Subject::Process(owner.key);
                self.told.remove(&subject);
                self.command(subject, &exec.command, out);
            }
            (Body::Running(running), Some(owner)) => {
                self.command(Subject::Process(owner.key), &running.command, out);
            }
            _ => {}
        }
        self.findings(out);
    }

    fn relearn(&mut self, pools: &Arc<Pools>) {
        self.pools = Arc::clone(pools);
    }

    fn held(&self) -> usize {
        self.told.len()
    }

    /// What was pushed out may be told a second time: no loss.
    fn evicted(&self) -> u64 {
        0
    }
}

/// Whether it is the address of a web site: a monitor asks a pool how its miners are.
fn is_web(argument: &str) -> bool {
    let value =
        argument.strip_prefix('-').and_then(|option| option.split_once('=')).map_or(argument, |two| two.1);
    ["http://", "https://"].iter().any(|scheme| value.starts_with(scheme))
}

/// The host, and the port where there is one, of a URL, of `--option=HOST:PORT`, or of `HOST:PORT`.
fn host(text: &str) -> Option<(&str, Option<u16>)> {
    let text = match text.split_once("://") {
        Some((_, rest)) => rest,
        None if text.starts_with('-') => text.split_once('=')?.1,
        None => text,
    };
    let text = text.split(['/', '?', '#']).next()?;
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    // An IPv6 address alone is full of colons.
    if text.parse::<std::net::IpAddr>().is_ok() {
        return Some((text, None));
    }
    Some(match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    })
}

#[cfg(test)]
mod tests;
