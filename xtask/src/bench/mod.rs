//! `cargo xtask bench`: measurements whose figures are published, each with the input it makes itself.
use std::process::ExitCode;

use anyhow::Result;

mod capture;
mod conversation;
mod measure;
mod packet;
mod random;
mod replay;
mod scan;
mod talk;

/// Measure what the documentation states figures for
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Replay(replay::Options),
    Scan(scan::Options),
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    match &options.what {
        What::Replay(options) => replay::run(options),
        What::Scan(options) => scan::run(options),
    }
}
