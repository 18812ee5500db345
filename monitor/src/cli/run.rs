//! `minewarden run`: everything that is decided before the first hook is attached.
//!
//! Owns the checks and choices of a start. Must not know hooks, sinks or the pipeline.
use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{anyhow, bail};

use super::{
    config::load_or_warn,
    live::{self, SinkKind, Start},
    sudo,
};
use crate::{
    config::Config,
    host::{self, Row, State, journald_listens, privilege},
};

/// Options of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where notices go; give it again for more than one. Default: journald where its socket answers, and
    /// readable lines where stdout is a terminal
    #[arg(long = "sink", value_name = "SINK", value_enum)]
    sinks: Vec<SinkKind>,
    /// Read FILE instead of /etc/minewarden/minewarden.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write every event to FILE, readable by its owner only, for a replay; it holds captured payload
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Watches this host until stopped.
///
/// # Errors
/// Missing privileges, a broken configuration, a host that lacks something required, a sink that is not there.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    live::start(prepare(args)?)
}

/// The configuration, on a host where `command` can go ahead.
///
/// # Errors
/// Missing privileges, a broken configuration, a host that lacks something required.
pub(super) fn checked(command: &str, config: Option<&Path>) -> anyhow::Result<Config> {
    let missing = privilege::needed_but_missing();
    if !missing.is_empty() {
        bail!("{command} needs root ({} missing): try {}", missing.join(", "), sudo(command));
    }
    let config = load_or_warn(config)?;
    admit(&host::look(&config))?;
    Ok(config)
}

fn prepare(args: &Args) -> anyhow::Result<Start> {
    let config = checked("run", args.config.as_deref())?;
    let sinks = choose(&args.sinks, &config.journal.socket, io::stdout().is_terminal())?;
    Ok(Start { config, sinks, record: args.record.clone(), file: args.config.clone() })
}

/// Refuses a host that lacks something required and warns of what else is lost. journald is the sinks' matter.
fn admit(rows: &[Row]) -> anyhow::Result<()> {
    if let Some(row) = rows.iter().find(|row| row.state == State::Missing) {
        bail!("{}: {}; lost: {}; to do: {}", row.what, row.found, row.lost, row.remedy);
    }
    for row in rows.iter().filter(|row| row.state == State::Degraded && row.what != "journald") {
        log::warn!("degraded, {}: {}; lost: {}", row.what, row.found, row.lost);
    }
    Ok(())
}

fn choose(asked: &[SinkKind], socket: &Path, terminal: bool) -> anyhow::Result<Vec<SinkKind>> {
    let journald = journald_listens(socket);
    if asked.is_empty() {
        return Ok(default_sinks(&journald, socket, terminal));
    }
    if let (Err(error), true) = (&journald, asked.contains(&SinkKind::Journald)) {
        return Err(anyhow!(
            "--sink journald: {}: {error}; start systemd-journald or use --sink text",
            socket.display()
        ));
    }
    let mut sinks = Vec::new();
    for sink in asked {
        if !sinks.contains(sink) {
            sinks.push(*sink);
        }
    }
    Ok(sinks)
}

/// Never none: an agent that cannot reach its journal still says what it found.
fn default_sinks(journald: &io::Result<()>, socket: &Path, terminal: bool) -> Vec<SinkKind> {
    match (journald, terminal) {
        (Ok(()), false) => vec![SinkKind::Journald],
        (Ok(()), true) => vec![SinkKind::Journald, SinkKind::Text],
        (Err(error), _) => {
            log::warn!("degraded, journald: {}: {error}; readable lines go to stdout", socket.display());
            vec![SinkKind::Text]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, os::unix::net::UnixDatagram, path::Path};

    use super::{
        SinkKind::{Journald, Json, Text},
        admit, choose, default_sinks,
    };
    use crate::host::{Row, State};

    #[test]
    fn the_default_is_journald_and_a_terminal_gets_lines_too() {
        let choice = |journald: bool, terminal| {
            let answer = if journald { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) };
            default_sinks(&answer, Path::new("/s"), terminal)
        };
        assert_eq!(choice(true, false), [Journald]);
        assert_eq!(choice(true, true), [Journald, Text]);
        assert_eq!(choice(false, true), [Text]);
        assert_eq!(choice(false, false), [Text]);
    }

    #[test]
    fn what_is_asked_for_is_what_is_chosen_once_each() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let _socket = UnixDatagram::bind(&path).unwrap();
        assert_eq!(choose(&[Json, Journald, Json], &path, true).unwrap(), [Json, Journald]);
    }

    #[test]
    fn journald_asked_for_by_name_must_be_there() {
        let absent = Path::new("/nonexistent/socket");
        let error = choose(&[Text, Journald], absent, true).unwrap_err().to_string();
        assert!(error.starts_with("--sink journald: /nonexistent/socket: No such file"), "{error}");
        assert_eq!(choose(&[Json], absent, true).unwrap(), [Json]);
    }

    #[test]
    fn a_host_that_lacks_something_required_is_refused() {
        let row = |state| Row::less(state, "BTF", "none", "everything", "boot another");
        assert!(admit(&[Row::ok("kernel", "6.1"), row(State::Degraded)]).is_ok());
        let error = admit(&[Row::ok("kernel", "6.1"), row(State::Missing)]).unwrap_err();
        assert_eq!(error.to_string(), "BTF: none; lost: everything; to do: boot another");
    }
}
