//! The live agent, put together: kernel, workers, pipeline, sinks, signals.
//!
//! Owns which part is made of what. Must not know how any of them works.
use std::{
    fs, io,
    io::IsTerminal as _,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    agent::Agent,
    cli::BPF_DIGEST,
    config::{Config, Metrics, RecordName},
    detect::{Detector, argv::Argv, binary::Binary, destination::Destination, stratum::Stratum},
    event::Host,
    kernel::{Channels, Kernel},
    metrics::{Board, Endpoint, Textfile},
    pipeline::{Pipeline, Settings},
    record::Recorded,
    rules::{self, Known, Pools},
    sink::{Journald, Json, Sink, Sinks, Text, journald::Verify},
    source::{record::Recorder, ring::RingSource},
    worker::{
        Census, Limits, SockDiag, Sockets, SweepLimits, Workers, procfs::LiveProcFs, same_process,
        unix_offset,
    },
};

/// Flows whose Stratum state is held.
const STRATUM_FLOWS: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");
/// Processes whose command line is waited upon.
const ARGV_PROCESSES: usize = 16_384;
/// Contents of executables whose verdict is kept.
const BINARY_FILES: usize = 8_192;
/// Processes and conversations whose destination was told.
const DESTINATIONS: usize = 4_096;
/// Changes less often than the host boots.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A way out, by the name that `--sink` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SinkKind {
    /// Structured entries in the systemd journal
    Journald,
    /// Readable lines on stdout
    Text,
    /// A JSON object per line on stdout
    Json,
}

/// A start that may go ahead.
#[derive(Debug)]
pub struct Start {
    /// The effective configuration.
    pub config: Config,
    /// At least one, none twice.
    pub sinks: Vec<SinkKind>,
    /// Where to record events.
    pub record: Option<PathBuf>,
}

/// Every detector, in the order in which they see an event. `pools` are those that the operator lists.
#[must_use]
pub fn detectors(pools: Arc<Pools>) -> Vec<Box<dyn Detector>> {
    vec![
        Box::new(Stratum::new(STRATUM_FLOWS)),
        Box::new(Argv::new(ARGV_PROCESSES)),
        Box::new(Binary::new(BINARY_FILES)),
        // Sees what those before it found.
        Box::new(Destination::new(pools, DESTINATIONS)),
    ]
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// One line: what could not be started, or what broke.
pub fn start(start: Start) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(live(start))?;
    Ok(ExitCode::SUCCESS)
}

async fn live(start: Start) -> anyhow::Result<()> {
    // Before the hooks, so that a signal that comes early still ends in good order.
    let shutdown = stop_signal()?;
    let host = host()?;
    let recorder =
        start.record.as_deref().map(|path| Recorder::create(path, &host)).transpose().context("--record")?;
    let sinks = Sinks::start(sinks(&start.sinks, &start.config)?).context("cannot start the sinks")?;
    let known = known(&start.config);
    let Parts { kernel, mut agent, source } =
        assemble(host, settings(&start), &known, sinks, recorder, SweepLimits::default())?;
    // Kept until the agent has ended: the file is then written for the last time.
    let (board, _textfile) = offer(&start.config.metrics).unzip();
    agent.board = board;
    let result = agent.run(source, shutdown).await;
    drop(kernel);
    result
}

/// Offers the numbers where the configuration says; `None` where that is nowhere. Detection goes on without them.
fn offer(config: &Metrics) -> Option<(Arc<Board>, Option<Textfile>)> {
    if config.listen.is_none() && config.textfile.is_none() {
        return None;
    }
    let board = Arc::new(Board::new(env!("CARGO_PKG_VERSION"), BPF_DIGEST));
    if let Some(address) = config.listen
        && let Err(error) = Endpoint::start(address, Arc::clone(&board))
    {
        log::warn!("degraded, [metrics] listen: {address}: {error}; lost: the numbers for Prometheus");
    }
    let textfile = config.textfile.as_ref().and_then(|path| {
        let started = Textfile::start(path.clone(), Arc::clone(&board));
        let complain = |error: &io::Error| {
            log::warn!(
                "degraded, [metrics] textfile: {}: {error}; lost: the numbers for node_exporter",
                path.display()
            );
        };
        started.inspect_err(complain).ok()
    });
    Some((board, textfile))
}

