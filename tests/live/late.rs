//! Mining that begins late on a connection: after other traffic, or after a minute of silence.
//!
//! The conversations begin with the shared agent and run beside the other tests.
use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use minewarden_tests::{client::Client, protocol::Dialect};

use crate::{
    Test,
    expect::{self, Field},
    lab::Lab,
};

/// From the begin of such a conversation until the agent has to have found it: a flow that was once rejected is
/// looked at again after 30 s at the earliest.
const LATEST: Duration = Duration::from_secs(150);

/// A conversation that was begun.
pub(crate) struct Late {
    miner: Client,
    pool: Client,
    port: u16,
}

struct Case {
    name: &'static str,
    dialect: Dialect,
    args: &'static [&'static str],
    /// The login came when the flow had to be looked at again, so what it says is known.
    login_seen: bool,
}

const CASES: [Case; 5] = [
    Case {
        name: "late::silent_for_a_minute",
        dialect: Dialect::Cryptonote,
        args: &["--gap", "60"],
        login_seen: true,
    },
    Case {
        name: "late::http_then_login_later",
        dialect: Dialect::StratumV1,
        args: &["--before", "http", "--gap", "40", "--every", "2"],
        login_seen: true,
    },
    Case {
        name: "late::junk_then_login_later",
        dialect: Dialect::EthereumStratum1,
        args: &["--before", "junk", "--gap", "40", "--every", "2"],
        login_seen: true,
    },
    Case {
        name: "late::http_then_login_at_once",
        dialect: Dialect::Cryptonote,
        args: &["--before", "http", "--every", "2"],
        login_seen: false,
    },
    Case {
        name: "late::junk_then_login_at_once",
        dialect: Dialect::StratumV1,
        args: &["--before", "junk", "--every", "2"],
        login_seen: false,
    },
];

/// Begins all of them.
pub(crate) fn start(lab: &Lab) -> Result<HashMap<&'static str, Late>> {
    let begin = |case: &Case| -> Result<_> {
        let (pool, port) = lab.pool(case.name, case.dialect)?;
        let miner = lab.miner(case.name, case.dialect, port, case.args)?;
        Ok((case.name, Late { miner, pool, port }))
    };
    CASES.iter().map(begin).collect()
}

pub(crate) fn tests() -> Vec<Test> {
    CASES.iter().map(|case| Test::new(case.name, |lab| found(lab, case))).collect()
}

fn found(lab: &Lab, case: &Case) -> Result<()> {
    let agent = lab.agent()?;
    let late = lab.late(case.name)?;
    // The end of its conversation needs our leave where it goes on mining, so `sent` is what it says in all cases.
    late.miner.says("sent", LATEST)?;
    let fields = if case.login_seen {
        expect::python_miner(case.name, case.dialect, late.port)?
    } else {
        vec![
            Field::Is("level", "confirmed".into()),
            Field::Is("role", "miner".into()),
            Field::Is("dialect", case.dialect.name().into()),
            Field::Ends("remote", format!(":{}", late.port)),
        ]
    };
    expect::told(&agent, late.miner.pid(), LATEST, &fields)?;
    late.miner.finish()?;
    late.pool.finish()
}
