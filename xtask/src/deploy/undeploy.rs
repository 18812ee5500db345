//! `cargo xtask undeploy`: takes everything back, and shows that nothing is left.
//!
//! Owns the proof's wording. Must not know how anything got there.
use std::{process::ExitCode, sync::Arc, time::Instant};

use anyhow::Result;

use super::{
    Fleet, Run,
    crew::{Step, seconds},
    host::Host,
    plan::fact,
    process::plain,
    shell::{CHANGE, Facts, Shell},
    ssh::Ssh,
    table::{self, Outcome, Row},
};

const PURGE: &str = include_str!("scripts/purge.sh");

/// Remove minewarden from hosts: package, configuration, rules, state, and show that nothing is left
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: Fleet,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Some(run) = Run::new(&options.fleet)? else { return Ok(ExitCode::from(2)) };
    let rows = run.each(|number, host, ssh, step| remove(options.dry_run, number, host, ssh, step));
    if !options.json {
        println!("entries that are in the journal stay there\n");
    }
    Ok(table::print(&rows, options.json))
}

fn remove(dry_run: bool, number: usize, host: &Host, ssh: &Arc<Ssh>, step: &Step<'_>) -> Row {
    let begin = Instant::now();
    let mut row = Row::new(host.label());
    row.action = "remove";
    let (outcome, reason) = match attempt(dry_run, number, host, ssh, step, &mut row) {
        Ok(ended) => ended,
        Err((outcome, error)) => (outcome, plain(&format!("{error:#}"))),
    };
    row.seconds = seconds(begin);
    row.ended(outcome, reason)
}

fn attempt(
    dry_run: bool,
    number: usize,
    host: &Host,
    ssh: &Arc<Ssh>,
    step: &Step<'_>,
    row: &mut Row,
) -> Result<(Outcome, String), (Outcome, anyhow::Error)> {
    step.says("connecting");
    let shell = Shell::open(host, number, ssh).map_err(|error| (Outcome::Unreachable, error))?;
    let facts = shell.look().map_err(|error| (Outcome::Refused, error))?;
    fact(&facts, "kernel").clone_into(&mut row.kernel);
    fact(&facts, "version").clone_into(&mut row.before);
    if dry_run {
        row.after.clone_from(&row.before);
        let how = fact(&facts, "installed");
        let what = if how.is_empty() { "no package" } else { how };
        return Ok((
            Outcome::Planned,
            format!("would be removed: {what}, configuration, rules, state, cache, group"),
        ));
    }
    step.says("removing");
    let proof = shell.staged(1024, |folder| shell.facts(PURGE, &[folder], CHANGE));
    let proof = proof.map_err(|error| (Outcome::Failed, error))?;
    let left = fact(&proof, "left");
    if left.is_empty() {
        let was = if row.before.is_empty() { "was not installed; " } else { "" };
        return Ok((Outcome::Ok, was.to_owned() + &nothing_left(&proof)));
    }
    Err((Outcome::Failed, anyhow::anyhow!("left: {left}")))
}

/// What was looked for and not found.
fn nothing_left(proof: &Facts) -> String {
    let (files, programs) = (fact(proof, "files"), fact(proof, "programs"));
    let asked = if fact(proof, "asked") == "bpftool" {
        "bpftool asked"
    } else {
        "no process holds one; no bpftool to ask the kernel"
    };
    format!(
        "nothing left: none of the package's {files} files, no configuration, state, cache, unit, user, group, catalog \
         entry or process; none of the {programs} BPF programs that it ran ({asked})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_says_how_programs_were_looked_for() {
        let mut proof: Facts = [("files", "31"), ("programs", "9")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        assert!(nothing_left(&proof).contains("no bpftool to ask the kernel"));
        proof.insert("asked".to_owned(), "bpftool".to_owned());
        let text = nothing_left(&proof);
        assert!(text.contains("none of the package's 31 files"), "{text}");
        assert!(text.ends_with("none of the 9 BPF programs that it ran (bpftool asked)"), "{text}");
    }
}
