//! Owned events: everything the pipeline can be told, from any source.
//!
//! Owns the vocabulary between `source`/`worker` (left) and `decode`..`incident` (right). Must not know
//! record layouts, /proc, or who asked. All strings that a watched process chose are lossy UTF-8 and still
//! hold control characters: sinks escape them. Command lines are redacted before they become an event.
use std::{fmt, net::SocketAddr, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Nanoseconds since boot, suspend included (`CLOCK_BOOTTIME`). Captures count from the Unix epoch instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BootTime(pub u64);

impl BootTime {
    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Start time of a thread-group leader in `USER_HZ` ticks (10 ms) since boot, as /proc/PID/stat field 22.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticks(pub u64);

impl Ticks {
    /// Nanoseconds in one tick: `NSEC_PER_SEC / USER_HZ`, and `USER_HZ` is 100 on every Linux ABI we build for.
    pub const NANOS: u64 = 10_000_000;

    /// From the kernel's `start_boottime`, in nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos / Self::NANOS)
    }
}

/// A process for as long as it lives: pids are reused, this pair is not. `tgid` is the one of the initial
/// PID namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Thread group id in the initial PID namespace.
    pub tgid: u32,
    /// When its leader started.
    pub start: Ticks,
}

/// How an owner became known, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerSource {
    /// It called connect(2).
    Connect,
    /// The event is its own: exec, fork, exit.
    Own,
    /// Its file table holds the socket.
    FdTable,
}

/// The process that an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Which process.
    pub key: ProcessKey,
    /// The same process's id in the agent's PID namespace; 0 when it is invisible there.
    pub pid: u32,
    /// The kernel's count of execs in this process's line (`self_exec_id`); `None` when read from /proc.
    /// Tells bash from the miner that it execs under the same pid.
    pub generation: Option<u32>,
    /// How it became known.
    pub source: OwnerSource,
}

/// A socket (its cookie), or a capture's conversation (its index).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowId(pub u64);

/// Which way bytes went, seen from the socket's own end. In a capture the local end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Sent by the local end.
    Egress,
    /// Received by the local end.
    Ingress,
}

/// Both ends of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ends {
    /// The socket's own end (a capture: the client). Port 0 when not known yet.
    pub local: SocketAddr,
    /// The peer (a capture: the server).
    pub remote: SocketAddr,
}

/// A file by device number and inode, as the kernel has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// `st_dev` in the kernel's own encoding (`major << 20 | minor`).
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

/// The host that events come from; a recording carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Wall-clock time (nanoseconds since the Unix epoch) is boot time plus this; 0 for captures.
    pub unix_offset_nanos: i128,
    /// Version of the agent.
    pub version: String,
}

impl Host {
    /// Wall-clock time of `at`, nanoseconds since the Unix epoch.
    #[must_use]
    pub fn wall(&self, at: BootTime) -> i128 {
        self.unix_offset_nanos.saturating_add(i128::from(at.0))
    }

    /// The same as RFC 3339 text, to the second.
    #[must_use]
    pub(crate) fn wall_text(&self, at: BootTime) -> String {
        match jiff::Timestamp::from_nanosecond(self.wall(at)) {
            Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            Err(_) => format!("{} ns after boot", at.0),
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, on the boot clock.
    pub at: BootTime,
    /// Whose it is, where that is known.
    pub owner: Option<Owner>,
    /// What.
    pub body: Body,
}

/// What happened. Everything after `Close` is an answer of `worker/` or the agent's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A process replaced its image (`owner` is the process, after the exec).
    Exec(Box<Exec>),
    /// A process was made (`owner` is the child).
    Fork(Fork),
    /// A whole process ended (`owner`).
    Exit {
        /// `task_struct.exit_code`: status in bits 8-15, signal in bits 0-6.
        code: i32,
    },
    /// An outgoing TCP connection was begun by `owner`.
    Connect {
        /// The socket.
        flow: FlowId,
        /// Its ends.
        ends: Ends,
    },
    /// TCP payload.
    Payload(Payload),
    /// A connection that was told of, or whose payload was, ended.
    Close {
        /// The socket.
        flow: FlowId,
    },
    /// Answer to [`crate::outcome::Request::LookUp`] (`owner` is the process asked about).
    ProcFacts(Box<ProcFacts>),
    /// Answer to [`crate::outcome::Request::FindOwner`].
    Holders {
        /// The socket.
        flow: FlowId,
        /// Every process whose file table holds it; empty when none was found.
        holders: Vec<Owner>,
    },
    /// The kernel's and the agent's counters, read on a timer.
    Counters(Counters),
    /// The wall clock was set: wall = boot + this from now on, in nanoseconds.
    Clock {
        /// Nanoseconds between the boot clock's zero and the Unix epoch.
        unix_offset_nanos: i64,
    },
    /// The only timer.
    Tick,
}

/// What the kernel says of a process, at exec or fork.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Real parent.
    pub parent: ProcessKey,
    /// Real, effective user ids and real group id, initial user namespace.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Who logged in (audit); `None` when unset.
    pub loginuid: Option<u32>,
    /// Audit session; `None` when unset.
    pub session: Option<u32>,
    /// Id of the cgroup2 the task is in.
    pub cgroup: u64,
    /// Inode numbers of the PID, network and mount namespaces.
    pub pid_namespace: u32,
    /// Network namespace.
    pub net_namespace: u32,
    /// Mount namespace.
    pub mount_namespace: u32,
    /// Command name, at most 15 bytes.
    pub comm: String,
}

