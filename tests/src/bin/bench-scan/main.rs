//! How long it takes from a login to its notice: on an idle agent (A), and while many new programs are executed (B),
//! in turns. `cargo xtask bench scan` builds and runs it.
//!
//! Prints figures. Exit status 1 only when a login was not told, a program was not searched, or the agent lost
//! something; never for a time.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are for reading")]
mod figures;
mod storm;

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Parser;
use minewarden_tests::{
    agent::{self, Agent, Ended},
    cgroup::Cgroup,
    client::{Client, STEP},
    notice::Notice,
    process::Signal,
    protocol::Dialect,
    wallet,
};
use serde_json::Value;

use figures::{Times, Usage};
use storm::Storm;

/// From a login to its notice, at most; what takes longer was not told.
const TOLD: Duration = Duration::from_secs(30);

/// Losses that any process of the host can cause, as by files on a file system that does not answer; nothing here does.
const STRANGE: [&str; 5] = [
    "lost.worker.setup.",
    "lost.worker.lookup.stuck",
    "lost.worker.name.",
    "lost.worker.owner.",
    "lost.worker.sweep.",
];

/// Measure logins beside executions of new programs.
#[derive(Clone, Parser)]
struct Options {
    /// The agent's binary; without it, `minewarden` beside this program
    #[arg(long)]
    agent: Option<PathBuf>,
    /// Times that A and B are done
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Logins in each A and each B
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    logins: u32,
    /// Seconds that A and B last each, over which logins and executions are spread evenly
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Distinct programs executed in each B
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    programs: u32,
    /// Size of each, KiB
    #[arg(long, default_value_t = 1_024)]
    kib: usize,
    /// Seconds between executions of a program of 100 MB, which has changed each time
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    large_every: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-scan: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "the agent loads programs into the kernel: use sudo");
    let storms =
        (0..options.rounds).map(|round| Storm::prepare(options, round)).collect::<Result<Vec<_>>>()?;
    let binary = options.agent.clone().map_or_else(agent::binary, Ok)?;
    let agent = Agent::start_binary(&binary, &[], &[], agent::START)?;
    let pool = Client::start("test-pool", &words(&[&beside("test-pool")?, "--dialect", "cryptonote"]))?;
    let bench = Bench { options, agent, pool: format!("127.0.0.1:{}", pool.port()?) };
    println!("agent: {}, pid {}, {}", binary.display(), bench.agent.pid(), bench.usage()?);
    let (mut idle, mut busy, mut executed) = (Times::default(), Times::default(), 0);
    for (round, storm) in (1..).zip(storms) {
        idle.extend(bench.phase(&format!("round {round} A"), None)?.0);
        let (times, count) = bench.phase(&format!("round {round} B"), Some(storm))?;
        busy.extend(times);
        executed += count;
    }
    println!("A, idle:               {idle}");
    println!("B, with {executed:5} programs: {busy}");
    println!("B to A: {}", busy.ratio(&idle));
    let after = bench.usage()?;
    let ended = bench.agent.stop(Signal::TERM)?;
    println!("agent: {after}");
    pool.finish()?;
    judge(&ended, executed)
}

struct Bench<'a> {
    options: &'a Options,
    agent: Agent,
    pool: String,
}

impl Bench<'_> {
    fn usage(&self) -> Result<Usage> {
        Usage::of(self.agent.pid())
    }

    /// Logins spread over the time, beside the storm where there is one. Times of the logins, and how many programs
    /// were executed.
    fn phase(&self, name: &str, storm: Option<Storm>) -> Result<(Times, u64)> {
        figures::forget_peak(self.agent.pid())?;
        let (before, begin) = (self.usage()?, Instant::now());
        let stormy = storm.map(|storm| thread::spawn(move || storm.rage()));
        let mut times = Times::default();
        for number in 0..self.options.logins {
            let due = Duration::from_secs(self.options.seconds) * number / self.options.logins;
            thread::sleep(due.saturating_sub(begin.elapsed()));
            times.push(self.log_in(&format!("{name} {number}"))?);
        }
        let executed = stormy.map(|storm| storm.join().map_err(|_| anyhow!("the storm panicked"))?);
        let executed = executed.transpose()?.unwrap_or_default();
        let taken = self.usage()?.since(&before);
        println!("{name}: {times}; {executed} programs in {:.1} s; {taken}", begin.elapsed().as_secs_f64());
        Ok((times, executed))
    }

    /// One login by a process in a cgroup of its own, so that it is an incident of its own: time from the login's last
    /// byte to the notice.
    fn log_in(&self, name: &str) -> Result<Duration> {
        let cgroup = Cgroup::create()?;
        let wallet = wallet::address(Dialect::Cryptonote, name);
        let miner = beside("test-miner")?;
        let argv =
            [&miner, "--dialect", "cryptonote", "--pool", &self.pool, "--wallet", &wallet, "--shares", "0"];
        let miner = Client::start("test-miner", &cgroup.wrap(words(&argv)))?;
        let sent = miner.says("sent", STEP)?;
        let sent = sent.get("unix_nanos").and_then(Value::as_u64).context("no time in `sent`")?;
        let told = self.agent.confirmed_at(miner.pid(), TOLD).with_context(|| name.to_owned())?;
        miner.finish()?;
        Ok(told.duration_since(UNIX_EPOCH)?.saturating_sub(Duration::from_nanos(sent)))
    }
}

/// Nothing is lost, and everything that was executed was searched.
fn judge(ended: &Ended, executed: u64) -> Result<()> {
    let stopped: &Notice = ended.stopped_well()?;
    let counters = stopped.counters();
    let named = |name: &str| counters.get(name).copied().with_context(|| format!("no counter {name}"));
    let shown = ["scan-files", "scan-failed", "scan-large", "scan-refused", "lost.worker.scan.dropped"];
    for name in shown.into_iter().chain(["lost.worker.scan.stuck", "lost.worker.scan.late", "exec"]) {
        println!("{name}: {}", named(name)?);
    }
    let lost = counters.iter().filter(|(name, n)| name.starts_with("lost.") && **n > 0);
    let (strange, lost): (Vec<_>, Vec<_>) =
        lost.partition(|(name, _)| STRANGE.iter().any(|s| name.starts_with(s)));
    println!("lost by what others on this host do: {strange:?}");
    ensure!(lost.is_empty(), "lost: {lost:?}");
    let searched = named("scan-files")?;
    ensure!(searched >= executed, "{executed} programs were executed and {searched} searched");
    Ok(())
}

/// The path of a program that is built beside this one.
fn beside(name: &str) -> Result<String> {
    let path = env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing: run `cargo build -p minewarden-tests --bins`", path.display());
    path.into_os_string().into_string().ok().context("this folder has an odd name")
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
