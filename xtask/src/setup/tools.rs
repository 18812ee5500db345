//! Programs from crates.io, installed under `target/tools` so that removing that folder undoes it.
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::{cargo, exec};

/// The cargo-deny that `deny.toml` was written for.
const CARGO_DENY: &str = "0.20.2";

/// The cargo-fuzz that `tests/fuzz` was written for.
const CARGO_FUZZ: &str = "0.13.2";

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

/// Where cargo-deny is: ours, else one of PATH's.
pub(crate) fn find_cargo_deny(workspace: &Path) -> Option<PathBuf> {
    let ours = workspace.join("target/tools/bin/cargo-deny");
    ours.is_file().then_some(ours).or_else(|| exec::find("cargo-deny"))
}
