//! Who is what: a conversation over loopback is seen from both ends and is one incident, the miner's.
use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use minewarden_tests::{
    agent::{Agent, Ended},
    client::{Client, STEP},
    process::Signal,
    protocol::Dialect,
};

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("roles::loopback_is_one_incident", loopback_is_one_incident),
        Test::new("roles::relay", relay),
    ]
}

fn loopback_is_one_incident(lab: &Lab) -> Result<()> {
    const TEST: &str = "roles::loopback";
    let agent = Agent::start(&[])?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let miner = lab.miner(TEST, Dialect::Cryptonote, port, &["--shares", "5"])?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &expect::python_miner(TEST, Dialect::Cryptonote, port)?)?;
    let pids = (miner.pid(), pool.pid());
    miner.finish()?;
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    one_incident(&ended, pids.0, "miner")?;
    none(&ended, pids.1)
}

fn relay(lab: &Lab) -> Result<()> {
    const TEST: &str = "roles::relay";
    let agent = Agent::start(&[])?;
    let (pool, upstream) = lab.pool(TEST, Dialect::StratumV1)?;
    let relay = Client::start("relay", &lab.part(TEST, "relay", &["--upstream", &upstream.to_string()])?)?;
    let port = relay.port()?;
    let miner = lab.miner(TEST, Dialect::StratumV1, port, &["--shares", "5"])?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &expect::python_miner(TEST, Dialect::StratumV1, port)?)?;
    let fields = [
        Field::Is("role", "relay".into()),
        Field::Is("level", "confirmed".into()),
        Field::Has("cmdline", "roles-relay-relay.py".into()),
    ];
    expect::told(&agent, relay.pid(), FOUND, &fields)?;
    let pids = (miner.pid(), relay.pid(), pool.pid());
    miner.finish()?;
    relay.finish()?;
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    one_incident(&ended, pids.0, "miner")?;
    one_incident(&ended, pids.1, "relay")?;
    none(&ended, pids.2)
}

fn one_incident(ended: &Ended, pid: u32, role: &str) -> Result<()> {
    let about = ended.about(pid);
    let ids: BTreeSet<String> = about.iter().map(|notice| notice.text("incident")).collect();
    ensure!(ids.len() == 1, "incidents of the {role} (pid {pid}): {ids:?}\n{}", ended.dump);
    let last = about.last().map(|notice| notice.text("role"));
    ensure!(last.as_deref() == Some(role), "the {role} (pid {pid}) ends as {last:?}\n{}", ended.dump);
    Ok(())
}

fn none(ended: &Ended, pool: u32) -> Result<()> {
    let about = ended.about(pool);
    ensure!(about.is_empty(), "the pool (pid {pool}) has an incident: {about:?}");
    // Not under another pid either: the pool's script has a name of its own.
    let other = ended
        .notices
        .iter()
        .find(|notice| notice.is_incident() && notice.text("cmdline").contains("-pool.py"));
    ensure!(other.is_none(), "an incident names a pool's command line: {other:?}");
    Ok(())
}
