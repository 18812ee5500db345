//! `cargo xtask lint`: format, clippy for the host and for BPF, dependencies, and the tidy checks.
use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Result, bail};

use crate::{
    cargo::{self, cargo},
    exec, fuzz,
    object::{compile, toolchain::Compiler},
    run, setup, tidy,
};

/// Check format, lints, dependencies and house rules; runs all, then names what failed
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail when a check cannot run because its tool is missing
    #[arg(long)]
    all: bool,
}

/// What a check came to.
enum Verdict {
    Clean,
    /// Its tool is missing: which, and how to get it.
    Skipped(String),
}

type Check = fn(&Path) -> Result<Verdict>;

const CHECKS: [(&str, Check); 5] = [
    ("format", format),
    ("clippy", clippy),
    ("clippy for BPF", clippy_bpf),
    ("dependencies", dependencies),
    ("house rules", house_rules),
];

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    run::prepare(&workspace)?;
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        println!("lint: {name}");
        match check(&workspace) {
            Ok(Verdict::Clean) => {}
            Ok(Verdict::Skipped(why)) => {
                println!("lint: {name}: SKIPPED: {why}");
                failed.extend(options.all.then_some(name));
            }
            Err(error) => {
                println!("lint: {name}: {error:#}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        println!("lint: nothing to complain about");
        return Ok(ExitCode::SUCCESS);
    }
    println!("lint: failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

fn format(workspace: &Path) -> Result<Verdict> {
    clean(cargo(workspace).args(["fmt", "--all", "--check"]))?;
    clean(cargo(workspace).args(["fmt", "--check", "--manifest-path", fuzz::MANIFEST]))
}

fn clippy(workspace: &Path) -> Result<Verdict> {
    clean(cargo(workspace).args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-Dwarnings"]))
}

/// The kernel side is empty for the host's clippy.
fn clippy_bpf(workspace: &Path) -> Result<Verdict> {
    let command = Compiler::find()
        .and_then(|compiler| compile::cargo(workspace, &compiler, "clippy", &workspace.join("target/ebpf")));
    match command {
        Ok(mut clippy) => clean(clippy.args(["--quiet", "--lib", "--bins", "--", "-Dwarnings"])),
        Err(why) => Ok(Verdict::Skipped(format!("{why:#}; `cargo xtask setup` brings it"))),
    }
}

/// Advisories change without us and need the network: they are not a matter of this tree. The fuzz targets have a lock
/// file of their own, which a new dependency of the agent leaves behind.
fn dependencies(workspace: &Path) -> Result<Verdict> {
    let mut locked = cargo(workspace);
    locked.args(["metadata", "--locked", "--format-version", "1", "--manifest-path", fuzz::MANIFEST]);
    clean(locked.stdout(Stdio::null()))?;
    let Some(deny) = setup::find_cargo_deny(workspace) else {
        return Ok(Verdict::Skipped("no cargo-deny; `cargo xtask setup --lint` brings it".to_owned()));
    };
    let mut check = Command::new(deny);
    check.current_dir(workspace).args(["--log-level", "warn", "--locked", "--all-features"]);
    clean(check.args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))
}

fn house_rules(workspace: &Path) -> Result<Verdict> {
    let broken = tidy::check(workspace)?;
    if broken.is_empty() {
        return Ok(Verdict::Clean);
    }
    bail!("{} broken\n{}", broken.len(), broken.join("\n"))
}

fn clean(command: &mut Command) -> Result<Verdict> {
    exec::run(command).map(|()| Verdict::Clean)
}
