//! A miner that is started again and again, each time from a fresh memfd or a fresh copy, is one incident with a count.
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io::Write as _,
    os::fd::AsRawFd as _,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::Agent,
    cgroup::Cgroup,
    client::{Client, STEP},
    notice::Notice,
    process::Signal,
    protocol::Dialect,
    wallet,
};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::{
    Test,
    lab::{FOUND, Lab},
};

/// Longer than from one start to the next, short enough to be waited for.
const END_AFTER: &str = "8s";
const ENDS: Duration = Duration::from_secs(40);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("respawn::of_one_content", of_one_content),
        Test::new("respawn::of_other_content_each_time", of_other_content),
    ]
}

/// A program for one start, with what keeps it there.
enum Copy {
    Memfd(File),
    File(OsString),
}

impl Copy {
    fn memfd(bytes: &[u8]) -> Result<Self> {
        // Without close-on-exec: a shell that enters the cgroup is executed first.
        let mut file = File::from(memfd_create("xm", MemfdFlags::empty())?);
        file.write_all(bytes)?;
        Ok(Self::Memfd(file))
    }

    fn file(folder: &Path, name: &str, bytes: &[u8]) -> Result<Self> {
        let path = folder.join(name);
        fs::write(&path, bytes)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&path, mode)?;
        Ok(Self::File(path.into()))
    }

    fn program(&self) -> OsString {
        match self {
            Self::Memfd(file) => format!("/proc/self/fd/{}", file.as_raw_fd()).into(),
            Self::File(path) => path.clone(),
        }
    }
}

/// One life: logs in, gets its shares accepted, ends. Gives its pid.
fn live(copy: &Copy, cgroup: &Cgroup, port: u16, wallet: &str) -> Result<u32> {
    let pool = format!("127.0.0.1:{port}");
    let mut argv = vec![copy.program()];
    argv.extend(["--dialect", "cryptonote", "--pool", &pool, "--wallet", wallet].map(OsString::from));
    let miner = Client::start("test-miner", &cgroup.wrap(argv))?;
    let pid = miner.pid();
    miner.says("done", STEP)?;
    miner.finish()?;
    Ok(pid)
}

fn agent(lab: &Lab) -> Result<Agent> {
    let config = lab.folder()?.join("respawn.toml");
    fs::write(&config, format!("[incident]\nend_after = \"{END_AFTER}\"\n"))?;
    Agent::start(&["--config", config.to_str().context("the scratch folder has an odd name")?])
}

/// The notices of the incident that the process `pid` belongs to.
fn story(agent: &Agent, pid: u32) -> Result<Vec<Notice>> {
    let id = agent.wait_for("its incident", FOUND, |notice| notice.names(pid))?.text("incident");
    let ended = |notice: &Notice| notice.event() == "incident-ended" && notice.text("incident") == id;
    agent.wait_for("the end of the incident", ENDS, ended)?;
    Ok(agent.notices().into_iter().filter(|notice| notice.text("incident") == id).collect())
}

/// One opened entry, one ended, few between, and every process counted.
fn is_one(agent: &Agent, story: &[Notice], pids: &[u32]) -> Result<()> {
    let events: Vec<_> = story.iter().map(Notice::event).collect();
    let count = |event: &str| events.iter().filter(|found| *found == event).count();
    ensure!(
        count("incident-opened") == 1 && count("incident-ended") == 1 && events.len() <= 8,
        "{events:?}\n{}",
        agent.dump()
    );
    let last = story.last().context("no notice")?;
    ensure!(
        last.number("processes") == Some(pids.len() as u64),
        "{} processes, started {}\n{}",
        last.text("processes"),
        pids.len(),
        agent.dump()
    );
    let id = last.text("incident");
    let others: BTreeSet<_> = agent
        .notices()
        .iter()
        .filter(|notice| pids.iter().any(|pid| notice.names(*pid)) && notice.text("incident") != id)
        .map(Notice::event)
        .collect();
    ensure!(others.is_empty(), "other incidents of these processes: {others:?}\n{}", agent.dump());
    Ok(())
}

fn of_one_content(lab: &Lab) -> Result<()> {
    const TEST: &str = "respawn-same";
    let bytes = fs::read(env!("CARGO_BIN_EXE_test-miner"))?;
    let cgroup = Cgroup::create()?;
    let agent = agent(lab)?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let wallet = wallet::address(Dialect::Cryptonote, TEST);
    let mut pids = Vec::new();
    for n in 0..20 {
        let copy = match n % 2 {
            0 => Copy::memfd(&bytes)?,
            _ => Copy::file(&lab.folder()?, &format!("{TEST}-{n}"), &bytes)?,
        };
        pids.push(live(&copy, &cgroup, port, &wallet)?);
    }
    let story = story(&agent, *pids.first().context("no start")?)?;
    is_one(&agent, &story, &pids)?;
    let first = story.first().context("no notice")?;
    ensure!(first.text("exe") == "/memfd:xm", "exe is {:?}", first.text("exe"));
    ensure!(first.text("exe_state") == "memfd", "exe_state is {:?}", first.text("exe_state"));
    ensure!(first.text("message").contains("/memfd:xm"), "{}", first.text("message"));
    pool.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

fn of_other_content(lab: &Lab) -> Result<()> {
    const TEST: &str = "respawn-other";
    let bytes = fs::read(env!("CARGO_BIN_EXE_test-miner"))?;
    let cgroup = Cgroup::create()?;
    let agent = agent(lab)?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let wallet = wallet::address(Dialect::Cryptonote, TEST);
    let start = |n: u8, wallet: &str| {
        let copy = Copy::file(&lab.folder()?, &format!("{TEST}-{n}"), &[&bytes[..], &[n]].concat())?;
        live(&copy, &cgroup, port, wallet)
    };
    let pids = (0..10).map(|n| start(n, &wallet)).collect::<Result<Vec<_>>>()?;
    let other = start(99, &wallet::address(Dialect::Cryptonote, "someone else"))?;
    let story = story(&agent, *pids.first().context("no start")?)?;
    is_one(&agent, &story, &pids)?;
    let apart = self::story(&agent, other)?;
    is_one(&agent, &apart, &[other])?;
    pool.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}
