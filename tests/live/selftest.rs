//! `minewarden selftest` against the running agent and a real journald, and what must not pass for one.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    client::STEP,
    notice::Notice,
    process::Signal,
    protocol::Dialect,
    require::Need,
};
use serde_json::Value;

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

/// The wallet and the form of the worker of a self-test, as docs/output.md has them.
const WALLET: &str = "minewarden-selftest";
const WORKER: &str = "selftest-0123456789abcdef";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("selftest::is_reported_and_marked", is_reported_and_marked),
        Test::new("selftest::says_that_no_agent_runs", says_that_no_agent_runs).needs(&[Need::NetTools]),
        Test::new("selftest::says_that_an_agent_is_silent", says_that_an_agent_is_silent),
        Test::new("selftest::is_no_cover_for_a_copy", is_no_cover_for_a_copy),
        Test::new("selftest::is_no_cover_for_its_words", is_no_cover_for_its_words),
    ]
}

/// What a self-test said, and its exit status.
fn selftest(command: &mut Command) -> Result<(Option<i32>, Value, String)> {
    let output =
        command.args(["selftest", "--json", "--timeout", "20s"]).output().context("cannot run it")?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no JSON: {:?}, {errors}", String::from_utf8_lossy(&output.stdout)))?;
    Ok((output.status.code(), said, errors))
}

fn is(said: &Value, key: &str, wanted: &str) -> bool {
    said.get(key).and_then(Value::as_str) == Some(wanted)
}

/// A file of its own with the agent's content.
fn copy(lab: &Lab, folder: &str) -> Result<PathBuf> {
    let folder = lab.folder()?.join(folder);
    fs::create_dir_all(&folder)?;
    let path = folder.join("minewarden");
    fs::copy(agent::binary()?, &path)?;
    Ok(path)
}

fn about(agent: &Agent, worker: &str) -> Vec<Notice> {
    let notices = agent.notices().into_iter();
    notices.filter(|notice| notice.is_incident() && notice.text("worker") == worker).collect()
}

fn is_marked(notice: &Notice) -> bool {
    notice.value().get("test") == Some(&Value::Bool(true))
}

fn is_reported_and_marked(lab: &Lab) -> Result<()> {
    let _journald = lab.journald()?;
    let agent = Agent::start(&["--sink", "journald"])?;
    let (status, said, errors) = selftest(&mut Command::new(agent::binary()?))?;
    ensure!(
        status == Some(0) && is(&said, "verdict", "reported"),
        "{status:?} {said:#} {errors}\n{}",
        agent.dump()
    );
    ensure!(is(&said, "level", "confirmed") && is(&said, "version", env!("CARGO_PKG_VERSION")), "{said:#}");
    let seconds = said.get("seconds").and_then(Value::as_f64).context("no time")?;
    ensure!((0.0..20.0).contains(&seconds), "{seconds} s from the first byte to the entry");
    let nonce = said.get("nonce").and_then(Value::as_str).context("no nonce")?.to_owned();
    // It is gone by now, and so its incident is over, though those of miners live on for minutes.
    agent.wait_for("the end of the self-test", FOUND, |notice| {
        notice.event() == "incident-ended" && notice.text("worker") == nonce
    })?;
    let notices = about(&agent, &nonce);
    let wrong = notices.iter().find(|notice| !is_marked(notice) || notice.number("priority") != Some(6));
    ensure!(
        wrong.is_none(),
        "not marked, or somebody is paged: {:#}",
        wrong.map(Notice::value).unwrap_or(&Value::Null)
    );
    ensure!(notices.iter().all(|notice| notice.text("message").starts_with("self-test, ")), "{notices:?}");
    let incidents: Vec<_> = notices.iter().map(|notice| notice.text("incident")).collect();
    ensure!(incidents.windows(2).all(|pair| pair.first() == pair.last()), "{incidents:?}");
    let pid = notices.first().and_then(Notice::pid).context("no pid")?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    let other = ended.about(pid).into_iter().find(|notice| !is_marked(notice));
    ensure!(other.is_none(), "the self-test is also a real incident: {other:?}");
    println!("self-test: {seconds:.3} s from the first byte to the entry");
    Ok(())
}

