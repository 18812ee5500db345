//! Programs from crates.io, installed under `target/tools` so that removing that folder undoes it.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{cargo, exec};

/// The cargo-deny that `deny.toml` was written for.
const CARGO_DENY: &str = "0.20.2";

/// The cargo-fuzz that `tests/fuzz` was written for.
const CARGO_FUZZ: &str = "0.13.2";

/// What makes packages, in the versions whose output is known to depend on its input alone.
const PACKAGERS: [(&str, &str); 2] = [("cargo-deb", "3.8.0"), ("cargo-generate-rpm", "0.21.1")];

/// Builds and installs one program.
pub(super) fn install(workspace: &Path, program: &str, version: &str, flags: &[&str]) -> Result<()> {
    let mut install = cargo::cargo(workspace);
    install.args(["install", "--quiet", "--locked", "--root", "target/tools", program]);
    // A wrapper's or a shared target folder would keep half a gigabyte of build products for one program.
    install.arg(format!("--version={version}")).args(flags).env_remove("CARGO_TARGET_DIR");
    exec::run(&mut install)
}

/// Installs cargo-deny where it is missing; unoptimised, since it builds in a third of the time and runs once.
pub(super) fn cargo_deny(workspace: &Path) -> Result<()> {
    if let Some(found) = find_cargo_deny(workspace) {
        println!("cargo-deny: {}", found.display());
        return Ok(());
    }
    println!(
        "cargo-deny is missing; it checks licences and sources of dependencies. Installing it to target/tools"
    );
    install(workspace, "cargo-deny", CARGO_DENY, &["--debug"])
}

/// Where cargo-fuzz is; installed where it is missing, unoptimised as cargo-deny is.
pub(crate) fn cargo_fuzz(workspace: &Path) -> Result<PathBuf> {
    let ours = workspace.join("target/tools/bin/cargo-fuzz");
    if !ours.is_file() {
        println!("cargo-fuzz is missing; it builds fuzz targets. Installing it to target/tools");
        install(workspace, "cargo-fuzz", CARGO_FUZZ, &["--debug"])?;
    }
    Ok(ours)
}

/// Where the packager of that name is; installed where it is missing, or of another version. Never one of PATH's:
/// another version may write other bytes.
pub(crate) fn packager(workspace: &Path, name: &str) -> Result<PathBuf> {
    let (name, version) =
        PACKAGERS.into_iter().find(|(known, _)| *known == name).context("no such packager")?;
    let ours = workspace.join("target/tools/bin").join(name);
    let installed = fs::read_to_string(workspace.join("target/tools/.crates.toml")).unwrap_or_default();
    if !ours.is_file() || !installed.contains(&format!("\"{name} {version} ")) {
        println!(
            "{name} {version} is missing; it makes packages. Installing it to target/tools, a minute or two"
        );
        install(workspace, name, version, &[])?;
    }
    Ok(ours)
}

/// Where cargo-deny is: ours, else one of PATH's.
pub(crate) fn find_cargo_deny(workspace: &Path) -> Option<PathBuf> {
    let ours = workspace.join("target/tools/bin/cargo-deny");
    ours.is_file().then_some(ours).or_else(|| exec::find("cargo-deny"))
}
