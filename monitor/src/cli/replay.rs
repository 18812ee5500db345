//! `minewarden replay`: judges captures and recordings without touching the host.
//!
//! Owns how a file is recognised, and the exit status. Must not know how anything is judged: the pipeline and its
//! detectors are those of the agent.
use std::{
    fs::File,
    io::{self, Cursor, IsTerminal as _, Read, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use self::{flows::Report, progress::Progress};
use super::{live::detectors, one_line};
use crate::{
    event::Host,
    notice::Level,
    outcome::Outcome,
    pipeline::{Pipeline, Settings},
    sink::{Json, Sink, Text},
    source::{
        Source,
        pcap::{Ahead, Capture},
        record::Recording,
    },
};

mod flows;
mod progress;

/// Exit status when something was found, and when a file could not be judged to its end.
const FOUND: u8 = 1;
const FAILED: u8 = 2;

/// Options of `replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Captures (pcap or pcapng), or recordings made with `run --record`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
    /// Of a capture, also print the conversations in which no mining was seen
    #[arg(long)]
    all: bool,
}

/// What came of one file.
struct Verdict {
    /// The highest level in it.
    level: Level,
    /// Why it could not be judged to its end.
    error: Option<io::Error>,
    warnings: Vec<String>,
}

/// Judges each file. A file that cannot be read is said on stderr; the others are judged all the same.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut report = Report::new(io::stdout(), args.json, args.all, args.files.len() > 1);
    let (mut level, mut failed) = (Level::None, false);
    for path in &args.files {
        let verdict = match open(path) {
            Ok((Input::Capture(capture), progress)) => {
                runtime.block_on(judge_capture(path, *capture, &mut report, &progress))?
            }
            Ok((Input::Recording(host, recording), progress)) => {
                runtime.block_on(judge_recording(host, *recording, args.json, &progress))?
            }
            Err(error) => Verdict { level: Level::None, error: Some(error), warnings: Vec::new() },
        };
        verdict.warnings.iter().for_each(|warning| log::warn!("{warning}"));
        if let Some(error) = verdict.error {
            // Not a log line: `RUST_LOG` must not silence it. Without a stderr the status still says it.
            let _ = writeln!(io::stderr(), "minewarden: {}", one_line(&error.to_string()));
            failed = true;
        }
        level = level.max(verdict.level);
    }
    Ok(match (failed, level >= Level::Likely) {
        (true, _) => ExitCode::from(FAILED),
        (false, true) => ExitCode::from(FOUND),
        (false, false) => ExitCode::SUCCESS,
    })
}

enum Input {
    Capture(Box<Capture>),
    Recording(Host, Box<Recording>),
}

/// Opens a file once, so that a pipe will do, and tells by its first byte what it is.
fn open(path: &Path) -> io::Result<(Input, Progress)> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut file = File::open(path).map_err(named)?;
    let progress = Progress::of(&file);
    let mut first = Vec::new();
    Read::by_ref(&mut file).take(1).read_to_end(&mut first).map_err(named)?;
    let recording = first.starts_with(b"{");
    let input = progress.watch(Cursor::new(first).chain(file));
    let input = if recording {
        let (host, recording) = Recording::new(path, input)?;
        Input::Recording(host, Box::new(recording))
    } else {
        Input::Capture(Box::new(Capture::new(path, input)?))
    };
    Ok((input, progress))
}

async fn judge_capture(
    path: &Path,
    capture: Capture,
    report: &mut Report<io::Stdout>,
    progress: &Progress,
) -> anyhow::Result<Verdict> {
    // A capture counts its time from the Unix epoch, and was taken on no host that we know.
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let host = Host { boot_id: "capture".to_owned(), unix_offset_nanos: 0, version, ..Host::default() };
    let settings = Settings { report_flows: true, ..Settings::default() };
    let mut level = Level::None;
    report.begin(path);
    let mut ahead = Ahead::new(capture)?;
    let error = play(&mut ahead, Pipeline::new(host, settings, detectors(Arc::default())), |outcome| {
        for flow in outcome.flows {
            level = level.max(flow.level);
            if report.shows(&flow) {
                progress.aside(|| report.flow(&flow))?;
            } else {
                report.flow(&flow)?;
            }
        }
        Ok(())
    })
    .await?;
    progress.aside(|| report.end())?;
    let warnings = ahead.stop()?.warnings();
    Ok(Verdict { level, error, warnings })
}

async fn judge_recording(
    host: Host,
    mut recording: Recording,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<Verdict> {
    let stdout = io::stdout();
    let colour = stdout.is_terminal();
    let mut sink: Box<dyn Sink> =
        if json { Box::new(Json::new(stdout)) } else { Box::new(Text::new(stdout, colour)) };
    let mut level = Level::None;
    let error = play(
        &mut recording,
        Pipeline::new(host, Settings::default(), detectors(Arc::default())),
        |outcome| {
            for notice in outcome.notices {
                level = level.max(notice.incident.as_ref().map_or(Level::None, |incident| incident.level));
                progress.aside(|| sink.write(&notice))?;
            }
            Ok(())
        },
    )
    .await?;
    Ok(Verdict { level, error, warnings: recording.warnings() })
}

/// Runs a source through the pipeline; returns the error that ended the source early. Requests go nowhere: a
/// recording holds their answers, and a capture has none.
async fn play(
    source: &mut impl Source,
    mut pipeline: Pipeline,
    mut show: impl FnMut(Outcome) -> anyhow::Result<()>,
) -> anyhow::Result<Option<io::Error>> {
    let mut last = None;
    let error = loop {
        match source.next().await {
            Ok(Some(event)) => {
                if last.is_none() {
                    show(pipeline.start(event.at))?;
                }
                last = last.max(Some(event.at));
                show(pipeline.step(&event))?;
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    if let Some(last) = last {
        show(pipeline.finish(last))?;
    }
    Ok(error)
}
