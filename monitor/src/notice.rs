//! What leaves the pipeline towards the sinks.
//!
//! Owns [`Notice`] and what it holds. Must not know any sink, nor escape anything: `sink::fields` turns a notice
//! into the one list of fields that every sink prints in its own way.
use std::{fmt, time::Duration};

use crate::{
    event::{BootTime, CommandLine, Container, Counters, Ends, FileId, FlowId, Owner, Place, ProcessKey},
    finding::{Claim, Role, Rule, Shares},
};

/// How sure we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Below 40.
    None,
    /// 40 or more.
    Suspicious,
    /// 70 or more.
    Likely,
    /// 100: proof.
    Confirmed,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Suspicious => "suspicious",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
        })
    }
}

impl Level {
    /// Every level, least first.
    pub const ALL: [Self; 4] = [Self::None, Self::Suspicious, Self::Likely, Self::Confirmed];

    /// The level of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.to_string() == name)
    }
}

/// Why a notice was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hooks are attached and events flow.
    AgentStarted,
    /// The agent ends in good order.
    AgentStopped,
    /// The agent is alive.
    Heartbeat,
    /// First notice of an incident.
    IncidentOpened,
    /// Its level rose.
    IncidentRaised,
    /// Something about it was learned.
    IncidentUpdated,
    /// Its processes and flows are gone.
    IncidentEnded,
    /// Events were lost.
    Loss,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::AgentStarted,
        Self::AgentStopped,
        Self::Heartbeat,
        Self::IncidentOpened,
        Self::IncidentRaised,
        Self::IncidentUpdated,
        Self::IncidentEnded,
        Self::Loss,
    ];

    /// Whether it tells of an incident, not of the agent.
    #[must_use]
    pub const fn is_incident(self) -> bool {
        matches!(
            self,
            Self::IncidentOpened | Self::IncidentRaised | Self::IncidentUpdated | Self::IncidentEnded
        )
    }

    /// Its name in every sink.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgentStarted => "agent-started",
            Self::AgentStopped => "agent-stopped",
            Self::Heartbeat => "heartbeat",
            Self::IncidentOpened => "incident-opened",
            Self::IncidentRaised => "incident-raised",
            Self::IncidentUpdated => "incident-updated",
            Self::IncidentEnded => "incident-ended",
            Self::Loss => "loss",
        }
    }
}

/// Why an executable cannot be looked at where its path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExeState {
    /// It never had a name in the file system: memfd_create(2).
    Memfd,
    /// Its name is gone.
    Deleted,
}

impl ExeState {
    /// Of an executable with this path; `nameless` says that no link to the file is left.
    #[must_use]
    pub fn of(path: Option<&str>, nameless: bool) -> Option<Self> {
        let memfd = path.is_some_and(|path| path.starts_with("/memfd:"));
        nameless.then_some(if memfd { Self::Memfd } else { Self::Deleted })
    }

    /// Its name in every sink.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memfd => "memfd",
            Self::Deleted => "deleted",
        }
    }
}

/// `name[pid]`; `name[?]` for a process that the agent's PID namespace does not show (pid 0).
#[must_use]
pub fn labelled(name: &str, pid: u32) -> String {
    if pid == 0 { format!("{name}[?]") } else { format!("{name}[{pid}]") }
}

/// `name[pid] < name[pid] < ...`: a process, then its ancestors, nearest first.
#[must_use]
pub fn ancestry(process: (&str, u32), above: &[(String, u32)]) -> String {
    let above = above.iter().map(|(name, pid)| (name.as_str(), *pid));
    let names = std::iter::once(process).chain(above).map(|(name, pid)| labelled(name, pid));
    names.collect::<Vec<_>>().join(" < ")
}

/// One entry for the sinks.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Unique for ever: delivery is at-least-once and readers deduplicate by it. The same recording gives the
    /// same ids.
    pub id: String,
    /// When it happened.
    pub at: BootTime,
    /// Wall-clock time of `at`, nanoseconds since the Unix epoch.
    pub unix_nanos: i128,
    /// Why it was written.
    pub kind: Kind,
    /// One readable line without the program's name.
    pub message: String,
    /// For the incident kinds.
    pub incident: Option<Box<IncidentView>>,
    /// For the agent's own kinds.
    pub counters: Option<Counters>,
}

/// An incident as it is now. Everything a reader needs to act and to redo the sum.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentView {
    /// Incident id, 16 hex digits; never changes.
    pub id: String,
    /// It is the agent's own self-test: nobody needs to act.
    pub self_test: bool,
    /// Level now.
    pub level: Level,
    /// Sum of the families, capped.
    pub score: u32,
    /// What its process is.
    pub role: Role,
    /// Rule, weight and what was seen, strongest first.
    pub evidence: Vec<(&'static Rule, String)>,
    /// The process named in the notice: the latest that mined.
    pub process: Option<ProcessKey>,
    /// Its owner record, for the check before `OBJECT_PID` is sent.
    pub owner: Option<Owner>,
    /// Processes of this incident so far (a respawning miner is one incident with a count).
    pub processes: u64,
    /// What is known of the process.
    pub exe: Option<String>,
    /// Why it cannot be looked at there.
    pub exe_state: Option<ExeState>,
    /// The executable by stat, else by the kernel.
    pub exe_file: Option<FileId>,
    /// SHA-256 of the executable.
    pub sha256: Option<String>,
    /// The script that an interpreter runs, `-c` for code in an argument.
    pub script: Option<String>,
    /// SHA-256 of that.
    pub script_sha256: Option<String>,
    /// Arguments, secrets redacted.
    pub command: CommandLine,
    /// Command name.
    pub comm: Option<String>,
    /// `name[pid] < name[pid] < ...`, the process first.
    pub ancestry: Option<String>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Its name.
    pub user: Option<String>,
    /// Who logged in.
    pub loginuid: Option<u32>,
    /// Their name.
    pub login_user: Option<String>,
    /// Audit session.
    pub session: Option<u32>,
    /// Controlling terminal, `pts3`.
    pub tty: Option<String>,
    /// When the process began, nanoseconds since the Unix epoch.
    pub started_unix_nanos: Option<i128>,
    /// Where it runs.
    pub place: Place,
    /// What the container's engine says of it.
    pub container: Option<Container>,
    /// The conversation that weighs most.
    pub ends: Option<Ends>,
    /// What the conversation told.
    pub claim: Claim,
    /// Shares that pools answered, in all its conversations.
    pub shares: Shares,
    /// When the incident's first evidence was seen.
    pub since: BootTime,
    /// Wall-clock time of `since`, nanoseconds since the Unix epoch.
    pub since_unix_nanos: i128,
    /// From `since` to the notice.
    pub duration: Duration,
}

/// A judged conversation of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowView {
    /// Which.
    pub flow: FlowId,
    /// Its ends; local is the client.
    pub ends: Ends,
    /// Level.
    pub level: Level,
    /// Sum of the families, capped.
    pub score: u32,
    /// Rule and what was seen, strongest first.
    pub evidence: Vec<(&'static Rule, String)>,
    /// What the conversation told.
    pub claim: Claim,
    /// Shares that the pool answered.
    pub shares: Shares,
}
