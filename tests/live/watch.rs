//! `[watch] cgroup`: what is in it is found, what is not is not told of, and the agent names the pids of its own
//! namespace.
use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    cgroup::Cgroup,
    client::{Client, STEP},
    guest::Guest,
    notice::Notice,
    process::Signal,
    protocol::Dialect,
    require::Need,
    wallet,
};
use serde_json::Value;

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

/// From one job of the pool to the next, in seconds.
const EVERY: &str = "2";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("watch::one_cgroup_and_what_is_below", one_cgroup),
        Test::new("watch::ends_when_its_cgroup_is_removed", removed),
        Test::new("watch::refuses_what_is_no_cgroup", refused),
        Test::new("watch::scan_of_one_cgroup", scan),
        Test::new("watch::guest_names_its_own_pids", guest).needs(&[Need::NetTools]),
        Test::new("watch::guest_without_a_setting_counts_the_invisible", guest_of_whole_host)
            .needs(&[Need::NetTools]),
    ]
}

/// A configuration with this setting.
fn config(lab: &Lab, test: &str, cgroup: &str) -> Result<String> {
    let path: PathBuf = lab.folder()?.join(format!("{}.toml", test.replace("::", "-")));
    fs::write(&path, format!("[watch]\ncgroup = \"{cgroup}\"\n"))?;
    Ok(path.to_str().context("a path that is no UTF-8")?.to_owned())
}

/// As /proc/PID/cgroup has it.
fn name(cgroup: &Cgroup) -> Result<String> {
    let name = cgroup.path().file_name().context("a cgroup without a name")?;
    Ok(format!("/{}", name.to_string_lossy()))
}

/// A pool that nobody watches, and gives out jobs.
fn pool(lab: &Lab, test: &str, dialect: Dialect) -> Result<(Client, u16)> {
    let args = ["--dialect", dialect.name(), "--jobs", EVERY];
    let pool = Client::start("pool", &lab.part(test, "pool", &args)?)?;
    let port = pool.port()?;
    Ok((pool, port))
}

/// A miner that has logged in.
fn miner(argv: &[OsString]) -> Result<Client> {
    let miner = Client::start("miner", argv)?;
    miner.says("done", STEP)?;
    Ok(miner)
}

fn tells_of(notices: &[Notice], test: &str, dialect: Dialect) -> bool {
    let wallet = wallet::address(dialect, test);
    notices.iter().any(|notice| notice.text("wallet") == wallet || notice.text("cmdline").contains(&wallet))
}

/// A miner in a cgroup below the watched one that runs before the agent does, one that starts there later, and one
/// beside it, which the agent of the whole host finds.
fn one_cgroup(lab: &Lab) -> Result<()> {
    let (early, late, beside) = ("watch::early", "watch::late", "watch::beside");
    let dialect = Dialect::StratumV1;
    let whole = lab.agent()?;
    let (pool, port) = pool(lab, "watch::one", dialect)?;
    let watched = Cgroup::create()?;
    let below = watched.child("below")?;
    let of_early = miner(&below.wrap(lab.miner_argv(early, dialect, port, &[])?))?;
    let config = config(lab, "watch::one", &name(&watched)?)?;
    let agent = Agent::start(&["--config", &config])?;
    let started = agent.wait_for("agent-started", FOUND, |notice| notice.event() == "agent-started")?;
    ensure!(started.text("message").ends_with(&format!("of cgroup {}", name(&watched)?)), "{started:?}");
    let of_beside = miner(&lab.miner_argv(beside, dialect, port, &[])?)?;
    whole.confirmed(of_beside.pid(), FOUND)?;
    let of_late = miner(&watched.wrap(lab.miner_argv(late, dialect, port, &[])?))?;
    agent.confirmed(of_late.pid(), FOUND)?;
    let fields = [
        Field::Is("level", "likely".into()),
        Field::Has("rules", "stratum.server".into()),
        Field::Ends("cgroup", format!("{}/below", name(&watched)?)),
    ];
    expect::told(&agent, of_early.pid(), FOUND, &fields)?;
    for miner in [of_early, of_late, of_beside] {
        miner.finish()?;
    }
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    let counters = ended.stopped_well()?.counters();
    ensure!(!tells_of(&ended.notices, beside, dialect), "told of what is not watched\n{}", ended.dump);
    ensure!(counters.get("watch.outside") > Some(&0), "{counters:?}");
    ensure!(counters.get("sweep.processes") == Some(&1), "{counters:?}");
    // The pool's end of the connection is not watched.
    ensure!(counters.get("sweep.sockets") == Some(&1), "{counters:?}");
    drop(below);
    Ok(())
}

