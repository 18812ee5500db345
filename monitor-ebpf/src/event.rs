//! One struct per record that crosses the border.
//!
//! Owns layouts. Every record starts with [`Header`], which names no task: packet programs run in softirq and
//! know none. Who it was is in the record's own `who` or `owner`.
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::limits;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// [`Exec`]
    Exec = 1,
    /// [`Fork`]
    Fork = 2,
    /// [`Exit`]
    Exit = 3,
    /// [`Connect`]
    Connect = 4,
    /// [`Payload`]
    Payload = 5,
    /// [`Close`]
    Close = 6,
}

impl Kind {
    /// The kind behind a number read from a record.
    #[must_use]
    pub const fn from_u32(raw: u32) -> Option<Self> {
        Some(match raw {
            1 => Self::Exec,
            2 => Self::Fork,
            3 => Self::Exit,
            4 => Self::Connect,
            5 => Self::Payload,
            6 => Self::Close,
            _ => return None,
        })
    }
}

/// Starts every record.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// `CLOCK_BOOTTIME`, nanoseconds.
    pub at: u64,
    /// A [`Kind`].
    pub kind: u32,
    /// Bytes of the variable tail that are valid; 0 for records without one.
    pub tail: u32,
}

/// Which process, for as long as it lives.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Identity {
    /// `start_boottime` of the thread-group leader, nanoseconds.
    pub start: u64,
    /// Thread group id in the initial PID namespace.
    pub tgid: u32,
    /// The same in the agent's PID namespace; 0 when it is invisible there.
    pub pid: u32,
    /// `self_exec_id`: grows with every exec, inherited by fork.
    pub generation: u32,
    /// Always 0.
    pub reserved: u32,
}

/// Source of an [`Owner`]: nobody is known.
pub const OWNER_NONE: u32 = 0;
/// Source of an [`Owner`]: it called connect(2).
pub const OWNER_CONNECT: u32 = 1;

/// Source of an [`Owner`]: its file table held the socket when the agent started.
pub const OWNER_FD_TABLE: u32 = 2;

/// The process that a socket belongs to.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Owner {
    /// Which, when `source` is not [`OWNER_NONE`].
    pub who: Identity,
    /// How it is known.
    pub source: u32,
    /// Always 0.
    pub reserved: u32,
}

/// What the kernel says of a task.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Task {
    /// Which process.
    pub who: Identity,
    /// Its real parent.
    pub parent: Identity,
    /// Id of its cgroup2.
    pub cgroup: u64,
    /// Real user id, initial user namespace.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Audit login uid; `u32::MAX` when unset.
    pub loginuid: u32,
    /// Audit session; `u32::MAX` when unset.
    pub session: u32,
    /// Inode number of its PID namespace.
    pub pid_namespace: u32,
    /// Network namespace.
    pub net_namespace: u32,
    /// Mount namespace.
    pub mount_namespace: u32,
    /// User namespace.
    pub user_namespace: u32,
    /// Cgroup namespace.
    pub cgroup_namespace: u32,
    /// IPC namespace.
    pub ipc_namespace: u32,
    /// UTS namespace.
    pub uts_namespace: u32,
    /// Name of its controlling terminal, `pts3`; empty without one.
    pub tty: [u8; limits::TTY],
    /// Command name; cut at the first NUL (5.10 leaves garbage behind it).
    pub comm: [u8; limits::COMM],
}

/// Size of a string of an [`Exec`] that is not there.
pub const NO_STRING: u16 = u16::MAX;
/// Size of a string of an [`Exec`] that did not fit.
pub const LONG_STRING: u16 = u16::MAX - 1;

