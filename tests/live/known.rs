//! A miner that was there before the agent and says nothing: found by what it is made of and how it was started, with
//! its owner, login user, unit and ancestry, by the agent and by a scan.
use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    cgroup::Cgroup,
    elf::Program,
    marks::marks,
    notice::Notice,
    process::{Running, Signal},
    wait,
};

use crate::{
    Test,
    expect::{self, Field, wrong},
    lab::{FOUND, Lab},
};

/// A folder of this name is a unit to whoever reads the path.
const UNIT: &str = "minewarden-known.service";
/// Uid 1 has this name on every Linux.
const LOGIN: (&str, &str) = ("1", "daemon");
/// The rules of command lines ask for this age.
const STAYED: f64 = 10.0;
/// The rule whose marks the program holds.
const RULE: &str = "xmrig";
const ARGS: [&str; 5] = ["-o", "stratum+tcp://127.0.0.1:9", "--donate-level", "1", "--coin=monero"];

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("known::found_by_content_and_arguments", found)]
}

fn found(_: &Lab) -> Result<()> {
    let cgroup = Cgroup::create()?;
    let unit = cgroup.path().join(UNIT);
    fs::create_dir(&unit)?;
    let folder = tempfile::tempdir()?;
    let mut miner = start(folder.path(), unit.as_os_str().to_owned())?;
    let pid = miner.pid();
    wait::until("a process of ten seconds", FOUND, || (age(pid).ok()? > STAYED).then_some(()))?;
    let agent = Agent::start(&[])?;
    let since = Instant::now();
    expect::told(&agent, pid, FOUND, &expected(pid))?;
    println!("known: found {} ms after the agent was ready", since.elapsed().as_millis());
    let since = Instant::now();
    scan(pid)?;
    println!("known: scan --for 0s took {} ms", since.elapsed().as_millis());
    miner.signal(Signal::TERM)?;
    miner.wait(FOUND)?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    fs::remove_dir(&unit).context("the unit's cgroup")
}

/// A renamed program of ours that holds a miner's marks and sleeps.
fn start(folder: &std::path::Path, unit: OsString) -> Result<Running> {
    let marked = marks()?.into_iter().find(|marked| marked.rule == RULE).context("no such rule")?;
    let path = folder.join("kworker");
    fs::write(&path, Program::new(marked.enough(0)).bytes())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let script = r#"echo "$1" > /proc/self/loginuid && echo $$ > "$0"/cgroup.procs && shift && exec "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(unit).arg(LOGIN.0).arg(path).args(ARGS);
    let running = Running::spawn("known", &mut command)?;
    let pid = running.pid();
    wait::until("the program", Duration::from_secs(10), || {
        fs::read_link(format!("/proc/{pid}/exe")).ok()?.ends_with("kworker").then_some(())
    })?;
    Ok(running)
}

/// Seconds since a process started.
fn age(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Field 22, counted behind the name (proc(5)), in hundredths of a second.
    let start = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19)).context("short")?;
    let uptime = fs::read_to_string("/proc/uptime")?;
    let now: f64 = uptime.split(' ').next().context("short")?.parse()?;
    Ok(now - start.parse::<f64>()? / 100.0)
}

fn expected(pid: u32) -> Vec<Field> {
    vec![
        Field::Is("level", "likely".into()),
        Field::Has("rules", "binary.content".into()),
        Field::Has("rules", "argv.".into()),
        Field::Has("evidence", RULE.into()),
        Field::Is("user", "root".into()),
        Field::Is("login_user", LOGIN.1.into()),
        Field::Is("unit", UNIT.into()),
        Field::Is("pool", "127.0.0.1:9".into()),
        Field::Has("ancestry", format!("kworker[{pid}] < ")),
        Field::Has("ancestry", format!("[{}]", std::process::id())),
    ]
}

fn scan(pid: u32) -> Result<()> {
    let scan = Command::new(agent::binary()?).args(["scan", "--json", "--for", "0s"]).output()?;
    ensure!(scan.status.code() == Some(1), "{scan:?}");
    let text = String::from_utf8(scan.stdout)?;
    let of_miner: Vec<_> =
        text.lines().filter_map(Notice::from_line).filter(|notice| notice.names(pid)).collect();
    let [notice] = of_miner.as_slice() else { anyhow::bail!("not one object for {pid}: {text}") };
    let wrong = wrong(notice, &expected(pid));
    ensure!(wrong.is_empty(), "{}\n{text}", wrong.join("\n"));
    Ok(())
}
