//! Conversations that look somewhat like mining and are not: nothing above level none.
use std::path::Path;

use anyhow::{Context, Result, ensure};
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
    recorded::recorded,
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

/// Carried as mining is: the kernel programs capture it, and it is the detectors that have to tell.
const CARRIED: [&str; 13] = [
    "json-api",
    "bitcoin-cli-by-hand",
    "fee-watcher",
    "monero-daemon-by-hand",
    "ethereum-work-by-hand",
    "ethereum-submit-by-hand",
    "socks5-http",
    "connect-tls",
    "websocket-chat",
    "print-queue",
    "random-long-third",
    "random-other-fourth",
    "random-short-fifth",
];

/// Who talked, and where.
struct Talk {
    name: &'static str,
    client: u32,
    server: u32,
    port: String,
}

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("benign::nothing_above_none", nothing)]
}

fn nothing(lab: &Lab) -> Result<()> {
    const TEST: &str = "benign-marker";
    let file = lab.folder()?.join("benign.jsonl");
    let agent = Agent::start(&["--record", file.to_str().context("the scratch folder has an odd name")?])?;
    let talks: Vec<Talk> = NAMES.iter().chain(&CARRIED).map(|name| talk(lab, name)).collect::<Result<_>>()?;
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
        let guilty = talks.iter().find(|talk| {
            [Some(talk.client), Some(talk.server)].contains(&notice.pid())
                || notice.text("remote").ends_with(&talk.port)
                || notice.text("cmdline").contains(&format!("benign-{}.py", talk.name))
        });
        let name = guilty.map(|talk| talk.name);
        ensure!(name.is_none(), "{name:?} is told as mining: {}", notice.value());
    }
    talks.iter().filter(|talk| CARRIED.contains(&talk.name)).try_for_each(|talk| was_captured(&file, talk))
}

/// A conversation, begun and over.
fn talk(lab: &Lab, name: &'static str) -> Result<Talk> {
    let mut argv = lab.script(&format!("benign-{name}"), include_str!("benign.py"))?;
    argv.push(name.into());
    let client = Client::start(name, &argv)?;
    client.says("done", STEP)?;
    let pids = client.says("pids", STEP)?;
    let number = |key: &str| {
        let number = pids.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        number.with_context(|| format!("no {key} in {pids}"))
    };
    let talk = Talk {
        name,
        client: number("client")?,
        server: number("server")?,
        port: format!(":{}", number("port")?),
    };
    client.finish()?;
    Ok(talk)
}

/// Were it not captured, finding nothing in it would say nothing.
fn was_captured(file: &Path, talk: &Talk) -> Result<()> {
    for direction in ["egress", "ingress"] {
        let bytes = recorded(file, talk.client, direction)?;
        ensure!(!bytes.is_empty(), "nothing of {}'s {direction} was captured", talk.name);
    }
    Ok(())
}
