//! Counters that the kernel programs keep per CPU and the agent adds up.
//!
//! Owns the indexes. Must not know who prints them.
use crate::event::Kind;

/// Index into the counter array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Counter {
    /// The ring was full: an exec, fork, exit, connect, payload or close record was lost (one index each, in
    /// the order of [`Kind`]).
    LostExec = 0,
    /// A fork.
    LostFork = 1,
    /// An exit.
    LostExit = 2,
    /// A connect.
    LostConnect = 3,
    /// A piece of payload.
    LostPayload = 4,
    /// A close.
    LostClose = 5,
    /// A kernel structure of a task could not be read, so its record was not written.
    TaskFault = 6,
    /// The argument area could not be read; the exec record was written without it.
    ArgvFault = 7,
    /// Packet bytes could not be read.
    PacketFault = 8,
    /// A socket could not keep its state: a place was taken from the few that there are for such sockets. No loss: it
    /// is watched all the same.
    SpareFlow = 9,
    /// An exec or a fork in a cgroup that is not watched. No loss.
    Outside = 10,
    /// An exec or a fork of a process that is watched, and that the agent's PID namespace does not show: it is told
    /// without a pid.
    Invisible = 11,
}

impl Counter {
    /// Number of counters.
    pub const COUNT: u32 = 12;

    /// Every counter with the name that the agent shows, in order of index.
    pub const ALL: [(Self, &'static str); Self::COUNT as usize] = [
        (Self::LostExec, "exec"),
        (Self::LostFork, "fork"),
        (Self::LostExit, "exit"),
        (Self::LostConnect, "connect"),
        (Self::LostPayload, "payload"),
        (Self::LostClose, "close"),
        (Self::TaskFault, "task-fault"),
        (Self::ArgvFault, "argv-fault"),
        (Self::PacketFault, "packet-fault"),
        (Self::SpareFlow, "flows.spare"),
        (Self::Outside, "watch.outside"),
        (Self::Invisible, "watch.invisible"),
    ];

    /// Whether what it counts was lost.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::SpareFlow | Self::Outside | Self::Invisible)
    }

    /// The counter for a record of this kind that did not fit.
    #[must_use]
    pub const fn lost(kind: Kind) -> Self {
        match kind {
            Kind::Exec => Self::LostExec,
            Kind::Fork => Self::LostFork,
            Kind::Exit => Self::LostExit,
            Kind::Connect => Self::LostConnect,
            Kind::Payload => Self::LostPayload,
            Kind::Close => Self::LostClose,
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "in a constant an index out of range fails the build")]
const _: () = {
    let mut index = 0;
    while index < Counter::ALL.len() {
        assert!(Counter::ALL[index].0 as usize == index, "ALL is in order of index");
        index += 1;
    }
};
