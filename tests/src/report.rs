//! What a process says of itself, to hold what the agent says of it against.
//!
//! Owns [`Report`] and how each fact is found by the process itself: from its own /proc, from its auxiliary vector, by
//! `stat`. Must not know the agent's events.
use std::{
    collections::BTreeMap,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::cgroup;

/// Namespaces by their names in /proc/PID/ns.
pub const NAMESPACES: [&str; 7] = ["pid", "net", "mnt", "user", "cgroup", "ipc", "uts"];

/// Facts of a process, just after an exec. Numbers are those of the initial namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What the test calls this exec.
    pub label: String,
    /// Process id.
    pub pid: u32,
    /// Start time, field 22 of /proc/PID/stat.
    pub start: u64,
    /// Parent.
    pub parent: u32,
    /// The parent's start time; `None` when it is gone.
    pub parent_start: Option<u64>,
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Audit login uid; `None` when unset, or where the kernel has no audit.
    pub loginuid: Option<u32>,
    /// Audit session.
    pub session: Option<u32>,
    /// Inode number of the cgroup2 folder.
    pub cgroup: u64,
    /// Inode numbers, by the names in [`NAMESPACES`].
    pub namespaces: BTreeMap<String, u32>,
    /// Controlling terminal.
    pub tty: Option<String>,
    /// Command name.
    pub comm: String,
    /// `AT_EXECFN`: the path that was given to the kernel.
    pub filename: String,
    /// Device of the executable, `major << 20 | minor`.
    pub device: u64,
    /// Its inode number.
    pub inode: u64,
    /// Its hard links.
    pub links: u64,
    /// Its size.
    pub size: u64,
    /// Its ctime, nanoseconds.
    pub changed: i64,
    /// Where /proc/self/exe points.
    pub exe: String,
    /// Where /proc/self/cwd points.
    pub directory: String,
    /// /proc/self/cmdline.
    pub cmdline: Vec<u8>,
}

impl Report {
    /// Of the process that asks.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn of_self(label: &str) -> Result<Self> {
        let pid = fs::read_link("/proc/self")?.to_string_lossy().parse()?;
        let stat = Stat::of(pid)?;
        let exe = fs::metadata("/proc/self/exe")?;
        let device = exe.dev();
        Ok(Self {
            label: label.to_owned(),
            pid,
            start: stat.start,
            parent: stat.parent,
            parent_start: Stat::of(stat.parent).ok().map(|parent| parent.start),
            uid: rustix::process::getuid().as_raw(),
            euid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            loginuid: set("/proc/self/loginuid"),
            session: set("/proc/self/sessionid"),
            cgroup: own_cgroup()?,
            namespaces: NAMESPACES
                .iter()
                .map(|name| Ok(((*name).to_owned(), namespace(name)?)))
                .collect::<Result<_>>()?,
            tty: stat.pseudo_terminal(),
            comm: fs::read("/proc/self/comm").map(|name| lossy(name.strip_suffix(b"\n").unwrap_or(&name)))?,
            filename: lossy(rustix::param::linux_execfn().to_bytes()),
            device: u64::from(rustix::fs::major(device)) << 20 | u64::from(rustix::fs::minor(device)),
            inode: exe.ino(),
            links: exe.nlink(),
            size: exe.size(),
            changed: exe.ctime() * 1_000_000_000 + exe.ctime_nsec(),
            exe: lossy(fs::read_link("/proc/self/exe")?.as_os_str().as_bytes()),
            directory: lossy(fs::read_link("/proc/self/cwd")?.as_os_str().as_bytes()),
            cmdline: fs::read("/proc/self/cmdline")?,
        })
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What of /proc/PID/stat is used.
struct Stat {
    parent: u32,
    terminal: u32,
    start: u64,
}

impl Stat {
    fn of(pid: u32) -> Result<Self> {
        let text = fs::read(format!("/proc/{pid}/stat"))?;
        let text = lossy(&text);
        // Behind the name, which may hold anything; the first is field 3.
        let fields: Vec<&str> =
            text.rsplit_once(')').context("no name in stat")?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied().context("stat is short");
        Ok(Self { parent: field(4)?.parse()?, terminal: field(7)?.parse()?, start: field(22)?.parse()? })
    }

    /// The tests use no other terminals.
    fn pseudo_terminal(&self) -> Option<String> {
        let minor = (self.terminal & 0xff) | ((self.terminal >> 12) & 0xf_ff00);
        (self.terminal != 0).then(|| format!("pts{minor}"))
    }
}

fn set(file: &str) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok().filter(|id| *id != u32::MAX)
}

fn namespace(name: &str) -> Result<u32> {
    let link = fs::read_link(format!("/proc/self/ns/{name}"))?;
    let link = link.to_string_lossy().into_owned();
    let number = link.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    Ok(number.with_context(|| format!("odd namespace {link}"))?.parse()?)
}

fn own_cgroup() -> Result<u64> {
    let root = cgroup::mount_point().context("no cgroup2 is mounted")?;
    let text = fs::read_to_string("/proc/self/cgroup")?;
    let path =
        text.lines().find_map(|line| line.strip_prefix("0::/")).context("no cgroup2 in /proc/self/cgroup")?;
    Ok(fs::metadata(root.join(Path::new(path)))?.ino())
}
