//! Five agents and a collector with mutual TLS: what is in one report, who is refused, and what an outage costs.
use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;

use super::super::{
    collector::{Collector, distinct, field, list, state},
    host::traces,
    rig::{Entry, PATIENCE, Rig, entries},
    seconds,
    xtask::Xtask,
};
use crate::testbed::wait;

const SENDERS: [&str; 5] = ["h1", "h2", "h3", "h4", "h5"];
const COLLECTOR: &str = "h6";
const KILLED: &str = "h3";
/// Tracing programs see every container of the kernel: each agent keeps to its own. Silence is three heartbeats.
const CONFIG: &str = "[watch]\ncgroup = \"own\"\n[agent]\nheartbeat = \"5s\"\n";
/// Entries a second that each host writes beside the agent's during the outage, in bursts of 50.
const RATE: u64 = 250;

pub(super) fn run(rig: &Rig) -> Result<()> {
    rig.fresh(6, &[])?;
    let xtask = Xtask::new(rig, &SENDERS, CONFIG)?;
    let collector = Collector::set_up(rig, &xtask, COLLECTOR)?;
    let miners = on_each(|host| {
        rig.put_miner(host)?;
        let pid = rig.mine(host, &wallet(host))?;
        rig.await_incident(host, pid)?;
        Ok(pid)
    })?;
    one_report(&collector, &miners)?;
    strangers_refused(&collector)?;
    outage(rig, &collector)?;
    one_report(&collector, &miners)?;
    sent_again(rig, &collector)?;
    one_report(&collector, &miners)?;
    silence(rig, &collector)?;
    let text = collector.report_text()?;
    let hosts = text.lines().skip_while(|line| !line.starts_with("HOST")).take(SENDERS.len() + 1);
    text.lines().take(1).chain(hosts).for_each(|line| println!("    {line}"));
    removed(rig, &xtask)
}

