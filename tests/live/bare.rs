//! What the agent has to do on every kernel that it supports. Nothing but the kernel, the agent and our own pool and
//! miner takes part: no Python, no journald, no shell. So `cargo xtask vm` runs these on kernels of other releases.
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use aya::programs::loaded_programs;
use minewarden_tests::{
    agent::Agent,
    client::{Client, STEP},
    process::Signal,
    protocol::Dialect,
    wallet,
};
use monitor::{
    event::{Body, Event, OwnerSource},
    kernel::hooks::{HOOKS, Hook, Point},
};

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("bare::every_hook_that_this_kernel_takes_is_attached", every_hook).bare(),
        Test::new("bare::stratum_over_loopback_is_confirmed", stratum).bare(),
        Test::new("bare::who_connected_is_known_at_once", connectors).bare(),
        Test::new("bare::what_ran_before_the_agent_is_found", before).bare(),
    ]
}

/// A hook that the kernel is new enough for and that is not there is a failure, not a skip.
fn every_hook(_: &Lab) -> Result<()> {
    let agent = Agent::start(&[])?;
    let (attached, held) = programs_of(agent.pid())?;
    let missing: Vec<&Hook> = HOOKS.iter().filter(|hook| !there(hook, &attached, &held)).collect();
    println!("attached: {}", attached.iter().cloned().collect::<Vec<_>>().join(" "));
    println!("loaded: {}", held.iter().cloned().collect::<Vec<_>>().join(" "));
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let ours = version(&release).context("a kernel without a version")?;
    for hook in missing {
        let since = version(hook.since).with_context(|| format!("{}: since {}", hook.program, hook.since))?;
        ensure!(
            ours < since && !hook.required,
            "{} is not attached on {release}, which takes it since {}\n{}",
            hook.attach,
            hook.since,
            agent.dump()
        );
    }
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// Iterators are attached for as long as a pass takes.
fn there(hook: &Hook, attached: &BTreeSet<String>, held: &BTreeSet<String>) -> bool {
    match hook.point {
        Point::Iterator(_) => held.contains(hook.program),
        _ => attached.contains(hook.program),
    }
}

/// Major and minor of `6.12.117+deb13-cloud-amd64`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Names of the programs to which a process holds a link, and of all that it holds.
fn programs_of(pid: u32) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let mut names = BTreeMap::new();
    for program in loaded_programs() {
        let program = program.context("cannot list programs")?;
        names.insert(program.id(), program.name_as_str().unwrap_or_default().to_owned());
    }
    let (mut attached, mut held) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(PathBuf::from(format!("/proc/{pid}/fdinfo")))? {
        // A descriptor may be closed meanwhile.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        let id = text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok());
        let Some(name) = id.and_then(|id: u32| names.get(&id)) else { continue };
        let link = text.lines().any(|line| line.starts_with("link_type:"));
        if link { &mut attached } else { &mut held }.insert(name.clone());
    }
    Ok((attached, held))
}

