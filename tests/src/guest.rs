//! Another PID and cgroup namespace: what a container or an nspawn guest is to the agent, without one of their engines.
//!
//! Owns its first process and how others get in. Network and files are the host's.
use std::{ffi::OsString, fs, time::Duration};

use anyhow::{Context, Result};

use crate::{
    cgroup::Cgroup,
    process::{Running, Signal, only_child},
    wait,
};

/// How long the first process may take to come.
const START: Duration = Duration::from_secs(20);

/// A guest; everything in it ends with it.
pub struct Guest {
    /// Ends the first process, and with it the namespace, when it ends.
    maker: Running,
    first: u32,
    cgroup: Cgroup,
}

impl Guest {
    /// Makes one.
    ///
    /// # Errors
    /// When the namespaces cannot be made.
    pub fn start() -> Result<Self> {
        let cgroup = Cgroup::create()?;
        let unshare = ["unshare", "--pid", "--mount-proc", "--cgroup", "--fork", "--kill-child", "--"];
        let init = ["sh", "-c", "echo ready; read end; exit 0"];
        let argv = unshare.iter().chain(&init).map(OsString::from).collect();
        let maker = Running::start("guest", &cgroup.wrap(argv))?;
        let ready = maker.out.first("ready", START, |line| (line == "ready").then_some(()));
        ready.with_context(|| maker.dump())?;
        let first = only_child(maker.pid())?;
        Ok(Self { maker, first, cgroup })
    }

    /// Its cgroup.
    #[must_use]
    pub const fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }

    /// A command line that enters the guest's cgroup and namespaces and makes of `argv` its only child there.
    #[must_use]
    pub fn enter(&self, argv: Vec<OsString>) -> Vec<OsString> {
        let target = format!("--target={}", self.first);
        let mut entered: Vec<OsString> =
            ["nsenter", &target, "--pid", "--mount", "--cgroup", "--"].iter().map(OsString::from).collect();
        entered.extend(argv);
        self.cgroup.wrap(entered)
    }

    /// The number that the guest has for the only child of `pid`, a process started by [`Guest::enter`].
    ///
    /// # Errors
    /// When there is no such process.
    pub fn pid(&self, pid: u32) -> Result<u32> {
        let child = wait::until("the process inside", START, || only_child(pid).ok())?;
        let status = fs::read_to_string(format!("/proc/{child}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).context("no NSpid")?;
        Ok(line.split_whitespace().last().context("no number")?.parse()?)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When its first process does not end.
    pub fn stop(mut self) -> Result<()> {
        self.maker.finish(START)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.maker.ended().is_none() {
            let _ = self.maker.signal(Signal::TERM);
        }
    }
}
