//! A journald to write to: the host's where one answers, else one that is started by hand and ended again.
//!
//! Owns start, restart and end of that journald, and reading entries back with journalctl. What was written stays
//! in the journal (/run/log/journal when started by hand), so that a person can look at it afterwards.
use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::{notice::Notice, process::Running, wait};

const SOCKET: &str = "/run/systemd/journal/socket";
const FOLDER: &str = "/run/systemd/journal";
/// What a journald that was started by hand leaves in [`FOLDER`] (systemd 247 to 257).
const LEFT_BEHIND: [&str; 6] =
    ["socket", "stdout", "dev-log", "io.systemd.journal", "kernel-seqnum", "synced"];
const PROGRAMS: [&str; 2] = ["/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"];
/// Held while a journald of ours runs, so that two test runs do not end each other's.
const LOCK: &str = "/run/minewarden-test-journald.lock";
const START: Duration = Duration::from_secs(20);
const LOCKED: Duration = Duration::from_secs(300);

/// Why there can be no journald on this host, one line; `None` when there can.
#[must_use]
pub fn missing() -> Option<String> {
    if Command::new("journalctl").arg("--version").output().is_err() {
        return Some("journalctl is not installed".to_owned());
    }
    if answers() || program().is_some() {
        return None;
    }
    Some(format!("no journald runs, and there is none to start ({})", PROGRAMS.join(", ")))
}

fn answers() -> bool {
    listens(Path::new(SOCKET))
}

fn listens(socket: &Path) -> bool {
    UnixDatagram::unbound().is_ok_and(|own| own.connect(socket).is_ok())
}

/// Entries of `minewarden` since `since`, oldest first; of a namespace where one is named.
fn entries(since: SystemTime, namespace: Option<&str>) -> Result<Vec<Value>> {
    let micros = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let output = Command::new("journalctl")
        .args(["-o", "json", "--all", "--no-pager", "-t", "minewarden"])
        .args(namespace.map(|name| format!("--namespace={name}")))
        .arg(format!("--since=@{}.{:06}", micros / 1_000_000, micros % 1_000_000))
        .output()
        .context("cannot run journalctl")?;
    if !output.status.success() {
        bail!("journalctl: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).context("journalctl printed no JSON")).collect()
}

/// A second journald, of a namespace, started by hand. What it wrote is removed with it.
pub struct Namespace {
    running: Option<Running>,
    name: String,
}

impl Namespace {
    /// Starts one for a name that nobody else has.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start() -> Result<Self> {
        let mut namespace = Self { running: None, name: format!("mw-test-{}", std::process::id()) };
        namespace.resume()?;
        Ok(namespace)
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends it; its journal stays, its socket goes.
    pub fn stop(&mut self) {
        self.running = None;
        let _ = fs::remove_dir_all(self.folder());
    }

    /// Starts it after [`Namespace::stop`].
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&mut self) -> Result<()> {
        let program = program().context("there is no journald to start")?;
        self.running =
            Some(launch(&[program.into(), self.name.as_str().into()], &self.folder().join("socket"))?);
        Ok(())
    }

    /// Entries of `minewarden` in it since `since`, oldest first.
    ///
    /// # Errors
    /// When journalctl fails.
    pub fn entries(&self, since: SystemTime) -> Result<Vec<Value>> {
        entries(since, Some(&self.name))
    }

    fn folder(&self) -> PathBuf {
        Path::new("/run/systemd").join(format!("journal.{}", self.name))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.stop();
        let Ok(machine) = fs::read_to_string("/etc/machine-id") else { return };
        for logs in ["/run/log/journal", "/var/log/journal"] {
            let _ = fs::remove_dir_all(Path::new(logs).join(format!("{}.{}", machine.trim(), self.name)));
        }
    }
}

fn program() -> Option<&'static Path> {
    PROGRAMS.map(Path::new).into_iter().find(|path| path.exists())
}

/// A journald that answers, for as long as this guard lives.
pub struct Journald {
    own: Option<Own>,
}

/// One that we started.
struct Own {
    running: Option<Running>,
    made_folder: bool,
    _lock: File,
}

impl Journald {
    /// Uses the host's journald, or starts one.
    ///
    /// # Errors
    /// When none runs and none can be started.
    pub fn ensure() -> Result<Self> {
        let lock = lock()?;
        if answers() {
            return Ok(Self { own: None });
        }
        let made_folder = !Path::new(FOLDER).exists();
        let mut own = Own { running: None, made_folder, _lock: lock };
        own.running = Some(start()?);
        Ok(Self { own: Some(own) })
    }

