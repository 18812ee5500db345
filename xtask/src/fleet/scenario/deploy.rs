//! `cargo xtask deploy` over ssh to five hosts, the fifth of which may load no eBPF program: what it says, what it
//! does, and that all of it can be taken back.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::super::{
    host::{Snapshot, traces},
    rig::Rig,
    xtask::{Table, Xtask},
};
use crate::{object::toolchain::text, testbed::tools};

/// Tracing programs see every container of the kernel: each agent keeps to its own.
const CONFIG: &str = "[watch]\ncgroup = \"own\"\n";
const WELL: [&str; 4] = ["h1", "h2", "h3", "h4"];
const BROKEN: &str = "h5";
/// In the second package only.
const MARK: &str = "/usr/share/doc/minewarden/second-build";
const WALLET: &str =
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";

pub(super) fn run(rig: &Rig) -> Result<()> {
    tools::require("the scenario `deploy`", &[("dpkg-deb", "dpkg")])?;
    let packages = rig.packages();
    rig.fresh(5, &[5])?;
    let all = [&WELL[..], &[BROKEN]].concat();
    let before = snapshots(rig, &all)?;
    let xtask = Xtask::new(rig, &all, CONFIG)?;
    first(rig, &xtask, packages)?;
    untouched(rig, &before)?;
    again(rig, &xtask, packages)?;
    finds(rig)?;
    there_and_back(rig, &xtask, packages)?;
    untouched(rig, &before)?;
    removed(rig, &xtask, &before)
}

fn snapshots(rig: &Rig, hosts: &[&str]) -> Result<BTreeMap<String, Snapshot>> {
    hosts.iter().map(|host| Ok(((*host).to_owned(), Snapshot::take(rig.ssh(), host)?))).collect()
}

/// Four are installed and run; the fifth is refused, and told why.
fn first(rig: &Rig, xtask: &Xtask, packages: &Path) -> Result<()> {
    let table = xtask.deploy(packages, &[])?;
    table.expect_status(1)?;
    for host in WELL {
        table.expect(host, "install", "ok")?;
    }
    table.expect_last("4 ok, 1 refused")?;
    let there = traces(rig.ssh(), "h1")?;
    for trace in ["/usr/bin/minewarden", "/etc/minewarden", "Package: minewarden"] {
        ensure!(there.iter().any(|line| line == trace), "after deploy there is no {trace} on h1");
    }
    let reason = table.reason(BROKEN)?;
    ensure!(reason.contains("would not work there"), "{BROKEN} is refused because `{reason}`");
    states(rig).map(drop)
}

/// Main pid and invocation of each agent; an error where one does not run.
fn states(rig: &Rig) -> Result<BTreeMap<&'static str, String>> {
    let state = |host: &'static str| {
        let show = "systemctl is-active minewarden && systemctl show -p MainPID -p InvocationID minewarden";
        let state = rig.ssh().run(host, show)?;
        ensure!(state.starts_with("active\n"), "the agent of {host} is {state}");
        Ok((host, state))
    };
    WELL.into_iter().map(state).collect()
}

/// The broken host is what it was.
fn untouched(rig: &Rig, before: &BTreeMap<String, Snapshot>) -> Result<()> {
    let traces = traces(rig.ssh(), BROKEN)?;
    ensure!(traces.is_empty(), "on {BROKEN} there is {}", traces.join(", "));
    unchanged(rig, BROKEN, before)
}

fn unchanged(rig: &Rig, host: &str, before: &BTreeMap<String, Snapshot>) -> Result<()> {
    let before = before.get(host).with_context(|| format!("no snapshot of {host}"))?;
    let changes = before.changes(&Snapshot::take(rig.ssh(), host)?);
    ensure!(changes.is_empty(), "{host} has changed: {}", changes.join(", "));
    Ok(())
}

/// A second deployment changes nothing: the same processes, the same files.
fn again(rig: &Rig, xtask: &Xtask, packages: &Path) -> Result<()> {
    let (running, files) = (states(rig)?, snapshots(rig, &WELL)?);
    let table = xtask.deploy(packages, &[])?;
    table.expect_status(1)?;
    for host in WELL {
        table.expect(host, "unchanged", "ok")?;
        unchanged(rig, host, &files)?;
    }
    ensure!(states(rig)? == running, "a second deployment started an agent again");
    Ok(())
}

/// What was deployed does its work.
fn finds(rig: &Rig) -> Result<()> {
    rig.put_miner("h1")?;
    let pid = rig.mine("h1", WALLET)?;
    let entry = rig.await_incident("h1", pid)?;
    ensure!(entry.is("MINEWARDEN_WALLET", WALLET), "the wallet is `{}`", entry.get("MINEWARDEN_WALLET"));
    rig.remove_miner("h1")
}

/// Another package of the same version, and back to the one before.
fn there_and_back(rig: &Rig, xtask: &Xtask, packages: &Path) -> Result<()> {
    let first = states(rig)?;
    let second = second_package(packages, rig.fleet().folder())?;
    let table = xtask.deploy(&second, &[])?;
    for host in WELL {
        table.expect(host, "reinstall", "ok")?;
        rig.ssh().run(host, &format!("test -f {MARK}"))?;
    }
    let between = states(rig)?;
    let table = xtask.table(&["deploy", "--rollback"])?;
    table.expect_status(1)?;
    for host in WELL {
        table.expect(host, "roll back", "ok")?;
        rig.ssh().run(host, &format!("test ! -e {MARK}"))?;
    }
    table.expect(BROKEN, "roll back", "refused")?;
    let last = states(rig)?;
    let same = WELL
        .iter()
        .find(|host| between.get(*host) == first.get(*host) || between.get(*host) == last.get(*host));
    ensure!(same.is_none(), "the agent of {} was not started again", same.unwrap_or(&""));
    Ok(())
}

/// The folder of packages again, with one file more in the .deb.
fn second_package(packages: &Path, into: &Path) -> Result<PathBuf> {
    let folder = into.join("second");
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(packages)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let to = folder.join(&name);
        if name.ends_with(".deb") {
            let tree = into.join("second-tree");
            text(Command::new("dpkg-deb").arg("-R").arg(entry.path()).arg(&tree))?;
            let mark = tree.join(MARK.trim_start_matches('/'));
            fs::write(&mark, "made by a test\n").with_context(|| mark.display().to_string())?;
            text(Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&tree).arg(&to))?;
        } else if name.starts_with("minewarden") && !name.ends_with(".debug") {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(folder)
}

/// Everything is taken back: each host is what it was before.
fn removed(rig: &Rig, xtask: &Xtask, before: &BTreeMap<String, Snapshot>) -> Result<()> {
    let table: Table = xtask.table(&["undeploy"])?;
    table.expect_status(0)?;
    for host in before.keys() {
        table.expect(host, "remove", "ok")?;
        let traces = traces(rig.ssh(), host)?;
        ensure!(traces.is_empty(), "left on {host}: {}", traces.join(", "));
        unchanged(rig, host, before)?;
    }
    Ok(())
}
