//! The package is put on the system, and a newer one over it.
use std::{fs, os::unix::fs::MetadataExt as _};

use anyhow::{Context as _, Result, ensure};

use super::{
    checks::Checks,
    shell::{active, entries, main_pid, outcome, property, run},
};

/// Written by those who package; each must be there.
const FILES: [&str; 7] = [
    "/usr/bin/minewarden",
    "/usr/lib/systemd/system/minewarden.service",
    "/usr/lib/systemd/catalog/minewarden.catalog",
    CONFIG,
    "/usr/lib/sysusers.d/minewarden.conf",
    "/usr/lib/tmpfiles.d/minewarden.conf",
    "/usr/share/man/man1/minewarden.1.gz",
];
pub(crate) const CONFIG: &str = "/etc/minewarden/minewarden.toml";
const OLD: &str = "/payload/minewarden.deb";
const NEW: &str = "/payload/minewarden-newer.deb";
/// Marks of systemd-analyze: tenths of its exposure level that may not be passed.
const EXPOSURE: f64 = 2.8;
/// What an administrator changed.
pub(crate) const CHANGE: &str = "# changed by the administrator of this machine";

pub(crate) fn checks(checks: &mut Checks) {
    checks.check("the package installs", || {
        run(&["dpkg", "-i", OLD])?;
        status("install ok installed")
    });
    checks.check("its files are in place, and root's alone to write", files);
    checks.check("its configuration is a conffile", || {
        let conffiles = run(&["dpkg-query", "-W", "-f=${Conffiles}", "minewarden"])?;
        let line = conffiles.lines().find(|line| line.trim().starts_with(CONFIG));
        Ok(line.context("dpkg knows no such conffile")?.trim().to_owned())
    });
    checks.check("its group is there", || run(&["getent", "group", "minewarden"]));
    checks.check("its catalog explains its entries", || {
        let catalog = run(&["journalctl", "--no-pager", "--list-catalog"])?;
        let ours = catalog.lines().filter(|line| line.contains("minewarden:")).count();
        ensure!(ours > 0, "the catalog has no entry of minewarden");
        Ok(format!("{ours} entries of minewarden in journalctl --list-catalog"))
    });
    checks.check("systemd-analyze verify has no remark", || {
        let (well, text) = outcome(&["systemd-analyze", "verify", "--man=no", "minewarden.service"])?;
        // An unknown key alone is a remark and no failure.
        ensure!(well && text.is_empty(), "{text}");
        Ok("no output".to_owned())
    });
    checks.check("systemd-analyze security is low enough", exposure);
}

fn status(wanted: &str) -> Result<String> {
    let status = run(&["dpkg-query", "-W", "-f=${Status}, version ${Version}", "minewarden"])?;
    ensure!(status.starts_with(wanted), "{status}");
    Ok(status)
}

fn files() -> Result<String> {
    let listed = run(&["dpkg-query", "-L", "minewarden"])?;
    let listed: Vec<&str> = listed.lines().collect();
    let missing: Vec<&str> = FILES.into_iter().filter(|file| !listed.contains(file)).collect();
    ensure!(missing.is_empty(), "not in the package: {}", missing.join(", "));
    for file in &listed {
        let of = fs::symlink_metadata(file).with_context(|| (*file).to_owned())?;
        let open = !of.is_symlink() && of.mode() & 0o022 != 0;
        ensure!(of.uid() == 0 && !open, "{file}: uid {}, mode {:o}", of.uid(), of.mode());
    }
    Ok(format!("{} paths, {} of them by contract", listed.len(), FILES.len()))
}

fn exposure() -> Result<String> {
    let text = run(&["systemd-analyze", "security", "--no-pager", "minewarden.service"])?;
    let line = text.lines().rfind(|line| line.contains("Overall exposure level")).context("no level")?;
    let level = line.split_whitespace().find_map(|word| word.parse::<f64>().ok()).context("no number")?;
    ensure!(level <= EXPOSURE, "over {EXPOSURE}: {line}");
    Ok(line.trim().to_owned())
}

/// A newer version over it: another process, the same configuration.
pub(crate) fn upgrade(checks: &mut Checks) {
    checks.check("an upgrade restarts it and keeps the configuration", || {
        let before = main_pid().context("the service does not run")?;
        let old = run(&["dpkg-query", "-W", "-f=${Version}", "minewarden"])?;
        run(&["dpkg", "-i", NEW])?;
        let new = status("install ok installed")?;
        ensure!(!new.ends_with(&old), "the version is {old} still");
        let pid = active(Some(before))?;
        ensure!(fs::read_to_string(CONFIG)?.contains(CHANGE), "{CONFIG} lost its change");
        let started = entries()?.iter().filter(|entry| entry.event() == "agent-started").count();
        Ok(format!("{old}, then {new}; pid {before}, then {pid}; {started} starts; {}", property("Result")?))
    });
}