/// A copy of the test miner that is another program to the agent: an ELF file may be followed by anything.
fn miner(lab: &Lab, name: &str) -> Result<PathBuf> {
    let path = lab.folder()?.join(name);
    fs::copy(env!("CARGO_BIN_EXE_test-miner"), &path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    writeln!(fs::File::options().append(true).open(&path)?, "{name}")?;
    Ok(path)
}

fn pool(dialect: Dialect, listen: &str) -> Result<(Client, u16)> {
    let program = env!("CARGO_BIN_EXE_test-pool");
    let pool = Client::start("pool", &words(&[program, "--dialect", dialect.name(), "--listen", listen]))?;
    let port = pool.port()?;
    Ok((pool, port))
}

fn start(program: &Path, dialect: Dialect, pool: &str, more: &[&str]) -> Result<Client> {
    let program = program.to_str().context("the scratch folder has an odd name")?;
    let wallet = wallet::address(dialect, program);
    let own = [program, "--dialect", dialect.name(), "--pool", pool, "--wallet", &wallet];
    Client::start("miner", &words(&[&own, more].concat()))
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// What is to be said of such a miner.
fn fields(program: &Path, dialect: Dialect, remote: &str) -> Vec<Field> {
    let exe = program.display().to_string();
    let mut fields = vec![
        Field::Is("level", "confirmed".into()),
        Field::Is("role", "miner".into()),
        Field::Is("remote", remote.to_owned()),
        Field::Is("dialect", dialect.name().into()),
        Field::Is("wallet", wallet::address(dialect, &exe)),
        Field::Is("worker", "rig1".into()),
        Field::Is("user", "root".into()),
        // Its parent is this test.
        Field::Has("ancestry", format!("[{}]", std::process::id())),
        Field::Is("exe", exe),
    ];
    if dialect != Dialect::EthProxy {
        // eth-proxy tells no name of the client software.
        fields.push(Field::Is("agent", "test-miner/1.0".into()));
    }
    fields
}

fn stratum(lab: &Lab) -> Result<()> {
    let agent = Agent::start(&[])?;
    for dialect in Dialect::ALL {
        let (pool, port) = pool(dialect, "127.0.0.1:0")?;
        let program = miner(lab, &format!("miner-{}", dialect.name()))?;
        let remote = format!("127.0.0.1:{port}");
        let miner = start(&program, dialect, &remote, &[])?;
        miner.says("done", STEP)?;
        expect::told(&agent, miner.pid(), FOUND, &fields(&program, dialect, &remote))?;
        miner.finish()?;
        expect::pool_is_silent(&agent, pool)?;
    }
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// By IPv4 and by IPv6: the connect's own record names the process.
fn connectors(lab: &Lab) -> Result<()> {
    let recording = lab.folder()?.join("connectors.jsonl");
    let agent = Agent::start(&["--record", recording.to_str().context("an odd name")?])?;
    let mut wanted = BTreeMap::new();
    for (name, host) in [("connects-4", "127.0.0.1"), ("connects-6", "[::1]")] {
        let (pool, port) = pool(Dialect::StratumV1, &format!("{host}:0"))?;
        let (program, remote) = (miner(lab, name)?, format!("{host}:{port}"));
        let miner = start(&program, Dialect::StratumV1, &remote, &[])?;
        miner.says("done", STEP)?;
        expect::told(&agent, miner.pid(), FOUND, &fields(&program, Dialect::StratumV1, &remote))?;
        wanted.insert(miner.pid(), remote);
        miner.finish()?;
        pool.finish()?;
    }
    agent.stop(Signal::TERM)?.stopped_well()?;
    for line in fs::read_to_string(recording)?.lines().filter(|line| line.contains("\"connect\"")) {
        let event: Event = serde_json::from_str(line)?;
        let (Some(owner), Body::Connect { ends, .. }) = (event.owner, event.body) else { continue };
        if owner.source == OwnerSource::Connect
            && wanted.get(&owner.pid).is_some_and(|remote| *remote == ends.remote.to_string())
        {
            wanted.remove(&owner.pid);
        }
    }
    ensure!(wanted.is_empty(), "no connect was recorded of {wanted:?}");
    Ok(())
}

/// Connected before the agent was there, silent until it was: the sweep tells whose the socket is.
fn before(lab: &Lab) -> Result<()> {
    let dialect = Dialect::Cryptonote;
    let (pool, port) = pool(dialect, "127.0.0.1:0")?;
    let (program, remote) = (miner(lab, "was-there")?, format!("127.0.0.1:{port}"));
    let mut miner = start(&program, dialect, &remote, &["--wait"])?;
    miner.says("connected", STEP)?;
    let agent = Agent::start(&[])?;
    miner.0.tell("go on")?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &fields(&program, dialect, &remote))?;
    miner.finish()?;
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    let counters = ended.stopped_well()?.counters();
    // Both ends of the connection.
    ensure!(counters.get("sweep.sockets") >= Some(&2), "the sweep saw too little: {counters:?}");
    Ok(())
}
