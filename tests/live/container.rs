//! A miner in a container of a real Docker, which keeps its state in a folder that nobody told the agent of; and the
//! agent in one itself, as the shipped DaemonSet has it.
use std::{cell::RefCell, fs, path::Path, time::SystemTime};

use anyhow::{Result, anyhow, ensure};
use minewarden_tests::{
    agent,
    daemonset::{self, CONTAINERFILE, Manifests},
    docker::Docker,
    notice::Notice,
    protocol::Dialect,
    require::Need,
    wallet,
};

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab, held},
};

const IMAGE: &str = "minewarden-test/shop:v1";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("container::docker", in_docker).needs(&[Need::Docker]),
        Test::new("container::daemonset", as_daemonset).needs(&[Need::Docker]),
    ]
}

fn in_docker(lab: &Lab) -> Result<()> {
    let test = "container::docker";
    let agent = lab.agent()?;
    let (pool, port) = lab.pool(test, Dialect::Cryptonote)?;
    let mut docker = Docker::start()?;
    docker.import(Path::new(env!("CARGO_BIN_EXE_test-miner")), IMAGE)?;
    let (address, wallet) = (format!("127.0.0.1:{port}"), wallet::address(Dialect::Cryptonote, test));
    let name = format!("minewarden-test-{}", std::process::id());
    let named = format!("--name={name}");
    let program = ["/bin/test-miner", "--dialect", "cryptonote", "--pool", &address, "--wallet", &wallet];
    // `nobody` on the host, where the container's own /etc/passwd, which does not exist, says nothing.
    let id = docker.run(&[&[&named, "--user=65534:65534", IMAGE], program.as_slice()].concat())?;
    let pid = docker.pid(&id)?;
    let fields = [
        Field::Is("level", "confirmed".into()),
        Field::Is("pid", pid.to_string()),
        Field::Is("exe", "/bin/test-miner".into()),
        Field::Is("wallet", wallet.clone()),
        Field::Is("uid", "65534".into()),
        Field::Is("user", "nobody".into()),
        Field::Is("container", id.clone()),
        Field::Is("container_engine", "docker".into()),
        Field::Is("container_name", name),
        Field::Is("container_image", IMAGE.into()),
        Field::Has("cgroup", id.clone()),
        Field::Has("ancestry", "containerd-shim".into()),
    ];
    expect::told(&agent, pid, FOUND, &fields)?;
    docker.stop()?;
    expect::pool_is_silent(&agent, pool)
}

/// The image is built offline and run with what the manifest says, and nothing more: its entries come to the host's
/// journal, with the pid of the host and the name and image of the other container.
fn as_daemonset(lab: &Lab) -> Result<()> {
    let test = "container::daemonset";
    let since = SystemTime::now();
    let journald = lab.journald()?;
    let (pool, port) = lab.pool(test, Dialect::StratumV1)?;
    let manifests = Manifests::read()?;
    let pod = manifests.pod()?;
    let image = &pod.container()?.image;
    let mut docker = Docker::start()?;
    docker.build(Path::new(CONTAINERFILE), &agent::binary()?, "minewarden", image)?;
    let folder = tempfile::tempdir()?;
    let (mut before, after) = pod.arguments(&manifests, folder.path())?;
    before.push(image.clone());
    let id = docker.run_as(&[before, after].concat())?;
    let agent = docker.pid(&id)?;
    let journal = held(&journald);
    let started = journal
        .wait_for("agent-started", agent, since, agent::START, |entry| entry.event() == "agent-started");
    started.map_err(|error| anyhow!("{error}\n{}", docker.ended(&id)))?;
    let (wanted, here) = (pod.capability_bits()?, daemonset::capability_set("self", "CapBnd")?);
    let has = daemonset::capability_set(&agent.to_string(), "CapBnd")?;
    ensure!(
        has == wanted & here,
        "capabilities {has:x}, the manifest's are {wanted:x}, of which {here:x} are here"
    );
    if wanted & !here != 0 {
        println!("{test}: this machine's root lacks capabilities {:x} of the manifest", wanted & !here);
    }
    docker.import(Path::new(env!("CARGO_BIN_EXE_test-miner")), IMAGE)?;
    let (address, wallet) = (format!("127.0.0.1:{port}"), wallet::address(Dialect::StratumV1, test));
    let name = format!("minewarden-test-{}", std::process::id());
    let named = format!("--name={name}");
    let program = ["/bin/test-miner", "--dialect", "stratum-v1", "--pool", &address, "--wallet", &wallet];
    let miner = docker.run(&[&[&named, "--user=65534:65534", IMAGE], program.as_slice()].concat())?;
    let pid = docker.pid(&miner)?;
    let mut fields = vec![
        Field::Is("level", "confirmed".into()),
        Field::Is("exe", "/bin/test-miner".into()),
        Field::Is("wallet", wallet.clone()),
        Field::Is("uid", "65534".into()),
        Field::Is("container", miner.clone()),
        Field::Is("container_engine", "docker".into()),
        Field::Is("container_name", name),
        Field::Is("container_image", IMAGE.into()),
        Field::Has("cgroup", miner.clone()),
        Field::Has("ancestry", "containerd-shim".into()),
    ];
    if fs::read_dir("/proc/1/root").is_ok() {
        fields.push(Field::Is("user", "nobody".into()));
    } else {
        println!("{test}: nobody may look at this machine's first process, so users have no names");
    }
    let last = RefCell::new(Vec::new());
    let right = |entry: &Notice| {
        entry.names(pid) && {
            last.replace(expect::wrong(entry, &fields));
            last.borrow().is_empty()
        }
    };
    let found = journal.wait_for("the incident", agent, since, FOUND, right);
    found.map_err(|error| anyhow!("{}\n{error}", last.borrow().join("\n")))?;
    drop(journal);
    docker.client(&["stop", "--time=30", &id])?;
    let stopped = |entry: &Notice| entry.event() == "agent-stopped";
    held(&journald).wait_for("agent-stopped", agent, since, agent::STOP, stopped)?;
    let code = docker.client(&["inspect", "--format={{.State.ExitCode}}", &id])?;
    ensure!(code == "0", "{}", docker.ended(&id));
    docker.stop()?;
    pool.finish()
}
