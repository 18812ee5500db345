//! `cargo xtask run`: builds the agent and runs it on this host.
use std::{path::Path, process::ExitCode};

use anyhow::Result;

use crate::{
    cargo, exec,
    object::{self, Committed},
    root, setup,
};

/// Build minewarden and watch this host, as root (through sudo when you are not)
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments for `minewarden run`
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    prepare(&workspace)?;
    let built = cargo::build_agent(&workspace, "release", &["--bin", "minewarden"])?;
    let mut agent = root::command(built.executable("minewarden")?, &[])?;
    Err(exec::replace(agent.arg("run").args(&options.args)))
}

/// Builds the agent and the tests' own programs as shipped, and becomes one of those, as root, beside the agent.
pub(crate) fn beside_agent(program: &str, args: &[String]) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    prepare(&workspace)?;
    let built = cargo::build_agent(&workspace, "release", &["--bins"])?;
    let mut command = root::command(built.executable(program)?, &[])?;
    Err(exec::replace(command.arg("--agent").arg(built.executable("minewarden")?).args(args)))
}

/// What a build needs: nothing when the committed object is current, else the BPF toolchain.
pub(crate) fn prepare(workspace: &Path) -> Result<()> {
    match object::committed(workspace)? {
        Committed::Current { .. } => Ok(()),
        Committed::Unusable(why) => {
            println!("{why}: it will be built from source");
            setup::toolchain(workspace)
        }
    }
}
