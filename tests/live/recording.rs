//! A recording of a live run replays to the same entries, ids included.
use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    client::STEP,
    notice::Notice,
    process::Signal,
    protocol::Dialect,
};
use serde_json::Value;

use crate::{
    Test,
    lab::{FOUND, Lab},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("recording::replays_to_the_same_entries", replays)]
}

fn replays(lab: &Lab) -> Result<()> {
    const TEST: &str = "recording";
    let file = lab.folder()?.join("recorded.jsonl");
    let path = file.to_str().context("the scratch folder has an odd name")?;
    let agent = Agent::start(&["--record", path])?;
    for dialect in Dialect::ALL {
        let test = format!("{TEST}-{}", dialect.name());
        let (pool, port) = lab.pool(&test, dialect)?;
        let miner = lab.miner(&test, dialect, port, &[])?;
        miner.says("done", STEP)?;
        agent.confirmed(miner.pid(), FOUND)?;
        miner.finish()?;
        pool.finish()?;
    }
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    let mode = fs::metadata(&file)?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "the recording's mode is {mode:o}");
    let replay = Command::new(agent::binary()?).args(["replay", path, "--json"]).output()?;
    let errors = String::from_utf8_lossy(&replay.stderr);
    ensure!(replay.status.code() == Some(1), "replay ended with {}: {errors}", replay.status);
    let replayed = String::from_utf8_lossy(&replay.stdout);
    let replayed = incidents(replayed.lines().filter_map(Notice::from_line));
    let live = incidents(ended.notices.into_iter());
    ensure!(live.len() >= Dialect::ALL.len(), "only {} incident entries live", live.len());
    for (at, (live, replayed)) in live.iter().zip(&replayed).enumerate() {
        ensure!(live == replayed, "entry {at} differs\nlive:     {live}\nreplayed: {replayed}\n{errors}");
    }
    ensure!(
        live.len() == replayed.len(),
        "{} entries live, {} replayed\n{errors}",
        live.len(),
        replayed.len()
    );
    Ok(())
}

fn incidents(notices: impl Iterator<Item = Notice>) -> Vec<Value> {
    notices.filter(Notice::is_incident).map(|notice| notice.value().clone()).collect()
}
