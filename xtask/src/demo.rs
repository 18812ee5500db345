//! `cargo xtask demo`: the agent beside a pool and a miner of our own on loopback.
use std::process::ExitCode;

use anyhow::Result;

use crate::run;

/// Watch minewarden catch a harmless miner on loopback; succeeds only if it was found
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments for the demo program
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    run::beside_agent("demo", &options.args)
}
