//! A file system in user space whose server does not answer.
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use anyhow::{Result, ensure};
use minewarden_tests::{
    client::{STEP, python},
    process::Running,
    wait,
};

use super::{Bench, at_least, none_stuck, url, waiting};
use crate::{
    expect::{self, Field},
    lab::Lab,
};

/// Processes that hang on it, and its server. Dropped in this order: no process can end before its server has.
struct Mounted {
    server: Running,
    folder: String,
    hung: Vec<Running>,
}

impl Mounted {
    fn new(bench: &Bench) -> Result<Self> {
        let (folder, program) = (bench.path("mnt"), bench.path("program.elf"));
        fs::create_dir(&folder)?;
        fs::write(&program, waiting("hanging"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-hang"));
        command.arg(&folder).arg(&program).arg(bench.agent.pid().to_string());
        let server = Running::spawn("test-hang", &mut command)?;
        server.out.first("ready", STEP, |line| (line == "ready").then_some(()))?;
        Ok(Self { server, folder: folder.display().to_string(), hung: Vec::new() })
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Runs a command in the server's mount namespace, where the file system is; its pid.
    fn run(&mut self, argv: &[&str]) -> Result<u32> {
        let mut command = Command::new("nsenter");
        command.args(["-m", "-t", &self.server.pid().to_string(), "--"]).args(argv);
        self.hung.push(Running::spawn("a process that hangs", &mut command)?);
        Ok(self.hung.last().map_or(0, Running::pid))
    }

    /// What a process asked of it.
    fn asked_by(&self, pid: u32) -> Vec<String> {
        let (all, end) = (self.server.out.all(), format!(" {pid}"));
        all.iter().filter_map(|line| line.strip_suffix(&end)).map(str::to_owned).collect()
    }

    fn all_live(&mut self) -> Result<()> {
        for process in &mut self.hung {
            ensure!(process.ended().is_none(), "it has ended\n{}", process.dump());
        }
        Ok(())
    }
}

/// Script, configuration and executable lie on it.
pub(super) fn files(lab: &Lab) -> Result<()> {
    const TEST: &str = "hostile::hanging_files";
    let bench = Bench::new()?;
    let agent = bench.agent.pid();
    let mut mounted = Mounted::new(&bench)?;
    let (script, config, program) =
        (mounted.path("script"), mounted.path("config.json"), mounted.path("program"));
    let script_pid = mounted.run(&[python()?, &script, "-c", &config, "-o", &url("hanging-script")])?;
    let program_pid = mounted.run(&[&program, "-c", &config, "-o", &url("hanging-program")])?;
    let wanted = vec![Field::Is("script", script)];
    bench.told_by_arguments(script_pid, wanted)?;
    let wanted = vec![Field::Has("exe", "program".into()), Field::Is("sha256", String::new())];
    bench.told_by_arguments(program_pid, wanted)?;
    bench.finds_a_miner(lab, TEST)?;
    mounted.all_live()?;
    ensure!(
        mounted.asked_by(script_pid).contains(&"open".to_owned()),
        "the script's process does not hang\n{}",
        mounted.server.dump()
    );
    let counters = bench.counters(TEST, &[script_pid, program_pid])?;
    let asked = mounted.asked_by(agent);
    println!("{TEST}: the agent asked the server: {asked:?}");
    at_least(&counters, &[("scan-refused", 1), ("setup-refused", 2), ("digest-refused", 2)])?;
    none_stuck(&counters)?;
    ensure!(asked.is_empty(), "the agent asked the server for {asked:?}");
    Ok(())
}

/// Names on it that nobody has looked up: that alone makes who looks wait.
pub(super) fn names(lab: &Lab) -> Result<()> {
    const TEST: &str = "hostile::hanging_names";
    let bench = Bench::new()?;
    let agent = bench.agent.pid();
    let mut mounted = Mounted::new(&bench)?;
    let program = bench.path("program.elf");
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    let program = program.display().to_string();
    let [one, two, three] =
        ["never-1.json", "never-2.json", "never-3/config.json"].map(|name| mounted.path(name));
    let pid = mounted.run(&[&program, "-c", &one, "-c", &two, "-c", &three, "-o", &url("hanging-names")])?;
    bench.told_by_arguments(pid, vec![Field::Is("exe", program)])?;
    bench.finds_a_miner(lab, TEST)?;
    mounted.all_live()?;
    let counters = bench.counters(TEST, &[pid])?;
    let asked = mounted.asked_by(agent);
    println!("{TEST}: the agent asked the server: {asked:?}");
    at_least(&counters, &[("setup-refused", 3)])?;
    none_stuck(&counters)?;
    ensure!(asked.is_empty(), "the agent asked the server for {asked:?}");
    Ok(())
}

/// A file system in no mount table any more: the agent has to ask it what it is, and waits in vain.
pub(super) fn stuck(lab: &Lab) -> Result<()> {
    const TEST: &str = "hostile::stuck";
    let bench = Bench::new()?;
    let agent = bench.agent.pid();
    let mut mounted = Mounted::new(&bench)?;
    let program = mounted.path("program");
    let pid = mounted.run(&[&program, "-o", &url("stuck")])?;
    wait::until("the program to run", STEP, || {
        let exe = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        exe.ends_with("program").then_some(())
    })?;
    let server = mounted.server.pid().to_string();
    let detached = Command::new("nsenter")
        .args(["-m", "-t", &server, "--", "umount", "-l", &mounted.folder])
        .status()?;
    ensure!(detached.success(), "umount: {detached}");
    let by_arguments = [Field::Is("rules", "argv.stratum-url".into())];
    let threads = look_up_threads(agent)?;
    expect::told(&bench.agent, pid, STEP, &by_arguments)?;
    ensure!(
        mounted.asked_by(agent).contains(&"statfs".to_owned()),
        "the agent did not ask it\n{}",
        mounted.server.dump()
    );
    wait::until("another thread in its place", STEP, || {
        look_up_threads(agent).ok().filter(|now| *now == threads + 1)
    })?;
    bench.finds_a_miner(lab, TEST)?;
    mounted.all_live()?;
    // A thread that the kernel holds cannot end before the server has.
    mounted.server.finish(STEP)?;
    let counters = bench.counters(TEST, &[pid])?;
    at_least(&counters, &[("lost.worker.lookup.stuck", 1)])
}

/// Threads of a process that look facts up.
fn look_up_threads(pid: u32) -> Result<usize> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))?.collect::<Result<Vec<_>, _>>()?;
    let name = |task: &fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    Ok(tasks.iter().filter(|task| name(task) == "look-up\n").count())
}