/// In a PID namespace of its own nobody else is seen.
fn says_that_no_agent_runs(_: &Lab) -> Result<()> {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(agent::binary()?);
    let (status, said, errors) = selftest(&mut command)?;
    ensure!(status == Some(2) && is(&said, "verdict", "no-agent"), "{status:?} {said:#}");
    ensure!(errors.contains("no agent is running"), "{errors}");
    Ok(())
}

fn says_that_an_agent_is_silent(lab: &Lab) -> Result<()> {
    let _journald = lab.journald()?;
    let binary = copy(lab, "silent")?;
    // Its only sink is its standard output.
    let agent = Agent::start_binary(&binary, &[], &[], agent::START)?;
    let output = Command::new(&binary).args(["selftest", "--json", "--timeout", "3s"]).output()?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(output.status.code() == Some(2), "{said:#}");
    // Another agent on this host, of another executable, may have taken it for a miner.
    let alarmed = is(&said, "verdict", "unmarked") && said.get("alarmed").is_some();
    ensure!(is(&said, "verdict", "silent") || alarmed, "{said:#}");
    ensure!(said.get("entries") == Some(&Value::from(0)), "{said:#}");
    let nonce = said.get("nonce").and_then(Value::as_str).context("no nonce")?.to_owned();
    agent.wait_for("its report on its standard output", FOUND, |notice| {
        notice.text("worker") == nonce && notice.text("level") == "confirmed" && is_marked(notice)
    })?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// An attacker's copy of the executable, to the byte, is another file.
fn is_no_cover_for_a_copy(lab: &Lab) -> Result<()> {
    let _journald = lab.journald()?;
    let agent = Agent::start(&["--sink", "journald"])?;
    let binary: &Path = &copy(lab, "copied")?;
    let (status, said, errors) = selftest(&mut Command::new(binary))?;
    ensure!(status == Some(2) && is(&said, "verdict", "no-agent"), "{status:?} {said:#}");
    ensure!(errors.contains("is another executable"), "{errors}");
    let mut command = Command::new(binary);
    command.args(["selftest", "--json", "--unseen-agent", "--timeout", "20s"]);
    let output = command.output()?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(output.status.code() == Some(2) && is(&said, "verdict", "unmarked"), "{said:#}");
    let nonce = said.get("nonce").and_then(Value::as_str).context("no nonce")?.to_owned();
    let confirmed = agent.wait_for("the copy as a real incident", FOUND, |notice| {
        notice.text("worker") == nonce && notice.text("level") == "confirmed"
    })?;
    ensure!(confirmed.number("priority") == Some(2), "{:#}", confirmed.value());
    ensure!(about(&agent, &nonce).iter().all(|notice| !is_marked(notice)), "a copy is marked as a test");
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// Another program that says the same words, over loopback, as root.
fn is_no_cover_for_its_words(lab: &Lab) -> Result<()> {
    const TEST: &str = "selftest-words";
    let agent = Agent::start(&[])?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let miner = lab.miner(TEST, Dialect::Cryptonote, port, &["--wallet", WALLET, "--worker", WORKER])?;
    miner.says("done", STEP)?;
    let fields = [
        Field::Is("level", "confirmed".into()),
        Field::Is("wallet", WALLET.into()),
        Field::Is("worker", WORKER.into()),
    ];
    let notice = expect::told(&agent, miner.pid(), FOUND, &fields)?;
    ensure!(notice.number("priority") == Some(2), "{:#}", notice.value());
    ensure!(about(&agent, WORKER).iter().all(|notice| !is_marked(notice)), "a miner is marked as a test");
    miner.finish()?;
    pool.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}
