//! `cargo xtask fleet`: whole hosts on this one, as systemd-nspawn containers with systemd and sshd.
use std::process::ExitCode;

use anyhow::Result;

use crate::{
    cargo,
    testbed::image::{self, Recipe},
};

/// Packages that only some scenarios need.
const EXTRA: [&str; 1] = ["nginx-light"];

/// Run whole hosts as containers with systemd and sshd, and try a fleet of them
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Make the root tree that the hosts start from, or name the one that is there
    Image {
        /// Debian suite: bookworm, trixie
        #[arg(long, default_value = image::SUITE)]
        suite: String,
    },
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    match &options.action {
        Action::Image { suite } => {
            let tree = image::root(&workspace, &Recipe::new(suite)?.with(&EXTRA))?;
            println!("{}", tree.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
