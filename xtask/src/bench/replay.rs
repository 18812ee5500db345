//! `cargo xtask bench replay`: how fast captures are judged, beside nDPI's own reader.
//!
//! Both read the same file from the page cache, in turns, and write to nowhere. ndpiReader names the protocol of
//! every conversation and prints totals (`-q` spares it even that); minewarden puts conversations together, looks
//! for mining in them and prints those that mine. They do not do the same work: the figure says how long a person
//! waits.
use std::{
    fmt,
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    capture::{self, Contents, Traffic},
    measure::{self, Taken},
};
use crate::{cargo, exec, run};

/// Judge a large capture, made for it, with `minewarden replay` and with ndpiReader
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Size of the capture in millions of bytes
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    megabytes: u64,
    /// What is in it
    #[arg(long, value_enum, default_value = "mixed")]
    traffic: Traffic,
    /// How often each program reads it
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Another number gives other traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the capture here and keep it; without this it is a temporary file
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    run::prepare(&workspace)?;
    let built = cargo::build_agent(&workspace, "release", &["--bin", "minewarden"])?;
    let temporary = tempfile::NamedTempFile::new()?;
    let path = options.keep.as_deref().unwrap_or(temporary.path());
    let contents = make(path, options)?;
    println!(
        "capture: {} bytes, {} packets (average {} bytes), {} conversations, {} of them mining, seed {}",
        contents.bytes,
        contents.packets,
        contents.bytes / contents.packets.max(1),
        contents.conversations,
        contents.mining,
        options.seed
    );
    let agent = built.executable("minewarden")?;
    let judged = judge(agent, path)?;
    println!("minewarden replay found: {judged}");
    ensure!(judged.agrees(&contents), "that is not what is in the capture: its time would say nothing");
    let mut programs = vec![Program::minewarden(agent, path)];
    match exec::find("ndpiReader") {
        Some(reader) => programs.push(Program::ndpi(&reader, path)),
        None => println!("ndpiReader is not installed, so nothing is compared: apt install libndpi-bin"),
    }
    for round in 1..=options.rounds {
        for program in &mut programs {
            let taken = measure::run(&mut program.command, program.good)?;
            println!("round {round}: {:<22} {}", program.name, shown(&taken, &contents));
            program.runs.push(taken);
        }
    }
    sum_up(&programs);
    Ok(ExitCode::SUCCESS)
}

struct Program {
    name: &'static str,
    command: Command,
    /// Exit statuses of a run that went well.
    good: &'static [i32],
    runs: Vec<Taken>,
}

impl Program {
    /// Status 1 says that mining was found.
    fn minewarden(agent: &Path, file: &Path) -> Self {
        let mut command = Command::new(agent);
        command.arg("replay").arg(file);
        Self { name: "minewarden replay", command, good: &[0, 1], runs: Vec::new() }
    }

    /// `-q`: no output at all, its quickest way.
    fn ndpi(reader: &Path, file: &Path) -> Self {
        let mut command = Command::new(reader);
        command.arg("-q").arg("-i").arg(file);
        Self { name: "ndpiReader -q", command, good: &[0], runs: Vec::new() }
    }

    fn median(&self, of: impl Fn(&Taken) -> Duration) -> Duration {
        let mut times: Vec<_> = self.runs.iter().map(of).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    fn peak_kib(&self) -> u64 {
        self.runs.iter().map(|taken| taken.peak_kib).max().unwrap_or_default()
    }
}

fn make(path: &Path, options: &Options) -> Result<Contents> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let size = options.megabytes.saturating_mul(1_000_000);
    capture::write(BufWriter::with_capacity(1 << 20, file), options.traffic, size, options.seed)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Runs the agent once for what it says; from here on the file is in the page cache too.
fn judge(agent: &Path, file: &Path) -> Result<Judged> {
    let mut command = Command::new(agent);
    let output =
        command.arg("replay").arg(file).output().with_context(|| format!("cannot run {command:?}"))?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Judged::of(text.lines().last().unwrap_or_default())
        .with_context(|| format!("{command:?} printed {text:?}"))
}

/// The last line of the agent's table.
#[derive(Debug, PartialEq, Eq)]
struct Judged {
    conversations: u64,
    mining: u64,
}

impl Judged {
    fn of(line: &str) -> Option<Self> {
        let (conversations, mining) = line.strip_prefix("conversations: ")?.split_once(", mining: ")?;
        Some(Self { conversations: conversations.parse().ok()?, mining: mining.parse().ok()? })
    }

    /// Of what was begun last, nothing may have been captured yet. Probes carry nothing and are no conversations.
    fn agrees(&self, contents: &Contents) -> bool {
        let nearly =
            |found: u64, all: u64| found <= all && found.saturating_mul(100) >= all.saturating_mul(95);
        nearly(self.mining, contents.mining) && nearly(self.conversations, contents.carrying)
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} conversations with payload, {} of them mining", self.conversations, self.mining)
    }
}

fn shown(taken: &Taken, contents: &Contents) -> String {
    let seconds = taken.wall.as_secs_f64();
    format!(
        "{:6.3} s wall, {:6.3} s processor, {:7.1} MB/s, {:9.0} packets/s, peak {:6.1} MiB",
        seconds,
        taken.processor.as_secs_f64(),
        in_float(contents.bytes) / 1e6 / seconds,
        in_float(contents.packets) / seconds,
        in_float(taken.peak_kib) / 1024.0
    )
}

fn sum_up(programs: &[Program]) {
    for program in programs {
        println!(
            "median: {:<22} {:6.3} s wall, {:6.3} s processor; highest peak {:.1} MiB",
            program.name,
            program.median(|taken| taken.wall).as_secs_f64(),
            program.median(|taken| taken.processor).as_secs_f64(),
            in_float(program.peak_kib()) / 1024.0
        );
    }
    if let [own, other] = programs {
        let ratio =
            |of: fn(&Taken) -> Duration| other.median(of).as_secs_f64() / own.median(of).as_secs_f64();
        println!(
            "{} takes {:.1} times as long as {} (processor time: {:.1} times)",
            other.name,
            ratio(|taken| taken.wall),
            own.name,
            ratio(|taken| taken.processor)
        );
    }
}

/// Sizes and counts far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "figures for a person, three digits of them")]
fn in_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_that_is_not_of_this_capture_is_told() {
        let contents = Contents { conversations: 1_000, carrying: 1_000, mining: 20, ..Contents::default() };
        let judged = |line| Judged::of(line).unwrap().agrees(&contents);
        assert!(judged("conversations: 990, mining: 20"));
        for wrong in
            ["conversations: 0, mining: 0", "conversations: 990, mining: 30", "conversations: 990, mining: 9"]
        {
            assert!(!judged(wrong), "{wrong}");
        }
        assert_eq!(Judged::of("nothing"), None);
    }
}
