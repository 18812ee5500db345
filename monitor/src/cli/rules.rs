//! `minewarden rules`: lists every rule, or searches files for miners by their content.
//!
//! Owns the list's look. Must not know how a rule is judged.
use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use serde::Serialize;

use crate::detect::{RULES, Rule};

pub mod catalog;
mod scan;
mod walk;

use catalog::{Catalog, ContentRule};

/// Options of `rules`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Search every regular file at or below PATH by the rules of content, instead of listing rules
    #[arg(long, value_name = "PATH", num_args = 1..)]
    scan: Vec<PathBuf>,
    /// Take the YARA rules of FILE too
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Print JSON: one object, or one for each file that matches and one for the sum
    #[arg(long)]
    json: bool,
}

/// Prints the list; or searches, with status 0 when nothing matched, 1 when something did, 2 when nothing matched and
/// something could not be searched.
///
/// # Errors
/// A file of rules that cannot be read or compiled; stdout.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let catalog = Catalog::new(&args.rules)?;
    if !args.scan.is_empty() {
        return scan::scan(&catalog, walk::Walk::new(&args.scan), args.json);
    }
    let list = List { rules: RULES.iter().map(|rule| Row::from(*rule)).collect(), content: catalog.rules() };
    let text = if args.json { serde_json::to_string(&list)? + "\n" } else { list.table() };
    io::stdout().write_all(text.as_bytes()).context("stdout")?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct List {
    rules: Vec<Row>,
    content: Vec<ContentRule>,
}

/// A rule of the detectors.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    family: &'static str,
    weight: u32,
    proof: bool,
    sees: &'static str,
}

impl From<&Rule> for Row {
    fn from(rule: &Rule) -> Self {
        let &Rule { name, weight, proof, sees, .. } = rule;
        Self { name, family: family(name), weight, proof, sees }
    }
}

/// The family's name: rules are named `family.what`.
pub(super) fn family(rule: &'static str) -> &'static str {
    rule.split('.').next().unwrap_or(rule)
}

impl List {
    fn table(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        for row in &self.rules {
            let _ = writeln!(out, "{:<24} {:<12} {:>3}  {}", row.name, row.family, row.weight, row.sees);
        }
        out.push_str("\nThe content of an executable, or of memory where it is packed, is judged by:\n");
        for rule in &self.content {
            let _ = writeln!(out, "{:<24} {:<16}  {}", rule.name, rule.file, rule.description);
        }
        out.push_str("\nminewarden explain RULE says more of one.\n");
        out
    }
}
