//! Builds a second time from a copy of the tree in another folder, and compares.
use std::{env, fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::{artifacts::Artifacts, epoch::Epoch, epoch::VARIABLE, package, stage};
use crate::{exec, object::toolchain::text};

/// The artifacts of a build elsewhere have the same bytes. The copy has no build products: everything is compiled
/// anew, and nothing of it is kept.
pub(super) fn compare(
    workspace: &Path,
    artifacts: &Artifacts,
    epoch: Epoch,
    options: &[String],
) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("minewarden-again-").tempdir()?;
    let copy = folder.path().join("a folder with another, longer name").join("tree");
    println!("dist: building again in {}", copy.display());
    for name in text(Command::new("git").current_dir(workspace).args(["ls-files"]))?.lines() {
        let from = workspace.join(name);
        if from.is_file() {
            stage::copy(&from, &copy.join(name))?;
        }
    }
    tools(workspace, &copy)?;
    let mut again = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    again.current_dir(&copy).env(VARIABLE, epoch.seconds().to_string());
    // Else it would be the first build's folder.
    again.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_MANIFEST_DIR");
    exec::run(again.args(["xtask", "dist", "--no-checks"]).args(options))?;
    let other = Artifacts::new(&copy.join("target/dist"), artifacts.version(), artifacts.architecture());
    let (first, second) = (fs::read_to_string(artifacts.sums())?, package::sums(&other)?);
    for (one, two) in first.lines().zip(second.lines()) {
        println!(
            "dist: {one}{}",
            if one == two { "  the same twice".to_owned() } else { format!(", then {two}") }
        );
    }
    ensure!(first == second, "two builds of the same tree differ");
    Ok(())
}

/// The packagers are the same; only what they package is made anew.
fn tools(workspace: &Path, copy: &Path) -> Result<()> {
    let ours = workspace.join("target/tools");
    fs::create_dir_all(copy.join("target"))?;
    std::os::unix::fs::symlink(&ours, copy.join("target/tools")).with_context(|| ours.display().to_string())
}
