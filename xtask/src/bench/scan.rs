//! `cargo xtask bench scan`: how long a login waits for its notice while many new programs are executed.
//!
//! Owns the build and the way to root; what is measured is `tests/src/bin/bench-scan`.
use std::process::ExitCode;

use anyhow::Result;

use crate::run;

/// Measure logins while a thousand distinct programs and large ones are executed, as root
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments for the program that measures (`-- --help` lists them)
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    run::beside_agent("bench-scan", &options.args)
}