/// Ready when SIGTERM or SIGINT comes.
///
/// # Errors
/// When they cannot be waited for.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// An agent whose hooks are attached and whose sweep has begun.
pub(super) struct Parts {
    /// To be kept until the agent has ended.
    pub(super) kernel: Kernel,
    pub(super) agent: Agent,
    pub(super) source: RingSource,
}

/// Puts an agent together.
///
/// # Errors
/// One line: what could not be started.
pub(super) fn assemble(
    host: Host,
    settings: Settings,
    known: &Known,
    sinks: Sinks,
    recorder: Option<Recorder>,
    sweep: SweepLimits,
) -> anyhow::Result<Parts> {
    let (kernel, channels) = Kernel::start()?;
    for (hook, error) in &kernel.missing {
        log::warn!("degraded, {}: {error}; lost: {}", hook.attach, hook.lost_without);
    }
    if !kernel.absent.is_empty() {
        log::warn!("degraded, this kernel lacks {}", kernel.absent.join(", "));
    }
    log::info!("hooks attached at {}", kernel.cgroup);
    let Channels { tasks, flows, stats, log, sockets, established } = channels;
    let sockets: Box<dyn Sockets> =
        sockets.map_or_else(|| Box::new(SockDiag) as Box<dyn Sockets>, |table| Box::new(table));
    let census: Box<dyn Census> =
        established.map_or_else(|| Box::new(SockDiag) as Box<dyn Census>, |table| Box::new(table));
    let (workers, answers) = Workers::start(Box::new(LiveProcFs), sockets, known, Limits::default())
        .context("cannot start the workers")?;
    let source = RingSource::new(tasks, flows, stats, log, unix_offset())?;
    workers.sweep(Arc::new(LiveProcFs), census, sweep).context("cannot start the sweep")?;
    let pipeline = Pipeline::new(host, settings, detectors(Arc::clone(&known.pools)));
    let workers = Arc::new(workers);
    Ok(Parts { kernel, agent: Agent { pipeline, workers, answers, sinks, recorder, board: None }, source })
}

/// The rules and lists; what is wrong with them is warned of.
pub(super) fn known(config: &Config) -> Known {
    let (known, problems) = rules::load(&config.rules.directory);
    for problem in problems {
        log::warn!("{problem}; not loaded");
    }
    let Known { rules, digests, pools } = &known;
    let (bundled, own) = (rules.bundled, rules.own);
    log::info!("{bundled} bundled and {own} own rules, {} digests, {} pools", digests.len(), pools.len());
    known
}

fn settings(start: &Start) -> Settings {
    let config = &start.config;
    Settings {
        recorded: recorded(start),
        end_after: config.incident.end_after,
        heartbeat: config.agent.heartbeat,
        ..Settings::default()
    }
}

/// Only journald takes records.
fn recorded(start: &Start) -> Recorded {
    let record = &start.config.journal.record;
    if record.is_empty() {
        return Recorded::default();
    }
    if !start.sinks.contains(&SinkKind::Journald) {
        log::warn!("[journal] record: no sink is journald, so nothing is recorded");
        return Recorded::default();
    }
    Recorded { exec: record.contains(&RecordName::Exec), connect: record.contains(&RecordName::Connect) }
}

/// What makes ids unique and times readable.
///
/// # Errors
/// When the boot has no id.
pub(super) fn host() -> anyhow::Result<Host> {
    let boot_id = fs::read_to_string(Path::new(BOOT_ID)).context(BOOT_ID)?.trim().to_owned();
    Ok(Host {
        boot_id,
        unix_offset_nanos: unix_offset().into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn sinks(kinds: &[SinkKind], config: &Config) -> anyhow::Result<Vec<Box<dyn Sink>>> {
    kinds
        .iter()
        .map(|kind| -> anyhow::Result<Box<dyn Sink>> {
            Ok(match kind {
                SinkKind::Journald => {
                    let verify: Verify = Box::new(same_process);
                    let verify = config.journal.object_pid.then_some(verify);
                    Box::new(Journald::new(config.journal.socket.clone(), verify)?)
                }
                SinkKind::Text => Box::new(Text::new(io::stdout(), io::stdout().is_terminal())),
                SinkKind::Json => Box::new(Json::new(io::stdout())),
            })
        })
        .collect()
}
