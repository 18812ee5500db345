//! Puts together what /proc says of a process.
//!
//! Owns which facts are read, in what order, and the checks that they are one process's. Must not know requests,
//! threads or how /proc is opened.
use std::{
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use procfs_core::{FromRead as _, process::Status as ProcStatus};

use super::{
    container::{self, Containers},
    digest::{self, Digests},
    file::Status,
    names::Names,
    own::{self, Own},
    pool::Work,
    procfs::{Identity, ProcDir, ProcFs},
    script::{self, Script},
    session::Sessions,
    tty,
};
use crate::{
    enrich::place,
    event::{Body, FileId, Owner, ProcFacts, ProcessKey},
    host::files,
    redact,
};

/// Largest executable that is digested.
pub(super) const EXE_CAP: u64 = 256 * 1024 * 1024;
/// Largest script that is digested.
const SCRIPT_CAP: u64 = 16 * 1024 * 1024;
/// Bytes of arguments shown: as many as the kernel side takes at exec.
pub(super) const ARGS_SHOWN: usize = 4096;
/// Bytes of arguments read, so that code in an argument is digested whole: one argument has at most 128 KiB
/// (`MAX_ARG_STRLEN` in include/uapi/linux/binfmts.h).
const ARGS_READ: usize = 2 * 128 * 1024;
/// Bytes read of /proc/PID/status and /proc/PID/cgroup.
pub(super) const TEXT_CAP: usize = 64 * 1024;
/// Ancestors listed.
const ANCESTORS: usize = 16;
/// Time for one process: digests and names that would take longer are left out.
const BUDGET: Duration = Duration::from_secs(4);
/// The audit ids' "unset", (uid_t) -1.
const UNSET: u32 = u32::MAX;

/// Reads facts; shared by all look-up threads.
pub(super) struct FactReader {
    procfs: Box<dyn ProcFs>,
    names: Names,
    digests: Arc<Digests>,
    containers: Containers,
    sessions: Sessions,
    own: Own,
}

impl FactReader {
    pub(super) fn new(procfs: Box<dyn ProcFs>) -> Self {
        let host = files::root();
        Self {
            procfs,
            names: Names::of_host(&host),
            digests: Arc::default(),
            sessions: Sessions::of_host(&host),
            containers: Containers::of_host(host),
            own: Own::running(),
        }
    }

    /// The digests that it knows, for others to use and to add to.
    pub(super) fn digests(&self) -> Arc<Digests> {
        Arc::clone(&self.digests)
    }

    /// All facts of the process with this pid in the agent's PID namespace, if it is the one that is meant; else
    /// only `error`.
    pub(super) fn facts(&self, pid: u32, expected: ProcessKey) -> ProcFacts {
        self.read(pid, expected).unwrap_or_else(|e| {
            let error = match e.raw_os_error() {
                Some(libc::ENOENT | libc::ESRCH) => format!("process {pid} is gone"),
                _ => format!("process {pid}: {e}"),
            };
            ProcFacts { error: Some(error), ..ProcFacts::default() }
        })
    }

    /// How often a user's name was not found in time.
    pub(super) fn name_timeouts(&self) -> u64 {
        self.names.timeouts()
    }

    /// Executables and scripts that were not digested for what they are.
    pub(super) fn digests_refused(&self) -> u64 {
        self.digests.refused.load(Relaxed)
    }

    /// How often a file of a container engine could not be used.
    pub(super) fn containers_refused(&self) -> u64 {
        self.containers.refused()
    }

    fn read(&self, pid: u32, expected: ProcessKey) -> io::Result<ProcFacts> {
        if pid == 0 {
            return Err(io::Error::other("not visible in the agent's PID namespace"));
        }
        let until = Instant::now() + BUDGET;
        let process = self.procfs.open(pid)?;
        let before = same(&*process, expected)?;
        let mut facts = self.collect(&*process, before, until);
        if exe_file(&*process).map(|exe| exe.id) != facts.exe_file {
            // It replaced its image meanwhile: arguments and executable may be of different programs.
            let again = same(&*process, expected)?;
            facts = self.collect(&*process, again, until);
        }
        same(&*process, expected)?;
        Ok(facts)
    }

    fn collect(&self, process: &dyn ProcDir, identity: Identity, until: Instant) -> ProcFacts {
        let mut facts = ProcFacts { parent_pid: identity.parent, ..ProcFacts::default() };
        self.add_executable(process, &mut facts, until);
        let args = process.read("cmdline", ARGS_READ).unwrap_or_default();
        self.add_script(process, &args, &mut facts, until);
        facts.command =
            redact::command_line(args.get(..ARGS_SHOWN).unwrap_or(&args), args.len() > ARGS_SHOWN);
        self.add_people(process, &mut facts, until);
        facts.ancestry = self.ancestry(&identity);
        self.add_place(process, &mut facts, until);
        facts.tty = tty::name(identity.tty);
        facts.comm = identity.comm;
        if self.own.is_run_by(&facts, &self.digests, until) {
            facts.with_itself = own::with_itself(process).unwrap_or_default();
        }
        facts
    }

    fn add_executable(&self, process: &dyn ProcDir, facts: &mut ProcFacts, until: Instant) {
        let status = exe_file(process);
        if let Ok(link) = process.link("exe") {
            let (path, deleted) = exe_name(process, &link, status);
            facts.exe = Some(path.to_string_lossy().into_owned());
            facts.exe_deleted = deleted;
        }
        facts.exe_file = status.map(|status| status.id);
        facts.exe_sha256 =
            process.exe().ok().and_then(|exe| self.digests.of(&exe, Some(process), EXE_CAP, until));
    }

    fn add_script(&self, process: &dyn ProcDir, raw: &[u8], facts: &mut ProcFacts, until: Instant) {
        let body = raw.strip_suffix(&[0]).unwrap_or(raw);
        let args: Vec<&[u8]> = body.split(|byte| *byte == 0).collect();
        let exe = facts.exe.as_deref().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let (interpreter, args) = script::applet(exe, &args);
        match script::script(interpreter, args) {
            Some(Script::Code(code)) => {
                // Only the last argument can be cut.
                let whole = raw.len() < ARGS_READ || args.last() != Some(&code);
                facts.script = Some("-c".to_owned());
                facts.script_sha256 = whole.then(|| digest::of_bytes(code));
            }
            Some(Script::File(name)) => {
                let Some(path) = absolute(process, Path::new(std::ffi::OsStr::from_bytes(name))) else {
                    return;
                };
                let handle = process.in_root(&path).inspect_err(|e| {
                    let refused = u64::from(e.kind() != io::ErrorKind::NotFound);
                    self.digests.refused.fetch_add(refused, Relaxed);
                });
                let digest = |handle| self.digests.of(&handle, Some(process), SCRIPT_CAP, until);
                facts.script_sha256 = handle.ok().and_then(digest);
                facts.script = Some(path.to_string_lossy().into_owned());
            }
            None => {}
        }
    }

    fn add_people(&self, process: &dyn ProcDir, facts: &mut ProcFacts, until: Instant) {
        let status = process.read("status", TEXT_CAP).unwrap_or_default();
        let status = ProcStatus::from_read(String::from_utf8_lossy(&status).as_bytes());
        facts.uid = status.ok().map(|status| status.ruid);
        facts.loginuid = number(process, "loginuid");
        facts.session = number(process, "sessionid");
        facts.user = facts.uid.and_then(|uid| self.names.of(uid, until));
        facts.login_user = facts.loginuid.and_then(|uid| self.names.of(uid, until));
    }

    /// Needs the ancestry, among which is who watches over a container.
    fn add_place(&self, process: &dyn ProcDir, facts: &mut ProcFacts, until: Instant) {
        let cgroup = process.read("cgroup", TEXT_CAP).unwrap_or_default();
        let (place, lead) = place::read(&String::from_utf8_lossy(&cgroup));
        facts.place = place;
        let monitors = || {
            let pids =
                facts.ancestry.iter().filter(|(comm, _)| container::is_monitor(comm)).map(|(_, pid)| *pid);
            pids.filter_map(|pid| self.procfs.open(pid).ok()).collect()
        };
        let home = |uid| self.names.home(uid, until);
        facts.container = lead.and_then(|lead| self.containers.of(&lead, home, monitors));
        if facts.loginuid.is_none()
            && let Some(login) = self.sessions.login(&facts.place)
        {
            facts.loginuid = Some(login.uid);
            facts.login_user = login.user.or_else(|| self.names.of(login.uid, until));
        }
    }

    /// Up to init. A parent that started after its child is another process with a reused pid.
    fn ancestry(&self, child: &Identity) -> Vec<(String, u32)> {
        let mut ancestors = Vec::new();
        let (mut pid, mut start) = (child.parent, child.start);
        while pid != 0 && ancestors.len() < ANCESTORS {
            let parent = self.procfs.open(pid).and_then(|parent| Identity::of(&*parent));
            let Ok(parent) = parent.map_err(drop) else { break };
            if parent.start > start {
                break;
            }
            ancestors.push((parent.comm, pid));
            (pid, start) = (parent.parent, parent.start);
        }
        ancestors
    }
}

impl Work for FactReader {
    type Request = Owner;
    const NAME: &'static str = "look-up";

    fn owner(request: &Owner) -> Owner {
        *request
    }

    fn carry_out(&self, request: &Owner) -> (Body, bool) {
        let facts = self.facts(request.pid, request.key);
        let failed = facts.error.is_some();
        (Body::ProcFacts(Box::new(facts)), failed)
    }

    fn failure(_: &Owner, why: String) -> Body {
        Body::ProcFacts(Box::new(ProcFacts { error: Some(why), ..ProcFacts::default() }))
    }
}

/// The identity of an open process, if it is the one that is meant.
pub(super) fn same(process: &dyn ProcDir, expected: ProcessKey) -> io::Result<Identity> {
    let identity = Identity::of(process)?;
    if identity.start == expected.start {
        return Ok(identity);
    }
    let (found, meant) = (identity.start.0, expected.start.0);
    Err(io::Error::other(format!("another process by now (started at tick {found}, not {meant})")))
}

pub(super) fn exe_file(process: &dyn ProcDir) -> Option<Status> {
    Status::of(&process.exe().ok()?).ok()
}

/// The executable's path without the kernel's mark, and whether the name is gone.
pub(super) fn exe_name(process: &dyn ProcDir, link: &Path, status: Option<Status>) -> (PathBuf, bool) {
    let Some(path) = link.as_os_str().as_bytes().strip_suffix(b" (deleted)") else {
        return (link.to_owned(), false);
    };
    let id = |path: &Path| -> Option<FileId> { Some(Status::of(&process.in_root(path).ok()?).ok()?.id) };
    // A file may be called so.
    let literal = status.is_some_and(|status| status.links > 0 && id(link) == Some(status.id));
    if literal {
        (link.to_owned(), false)
    } else {
        (Path::new(std::ffi::OsStr::from_bytes(path)).to_owned(), true)
    }
}

/// An absolute path as the process itself sees it.
pub(super) fn absolute(process: &dyn ProcDir, name: &Path) -> Option<PathBuf> {
    if name.is_absolute() {
        return Some(name.to_owned());
    }
    let cwd = process.link("cwd").ok()?;
    // Links are shown from the agent's root; a process in a chroot sees less of them.
    let root = process.link("root").ok()?;
    let cwd = match cwd.strip_prefix(&root) {
        Ok(below) => Path::new("/").join(below),
        Err(_) => cwd,
    };
    Some(cwd.join(name).components().filter(|part| *part != Component::CurDir).collect())
}

/// One number of a file of its own; `None` when unset, or where the kernel has no audit.
pub(super) fn number(process: &dyn ProcDir, file: &str) -> Option<u32> {
    let text = process.read(file, 32).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok().filter(|number| *number != UNSET)
}
