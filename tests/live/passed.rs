//! A connection whose connector handed it on: those that hold it are named.
use std::{
    fs,
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    client::{Client, STEP},
    protocol::Dialect,
};
use serde_json::Value;

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("passed::forked_and_the_parent_exits", orphaned),
        Test::new("passed::to_an_unrelated_process", to_another),
        Test::new("passed::kept_by_both", kept_by_both),
    ]
}

/// The child logs in once its parent has gone.
fn orphaned(lab: &Lab) -> Result<()> {
    const TEST: &str = "passed::orphaned";
    let agent = lab.agent()?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let mut miner = lab.miner(TEST, Dialect::Cryptonote, port, &["--open", "orphaned"])?;
    let orphan = pid(&miner.says("orphan", STEP)?)?;
    ensure!(orphan != miner.pid(), "it did not fork");
    miner.says("done", STEP)?;
    expect::told(&agent, orphan, FOUND, &expect::python_miner(TEST, Dialect::Cryptonote, port)?)?;
    let of_parent = agent.notices().into_iter().find(|notice| notice.names(miner.pid()));
    ensure!(of_parent.is_none(), "who connected and has exited is named: {of_parent:?}");
    miner.0.finish(STEP)?;
    gone(orphan)?;
    pool.finish()
}

/// By `SCM_RIGHTS`, and then closed by who connected, which lives on.
fn to_another(lab: &Lab) -> Result<()> {
    const TEST: &str = "passed::to_another";
    let agent = lab.agent()?;
    let (pool, port) = lab.pool(TEST, Dialect::StratumV1)?;
    // A socket's path has at most 107 bytes.
    let short = tempfile::tempdir()?;
    symlink(lab.folder()?, short.path().join("f"))?;
    let path = short.path().join("f").join("passed.sock");
    let path = path.to_str().context("a path that is no UTF-8")?;
    let wallet = minewarden_tests::wallet::address(Dialect::StratumV1, TEST);
    let args = ["--dialect", Dialect::StratumV1.name(), "--unix", path, "-u", &wallet];
    let receiver = Client::start("receiver", &lab.part(TEST, "receiver", &args)?)?;
    receiver.says("listening", STEP)?;
    let giver = lab.miner(TEST, Dialect::StratumV1, port, &["--open", "passed", "--unix", path])?;
    giver.says("passed", STEP)?;
    receiver.says("done", STEP)?;
    let mut fields = expect::python_miner(TEST, Dialect::StratumV1, port)?;
    fields.retain(|field| !matches!(field, Field::Has("cmdline", _)));
    fields.push(Field::Has("cmdline", "-receiver.py".into()));
    expect::told(&agent, receiver.pid(), FOUND, &fields)?;
    let of_giver = agent.notices().into_iter().find(|notice| notice.names(giver.pid()));
    ensure!(of_giver.is_none(), "who passed the socket on is named: {of_giver:?}");
    giver.finish()?;
    receiver.finish()?;
    pool.finish()
}

/// Who connected is named, and its child counts.
fn kept_by_both(lab: &Lab) -> Result<()> {
    const TEST: &str = "passed::kept_by_both";
    let agent = lab.agent()?;
    let (pool, port) = lab.pool(TEST, Dialect::EthereumStratum1)?;
    let miner = lab.miner(TEST, Dialect::EthereumStratum1, port, &["--open", "inherited"])?;
    miner.says("done", STEP)?;
    let mut fields = expect::python_miner(TEST, Dialect::EthereumStratum1, port)?;
    fields.push(Field::Is("processes", "2".into()));
    expect::told(&agent, miner.pid(), FOUND, &fields)?;
    miner.finish()?;
    pool.finish()
}

fn pid(said: &Value) -> Result<u32> {
    let pid = said.get("pid").and_then(Value::as_u64).context("no pid")?;
    Ok(u32::try_from(pid)?)
}

/// A process that is not our child has ended.
fn gone(pid: u32) -> Result<()> {
    let since = Instant::now();
    while fs::metadata(format!("/proc/{pid}/exe")).is_ok() {
        ensure!(since.elapsed() < STEP, "process {pid} does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