/// A successful execve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The process.
    pub task: Task,
    /// The path as it was given to the kernel: may be relative, may be a script.
    pub filename: String,
    /// The interpreter that runs a script; equal to `filename` for a program.
    pub interpreter: String,
    /// The file that runs (for a script: the interpreter's).
    pub file: FileId,
    /// Hard links of that file; 0 for a memfd or a deleted file.
    pub links: u32,
    /// Arguments, secrets redacted.
    pub command: CommandLine,
}

/// Arguments with secrets taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// Arguments, in order.
    pub args: Vec<String>,
    /// The process had more than was captured.
    pub truncated: bool,
    /// At least one secret was replaced.
    pub redacted: bool,
}

/// A new process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The process that called fork.
    pub parent: ProcessKey,
    /// What the kernel says of the child.
    pub task: Task,
}

/// A piece of one direction of a TCP stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The socket.
    pub flow: FlowId,
    /// Its ends.
    pub ends: Ends,
    /// Which way.
    pub direction: Direction,
    /// Position of the first byte in this direction's stream, from the first byte ever seen of it; live, bytes that
    /// were skipped on purpose (`restart`) do not count.
    pub offset: u64,
    /// The bytes captured, at most 4,096 (a capture file may hold more).
    #[serde(with = "crate::source::base64_bytes")]
    pub bytes: Bytes,
    /// Bytes that the segment had; more than `bytes.len()` when it was cut.
    pub length: u32,
    /// Bytes before this piece were skipped on purpose: `offset` follows nothing, framing starts anew.
    pub restart: bool,
}

/// What /proc says of a process. `None` facts: it was gone, or could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcFacts {
    /// Why there are no facts, one line; `None` when there are.
    pub error: Option<String>,
    /// Real parent in the agent's PID namespace; 0 when none.
    pub parent_pid: u32,
    /// Command name.
    pub comm: String,
    /// `readlink /proc/PID/exe`, without " (deleted)".
    pub exe: Option<String>,
    /// The executable has no name any more, or never had one (memfd).
    pub exe_deleted: bool,
    /// The executable by `fstat`.
    pub exe_file: Option<FileId>,
    /// SHA-256 of the executable, lower-case hex; `None` when over the size cap or unreadable.
    pub exe_sha256: Option<String>,
    /// The script that an interpreter runs, as an absolute path, or `-c` when the code is an argument.
    pub script: Option<String>,
    /// SHA-256 of that script (or of the `-c` argument).
    pub script_sha256: Option<String>,
    /// Arguments, secrets redacted.
    pub command: CommandLine,
    /// Real user id, in the agent's user namespace.
    pub uid: Option<u32>,
    /// Its name.
    pub user: Option<String>,
    /// Who logged in; `None` when unset.
    pub loginuid: Option<u32>,
    /// Their name.
    pub login_user: Option<String>,
    /// Audit session.
    pub session: Option<u32>,
    /// Where it runs.
    pub place: Place,
    /// Ancestors, nearest first: name and pid in the agent's namespace, at most 16.
    pub ancestry: Vec<(String, u32)>,
}

/// Where a process runs, from **all** lines of /proc/PID/cgroup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The most specific cgroup path of all hierarchies.
    pub cgroup: String,
    /// systemd unit (`foo.service`, `session-3.scope`).
    pub unit: Option<String>,
    /// systemd login session id.
    pub session: Option<String>,
    /// Container id (64 hex digits, or nspawn's machine name).
    pub container: Option<String>,
}

impl Place {
    /// The key of a place: container, else unit, else the cgroup path.
    #[must_use]
    pub fn key(&self) -> &str {
        self.container.as_deref().or(self.unit.as_deref()).unwrap_or(&self.cgroup)
    }
}

/// Totals since the agent started, by name, in the order that they are to be printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Records that reached the agent, by kind.
    pub seen: Vec<(String, u64)>,
    /// What was lost, by place and kind; zeros are listed too.
    pub lost: Vec<(String, u64)>,
}

impl Counters {
    /// Sum of all that was lost.
    #[must_use]
    pub fn lost_total(&self) -> u64 {
        self.lost.iter().map(|(_, n)| n).sum()
    }
}

impl fmt::Display for Counters {
    /// `exec=20000 fork=20012 lost.exec=0 ...`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen.iter().map(|(name, n)| format!("{name}={n}"));
        let lost = self.lost.iter().map(|(name, n)| format!("lost.{name}={n}"));
        f.write_str(&seen.chain(lost).collect::<Vec<_>>().join(" "))
    }
}
