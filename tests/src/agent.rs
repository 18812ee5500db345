//! The agent as a child process.
//!
//! Owns where its binary is and how it is started, asked and ended. Must not know its insides.
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, kill_process};

use crate::{
    notice::Notice,
    process::{Running, Signal, only_child},
};

/// How long the agent may take to load and attach; slow where the kernel is emulated.
pub const START: Duration = Duration::from_secs(60);
/// How long it may take to drain and end.
pub const STOP: Duration = Duration::from_secs(30);

/// The agent's binary: `MINEWARDEN_AGENT`, else `minewarden` in the folder of the running program or above it
/// (cargo puts test programs into `deps/`).
///
/// # Errors
/// When there is none; says how to get it.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = env::var_os("MINEWARDEN_AGENT") {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!("MINEWARDEN_AGENT: {} is no file", path.display());
        }
        return Ok(path);
    }
    let own = env::current_exe().context("cannot find the running program")?;
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join("minewarden"));
    beside.into_iter().find(|path| path.is_file()).with_context(|| {
        format!("no minewarden near {}: run `cargo build -p monitor`, or set MINEWARDEN_AGENT", own.display())
    })
}

/// A running agent with the JSON sink on.
pub struct Agent {
    running: Running,
    /// Where it is the child of what we started.
    inside: Option<u32>,
}

/// An agent that has ended.
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// All that it said.
    pub notices: Vec<Notice>,
    /// Everything it wrote, both streams.
    pub output: String,
    /// The end of it, for the message of a failure.
    pub dump: String,
}

impl Agent {
    /// Starts `minewarden run --sink json` with further arguments and waits until its hooks are attached.
    ///
    /// # Errors
    /// When it cannot be started or does not say `agent-started`; with all that it wrote.
    pub fn start(args: &[&str]) -> Result<Self> {
        Self::start_binary(&binary()?, args, &[], START)
    }

    /// As [`Agent::start`], with a given binary, additions to its environment and time to get ready.
    ///
    /// # Errors
    /// As [`Agent::start`].
    pub fn start_binary(
        binary: &Path,
        args: &[&str],
        environment: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["run", "--sink", "json"]).args(args).envs(environment.iter().copied());
        Self::start_command(&mut command, limit)
    }

    /// As [`Agent::start`], with a prepared command that becomes an agent with the JSON sink under the same pid.
    ///
    /// # Errors
    /// As [`Agent::start`].
    pub fn start_command(command: &mut Command, limit: Duration) -> Result<Self> {
        let agent = Self { running: Running::spawn("minewarden", command)?, inside: None };
        agent.wait_for("agent-started", limit, |notice| notice.event() == "agent-started")?;
        Ok(agent)
    }

    /// As [`Agent::start`], by a command line that makes of its further arguments its only child, and ends as that does:
    /// `nsenter --pid`.
    ///
    /// # Errors
    /// As [`Agent::start`].
    pub fn start_inside(wrapper: &[OsString], args: &[&str]) -> Result<Self> {
        let (program, first) = wrapper.split_first().context("an empty command line")?;
        let mut command = Command::new(program);
        command.args(first).arg(binary()?).args(["run", "--sink", "json"]).args(args);
        let mut agent = Self { running: Running::spawn("minewarden", &mut command)?, inside: None };
        agent.wait_for("agent-started", START, |notice| notice.event() == "agent-started")?;
        agent.inside = Some(only_child(agent.running.pid())?);
        Ok(agent)
    }

    /// Waits for a line on its standard error that holds `part`.
    ///
    /// # Errors
    /// When it did not come; with all that the agent wrote.
    pub fn warns(&self, part: &str, limit: Duration) -> Result<String> {
        let own = |line: &str| line.contains(part).then(|| line.to_owned());
        let found = self.running.err.first(&format!("{part:?} on standard error"), limit, own);
        found.map_err(|error| anyhow!("{error}\n{}", self.dump()))
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.inside.unwrap_or_else(|| self.running.pid())
    }

    /// What it has said so far.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.running.out.all().iter().filter_map(|line| Notice::from_line(line)).collect()
    }

    /// Waits for a notice.
    ///
    /// # Errors
    /// When it did not come; with all that the agent wrote.
    pub fn wait_for(&self, what: &str, limit: Duration, pick: impl Fn(&Notice) -> bool) -> Result<Notice> {
        let found =
            self.running.out.first(what, limit, |line| Notice::from_line(line).filter(|notice| pick(notice)));
        found.map_err(|error| anyhow!("{error}\n{}", self.dump()))
    }

    /// Waits for the confirmed incident of a process.
    ///
    /// # Errors
    /// As [`Agent::wait_for`].
    pub fn confirmed(&self, pid: u32, limit: Duration) -> Result<Notice> {
        self.wait_for(&format!("a confirmed incident of pid {pid}"), limit, |notice| notice.confirms(pid))
    }

    /// Waits for the confirmed incident of a process; when its notice came.
    ///
    /// # Errors
    /// As [`Agent::wait_for`].
    pub fn confirmed_at(&self, pid: u32, limit: Duration) -> Result<SystemTime> {
        let (what, mark) = (format!("a confirmed incident of pid {pid}"), format!("\"pid\":{pid},"));
        let confirms = |line: &str| {
            // Not every line is parsed: with many incidents that takes longer than what is measured.
            let notice = line.contains(&mark).then(|| Notice::from_line(line))??;
            notice.confirms(pid).then_some(())
        };
        let found = self.running.out.first_timed(&what, limit, confirms);
        found.map(|(at, ())| at).map_err(|error| anyhow!("{error}\n{}", self.dump()))
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        match self.inside {
            None => self.running.signal(signal),
            Some(pid) => {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no pid")?;
                Ok(kill_process(pid, signal)?)
            }
        }
    }

    /// Ends it with a signal and collects what it said.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(mut self, signal: Signal) -> Result<Ended> {
        self.signal(signal)?;
        self.ended()
    }

    /// Waits until it ends by itself and collects what it said.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn ends(mut self) -> Result<Ended> {
        self.ended()
    }

    fn ended(&mut self) -> Result<Ended> {
        let status = self.running.wait(STOP).map_err(|error| anyhow!("{error}\n{}", self.dump()))?;
        Ok(Ended { status, notices: self.notices(), output: self.running.output(), dump: self.dump() })
    }

    /// The end of what it wrote, for the message of a failure.
    #[must_use]
    pub fn dump(&self) -> String {
        self.running.dump()
    }
}

impl Drop for Agent {
    /// What we started may not hand a signal on.
    fn drop(&mut self) {
        if self.inside.is_some() && self.running.ended().is_none() {
            let _ = self.signal(Signal::TERM);
        }
    }
}

impl Ended {
    /// The last notice, which has to be `agent-stopped`, of an agent that ended well.
    ///
    /// # Errors
    /// When it ended otherwise; with all that it wrote.
    pub fn stopped_well(&self) -> Result<&Notice> {
        if !self.status.success() {
            bail!("the agent ended with {}\n{}", self.status, self.dump);
        }
        let last = self.notices.last().filter(|notice| notice.event() == "agent-stopped");
        last.with_context(|| format!("the agent's last notice is not agent-stopped\n{}", self.dump))
    }

    /// Notices about incidents of this process.
    #[must_use]
    pub fn about(&self, pid: u32) -> Vec<&Notice> {
        self.notices.iter().filter(|notice| notice.names(pid)).collect()
    }
}
