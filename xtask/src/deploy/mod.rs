//! `cargo xtask deploy`: installs the packages on this machine or, over ssh, on many.
//!
//! Owns the command lines and the run over all hosts. What is done on one host stands in `rollout.rs`; what the host
//! itself carries out, in `scripts/`.
mod collector;
mod crew;
mod doctor;
mod host;
mod interrupt;
mod inventory;
mod packages;
mod plan;
mod process;
mod rollout;
mod shell;
mod ssh;
pub(crate) mod status;
mod table;
pub(crate) mod undeploy;
mod verify;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, Result};

use self::{
    crew::{Limits, Step},
    host::{Address, Host},
    interrupt::Interrupt,
    packages::Packages,
    rollout::Order,
    ssh::{Ssh, SshOption},
    table::{Outcome, Row},
};
use crate::cargo;

/// Which hosts, and how they are reached.
#[derive(clap::Args)]
pub(crate) struct Fleet {
    /// A host; give it again for more. Without any: this machine, through sudo when you are not root
    #[arg(long = "host", value_name = "[USER@]HOST[:PORT]")]
    hosts: Vec<Address>,
    /// A file with a host a line: `[user@]host[:port] [user=NAME] [port=N] [group=A,B]`; # begins a comment
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// Only the hosts of this group of the inventory
    #[arg(long, value_name = "GROUP", requires = "inventory")]
    group: Option<String>,
    /// Hosts at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Begin no other host after N have failed; 0: go on
    #[arg(long, value_name = "N", default_value_t = 3)]
    max_failures: usize,
    /// An option for ssh, as its -o takes it; give it again for more
    #[arg(long = "ssh-option", value_name = "KEY=VALUE")]
    ssh_options: Vec<SshOption>,
    /// Configuration for ssh, in place of your own
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
}

/// Install or upgrade minewarden on hosts, verify that it works there, and say so in a table
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: Fleet,
    /// Look and check, say what would be done, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Bring back the version that the last deployment replaced
    #[arg(long, conflicts_with_all = ["config", "packages", "version", "keep"])]
    rollback: bool,
    /// Keep a version that does not verify, instead of putting back what was there
    #[arg(long)]
    keep: bool,
    /// Configuration for the hosts, /etc/minewarden/minewarden.toml there; without it theirs stays as it is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the packages are; what `cargo xtask dist` makes, when not given
    #[arg(long, value_name = "FOLDER")]
    packages: Option<PathBuf>,
    /// Which version, where there are packages of more than one
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    collector: collector::Collecting,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Some(run) = Run::new(&options.fleet)? else { return Ok(ExitCode::from(2)) };
    if options.rollback {
        let rows =
            run.each(|number, host, ssh, step| rollout::roll_back(options.dry_run, number, host, ssh, step));
        return Ok(table::print(&rows, options.json));
    }
    let folder = options
        .packages
        .clone()
        .map_or_else(|| Ok(cargo::workspace()?.join("target/dist")), Ok::<_, anyhow::Error>)?;
    let packages = Packages::find(&folder, options.version.as_deref())?;
    let order = Order::new(packages, options.config.as_deref(), options.dry_run, options.keep)?;
    let mut rows = run.each(|number, host, ssh, step| rollout::deploy(&order, number, host, ssh, step));
    rows.extend(collector::set_up(&options.collector, &run, &rows, options.dry_run)?);
    Ok(table::print(&rows, options.json))
}

/// One run over hosts.
struct Run {
    hosts: Vec<Host>,
    limits: Limits,
    interrupt: Interrupt,
    ssh: Arc<Ssh>,
}

impl Run {
    /// `None` after a mistake in the inventory, which was told.
    fn new(fleet: &Fleet) -> Result<Option<Self>> {
        let hosts = match hosts(fleet) {
            Ok(hosts) => hosts,
            Err(mistake) => {
                eprintln!("error: {mistake}");
                return Ok(None);
            }
        };
        shell::authenticate(&hosts)?;
        let interrupt = Interrupt::watch().context("signals")?;
        let ssh = Ssh::new(fleet.ssh_config.clone(), fleet.ssh_options.clone(), interrupt.clone())?;
        let limits = Limits { jobs: usize::from(fleet.jobs), failures: fleet.max_failures };
        Ok(Some(Self { hosts, limits, interrupt, ssh }))
    }

    fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter()
    }

    /// What `work` makes of each item; `None` where it was not begun.
    fn over<T: Sync, R: Send>(
        &self,
        items: &[T],
        label: impl Fn(&T) -> String + Sync,
        work: impl Fn(usize, &T, &Arc<Ssh>, &Step<'_>) -> R + Sync,
        failed: impl Fn(&R) -> bool + Sync,
    ) -> Vec<Option<R>> {
        let work = |number: usize, item: &T, step: &Step<'_>| work(number, item, &self.ssh, step);
        crew::each(items, self.limits, &self.interrupt, label, work, failed)
    }

    /// A line for each host.
    fn each(&self, work: impl Fn(usize, &Host, &Arc<Ssh>, &Step<'_>) -> Row + Sync) -> Vec<Row> {
        let told = |number: usize, host: &Host, ssh: &Arc<Ssh>, step: &Step<'_>| {
            let row = work(number, host, ssh, step);
            step.says(row.outcome.name());
            row
        };
        let rows = self.over(&self.hosts, Host::label, told, |row| row.outcome.is_failure());
        let not_tried = |host: &Host| Row::new(host.label()).ended(Outcome::NotTried, self.why_not());
        self.hosts().zip(rows).map(|(host, row)| row.unwrap_or_else(|| not_tried(host))).collect()
    }

    /// Why a host was not begun.
    fn why_not(&self) -> &'static str {
        if self.interrupt.stopped() { "stopped by a signal" } else { "enough hosts failed before" }
    }
}

/// Those on the command line and those of the inventory, each once; none at all: this machine.
fn hosts(fleet: &Fleet) -> Result<Vec<Host>, String> {
    let mut hosts: Vec<Address> = Vec::new();
    let listed = fleet.inventory.as_deref().map(|file| inventory::read(file, fleet.group.as_deref()));
    for address in fleet.hosts.iter().cloned().chain(listed.transpose()?.unwrap_or_default()) {
        if !hosts.iter().any(|known| known.to_string() == address.to_string()) {
            hosts.push(address);
        }
    }
    if hosts.is_empty() {
        return Ok(vec![Host::Local]);
    }
    Ok(hosts.into_iter().map(Host::Ssh).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(args: &[&str]) -> Result<Options, clap::Error> {
        Ok(Line::try_parse_from([&["deploy"], args].concat())?.options)
    }

    #[test]
    fn no_host_is_this_machine_and_each_host_is_deployed_to_once() {
        let labels = |args: &[&str]| {
            let hosts = hosts(&options(args).unwrap().fleet).unwrap();
            hosts.iter().map(Host::label).collect::<Vec<_>>()
        };
        assert_eq!(labels(&[]), ["this machine"]);
        assert_eq!(
            labels(&["--host", "web1", "--host", "ops@web1", "--host", "web2:22"]),
            ["web1", "web2:22"]
        );
    }

    #[test]
    fn usage_errors_have_status_2() {
        for args in [
            &["--rollback", "--config", "x"][..],
            &["--group", "web"],
            &["--jobs", "0"],
            &["--host", "-oProxyCommand=x"],
            &["--ssh-option", "StrictHostKeyChecking=no"],
        ] {
            assert_eq!(options(args).err().map(|error| error.exit_code()), Some(2), "{args:?}");
        }
    }
}
