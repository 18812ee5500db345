//! What the live tests share: one journald, one agent, and how a pool and a miner are started.
//!
//! The agent groups what it finds by executable or script, and by place. So each test runs copies of the Python
//! programs that differ by a comment, and each gets an incident of its own.
use std::{
    collections::HashMap,
    ffi::OsString,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use minewarden_tests::{
    agent::{Agent, Ended},
    client::{Client, python},
    journald::Journald,
    process::Signal,
    protocol::Dialect,
    wallet,
};
use tempfile::TempDir;

use crate::late::{self, Late};

/// How long the agent may take to say what it found. Generous: hosts that test are often slow; the latency test
/// prints how long it really takes.
pub(crate) const FOUND: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct Lab {
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    // Dropped in this order: the late ones before the agent, the agent before the journald it writes to.
    late: HashMap<&'static str, Late>,
    agent: Option<Arc<Agent>>,
    journald: Option<Arc<Mutex<Journald>>>,
    scratch: Option<TempDir>,
}

impl Lab {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journald, started at first use.
    pub(crate) fn journald(&self) -> Result<Arc<Mutex<Journald>>> {
        let mut shared = self.lock();
        if let Some(journald) = &shared.journald {
            return Ok(Arc::clone(journald));
        }
        let journald = Arc::new(Mutex::new(Journald::ensure()?));
        shared.journald = Some(Arc::clone(&journald));
        Ok(journald)
    }

    /// The agent that most tests look at, with the JSON and the journald sink. Started at first use, and the late
    /// conversations with it.
    pub(crate) fn agent(&self) -> Result<Arc<Agent>> {
        self.journald()?;
        if let Some(agent) = &self.lock().agent {
            return Ok(Arc::clone(agent));
        }
        let agent = Arc::new(Agent::start(&["--sink", "journald"])?);
        self.lock().agent = Some(Arc::clone(&agent));
        let late = late::start(self)?;
        self.lock().late = late;
        Ok(agent)
    }

    /// Takes a conversation that was begun with the shared agent.
    pub(crate) fn late(&self, name: &str) -> Result<Late> {
        self.lock().late.remove(name).with_context(|| format!("no late conversation {name}"))
    }

    /// Ends all that is shared. An agent that was not used is no error.
    pub(crate) fn close(&self) -> Result<()> {
        let mut shared = std::mem::take(&mut *self.lock());
        shared.late.clear();
        let Some(agent) = shared.agent.take().and_then(Arc::into_inner) else { return Ok(()) };
        let ended: Ended = agent.stop(Signal::TERM)?;
        println!("shared agent: {}", ended.stopped_well()?.text("counters"));
        Ok(())
    }

    /// A folder for this run.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        let mut shared = self.lock();
        if shared.scratch.is_none() {
            shared.scratch = Some(tempfile::Builder::new().prefix("minewarden-live-").tempdir()?);
        }
        Ok(shared.scratch.as_ref().context("no scratch folder")?.path().to_owned())
    }

    /// A copy of a program, as a script of its own: `python3 FOLDER/name.py`.
    pub(crate) fn script(&self, name: &str, text: &str) -> Result<Vec<OsString>> {
        let path = self.folder()?.join(format!("{}.py", name.replace("::", "-")));
        fs::write(&path, format!("{text}\n# {name}\n"))?;
        Ok(vec![python()?.into(), path.into()])
    }

    /// The command line of a part of the Python client.
    pub(crate) fn part(&self, test: &str, part: &str, args: &[&str]) -> Result<Vec<OsString>> {
        let mut argv = self.script(&format!("{test}-{part}"), include_str!("client.py"))?;
        argv.push(part.into());
        argv.extend(args.iter().map(OsString::from));
        Ok(argv)
    }

    /// A Python pool; its port.
    pub(crate) fn pool(&self, test: &str, dialect: Dialect) -> Result<(Client, u16)> {
        let pool = Client::start("pool", &self.part(test, "pool", &["--dialect", dialect.name()])?)?;
        let port = pool.port()?;
        Ok((pool, port))
    }

    /// A Python miner with a wallet that is made from the test's name.
    pub(crate) fn miner(&self, test: &str, dialect: Dialect, port: u16, args: &[&str]) -> Result<Client> {
        Client::start("miner", &self.miner_argv(test, dialect, port, args)?)
    }

    /// Its command line.
    pub(crate) fn miner_argv(
        &self,
        test: &str,
        dialect: Dialect,
        port: u16,
        args: &[&str],
    ) -> Result<Vec<OsString>> {
        let (port, wallet) = (port.to_string(), wallet::address(dialect, test));
        let common = ["--dialect", dialect.name(), "--port", &port, "-u", &wallet];
        self.part(test, "miner", &[&common, args].concat())
    }
}

/// The journald of a guard that no test that panicked can poison for the others.
pub(crate) fn held(journald: &Mutex<Journald>) -> MutexGuard<'_, Journald> {
    journald.lock().unwrap_or_else(PoisonError::into_inner)
}
