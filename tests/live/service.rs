//! The agent as a service: what it tells its manager, what it may do, how it reloads, and that it makes no system call
//! that its unit does not list.
use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        net::UnixDatagram,
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    client::STEP,
    process::{Running, Signal},
    protocol::Dialect,
    require::Need,
    unit, wait, wallet,
};
use monitor::privilege::RUNNING;
use tempfile::TempDir;

use crate::{
    Test,
    lab::{FOUND, Lab, held},
};

/// A user that /etc/passwd does not have: `getent` is asked.
const NOBODY_S_UID: u32 = 54_321;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("service::tells_its_manager_how_it_is", tells),
        Test::new("service::keeps_only_what_it_needs_and_starts_getent", privileges),
        Test::new("service::reloads_or_keeps_the_old_and_says_why", reloads),
        Test::new("service::makes_only_calls_that_the_unit_lists", calls).needs(&[Need::Strace]),
    ]
}

/// The next word that `pick` wants; others are passed over.
fn hears(manager: &UnixDatagram, what: &str, pick: impl Fn(&str) -> bool) -> Result<String> {
    wait::until(what, FOUND, || {
        let mut bytes = [0; 4096];
        let n = manager.recv(&mut bytes).ok()?;
        let words = String::from_utf8_lossy(bytes.get(..n)?).into_owned();
        words.lines().any(&pick).then_some(words)
    })
}

fn tells(lab: &Lab) -> Result<()> {
    let path = lab.folder()?.join("notify");
    let manager = UnixDatagram::bind(&path)?;
    manager.set_read_timeout(Some(Duration::from_millis(200)))?;
    let path = path.to_str().context("the scratch folder has an odd name")?;
    let environment = [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "4000000")];
    let agent = Agent::start_binary(&agent::binary()?, &[], &environment, agent::START)?;
    hears(&manager, "READY=1", |word| word == "READY=1")?;
    hears(&manager, "a status", |word| {
        word.starts_with("STATUS=watching: ") && word.contains(" events lost since start")
    })?;
    for _ in 0..3 {
        hears(&manager, "a beat", |word| word == "WATCHDOG=1")?;
    }
    agent.signal(Signal::STOP)?;
    // What was sent before is read; then there is silence for longer than the watchdog would take.
    let silence = SystemTime::now();
    let mut last = silence;
    let mut bytes = [0; 4096];
    while silence.elapsed()? < Duration::from_secs(5) {
        if manager.recv(&mut bytes).is_ok() {
            last = SystemTime::now();
        }
    }
    let alive = last.duration_since(silence)?;
    agent.signal(Signal::CONT)?;
    ensure!(alive < Duration::from_secs(1), "a stopped agent spoke for {alive:?}");
    hears(&manager, "a beat again", |word| word == "WATCHDOG=1")?;
    agent.signal(Signal::HUP)?;
    let reloading = hears(&manager, "RELOADING=1", |word| word == "RELOADING=1")?;
    ensure!(reloading.contains("MONOTONIC_USEC="), "{reloading:?}");
    hears(&manager, "READY=1 after a reload", |word| word == "READY=1")?;
    agent.signal(Signal::TERM)?;
    hears(&manager, "STOPPING=1", |word| word == "STOPPING=1")?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

fn mask(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(u64::from_str_radix(line.with_context(|| format!("no {name}"))?.trim(), 16)?)
}

fn only_what_is_needed(pid: u32) -> Result<()> {
    let kept = RUNNING.iter().fold(0, |sum, (set, ..)| sum | set.bits());
    let mut threads = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let Ok(status) = fs::read_to_string(task?.path().join("status")) else { continue };
        for (name, wanted) in [
            ("CapEff", kept),
            ("CapPrm", kept),
            ("CapBnd", kept),
            ("CapInh", 0),
            ("CapAmb", 0),
            ("NoNewPrivs", 1),
        ] {
            let own = mask(&status, name)?;
            ensure!(own == wanted, "{name} is {own:#x}, not {wanted:#x}\n{status}");
        }
        threads += 1;
    }
    ensure!(threads > 5, "only {threads} threads");
    Ok(())
}

/// A miner of a user that only `getent` could name, in a folder that nobody else may enter.
struct Stranger {
    miner: Running,
    _folder: TempDir,
}

impl Stranger {
    fn start(test: &str, port: u16) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("minewarden-stranger-").tempdir()?;
        let program = folder.path().join("test-miner");
        fs::copy(env!("CARGO_BIN_EXE_test-miner"), &program)?;
        for path in [program.as_path(), folder.path()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
            chown(path, Some(NOBODY_S_UID), None)?;
        }
        let (pool, wallet) = (format!("127.0.0.1:{port}"), wallet::address(Dialect::Cryptonote, test));
        let mut command = Command::new(&program);
        command.args(["--dialect", "cryptonote", "--pool", &pool, "--wallet", &wallet]).uid(NOBODY_S_UID);
        Ok(Self { miner: Running::spawn("test-miner", &mut command)?, _folder: folder })
    }
}

