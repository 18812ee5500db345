//! Ways to come by a socket and to send on it that are out of the ordinary: found all the same, and named right.
use anyhow::Result;
use minewarden_tests::{
    agent::Agent,
    client::{Client, STEP},
    netns,
    process::Signal,
    protocol::Dialect,
    require::Need,
};

use crate::{
    Test, expect,
    lab::{FOUND, Lab},
};

struct Case {
    name: &'static str,
    dialect: Dialect,
    family: &'static str,
    args: &'static [&'static str],
    /// The conversation has a network namespace of its own, where TCP Fast Open is on.
    fast_open: bool,
}

impl Case {
    const fn new(name: &'static str, dialect: Dialect, args: &'static [&'static str]) -> Self {
        Self { name, dialect, family: "4", args, fast_open: false }
    }
}

const CASES: [Case; 9] = [
    Case::new("sockets::nonblocking_connect", Dialect::StratumV1, &["--open", "nonblocking"]),
    Case::new("sockets::login_from_a_thread", Dialect::Cryptonote, &["--open", "thread"]),
    Case::new("sockets::login_by_a_child_of_the_connector", Dialect::EthProxy, &["--open", "inherited"]),
    Case::new("sockets::login_on_a_socket_used_before", Dialect::Cryptonote, &["--open", "reused"]),
    Case::new("sockets::login_on_a_socket_without_room_for_state", Dialect::StratumV1, &["--open", "full"]),
    Case::new("sockets::sendfile", Dialect::EthereumStratum1, &["--send", "sendfile"]),
    Case::new("sockets::splice", Dialect::StratumV1, &["--send", "splice"]),
    Case {
        family: "6",
        ..Case::new("sockets::ipv6_extension_headers", Dialect::Cryptonote, &["--open", "options"])
    },
    Case {
        fast_open: true,
        ..Case::new("sockets::login_in_the_syn", Dialect::Cryptonote, &["--open", "fast"])
    },
];

pub(crate) fn tests() -> Vec<Test> {
    let cases = CASES.iter().map(|case| {
        let needs: &[Need] = if case.fast_open { &[Need::NetTools] } else { &[] };
        Test::new(case.name, |lab| found(lab, case)).needs(needs)
    });
    let early = Test::new("sockets::opened_before_the_agent", opened_before_the_agent);
    cases.chain([early]).collect()
}

fn found(lab: &Lab, case: &Case) -> Result<()> {
    let agent = lab.agent()?;
    let mut argv =
        lab.part(case.name, "pool", &["--dialect", case.dialect.name(), "--family", case.family])?;
    if case.fast_open {
        argv.push("--fastopen".into());
        argv = netns::wrap(argv);
    }
    let pool = Client::start("pool", &argv)?;
    let port = pool.port()?;
    let args = [&["--family", case.family], case.args].concat();
    let mut argv = lab.miner_argv(case.name, case.dialect, port, &args)?;
    if case.fast_open {
        argv = netns::enter(pool.pid(), argv);
    }
    let miner = Client::start("miner", &argv)?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &expect::python_miner(case.name, case.dialect, port)?)?;
    miner.finish()?;
    pool.finish()
}

fn opened_before_the_agent(lab: &Lab) -> Result<()> {
    const TEST: &str = "sockets::opened_before";
    let (pool, port) = lab.pool(TEST, Dialect::StratumV1)?;
    let mut miner = lab.miner(TEST, Dialect::StratumV1, port, &["--wait"])?;
    miner.says("connected", STEP)?;
    let agent = Agent::start(&[])?;
    miner.0.tell("go on")?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &expect::python_miner(TEST, Dialect::StratumV1, port)?)?;
    miner.finish()?;
    pool.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}
