//! What an event says of a process: at exec, at fork, from /proc.
//!
//! Owns these shapes. Must not know which source fills them.
use serde::{Deserialize, Serialize};

use super::{Ends, FileId, ProcessKey};

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
    /// Inode number of the PID namespace; 0 for this and the others when it is not known.
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
    /// Controlling terminal, `pts3`; `None` without one.
    pub tty: Option<String>,
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
    /// Its size in bytes.
    pub size: u64,
    /// Its last change of inode or content, nanoseconds since the Unix epoch; with `file` and `size` it tells one
    /// content from another.
    pub changed: i64,
    /// The path of that file when it was executed, as the process's mount namespace has it; for a memfd
    /// `/memfd:name`. `None` when the kernel's records were too deep to follow.
    pub path: Option<String>,
    /// Working directory, where `filename` is relative.
    pub directory: Option<String>,
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
    /// What the container's own engine says of it.
    pub container: Option<Container>,
    /// Controlling terminal, `pts3`.
    pub tty: Option<String>,
    /// Ancestors, nearest first: name and pid in the agent's namespace, at most 16.
    pub ancestry: Vec<(String, u32)>,
    /// Where the process runs the agent's own executable: its conversations over loopback of which it holds both
    /// ends, each from either end, at most 8. Empty for every other program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with_itself: Vec<Ends>,
}

/// Where a process runs, from **all** lines of /proc/PID/cgroup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The most specific cgroup path of all hierarchies.
    pub cgroup: String,
    /// systemd unit (`foo.service`, `session-3.scope`).
    pub unit: Option<String>,
    /// systemd slice that the unit is in (`user-1000.slice`), the innermost.
    pub slice: Option<String>,
    /// systemd login session id.
    pub session: Option<String>,
    /// Container id (64 hex digits, or the name of a machine of nspawn, LXC and others).
    pub container: Option<String>,
    /// Uid of the Kubernetes pod.
    pub pod: Option<String>,
    /// Batch job, with its system and where the path says so its step: `slurm:4242.0`, `pbs:12345.server`.
    pub job: Option<String>,
}

impl Place {
    /// The key of a place: pod (its containers get new ids when they are started again), else container, else batch
    /// job without its step (all jobs of Slurm share a unit), else unit, else the cgroup path.
    #[must_use]
    pub fn key(&self) -> &str {
        let inner = self.pod.as_deref().or(self.container.as_deref());
        inner.or(self.job.as_deref().map(whole_job)).or(self.unit.as_deref()).unwrap_or(&self.cgroup)
    }
}

/// `slurm:7` of `slurm:7.0`; ids of other systems hold dots of their own.
fn whole_job(job: &str) -> &str {
    let step = job.starts_with("slurm:").then(|| job.split_once('.')).flatten();
    step.map_or(job, |(whole, _)| whole)
}

/// A container as its engine describes it on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// `docker`, `podman`, `containerd`, `cri-o`, `nspawn`.
    pub engine: String,
    /// Name.
    pub name: Option<String>,
    /// Image, as the user named it.
    pub image: Option<String>,
    /// Kubernetes pod.
    pub pod: Option<String>,
    /// Kubernetes namespace.
    pub namespace: Option<String>,
}

/// A process as the sweep found it in /proc.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// What the kernel would have said at its exec, as far as /proc shows it; ids of users are those of the agent's
    /// user namespace.
    pub task: Task,
    /// As [`ProcFacts::exe`].
    pub exe: Option<String>,
    /// As [`ProcFacts::exe_deleted`].
    pub exe_deleted: bool,
    /// As [`ProcFacts::exe_file`].
    pub exe_file: Option<FileId>,
    /// Arguments, secrets redacted.
    pub command: CommandLine,
}