fn privileges(lab: &Lab) -> Result<()> {
    const TEST: &str = "service-privileges";
    let journald = lab.journald()?;
    let config = lab.folder()?.join("privileges.toml");
    fs::write(&config, "[journal]\nrecord = [\"exec\"]\nrecord_namespace = \"\"\n")?;
    let since = SystemTime::now();
    let path = config.to_str().context("the scratch folder has an odd name")?;
    let agent = Agent::start(&["--sink", "journald", "--config", path])?;
    only_what_is_needed(agent.pid())?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let Stranger { mut miner, _folder } = Stranger::start(TEST, port)?;
    let notice = agent.confirmed(miner.pid(), FOUND)?;
    // Of another user: by CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH alone.
    for key in ["exe", "sha256"] {
        ensure!(!notice.text(key).is_empty(), "{key} is not known: {:#}", notice.value());
    }
    ensure!(notice.number("uid") == Some(NOBODY_S_UID.into()), "{:#}", notice.value());
    let writer = agent.pid();
    held(&journald).wait_for("the agent's getent", writer, since, FOUND, |entry| {
        entry.event() == "exec"
            && entry.number("ppid") == Some(writer.into())
            && entry.text("cmdline").ends_with(&format!("getent passwd {NOBODY_S_UID}"))
    })?;
    only_what_is_needed(agent.pid())?;
    miner.finish(STEP)?;
    pool.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

fn reloads(lab: &Lab) -> Result<()> {
    let config = lab.folder()?.join("reload.toml");
    let rules = lab.folder()?.join("reload-rules.d");
    let write = |text: &str| {
        let text = format!("rules.directory = \"{}\"\n{text}", rules.display());
        fs::write(&config, text).context("cannot write the configuration")
    };
    write("agent.heartbeat = \"1h\"\n")?;
    let path = config.to_str().context("the scratch folder has an odd name")?;
    let agent = Agent::start(&["--config", path])?;
    let stays = "the old configuration and rules stay";

    write("agent.heartbeat = 3\n")?;
    agent.signal(Signal::HUP)?;
    let line = agent.warns(stays, FOUND)?;
    ensure!(line.contains(&format!("reload: {path}:2: ")), "{line}");

    fs::create_dir_all(rules.join("pools.d"))?;
    fs::write(rules.join("pools.d/own.txt"), "not a pool at all!\n")?;
    write("agent.heartbeat = \"1s\"\n")?;
    agent.signal(Signal::HUP)?;
    let line = agent.warns("pools.d/own.txt:1: ", FOUND)?;
    ensure!(line.contains(stays), "{line}");
    let beats = agent.notices().iter().filter(|notice| notice.event() == "heartbeat").count();
    ensure!(beats == 0, "half of a refused configuration counts");

    fs::remove_file(rules.join("pools.d/own.txt"))?;
    write("agent.heartbeat = \"1s\"\njournal.object_pid = false\n")?;
    agent.signal(Signal::HUP)?;
    agent.warns("journal.object_pid will count after a restart", FOUND)?;
    agent.wait_for("a heartbeat of the new rhythm", FOUND, |notice| notice.event() == "heartbeat")?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// How the list of the unit is made anew: with an empty list this test prints every call of a full session.
fn calls(lab: &Lab) -> Result<()> {
    const TEST: &str = "service-calls";
    let journald = lab.journald()?;
    let trace = lab.folder()?.join("calls");
    let config = lab.folder()?.join("calls.toml");
    fs::write(&config, "journal.record = [\"exec\", \"connect\"]\njournal.record_namespace = \"\"\n")?;
    let listed = unit::words(&unit::text()?, "SystemCallFilter");
    // One that this machine does not have is passed over, as systemd does.
    let others =
        format!("trace=!{}", listed.iter().map(|name| format!("?{name}")).collect::<Vec<_>>().join(","));
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-q", "--seccomp-bpf", "-e", &others, "-e", "signal=none", "-o"]).arg(&trace);
    command
        .arg(agent::binary()?)
        .args(["run", "--sink", "json", "--sink", "journald", "--config"])
        .arg(&config);
    let since = SystemTime::now();
    let agent = Agent::start_command(&mut command, agent::START)?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let Stranger { mut miner, _folder } = Stranger::start(TEST, port)?;
    agent.confirmed(miner.pid(), FOUND)?;
    held(&journald)
        .wait_for("the incident", agent.pid(), since, FOUND, |entry| entry.confirms(miner.pid()))?;
    agent.signal(Signal::HUP)?;
    miner.finish(STEP)?;
    pool.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    let missing = unlisted(&trace)?;
    ensure!(missing.is_empty(), "not in SystemCallFilter of the unit: {}", missing.join(" "));
    Ok(())
}

/// Names in a trace of the calls that are not listed.
fn unlisted(trace: &Path) -> Result<Vec<String>> {
    let text = wait::until("the end of the trace", STEP, || {
        let text = fs::read_to_string(trace).ok()?;
        text.contains("+++ exited with 0 +++").then_some(text)
    })?;
    let name = |line: &str| {
        let call = line.split_once(' ')?.1.trim_start();
        let name = call.split_once('(')?.0;
        let own = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        (own && !name.is_empty()).then(|| name.to_owned())
    };
    let mut names: Vec<_> = text.lines().filter_map(name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}
