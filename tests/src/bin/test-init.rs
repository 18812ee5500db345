//! The first process of a virtual machine that has nothing but a kernel and this archive: mounts what a system has,
//! carries out a plan, tells on the second serial line what came of it, and powers the machine off.
//!
//! Owns the machine's set-up and the lines on that serial line, one JSON array each: `[step, stream, line]`, where the
//! stream is `out`, `err` or `status`. Must not know what the steps test.
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read, Write as _},
    os::unix::{fs::symlink, process::ExitStatusExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use minewarden_tests::{network, serial::Serial, wait};
use rustix::{
    mount::{MountFlags, mount},
    system::{RebootCommand, finit_module, reboot},
};
use serde::Deserialize;

/// Written by `cargo xtask vm` into the archive.
const PLAN: &str = "/plan.json";
/// What a system's first process mounts, in this order: what, file system, where.
const MOUNTS: [(&str, &str); 8] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("devpts", "/dev/pts"),
    ("tmpfs", "/dev/shm"),
    ("cgroup2", "/sys/fs/cgroup"),
    ("tmpfs", "/tmp"),
    ("tmpfs", "/run"),
];
/// How long what is left of a step may take to give up its output.
const REST: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Plan {
    /// Kernel modules, as files of the archive, each after those that it needs.
    modules: Vec<String>,
    steps: Vec<Step>,
}

/// A command that is run to its end.
#[derive(Deserialize)]
struct Step {
    name: String,
    argv: Vec<String>,
    environment: Vec<(String, String)>,
    seconds: u64,
}

fn main() -> Result<()> {
    ensure!(std::process::id() == 1, "this is the first process of a virtual machine, and of nothing else");
    let told = prepare().and_then(|serial| carry_out(&serial));
    if let Err(error) = told {
        // The kernel's own serial line, which is standard output.
        let _ = writeln!(std::io::stdout(), "test-init: {error:#}");
    }
    rustix::fs::sync();
    reboot(RebootCommand::PowerOff)?;
    Ok(())
}

/// Mounts, and opens the serial line.
fn prepare() -> Result<Serial> {
    for (kind, place) in MOUNTS {
        fs::create_dir_all(place).with_context(|| place.to_owned())?;
        // The archive, which lies in memory too, has the programs where they lie on the machine that built them.
        if kind == "tmpfs" && fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some()) {
            continue;
        }
        mount(kind, place, kind, MountFlags::empty(), None).with_context(|| format!("mount {place}"))?;
    }
    // execveat(2) under TOMOYO, which Debian's 5.10 has on, looks a descriptor up by this name.
    symlink("/proc/self/fd", "/dev/fd").context("/dev/fd")?;
    network::loopback_up().context("cannot set the loopback interface up")?;
    Serial::open()
}

/// Passes a stream on, on a thread of its own, which ends with the stream.
fn pass_on(serial: &Serial, step: &str, stream: &'static str, from: impl Read + Send + 'static) -> Passing {
    let (serial, step) = (serial.clone(), step.to_owned());
    thread::spawn(move || {
        for text in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            serial.tell(&[&step, stream, &String::from_utf8_lossy(&text)]);
        }
    })
}

type Passing = thread::JoinHandle<()>;

fn carry_out(serial: &Serial) -> Result<()> {
    let text = fs::read_to_string(PLAN).context(PLAN)?;
    let plan: Plan = serde_json::from_str(&text).context(PLAN)?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    serial.tell(&["kernel", "out", release.trim()]);
    for module in &plan.modules {
        let told =
            load(Path::new(module)).map_or_else(|error| format!("{error:#}"), |()| "loaded".to_owned());
        serial.tell(&["modules", "out", &format!("{module}: {told}")]);
    }
    for step in &plan.steps {
        let status = run(serial, step).unwrap_or_else(|error| format!("{error:#}"));
        serial.tell(&[&step.name, "status", &status]);
    }
    serial.tell(&["end", "status", "0"]);
    Ok(())
}

fn load(module: &Path) -> Result<()> {
    let file = File::open(module)?;
    Ok(finit_module(&file, c"", 0)?)
}

/// Runs a step; its exit status in words: a number, a signal, or that its time was over.
fn run(serial: &Serial, step: &Step) -> Result<String> {
    let (program, args) = step.argv.split_first().context("an empty command line")?;
    let mut command = Command::new(program);
    command.args(args).envs(step.environment.iter().map(|(name, value)| (name, value))).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
    let out = pass_on(serial, &step.name, "out", child.stdout.take().context("no stdout")?);
    let err = pass_on(serial, &step.name, "err", child.stderr.take().context("no stderr")?);
    let status = end(&mut child, Duration::from_secs(step.seconds))?;
    // A grandchild may hold the pipe; then what was read by now has to do.
    let begin = Instant::now();
    for passing in [out, err] {
        let left = REST.saturating_sub(begin.elapsed());
        let _ = wait::until("the end of the output", left, || passing.is_finished().then_some(()));
    }
    Ok(status)
}

fn end(child: &mut Child, limit: Duration) -> Result<String> {
    let Ok(status) = wait::until("the end of the step", limit, || child.try_wait().ok().flatten()) else {
        child.kill()?;
        child.wait()?;
        return Ok(format!("killed after {} s", limit.as_secs()));
    };
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => code.to_string(),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    })
}
