//! What a watched process puts in place of an executable, a script or a configuration to make the agent wait, or read
//! what it must not: refused and counted, and a miner elsewhere is found meanwhile.
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent::Agent,
    client::{STEP, python},
    elf::{Machine, Program},
    process::{Running, Signal},
    protocol::Dialect,
    require::Need,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::{
    Test,
    content::memory,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

mod hanging;
mod rooted;

/// A miner's, were it read.
const CONFIG: &str = r#"{"donate-level":1,"pools":[{"url":"pool.example:3333","user":"me","pass":"x"}]}"#;
/// Of a file with nothing in it; more than is read of any.
const SPARSE: u64 = 10 << 30;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("hostile::fifo", fifo),
        Test::new("hostile::sparse_file_of_10_gib", sparse),
        Test::new("hostile::link_out_of_the_root", rooted::links).needs(&[Need::NetTools]),
        Test::new("hostile::file_system_that_hangs", hanging::files).needs(&[Need::Fuse]),
        Test::new("hostile::name_that_hangs", hanging::names).needs(&[Need::Fuse]),
        Test::new("hostile::stuck_thread_is_replaced", hanging::stuck).needs(&[Need::Fuse]),
    ]
}

/// An agent, a folder for what is hostile to it, and the counters at its end.
struct Bench {
    folder: tempfile::TempDir,
    agent: Agent,
}

impl Bench {
    fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::Builder::new().prefix("minewarden-hostile-").tempdir()?,
            agent: Agent::start(&[])?,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn fifo(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        Ok(path)
    }

