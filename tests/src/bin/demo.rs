//! The demo: the agent beside a pool and a miner of our own on loopback, until the incident is told and read back
//! from the journal. Ends everything that it started.
//!
//! Exit status 0 only when the incident of exactly the miner's process was confirmed, the pool's process has none,
//! no secret was written anywhere, and the entry was read back (where the host can have a journald).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the demo is for reading")]
use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Parser;
use minewarden_tests::{
    agent::{self, Agent},
    client::Client,
    journald::{self, Journald},
    notice::Notice,
    process::Signal,
    protocol::Dialect,
    wait, wallet,
};

/// All of the demo has to be over by then.
const DEADLINE: Duration = Duration::from_secs(30);
/// The pool password of the demo's miner.
const SECRET: &str = "demo-Secret-4711";
const WORKER: &str = "garage-rig";
const CLIENT: &str = "test-miner/1.0";
const DIALECT: Dialect = Dialect::Cryptonote;

/// Watch minewarden find a harmless miner.
#[derive(Parser)]
struct Options {
    /// The agent's binary; without it, `minewarden` beside this program.
    #[arg(long)]
    agent: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "the demo loads programs into the kernel, so it has to run as root: use sudo"
    );
    let binary = options.agent.map_or_else(agent::binary, Ok)?;
    let clock = Clock { begin: Instant::now() };
    let journald = clock.journald();
    let mut sinks = vec!["--sink", "journald"];
    if journald.is_none() {
        sinks.clear();
    }
    let since = SystemTime::now();
    let agent = Agent::start_binary(&binary, &sinks, &[], clock.left())?;
    clock.say(&format!(
        "agent: {} run --sink json {} (pid {}): watching",
        binary.display(),
        sinks.join(" "),
        agent.pid()
    ));
    let (pool, miner) = clock.conversation()?;
    let notice = clock.found(&agent, &miner)?;
    let pool_pid = pool.pid();
    let entry =
        journald.as_ref().map(|journald| clock.read_back(journald, &agent, since, &notice)).transpose()?;
    miner.finish()?;
    pool.finish()?;
    let ended = agent.stop(Signal::TERM)?;
    clock.say(&format!("agent: ended in good order; {}", tally(ended.stopped_well()?)));
    ensure!(ended.about(pool_pid).is_empty(), "the pool's process has an incident\n{}", ended.dump);
    let written = format!("{}{}", ended.output, entry.as_deref().unwrap_or_default());
    ensure!(!written.contains(SECRET), "the miner's password was written");
    clock.say(&format!("the pool (pid {pool_pid}) has no incident, and the miner's password is nowhere"));
    drop(journald);
    clock.say("everything that was started has ended. Found: yes");
    Ok(())
}

/// Time since the demo began; every step is told with it and has to end in time.
struct Clock {
    begin: Instant,
}

impl Clock {
    fn say(&self, line: &str) {
        println!("[{:4.1} s] {line}", self.begin.elapsed().as_secs_f64());
    }

    fn left(&self) -> Duration {
        DEADLINE.saturating_sub(self.begin.elapsed())
    }

    fn journald(&self) -> Option<Journald> {
        let journald = match Journald::ensure() {
            Ok(journald) => journald,
            Err(error) => {
                self.say(&format!("journald: not possible on this host, so without it: {error:#}"));
                return None;
            }
        };
        self.say(&journald.own_pid().map_or_else(
            || "journald: this host's own".to_owned(),
            |pid| format!("journald: none runs on this host; started one for the demo (pid {pid})"),
        ));
        Some(journald)
    }

