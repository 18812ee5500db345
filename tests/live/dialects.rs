//! Each dialect, each way of sending it: found, with the right pid, confirmed, and told in full.
use std::time::Duration;

use anyhow::Result;
use minewarden_tests::{
    cgroup::Cgroup,
    client::{Client, STEP},
    netns,
    protocol::Dialect,
    require::Need,
};

use crate::{
    Test, expect,
    lab::{FOUND, Lab},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Ipv4,
    Ipv6,
    Writev,
    OneByte,
    ChildCgroup,
    OtherNamespace,
}

/// An update waits until ten seconds after the entry before it.
const UPDATED: Duration = Duration::from_secs(20);

const WAYS: [(Way, &str); 6] = [
    (Way::Ipv4, "ipv4"),
    (Way::Ipv6, "ipv6"),
    (Way::Writev, "writev"),
    (Way::OneByte, "one_byte_writes"),
    (Way::ChildCgroup, "child_cgroup"),
    (Way::OtherNamespace, "other_network_namespace"),
];

pub(crate) fn tests() -> Vec<Test> {
    let pairs = Dialect::ALL.into_iter().flat_map(|dialect| WAYS.map(|(way, name)| (dialect, way, name)));
    pairs
        .map(|(dialect, way, name)| {
            let name = format!("dialects::{}::{name}", dialect.name());
            let needs: &[Need] = if way == Way::OtherNamespace { &[Need::NetTools] } else { &[] };
            Test::new(name.clone(), move |lab| found(lab, &name, dialect, way)).needs(needs)
        })
        .collect()
}

fn found(lab: &Lab, test: &str, dialect: Dialect, way: Way) -> Result<()> {
    let agent = lab.agent()?;
    let family = if way == Way::Ipv6 { "6" } else { "4" };
    let mut argv = lab.part(test, "pool", &["--dialect", dialect.name(), "--family", family])?;
    if way == Way::OtherNamespace {
        argv = netns::wrap(argv);
    }
    let pool = Client::start("pool", &argv)?;
    let port = pool.port()?;
    let cgroup = if way == Way::ChildCgroup { Some(Cgroup::create()?) } else { None };
    let send = match way {
        Way::Writev => "writev",
        Way::OneByte => "bytes",
        _ => "whole",
    };
    let mut argv = lab.miner_argv(test, dialect, port, &["--family", family, "--send", send])?;
    if let Some(cgroup) = &cgroup {
        argv = cgroup.wrap(argv);
    }
    if way == Way::OtherNamespace {
        argv = netns::enter(pool.pid(), argv);
    }
    let miner = Client::start("miner", &argv)?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &expect::python_miner(test, dialect, port)?)?;
    if (dialect, way) == (Dialect::Cryptonote, Way::Ipv4) {
        expect::told(&agent, miner.pid(), UPDATED, &expect::one_share())?;
    }
    miner.finish()?;
    expect::pool_is_silent(&agent, pool)
}
