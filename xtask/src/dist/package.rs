//! The packages themselves, each made by the tool of its kind from what is staged.
use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{artifacts::Artifacts, epoch::Epoch, epoch::VARIABLE, stage, stage::Stage};
use crate::{cargo::cargo, exec, object::digest, setup};

/// Beside the files in the archive.
const INSTALLER: &str = "monitor/assets/packaging/install.sh";

/// The .deb, by cargo-deb: monitor/Cargo.toml says what is in it.
pub(super) fn deb(workspace: &Path, artifacts: &Artifacts, target: &str, epoch: Epoch) -> Result<()> {
    let mut command = Command::new(setup::packager(workspace, "cargo-deb")?);
    command.current_dir(workspace).env(VARIABLE, epoch.seconds().to_string());
    command.args(["deb", "--package", "monitor", "--no-build", "--no-strip", "--locked", "--quiet"]);
    command.args(["--target", target, "--deb-version", &format!("{}-1", artifacts.version())]);
    exec::run(command.arg("--output").arg(artifacts.deb()))
}

/// The .rpm, by cargo-generate-rpm, likewise.
pub(super) fn rpm(workspace: &Path, artifacts: &Artifacts, target: &str, epoch: Epoch) -> Result<()> {
    let mut command = Command::new(setup::packager(workspace, "cargo-generate-rpm")?);
    command.current_dir(workspace).env(VARIABLE, epoch.seconds().to_string());
    command.args(["generate-rpm", "--package", "monitor", "--auto-req", "disabled", "--target", target]);
    command.args(["--set-metadata", &format!("version = \"{}\"", artifacts.version())]);
    exec::run(command.arg("--output").arg(artifacts.rpm()))
}

/// The archive: an install script, the list of what it installs, and the files.
pub(super) fn archive(workspace: &Path, stage: &Stage, artifacts: &Artifacts, epoch: Epoch) -> Result<()> {
    let folder = tempfile::tempdir_in(workspace.join("target"))?;
    let top = folder.path().join(artifacts.archive_root());
    let mut list = String::new();
    for (path, staged) in stage.files(&[stage.root(), stage.other()])? {
        let mode = if path.starts_with("usr/bin") { "0755" } else { "0644" };
        let kind = if path.starts_with("etc") { "config" } else { "file" };
        list.push_str(&format!("{kind} {mode} {}\n", path.display()));
        let place = top.join("files").join(&path);
        stage::copy(&staged, &place)?;
    }
    fs::write(top.join("files.list"), list)?;
    stage::copy(&workspace.join(INSTALLER), &top.join("install.sh"))?;
    stage::set_mode(&top.join("install.sh"), 0o755)?;
    let tar = folder.path().join("archive.tar");
    let mut command = Command::new("tar");
    command.args(["--create", "--sort=name", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner"]);
    // Whatever umask the files were made under.
    command.args(["--mode=u+rw,go+r-w,a+X", &format!("--mtime=@{}", epoch.seconds()), "--file"]).arg(&tar);
    exec::run(command.arg("--directory").arg(folder.path()).arg(artifacts.archive_root()))?;
    stage::gzip(&tar)?;
    stage::copy(&folder.path().join("archive.tar.gz"), &artifacts.archive())
}

/// `DIGEST  NAME` lines, as `sha256sum --check` reads them.
pub(super) fn sums(artifacts: &Artifacts) -> Result<String> {
    let mut out = String::new();
    for path in artifacts.summed() {
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let name = path.file_name().context("an artifact without a name")?.to_string_lossy();
        out.push_str(&format!("{}  {name}\n", digest::sha256(&bytes)));
    }
    fs::write(artifacts.sums(), &out).with_context(|| artifacts.sums().display().to_string())?;
    Ok(out)
}

/// The version in the workspace's manifest.
pub(super) fn version(workspace: &Path) -> Result<String> {
    let mut command = cargo(workspace);
    let id = crate::object::toolchain::text(command.args(["pkgid", "--package", "monitor"]))?;
    let version = id.trim().rsplit(['@', '#']).next().unwrap_or_default();
    Ok(version.to_owned())
}
