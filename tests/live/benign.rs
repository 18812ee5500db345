//! Conversations that look somewhat like mining and are not: nothing above level none.
use anyhow::{Result, ensure};
use minewarden_tests::{
    agent::Agent,
    client::{Client, STEP},
    process::Signal,
    protocol::Dialect,
};
use serde_json::Value;

use crate::{
    Test,
    lab::{FOUND, Lab},
};

const NAMES: [&str; 12] = [
    "ethereum-rpc",
    "ethereum-rpc-http",
    "electrum",
    "lsp",
    "mcp",
    "json-rpc-login",
    "bitcoind-rpc",
    "transmission-rpc",
    "mqtt",
    "redis",
    "http",
    "tls",
];

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("benign::nothing_above_none", nothing)]
}

fn nothing(lab: &Lab) -> Result<()> {
    const TEST: &str = "benign-marker";
    let agent = Agent::start(&[])?;
    let mut ends = Vec::new();
    for name in NAMES {
        let mut argv = lab.script(&format!("benign-{name}"), include_str!("benign.py"))?;
        argv.push(name.into());
        let client = Client::start(name, &argv)?;
        client.says("done", STEP)?;
        let pids = client.says("pids", STEP)?;
        let number = |key: &str| pids.get(key).and_then(Value::as_u64);
        ends.push((
            name,
            [number("client"), number("server")],
            format!(":{}", number("port").unwrap_or_default()),
        ));
        client.finish()?;
    }
    // Events of one flow come in order, and this one is the last: when it is told, the others have been judged.
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let marker = lab.miner(TEST, Dialect::Cryptonote, port, &[])?;
    marker.says("done", STEP)?;
    agent.confirmed(marker.pid(), FOUND)?;
    marker.finish()?;
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    for notice in ended.notices.iter().filter(|notice| notice.is_incident()) {
        let guilty = ends.iter().find(|(name, pids, port)| {
            pids.contains(&notice.number("pid"))
                || notice.text("remote").ends_with(port.as_str())
                || notice.text("cmdline").contains(&format!("benign-{name}.py"))
        });
        ensure!(guilty.is_none(), "{guilty:?} is told as mining: {}", notice.value());
    }
    Ok(())
}
