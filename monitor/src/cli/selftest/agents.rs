//! The agents that run here, as /proc shows them.
//!
//! Owns what counts as one, and whether it will know this program as its own: by device and inode of the executable,
//! as the agent compares them. Must not know what is tested.
use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use serde::Serialize;

use crate::{
    sink::escape::escape,
    worker::{
        procfs::{Identity, LiveProcFs, ProcFs as _},
        unix_offset,
    },
};

/// Processes listed, at most.
const LISTED: usize = 16;
/// The command that makes a process an agent, as its first argument.
const RUN: &[u8] = b"run";
/// The name of the executable of an agent that is not this one.
const NAME: &str = "minewarden";
/// Bytes read of a command line.
const ARGS: usize = 4096;

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Agent {
    /// In our PID namespace.
    pub(super) pid: u32,
    /// RFC 3339.
    pub(super) since: String,
    /// Its executable, as the link names it.
    pub(super) exe: String,
    /// It runs this very file.
    pub(super) own: bool,
}

/// All of them, the ones of this executable first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Agents(pub(super) Vec<Agent>);

impl Agents {
    /// Looks through /proc.
    pub(super) fn look() -> io::Result<Self> {
        let own = identity(Path::new("/proc/self/exe"))?;
        let pids = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut all: Vec<_> = pids.filter_map(|pid| agent(pid, own)).collect();
        all.sort_by_key(|agent| (!agent.own, agent.pid));
        all.truncate(LISTED);
        Ok(Self(all))
    }

    /// Those that run this executable.
    pub(super) fn own(&self) -> impl Iterator<Item = &Agent> {
        self.0.iter().filter(|agent| agent.own)
    }

    /// Why a test would be in vain, or worse: taken for a miner.
    pub(super) fn objection(&self) -> Option<String> {
        match (self.own().next(), self.0.first()) {
            (Some(_), _) => None,
            (None, None) => {
                Some("no agent is running: start it, with systemd by systemctl start minewarden".to_owned())
            }
            (None, Some(other)) => Some(format!(
                "the running agent (pid {}) is another executable, {}, and would take this test for a miner: restart \
                 it after an upgrade, or use its own selftest",
                other.pid, other.exe
            )),
        }
    }
}

fn agent(pid: u32, own: (u64, u64)) -> Option<Agent> {
    let folder = Path::new("/proc").join(pid.to_string());
    let process = LiveProcFs.open(pid).ok()?;
    let args = process.read("cmdline", ARGS).ok()?;
    if args.split(|byte| *byte == 0).nth(1) != Some(RUN) {
        return None;
    }
    let exe = process.link("exe").ok()?;
    let is_own = identity(&folder.join("exe")).is_ok_and(|id| id == own);
    let name = exe.file_name()?.to_str()?;
    if !is_own && name.strip_suffix(" (deleted)").unwrap_or(name) != NAME {
        return None;
    }
    let started = Identity::of(&*process).ok()?.start.boot_time();
    let unix = i128::from(unix_offset()) + i128::from(started.0);
    let since = jiff::Timestamp::from_nanosecond(unix).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Some(Agent { pid, since, exe: escape(&exe.to_string_lossy()), own: is_own })
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let status = fs::metadata(path)?;
    Ok((status.dev(), status.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn an_agent(pid: u32, own: bool) -> Agent {
        Agent { pid, since: String::new(), exe: "/usr/bin/minewarden (deleted)".to_owned(), own }
    }

    #[test]
    fn only_an_agent_of_this_executable_will_do() {
        assert!(Agents::default().objection().unwrap().contains("no agent is running"));
        let other = Agents(vec![an_agent(7, false)]).objection().unwrap();
        assert!(
            other.contains("pid 7") && other.contains("(deleted)") && other.contains("restart"),
            "{other}"
        );
        assert_eq!(Agents(vec![an_agent(8, true), an_agent(7, false)]).objection(), None);
    }

    #[test]
    fn a_test_program_is_no_agent() {
        let found = Agents::look().unwrap();
        assert!(found.0.iter().all(|agent| agent.pid != std::process::id()), "{found:?}");
    }
}
