//! Asking the system: commands, systemd's properties of the service, the journal's entries.
use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use minewarden_tests::{notice::Notice, wait};

pub(crate) const UNIT: &str = "minewarden.service";
/// How long a change of state may take: the processor is emulated.
pub(crate) const CHANGE: Duration = Duration::from_secs(240);

/// Standard output of a command that has to succeed.
pub(crate) fn run(words: &[&str]) -> Result<String> {
    let (output, text) = outcome(words)?;
    ensure!(output, "`{}` failed: {text}", words.join(" "));
    Ok(text)
}

/// Whether a command succeeded, and what it wrote, both streams.
pub(crate) fn outcome(words: &[&str]) -> Result<(bool, String)> {
    let (program, args) = words.split_first().context("an empty command line")?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&text).trim().to_owned()))
}

/// A property of the service, as `systemctl show` has it.
pub(crate) fn property(name: &str) -> Result<String> {
    run(&["systemctl", "show", "--value", "--property", name, UNIT])
}

/// The service's main process; `None` while there is none.
pub(crate) fn main_pid() -> Option<u32> {
    property("MainPID").ok()?.parse().ok().filter(|pid| *pid > 0)
}

/// Waits until the service is active with a main process other than `not`; its pid.
pub(crate) fn active(not: Option<u32>) -> Result<u32> {
    let found = wait::until("the service to be active", CHANGE, || {
        (property("ActiveState").ok()? == "active").then_some(())?;
        main_pid().filter(|pid| Some(*pid) != not)
    });
    found.with_context(|| outcome(&["systemctl", "status", "--no-pager", UNIT]).unwrap_or_default().1)
}

/// Entries of the service in this boot, its records' namespace among them.
pub(crate) fn entries() -> Result<Vec<Notice>> {
    let text = run(&["journalctl", "--no-pager", "-b", "-o", "json", "--namespace=*", "-u", UNIT])?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).map(Notice::from_entry).collect())
}

/// The cursor of the journal's newest entry, for [`said_since`].
pub(crate) fn cursor() -> Result<String> {
    let text = run(&["journalctl", "--no-pager", "-n", "0", "--show-cursor"])?;
    let cursor = text.lines().find_map(|line| line.strip_prefix("-- cursor: "));
    Ok(cursor.context("journalctl shows no cursor")?.to_owned())
}

/// Waits for a line about the service after a cursor, of systemd or of its own, that contains all of `parts`.
pub(crate) fn said_since(cursor: &str, parts: &[&str]) -> Result<String> {
    wait::until(&format!("a journal line with {parts:?}"), CHANGE, || {
        let after = format!("--after-cursor={cursor}");
        let text = run(&["journalctl", "--no-pager", "-o", "cat", "-u", UNIT, &after]).ok()?;
        text.lines().rfind(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
    })
}
