//! How the agent ends: on SIGTERM and SIGINT all that it saw is told first; after SIGKILL nothing stays attached.
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use aya::{
    maps::loaded_maps,
    programs::{loaded_links, loaded_programs},
};
use minewarden_tests::{agent::Agent, client::STEP, process::Signal, protocol::Dialect, wait};

use crate::{
    Test,
    lab::{FOUND, Lab, held},
};

pub(crate) fn tests() -> Vec<Test> {
    let drains = [("sigterm", Signal::TERM), ("sigint", Signal::INT)].into_iter().map(|(name, signal)| {
        let name = format!("ending::{name}_drains");
        Test::new(name.clone(), move |lab| drains(lab, &name, signal))
    });
    drains.chain([Test::new("ending::sigkill_leaves_nothing_attached", killed).bare()]).collect()
}

fn drains(lab: &Lab, test: &str, signal: Signal) -> Result<()> {
    let journald = lab.journald()?;
    let since = SystemTime::now();
    let agent = Agent::start(&["--sink", "journald"])?;
    let writer = agent.pid();
    let (pool, port) = lab.pool(test, Dialect::StratumV1)?;
    let miner = lab.miner(test, Dialect::StratumV1, port, &[])?;
    let pid = miner.pid();
    miner.says("done", STEP)?;
    // At once: the incident may still be on its way.
    let ended = agent.stop(signal)?;
    ended.stopped_well()?;
    ensure!(
        ended.notices.iter().any(|notice| notice.confirms(pid)),
        "not told before the end\n{}",
        ended.dump
    );
    let journald = held(&journald);
    journald.wait_for("the incident", writer, since, FOUND, |entry| entry.confirms(pid))?;
    journald.wait_for("agent-stopped", writer, since, FOUND, |entry| entry.event() == "agent-stopped")?;
    miner.finish()?;
    pool.finish()
}

/// Kinds and ids of all that is loaded into the kernel. The kernel never gives an id twice.
fn loaded() -> Result<BTreeSet<(&'static str, u32)>> {
    let mut found = BTreeSet::new();
    for program in loaded_programs() {
        found.insert(("program", program.context("cannot list programs")?.id()));
    }
    for link in loaded_links() {
        found.insert(("link", link.context("cannot list links")?.id()));
    }
    for map in loaded_maps() {
        found.insert(("map", map.context("cannot list maps")?.id()));
    }
    Ok(found)
}

/// [`loaded`], asked again when something went away while it was listed.
fn settled() -> Result<BTreeSet<(&'static str, u32)>> {
    let mut why = None;
    let found = wait::until("a whole list of what is loaded", Duration::from_secs(5), || {
        loaded().map_err(|error| why = Some(error)).ok()
    });
    found.map_err(|late| why.unwrap_or(late))
}

fn killed(_: &Lab) -> Result<()> {
    let before = settled()?;
    let agent = Agent::start(&[])?;
    let during: BTreeSet<_> = settled()?.difference(&before).copied().collect();
    for kind in ["program", "link", "map"] {
        ensure!(during.iter().any(|(found, _)| *found == kind), "the agent loads no {kind}: {during:?}");
    }
    let ended = agent.stop(Signal::KILL)?;
    ensure!(!ended.status.success(), "SIGKILL did not end it");
    // The kernel takes apart what a dead process held in its own time.
    let mut left = Vec::new();
    let gone = wait::until("all of it to be gone", Duration::from_secs(20), || {
        left = loaded().ok()?.intersection(&during).copied().collect();
        left.is_empty().then_some(())
    });
    gone.with_context(|| format!("still loaded: {left:?} of {during:?}"))
}
