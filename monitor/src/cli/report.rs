//! `minewarden report`: incidents from the journal of this host, or from the journals of many.
//!
//! Owns the options and the order of the work: which journals there are, what is in them, what that comes to, how it
//! is shown. Journals are read by systemd's own `journalctl`, one process for each source, so nothing here knows
//! their format. Everything in them is untrusted: hosts chose it, and on each host the watched processes did.
use std::{
    io::{self, BufWriter},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};

use self::{fold::Fold, names::Names, read::Window, source::Source, view::Report};

mod entry;
mod fold;
mod host;
mod incident;
mod journalctl;
mod moment;
mod names;
mod read;
mod source;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod view;

/// Options of `report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what was written at TIME or later: RFC 3339, or what journalctl takes, such as yesterday or -2h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only what was written at TIME or earlier; hosts are then judged as of TIME
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Read the journal files in DIR and its subfolders: those of many hosts, as systemd-journal-remote writes them
    #[arg(long, short = 'D', value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Read which host each source is from FILE instead of DIR/sources.toml
    #[arg(long, value_name = "FILE", requires = "directory")]
    sources: Option<PathBuf>,
    /// Read the journal of this namespace of journald too
    #[arg(long, value_name = "NAME", conflicts_with = "directory", value_parser = namespace)]
    namespace: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also what is only suspicious, and self-tests
    #[arg(long)]
    all: bool,
    /// A host is silent after this time without an entry, such as 15m; by default three of its own heartbeats
    #[arg(long, value_name = "TIME", value_parser = duration)]
    silent_after: Option<Duration>,
    /// Believe entries of the user with this number too; by default those of root alone
    #[arg(long = "writer-uid", value_name = "UID")]
    writers: Vec<u32>,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// What decides which entries count, and how hosts are judged.
struct Choice {
    /// Suspicious incidents and self-tests too.
    all: bool,
    /// Longest time between two signs of life; `None`: by the host's own heartbeats.
    silent_after: Option<Duration>,
    /// Users whose entries are believed.
    writers: Vec<u32>,
    /// The moment as of which hosts are judged.
    now: Timestamp,
}

/// Prints the report.
///
/// # Errors
/// A time that cannot be understood, a directory without journals, a file of names that is wrong, no journalctl.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let since = moment::resolve("--since", args.since.as_deref())?;
    let until = moment::resolve("--until", args.until.as_deref())?;
    let now = Timestamp::now();
    let window = Window { since, until };
    let (sources, names) = sources(args)?;
    let mut writers = args.writers.clone();
    writers.push(0);
    let choice = Choice {
        all: args.all,
        silent_after: args.silent_after,
        writers,
        now: until.map_or(now, |until| until.min(now)),
    };
    let mut fold = Fold::new(choice, names);
    read::all(&sources, &window, &mut fold)?;
    let report = Report::of(fold, &window, now);
    print(&report, args.format).context("stdout")?;
    Ok(ExitCode::SUCCESS)
}

fn sources(args: &Args) -> anyhow::Result<(Vec<Source>, Names)> {
    let Some(directory) = &args.directory else {
        return Ok((vec![Source::local(args.namespace.as_deref())], Names::default()));
    };
    let names = match &args.sources {
        Some(file) => Names::read(file)?,
        None => beside(directory)?,
    };
    Ok((source::list(directory)?, names))
}

/// The file of names that a collector has; none in a directory that was only copied together.
fn beside(directory: &Path) -> anyhow::Result<Names> {
    let file = directory.join(names::FILE);
    if file.exists() { Names::read(&file) } else { Ok(Names::default()) }
}

fn print(report: &Report, format: Format) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match format {
        Format::Text => text::write(&mut out, report),
        Format::Json => {
            serde_json::to_writer(&mut out, report)?;
            io::Write::write_all(&mut out, b"\n")
        }
    }?;
    io::Write::flush(&mut out)
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: SignedDuration = text.parse().map_err(|_| "no time such as 90s or 15m".to_owned())?;
    Duration::try_from(span).ok().filter(|time| !time.is_zero()).ok_or_else(|| "not above zero".to_owned())
}

/// Names that systemd allows (`log_namespace_name_valid`), so that none is taken as another option or a path.
fn namespace(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let valid = !text.is_empty() && !text.starts_with('-') && text.len() <= 64 && text.chars().all(plain);
    if valid { Ok(text.to_owned()) } else { Err("no name of a journal namespace".to_owned()) }
}
