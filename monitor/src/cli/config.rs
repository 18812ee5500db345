//! `minewarden config`: prints the effective configuration, or checks a file.
use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow};

use crate::{
    config::{self, DEFAULT_PATH},
    rules,
};

/// Options of `config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Read FILE instead of /etc/minewarden/minewarden.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Say whether FILE is right, and the rules and lists that it names: unknown keys and wrong values are refused
    /// with their line
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    check: Option<PathBuf>,
}

/// Prints TOML that reads back as itself, or `FILE: ok`.
///
/// # Errors
/// What is wrong, as `FILE:LINE: why`, in the file and in the rules and lists that it names; unknown keys are an error for `--check` and a warning otherwise.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = match &args.check {
        Some(file) => {
            check(file)?;
            format!("{}: ok\n", file.display())
        }
        None => effective(args.config.as_deref())?,
    };
    io::stdout().write_all(text.as_bytes()).context("stdout")?;
    Ok(ExitCode::SUCCESS)
}

fn check(file: &Path) -> anyhow::Result<()> {
    let loaded = config::load(Some(file))?;
    let (_, problems) = rules::load(&loaded.config.rules.directory);
    let unknown = loaded.unknown.iter().map(|problem| format!("{}:{problem}", file.display()));
    let all = unknown.chain(problems.iter().map(ToString::to_string)).collect::<Vec<_>>();
    if all.is_empty() { Ok(()) } else { Err(anyhow!(all.join("\n"))) }
}

fn effective(file: Option<&Path>) -> anyhow::Result<String> {
    let config = load_or_warn(file)?;
    let file = file.unwrap_or(Path::new(DEFAULT_PATH));
    let origin = if file.exists() { "with the settings of" } else { "defaults; there is no" };
    let toml = toml::to_string(&config).context("the configuration as TOML")?;
    Ok(format!(
        "# Effective configuration, {origin} {}\n{toml}",
        super::one_line(&file.display().to_string())
    ))
}

/// The configuration for a start: unknown keys are warned of, because a rollback may not stop the agent.
///
/// # Errors
/// As [`config::load`].
pub(super) fn load_or_warn(file: Option<&Path>) -> anyhow::Result<config::Config> {
    let loaded = config::load(file)?;
    let name = file.unwrap_or(Path::new(DEFAULT_PATH)).display();
    for problem in loaded.unknown {
        log::warn!("{name}:{problem}; ignored");
    }
    Ok(loaded.config)
}
