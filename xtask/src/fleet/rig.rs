//! What scenarios do to hosts: put programs there, let a harmless miner talk to a harmless pool, read the journal.
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::testbed::{fleet::Fleet, guest::Guest, ssh::Ssh, wait};

/// For what takes a second alone, on a machine that is busy with other things.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// Where the test's own programs are, on a host.
const OPT: &str = "/opt/mw-test";
/// The pool's port, on each host's own loopback.
const POOL: &str = "127.0.0.1:13333";

/// Executables that run on the hosts.
pub(super) struct Programs {
    pub(super) agent: PathBuf,
    pub(super) miner: PathBuf,
    pub(super) pool: PathBuf,
}

/// The hosts, and what is put on them.
pub(super) struct Rig {
    fleet: Fleet,
    ssh: Ssh,
    tree: PathBuf,
    /// As given or built.
    pub(super) programs: Programs,
    /// How long the collector is stopped.
    pub(super) outage: Duration,
    packages: PathBuf,
}

impl Rig {
    pub(super) fn new(
        workspace: &Path,
        tree: PathBuf,
        programs: Programs,
        packages: PathBuf,
        outage: Duration,
    ) -> Self {
        let fleet = Fleet::of(workspace);
        Self { ssh: fleet.ssh(), fleet, tree, programs, packages, outage }
    }

    /// The folder of packages.
    pub(super) fn packages(&self) -> &Path {
        &self.packages
    }

    pub(super) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    pub(super) fn ssh(&self) -> &Ssh {
        &self.ssh
    }

    /// Hosts h1 to `count` as they come from their root tree; those in `powerless` may load no eBPF program.
    pub(super) fn fresh(&self, count: u8, powerless: &[u8]) -> Result<Vec<String>> {
        self.fleet.down()?;
        let guests = self.fleet.up(&self.tree, count, powerless)?;
        Ok(guests.iter().map(Guest::name).collect())
    }

    /// Puts the miner and the pool on a host.
    pub(super) fn put_miner(&self, host: &str) -> Result<()> {
        self.ssh.run(host, &format!("mkdir -p {OPT}"))?;
        self.ssh.copy(&self.programs.miner, host, &format!("{OPT}/test-miner"))?;
        self.ssh.copy(&self.programs.pool, host, &format!("{OPT}/test-pool"))
    }

    /// Puts the agent's program on a host.
    pub(super) fn put_program(&self, host: &str) -> Result<()> {
        self.ssh.copy(&self.programs.agent, host, "/usr/bin/minewarden")
    }

    /// Puts the agent on a host by hand and starts it as a unit with `config`.
    pub(super) fn put_agent(&self, host: &str, config: &str) -> Result<()> {
        self.put_program(host)?;
        let script =
            format!("mkdir -p /etc/minewarden && printf '%s' '{config}' > /etc/minewarden/minewarden.toml");
        self.ssh.run(host, &script)?;
        self.ssh
            .run(host, "systemd-run --quiet --unit=minewarden /usr/bin/minewarden run --sink journald")?;
        wait::until(&format!("the agent of {host}"), PATIENCE, || {
            let started = self.entries(host, &[])?;
            let state = self.ssh.output(host, "systemctl is-active minewarden")?;
            ensure!(state.status.success(), "{}", self.said(host, "minewarden")?);
            Ok(started.iter().any(|entry| entry.is("MINEWARDEN_EVENT", "agent-started")).then_some(()))
        })
    }

    /// Lets the miner talk to a pool on its own host; gives its pid there. Both stay until their units are stopped.
    pub(super) fn mine(&self, host: &str, wallet: &str) -> Result<u32> {
        // A FIFO that is open for writing too: their standard input never ends.
        let unit = |name: &str, args: &str| {
            format!(
                "systemd-run --quiet --unit={name} sh -c 'mkfifo -m 600 {OPT}/{name}.hold; \
                 exec {OPT}/{name} --dialect cryptonote {args} 0<>{OPT}/{name}.hold'"
            )
        };
        self.ssh.run(host, &unit("test-pool", &format!("--listen {POOL}")))?;
        self.await_line(host, "test-pool", "\"listening\"")?;
        self.ssh.run(host, &unit("test-miner", &format!("--pool {POOL} --wallet {wallet}")))?;
        self.await_line(host, "test-miner", "\"done\"")?;
        let pid = self.ssh.run(host, "systemctl show --property=MainPID --value test-miner")?;
        pid.parse().with_context(|| format!("{host}: MainPID is `{pid}`"))
    }

    /// Ends what [`Rig::mine`] started and removes what [`Rig::put_miner`] put there.
    pub(super) fn remove_miner(&self, host: &str) -> Result<()> {
        self.ssh.run(host, &format!("systemctl stop test-miner test-pool; rm -r {OPT}")).map(drop)
    }

    fn await_line(&self, host: &str, unit: &str, text: &str) -> Result<()> {
        wait::until(&format!("{text} of {unit} on {host}"), PATIENCE, || {
            Ok(self.said(host, unit)?.contains(text).then_some(()))
        })
    }

    /// All that a unit of a host wrote.
    fn said(&self, host: &str, unit: &str) -> Result<String> {
        self.ssh.run(host, &format!("journalctl --quiet --no-pager --output=cat --unit={unit}"))
    }

    /// The agent's entries in a host's own journal, oldest first, that match `matches` (`MINEWARDEN_PID=7`).
    pub(super) fn entries(&self, host: &str, matches: &[&str]) -> Result<Vec<Entry>> {
        let matches = matches.join(" ");
        let script = format!("journalctl --quiet --no-pager --output=json --identifier=minewarden {matches}");
        entries(&self.ssh.run(host, &script)?)
    }

    /// The first entry of the incident of process `pid` on a host that says so with certainty.
    pub(super) fn await_incident(&self, host: &str, pid: u32) -> Result<Entry> {
        let own = format!("MINEWARDEN_PID={pid}");
        wait::until(&format!("the incident of process {pid} on {host}"), PATIENCE, || {
            let entries = self.entries(host, &[&own])?;
            Ok(entries.into_iter().find(|entry| entry.is("MINEWARDEN_LEVEL", "confirmed")))
        })
    }
}

/// An entry of a journal: names and first values.
#[derive(Debug)]
pub(super) struct Entry(BTreeMap<String, String>);

impl Entry {
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }
}

/// Lines of `journalctl --output=json`.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>> {
    let entry = |line: &str| {
        let fields: BTreeMap<String, Value> =
            serde_json::from_str(line).with_context(|| format!("journalctl printed {line}"))?;
        Ok(Entry(fields.into_iter().filter_map(|(name, value)| Some((name, first(&value)?))).collect()))
    };
    text.lines().map(entry).collect()
}

/// The text of a field, of a repeated one the first; none where it is bytes or too long.
fn first(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => values.first().and_then(first),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journal_entries_are_read_with_their_first_values() {
        let text = "{\"A\":\"x\",\"B\":[\"y\",\"z\"],\"C\":null}\n{\"A\":\"w\"}";
        let read = entries(text).unwrap();
        assert_eq!(read.iter().map(|entry| entry.get("A")).collect::<Vec<_>>(), ["x", "w"]);
        let first = read.first().unwrap();
        assert!(first.is("B", "y") && first.get("C").is_empty());
        assert!(entries("no json").is_err() && entries("").unwrap().is_empty());
    }
}
