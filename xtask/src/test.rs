//! `cargo xtask test`: every test, the privileged ones as root, and one honest sum at the end.
mod tally;

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use self::tally::Tally;
use crate::{
    cargo::{self, cargo},
    corpus, root, run,
};

/// Tests' package.
const PACKAGE: &str = "minewarden-tests";
/// With this set to 1 a live test that cannot run has failed.
const REQUIRE_LIVE: &str = "MINEWARDEN_REQUIRE_LIVE";
/// The same for the one that needs Docker.
const REQUIRE_DOCKER: &str = "MINEWARDEN_REQUIRE_DOCKER";
/// The same for those that need Prometheus.
const REQUIRE_PROMETHEUS: &str = "MINEWARDEN_REQUIRE_PROMETHEUS";
/// The same for those of the collector, which need nginx and systemd-journal-remote.
const REQUIRE_COLLECTOR: &str = "MINEWARDEN_REQUIRE_COLLECTOR";
/// Tells the tests which agent to run.
const AGENT: &str = "MINEWARDEN_AGENT";

/// Run the tests: all, or those named
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which; all when none is named
    suites: Vec<Suite>,
    /// Test an unoptimised agent: quicker to build than the one that is shipped
    #[arg(long)]
    debug: bool,
    /// Arguments for the test programs, such as part of a test's name
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Tests of the workspace's libraries and programs
    Unit,
    /// Captures through the agent, against golden answers
    Replay,
    /// The agent's command line
    Cli,
    /// The bundled rules, against programs that hold their marks
    Rules,
    /// The unit, its drop-ins and the manifests, against systemd's and Kubernetes' own checkers
    Assets,
    /// Labelled traffic against thresholds, on machines that have a corpus beside the checkout
    Corpus,
    /// The real kernel and journald; as root, through sudo when you are not
    Live,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    run::prepare(&workspace)?;
    let suites = if options.suites.is_empty() { Suite::value_variants() } else { &options.suites };
    let mut runner =
        Runner { workspace, agent: None, args: &options.args, total: Tally::default(), failed: Vec::new() };
    if suites.iter().any(|suite| !matches!(suite, Suite::Unit | Suite::Corpus)) {
        runner.agent = Some(runner.build_agent(options.debug)?);
    }
    for suite in suites {
        runner.suite(*suite)?;
    }
    if runner.total.ignored > 0 {
        println!("ignored: {}", runner.total.ignored);
    }
    if !runner.failed.is_empty() {
        println!("failed: {} (the failed tests are named where each suite ends)", runner.failed.join(", "));
    }
    println!("{} passed, {} failed", runner.total.passed, runner.total.failed);
    Ok(if runner.total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Runner<'a> {
    workspace: PathBuf,
    agent: Option<PathBuf>,
    args: &'a [String],
    total: Tally,
    failed: Vec<&'static str>,
}

impl Runner<'_> {
    fn build_agent(&self, debug: bool) -> Result<PathBuf> {
        let profile = if debug { "dev" } else { "release" };
        let built = cargo::build_agent(&self.workspace, profile, &["--bin", "minewarden"])?;
        Ok(built.executable("minewarden")?.to_owned())
    }

    fn suite(&mut self, suite: Suite) -> Result<()> {
        match suite {
            Suite::Unit => {
                let workspace = self.cargo_test(&["--workspace", "--exclude", PACKAGE]);
                // Libraries and programs of the tests' own package; its suites follow one by one.
                let tests = self.cargo_test(&["--package", PACKAGE, "--lib", "--bins"]);
                self.count("unit", [workspace, tests])
            }
            Suite::Replay => {
                self.count("replay", [self.cargo_test(&["--package", PACKAGE, "--test", "replay"])])
            }
            Suite::Cli => self.count("cli", [self.cargo_test(&["--package", PACKAGE, "--test", "cli"])]),
            Suite::Rules => {
                self.count("rules", [self.cargo_test(&["--package", PACKAGE, "--test", "rules"])])
            }
            Suite::Assets => self.count(
                "assets",
                [self.cargo_test(&["--package", PACKAGE, "--test", "unit", "--test", "kubernetes"])],
            ),
            Suite::Corpus => self.corpus(),
            Suite::Live => self.live(),
        }
    }

    fn cargo_test(&self, args: &[&str]) -> Command {
        let mut command = cargo(&self.workspace);
        command.args(["test", "--no-fail-fast"]).args(args).arg("--").args(self.args);
        if let Some(agent) = &self.agent {
            command.env(AGENT, agent);
        }
        command
    }

    /// Each threshold counts as a test. The program is the unoptimised one: it shares what the tests' build made.
    fn corpus(&mut self) -> Result<()> {
        let folder = corpus::beside(&self.workspace);
        if !folder.is_dir() {
            println!("corpus: not run: {} is not there", folder.display());
            return Ok(());
        }
        let build = ["build", "--package", PACKAGE, "--bin", corpus::PROGRAM];
        let mut program = Command::new(cargo::build(&self.workspace, &build)?.executable(corpus::PROGRAM)?);
        program.arg(folder);
        self.count("corpus", [program])
    }

    /// The test program is built as ourselves and only run as root, from the folder that cargo would choose.
    fn live(&mut self) -> Result<()> {
        let build = ["test", "--no-run", "--package", PACKAGE, "--test", "live"];
        let program = cargo::build(&self.workspace, &build)?.executable("live")?.to_owned();
        let package = self.workspace.join("tests");
        let agent = self.agent.as_ref().context("the live tests need an agent")?;
        let mut variables =
            vec![(AGENT, agent.clone().into_os_string()), ("CARGO_MANIFEST_DIR", package.clone().into())];
        let passed_on = [
            REQUIRE_LIVE,
            REQUIRE_DOCKER,
            REQUIRE_PROMETHEUS,
            REQUIRE_COLLECTOR,
            "RUST_BACKTRACE",
            "RUST_LOG",
        ];
        for name in passed_on {
            variables.extend(env::var_os(name).map(|value| (name, value)));
        }
        match root::command(&program, &variables) {
            Ok(mut command) => {
                command.current_dir(&package).arg("--test-threads=1").args(self.args);
                self.count("live", [command])
            }
            Err(why) => {
                println!("live: not run: {why:#}");
                if env::var_os(REQUIRE_LIVE) == Some(OsString::from("1")) {
                    println!("live: counted as a failure, since {REQUIRE_LIVE}=1");
                    self.total.failed += 1;
                    self.failed.push("live");
                }
                Ok(())
            }
        }
    }

    /// Runs a suite's commands, shows what they print, and adds what their test programs say to the sum.
    fn count(&mut self, suite: &'static str, commands: impl IntoIterator<Item = Command>) -> Result<()> {
        let mut tally = Tally::default();
        for mut command in commands {
            println!("{suite}: {command:?}");
            let mut one = Tally::default();
            let status = one.watch(&mut command, &mut std::io::stdout())?;
            if one.close(status.success()) {
                println!("{suite}: failed before or after its tests, counted as a failure ({status})");
            }
            tally.add(&one);
        }
        if self.args.is_empty() && tally.expect_some() {
            println!("{suite}: ran no test, counted as a failure");
        }
        if tally.failed > 0 {
            self.failed.push(suite);
        }
        self.total.add(&tally);
        Ok(())
    }
}
