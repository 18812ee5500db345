//! `cargo xtask fleet test`: runs the scenarios, each on hosts of its own making, and prints a table with times.
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    rig::{Programs, Rig},
    scenario::{ALL, Scenario},
    seconds,
};
use crate::{
    cargo, dist, run,
    testbed::{
        fleet::Fleet,
        image::{self, Recipe},
    },
};

/// Try a fleet: every scenario, or those that are named
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Scenarios by name; `--list` tells them
    scenarios: Vec<String>,
    /// List the scenarios
    #[arg(long)]
    list: bool,
    /// Take minewarden, test-miner and test-pool from this folder instead of building them as they are shipped
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Take the packages that are deployed from this folder instead of making them of the agent
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
    /// Debian suite of the hosts: bookworm, trixie
    #[arg(long, default_value = image::SUITE)]
    suite: String,
    /// How long the scenario `collector` leaves the collector stopped, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    outage: u64,
    /// Leave the hosts of the last scenario running, to look into them; `fleet down` ends them
    #[arg(long)]
    keep: bool,
}

impl Options {
    pub(super) fn suite(&self) -> &str {
        &self.suite
    }

    /// Packages as they are shipped, with the agent that was given or built: those in the folder that was given, else
    /// new ones, where a scenario that was chosen takes any.
    fn packages(&self, workspace: &Path, programs: &Programs) -> Result<PathBuf> {
        if let Some(folder) = &self.packages {
            return Ok(folder.clone());
        }
        let folder = workspace.join("target/testbed/packages");
        if choose(&self.scenarios)?.iter().any(|scenario| scenario.packages) {
            dist::run(&dist::Options::of_agent(&programs.agent, None, &folder))?;
        }
        Ok(folder)
    }

    /// Builds the programs and the packages, unless they were given; the arguments that give them to another run.
    pub(super) fn build_before(&self, workspace: &Path) -> Result<Vec<OsString>> {
        if self.list {
            return Ok(Vec::new());
        }
        let programs = programs(self.programs.as_deref(), workspace)?;
        let mut arguments: Vec<OsString> = Vec::new();
        if self.packages.is_none() {
            arguments.extend(["--packages".into(), self.packages(workspace, &programs)?.into()]);
        }
        if self.programs.is_none() {
            let folder = programs.agent.parent().context("the agent is in no folder")?;
            arguments.extend(["--programs".into(), folder.into()]);
        }
        Ok(arguments)
    }
}

pub(super) fn run(options: &Options, workspace: &Path, recipe: &Recipe) -> Result<ExitCode> {
    if options.list {
        ALL.iter().for_each(|scenario| println!("{:<12}{}", scenario.name, scenario.what));
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(&options.scenarios)?;
    Fleet::check()?;
    let programs = programs(options.programs.as_deref(), workspace)?;
    let tree = image::root(workspace, recipe)?;
    let outage = Duration::from_secs(options.outage);
    let packages = options.packages(workspace, &programs)?;
    let rig = Rig::new(workspace, tree, programs, packages, outage);
    let mut failed = 0;
    let mut rows = Vec::new();
    for scenario in &chosen {
        println!("== {}: {}", scenario.name, scenario.what);
        let start = Instant::now();
        let result = (scenario.run)(&rig);
        if let Err(error) = &result {
            failed += 1;
            println!("{}: FAILED: {error:#}", scenario.name);
        }
        rows.push((scenario.name, result.is_ok(), start.elapsed()));
    }
    if !options.keep {
        rig.fleet().down()?;
        let left = rig.fleet().left()?;
        ensure!(left.is_empty(), "still there after the last scenario: {}", left.join(", "));
    }
    println!("\n{:<12} {:<7} {:>8}", "scenario", "result", "time");
    for (name, passed, time) in rows {
        println!("{name:<12} {:<7} {:>8}", if passed { "passed" } else { "FAILED" }, seconds(time));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choose(names: &[String]) -> Result<Vec<&'static Scenario>> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let known = || ALL.map(|scenario| scenario.name).join(", ");
    let of = |name: &String| {
        let found = ALL.iter().find(|scenario| scenario.name == name);
        found.with_context(|| format!("no scenario {name}; there are {}", known()))
    };
    names.iter().map(of).collect()
}

/// The three programs, from `folder` or built.
fn programs(folder: Option<&Path>, workspace: &Path) -> Result<Programs> {
    let Some(folder) = folder else {
        run::prepare(workspace)?;
        let targets = ["--bin", "minewarden", "--bin", "test-miner", "--bin", "test-pool"];
        let built = cargo::build_agent(workspace, "release", &targets)?;
        let of = |name| built.executable(name).map(Path::to_owned);
        return Ok(Programs { agent: of("minewarden")?, miner: of("test-miner")?, pool: of("test-pool")? });
    };
    let of = |name: &str| {
        let file = folder.join(name);
        if !file.is_file() {
            bail!("--programs: there is no {}", file.display());
        }
        Ok(file)
    };
    Ok(Programs { agent: of("minewarden")?, miner: of("test-miner")?, pool: of("test-pool")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_chosen_by_name() {
        assert_eq!(choose(&[]).unwrap().len(), ALL.len());
        let one = choose(&["guest".to_owned()]).unwrap();
        assert_eq!(one.iter().map(|scenario| scenario.name).collect::<Vec<_>>(), ["guest"]);
        let error = choose(&["no".to_owned()]).err().unwrap();
        assert!(error.to_string().starts_with("no scenario no; there are "), "{error}");
    }

    #[test]
    fn a_folder_without_the_programs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = programs(Some(folder.path()), Path::new("/")).err().unwrap();
        assert!(error.to_string().contains("there is no"), "{error}");
    }
}
