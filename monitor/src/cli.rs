//! The command line.
//!
//! Owns the commands' names, their options, and how an error looks. Each command lives in a file of its own and
//! returns its exit status; none of them prints an error itself.
use std::{env, io, process::ExitCode, sync::LazyLock};

use clap::{Parser, Subcommand};

pub mod config;
pub mod doctor;
pub mod explain;
pub mod live;
mod reload;
pub mod replay;
pub mod report;
pub mod rules;
pub mod run;
pub mod scan;
pub mod selftest;
mod table;

/// SHA-256 of the eBPF object inside this binary.
pub(crate) const BPF_DIGEST: &str = match option_env!("MINEWARDEN_BPF_DIGEST") {
    Some(digest) => digest,
    None => "unknown",
};

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (eBPF object {BPF_DIGEST})", env!("CARGO_PKG_VERSION")));

/// Finds cryptomining on this host and says who, what, since when, and how it knows.
#[derive(Debug, Parser)]
#[command(name = "minewarden", version = VERSION.as_str())]
#[command(
    after_help = "Exit status: 0 done, 2 an error; scan, replay and rules --scan: 0 nothing found, 1 something found, 2 an error."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch this host until stopped (needs root)
    Run(run::Args),
    /// Look once at what already runs (needs root)
    Scan(scan::Args),
    /// Judge the connections of pcap and pcapng captures
    Replay(replay::Args),
    /// Hold a harmless conversation that the running agent must report (needs root)
    Selftest(selftest::Args),
    /// Print the incidents in the journal of this host, or in the journals of many
    Report(report::Args),
    /// Say what this host offers, and what is lost where it offers less
    Doctor(doctor::Args),
    /// Print the effective configuration, or check a file
    Config(config::Args),
    /// List every rule, or search files for miners by their content
    Rules(rules::Args),
    /// Say what a rule sees, what it is worth, when it is wrong, and what to do
    Explain(explain::Args),
}

/// Carries out the command.
///
/// # Errors
/// Whatever stops it; the chain of causes makes one line.
pub fn dispatch(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Scan(args) => scan::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Selftest(args) => selftest::run(args),
        Command::Report(args) => report::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Config(args) => config::run(args),
        Command::Rules(args) => rules::run(args),
        Command::Explain(args) => explain::run(args),
    }
}

/// Whether the error is only that nobody reads our output any more, as in `minewarden doctor | head -1`.
#[must_use]
pub fn reader_has_left(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}

/// A message as one line without control characters: paths and names may hold any.
#[must_use]
pub fn one_line(message: &str) -> String {
    let joined =
        message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    joined.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// How to run `command` of this very binary as root: sudo has a PATH of its own, which may not have it.
#[must_use]
pub fn sudo(command: &str) -> String {
    let binary =
        env::current_exe().map_or_else(|_| "minewarden".to_owned(), |path| path.display().to_string());
    one_line(&format!("sudo {binary} {command}"))
}

/// The mistake and the hint of the parser's page-long message.
#[must_use]
pub fn usage_message(page: &str) -> String {
    let mut parts = page.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let mistake = parts.next().unwrap_or_default();
    let hint = parts.find(|part| part.starts_with("tip: ")).map(|tip| format!("; {tip}")).unwrap_or_default();
    format!("{}{hint} (see minewarden --help)", mistake.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, one_line, reader_has_left, usage_message};

    fn mistake(arguments: &[&str]) -> String {
        usage_message(&Cli::try_parse_from(arguments).unwrap_err().to_string())
    }

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_mistake_on_the_command_line_is_one_line_that_names_it() {
        assert_eq!(
            mistake(&["minewarden", "rum"]),
            "unrecognized subcommand 'rum'; tip: a similar subcommand exists: 'run' (see minewarden --help)"
        );
        assert_eq!(
            mistake(&["minewarden", "run", "--sink", "carrier-pigeon"]),
            "invalid value 'carrier-pigeon' for '--sink <SINK>' [possible values: journald, text, json] \
             (see minewarden --help)"
        );
        assert!(mistake(&["minewarden", "replay"]).starts_with("the following required arguments were not"));
    }

    #[test]
    fn a_message_cannot_break_its_line_nor_colour_a_terminal() {
        assert_eq!(one_line("a\n  b\r\n\nc\u{1b}[31m"), "a; b; c\u{fffd}[31m");
    }

    #[test]
    fn only_a_broken_pipe_means_that_the_reader_left() {
        let error = |kind| anyhow::Error::from(std::io::Error::from(kind)).context("stdout");
        assert!(reader_has_left(&error(std::io::ErrorKind::BrokenPipe)));
        assert!(!reader_has_left(&error(std::io::ErrorKind::NotFound)));
    }
}
