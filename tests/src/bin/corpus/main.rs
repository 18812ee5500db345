//! `corpus DIR`: how much labelled traffic the agent's pipeline finds, and how much it takes for mining that is none.
//!
//! Exit status 0 only when every threshold holds. The last line has the form of a test program's, a threshold being
//! a test, so that `cargo xtask test` counts it. Nothing of the corpus is written anywhere but to stdout.
mod captures;
mod count;
mod expect;
mod feed;
mod flow;
mod judge;
mod measure;
mod report;
mod table;
mod threshold;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::{
    feed::View,
    measure::Measured,
    table::Form,
    threshold::{Threshold, thresholds},
};

/// Measure what is found in a corpus of labelled traffic.
#[derive(Parser)]
struct Options {
    /// The folder that holds positives.jsonl.gz and the others
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Write tables as Markdown
    #[arg(long)]
    markdown: bool,
    /// Leave out the raw captures in DIR/pcaps
    #[arg(long)]
    no_captures: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "corpus: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every threshold holds.
fn run(options: &Options) -> Result<bool> {
    let begin = Instant::now();
    let flows = flow::load(&options.folder)?;
    let measured = Measured::of(&flows)?;
    let captures = if options.no_captures { None } else { cross_check(&options.folder, &measured)? };
    let thresholds = thresholds(&measured, captures.as_ref());
    let form = if options.markdown { Form::Markdown } else { Form::Text };
    let mut out = io::stdout().lock();
    report::write(&measured, captures.as_ref(), &thresholds, form, &mut out)?;
    let failed: Vec<_> = thresholds.iter().filter(|threshold| !threshold.holds()).collect();
    for Threshold { what, share, percent, .. } in &failed {
        writeln!(out, "failed: {what}: {share}, at least {percent} %")?;
    }
    let result = if failed.is_empty() { "ok" } else { "FAILED" };
    let (passed, failures) = (thresholds.len() - failed.len(), failed.len());
    let seconds = begin.elapsed().as_secs_f64();
    writeln!(
        out,
        "test result: {result}. {passed} passed; {failures} failed; 0 ignored; {} conversations in {seconds:.1} s",
        flows.len()
    )?;
    Ok(failed.is_empty())
}

fn cross_check(folder: &Path, measured: &Measured<'_>) -> Result<Option<captures::Captures>> {
    let whole = measured.view(View::Whole).context("the whole view was not measured")?;
    captures::check(&folder.join("pcaps"), whole)
}
