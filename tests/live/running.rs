//! What was there before the agent: found at its next message, with owner, user, place and ancestry, by the agent and
//! by a scan.
use std::{
    fs,
    process::{Command, Output},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    cgroup::Cgroup,
    client::{Client, STEP},
    netns,
    notice::Notice,
    process::Signal,
    protocol::Dialect,
    require::Need,
};
use monitor::worker::{Census as _, SockDiag};
use serde_json::Value;

use crate::{
    Test,
    expect::{self, Field, wrong},
    lab::{FOUND, Lab},
};

/// From one job of the pool to the next, in seconds.
const EVERY: &str = "2";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("running::found_at_its_next_message", |lab| agent_comes_late(lab, false)),
        Test::new("running::found_in_another_network_namespace", |lab| agent_comes_late(lab, true))
            .needs(&[Need::NetTools]),
        Test::new("running::scan_finds_it_beside_an_agent", scan),
        Test::new("running::scan_without_waiting", scan_at_once),
    ]
}

/// A miner that has logged in, in a cgroup of its own, at a pool that gives out jobs.
struct Mining {
    pool: Client,
    port: u16,
    miner: Client,
    cgroup: Cgroup,
}

impl Mining {
    fn start(lab: &Lab, test: &str, dialect: Dialect, apart: bool) -> Result<Self> {
        let mut argv = lab.part(test, "pool", &["--dialect", dialect.name(), "--jobs", EVERY])?;
        if apart {
            argv = netns::wrap(argv);
        }
        let pool = Client::start("pool", &argv)?;
        let port = pool.port()?;
        let cgroup = Cgroup::create()?;
        let mut argv = cgroup.wrap(lab.miner_argv(test, dialect, port, &[])?);
        if apart {
            argv = netns::enter(pool.pid(), argv);
        }
        let miner = Client::start("miner", &argv)?;
        miner.says("done", STEP)?;
        Ok(Self { pool, port, miner, cgroup })
    }

    /// Only the pool speaks, and what it said at first is over: nobody knows the wallet any more.
    fn expected(&self, test: &str, dialect: Dialect) -> Result<Vec<Field>> {
        let folder = self.cgroup.path().file_name().context("a cgroup without a name")?;
        let mut fields = expect::python_miner(test, dialect, self.port)?;
        fields.retain(|field| !matches!(field, Field::Is("level" | "wallet" | "worker" | "agent", _)));
        fields.extend([
            Field::Is("level", "likely".into()),
            Field::Has("rules", "stratum.server".into()),
            Field::Ends("cgroup", folder.to_string_lossy().into_owned()),
            // Its parent is this test.
            Field::Has("ancestry", format!("[{}] < ", self.miner.pid())),
            Field::Has("ancestry", format!("[{}]", std::process::id())),
        ]);
        Ok(fields)
    }

    fn finish(self) -> Result<()> {
        self.miner.finish()?;
        self.pool.finish()
    }
}

fn agent_comes_late(lab: &Lab, apart: bool) -> Result<()> {
    let (test, dialect) =
        if apart { ("running::apart", Dialect::Cryptonote) } else { ("running::late", Dialect::StratumV1) };
    let mining = Mining::start(lab, test, dialect, apart)?;
    without_iterator(&mining)?;
    let recording = lab.folder()?.join(format!("{}.json", test.replace("::", "-")));
    let agent = Agent::start(&["--record", recording.to_str().context("a path that is no UTF-8")?])?;
    let since = Instant::now();
    let fields = mining.expected(test, dialect)?;
    let notice = expect::told(&agent, mining.miner.pid(), FOUND, &fields)?;
    let (took, pid) = (since.elapsed().as_millis(), mining.miner.pid());
    mining.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    let counters = ended.stopped_well()?.counters();
    println!(
        "{test}: found {took} ms after the agent was ready, jobs every {EVERY} s; swept {:?} processes and {:?} \
         connections in {:?} ms",
        counters.get("sweep.processes"),
        counters.get("sweep.sockets"),
        counters.get("sweep.millis")
    );
    ensure!(counters.get("sweep.sockets") >= Some(&2), "both ends of the connection: {counters:?}");
    ensure!(notice.text("processes") == "1", "{notice:?}");
    owner_came_with_payload(&fs::read_to_string(recording)?, pid)
}

