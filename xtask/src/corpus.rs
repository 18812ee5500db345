//! `cargo xtask corpus`: how much labelled traffic is found, and how much that is harmless.
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Result, ensure};

use crate::{cargo, exec, run};

/// The name of the program that measures.
pub(crate) const PROGRAM: &str = "corpus";

/// Measure what is found in a corpus of labelled traffic; succeeds only if every threshold holds
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The folder with positives.jsonl.gz and the others
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Write the tables as Markdown
    #[arg(long)]
    markdown: bool,
    /// Leave out the raw captures in DIR/pcaps
    #[arg(long)]
    no_captures: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    // Said before minutes of building.
    ensure!(options.folder.is_dir(), "{}: no such folder", options.folder.display());
    let workspace = cargo::workspace()?;
    run::prepare(&workspace)?;
    let built = cargo::build_agent(&workspace, "release", &["--bin", PROGRAM])?;
    let mut program = Command::new(built.executable(PROGRAM)?);
    program.arg(&options.folder);
    program.args(options.markdown.then_some("--markdown"));
    program.args(options.no_captures.then_some("--no-captures"));
    Err(exec::replace(&mut program))
}

/// Where a corpus lies on machines that have one: beside the checkout. None is part of it.
pub(crate) fn beside(workspace: &Path) -> PathBuf {
    workspace.join("../shared/corpus")
}
