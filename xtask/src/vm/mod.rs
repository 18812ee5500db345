//! `cargo xtask vm`: the agent on kernels of other releases, in virtual machines.
//!
//! Each kernel starts from an archive that holds the agent as it is shipped, the live tests, our own pool and miner, the
//! C library that those are linked with, and nothing else. The tests that need no more than a kernel run; the others say that they did not. `--image` tries the
//! package on a whole system instead.
mod archive;
mod boot;
mod disk;
mod kernels;
mod machine;
mod module;
mod outcome;
mod system;
mod table;
mod told;

use std::{
    collections::VecDeque,
    num::NonZero,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use anyhow::{Result, anyhow};

use self::{boot::Programs, kernels::Kernel, machine::Accelerator, system::Trial, table::Column};
use crate::{cargo, run as prepare, testbed::image};

/// The tests' own programs that go into a machine.
const OTHERS: [&str; 4] = ["test-exec", "test-hang", "test-miner", "test-pool"];

/// Try the agent on kernels of other releases, in virtual machines; succeeds only if all of them are as they should be
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which, by version (6.1) or Debian suite (bookworm); without one, all
    kernels: Vec<String>,
    /// Machines at a time, of 1.5 GiB each; without it as many as there are processors, four at most
    #[arg(long, default_value_t = at_a_time(), value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
    /// What runs the machines' instructions
    #[arg(long, value_enum, default_value_t = Accelerator::Auto)]
    accel: Accelerator,
    /// Look for newer kernels than those that were downloaded before
    #[arg(long)]
    refresh: bool,
    /// Print the table as Markdown too
    #[arg(long)]
    markdown: bool,
    /// Try the .deb on a whole system instead: install, sandbox, limits, upgrade, reboot, removal; as root
    #[arg(long, conflicts_with_all = ["kernels", "jobs", "refresh", "markdown"])]
    image: bool,
    /// The .deb for --image; without it the newest in target/dist
    #[arg(long, value_name = "FILE", requires = "image")]
    package: Option<PathBuf>,
    /// The Debian suite for --image
    #[arg(long, requires = "image", default_value = image::SUITE)]
    suite: String,
}

/// Two on two processors are done in three quarters of the time.
fn at_a_time() -> u8 {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    u8::try_from(processors.min(4)).unwrap_or(1)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    machine::require()?;
    if options.image {
        let package = options.package.as_deref();
        return system::run(&Trial { package, suite: &options.suite, accelerator: options.accel });
    }
    let kernels = kernels::find(&workspace, &options.kernels, options.refresh)?;
    prepare::prepare(&workspace)?;
    let programs = programs(&workspace)?;
    let begin = Instant::now();
    let columns = boot_all(&workspace, &kernels, &programs, options)?;
    print!("\n{}", table::text(&columns));
    if options.markdown {
        print!("\n{}", table::markdown(&columns));
    }
    println!("\nkernels: {}; {} s, {} at a time", columns.len(), begin.elapsed().as_secs(), options.jobs);
    let mut well = true;
    for Column { told, .. } in &columns {
        for problem in told.problems() {
            well = false;
            println!("{}: {problem}", told.release);
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds what goes into the machines: the agent as it is shipped, the tests as `cargo test` has them.
fn programs(workspace: &Path) -> Result<Programs> {
    let agent = cargo::build_agent(workspace, "release", &["--bin", "minewarden"])?;
    let tests = cargo::build_live(workspace)?;
    let path = |name: &str| tests.executable(name).map(Path::to_owned);
    Ok(Programs {
        init: path("test-init")?,
        agent: agent.executable("minewarden")?.to_owned(),
        live: path("live")?,
        others: OTHERS.iter().map(|name| path(name)).collect::<Result<Vec<PathBuf>>>()?,
    })
}

/// Boots every kernel, so many at a time; in the order in which they were given.
fn boot_all(
    workspace: &Path,
    kernels: &[Kernel],
    programs: &Programs,
    options: &Options,
) -> Result<Vec<Column>> {
    let Some(first) = kernels.first() else { return Ok(Vec::new()) };
    let accelerator = options.accel.decide(&first.image);
    println!("accelerator: {}", accelerator.name());
    let results: Vec<Mutex<Option<Result<Column>>>> = kernels.iter().map(|_| Mutex::default()).collect();
    let queue: Mutex<VecDeque<_>> = Mutex::new(kernels.iter().zip(&results).collect());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while let Some((kernel, result)) = next() {
                    let folder = workspace.join("target/testbed/vm").join(kernel.series());
                    println!("{}: booting", kernel.release);
                    let column = boot::boot(kernel, programs, accelerator, &folder);
                    tell(kernel, &column);
                    *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(column);
                }
            });
        }
    });
    let take = |result: Mutex<Option<Result<Column>>>| {
        let column = result.into_inner().unwrap_or_else(PoisonError::into_inner);
        column.unwrap_or_else(|| Err(anyhow!("a machine was not run")))
    };
    results.into_iter().map(take).collect()
}

/// What a machine told, while others run.
fn tell(kernel: &Kernel, column: &Result<Column>) {
    let Ok(Column { told, took }) = column else { return };
    for line in &told.lines {
        println!("{}: {line}", kernel.release);
    }
    for (name, outcome) in told.tests.iter().filter(|(_, outcome)| *outcome != "ignored") {
        println!("{}: {outcome:<6} {name}", kernel.release);
    }
    println!(
        "{}: {} ok, {} failed, {} not run, for want of more than a kernel; {} s",
        kernel.release,
        told.count("ok"),
        told.count("failed"),
        told.count("ignored"),
        took.as_secs()
    );
}