/// A successful execve. The tail is four strings and the argument area, one behind the other without gaps:
///
/// 1. `bprm->filename`,
/// 2. `bprm->interp`, where it is another than the first,
/// 3. the path of the file that runs: names from the file up to its root, each with a NUL,
/// 4. the same of the working directory, where `bprm->filename` is relative,
/// 5. the arguments, NUL-separated, to the end of the tail.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Exec {
    /// Header.
    pub header: Header,
    /// The process after the exec.
    pub task: Task,
    /// Inode number of the file that runs.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Seconds of its ctime.
    pub changed: u64,
    /// Nanoseconds of its ctime; newer kernels keep a mark of their own in the top bit.
    pub changed_nanos: u32,
    /// Its device, kernel encoding.
    pub device: u32,
    /// Its hard links; 0 for a memfd or a deleted file.
    pub links: u32,
    /// Size of the whole argument area; more than the tail has of it when it was cut.
    pub argv_size: u32,
    /// Bytes of each string, its NULs included; or [`NO_STRING`], or [`LONG_STRING`].
    pub filename_size: u16,
    /// The same.
    pub interpreter_size: u16,
    /// The same.
    pub path_size: u16,
    /// The same.
    pub directory_size: u16,
}

/// A new process (not a thread).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Fork {
    /// Header.
    pub header: Header,
    /// The process that called fork.
    pub parent: Identity,
    /// The child.
    pub task: Task,
}

/// The last thread of a process ended.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Exit {
    /// Header.
    pub header: Header,
    /// The process.
    pub who: Identity,
    /// `exit_code` of the last thread.
    pub code: u32,
    /// Always 0.
    pub reserved: u32,
}

/// `family` for IPv4, `AF_INET`.
pub const FAMILY_V4: u16 = 2;
/// `family` for IPv6, `AF_INET6`.
pub const FAMILY_V6: u16 = 10;

/// Both ends of a socket. Addresses are in network order, IPv4 in the first four bytes; ports are in host
/// order, 0 when not chosen yet.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ends {
    /// Own address.
    pub local: [u8; 16],
    /// Peer's address.
    pub remote: [u8; 16],
    /// Own port.
    pub local_port: u16,
    /// Peer's port.
    pub remote_port: u16,
    /// [`FAMILY_V4`] or [`FAMILY_V6`].
    pub family: u16,
    /// Always 0.
    pub reserved: u16,
}

/// An outgoing TCP connection was begun.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connect {
    /// Header.
    pub header: Header,
    /// Who.
    pub owner: Owner,
    /// Socket cookie.
    pub cookie: u64,
    /// To where.
    pub ends: Ends,
}

/// `direction` of a [`Payload`]: sent by the socket.
pub const EGRESS: u16 = 0;
/// `direction` of a [`Payload`]: received by the socket.
pub const INGRESS: u16 = 1;

/// A piece of a TCP stream. The tail is the bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Payload {
    /// Header; `tail` counts captured bytes.
    pub header: Header,
    /// Whose socket, when known.
    pub owner: Owner,
    /// Socket cookie.
    pub cookie: u64,
    /// Position in this direction, from the first byte that was looked at; bytes that were skipped on purpose
    /// do not count (see `restart`).
    pub offset: u64,
    /// Its ends.
    pub ends: Ends,
    /// Bytes of the segment; more than `header.tail` when it was cut.
    pub length: u32,
    /// [`EGRESS`] or [`INGRESS`].
    pub direction: u16,
    /// 1 when bytes before this piece were skipped on purpose.
    pub restart: u16,
}

/// A socket of which a connect or payload record was written closed.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Close {
    /// Header.
    pub header: Header,
    /// Socket cookie.
    pub cookie: u64,
}

/// What the socket iterator writes for each wanted socket that a process holds. Not a ring record.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Holder {
    /// Socket cookie.
    pub cookie: u64,
    /// Who holds it.
    pub who: Identity,
}

/// What the iterator over all sockets writes for each file that is a connected TCP socket. Not a ring record.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Established {
    /// The socket, and one process that holds it.
    pub holder: Holder,
    /// Its ends.
    pub ends: Ends,
}
