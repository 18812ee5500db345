//! `cargo xtask build`: the agent as it is shipped.
use std::process::ExitCode;

use anyhow::Result;

use crate::{cargo, run};

/// Build the agent as it is shipped, one static file, and print where it is
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Unoptimised and linked dynamically: quicker to build
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    run::prepare(&workspace)?;
    let profile = if options.debug { "dev" } else { "release" };
    let built = cargo::build_agent(&workspace, profile, &["--bin", "minewarden"])?;
    println!("{}", built.executable("minewarden")?.display());
    Ok(ExitCode::SUCCESS)
}
