//! Records in a journal namespace of their own: a real second journald takes them, and while there is none they are in
//! the journal and counted.
use std::{
    fs,
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::Agent,
    journald::{self, Namespace},
    notice::Notice,
    process::Signal,
    wait,
};
use serde_json::Value;

use crate::{
    Test,
    lab::{FOUND, Lab, held},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("namespace::takes_records_and_notices_stay", own)]
}

fn own(lab: &Lab) -> Result<()> {
    let journald = lab.journald()?;
    let mut namespace = Namespace::start()?;
    let config = lab.folder()?.join("namespace.toml");
    let name = namespace.name();
    fs::write(&config, format!("journal.record = [\"exec\"]\njournal.record_namespace = \"{name}\"\n"))?;
    let since = SystemTime::now();
    let path = config.to_str().context("the scratch folder has an odd name")?;
    let agent = Agent::start(&["--sink", "journald", "--config", path])?;
    let writer = agent.pid();
    let main = |since| held(&journald).entries(since);

    executed_in(|| namespace.entries(since), writer).context("while the namespace has a journald")?;
    let wrong = execs(&main(since)?, writer);
    ensure!(wrong.is_empty(), "{} records in the main journal", wrong.len());

    namespace.stop();
    let gone = SystemTime::now();
    executed_in(|| main(gone), writer).context("while the namespace has none")?;
    agent.warns("records go to the main journal until somebody listens there", FOUND)?;

    namespace.resume()?;
    let again = SystemTime::now();
    executed_in(|| namespace.entries(again), writer).context("when the namespace has one again")?;

    let ended = agent.stop(Signal::TERM)?;
    let counters = ended.stopped_well()?.counters();
    let diverted = counters.get("sink-journald.records-diverted").copied().unwrap_or(0);
    let found = execs(&main(since)?, writer).len();
    ensure!(diverted > 0 && diverted == found as u64, "{diverted} diverted, {found} in the main journal");
    let notices = |entries: &[Value]| {
        let own = journald::written_by(entries, writer).into_iter();
        own.filter(|entry| entry.event() == "agent-started").count()
    };
    ensure!(notices(&main(since)?) == 1, "the main journal has no agent-started");
    ensure!(notices(&namespace.entries(since)?) == 0, "a notice is in the records' namespace");
    Ok(())
}

/// Executes programs until the record of one of them is there.
fn executed_in(entries: impl Fn() -> Result<Vec<Value>>, writer: u32) -> Result<()> {
    let mut pids = Vec::new();
    wait::until("the record of an exec", FOUND + Duration::from_secs(10), || {
        let mut child = Command::new("/bin/true").spawn().ok()?;
        pids.push(child.id());
        child.wait().ok()?;
        let own = execs(&entries().ok()?, writer);
        own.iter().any(|entry| entry.pid().is_some_and(|pid| pids.contains(&pid))).then_some(())
    })
}

fn execs(entries: &[Value], writer: u32) -> Vec<Notice> {
    let own = journald::written_by(entries, writer).into_iter();
    own.filter(|entry| entry.event() == "exec").collect()
}
