//! An agent inside a container: it sees its own container, by the numbers that are known there.
use anyhow::{Result, ensure};

use super::super::rig::{Entry, Rig};

/// The whole of the agent's configuration.
const CONFIG: &str = "[watch]\ncgroup = \"own\"\n";
const WALLET: &str =
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
const STRANGER: &str =
    "4AdUndXHHZ6cfufTMvppY6JwXNouMBzSkbLYfpAV5Usx3skxNgYeYTRj5UzqtReoS44qo9mtmXCqY45DJ852K5Jv2684Rge";

pub(super) fn run(rig: &Rig) -> Result<()> {
    rig.fresh(2, &[])?;
    for host in ["h1", "h2"] {
        rig.put_miner(host)?;
    }
    rig.put_agent("h1", CONFIG)?;
    // The stranger's conversation is over before the own begins: what is told of it would have been told first.
    rig.mine("h2", STRANGER)?;
    let pid = rig.mine("h1", WALLET)?;
    let entry = rig.await_incident("h1", pid)?;
    println!("  found: {}", entry.get("MESSAGE"));
    own_numbers(rig, pid, &entry)?;
    strangers(rig)?;
    doctor(rig)
}

/// The pid is the one that /proc and journald of the guest know.
fn own_numbers(rig: &Rig, pid: u32, entry: &Entry) -> Result<()> {
    let ssh = rig.ssh();
    let exe = ssh.run("h1", &format!("readlink /proc/{pid}/exe"))?;
    ensure!(exe == "/opt/mw-test/test-miner", "process {pid} of h1 is {exe}");
    ensure!(entry.is("MINEWARDEN_EXE", &exe), "the entry names {}", entry.get("MINEWARDEN_EXE"));
    ensure!(entry.is("OBJECT_PID", &pid.to_string()), "OBJECT_PID is `{}`", entry.get("OBJECT_PID"));
    ensure!(entry.is("OBJECT_EXE", &exe), "journald says that {pid} is `{}`", entry.get("OBJECT_EXE"));
    let unit = entry.get("MINEWARDEN_UNIT");
    ensure!(unit == "test-miner.service", "the miner's unit is `{unit}`");
    ensure!(entry.is("OBJECT_SYSTEMD_UNIT", unit), "journald says `{}`", entry.get("OBJECT_SYSTEMD_UNIT"));
    let wallet = entry.get("MINEWARDEN_WALLET");
    ensure!(wallet == WALLET, "the wallet is `{wallet}`");
    let written = ssh.run("h1", &format!("journalctl --quiet --no-pager --output=cat _PID={pid}"))?;
    ensure!(written.contains("\"connected\""), "journald knows no output of process {pid}");
    Ok(())
}

/// Tracing programs see every process of the kernel; none of another container may be told.
fn strangers(rig: &Rig) -> Result<()> {
    rig.ssh().run("h1", "systemctl stop minewarden")?;
    let entries = rig.entries("h1", &[])?;
    ensure!(
        entries.iter().any(|entry| entry.is("MINEWARDEN_EVENT", "agent-stopped")),
        "the agent did not end well"
    );
    let incidents: Vec<&str> = entries
        .iter()
        .map(|entry| entry.get("MINEWARDEN_WALLET"))
        .filter(|wallet| !wallet.is_empty())
        .collect();
    let strange = incidents.iter().find(|wallet| **wallet != WALLET);
    ensure!(strange.is_none(), "h1 tells of the miner of h2");
    Ok(())
}

fn doctor(rig: &Rig) -> Result<()> {
    let said = rig.ssh().output("h1", "minewarden doctor")?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let row = said.lines().find(|line| line.starts_with("PID namespace")).unwrap_or_default();
    ensure!(
        row.contains("not the host's"),
        "doctor does not say that the namespace is not the initial one: `{row}`"
    );
    println!("  doctor: {row}");
    Ok(())
}
