//! The agent's binary: parse, log, run, exit status.
use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;
use monitor::cli::{self, Cli};

/// Exit status of every error.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    log_to_stderr();
    match cli::dispatch(&cli) {
        Ok(status) => status,
        Err(error) if cli::reader_has_left(&error) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

/// Help and version go to stdout; a mistake on the command line is told like every other error.
fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && error.kind() != clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        return fail(&cli::usage_message(&error.to_string()));
    }
    // Whoever asked for help and has left does not need it.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { FAILURE } else { 0 })
}

fn fail(message: &str) -> ExitCode {
    // Without a stderr there is nobody to tell; the status still says it.
    let _ = writeln!(std::io::stderr(), "minewarden: {}", cli::one_line(message));
    ExitCode::from(FAILURE)
}

/// Warnings and errors, as lines like those of [`fail`]; `RUST_LOG` asks for more or less. For journald each begins
/// with its severity (sd-daemon(3)).
fn log_to_stderr() {
    let journal = stderr_is_journal();
    env_logger::Builder::new()
        .filter_level(log::LevelFilter::Warn)
        .parse_default_env()
        .format(move |out, record| {
            if journal {
                let severity = match record.level() {
                    log::Level::Error => 3,
                    log::Level::Warn => 4,
                    log::Level::Info => 6,
                    log::Level::Debug | log::Level::Trace => 7,
                };
                write!(out, "<{severity}>")?;
            }
            let level = match record.level() {
                log::Level::Warn => "warning".to_owned(),
                level => level.as_str().to_ascii_lowercase(),
            };
            writeln!(out, "minewarden: {level}: {}", cli::one_line(&record.args().to_string()))
        })
        .init();
}

/// `JOURNAL_STREAM` names the device and inode of the stream that the service manager connected (systemd.exec(5)).
fn stderr_is_journal() -> bool {
    let own = || {
        let file = rustix::fs::fstat(std::io::stderr()).ok()?;
        Some(format!("{}:{}", file.st_dev, file.st_ino))
    };
    std::env::var("JOURNAL_STREAM").is_ok_and(|stream| own().as_ref() == Some(&stream))
}
