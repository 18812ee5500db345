//! Secrets in arguments and in the login are in no sink, journal field or log.
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    client::STEP,
    journald,
    process::Signal,
    protocol::Dialect,
    wallet,
};

use crate::{
    Test,
    lab::{FOUND, Lab, held},
};

const SHORT: &str = "shortSecret81x";
const LONG: &str = "longSecret82y";
const IN_URL: &str = "urlSecret83z";
/// The argv rule waits 10 s; its evidence quotes the URL, so it has to have fired.
const ARGV_RULE: Duration = Duration::from_secs(30);

pub(crate) fn tests() -> Vec<Test> {
    Dialect::ALL
        .into_iter()
        .map(|dialect| {
            let name = format!("secrets::{}", dialect.name());
            Test::new(name.clone(), move |lab| nowhere(lab, &name, dialect))
        })
        .collect()
}

fn nowhere(lab: &Lab, test: &str, dialect: Dialect) -> Result<()> {
    let journald = lab.journald()?;
    let since = SystemTime::now();
    let arguments = ["--sink", "journald", "--sink", "text"];
    let agent = Agent::start_binary(&agent::binary()?, &arguments, &[("RUST_LOG", "trace")], agent::START)?;
    let (pool, port) = lab.pool(test, dialect)?;
    let url = format!("stratum+tcp://someone:{IN_URL}@127.0.0.1:{port}");
    // The last password given is the one in the login.
    let password = format!("--pass={LONG}");
    let miner = lab.miner(test, dialect, port, &["-o", &url, "-p", SHORT, &password])?;
    miner.says("done", STEP)?;
    agent.confirmed(miner.pid(), FOUND)?;
    agent.wait_for("the argv rule", ARGV_RULE, |notice| {
        notice.names(miner.pid()) && notice.rules().contains(&"argv.stratum-url".to_owned())
    })?;
    held(&journald)
        .wait_for("the confirmed incident", agent.pid(), since, FOUND, |entry| entry.confirms(miner.pid()))?;
    let writer = agent.pid();
    miner.finish()?;
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    let entries = journald::written_by(&held(&journald).entries(since)?, writer);
    let entries: Vec<String> = entries.iter().map(|entry| entry.value().to_string()).collect();
    let script = format!("{}-miner.py", test.replace("::", "-"));
    for (place, text) in [("the agent's output", ended.output), ("the journal", entries.join("\n"))] {
        for public in [wallet::address(dialect, test), script.clone()] {
            ensure!(text.contains(&public), "{place} lacks {public}, so this test shows nothing");
        }
        for secret in [SHORT, LONG, IN_URL] {
            let line = text.lines().find(|line| line.contains(secret));
            ensure!(line.is_none(), "{place} has the secret {secret}: {}", line.unwrap_or_default());
        }
    }
    Ok(())
}
