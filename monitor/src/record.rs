//! An exec or an outgoing connection, written down for investigators.
//!
//! Owns [`Record`]. Says nothing of mining, and is no part of a recording (`source::record`), from which the same
//! records can be made again. Must not know sinks, nor escape anything.
use crate::{
    event::{CommandLine, Ends, FileId, Place},
    notice::ExeState,
};

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// A process replaced its image.
    Exec,
    /// An outgoing TCP connection was begun.
    Connect,
}

impl RecordKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Exec, Self::Connect];

    /// Its name in the journal and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Connect => "connect",
        }
    }
}

/// Which kinds are recorded; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// [`RecordKind::Exec`].
    pub exec: bool,
    /// [`RecordKind::Connect`].
    pub connect: bool,
}

/// One entry for investigators.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Unique for ever; the same recording gives the same ids.
    pub id: String,
    /// When it happened, nanoseconds since the Unix epoch.
    pub unix_nanos: i128,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub deed: Deed,
}

impl Record {
    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        match self.deed {
            Deed::Exec(_) => RecordKind::Exec,
            Deed::Connect(_) => RecordKind::Connect,
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It runs another program now.
    Exec(Box<Executed>),
    /// It connects to `remote`.
    Connect(Ends),
}

/// The program that runs now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// The path as it was given to the kernel.
    pub filename: String,
    /// Where that is relative to.
    pub directory: Option<String>,
    /// The program that runs `filename`, where that is a script.
    pub interpreter: Option<String>,
    /// Hard links of the file that runs; 0 for a memfd or a deleted file.
    pub links: u32,
    /// Arguments, secrets redacted.
    pub command: CommandLine,
}

/// Whoever did it, as far as it was known at that moment: nothing is looked up for a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// Process id in the agent's PID namespace; 0 where it has none there.
    pub pid: u32,
    /// Its parent's.
    pub parent: Option<u32>,
    /// Command name.
    pub comm: Option<String>,
    /// Its executable.
    pub exe: Option<String>,
    /// Why it cannot be looked at there.
    pub exe_state: Option<ExeState>,
    /// Its device and inode, by the kernel where it saw the exec.
    pub exe_file: Option<FileId>,
    /// `name[pid] < name[pid] < ...`, the process first.
    pub ancestry: Option<String>,
    /// When the process began, nanoseconds since the Unix epoch.
    pub started_unix_nanos: i128,
    /// Real user id.
    pub uid: Option<u32>,
    /// Effective user id.
    pub euid: Option<u32>,
    /// Real group id.
    pub gid: Option<u32>,
    /// Name of the real user.
    pub user: Option<String>,
    /// Who logged in.
    pub loginuid: Option<u32>,
    /// Their name.
    pub login_user: Option<String>,
    /// Audit session.
    pub session: Option<u32>,
    /// Controlling terminal.
    pub tty: Option<String>,
    /// Where it runs.
    pub place: Option<Place>,
    /// Id of its cgroup.
    pub cgroup_id: Option<u64>,
    /// Kind and inode number of its namespaces, those that are known.
    pub namespaces: Vec<(&'static str, u32)>,
}
