//! Comparing what the agent says of a process with what it should say.
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use minewarden_tests::{
    agent::Agent,
    client::{Client, python},
    notice::Notice,
    protocol::Dialect,
    wait, wallet,
};

/// How a field has to look.
pub(crate) enum Field {
    Is(&'static str, String),
    Ends(&'static str, String),
    Has(&'static str, String),
}

use Field::{Ends, Has, Is};

impl Field {
    fn wrong(&self, notice: &Notice) -> Option<String> {
        let (key, wanted, how, right) = match self {
            Is(key, wanted) => (key, wanted, "is", notice.text(key) == *wanted),
            Ends(key, wanted) => (key, wanted, "ends with", notice.text(key).ends_with(wanted)),
            Has(key, wanted) => (key, wanted, "has", notice.text(key).contains(wanted)),
        };
        (!right).then(|| format!("{key} is {:?}, expected one that {how} {wanted:?}", notice.text(key)))
    }
}

/// All that is wrong with `notice`.
pub(crate) fn wrong(notice: &Notice, fields: &[Field]) -> Vec<String> {
    let mut wrong: Vec<String> = fields.iter().filter_map(|field| field.wrong(notice)).collect();
    if notice.number("score") != Some(u64::from(notice.sum())) {
        wrong.push(format!("score is {}, the evidence adds up to {}", notice.text("score"), notice.sum()));
    }
    wrong
}

/// Waits until the newest notice about the incident of `pid` has all fields right: what is learned later comes as
/// an update.
///
/// # Errors
/// Names every field that is still wrong, and shows what the agent wrote.
pub(crate) fn told(agent: &Agent, pid: u32, limit: Duration, fields: &[Field]) -> Result<Notice> {
    let mut last = vec![format!("no notice names pid {pid}")];
    let found = wait::until(&format!("the incident of pid {pid} as it should be"), limit, || {
        let notice = agent.notices().into_iter().rfind(|notice| notice.names(pid))?;
        last = wrong(&notice, fields);
        last.is_empty().then_some(notice)
    });
    found.map_err(|error| anyhow!("{error}\n  {}\n{}", last.join("\n  "), agent.dump()))
}

/// Ends the pool; its own process has no incident.
///
/// # Errors
/// Shows the notice that names it.
pub(crate) fn pool_is_silent(agent: &Agent, pool: Client) -> Result<()> {
    let pid = pool.pid();
    pool.finish()?;
    let of_pool = agent.notices().into_iter().find(|notice| notice.names(pid));
    ensure!(of_pool.is_none(), "the pool's process has an incident: {of_pool:?}");
    Ok(())
}

/// What is to be said of the Python miner of `test`.
pub(crate) fn python_miner(test: &str, dialect: Dialect, port: u16) -> Result<Vec<Field>> {
    let exe = std::fs::canonicalize(python()?)?;
    let mut fields = vec![
        Is("level", "confirmed".into()),
        Is("role", "miner".into()),
        Is("exe", exe.display().to_string()),
        Has("cmdline", format!("{}-miner.py", test.replace("::", "-"))),
        Is("user", "root".into()),
        Ends("remote", format!(":{port}")),
        Is("dialect", dialect.name().into()),
        Is("wallet", wallet::address(dialect, test)),
        Is("worker", "rig1".into()),
        Has("rules", "stratum.".into()),
    ];
    if dialect != Dialect::EthProxy {
        // eth-proxy tells no name of the client software.
        fields.push(Is("agent", "pyclient/1.0".into()));
    }
    Ok(fields)
}

/// What is to be said of a miner of which one share was accepted, at the test pool's difficulty.
pub(crate) fn one_share() -> Vec<Field> {
    let counts = [("shares_accepted", "1"), ("shares_rejected", "0"), ("difficulty", "10000")];
    counts.map(|(key, value)| Is(key, value.to_owned())).into()
}
