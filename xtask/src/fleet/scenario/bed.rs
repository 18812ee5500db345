//! The test-bed itself: what is started ends, and host keys are checked.
use std::{fs, process::Command};

use anyhow::{Result, ensure};

use super::super::rig::{PATIENCE, Rig};
use crate::testbed::wait;

pub(super) fn run(rig: &Rig) -> Result<()> {
    cut_off(rig)?;
    let hosts = rig.fresh(2, &[])?;
    ensure!(hosts == ["h1", "h2"], "{hosts:?} run");
    names_and_network(rig)?;
    false_key(rig)?;
    rig.fleet().down()?;
    nothing_left(rig)
}

/// A start that is killed in its midst: nothing of it outlives `down`.
fn cut_off(rig: &Rig) -> Result<()> {
    rig.fleet().down()?;
    let mut up = Command::new(std::env::current_exe()?);
    let mut up = up.args(["fleet", "up", "3"]).spawn()?;
    wait::until("the first host's processes", PATIENCE, || {
        Ok((!rig.fleet().guests()?.is_empty()).then_some(()))
    })?;
    up.kill()?;
    let status = up.wait()?;
    ensure!(!status.success(), "`fleet up` ended before it could be cut off");
    ensure!(!rig.fleet().left()?.is_empty(), "a start that was cut off left nothing to clean up");
    rig.fleet().down()?;
    nothing_left(rig)
}

fn nothing_left(rig: &Rig) -> Result<()> {
    let left = rig.fleet().left()?;
    ensure!(left.is_empty(), "still there after `down`: {}", left.join(", "));
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let folder = rig.fleet().folder().display().to_string();
    ensure!(!mounts.contains(&folder), "a mount below {folder} is still there");
    Ok(())
}

/// Each has its own name, machine id and host key, and reaches the other by name.
fn names_and_network(rig: &Rig) -> Result<()> {
    let ssh = rig.ssh();
    let mut identities = Vec::new();
    for host in ["h1", "h2"] {
        ensure!(ssh.run(host, "uname -n")? == host, "{host} has another name");
        identities.push(ssh.run(host, "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub")?);
    }
    ensure!(identities.first() != identities.last(), "two hosts with one identity");
    let banner = ssh.run("h1", "timeout 20 bash -c 'read -r line < /dev/tcp/h2/22; echo \"$line\"'")?;
    ensure!(banner.starts_with("SSH-2.0-"), "h1 reads `{banner}` from h2's port 22");
    Ok(())
}

/// A host that shows another key is not talked to.
fn false_key(rig: &Rig) -> Result<()> {
    let ssh = rig.ssh();
    ssh.run(
        "h2",
        "cd /etc/ssh && rm ssh_host_ed25519_key* && ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key",
    )?;
    // A login of its own: one that stands is not asked for its key again.
    let refused = ssh.command("h2").arg("true").output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        !refused.status.success() && said.contains("Host key verification failed"),
        "a false key: {said}"
    );
    Ok(())
}
