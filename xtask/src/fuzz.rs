//! `cargo xtask fuzz`: builds the fuzz targets of `tests/fuzz`, runs them, and says what came of it.
//!
//! Everything that it makes lies under `target/fuzz`: the corpus, which the next run goes on from, and an input for
//! each failure. Needs a nightly and a C++ compiler; cargo-fuzz is installed to `target/tools` when it is missing.
mod report;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use self::report::Report;
use crate::{cargo, exec, object::toolchain::Compiler, setup};

/// The package, and what it is run with, relative to the workspace.
pub(crate) const MANIFEST: &str = "tests/fuzz/Cargo.toml";
const PACKAGE: &str = "tests/fuzz";
const DICTIONARY: &str = "tests/fuzz/mining.dict";
const OUT: &str = "target/fuzz";
/// Targets, each with the longest input that makes sense for it, in bytes.
const TARGETS: [(&str, u32); 5] =
    [("stratum", 16_384), ("evasion", 4_096), ("pcap", 65_536), ("decode", 8_192), ("recording", 16_384)];
/// An input that takes longer has hung; seconds. ASan makes everything several times slower.
const TIMEOUT: u32 = 10;
/// More memory than this is a failure; MiB. ASan keeps freed memory for a while: the rest is the target's own.
const RSS_LIMIT: u32 = 768;
const ASAN_OPTIONS: &str = "quarantine_size_mb=32:malloc_context_size=8";

/// Fuzz what reads bytes that others chose; ends with an error on a crash, a hang or growth
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which; one after the other when none is named
    #[arg(value_parser = TARGETS.map(|(name, _)| name))]
    targets: Vec<String>,
    /// How long for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Run one target on this file alone, to repeat a failure
    #[arg(long, conflicts_with = "seconds")]
    input: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    let chosen =
        |name: &str| options.targets.is_empty() || options.targets.iter().any(|target| target == name);
    let targets: Vec<_> = TARGETS.into_iter().filter(|(name, _)| chosen(name)).collect();
    if options.input.is_some() {
        ensure!(targets.len() == 1, "--input needs the name of one target");
    }
    let fuzzer = Fuzzer { compiler: Compiler::find()?, workspace };
    let mut failed = Vec::new();
    let mut reports = Vec::new();
    fuzzer.seed()?;
    for (name, longest) in targets {
        let program = fuzzer.build(name)?;
        if let Some(input) = &options.input {
            exec::run(fuzzer.command(&program).arg(input))?;
            continue;
        }
        let (status, report) = fuzzer.fuzz(name, &program, longest, options.seconds)?;
        reports.push(format!("{name}: {report}"));
        if !status.success() || report.slow > 0 {
            reports.push(format!("{name}: FAILED ({status}); the inputs are in {OUT}/artifacts/{name}"));
            failed.push(name);
        }
    }
    reports.iter().for_each(|line| println!("{line}"));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Fuzzer {
    workspace: PathBuf,
    compiler: Compiler,
}

impl Fuzzer {
    /// Puts the golden conversations in every shape into the corpus.
    fn seed(&self) -> Result<()> {
        let mut seeds = cargo::cargo(&self.workspace);
        seeds.args(["run", "--quiet", "--locked", "--bin", "seeds", "--manifest-path"]);
        seeds.args([MANIFEST, "--target-dir", OUT, "--", &format!("{OUT}/corpus")]);
        exec::run(&mut seeds)
    }

    fn build(&self, target: &str) -> Result<PathBuf> {
        let cargo_fuzz = setup::cargo_fuzz(&self.workspace)?;
        let mut build = Command::new(cargo_fuzz);
        // cargo-fuzz calls the cargo that rustup gives for this toolchain.
        build.current_dir(&self.workspace).env("RUSTUP_TOOLCHAIN", &self.compiler.toolchain);
        for outer in ["CARGO", "RUSTC", "CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            build.env_remove(outer);
        }
        build.args(["fuzz", "build", "--fuzz-dir", PACKAGE, "--target-dir", OUT, target]);
        exec::run(&mut build)?;
        let program = self.workspace.join(OUT).join(&self.compiler.host).join("release").join(target);
        ensure!(program.is_file(), "cargo-fuzz built no {}", program.display());
        Ok(program)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.workspace).env("ASAN_OPTIONS", ASAN_OPTIONS);
        command.args([format!("-timeout={TIMEOUT}"), format!("-rss_limit_mb={RSS_LIMIT}")]);
        command
    }

    /// Runs the program for that long; what it prints goes to a log.
    fn fuzz(&self, name: &str, program: &Path, longest: u32, seconds: u32) -> Result<(ExitStatus, Report)> {
        let out = self.workspace.join(OUT);
        let (corpus, artifacts) = (out.join("corpus").join(name), out.join("artifacts").join(name));
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&artifacts)?;
        let log = out.join(format!("{name}.log"));
        println!("{name}: fuzzing for {seconds} s, log in {}", log.display());
        let mut command = self.command(program);
        command.args([format!("-max_total_time={seconds}"), format!("-max_len={longest}")]);
        command.args([&format!("-dict={DICTIONARY}"), "-print_final_stats=1", "-report_slow_units=2"]);
        command.arg(format!("-artifact_prefix={}/", artifacts.display())).arg(&corpus);
        let mut child =
            command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot run {command:?}"))?;
        let mut report = Report::default();
        let mut log = fs::File::create(log)?;
        for line in BufReader::new(child.stderr.take().context("no standard error")?).split(b'\n') {
            let line = line?;
            log.write_all(&line)?;
            log.write_all(b"\n")?;
            if let Some(news) = report.read(&String::from_utf8_lossy(&line)) {
                println!("{name}: {news}");
            }
        }
        let status = child.wait()?;
        if status.success() && report.runs == 0 {
            bail!("{name} ran no input: see its log");
        }
        report.count(&corpus)?;
        Ok((status, report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_the_package_is_run() {
        let workspace = cargo::workspace().unwrap();
        let manifest = fs::read_to_string(workspace.join(MANIFEST)).unwrap();
        let mut listed: Vec<_> =
            manifest.lines().filter_map(|line| line.strip_prefix("path = \"targets/")).collect();
        listed.sort_unstable();
        let mut run = TARGETS.map(|(name, _)| format!("{name}.rs\""));
        run.sort_unstable();
        assert_eq!(listed, run);
    }
}
