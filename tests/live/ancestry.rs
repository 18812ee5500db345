//! Who started a miner, when those are gone that did.
use std::{
    fs::{self, File, OpenOptions},
    path::Path,
    process::{self, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use minewarden_tests::{
    agent::Agent, client::STEP, notice::Notice, process::Signal, protocol::Dialect, wait, wallet,
};
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::{Pid, test_kill_process},
};
use serde_json::Value;

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

/// A shell that leaves behind what another shell in it left behind: both end before the miner logs in.
const DOUBLE_FORK: &str = r#"(nohup "$@" < input > output 2>&1 &); exit 0"#;

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("ancestry::outlives_a_double_fork_under_nohup", double_fork)]
}

fn double_fork(lab: &Lab) -> Result<()> {
    const TEST: &str = "ancestry::nohup";
    let folder = lab.folder()?.join("ancestry");
    fs::create_dir(&folder)?;
    // An executable, and so an incident, of its own.
    let program = folder.join("xm");
    fs::copy(env!("CARGO_BIN_EXE_test-miner"), &program)?;
    mknodat(CWD, folder.join("input"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    // The miner ends when this is closed.
    let input = OpenOptions::new().read(true).write(true).open(folder.join("input"))?;

    let agent = Agent::start(&[])?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let address = format!("127.0.0.1:{port}");
    let shell = leave_behind(&folder, &program, &address, TEST)?;
    says(&folder, "done")?;
    let miner = says(&folder, "connected")?.get("pid").and_then(Value::as_u64).context("no pid")?;
    let miner = u32::try_from(miner)?;
    let adopted = parent(miner)?;
    ensure!(
        adopted != shell && adopted != process::id(),
        "the miner was not adopted: its parent is {adopted}"
    );

    // The digest comes with what /proc says, which knows nothing of the shells any more.
    let fields = [
        Field::Is("level", "confirmed".into()),
        Field::Is("exe", program.display().to_string()),
        Field::Has("ancestry", format!("] < sh[{shell}] < ")),
    ];
    let known = |notice: &Notice| notice.names(miner) && !notice.text("sha256").is_empty();
    agent.wait_for("a notice with the miner's digest", FOUND, known)?;
    let notice = expect::told(&agent, miner, FOUND, &fields)?;
    let ancestry = notice.text("ancestry");
    println!("ancestry: {ancestry} (its parent by then: {adopted})");
    let chain: Vec<&str> = ancestry.split(" < ").collect();
    ensure!(chain.first() == Some(&format!("xm[{miner}]").as_str()), "the miner is not first: {ancestry}");
    ensure!(chain.get(1).is_some_and(|inner| inner.starts_with("sh[")), "no inner shell: {ancestry}");
    ensure!(
        chain.get(2) == Some(&format!("sh[{shell}]").as_str()),
        "the outer shell is not next: {ancestry}"
    );
    let own = format!("[{}]", process::id());
    ensure!(chain.get(3).is_some_and(|test| test.ends_with(&own)), "this test is not next: {ancestry}");

    drop(input);
    let pid = Pid::from_raw(i32::try_from(miner)?).context("pid 0")?;
    wait::until("the miner's end", STEP, || test_kill_process(pid).is_err().then_some(()))?;
    pool.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// Starts the miner under two shells that end at once; gives the pid of the outer one.
fn leave_behind(folder: &Path, program: &Path, pool: &str, test: &str) -> Result<u32> {
    File::create_new(folder.join("output"))?;
    let wallet = wallet::address(Dialect::Cryptonote, test);
    let mut shell = Command::new("sh")
        .args(["-c", DOUBLE_FORK, "sh"])
        .arg(program)
        .args(["--dialect", "cryptonote", "--pool", pool, "--wallet", &wallet])
        .current_dir(folder)
        .stdin(Stdio::null())
        .spawn()?;
    let status = shell.wait()?;
    ensure!(status.success(), "the shell ended with {status}");
    Ok(shell.id())
}

/// What the miner told with this event.
fn says(folder: &Path, event: &str) -> Result<Value> {
    let found = || {
        let text = fs::read_to_string(folder.join("output")).ok()?;
        let mut told = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        told.find(|value| value.get("event").and_then(Value::as_str) == Some(event))
    };
    wait::until(&format!("the miner's `{event}`"), STEP, found)
}

fn parent(pid: u32) -> Result<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).context("no PPid")?;
    Ok(parent.trim().parse()?)
}