fn removed(lab: &Lab) -> Result<()> {
    let watched = Cgroup::create()?;
    let name = name(&watched)?;
    let agent = Agent::start(&["--config", &config(lab, "watch::removed", &name)?])?;
    drop(watched);
    let ended = agent.ends()?;
    let why = format!("cgroup {name} was removed: there is nothing left to watch");
    ensure!(ended.status.code() == Some(2) && ended.output.contains(&why), "{}", ended.dump);
    let [.., loss, stopped] = ended.notices.as_slice() else { anyhow::bail!("{}", ended.dump) };
    ensure!(loss.event() == "loss" && loss.text("message") == why, "{loss:?}");
    ensure!(stopped.event() == "agent-stopped", "{stopped:?}");
    Ok(())
}

fn refused(lab: &Lab) -> Result<()> {
    let test = "watch::refused";
    let cases = [
        ("/minewarden-no-such-cgroup", "there is no such cgroup2, nor a folder of cgroup2 called so"),
        ("/proc/self", "a folder, but of another file system"),
    ];
    for (cgroup, why) in cases {
        let output = run(&["run", "--config", &config(lab, test, cgroup)?])?;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = format!("[watch] cgroup = \"{cgroup}\": {why}");
        let last = error.lines().last().unwrap_or_default();
        ensure!(output.status.code() == Some(2) && last.contains(&expected), "{error}");
    }
    let output = run(&["config", "--check", &config(lab, test, "machine.slice")?])?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.code() == Some(2) && error.contains(":2: the absolute path of a cgroup"),
        "{error}"
    );
    Ok(())
}

fn run(args: &[&str]) -> Result<Output> {
    Ok(Command::new(agent::binary()?).args(args).output()?)
}

/// By the path of the folder, which is the other way to name a cgroup.
fn scan(lab: &Lab) -> Result<()> {
    let test = "watch::scan";
    let dialect = Dialect::EthereumStratum1;
    let (pool, port) = pool(lab, test, dialect)?;
    let watched = Cgroup::create()?;
    let inside = miner(&watched.wrap(lab.miner_argv(test, dialect, port, &[])?))?;
    let beside = miner(&lab.miner_argv("watch::scan-beside", dialect, port, &[])?)?;
    let folder = watched.path().to_str().context("a path that is no UTF-8")?;
    let config = config(lab, test, folder)?;
    let output = run(&["scan", "--for", "5s", "--json", "--config", &config])?;
    let text = String::from_utf8(output.stdout)?;
    let found: Vec<_> =
        text.lines().filter_map(Notice::from_line).filter_map(|notice| notice.pid()).collect();
    ensure!(found == [inside.pid()], "{found:?}, not {}, and not {}: {text}", inside.pid(), beside.pid());
    inside.finish()?;
    beside.finish()?;
    pool.finish()
}

