//! A fleet of guests: up, down, and what is known of it between two runs of this program.
//!
//! Everything is found again by its name (cgroups, network namespace) and under `target/testbed/run/`, so `down`
//! cleans up after a run that was cut off as well.
use std::{
    fs::{self, File},
    net::SocketAddrV4,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use super::{
    cgroup::Cgroup,
    guest::Guest,
    image,
    lab::{self, Lab},
    ssh::Ssh,
    tools, wait,
};

const TOOLS: [tools::Tool; 7] = [
    ("systemd-nspawn", "systemd-container"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("ssh", "openssh-client"),
    ("scp", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
];
/// A boot takes 2 s alone; this is for a machine that is busy with other things.
const BOOT: Duration = Duration::from_secs(180);
const SSH_PORT: u16 = 22;

/// The guests of this workspace; another copy of the tree has others.
pub(crate) struct Fleet {
    run: PathBuf,
    name: String,
    lab: Lab,
}

impl Fleet {
    /// The fleet of the workspace, running or not.
    pub(crate) fn of(workspace: &Path) -> Self {
        let digest = Sha256::digest(workspace.as_os_str().as_bytes());
        let tag: String = digest.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("mw-fleet-{tag}");
        Self { run: workspace.join("target/testbed/run"), lab: Lab::named(&name), name }
    }

    /// Refuses, in one line, where no fleet can run.
    pub(crate) fn check() -> Result<()> {
        tools::require("a fleet of containers", &TOOLS)?;
        tools::require_root("a fleet of containers")
    }

    /// How to reach the guests.
    pub(crate) fn ssh(&self) -> Ssh {
        Ssh::of(&self.run)
    }

    /// Where the fleet's files are, until `down`.
    pub(crate) fn folder(&self) -> &Path {
        &self.run
    }

    /// Guests that have processes, by number.
    pub(crate) fn guests(&self) -> Result<Vec<Guest>> {
        let mut running = Vec::new();
        for number in 1..=lab::MOST {
            let guest = Guest::new(&self.run, &self.name, number)?;
            if !guest.processes().is_empty() {
                running.push(guest);
            }
        }
        Ok(running)
    }

    /// Starts guests 1 to `count` on `tree` that do not run yet, and waits until systemd says `running` in each.
    /// Those named in `powerless` may load no eBPF program.
    pub(crate) fn up(&self, tree: &Path, count: u8, powerless: &[u8]) -> Result<Vec<Guest>> {
        ensure!((1..=lab::MOST).contains(&count), "{count}: from 1 to {} hosts", lab::MOST);
        fs::create_dir_all(&self.run).with_context(|| self.run.display().to_string())?;
        let _lock = self.lock()?;
        self.lab.create()?;
        let key = self.ssh().key()?;
        let mut starting = Vec::new();
        for number in 1..=count {
            let guest = Guest::new(&self.run, &self.name, number)?;
            if guest.pid().is_none() {
                let child = guest.start(tree, &self.lab, &key, !powerless.contains(&number))?;
                starting.push((guest, child));
            }
        }
        let mut guests = self.guests()?;
        guests.extend(starting.iter().map(|(guest, _)| guest.clone()));
        guests.sort_by_key(|guest| guest.number);
        guests.dedup_by_key(|guest| guest.number);
        self.ssh().write(&guests, &std::env::current_exe()?, &self.name)?;
        for (guest, child) in &mut starting {
            self.await_boot(guest, child)?;
        }
        Ok(guests)
    }

    fn await_boot(&self, guest: &Guest, child: &mut Child) -> Result<()> {
        let (name, ssh) = (guest.name(), self.ssh());
        let address = SocketAddrV4::new(lab::address(guest.number), SSH_PORT);
        let mut ended = None;
        let booted = wait::until(&format!("{name} to boot"), BOOT, || {
            ended = child.try_wait()?;
            if ended.is_some() {
                return Ok(Some(String::new()));
            }
            drop(self.lab.connect(address, Duration::ZERO)?);
            let output = ssh.output(&name, "systemctl is-system-running --wait")?;
            let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            ensure!(!state.is_empty(), "{}", String::from_utf8_lossy(&output.stderr).trim());
            Ok(Some(state).filter(|state| state == "running" || state == "degraded"))
        });
        match (booted, ended) {
            (Ok(state), None) if state == "running" => Ok(()),
            (Ok(_), None) => {
                bail!("{name} is degraded: {}", ssh.run(&name, "systemctl --failed --plain --no-legend")?)
            }
            (Err(error), None) => Err(error.context(tail(&guest.console()))),
            (_, Some(status)) => bail!("{name} ended while booting, {status}: {}", tail(&guest.console())),
        }
    }

    /// Ends every guest and removes all that was made for them, also what a run that was cut off left.
    pub(crate) fn down(&self) -> Result<usize> {
        let _lock = if self.run.is_dir() { Some(self.lock()?) } else { None };
        let mut numbers = Vec::new();
        for name in Cgroup::left(&format!("{}-h", self.name))? {
            let number = name.rsplit_once("-h").and_then(|(_, number)| number.parse().ok());
            numbers.push(number.with_context(|| format!("the cgroup {name} is no guest's"))?);
        }
        let mut guests = Vec::new();
        for number in numbers {
            guests.push(Guest::new(&self.run, &self.name, number)?);
        }
        let asked = Instant::now();
        guests.iter().for_each(Guest::ask_to_stop);
        guests.iter().try_for_each(|guest| guest.finish(asked))?;
        self.lab.remove()?;
        image::remove_tree(&self.run)?;
        Ok(guests.len())
    }

    /// What of a fleet is still there, one line each: nothing after `down`.
    pub(crate) fn left(&self) -> Result<Vec<String>> {
        let mut left: Vec<String> =
            Cgroup::left(&self.name)?.iter().map(|name| format!("cgroup {name}")).collect();
        left.extend(lab::left(&self.name).iter().map(|name| format!("network namespace {name}")));
        if self.run.exists() {
            left.push(format!("folder {}", self.run.display()));
        }
        Ok(left)
    }

    /// One `up` or `down` at a time.
    fn lock(&self) -> Result<File> {
        let lock = File::create(self.run.join("lock"))?;
        lock.try_lock().context("another `cargo xtask fleet` of this tree is at work")?;
        Ok(lock)
    }
}

/// The last lines of a guest's console.
fn tail(console: &Path) -> String {
    let text =
        fs::read(console).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_a_fleet_of_its_own() {
        let (one, other) = (Fleet::of(Path::new("/a")), Fleet::of(Path::new("/b")));
        assert_ne!(one.name, other.name);
        assert_eq!(one.name, Fleet::of(Path::new("/a")).name);
        // systemd-nspawn's limit of a machine's name, with `-h32`.
        assert!(one.name.len() + 4 <= 64, "{}", one.name);
        assert!(one.left().unwrap().is_empty());
    }

    #[test]
    fn the_end_of_a_console_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let console = folder.path().join("console");
        fs::write(&console, b"one\ntwo\n\nthree\xff\nfour\n").unwrap();
        assert_eq!(tail(&console), "two | three\u{fffd} | four");
        assert_eq!(tail(&folder.path().join("none")), "");
    }
}
