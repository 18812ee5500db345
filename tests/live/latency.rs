//! How long it takes from the last byte of a login to the entry in the journal. Prints the figures; the only thing
//! asserted is that each login has its entry.
use std::{ffi::OsString, time::SystemTime};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::Agent,
    cgroup::Cgroup,
    client::{Client, STEP},
    journald::written_by,
    notice::Notice,
    process::Signal,
    protocol::Dialect,
    wallet,
};
use serde_json::Value;

use crate::{
    Test,
    lab::{FOUND, Lab, held},
};

const LOGINS: usize = 200;

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("latency::login_to_journal", login_to_journal)]
}

struct Sent {
    pid: u32,
    unix_nanos: u64,
}

fn login_to_journal(lab: &Lab) -> Result<()> {
    let journald = lab.journald()?;
    let since = SystemTime::now();
    let agent = Agent::start(&["--sink", "journald"])?;
    let pool =
        Client::start("test-pool", &words(&[env!("CARGO_BIN_EXE_test-pool"), "--dialect", "cryptonote"]))?;
    let address = format!("127.0.0.1:{}", pool.port()?);
    let sent: Vec<Sent> =
        (0..LOGINS).map(|number| log_in(&agent, &address, number)).collect::<Result<_>>()?;
    let writer = agent.pid();
    agent.stop(Signal::TERM)?.stopped_well()?;
    let entries = written_by(&held(&journald).entries(since)?, writer);
    let any = measure(&entries, &sent, Notice::names)?;
    let confirmed = measure(&entries, &sent, Notice::confirms)?;
    print_figures("first entry", &any);
    print_figures("confirmed", &confirmed);
    pool.finish()
}

/// One login by a process in a cgroup of its own, so that it is an incident of its own; ends when it is told.
fn log_in(agent: &Agent, pool: &str, number: usize) -> Result<Sent> {
    let cgroup = Cgroup::create()?;
    let wallet = wallet::address(Dialect::Cryptonote, &format!("latency {number}"));
    let miner = env!("CARGO_BIN_EXE_test-miner");
    let argv =
        words(&[miner, "--dialect", "cryptonote", "--pool", pool, "--wallet", &wallet, "--shares", "0"]);
    let miner = Client::start("test-miner", &cgroup.wrap(argv))?;
    let sent = miner.says("sent", STEP)?;
    let unix_nanos = sent.get("unix_nanos").and_then(Value::as_u64).context("no time in `sent`")?;
    let sent = Sent { pid: miner.pid(), unix_nanos };
    agent.confirmed(sent.pid, FOUND)?;
    miner.finish()?;
    Ok(sent)
}

/// Microseconds from each login to the first entry that `pick` takes for its pid.
fn measure(entries: &[Notice], sent: &[Sent], pick: impl Fn(&Notice, u32) -> bool) -> Result<Vec<i64>> {
    let one = |login: &Sent| {
        let entry = entries.iter().find(|entry| pick(entry, login.pid));
        let entry = entry.with_context(|| format!("no entry for pid {}", login.pid))?;
        let arrived = entry.value().get("__REALTIME_TIMESTAMP").and_then(Value::as_str);
        let arrived: i64 = arrived.context("an entry without a time")?.parse()?;
        Ok(arrived - i64::try_from(login.unix_nanos / 1000)?)
    };
    let mut micros: Vec<i64> = sent.iter().map(one).collect::<Result<_>>()?;
    ensure!(micros.len() == LOGINS, "{} of {LOGINS} logins measured", micros.len());
    micros.sort_unstable();
    Ok(micros)
}

fn print_figures(what: &str, micros: &[i64]) {
    let last = micros.len().saturating_sub(1);
    let at =
        |percent: usize| micros.get((micros.len() * percent / 100).min(last)).copied().unwrap_or_default();
    println!(
        "latency, login to journal, {what}: p50 {} us, p99 {} us, max {} us over {} logins",
        at(50),
        at(99),
        at(100),
        micros.len()
    );
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
