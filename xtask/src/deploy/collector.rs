//! `deploy --collector`: one machine receives the journals of all others, over TLS with a certificate for each.
//!
//! Owns the order: what the hosts are called, the collector, then the hosts, then whether entries arrive. Which files
//! these are, and the authority, are `xtask::collector`'s. The authority's key stays in the operator's folder.
use std::{path::PathBuf, sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use xtask::collector::{
    Authority, COLLECTOR_NEEDS, COLLECTOR_START, File, HOST_NEEDS, HOST_START, Host as Name, JOURNALS, Plan,
    Settings, Source, Sources, Upload,
};

use super::{
    Run,
    crew::{Step, seconds},
    host::{Address, Host},
    plan::fact,
    process::plain,
    shell::{CHANGE, LOOK, Shell},
    ssh::Ssh,
    table::{Outcome, Row},
    verify::{Expect, verify},
};

const PREPARE: &str = include_str!("scripts/prepare.sh");
const ARRIVED: &str = include_str!("scripts/arrived.sh");

const UPLOADER: &str =
    "say last \"$(journalctl -q -u systemd-journal-upload.service -n 1 -o cat 2>/dev/null)\"";
/// Makes the agent write to a journal of its own.
const OWN_JOURNAL: &str = "/etc/systemd/system/minewarden.service.d/fleet.conf";
/// Seconds for a host's last entry: before it comes what its journal holds, at some 60,000 entries a second.
const ARRIVAL: &str = "300";

/// Where journals go.
#[derive(clap::Args)]
pub(crate) struct Collecting {
    /// Make this machine the collector of the hosts' journals, and let the hosts send theirs
    #[arg(long, value_name = "[USER@]HOST[:PORT]", requires = "authority", conflicts_with = "rollback")]
    collector: Option<Address>,
    /// Name or address that the hosts reach the collector by, when it is not the one that you reach it by
    #[arg(long, value_name = "NAME", requires = "collector")]
    collector_address: Option<String>,
    /// Folder of the certificate authority on this machine; made when it is not there. Its key signs for the whole
    /// fleet and leaves it for no machine
    #[arg(long, value_name = "FOLDER", requires = "collector")]
    authority: Option<PathBuf>,
    /// Send minewarden's entries alone; they are written to a journal of their own then
    #[arg(long, requires = "collector")]
    own_entries: bool,
}

/// A host that is to send.
struct Sender<'a> {
    host: &'a Host,
    name: Name,
}

/// Sets up the collector and the hosts whose `rows` are well; a line for each.
pub(crate) fn set_up(options: &Collecting, run: &Run, rows: &[Row], dry_run: bool) -> Result<Vec<Row>> {
    let (Some(address), Some(folder)) = (&options.collector, &options.authority) else {
        return Ok(Vec::new());
    };
    let well: Vec<&Host> =
        run.hosts().zip(rows).filter(|(_, row)| !row.outcome.is_failure()).map(|(host, _)| host).collect();
    let mut settings = Settings::new(options.collector_address.as_ref().unwrap_or(&address.name));
    if options.own_entries {
        settings.upload = Upload::OwnEntries;
    }
    if dry_run {
        let mut row = Row::new(address.to_string());
        row.action = "collect";
        let what = format!("the journals of {} host(s) would be sent to {}", well.len(), settings.address);
        return Ok(vec![row.ended(Outcome::Planned, what)]);
    }
    let senders = names(run, &well)?;
    let authority = Authority::open(folder)?;
    let begin = Instant::now();
    let mut row = Row::new(address.to_string());
    row.action = "collect";
    let collector = Host::Ssh(address.clone());
    let prepared = Shell::open(&collector, usize::MAX, &run.ssh).and_then(|shell| {
        let plan = collect(&shell, &settings, &senders, &authority)?;
        Ok((shell, plan))
    });
    row.seconds = seconds(begin);
    let (shell, plan) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Ok(vec![row.ended(Outcome::Failed, plain(&format!("{error:#}")))]),
    };
    let active = plan.sources.iter().filter(|source| !source.retired).count();
    let mut lines = vec![row.ended(Outcome::Ok, format!("receives from {active} host(s)"))];
    let work = |number: usize, sender: &Sender<'_>, ssh: &Arc<Ssh>, step: &Step<'_>| {
        send(&shell, &plan, &authority, sender, number, ssh, step)
    };
    let sent = run.over(&senders, |sender| sender.host.label(), work, |row| row.outcome.is_failure());
    let not_tried =
        |sender: &Sender<'_>| Row::new(sender.host.label()).ended(Outcome::NotTried, run.why_not());
    lines.extend(senders.iter().zip(sent).map(|(sender, row)| row.unwrap_or_else(|| not_tried(sender))));
    Ok(lines)
}

