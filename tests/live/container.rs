//! A miner in a container of a real Docker, which keeps its state in a folder that nobody told the agent of.
use std::path::Path;

use anyhow::Result;
use minewarden_tests::{docker::Docker, protocol::Dialect, require::Need, wallet};

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

const IMAGE: &str = "minewarden-test/shop:v1";

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("container::docker", in_docker).needs(&[Need::Docker])]
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
