//! One process as the sweep finds it.
//!
//! Owns which of its facts are read: those that cost no more than a few system calls. No file that the process
//! names is read. Must not know the other processes.
use std::{collections::HashMap, fs::metadata, os::fd::OwnedFd};

use rustix::fs::{AtFlags, statat};

use super::listing::Listed;
use crate::{
    event::{Running, Task},
    host::cgroup::cgroup2_root,
    redact,
    worker::{
        facts::{ARGS_SHOWN, TEXT_CAP, exe_file, exe_name, number},
        procfs::{Identity, ProcDir, ProcFs},
    },
};

/// Cgroups whose ids are remembered.
const CGROUPS: usize = 4_096;

/// `None` when it has ended, or is another process by now.
pub(super) fn read(procfs: &dyn ProcFs, listed: Listed, cgroups: &mut Cgroups) -> Option<Running> {
    let process = procfs.open(listed.pid).ok()?;
    let start = listed.key.start;
    let status = exe_file(&*process);
    let exe = process.link("exe").ok().map(|link| exe_name(&*process, &link, status));
    let args = process.read("cmdline", ARGS_SHOWN + 1).unwrap_or_default();
    let cut = args.len() > ARGS_SHOWN;
    let running = Running {
        task: task(&*process, listed, cgroups)?,
        exe_deleted: exe.as_ref().is_some_and(|(_, deleted)| *deleted),
        exe: exe.map(|(path, _)| path.to_string_lossy().into_owned()),
        exe_file: status.map(|status| status.id),
        command: redact::command_line(args.get(..ARGS_SHOWN).unwrap_or(&args), cut),
    };
    Identity::of(&*process).is_ok_and(|identity| identity.start == start).then_some(running)
}

/// `None` when nobody can be told to be its user: it is gone.
fn task(process: &dyn ProcDir, listed: Listed, cgroups: &mut Cgroups) -> Option<Task> {
    let status = process.read("status", TEXT_CAP).ok()?;
    let status = String::from_utf8_lossy(&status);
    let (uid, euid) = ids(&status, "Uid:")?;
    let (gid, _) = ids(&status, "Gid:")?;
    let space = |name| namespace(process, name).unwrap_or(0);
    Some(Task {
        parent: listed.parent,
        uid,
        euid,
        gid,
        loginuid: number(process, "loginuid"),
        session: number(process, "sessionid"),
        cgroup: cgroups.id(process).unwrap_or(0),
        pid_namespace: space("ns/pid"),
        net_namespace: space("ns/net"),
        mount_namespace: space("ns/mnt"),
        user_namespace: space("ns/user"),
        cgroup_namespace: space("ns/cgroup"),
        ipc_namespace: space("ns/ipc"),
        uts_namespace: space("ns/uts"),
        tty: listed.tty,
        comm: listed.comm,
    })
}

/// Real and effective id of a line of /proc/PID/status.
fn ids(status: &str, name: &str) -> Option<(u32, u32)> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let mut ids = line.split_whitespace().map(str::parse);
    Some((ids.next()?.ok()?, ids.next()?.ok()?))
}

/// The number in `net:[4026531840]`.
fn namespace(process: &dyn ProcDir, link: &str) -> Option<u32> {
    let target = process.link(link).ok()?;
    target.to_str()?.split_once('[')?.1.strip_suffix(']')?.parse().ok()
}

/// Ids of cgroups by their paths, as the kernel's records have them: the inode numbers of their folders.
pub(super) struct Cgroups {
    root: Option<OwnedFd>,
    known: HashMap<String, Option<u64>>,
}

impl Cgroups {
    /// Below the root of the hierarchy, where /proc's paths begin; none are told where the agent sees other paths.
    pub(super) fn find() -> Self {
        let initial = metadata("/proc/self/ns/cgroup").ok().zip(metadata("/proc/1/ns/cgroup").ok());
        let same = initial.is_some_and(|(own, init)| {
            std::os::unix::fs::MetadataExt::ino(&own) == std::os::unix::fs::MetadataExt::ino(&init)
        });
        let root = cgroup2_root().ok().filter(|root| root.whole && same).map(|root| root.fd);
        Self { root, known: HashMap::new() }
    }

    fn id(&mut self, process: &dyn ProcDir) -> Option<u64> {
        let root = self.root.as_ref()?;
        let lines = process.read("cgroup", TEXT_CAP).ok()?;
        let lines = String::from_utf8_lossy(&lines);
        let path = lines.lines().find_map(|line| line.strip_prefix("0::/"))?;
        if let Some(known) = self.known.get(path) {
            return *known;
        }
        let relative = if path.is_empty() { "." } else { path };
        let outside = relative.split('/').any(|part| part == "..");
        let id = (!outside).then(|| statat(root, relative, AtFlags::SYMLINK_NOFOLLOW).ok()).flatten();
        let id = id.map(|stat| stat.st_ino);
        if self.known.len() < CGROUPS {
            self.known.insert(path.to_owned(), id);
        }
        id
    }
}