/// What each host is called: in the list of hosts, and by its own journal.
fn names<'a>(run: &Run, hosts: &[&'a Host]) -> Result<Vec<Sender<'a>>> {
    let work = |number: usize, host: &&'a Host, ssh: &Arc<Ssh>, _: &Step<'_>| -> Result<Sender<'a>> {
        let facts = Shell::open(host, number, ssh)?.look()?;
        Ok(Sender { host, name: name(host, fact(&facts, "hostname")) })
    };
    let named = run.over(hosts, |host| host.label(), work, Result::is_err);
    let stopped = || anyhow::anyhow!("{}", run.why_not());
    named.into_iter().map(|sender| sender.ok_or_else(stopped)?).collect()
}

fn name(host: &Host, hostname: &str) -> Name {
    let own = match host {
        Host::Local => hostname,
        Host::Ssh(address) => &address.name,
    };
    let mut name = Name::new(own);
    // A journal says the short name of `web1.example.org` as a rule.
    let same = own == hostname || own.strip_prefix(hostname).is_some_and(|rest| rest.starts_with('.'));
    name.hostname = (!same && !hostname.is_empty()).then(|| hostname.to_owned());
    name
}

/// Makes a collector of the machine behind `shell`.
fn collect(
    shell: &Shell,
    settings: &Settings,
    senders: &[Sender<'_>],
    authority: &Authority,
) -> Result<Plan> {
    let known = shell.script(&format!("cat {JOURNALS}/sources.toml"), &[], LOOK)?;
    let previous = known.status.success().then_some(known.stdout.as_str());
    let hosts = with_others(senders.iter().map(|sender| sender.name.clone()).collect(), previous)?;
    let plan = Plan::new(settings, &hosts, previous)?;
    need(shell, "the collector", &COLLECTOR_NEEDS)?;
    let new = put(shell, &plan.collector)? | put(shell, &authority.server(&settings.address)?)?;
    if new || !active(shell, "systemd-journal-remote.socket nginx.service")? {
        start(shell, &COLLECTOR_START)?;
    }
    Ok(plan)
}

/// Hosts that send already stay in the fleet when this run is not about them.
fn with_others(mut hosts: Vec<Name>, previous: Option<&str>) -> Result<Vec<Name>> {
    let known = previous.map(Sources::parse).transpose().context("the collector's sources.toml")?;
    for Source { name, hostname, retired, .. } in known.iter().flat_map(Sources::iter) {
        let listed = hosts.iter().any(|host| host.name.eq_ignore_ascii_case(name));
        if !retired && !listed {
            hosts.push(Name { name: name.clone(), hostname: hostname.clone() });
        }
    }
    Ok(hosts)
}

/// Makes a host send, and waits until the collector has an entry of it.
fn send(
    collector: &Shell,
    plan: &Plan,
    authority: &Authority,
    sender: &Sender<'_>,
    number: usize,
    ssh: &Arc<Ssh>,
    step: &Step<'_>,
) -> Row {
    let begin = Instant::now();
    let mut row = Row::new(sender.host.label());
    row.action = "send";
    let attempt = || -> Result<String> {
        step.says("connecting");
        let shell = Shell::open(sender.host, number, ssh)?;
        let name = &sender.name.name;
        step.says("setting up the uploader");
        need(&shell, &sender.host.label(), &HOST_NEEDS)?;
        let mut new = put(&shell, plan.host_files(name)?)? | put(&shell, &authority.host(name)?)?;
        new |= back_to_one_journal(&shell, plan.host_files(name)?)?;
        if new {
            // It may write to another journal from now on.
            start(&shell, &["systemctl daemon-reload", "systemctl restart minewarden.service"])?;
        }
        if new || !active(&shell, "systemd-journal-upload.service")? {
            start(&shell, &HOST_START)?;
        }
        step.says("waiting for its entries");
        let expect = Expect { fresh: new, version: None, selftest: false };
        let entry = verify(&shell, expect)?.entry;
        let source = plan.sources.iter().find(|source| source.name == *name).context("no address")?;
        let address = source.address.to_string();
        let arrived = collector.facts(ARRIVED, &[JOURNALS, &address, &entry, ARRIVAL], CHANGE)?;
        ensure!(
            fact(&arrived, "arrived") == "yes",
            "its last entry is not at the collector after {ARRIVAL} s: {}",
            shell.facts(UPLOADER, &[], LOOK).map(|facts| fact(&facts, "last").to_owned()).unwrap_or_default()
        );
        Ok(format!("arrives as {name}, in remote-{address}.journal"))
    };
    let result = attempt();
    row.seconds = seconds(begin);
    match result {
        Ok(proof) => row.ended(Outcome::Ok, proof),
        Err(error) => row.ended(Outcome::Failed, plain(&format!("{error:#}"))),
    }
}

/// Programs that must be there, each with the Debian package that has it; what is missing is said, then installed
/// where there is an apt.
fn need(shell: &Shell, whose: &str, needs: &[(&str, &str)]) -> Result<()> {
    let words: Vec<&str> = needs.iter().flat_map(|(program, package)| [*program, *package]).collect();
    let missing = shell.facts(PREPARE, &[&["look"], &words[..]].concat(), LOOK)?;
    let packages: Vec<&str> = fact(&missing, "missing").split_whitespace().collect();
    if packages.is_empty() {
        return Ok(());
    }
    ensure!(
        fact(&missing, "apt") == "yes",
        "{} not there, and no apt to install it with",
        packages.join(", ")
    );
    eprintln!("{whose}: installing {} by apt-get", packages.join(", "));
    shell.facts(PREPARE, &[&["install"], &packages[..]].concat(), CHANGE).map(drop)
}

/// Whether any of them is new there.
fn put(shell: &Shell, files: &[File]) -> Result<bool> {
    let mut new = false;
    for file in files {
        new |= shell.put(&file.content, file.mode, &file.path)?;
    }
    Ok(new)
}

/// Takes away the drop-in of `--own-entries` where it is not among `files` any more.
fn back_to_one_journal(shell: &Shell, files: &[File]) -> Result<bool> {
    if files.iter().any(|file| file.path == OWN_JOURNAL) {
        return Ok(false);
    }
    let out = shell.script(
        &format!("[ ! -e {OWN_JOURNAL} ] || {{ rm {OWN_JOURNAL} && echo gone; }}"),
        &[],
        LOOK,
    )?;
    ensure!(out.status.success(), "{OWN_JOURNAL}: {}", out.last_line());
    Ok(out.stdout.trim() == "gone")
}

fn active(shell: &Shell, units: &str) -> Result<bool> {
    Ok(shell.script(&format!("systemctl is-active --quiet {units}"), &[], LOOK)?.status.success())
}

fn start(shell: &Shell, commands: &[&str]) -> Result<()> {
    for command in commands {
        let out = shell.script(command, &[], CHANGE)?;
        ensure!(out.status.success(), "{command}: {}", out.last_line());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_called_as_it_is_listed_and_what_its_journal_says_is_noted_where_it_differs() {
        let of = |listed: &str, own: &str| name(&Host::Ssh(listed.parse().unwrap()), own);
        assert_eq!(of("ops@web1.example.org:22", "web1").hostname, None);
        assert_eq!(of("web1", "web1").hostname, None);
        assert_eq!(of("10.0.0.7", "web1"), Name { name: "10.0.0.7".into(), hostname: Some("web1".into()) });
        assert_eq!(of("web10", "web1").hostname.as_deref(), Some("web1"));
        assert_eq!(name(&Host::Local, "here"), Name::new("here"));
    }

    #[test]
    fn hosts_of_an_earlier_run_stay_in_the_fleet_and_retired_ones_retired() {
        let previous = "[[source]]\naddress = \"127.77.0.1\"\nname = \"web1\"\n\
            [[source]]\naddress = \"127.77.0.2\"\nname = \"db1\"\nhostname = \"database\"\n\
            [[source]]\naddress = \"127.77.0.3\"\nname = \"old\"\nretired = true\n";
        let hosts = with_others(vec![Name::new("WEB1"), Name::new("web2")], Some(previous)).unwrap();
        let database = Name { name: "db1".into(), hostname: Some("database".into()) };
        assert_eq!(hosts, [Name::new("WEB1"), Name::new("web2"), database]);
        assert_eq!(with_others(Vec::new(), None).unwrap(), []);
        assert!(with_others(Vec::new(), Some("address = 3")).is_err());
    }
}
