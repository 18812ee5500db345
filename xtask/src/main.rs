//! `cargo xtask`: builds, runs, tests and checks minewarden.
//!
//! One file per subcommand. Each says what it does; none needs a manual step before it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "xtask talks to a person at a terminal")]
mod bench;
mod build;
mod cargo;
mod corpus;
mod demo;
mod deploy;
mod dist;
mod ebpf;
mod exec;
mod fleet;
mod fuzz;
mod lint;
mod object;
mod root;
mod run;
mod setup;
mod test;
mod testbed;
mod tidy;
mod vm;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Builds, runs, tests and checks minewarden
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Xtask {
    Setup(setup::Options),
    Build(build::Options),
    Ebpf(ebpf::Options),
    Run(run::Options),
    Demo(demo::Options),
    Test(test::Options),
    Corpus(corpus::Options),
    Lint(lint::Options),
    Dist(dist::Options),
    Fuzz(fuzz::Options),
    Bench(bench::Options),
    Fleet(fleet::Options),
    Vm(vm::Options),
    Deploy(deploy::Options),
    Undeploy(deploy::undeploy::Options),
    Status(deploy::status::Options),
}

fn main() -> ExitCode {
    match dispatch(&Xtask::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(xtask: &Xtask) -> Result<ExitCode> {
    match xtask {
        Xtask::Setup(options) => setup::run(options).map(|()| ExitCode::SUCCESS),
        Xtask::Ebpf(options) => ebpf::run(options).map(|()| ExitCode::SUCCESS),
        Xtask::Build(options) => build::run(options),
        Xtask::Run(options) => run::run(options),
        Xtask::Demo(options) => demo::run(options),
        Xtask::Test(options) => test::run(options),
        Xtask::Corpus(options) => corpus::run(options),
        Xtask::Lint(options) => lint::run(options),
        Xtask::Dist(options) => dist::run(options),
        Xtask::Fuzz(options) => fuzz::run(options),
        Xtask::Bench(options) => bench::run(options),
        Xtask::Fleet(options) => fleet::run(options),
        Xtask::Vm(options) => vm::run(options),
        Xtask::Deploy(options) => deploy::run(options),
        Xtask::Undeploy(options) => deploy::undeploy::run(options),
        Xtask::Status(options) => deploy::status::run(options),
    }
}
