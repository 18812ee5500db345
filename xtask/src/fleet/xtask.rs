//! This very program, asked to deploy to the hosts: as an operator does it, and its table read as an operator reads it.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::rig::Rig;

/// Columns of the table: host, kernel, version, action, result, seconds, reason.
const ACTION: usize = 3;
const RESULT: usize = 4;
const REASON: usize = 6;

/// How the hosts are told to it.
pub(super) struct Xtask {
    hosts: Vec<String>,
    inventory: PathBuf,
    config: PathBuf,
    ssh_config: PathBuf,
}

impl Xtask {
    /// Writes the inventory of `hosts` and the configuration that they get.
    pub(super) fn new(rig: &Rig, hosts: &[&str], text: &str) -> Result<Self> {
        let folder = rig.fleet().folder();
        let inventory = folder.join("inventory");
        fs::write(&inventory, hosts.join("\n") + "\n")?;
        let config = folder.join("minewarden.toml");
        fs::write(&config, text)?;
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Ok(Self { hosts, inventory, config, ssh_config: rig.ssh().config() })
    }

    /// Those of the inventory.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str)
    }

    /// `deploy` of the packages in a folder, with further arguments.
    pub(super) fn deploy(&self, packages: &Path, arguments: &[&str]) -> Result<Table> {
        let (config, packages) = (self.config.to_string_lossy(), packages.to_string_lossy());
        self.table(&[&["deploy", "--packages", &packages, "--config", &config], arguments].concat())
    }

    /// Any command that takes hosts; prints the table that it printed.
    pub(super) fn table(&self, arguments: &[&str]) -> Result<Table> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(arguments)
            .arg("--inventory")
            .arg(&self.inventory)
            .arg("--ssh-config")
            .arg(&self.ssh_config);
        let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr);
        println!("  $ cargo xtask {} --inventory ...", arguments.join(" "));
        text.lines().for_each(|line| println!("    {line}"));
        Ok(Table { status: output.status.code(), text, said: said.trim().to_owned() })
    }
}

/// A table that was printed.
pub(super) struct Table {
    status: Option<i32>,
    text: String,
    said: String,
}

impl Table {
    pub(super) fn expect_status(&self, status: i32) -> Result<()> {
        ensure!(
            self.status == Some(status),
            "exit status {:?} instead of {status}: {}",
            self.status,
            self.said
        );
        Ok(())
    }

    /// A line of the host has that action and result.
    pub(super) fn expect(&self, host: &str, action: &str, result: &str) -> Result<()> {
        let lines = self.lines(host)?;
        let cell = |line: &[&str], column: usize| line.get(column).map(|cell| (*cell).to_owned());
        let wanted = (Some(action.to_owned()), Some(result.to_owned()));
        let found = lines.iter().any(|line| (cell(line, ACTION), cell(line, RESULT)) == wanted);
        ensure!(found, "{host} is not told of as {action}, {result}: {}", self.said);
        Ok(())
    }

    pub(super) fn expect_last(&self, text: &str) -> Result<()> {
        let last = self.text.lines().last().unwrap_or_default();
        ensure!(last == text, "the table ends with `{last}` instead of `{text}`");
        Ok(())
    }

    /// The cause in the first line of a host.
    pub(super) fn reason(&self, host: &str) -> Result<String> {
        let lines = self.lines(host)?;
        Ok(lines.first().and_then(|line| line.get(REASON)).copied().unwrap_or_default().to_owned())
    }

    fn lines(&self, host: &str) -> Result<Vec<Vec<&str>>> {
        let lines = self.text.lines().map(cells).filter(|cells| cells.first() == Some(&host));
        let lines: Vec<_> = lines.collect();
        ensure!(!lines.is_empty(), "no line of {host}: {} {}", self.text, self.said);
        Ok(lines)
    }
}

/// Columns stand two blanks apart.
fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_its_columns() {
        let text = "host  kernel  version        action     result   seconds  reason\n\
                    h1    6.1.0   none -> 0.1.0  roll back  ok       3.2      agent-started, self-test passed\n\
                    h2    -       -              -          refused  0.0      it would not work there\n1 ok, 1 refused\n";
        let table = Table { status: Some(1), text: text.to_owned(), said: String::new() };
        table.expect("h1", "roll back", "ok").unwrap();
        table.expect_status(1).unwrap();
        table.expect_last("1 ok, 1 refused").unwrap();
        assert_eq!(table.reason("h2").unwrap(), "it would not work there");
        assert!(table.expect("h2", "-", "ok").is_err() && table.expect("h3", "-", "ok").is_err());
        assert!(table.expect_status(0).is_err() && table.expect_last("2 ok").is_err());
    }
}
