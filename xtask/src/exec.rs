//! Runs commands; one that fails is printed, so that it can be repeated by hand.
use std::{env, os::unix::process::CommandExt as _, path::PathBuf, process::Command};

use anyhow::{Context as _, Error, Result, ensure};

/// Runs to the end, with this process's standard streams.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// Becomes `command`: its exit status is ours, and a signal sent to us reaches it. Returns only on failure.
pub(crate) fn replace(command: &mut Command) -> Error {
    let error = command.exec();
    Error::new(error).context(format!("cannot run {command:?}"))
}

/// A file of that name in PATH's folders.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
