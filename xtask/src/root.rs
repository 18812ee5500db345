//! Becoming root for one command, and only for it: nothing is ever built as root by a user who is not.
use std::{ffi::OsString, io::IsTerminal as _, path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::exec;

/// A command that runs `program` as root with `variables` set: through sudo when we are not root. Errors say
/// why that cannot be: no sudo, or sudo would ask for a password and there is no terminal.
pub(crate) fn command(program: &Path, variables: &[(&str, OsString)]) -> Result<Command> {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new(program);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        return Ok(command);
    }
    let how = format!("start `{}` as root, with the same arguments", program.display());
    ensure!(exec::find("sudo").is_some(), "this needs root and there is no sudo: {how}");
    ensure!(
        std::io::stdin().is_terminal()
            || Command::new("sudo").args(["-n", "true"]).output()?.status.success(),
        "this needs root, sudo asks for a password and there is no terminal to type it: {how}"
    );
    let mut command = Command::new("sudo");
    // sudo drops most of the environment.
    command.args(["--", "env"]).args(variables.iter().map(|(name, value)| {
        let mut assignment = OsString::from(name);
        assignment.push("=");
        assignment.push(value);
        assignment
    }));
    command.arg(program);
    Ok(command)
}