    /// `begin`, and nothing up to 10 GiB.
    fn sparse(&self, name: &str, begin: &[u8]) -> Result<PathBuf> {
        let path = self.path(name);
        let mut file = OpenOptions::new().create_new(true).write(true).open(&path)?;
        file.write_all(begin)?;
        file.set_len(SPARSE)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Another process logs in at a pool, and is found.
    fn finds_a_miner(&self, lab: &Lab, test: &str) -> Result<()> {
        let (pool, port) = lab.pool(test, Dialect::Cryptonote)?;
        let miner = lab.miner(test, Dialect::Cryptonote, port, &[])?;
        self.agent.confirmed(miner.pid(), FOUND)?;
        miner.finish()?;
        pool.finish()
    }

    /// The agent has told of `pid` by its arguments alone, and looked at its files.
    fn told_by_arguments(&self, pid: u32, fields: Vec<Field>) -> Result<()> {
        let mut all = vec![
            Field::Is("rules", "argv.stratum-url".into()),
            Field::Is("script_sha256", String::new()),
            Field::Has("ancestry", format!("[{pid}]")),
        ];
        all.extend(fields);
        expect::told(&self.agent, pid, STEP, &all).map(drop)
    }

    /// Ends the agent while everything else still runs: it must not be held up. No configuration of `hostile` was read.
    fn counters(self, test: &str, hostile: &[u32]) -> Result<BTreeMap<String, u64>> {
        let most = memory(self.agent.pid())?;
        let stopped = self.agent.stop(Signal::TERM)?;
        let counters = stopped.stopped_well()?.counters();
        let about = hostile.iter().flat_map(|pid| stopped.about(*pid));
        let read: Vec<_> =
            about.filter(|notice| notice.rules().contains(&"argv.config".to_owned())).collect();
        ensure!(read.is_empty(), "a configuration was read: {read:?}");
        let shown: BTreeMap<_, _> = counters.iter().filter(|(name, n)| **n > 0 && is_refusal(name)).collect();
        println!("{test}: most memory {most} kB, {shown:?}");
        Ok(counters)
    }
}

fn is_refusal(name: &str) -> bool {
    ["refused", "large", "stuck", "panicked", "failed"].iter().any(|end| name.ends_with(end))
}

/// Each of these counters has at least this number.
fn at_least(counters: &BTreeMap<String, u64>, wanted: &[(&str, u64)]) -> Result<()> {
    for (name, least) in wanted {
        ensure!(counters.get(*name) >= Some(least), "{name} is not {least} or more: {counters:?}");
    }
    Ok(())
}

/// No thread of the agent was held up.
fn none_stuck(counters: &BTreeMap<String, u64>) -> Result<()> {
    let stuck: Vec<_> = counters.iter().filter(|(name, n)| name.ends_with(".stuck") && **n > 0).collect();
    ensure!(stuck.is_empty(), "held up: {stuck:?}");
    Ok(())
}

/// A pool for each: makes an incident of its own of a process that stays, and with it a look-up of executable and
/// script.
fn url(name: &str) -> String {
    format!("stratum+tcp://{name}.example:3333")
}

fn start(name: &str, program: impl Into<OsString>, args: &[&Path]) -> Result<Running> {
    let mut command = Command::new(program.into());
    command.args(args);
    Running::spawn(name, &mut command)
}

/// A program that waits, and looks at none of its arguments; each with a content of its own.
fn waiting(mark: &str) -> Vec<u8> {
    let machine = if cfg!(target_arch = "aarch64") { Machine::Aarch64 } else { Machine::X86_64 };
    Program { machine, ..Program::new(vec![mark.as_bytes()]) }.bytes()
}

fn fifo(lab: &Lab) -> Result<()> {
    const TEST: &str = "hostile::fifo";
    let bench = Bench::new()?;
    let (script, config) = (bench.fifo("fifo.py")?, bench.fifo("fifo.json")?);
    // Python waits in open(2) for someone to write.
    let pool = url("fifo");
    let args = [&script, Path::new("-c"), &config, Path::new("-o"), Path::new(&pool)];
    let mut python = start("python", python()?, &args)?;
    let script = script.display().to_string();
    bench.told_by_arguments(python.pid(), vec![Field::Is("script", script)])?;
    bench.finds_a_miner(lab, TEST)?;
    ensure!(python.ended().is_none(), "it has ended\n{}", python.dump());
    let counters = bench.counters(TEST, &[python.pid()])?;
    at_least(&counters, &[("setup-refused", 1), ("digest-refused", 1)])?;
    none_stuck(&counters)
}

fn sparse(lab: &Lab) -> Result<()> {
    const TEST: &str = "hostile::sparse";
    let bench = Bench::new()?;
    let config = bench.sparse("config.json", CONFIG.as_bytes())?;
    let program = bench.sparse("program", &waiting("sparse"))?;
    // A shell reads as far as it runs; arguments of the system's own are not judged.
    let sh = bench.path("sh");
    fs::copy("/bin/sh", &sh)?;
    let script = bench.sparse("script.sh", b"read line\nexit 0\n")?;
    let (of_program, of_shell) = (url("sparse-program"), url("sparse-shell"));
    let args = [Path::new("-c"), &config, Path::new("-o"), Path::new(&of_program)];
    let mut running = start("program", &program, &args)?;
    let args = [&script, Path::new("-c"), &config, Path::new("-o"), Path::new(&of_shell)];
    let mut shell = start("shell", &sh, &args)?;
    let exe = Field::Is("exe", program.display().to_string());
    bench.told_by_arguments(running.pid(), vec![exe, Field::Is("sha256", String::new())])?;
    let script = Field::Is("script", script.display().to_string());
    bench.told_by_arguments(shell.pid(), vec![script])?;
    bench.finds_a_miner(lab, TEST)?;
    for process in [&mut running, &mut shell] {
        ensure!(process.ended().is_none(), "it has ended\n{}", process.dump());
    }
    let counters = bench.counters(TEST, &[running.pid(), shell.pid()])?;
    at_least(&counters, &[("scan-large", 1), ("setup-refused", 2), ("digest-refused", 2)])?;
    none_stuck(&counters)
}

fn write_config(path: &Path) -> Result<()> {
    File::create(path).and_then(|mut file| file.write_all(CONFIG.as_bytes())).context("a configuration")
}

fn link(target: impl AsRef<Path>, name: &Path) -> Result<()> {
    symlink(target, name).with_context(|| name.display().to_string())
}
