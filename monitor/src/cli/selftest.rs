//! `minewarden selftest`: a harmless conversation of our own that the running agent must report.
//!
//! Owns the order of the test and what counts as passed. Nothing is mined, and nothing leaves this process but over
//! loopback back into it. Must not know how the agent finds it: it is judged by the entry in the journal alone.
use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use anyhow::bail;

use self::{
    agents::Agents,
    conversation::Conversation,
    journal::Journal,
    outcome::{Outcome, Verdict},
};
use super::{config::load_or_warn, sudo};
use crate::{config::Config, host::journald_listens, selftest};

mod agents;
mod conversation;
mod entry;
mod journal;
mod outcome;

/// Longest that may be waited.
const LONGEST: Duration = Duration::from_secs(600);
/// How long the conversation is held where no journal can be read: long enough for any agent to report it.
const BLIND: Duration = Duration::from_secs(5);

/// Options of `selftest`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long the agent's entry is waited for
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Read FILE instead of /etc/minewarden/minewarden.toml: where the journal's socket is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Go ahead though no agent of this very executable is seen in /proc. An agent that is another executable takes
    /// the test for a miner and reports a real incident
    #[arg(long)]
    unseen_agent: bool,
}

/// Tests the running agent.
///
/// # Errors
/// Why the agent did not report the conversation as it should, one line.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if !rustix::process::geteuid().is_root() || !rustix::process::getuid().is_root() {
        bail!("selftest needs root: try {}", sudo("selftest"));
    }
    let config = load_or_warn(args.config.as_deref())?;
    let outcome = test(args, &config)?;
    let mut out = io::stdout();
    if args.json {
        serde_json::to_writer(&mut out, &outcome)?;
        writeln!(out)?;
    } else {
        outcome.print(&mut out)?;
    }
    out.flush()?;
    match outcome.reason {
        None => Ok(ExitCode::SUCCESS),
        Some(reason) => bail!("self-test failed: {reason}"),
    }
}

fn test(args: &Args, config: &Config) -> anyhow::Result<Outcome> {
    let nonce = selftest::nonce(RandomState::new().build_hasher().finish());
    let outcome = Outcome::new(&nonce, Agents::look()?);
    if let Some(reason) = outcome.agents.objection().filter(|_| !args.unseen_agent) {
        return Ok(outcome.failed(Verdict::NoAgent, reason));
    }
    let absent = journald_listens(&config.journal.socket).err();
    let began = SystemTime::now();
    // Before there are sockets: a child would hold them too for a moment.
    let journal = match absent {
        Some(error) => Err(format!("no journald ({}: {error})", config.journal.socket.display())),
        None => Journal::follow(&nonce, began),
    };
    let conversation = Conversation::hold(&nonce)?;
    let deadline = Instant::now() + args.timeout;
    match journal {
        Ok(journal) => wait(outcome, &journal, &conversation, deadline),
        Err(why) => {
            conversation.stay(deadline.min(Instant::now() + BLIND));
            let reason = format!(
                "{why}; the conversation was held for {} s: look for worker {nonce}, marked as a self-test, in what the \
                 agent prints, or elsewhere with journalctl -t minewarden MINEWARDEN_WORKER={nonce}",
                BLIND.min(args.timeout).as_secs()
            );
            Ok(outcome.failed(Verdict::NoJournal, reason))
        }
    }
}

/// Until an entry says all that it should.
fn wait(
    mut outcome: Outcome,
    journal: &Journal,
    conversation: &Conversation,
    deadline: Instant,
) -> anyhow::Result<Outcome> {
    while let Some(entry) = journal.next(deadline)? {
        outcome.take(&entry, conversation);
        // What was not marked at first is not marked later.
        if matches!(outcome.verdict, Verdict::Reported | Verdict::Unmarked) {
            break;
        }
    }
    Ok(outcome.concluded(deadline.saturating_duration_since(Instant::now())))
}

fn duration(text: &str) -> Result<Duration, String> {
    let time = humantime_serde::re::humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let fits = (Duration::from_secs(1)..=LONGEST).contains(&time);
    if fits { Ok(time) } else { Err("a time from 1s to 10m is wanted".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_bounded() {
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        assert!(duration("0s").is_err() && duration("11m").is_err() && duration("soon").is_err());
    }
}
