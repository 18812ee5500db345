//! The event record in the real journal: right fields, and a flood of them costs no alert.
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{self, Command},
    time::SystemTime,
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::Agent,
    client::STEP,
    journald::{self, Journald},
    notice::Notice,
    process::{Running, Signal},
    protocol::Dialect,
    wait,
};
use rustix::process::{Pid, kill_process};

use crate::{
    Test,
    lab::{FOUND, Lab, held},
};

/// Execs of the flood.
const COUNT: usize = 20_000;
/// Taken out of arguments.
const SECRET: &str = "recordSecret91z";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("records::are_not_written_by_default", silent),
        Test::new("records::have_the_right_fields", fields),
        Test::new("records::cost_no_alert", flood),
    ]
}

/// An agent that records, and when it began.
fn agent(lab: &Lab) -> Result<(Agent, SystemTime)> {
    let config = lab.folder()?.join("records.toml");
    fs::write(&config, "[journal]\nrecord = [\"exec\", \"connect\"]\nrecord_namespace = \"\"\n")?;
    let since = SystemTime::now();
    let path = config.to_str().context("the scratch folder has an odd name")?;
    Ok((Agent::start(&["--sink", "journald", "--config", path])?, since))
}

fn is_record(entry: &Notice) -> bool {
    matches!(entry.event().as_str(), "exec" | "connect")
}

/// A script that connects to `port` and stays: `./NAME -p SECRET PORT`.
fn script(lab: &Lab, name: &str, port: u16) -> Result<Running> {
    let folder = lab.folder()?;
    let path = folder.join(name);
    fs::write(&path, "#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/$3 && echo ready\nread -r _ || exit 0\n")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    let mut command = Command::new(format!("./{name}"));
    command.args(["-p", SECRET, &port.to_string()]).current_dir(&folder);
    let running = Running::spawn(name, &mut command)?;
    running.out.first("ready", STEP, |line| (line == "ready").then_some(()))?;
    Ok(running)
}

fn silent(lab: &Lab) -> Result<()> {
    let journald = lab.journald()?;
    let since = SystemTime::now();
    let agent = Agent::start(&["--sink", "journald"])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut program = script(lab, "unrecorded", listener.local_addr()?.port())?;
    program.finish(STEP)?;
    let writer = agent.pid();
    agent.stop(Signal::TERM)?.stopped_well()?;
    let journald = held(&journald);
    journald.wait_for("agent-stopped", writer, since, FOUND, |entry| entry.event() == "agent-stopped")?;
    let records = written(&journald, writer, since)?;
    ensure!(records.is_empty(), "{} records that nobody asked for", records.len());
    Ok(())
}

fn written(journald: &Journald, writer: u32, since: SystemTime) -> Result<Vec<Notice>> {
    let all = journald::written_by(&journald.entries(since)?, writer);
    Ok(all.into_iter().filter(is_record).collect())
}

fn fields(lab: &Lab) -> Result<()> {
    const NAME: &str = "recorded";
    let journald = lab.journald()?;
    let (agent, since) = agent(lab)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut program = script(lab, NAME, address.port())?;
    let pid = program.pid();
    let find = |event: &str| {
        let own = |entry: &Notice| entry.event() == event && entry.pid() == Some(pid);
        held(&journald).wait_for(event, agent.pid(), since, FOUND, own)
    };
    let (exec, connect) = (find("exec")?, find("connect")?);
    let line = format!("/bin/bash ./{NAME} -p *** {}", address.port());
    let same = common(pid)?;
    let of_exec = [("comm", NAME.to_owned()), ("filename", format!("./{NAME}")), ("cmdline", line)];
    let of_connect = [("remote", address.to_string())];
    for (entry, own) in [(&exec, &of_exec[..]), (&connect, &of_connect[..])] {
        for (key, wanted) in same.iter().chain(own) {
            ensure!(entry.text(key) == *wanted, "{key} is not {wanted:?}\n{:#}", entry.value());
        }
        is_of(entry, pid)?;
    }
    let named =
        |entry: &Notice, key: &str| entry.value().get(key).map(ToString::to_string).unwrap_or_default();
    ensure!(named(&exec, "PRIORITY") == "\"7\"", "{:#}", exec.value());
    ensure!(named(&exec, "MESSAGE_ID") != named(&connect, "MESSAGE_ID"), "one id for both");
    ensure!(!exec.value().to_string().contains(SECRET), "the secret is in the journal: {:#}", exec.value());
    program.finish(STEP)?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// Fields whose value /proc tells, for the interpreter of a script of ours that waits.
fn common(pid: u32) -> Result<Vec<(&'static str, String)>> {
    let file = fs::metadata(format!("/proc/{pid}/exe"))?;
    let (major, minor) = (rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()));
    Ok(vec![
        ("ppid", process::id().to_string()),
        ("uid", file_owner(pid)?),
        ("exe_file", format!("{major}:{minor}:{}", file.ino())),
    ])
}