    fn conversation(&self) -> Result<(Client, Client)> {
        let pool = Client::start("test-pool", &words(&[&beside("test-pool")?, "--dialect", DIALECT.name()]))?;
        let address = format!("127.0.0.1:{}", pool.port()?);
        self.say(&format!("pool: test-pool on {address} (pid {}), {}", pool.pid(), DIALECT.name()));
        let wallet = wallet::address(DIALECT, "demo");
        let argv = words(&[
            &beside("test-miner")?,
            "--dialect",
            DIALECT.name(),
            "--pool",
            &address,
            "--wallet",
            &wallet,
            "--worker",
            WORKER,
            "--agent",
            CLIENT,
            "-p",
            SECRET,
        ]);
        let miner = Client::start("test-miner", &argv)?;
        self.say(&format!(
            "miner: test-miner to {address} (pid {}), with a password in its arguments",
            miner.pid()
        ));
        miner.says("done", self.left())?;
        self.say("miner: logged in, three shares accepted");
        Ok((pool, miner))
    }

    /// Waits for the confirmed incident of the miner with all that is to be said of it, and shows it.
    fn found(&self, agent: &Agent, miner: &Client) -> Result<Notice> {
        let mut lacks = vec!["any notice of it".to_owned()];
        let what = format!("the confirmed incident of pid {}", miner.pid());
        let found = wait::until(&what, self.left(), || {
            let notice = agent.notices().into_iter().rfind(|notice| notice.confirms(miner.pid()))?;
            lacks = lacking(&notice);
            lacks.is_empty().then_some(notice)
        });
        let notice = found
            .map_err(|error| anyhow!("{error}; the newest lacks: {}\n{}", lacks.join(", "), agent.dump()))?;
        self.say("found:");
        print!("{}", notice.describe());
        let sum: Vec<String> =
            notice.weights().iter().map(|(rule, weight)| format!("{rule} {weight}")).collect();
        ensure!(
            notice.number("score") == Some(u64::from(notice.sum())),
            "the weights do not add up: {sum:?}"
        );
        println!(
            "    {:<10} {} -> {} (of a family the strongest counts, families add)",
            "sum",
            sum.join(", "),
            notice.sum()
        );
        Ok(notice)
    }

    /// Shows the command that reads the entry, runs it, and gives the whole entry as text.
    fn read_back(
        &self,
        journald: &Journald,
        agent: &Agent,
        since: SystemTime,
        notice: &Notice,
    ) -> Result<String> {
        let id = notice.text("id");
        journald.wait_for("the incident", agent.pid(), since, self.left(), |entry| entry.text("id") == id)?;
        let seconds = since.duration_since(UNIX_EPOCH)?.as_secs();
        let incident = format!("MINEWARDEN_INCIDENT={}", notice.text("incident"));
        let arguments = ["-t", "minewarden", "--no-pager", "--since", &format!("@{seconds}"), &incident];
        self.say(&format!("read back with: journalctl {}", arguments.join(" ")));
        let shown = Command::new("journalctl").args(arguments).output().context("cannot run journalctl")?;
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        shown.lines().for_each(|line| println!("    {line}"));
        ensure!(shown.contains("minewarden"), "journalctl shows no entry");
        let entries = journald::written_by(&journald.entries(since)?, agent.pid());
        Ok(entries.iter().fold(shown, |text, entry| format!("{text}\n{}", entry.value())))
    }
}

/// What the agent counted, without zeros.
fn tally(stopped: &Notice) -> String {
    let counters = stopped.counters();
    let lost = counters.keys().any(|name| name.starts_with("lost.") && counters.get(name) != Some(&0));
    let counted = counters.iter().filter(|(_, count)| **count > 0);
    let counted: Vec<String> = counted.map(|(name, count)| format!("{count} {name}")).collect();
    format!("it saw {}{}", counted.join(", "), if lost { "" } else { ", and lost nothing" })
}

/// Names of the fields that a person needs and that are not there.
fn lacking(notice: &Notice) -> Vec<String> {
    let needed = ["exe", "cmdline", "user", "remote"].into_iter().filter(|key| notice.text(key).is_empty());
    let told = [
        ("dialect", DIALECT.name().to_owned()),
        ("wallet", wallet::address(DIALECT, "demo")),
        ("worker", WORKER.to_owned()),
        ("agent", CLIENT.to_owned()),
    ];
    let wrong = told.into_iter().filter(|(key, value)| notice.text(key) != *value).map(|(key, _)| key);
    needed.chain(wrong).map(str::to_owned).collect()
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