    /// The pid of the journald that we started; `None` when it is the host's own.
    #[must_use]
    pub fn own_pid(&self) -> Option<u32> {
        self.own.as_ref().and_then(|own| own.running.as_ref()).map(Running::pid)
    }

    /// Restarts journald. Our own is down while `meanwhile` runs; the host's may be stopped by its service manager
    /// only, so it is restarted after.
    ///
    /// # Errors
    /// When it does not come up, and those of `meanwhile`.
    pub fn restart<T>(&mut self, meanwhile: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(own) = &mut self.own else {
            let done = meanwhile()?;
            let status = Command::new("systemctl").args(["restart", "systemd-journald"]).status();
            let restarted = status.context("cannot run systemctl")?.success();
            ensure!(restarted, "systemctl restart systemd-journald failed");
            return Ok(done);
        };
        own.running = None;
        let done = meanwhile();
        own.running = Some(start()?);
        done
    }

    /// Entries of `minewarden` since `since`, oldest first.
    ///
    /// # Errors
    /// When journalctl fails.
    pub fn entries(&self, since: SystemTime) -> Result<Vec<Value>> {
        entries(since, None)
    }

    /// Waits for an entry that the process `writer` wrote since `since`. `_PID` is journald's word for the writer
    /// and cannot be forged.
    ///
    /// # Errors
    /// When it did not come; with the entries that did.
    pub fn wait_for(
        &self,
        what: &str,
        writer: u32,
        since: SystemTime,
        limit: Duration,
        pick: impl Fn(&Notice) -> bool,
    ) -> Result<Notice> {
        let mut seen = Vec::new();
        let found = wait::until(&format!("{what} in the journal"), limit, || {
            seen = self.entries(since).unwrap_or_default();
            written_by(&seen, writer).into_iter().find(&pick)
        });
        found.map_err(|error| anyhow!("{error}\nentries in the journal: {:#}", Value::Array(seen)))
    }
}

/// Those of `entries` that the process `writer` wrote.
#[must_use]
pub fn written_by(entries: &[Value], writer: u32) -> Vec<Notice> {
    let writer = writer.to_string();
    let own =
        entries.iter().filter(|entry| entry.get("_PID").and_then(Value::as_str) == Some(writer.as_str()));
    own.cloned().map(Notice::from_entry).collect()
}

fn lock() -> Result<File> {
    let file = File::create(LOCK).with_context(|| format!("cannot make {LOCK}"))?;
    wait::until("another test run's journald to end", LOCKED, || match file.try_lock() {
        Ok(()) => Some(Ok(())),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(error)) => Some(Err(error)),
    })?
    .with_context(|| format!("cannot lock {LOCK}"))?;
    Ok(file)
}

fn start() -> Result<Running> {
    let program = program().with_context(|| format!("no journald to start ({})", PROGRAMS.join(", ")))?;
    launch(&[program.into()], Path::new(SOCKET))
}

/// Starts a journald and waits until it listens at `socket`.
fn launch(argv: &[OsString], socket: &Path) -> Result<Running> {
    let mut running = Running::start("systemd-journald", argv)?;
    let mut ended = None;
    let ready = wait::until("journald to answer", START, || {
        ended = running.ended();
        (listens(socket) || ended.is_some()).then_some(())
    });
    ready.with_context(|| running.dump())?;
    if let Some(status) = ended {
        bail!("journald ended at once with {status}\n{}", running.dump());
    }
    Ok(running)
}

impl Drop for Own {
    fn drop(&mut self) {
        self.running = None;
        if self.made_folder {
            for name in LEFT_BEHIND {
                let _ = fs::remove_file(Path::new(FOLDER).join(name));
            }
            let _ = fs::remove_dir(FOLDER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_entries_of_one_writer() {
        let entries = [
            serde_json::json!({"_PID": "1", "MINEWARDEN_EVENT": "a"}),
            serde_json::json!({"_PID": "2", "MINEWARDEN_EVENT": "b"}),
            serde_json::json!({"MINEWARDEN_EVENT": "c"}),
        ];
        let own: Vec<_> = written_by(&entries, 2).iter().map(Notice::event).collect();
        assert_eq!(own, ["b"]);
    }
}