/// The sweep told the socket itself whose it is.
fn owner_came_with_payload(recording: &str, pid: u32) -> Result<()> {
    let of_miner = |event: &Value| {
        let owner = event.get("owner")?;
        let known = owner.get("pid")? == pid && owner.get("source")? == "fd-table";
        (known && event.get("body")?.get("payload").is_some()).then_some(())
    };
    let mut events = recording.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = events.any(|event| of_miner(&event).is_some());
    ensure!(found, "no payload with process {pid} as its owner");
    Ok(())
}

/// What a kernel without the iterator has to go by finds the connection too, and both of its processes.
fn without_iterator(mining: &Mining) -> Result<()> {
    let all = SockDiag::default().connected(usize::MAX)?;
    let of_miner = all.sockets.iter().find(|(_, ends, holders)| {
        ends.remote.port() == mining.port && holders.iter().any(|owner| owner.pid == mining.miner.pid())
    });
    ensure!(of_miner.is_some(), "sock_diag does not find the miner among {} sockets", all.sockets.len());
    let of_pool = all.sockets.iter().any(|(_, ends, holders)| {
        ends.local.port() == mining.port && holders.iter().any(|owner| owner.pid == mining.pool.pid())
    });
    ensure!(of_pool, "sock_diag does not find the pool");
    Ok(())
}

fn scan(lab: &Lab) -> Result<()> {
    const TEST: &str = "running::scan";
    let dialect = Dialect::EthereumStratum1;
    let mining = Mining::start(lab, TEST, dialect, false)?;
    let agent = Agent::start(&[])?;
    let json = scanned(&["--for", "5s", "--json"])?;
    ensure!(json.status.code() == Some(1), "{json:?}");
    let text = String::from_utf8(json.stdout)?;
    let found: Vec<_> = text.lines().filter_map(Notice::from_line).collect();
    ensure!(found.len() == text.lines().count(), "not one object per line: {text}");
    let pid = mining.miner.pid();
    let of_miner: Vec<_> = found.iter().filter(|notice| notice.names(pid)).collect();
    let [notice] = of_miner.as_slice() else { anyhow::bail!("not one object for {pid}: {text}") };
    let wrong = wrong(notice, &mining.expected(TEST, dialect)?);
    ensure!(wrong.is_empty(), "{}\n{text}", wrong.join("\n"));
    let table = scanned(&["--for", "5s"])?;
    let text = String::from_utf8(table.stdout)?;
    let row = text.lines().find(|line| line.split_whitespace().nth(2) == Some(&pid.to_string()));
    let row = row.with_context(|| format!("no row of {pid}: {text}"))?;
    ensure!(table.status.code() == Some(1) && row.starts_with("likely "), "{text}");
    ensure!(row.contains("stratum.server") && row.contains(&format!(":{}", mining.port)), "{row}");
    mining.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// Nobody waits for a job, so nothing is found by it; the sweep is done all the same.
fn scan_at_once(_: &Lab) -> Result<()> {
    let scan = scanned(&["--for", "0s"])?;
    let text = String::from_utf8(scan.stdout.clone())?;
    ensure!(matches!(scan.status.code(), Some(0 | 1)), "{scan:?}");
    let last = text.lines().last().unwrap_or_default();
    let processes = last.strip_prefix("processes: ").and_then(|rest| rest.split(',').next());
    let processes: usize = processes.with_context(|| format!("no sum: {text}"))?.parse()?;
    ensure!(processes > 1, "{last}");
    Ok(())
}

fn scanned(args: &[&str]) -> Result<Output> {
    Ok(Command::new(agent::binary()?).arg("scan").args(args).output()?)
}
