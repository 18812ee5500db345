//! What a self-test came to.
//!
//! Owns the verdicts, and how they are shown as lines and as JSON. Must not know how entries are read.
use std::{
    fs,
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::{agents::Agents, conversation::Conversation, entry::Entry};
use crate::sink::escape::escape;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// As it should: reported, right, and marked.
    Reported,
    /// Nothing came.
    Silent,
    /// An entry came, and not all of it is right.
    Wrong,
    /// It was reported as a real incident.
    Unmarked,
    /// There is no agent that would know the test as such.
    NoAgent,
    /// Nobody can say: there is no journal to read.
    NoJournal,
}

/// The whole result; the keys of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// Why it failed, one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    nonce: String,
    pub(super) agents: Agents,
    /// Of the agent that wrote the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    /// From the first byte to the entry, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    /// Pid of the agent that wrote it, in journald's PID namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    writer: Option<String>,
    /// Entries that came of an agent of this executable.
    entries: usize,
    /// Pid of another agent that reported the test as a real incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    alarmed: Option<String>,
}

impl Outcome {
    pub(super) fn new(nonce: &str, agents: Agents) -> Self {
        Self {
            verdict: Verdict::Silent,
            reason: None,
            nonce: nonce.to_owned(),
            agents,
            version: None,
            incident: None,
            level: None,
            seconds: None,
            writer: None,
            entries: 0,
            alarmed: None,
        }
    }

    pub(super) fn failed(self, verdict: Verdict, reason: String) -> Self {
        Self { verdict, reason: Some(reason), ..self }
    }

    /// Takes in an entry; the newest says how it went.
    pub(super) fn take(&mut self, entry: &Entry, conversation: &Conversation) {
        // Only an agent that runs this executable marks it.
        let of_another = self.agents.own().all(|agent| agent.pid.to_string() != entry.writer);
        if !entry.is_marked() && of_another {
            self.alarmed = Some(escape(&entry.writer));
            return;
        }
        self.entries += 1;
        let wrong = entry.wrong(&own_pids(), &conversation.pool.to_string());
        (self.verdict, self.reason) = if !entry.is_marked() {
            let reason = format!(
                "it was reported, but as a real incident (priority {}): the agent could not make sure that this is \
                 its own test; it needs CAP_SYS_PTRACE, and this very executable",
                entry.priority
            );
            (Verdict::Unmarked, Some(escape(&reason)))
        } else if wrong.is_empty() {
            (Verdict::Reported, None)
        } else {
            (Verdict::Wrong, Some(escape(&format!("the agent's entry is not right: {}", wrong.join("; ")))))
        };
        self.seconds = entry.after(conversation.began).map(|time| time.as_secs_f64());
        self.version = Some(escape(&entry.version));
        self.incident = Some(escape(&entry.incident));
        self.level = Some(escape(&entry.level));
        self.writer = Some(escape(&entry.writer));
    }

    /// When nothing came, says so; `left` of the time was left.
    pub(super) fn concluded(self, left: Duration) -> Self {
        if self.entries > 0 {
            return self;
        }
        if let Some(writer) = &self.alarmed {
            let reason = format!(
                "only process {writer}, which is no agent of this executable, reported it, and as a real incident"
            );
            return self.failed(Verdict::Unmarked, reason);
        }
        let pids: Vec<_> = self.agents.own().map(|agent| agent.pid.to_string()).collect();
        let who =
            if pids.is_empty() { String::new() } else { format!(" by the agent (pid {})", pids.join(", ")) };
        let reason = format!(
            "nothing was written{who} about worker {} to the journal{}: see minewarden doctor, and whether its sinks have \
             journald",
            self.nonce,
            if left.is_zero() { " in time" } else { "" }
        );
        self.failed(Verdict::Silent, reason)
    }

    /// A few lines for a person.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for agent in self.agents.own() {
            let version = self.version.as_ref().filter(|_| self.writer == Some(agent.pid.to_string()));
            let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
            writeln!(out, "agent     pid {}{version}, running since {}", agent.pid, agent.since)?;
        }
        writeln!(out, "nonce     {}", self.nonce)?;
        if let (Some(incident), Some(level)) = (&self.incident, &self.level) {
            let after =
                self.seconds.map(|time| format!(", {time:.3} s after the first byte")).unwrap_or_default();
            writeln!(out, "incident  {incident}, {level}{after}")?;
            writeln!(out, "see       journalctl -t minewarden MINEWARDEN_INCIDENT={incident}")?;
        }
        if self.verdict == Verdict::Reported {
            writeln!(
                out,
                "passed    marked as a test, priority info; it ends within seconds of this program"
            )?;
        }
        Ok(())
    }
}

/// Ours, in each PID namespace from that of /proc down to our own.
fn own_pids() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let mut pids: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    if pids.is_empty() {
        pids.push(std::process::id().to_string());
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::{super::agents::Agent, *};

    fn outcome() -> Outcome {
        Outcome::new("selftest-0123456789abcdef", Agents::default())
    }

    #[test]
    fn what_did_not_come_is_said() {
        let silent = outcome().concluded(Duration::ZERO);
        assert_eq!(silent.verdict, Verdict::Silent);
        let reason = silent.reason.unwrap();
        let said = "nothing was written about worker selftest-0123456789abcdef to the journal in time: ";
        assert!(reason.starts_with(said), "{reason}");
    }

    #[test]
    fn the_newest_entry_says_how_it_went() {
        let conversation = Conversation::hold("selftest-0123456789abcdef").unwrap();
        let pid = std::process::id();
        let line = |level: &str, test: &str| {
            let line = format!(
                r#"{{"_UID":"0","_PID":"9","PRIORITY":"6","MINEWARDEN_LEVEL":"{level}","MINEWARDEN_TEST":"{test}",
                "MINEWARDEN_ROLE":"miner","MINEWARDEN_PID":"{pid}","MINEWARDEN_WALLET":"minewarden-selftest",
                "MINEWARDEN_REMOTE":"{}","MINEWARDEN_DIALECT":"cryptonote"}}"#,
                conversation.pool
            );
            Entry::read(line.as_bytes()).unwrap()
        };
        let mut outcome = outcome();
        outcome.take(&line("confirmed", ""), &conversation);
        assert_eq!((outcome.verdict, outcome.entries), (Verdict::Silent, 0), "another agent's alarm");
        assert_eq!(outcome.clone().concluded(Duration::ZERO).verdict, Verdict::Unmarked);
        outcome.take(&line("likely", "1"), &conversation);
        assert_eq!(outcome.verdict, Verdict::Wrong);
        outcome.take(&line("confirmed", "1"), &conversation);
        assert_eq!((outcome.verdict, &outcome.reason, outcome.entries), (Verdict::Reported, &None, 2));
        outcome.agents.0.push(Agent { pid: 9, since: String::new(), exe: String::new(), own: true });
        outcome.take(&line("confirmed", ""), &conversation);
        assert_eq!(outcome.verdict, Verdict::Unmarked);
        let mut lines = Vec::new();
        outcome.print(&mut lines).unwrap();
        assert!(!String::from_utf8(lines).unwrap().contains("passed"));
    }
}
