//! 20,000 execs and 20,000 connections in a row: none lost, and the counters say so.
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{agent::Agent, process::Signal};

use crate::{Test, lab::Lab};

const COUNT: u64 = 20_000;
/// Addresses that are connected to in turn, so that closed connections do not use up the ports of one pair.
const LISTENERS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 0, 0, 1),
    Ipv4Addr::new(127, 0, 0, 2),
    Ipv4Addr::new(127, 0, 0, 3),
    Ipv4Addr::new(127, 0, 0, 4),
];

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("storm::nothing_is_lost", nothing_is_lost)]
}

fn nothing_is_lost(_: &Lab) -> Result<()> {
    let agent = Agent::start(&[])?;
    let begin = Instant::now();
    execs()?;
    let execs = begin.elapsed();
    connections()?;
    let connections = begin.elapsed() - execs;
    let ended = agent.stop(Signal::TERM)?;
    let stopped = ended.stopped_well()?;
    let counters = stopped.counters();
    println!(
        "storm: {COUNT} execs in {:.1} s, {COUNT} connections in {:.1} s: {}",
        execs.as_secs_f64(),
        connections.as_secs_f64(),
        stopped.text("counters")
    );
    for kind in ["exec", "connect"] {
        let seen = counters.get(kind).copied().unwrap_or(0);
        ensure!(seen >= COUNT, "{kind}={seen}, expected at least {COUNT}\n{}", ended.dump);
        let lost = format!("lost.{kind}");
        ensure!(counters.contains_key(&lost), "no counter {lost}\n{}", ended.dump);
    }
    let lost: Vec<_> = counters.iter().filter(|(name, n)| name.starts_with("lost.") && **n > 0).collect();
    ensure!(lost.is_empty(), "lost: {lost:?}\n{}", ended.dump);
    Ok(())
}

fn execs() -> Result<()> {
    for _ in 0..COUNT {
        let status = Command::new("/bin/true").status().context("cannot run /bin/true")?;
        ensure!(status.success(), "/bin/true ended with {status}");
    }
    Ok(())
}

fn connections() -> Result<()> {
    let mut ports = Vec::new();
    let mut servers = Vec::new();
    for address in LISTENERS {
        let listener =
            TcpListener::bind((address, 0)).with_context(|| format!("cannot listen on {address}"))?;
        ports.push(listener.local_addr()?);
        let each = usize::try_from(COUNT)? / LISTENERS.len();
        servers.push(thread::spawn(move || listener.incoming().take(each).filter(Result::is_ok).count()));
    }
    for address in ports.iter().cycle().take(usize::try_from(COUNT)?) {
        drop(TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?);
    }
    let accepted: usize = servers.into_iter().filter_map(|server| server.join().ok()).sum();
    ensure!(u64::try_from(accepted)? == COUNT, "{accepted} connections accepted");
    Ok(())
}