fn file_owner(pid: u32) -> Result<String> {
    Ok(fs::metadata(format!("/proc/{pid}"))?.uid().to_string())
}

/// What has a form: the ancestry begins with the process and its parent, namespaces and start time are its own.
fn is_of(entry: &Notice, pid: u32) -> Result<()> {
    let ancestry = entry.text("ancestry");
    let begins = format!("{}[{pid}]", entry.text("comm"));
    ensure!(ancestry.starts_with(&begins), "ancestry is {ancestry:?}");
    let namespaces = entry.text("linux_namespaces");
    for kind in ["net", "mnt", "pid"] {
        let link = fs::read_link(format!("/proc/{pid}/ns/{kind}"))?;
        let inode: String = link.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        let wanted = format!("{kind}:{inode}");
        ensure!(namespaces.split(' ').any(|found| found == wanted), "{wanted} is not in {namespaces:?}");
    }
    let cgroup = entry.number("cgroup_id").context("no cgroup id")?;
    ensure!(cgroup == cgroup_inode(pid)?, "cgroup id {cgroup} of {pid}");
    let (started, time) = (entry.text("started"), entry.text("time"));
    ensure!(!started.is_empty() && started <= time, "started {started}, written at {time}");
    Ok(())
}

fn cgroup_inode(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::")).context("no cgroup2 line")?;
    let root = minewarden_tests::cgroup::mount_point().context("no cgroup2 mount")?;
    Ok(fs::metadata(root.join(Path::new(path).strip_prefix("/")?))?.ino())
}

/// A journald of ours that does not read, until this is dropped.
struct Deaf(Pid);

impl Deaf {
    fn make(journald: &Journald) -> Result<Option<Self>> {
        let Some(pid) = journald.own_pid() else { return Ok(None) };
        let pid = Pid::from_raw(i32::try_from(pid)?).context("journald's pid is 0")?;
        kill_process(pid, Signal::STOP)?;
        Ok(Some(Self(pid)))
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

/// Execs until one is recorded: the number of its record says how many were made before.
fn finds_room(journald: &Journald, writer: u32) -> Result<()> {
    let since = SystemTime::now();
    let mut pids = Vec::new();
    wait::until("a record that finds room again", FOUND, || {
        let mut child = Command::new("/bin/true").spawn().ok()?;
        pids.push(child.id());
        child.wait().ok()?;
        let records = written(journald, writer, since).ok()?;
        records.iter().any(|entry| entry.pid().is_some_and(|pid| pids.contains(&pid))).then_some(())
    })
}

fn flood(lab: &Lab) -> Result<()> {
    const TEST: &str = "records-flood";
    let journald = lab.journald()?;
    let (agent, since) = agent(lab)?;
    let (writer, (pool, port)) = (agent.pid(), lab.pool(TEST, Dialect::Cryptonote)?);
    let half = || -> Result<()> {
        for _ in 0..COUNT / 2 {
            ensure!(Command::new("/bin/true").status()?.success(), "/bin/true failed");
        }
        Ok(())
    };
    half()?;
    let deaf = Deaf::make(&held(&journald))?;
    let miner = lab.miner(TEST, Dialect::Cryptonote, port, &[])?;
    let begun = SystemTime::now();
    miner.says("done", STEP)?;
    half()?;
    let overflows = deaf.is_some();
    drop(deaf);
    held(&journald)
        .wait_for("the miner's incident", writer, begun, FOUND, |entry| entry.confirms(miner.pid()))?;
    finds_room(&held(&journald), writer)?;
    miner.finish()?;
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    let counters = ended.stopped_well()?.counters();
    let dropped = *counters.get("lost.sink-journald.records").context("no counter of dropped records")?;
    ensure!(counters.get("lost.sink-journald") == Some(&0), "notices were dropped: {counters:?}");
    let journald = held(&journald);
    journald.wait_for("agent-stopped", writer, since, FOUND, |entry| entry.event() == "agent-stopped")?;
    let records = written(&journald, writer, since)?;
    // The number of a record is the last part of its id.
    let number = |entry: &Notice| entry.text("id").rsplit('-').next().and_then(|n| n.parse::<usize>().ok());
    let made = records.iter().filter_map(number).max().context("no record")?;
    println!("records: {made} made, {} in the journal, {dropped} dropped", records.len());
    ensure!(!overflows || dropped > 0, "no queue overflowed while journald did not read");
    ensure!(made >= COUNT, "{made} records of {COUNT} execs");
    let accounted = records.len() + usize::try_from(dropped)?;
    // The host's own journald has limits of its own; what it suppresses it says itself.
    let exact = journald.own_pid().is_some();
    ensure!(accounted == made || (!exact && accounted <= made), "{made} made, {accounted} accounted for");
    Ok(())
}