/// In namespaces of its own, a miner before the agent and one after it; beside it one of the host and one of another
/// guest. All talk to one pool of the host.
fn guest(lab: &Lab) -> Result<()> {
    let (early, late) = ("watch::guest-early", "watch::guest-late");
    let others = ("watch::guest-host", "watch::guest-other");
    let dialect = Dialect::Cryptonote;
    let whole = lab.agent()?;
    let (pool, port) = pool(lab, "watch::guest", dialect)?;
    let (guest, other) = (Guest::start()?, Guest::start()?);
    let argv = |test| lab.miner_argv(test, dialect, port, &[]);
    let of_early = miner(&guest.enter(argv(early)?))?;
    let config = config(lab, "watch::guest", "own")?;
    // Without the guest's names of users, which its first process sees: as in a container, or in a unit's sandbox.
    let apart = ["unshare", "--mount", "--propagation", "private", "sh", "-c"];
    let hidden = ["mount -t tmpfs none /etc && exec \"$@\"", "sh"];
    let argv_of_agent = apart.iter().chain(&hidden).map(OsString::from).collect();
    let agent = Agent::start_inside(&guest.enter(argv_of_agent), &["--config", &config])?;
    let of_host = miner(&argv(others.0)?)?;
    whole.confirmed(of_host.pid(), FOUND)?;
    let of_other = miner(&other.enter(argv(others.1)?))?;
    let of_late = miner(&guest.enter(argv(late)?))?;
    let pid = guest.pid(of_late.pid())?;
    let mut fields = expect::python_miner(late, dialect, port)?;
    // Its maker, nsenter, is a process of the host's.
    fields.push(Field::Is("ancestry", format!("{}[{pid}] < nsenter[?]", python_name()?)));
    expect::told(&agent, pid, FOUND, &fields)?;
    let fields = [Field::Is("level", "likely".into()), Field::Has("rules", "stratum.server".into())];
    expect::told(&agent, guest.pid(of_early.pid())?, FOUND, &fields)?;
    says_where_it_is(&guest, &config)?;
    for miner in [of_early, of_late, of_host, of_other] {
        miner.finish()?;
    }
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    for test in [others.0, others.1] {
        ensure!(
            !tells_of(&ended.notices, test, dialect),
            "{test}: told of what is not its own\n{}",
            ended.dump
        );
    }
    other.stop()?;
    guest.stop()
}

fn python_name() -> Result<String> {
    let exe = PathBuf::from(minewarden_tests::client::python()?);
    Ok(exe.file_name().context("no name")?.to_string_lossy().chars().take(15).collect())
}

/// `doctor` in the guest.
fn says_where_it_is(guest: &Guest, config: &str) -> Result<()> {
    let mut argv = guest.enter(vec![agent::binary()?.into()]);
    argv.extend(["doctor", "--json", "--config", config].map(OsString::from));
    let (program, args) = argv.split_first().context("an empty command line")?;
    let output = Command::new(program).args(args).output()?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let row = |what: &str| {
        let checks = report.get("checks")?.as_array()?;
        let row = checks.iter().find(|row| row.get("what") == Some(&what.into()))?;
        Some((row.get("state")?.as_str()?.to_owned(), row.get("found")?.as_str()?.to_owned()))
    };
    let (state, found) = row("PID namespace").with_context(|| format!("{report:#}"))?;
    ensure!(state == "degraded" && found.starts_with("not the host's but pid:["), "{state} {found}");
    let (state, found) = row("watched").with_context(|| format!("{report:#}"))?;
    ensure!(state == "ok" && found.starts_with("its own cgroup namespace"), "{state} {found}");
    Ok(())
}

/// An agent that watches the whole host from inside: what it cannot name has no pid, and is counted.
fn guest_of_whole_host(lab: &Lab) -> Result<()> {
    let (inside, outside) = ("watch::whole-inside", "watch::whole-outside");
    let dialect = Dialect::StratumV1;
    let (pool, port) = pool(lab, "watch::whole", dialect)?;
    let guest = Guest::start()?;
    let early = miner(&guest.enter(lab.miner_argv(inside, dialect, port, &[])?))?;
    let agent = Agent::start_inside(&guest.enter(Vec::new()), &[])?;
    let foreign = miner(&lab.miner_argv(outside, dialect, port, &[])?)?;
    let wallet = wallet::address(dialect, outside);
    let notice = agent.wait_for("the miner outside", FOUND, |notice| {
        notice.text("level") == "confirmed" && notice.text("wallet") == wallet
    })?;
    ensure!(notice.pid().is_none(), "a pid that nobody here knows: {notice:?}");
    ensure!(notice.text("ancestry").contains("[?]"), "{notice:?}");
    let pid = guest.pid(early.pid())?;
    expect::told(&agent, pid, FOUND, &[Field::Has("rules", "stratum.server".into())])?;
    early.finish()?;
    foreign.finish()?;
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    let counters = ended.stopped_well()?.counters();
    ensure!(counters.get("watch.invisible") > Some(&0), "{counters:?}");
    guest.stop()
}
