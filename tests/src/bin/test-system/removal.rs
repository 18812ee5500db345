//! After a reboot the agent is there by itself; removed and purged, nothing of it is.
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use aya::programs::loaded_programs;
use monitor::kernel::hooks::HOOKS;

use super::{
    checks::Checks,
    install::CONFIG,
    service,
    shell::{active, entries, outcome, property, run},
};

/// Where a package may leave something.
const ROOTS: [&str; 5] = ["/etc", "/usr", "/var", "/run", "/opt"];
/// The journal's own files: a purge does not take what was logged.
const JOURNALS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];

pub(crate) fn checks(checks: &mut Checks) {
    checks.check("after a reboot it runs by itself, before the system is up", boot);
    checks.check("after the reboot a miner is found", service::miner_is_found);
    checks.check("removal stops it and takes its programs out of the kernel", removal);
    checks.check("a purge leaves nothing", purge);
}

fn boot() -> Result<String> {
    let pid = active(None)?;
    let started = entries()?.into_iter().find(|entry| entry.event() == "agent-started");
    started.context("no agent-started in this boot")?;
    let own: u64 = property("ActiveEnterTimestampMonotonic")?.parse()?;
    let show =
        ["systemctl", "show", "--value", "--property", "ActiveEnterTimestampMonotonic", "multi-user.target"];
    let system: u64 = run(&show)?.parse()?;
    ensure!(own > 0 && own <= system, "active {own} us after boot, the system {system} us");
    let cycles = run(&["journalctl", "--no-pager", "-b", "-o", "cat", "_PID=1"])?;
    let cycle = cycles.lines().find(|line| line.contains("ordering cycle"));
    ensure!(cycle.is_none(), "{}", cycle.unwrap_or_default());
    Ok(format!(
        "pid {pid}, active {:.1} s after boot, multi-user.target {:.1} s",
        own as f64 / 1e6,
        system as f64 / 1e6
    ))
}

/// Programs in the kernel that have a name of ours.
fn programs() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for program in loaded_programs() {
        let program = program.context("cannot list programs")?;
        let name = program.name_as_str().unwrap_or_default();
        if HOOKS.iter().any(|hook| hook.program == name) {
            found.insert(name.to_owned());
        }
    }
    Ok(found)
}

fn removal() -> Result<String> {
    let before = programs()?;
    ensure!(!before.is_empty(), "the running agent has no program in the kernel");
    run(&["dpkg", "-r", "minewarden"])?;
    let state = property("ActiveState")?;
    ensure!(state == "inactive", "the service is {state}");
    let left = programs()?;
    ensure!(left.is_empty(), "still in the kernel: {left:?}");
    ensure!(Path::new(CONFIG).exists(), "{CONFIG} is gone before a purge");
    Ok(format!("{} programs before, none after; {CONFIG} is kept", before.len()))
}

fn purge() -> Result<String> {
    run(&["dpkg", "-P", "minewarden"])?;
    let mut left = Vec::new();
    ROOTS.iter().try_for_each(|root| named(Path::new(root), &mut left))?;
    ensure!(left.is_empty(), "left: {left:?}");
    for database in ["passwd", "group"] {
        let (there, entry) = outcome(&["getent", database, "minewarden"])?;
        ensure!(!there, "left in {database}: {entry}");
    }
    let units = run(&["systemctl", "list-unit-files", "--no-legend", "minewarden*"]).unwrap_or_default();
    ensure!(units.is_empty(), "left: {units}");
    Ok(format!("no file in {}, no user, no group, no unit", ROOTS.join(", ")))
}

/// Files and folders with our name in theirs.
fn named(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    // A folder may go while it is looked at.
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if JOURNALS.iter().any(|journal| path == Path::new(journal)) {
            continue;
        }
        if entry.file_name().to_string_lossy().contains("minewarden") {
            found.push(path);
        } else if entry.file_type()?.is_dir() {
            named(&path, found)?;
        }
    }
    Ok(())
}
