//! `cargo xtask setup`: brings what building the eBPF object from source needs, and says why.
//!
//! Idempotent; touches the network only for what is missing.
pub(crate) mod debian;
mod library;
mod tools;

pub(crate) use self::tools::{cargo_fuzz, find_cargo_deny, packager};

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    cargo, exec,
    object::{
        short,
        toolchain::{self, Compiler, LINKER, PINNED, text},
    },
};

/// Install what building the eBPF object from source needs (a plain build of the agent needs none of it)
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Also install cargo-deny, which `cargo xtask lint` runs when it is there
    #[arg(long)]
    lint: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let workspace = cargo::workspace()?;
    toolchain(&workspace)?;
    if options.lint {
        tools::cargo_deny(&workspace)?;
    }
    println!("crates: fetching what Cargo.lock names and is not here yet, so that builds work offline");
    exec::run(cargo::cargo(&workspace).args(["fetch", "--locked", "--quiet"]))?;
    println!("done. To undo: remove target/tools and the folder that holds the library source.");
    Ok(())
}

/// Compiler, library source, linker.
pub(crate) fn toolchain(workspace: &Path) -> Result<()> {
    let compiler = compiler()?;
    println!(
        "compiler: {} is rustc {} ({}); BPF is a tier 3 target, which only a nightly can build",
        compiler.toolchain,
        compiler.release,
        short(&compiler.commit)
    );
    library::provide(workspace, &compiler)?;
    match toolchain::linker(workspace) {
        Ok(folder) => println!("bpf-linker: {LINKER} is in {}", folder.display()),
        Err(why) => {
            println!(
                "{why}; it links BPF code and writes BTF. Installing it to target/tools, about a minute"
            );
            tools::install(workspace, "bpf-linker", LINKER, &[])?;
        }
    }
    Ok(())
}

/// The nightly that is there, else the pinned one from rustup, with what the object and its lints need.
fn compiler() -> Result<Compiler> {
    let why = match Compiler::find() {
        Err(why) if exec::find("rustup").is_some() => why,
        found => return found,
    };
    println!("{why:#}. Installing it; `rustup toolchain uninstall {PINNED}` undoes that");
    let install = ["toolchain", "install", PINNED, "--profile", "minimal", "--component", "rust-src,clippy"];
    // A rustup that cannot reach its server may panic, with a backtrace that helps nobody.
    text(Command::new("rustup").args(install).env("RUST_BACKTRACE", "0")).context("no nightly toolchain")?;
    Compiler::find()
}