/// What `work` gives for each sender, all at a time.
fn on_each<T: Send>(work: impl Fn(&'static str) -> Result<T> + Sync) -> Result<BTreeMap<&'static str, T>> {
    thread::scope(|scope| {
        let work = &work;
        let working = SENDERS.map(|host| (host, scope.spawn(move || work(host))));
        let result = working.into_iter().map(|(host, working)| {
            let done = working.join().map_err(|_| anyhow!("the thread of {host} panicked"))?;
            Ok((host, done.with_context(|| host.to_owned())?))
        });
        result.collect()
    })
}

/// An address that is each host's own, in Monero's form.
fn wallet(host: &str) -> String {
    format!("4{host:A>94}")
}

/// Five incidents, each of the right host, process and wallet, and none twice.
fn one_report(collector: &Collector<'_>, miners: &BTreeMap<&str, u32>) -> Result<()> {
    let expected: BTreeSet<String> =
        miners.iter().map(|(host, pid)| format!("{host} {pid} {} confirmed", wallet(host))).collect();
    wait::until("five incidents in one report", PATIENCE, || {
        let report = collector.report()?;
        let incidents = list(&report, "incidents")?;
        let told: Vec<String> = incidents.iter().map(told).collect();
        ensure!(told.len() == SENDERS.len(), "the report tells of {}", told.join(", "));
        let told: BTreeSet<String> = told.into_iter().collect();
        ensure!(told == expected, "the report tells of {told:?} instead of {expected:?}");
        let by_certificate = incidents.iter().all(|row| row.get("certified") == Some(&Value::Bool(true)));
        ensure!(by_certificate, "a host's name is not its certificate's");
        Ok(Some(()))
    })
}

fn told(row: &Value) -> String {
    let pid = row.get("pid").and_then(Value::as_u64).unwrap_or_default();
    format!("{} {pid} {} {}", field(row, "host"), field(row, "wallet"), field(row, "level"))
}

/// No certificate, one of another authority, and one of a host that is not in the list are refused, and nothing of
/// what they sent is kept. The host's own is taken, so that the question was put rightly.
fn strangers_refused(collector: &Collector<'_>) -> Result<()> {
    collector.certify("h1", true, "h1", "/root/foreign")?;
    collector.certify("h9", false, "h1", "/root/unlisted")?;
    for (folder, tag, status, kept) in [
        (None, "try-without", "400", false),
        (Some("/root/foreign"), "try-foreign", "400", false),
        (Some("/root/unlisted"), "try-unlisted", "403", false),
        (Some(Collector::own_folder()), "try-own", "202", true),
    ] {
        let (answer, found) = collector.offer("h1", folder, tag)?;
        println!("  {tag}: {answer}");
        ensure!(answer == status, "{tag}: the collector answers {answer} instead of {status}");
        ensure!(found == kept, "{tag}: kept is {found}");
    }
    Ok(())
}

/// The collector is killed while everybody sends, and comes back: everything arrives, and is told once.
fn outage(rig: &Rig, collector: &Collector<'_>) -> Result<()> {
    let count = RATE * (rig.outage.as_secs() + 20);
    on_each(|host| start_flight(rig, host, count))?;
    let sent = |host| collector.received(host, "--identifier=flight --output=cat");
    wait::until("entries in flight", PATIENCE, || Ok((sent("h1")?.len() > 200).then_some(())))?;
    let start = Instant::now();
    collector.stop()?;
    let before = on_each(sent)?;
    let cut = before.values().any(|lines| u64::try_from(lines.len()).is_ok_and(|sent| sent < count));
    ensure!(cut, "everything had arrived before the collector was stopped");
    on_each(|host| await_failed_upload(rig, host))?;
    wait::until("the end of the outage", rig.outage + PATIENCE, || {
        Ok((start.elapsed() >= rig.outage).then_some(()))
    })?;
    collector.start()?;
    let back = Instant::now();
    println!("  the collector was away for {}", seconds(start.elapsed()));
    on_each(|host| await_flight(collector, host, count))?;
    println!("  {} entries of each host were there {} later", count, seconds(back.elapsed()));
    let own = on_each(|host| await_ids(rig, collector, host))?;
    println!(
        "{:<6} {:>8} {:>11} {:>16} {:>14}",
        "  host", "flight", "duplicates", "agent's entries", "duplicates"
    );
    for (host, (ids, again)) in own {
        let lines = sent(host)?;
        let (_, flight_again) = distinct(&lines);
        println!("  {host:<4} {count:>8} {flight_again:>11} {ids:>16} {again:>14}");
    }
    Ok(())
}

/// Numbers the entries that a host writes, one line each.
fn start_flight(rig: &Rig, host: &str, count: u64) -> Result<()> {
    let script = format!(
        "systemd-run --quiet --unit=flight sh -c 'seq 1 {count} | while read -r n; do echo $n; \
         [ $((n % 50)) != 0 ] || sleep {}; done | systemd-cat --identifier=flight'",
        50.0 / Duration::from_secs(RATE).as_secs_f64()
    );
    rig.ssh().run(host, &script).map(drop)
}

/// The uploader has noticed, and systemd has started it again at least once.
fn await_failed_upload(rig: &Rig, host: &str) -> Result<()> {
    wait::until(&format!("a failed upload of {host}"), PATIENCE, || {
        let count =
            rig.ssh().run(host, "systemctl show --property=NRestarts --value systemd-journal-upload")?;
        Ok((count.parse::<u32>()? > 0).then_some(()))
    })
}

fn await_flight(collector: &Collector<'_>, host: &str, count: u64) -> Result<()> {
    wait::until(&format!("every entry of {host}"), PATIENCE * 2, || {
        let lines = collector.received(host, "--identifier=flight --output=cat")?;
        let (numbers, _) = distinct(&lines);
        let missing = (1..=count).find(|number| !numbers.contains(number.to_string().as_str()));
        ensure!(
            missing.is_none(),
            "{} have come, number {} has not",
            numbers.len(),
            missing.unwrap_or_default()
        );
        Ok(Some(()))
    })
}

/// Every entry of the agent that the host had at this moment is at the collector; how many, and how many are there
/// again.
fn await_ids(rig: &Rig, collector: &Collector<'_>, host: &str) -> Result<(usize, usize)> {
    let of = |entry: &Entry| entry.get("MINEWARDEN_ID").to_owned();
    let local: Vec<String> = rig.entries(host, &[])?.iter().map(of).filter(|id| !id.is_empty()).collect();
    wait::until(&format!("every entry of the agent of {host}"), PATIENCE, || {
        let text = collector.received(host, "--identifier=minewarden --output=json")?.join("\n");
        let there = entries(&text)?;
        let ids: Vec<String> = there.iter().map(of).filter(|id| !id.is_empty()).collect();
        let (set, again) = distinct(&ids);
        let missing = local.iter().find(|id| !set.contains(id.as_str()));
        ensure!(missing.is_none(), "{} is missing", missing.map_or("", String::as_str));
        Ok(Some((set.len(), again)))
    })
}

/// An uploader that lost its place sends all of its journal again: more entries at the collector, the same report.
fn sent_again(rig: &Rig, collector: &Collector<'_>) -> Result<()> {
    let host = "h2";
    let script = "systemctl stop systemd-journal-upload && rm /var/lib/systemd/journal-upload/state \
                  && systemctl start systemd-journal-upload";
    rig.ssh().run(host, script)?;
    let count = wait::until("duplicates in the report", PATIENCE, || {
        let report = collector.report()?;
        let count = report.pointer("/counts/duplicates").and_then(Value::as_u64).unwrap_or_default();
        Ok((count > 0).then_some(count))
    })?;
    println!("  {count} entries of agents came again, and count once");
    Ok(())
}

/// An agent that is killed says nothing more, and the report says so; the others are heard.
fn silence(rig: &Rig, collector: &Collector<'_>) -> Result<()> {
    // Its unit would start it again.
    rig.ssh().put(
        KILLED,
        "/run/systemd/system/minewarden.service.d/test.conf",
        0o644,
        b"[Service]\nRestart=no\n",
    )?;
    rig.ssh().run(KILLED, "systemctl daemon-reload && systemctl kill --signal=KILL minewarden")?;
    let start = Instant::now();
    wait::until("the silence of a killed agent", PATIENCE, || {
        let report = collector.report()?;
        for host in SENDERS {
            let (is, expected) = (state(&report, host)?, if host == KILLED { "silent" } else { "alive" });
            ensure!(is == expected, "{host} is {is}");
        }
        Ok(Some(()))
    })?;
    rig.ssh().run(KILLED, "rm -r /run/systemd/system/minewarden.service.d && systemctl daemon-reload")?;
    println!("  {KILLED} was shown as silent {} after its agent was killed", seconds(start.elapsed()));
    Ok(())
}

/// Senders that are taken back keep neither certificate nor uploader.
fn removed(rig: &Rig, xtask: &Xtask) -> Result<()> {
    let table = xtask.table(&["undeploy"])?;
    table.expect_status(0)?;
    for host in SENDERS {
        table.expect(host, "remove", "ok")?;
        let traces = traces(rig.ssh(), host)?;
        ensure!(traces.is_empty(), "left on {host}: {}", traces.join(", "));
        let uploader = rig.ssh().output(host, "systemctl is-active systemd-journal-upload")?;
        ensure!(!uploader.status.success(), "the uploader of {host} still runs");
    }
    Ok(())
}
