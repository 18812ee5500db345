//! Owned events: everything the pipeline can be told, from any source.
//!
//! Owns the vocabulary between `source`/`worker` (left) and `decode`..`incident` (right). Must not know
//! record layouts, /proc, or who asked. All strings that a watched process chose are lossy UTF-8 and still
//! hold control characters: sinks escape them. Command lines are redacted before they become an event.
use std::{fmt, net::SocketAddr, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

mod process;
mod scan;

pub use process::{CommandLine, Container, Exec, Fork, Place, ProcFacts, Running, Task};
pub use scan::{RuleMatch, ScanTarget, Scanned, Setup, SetupFile, Told};

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

    /// The moment the tick began.
    #[must_use]
    pub const fn boot_time(self) -> BootTime {
        BootTime(self.0.saturating_mul(Self::NANOS))
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
    /// What of the host was watched, a clause; empty for captures and recordings that do not say it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub watched: String,
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
    /// A process that the sweep met (`owner`): it may have been there before the agent.
    Running(Box<Running>),
    /// A connected TCP socket that the sweep met.
    Established {
        /// The socket.
        flow: FlowId,
        /// Its ends.
        ends: Ends,
        /// Every process whose file table holds it.
        holders: Vec<Owner>,
    },
    /// Answer to [`crate::outcome::Request::Scan`] (`owner` is the process asked about).
    Scanned(Box<Scanned>),
    /// Answer to [`crate::outcome::Request::ReadSetup`] (`owner` is the process asked about).
    Setup(Box<Setup>),
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
