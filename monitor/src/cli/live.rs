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
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::reload::{self, Reload};
use crate::{
    agent::{Agent, Ending},
    cli::BPF_DIGEST,
    config::{Config, Metrics, RecordName, Scope},
    detect::{Detector, argv::Argv, binary::Binary, destination::Destination, stratum::Stratum},
    event::Host,
    host::{privilege::host_pids, watch::Target},
    kernel::{Channels, Kernel},
    metrics::{Board, Endpoint, Textfile},
    pipeline::{Pipeline, Settings},
    privilege,
    record::Recorded,
    rules::{self, Known, Pools},
    service::Service,
    sink::{Journald, Json, Sink, Sinks, Text, journald::Verify},
    source::{record::Recorder, ring::RingSource},
    worker::{
        Census, Limits, SockDiag, Sockets, SweepLimits, Workers,
        procfs::{LiveProcFs, ProcFs},
        same_process, unix_offset,
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
/// Words of a reload that wait for the agent.
const CHANGES: usize = 2;
/// From one look at whether the watched cgroup is still there to the next.
const LOOK: Duration = Duration::from_secs(1);
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
    /// The configuration file that was named, for when it is read again.
    pub file: Option<PathBuf>,
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
    let ends_us = reload::ends_us();
    let (stop, mut hangup) = (stop_signal()?, signal(SignalKind::hangup())?);
    let scope = start.config.watch.cgroup.clone();
    let host = host(&scope)?;
    let recorder =
        start.record.as_deref().map(|path| Recorder::create(path, &host)).transpose().context("--record")?;
    let (ways, known) = (sinks(&start.sinks, &start.config)?, known(&start.config));
    let Parts { kernel, mut agent, source } =
        assemble(host, &scope, settings(&start), &known, ways, recorder)?;
    drop(known);
    agent.service = Service::from_environment();
    // Kept until the agent has ended: the file is then written for the last time.
    let (board, _textfile) = offer(&start.config.metrics).unzip();
    agent.board = board;
    let target = &kernel.target;
    let result = if ends_us {
        let stop = async {
            tokio::select! { () = stop => {} _ = hangup.recv() => {} }
        };
        agent.run(source, ending(stop, target)).await
    } else {
        let (send, changes) = mpsc::channel(CHANGES);
        agent.changes = changes;
        tokio::spawn(Reload { file: start.file.clone(), start }.serve(hangup, send));
        agent.run(source, ending(stop, target)).await
    };
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

/// Ready when `stop` is, or when what is watched is gone.
async fn ending(stop: impl Future<Output = ()>, target: &Target) -> Ending {
    tokio::select! {
        () = stop => Ending::Asked,
        why = removal(target) => Ending::Blind(why),
    }
}

/// Ready when what is watched was removed; says so. The whole host never is.
async fn removal(target: &Target) -> String {
    loop {
        tokio::time::sleep(LOOK).await;
        if target.part.is_some() && target.is_removed() {
            return format!("{} was removed: there is nothing left to watch", target.what());
        }
    }
}

/// An agent whose hooks are attached and whose sweep has begun.
pub(super) struct Parts {
    /// To be kept until the agent has ended.
    pub(super) kernel: Kernel,
    pub(super) agent: Agent,
    pub(super) source: RingSource,
}

/// Puts an agent together. To be called while no other thread is there: each keeps the capabilities that the one which
/// starts it has.
///
/// # Errors
/// One line: what could not be started.
pub(super) fn assemble(
    host: Host,
    scope: &Scope,
    settings: Settings,
    known: &Known,
    ways: Vec<Box<dyn Sink>>,
    recorder: Option<Recorder>,
) -> anyhow::Result<Parts> {
    let (kernel, channels) = Kernel::start(scope)?;
    for (hook, error) in &kernel.missing {
        log::warn!("degraded, {}: {error}; lost: {}", hook.attach, hook.lost_without);
    }
    if !kernel.absent.is_empty() {
        log::warn!("degraded, this kernel lacks {}", kernel.absent.join(", "));
    }
    log::info!("watching {}, hooks attached at {}", kernel.target.what(), kernel.target.how);
    let Channels { tasks, flows, stats, log, sockets, established, members } = channels;
    let held = privilege::keep(sockets.is_some() && established.is_some())
        .context("privileges could not be given up")?;
    log::info!("from now on with {}", privilege::names(held));
    let sinks = Sinks::start(ways).context("cannot start the sinks")?;
    // /proc alone tells enough only of a whole host, seen from its own PID namespace.
    let alone = kernel.target.part.is_none() && host_pids();
    let procfs: Arc<dyn ProcFs> = if alone { Arc::new(LiveProcFs) } else { Arc::new(members) };
    let diag = || Box::new(SockDiag::new(Arc::clone(&procfs)));
    let sockets: Box<dyn Sockets> =
        sockets.map_or_else(|| diag() as Box<dyn Sockets>, |table| Box::new(table));
    let census: Box<dyn Census> =
        established.map_or_else(|| diag() as Box<dyn Census>, |table| Box::new(table));
    let (workers, answers) = Workers::start(Box::new(LiveProcFs), sockets, known, Limits::default())
        .context("cannot start the workers")?;
    let source = RingSource::new(tasks, flows, stats, log, unix_offset())?;
    workers.sweep(procfs, census, SweepLimits::default()).context("cannot start the sweep")?;
    let pipeline = Pipeline::new(host, settings, detectors(Arc::clone(&known.pools)));
    let workers = Arc::new(workers);
    let (changes, service) = (mpsc::channel(1).1, Service::default());
    let agent =
        Agent { pipeline, workers, answers, sinks, recorder, changes, service, kept: None, board: None };
    Ok(Parts { kernel, agent, source })
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
pub(super) fn recorded(start: &Start) -> Recorded {
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
pub(super) fn host(scope: &Scope) -> anyhow::Result<Host> {
    let boot_id = fs::read_to_string(Path::new(BOOT_ID)).context(BOOT_ID)?.trim().to_owned();
    Ok(Host {
        boot_id,
        unix_offset_nanos: unix_offset().into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        watched: match scope {
            Scope::Host => String::new(),
            Scope::Own => "the own cgroup namespace".to_owned(),
            Scope::Cgroup(path) => format!("cgroup {}", path.display()),
        },
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
                    let journal = &config.journal;
                    let sink = Journald::new(journal.socket.clone(), verify)?;
                    match journal.record_socket() {
                        Some(socket) => Box::new(sink.records_to(socket)?),
                        None => Box::new(sink),
                    }
                }
                SinkKind::Text => Box::new(Text::new(io::stdout(), io::stdout().is_terminal())),
                SinkKind::Json => Box::new(Json::new(io::stdout())),
            })
        })
        .collect()
}
