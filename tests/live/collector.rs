//! The way from five hosts to one report: real uploaders, real nginx with the plan's configuration, a real
//! systemd-journal-remote. All on loopback.
#![expect(
    clippy::indexing_slicing,
    reason = "a key that a JSON value does not have is null there, and no panic"
)]
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use minewarden_tests::{
    collector::{Collector, SENT, Sender},
    export::{self, FakeHost, ago},
    process::{Running, Signal},
    require::Need,
    wait,
};

use crate::{
    Test,
    lab::Lab,
    report::{host, reports, rows},
};

const HOSTS: [&str; 5] = ["web01", "web02", "web03", "db01", "db02.example.org"];
const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(60);

type Scenario = fn(&Lab) -> Result<()>;

pub(crate) fn tests() -> Vec<Test> {
    const NEEDS: &[Need] = &[Need::Agent, Need::Collector];
    let all: [(&str, Scenario); 6] = [
        ("five_hosts_are_one_report", five_hosts),
        ("strangers_are_refused", strangers),
        ("a_host_that_lies_is_a_contradiction", liar),
        ("a_cut_loses_nothing_and_repeats_nothing", cut),
        ("an_outage_is_waited_out", outage),
        ("rate", rate),
    ];
    all.map(|(name, run)| Test::new(format!("collector::{name}"), run).needs_only(NEEDS)).into()
}

/// Gives `sender` a journal with these entries.
fn fill(sender: &Sender, entries: &[Vec<u8>]) -> Result<()> {
    export::write(&sender.journal(), &entries.concat())
}

fn mining(host: &FakeHost) -> Vec<Vec<u8>> {
    vec![
        host.agent(ago(60 * SECOND), 1, "agent-started", &[]),
        host.agent(ago(50 * SECOND), 2, "heartbeat", &[("MINEWARDEN_COUNTERS", "exec=1 lost.exec=0")]),
        host.incident(ago(40 * SECOND), 3, "incident-opened", &[]),
    ]
}

fn five_hosts(_lab: &Lab) -> Result<()> {
    let collector = Collector::start(&HOSTS)?;
    for name in HOSTS {
        let sender = collector.host(name)?;
        fill(&sender, &mining(&FakeHost::new(name)))?;
        sender.send()?;
    }
    let (text, json) = wait_for_incidents(&collector.journals(), HOSTS.len())?;
    for name in HOSTS {
        let found = rows(&json, "incidents", "host", name);
        ensure!(found.len() == 1, "{} incidents on {name}\n{text}", found.len());
        let row = found.first().context("none")?;
        ensure!(row["certified"] == true && row["contradiction"] == false, "{row:#}");
        ensure!(row["exe"] == format!("/home/stranger/{name}") && row["login_user"] == "alice", "{row:#}");
        ensure!(text.contains(&format!("confirmed 100 on {name}: open since ")), "{text}");
    }
    ensure!(collector.received().len() == HOSTS.len(), "{:?}", collector.received());
    ensure!(text.starts_with("5 incidents (5 open) on 5 of 5 hosts"), "{text}");
    Ok(())
}

/// systemd-journal-remote writes what it has in its own time; the report reads what is written.
fn wait_for_incidents(journals: &Path, many: usize) -> Result<(String, serde_json::Value)> {
    let mut last = None;
    let found = wait::until(&format!("{many} incidents in the report"), LIMIT, || {
        let report = reports(journals, &[]).ok()?;
        let enough = report.1["incidents"].as_array().is_some_and(|list| list.len() >= many);
        last = Some(report.0.clone());
        enough.then_some(report)
    });
    found.with_context(|| last.unwrap_or_else(|| "there is no report".to_owned()))
}

fn strangers(_lab: &Lab) -> Result<()> {
    let collector = Collector::start(&["web01"])?;
    let fake = FakeHost::new("web01");
    // The same name by another authority; and a name by the right authority that is not in the fleet.
    for (sender, status) in [(collector.stranger("web01")?, 400), (collector.host("unlisted")?, 403)] {
        fill(&sender, &mining(&fake))?;
        let mut upload = sender.upload()?;
        let ended = upload.wait(SENT)?;
        ensure!(!ended.success(), "it was taken:\n{}", upload.dump());
        ensure!(
            collector.answers().contains(&format!("\" {status} ")),
            "no {status}: {}",
            collector.answers()
        );
    }
    let answer = without_certificate(&collector)?;
    ensure!(answer.starts_with("HTTP/1.1 400 "), "without a certificate: {answer:?}");
    ensure!(collector.received().is_empty(), "stored: {:?}", collector.received());
    let sender = collector.host("web01")?;
    fill(&sender, &mining(&fake))?;
    sender.send().context("the one that may is refused too")?;
    ensure!(collector.received().len() == 1, "{:?}", collector.received());
    Ok(())
}

/// What nginx answers to a sender who shows no certificate.
fn without_certificate(collector: &Collector) -> Result<String> {
    let request = "POST /upload HTTP/1.1\r\nHost: collector\r\nContent-Type: application/vnd.fdo.journal\r\n\
                   Content-Length: 0\r\nConnection: close\r\n\r\n";
    let mut child = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &collector.address().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().context("no input")?;
    std::io::Write::write_all(&mut stdin, request.as_bytes())?;
    // It ends with the connection, which nginx closes.
    let output = child.wait_with_output()?;
    drop(stdin);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn liar(_lab: &Lab) -> Result<()> {
    let collector = Collector::start(&["web01", "db01"])?;
    let (liar, honest) = (collector.host("web01")?, collector.host("db01")?);
    // web01 sends what looks like db01's journal, and the same id as db01.
    fill(&liar, &mining(&FakeHost::new("db01")))?;
    fill(&honest, &mining(&FakeHost::new("db01.example.org")))?;
    liar.send()?;
    honest.send()?;
    let (text, json) = wait_for_incidents(&collector.journals(), 2)?;
    let row =
        *rows(&json, "incidents", "host", "web01").first().context("nothing under the certificate's name")?;
    ensure!(row["contradiction"] == true && row["hostname"] == "db01", "{row:#}");
    let told = "on web01 by its certificate (CONTRADICTION: its journal says db01): open since";
    ensure!(text.contains(told), "no {told:?} in\n{text}");
    ensure!(host(&json, "web01")?["contradiction"] == true, "{:#}", host(&json, "web01")?);
    ensure!(host(&json, "db01")?["contradiction"] == false, "a long name of the same host:\n{text}");
    ensure!(rows(&json, "incidents", "host", "db01").len() == 1, "{text}");
    Ok(())
}

const INCIDENTS: usize = 20;

/// Entries of [`INCIDENTS`] incidents, `each` of every one.
fn backlog(host: &FakeHost, each: usize) -> Vec<Vec<u8>> {
    let all = INCIDENTS * each;
    let one = |number: usize| {
        let id = format!("{:016x}", number % INCIDENTS);
        let event = if number < INCIDENTS { "incident-opened" } else { "incident-updated" };
        let at = ago(Duration::from_millis(u64::try_from(all - number).unwrap_or(0)));
        host.incident(at, number, event, &[("MINEWARDEN_INCIDENT", &id)])
    };
    (0..all).map(one).collect()
}

/// Entries that the collector has, those that came twice counted twice.
fn stored(collector: &Collector) -> usize {
    let journals = collector.journals();
    let output = Command::new("journalctl")
        .arg("--directory")
        .arg(&journals)
        .args(["--output=cat", "--output-fields=MINEWARDEN_ID", "--quiet"])
        .output();
    output.map_or(0, |output| output.stdout.iter().filter(|byte| **byte == b'\n').count())
}

/// The collector is killed in the middle of one long request: the sender begins it again, so what had arrived is there
/// twice, and counts once.
fn cut(_lab: &Lab) -> Result<()> {
    let mut each = 400;
    let (mut collector, sender, taken) = loop {
        let collector = Collector::start(&["web01"])?;
        let sender = collector.host("web01")?;
        fill(&sender, &backlog(&FakeHost::new("web01"), each))?;
        match cut_once(collector, &sender)? {
            Some((collector, taken)) => break (collector, sender, taken),
            None if each < 3_200 => each *= 2,
            None => bail!("{} entries were sent before they could be cut", INCIDENTS * each),
        }
    };
    collector.receive()?;
    sender.send()?;
    let all = INCIDENTS * each;
    wait::until("every entry", LIMIT, || (stored(&collector) >= all + taken).then_some(()))?;
    let (text, json) = reports(&collector.journals(), &[])?;
    let incidents = json["incidents"].as_array().context("no incidents")?;
    ensure!(incidents.len() == INCIDENTS, "{} incidents\n{text}", incidents.len());
    let wrong: Vec<_> = incidents.iter().filter(|row| row["entries"] != each).collect();
    ensure!(wrong.is_empty(), "not {each} entries each: {wrong:#?}");
    let again = json["counts"]["duplicates"].as_u64().unwrap_or(0);
    // The last one before the cut may be torn: it is whole in the second request.
    let expected = (taken as u64).saturating_sub(1)..=taken as u64;
    ensure!(
        again > 0 && expected.contains(&again),
        "{again} came again, and {taken} were there before the cut"
    );
    Ok(())
}

/// Kills the receiver while an upload is under way; how many entries it had taken, `None` when it had them all.
fn cut_once(mut collector: Collector, sender: &Sender) -> Result<Option<(Collector, usize)>> {
    let mut upload = sender.upload()?;
    wait::until("the first entries", SENT, || {
        (stored(&collector) > 0 || upload.ended().is_some()).then_some(())
    })?;
    collector.receiver()?.signal(Signal::KILL)?;
    collector.receiver()?.wait(LIMIT)?;
    if upload.wait(SENT)?.success() {
        return Ok(None);
    }
    let taken = stored(&collector);
    Ok(Some((collector, taken)))
}

/// An uploader that is started again whenever it ends, as the unit's drop-in has it.
fn sent_at_last(sender: &Sender, mut meanwhile: impl FnMut() -> Result<()>) -> Result<usize> {
    let mut starts = 1;
    let mut upload: Running = sender.upload()?;
    ensure!(!upload.wait(SENT)?.success(), "there was nobody to send to");
    meanwhile()?;
    wait::until("an upload that is taken", SENT, || {
        starts += 1;
        sender.upload().ok()?.wait(SENT).ok()?.success().then_some(())
    })?;
    Ok(starts)
}

fn outage(_lab: &Lab) -> Result<()> {
    let mut collector = Collector::start(&["web01", "web02"])?;
    let fake = FakeHost::new("web01");
    let sender = collector.host("web01")?;
    fill(&sender, &mining(&fake))?;
    sender.send()?;
    collector.receiver()?.signal(Signal::TERM)?;
    collector.receiver()?.wait(LIMIT)?;
    // What happens while nobody receives: the incident goes on, and another begins.
    let second = [("MINEWARDEN_INCIDENT", "second")];
    let entries = [
        fake.incident(ago(20 * SECOND), 4, "incident-updated", &[]),
        fake.incident(ago(10 * SECOND), 5, "incident-opened", &second),
    ];
    fill(&sender, &entries)?;
    sent_at_last(&sender, || collector.receive())?;
    let (text, json) = wait_for_incidents(&collector.journals(), 2)?;
    ensure!(json["incidents"].as_array().is_some_and(|list| list.len() == 2), "{text}");
    ensure!(host(&json, "web01")?["incidents"] == 2, "{text}");
    ensure!(host(&json, "web02")?["state"] == "never", "{text}");
    ensure!(text.contains("NEVER HEARD"), "{text}");
    Ok(())
}

/// Heartbeats of one host as [`rate`] sends them: a month of them at the default interval.
const BEATS: usize = 8_640;

/// How much a collector takes, with everything on one machine: printed, for docs/operations.md. What is demanded is only
/// that all of it arrives.
#[expect(clippy::cast_precision_loss, reason = "counts of thousands")]
fn rate(_lab: &Lab) -> Result<()> {
    let mut collector = Collector::start(&HOSTS)?;
    // As long as real ones, and different in each.
    let counters =
        |beat: usize| (0..70).map(|n| format!("a.counters.name.{n}={} ", n * beat)).collect::<String>();
    let mut senders = Vec::new();
    for name in HOSTS {
        let (sender, fake) = (collector.host(name)?, FakeHost::new(name));
        let beat = |number: usize| {
            let before = u32::try_from(BEATS - number).unwrap_or(0);
            fake.agent(
                ago(SECOND * before * 300),
                number,
                "heartbeat",
                &[("MINEWARDEN_COUNTERS", &counters(number))],
            )
        };
        let entries: Vec<_> = (0..BEATS).map(beat).collect();
        fill(&sender, &entries)?;
        senders.push((sender, entries.iter().map(Vec::len).sum::<usize>()));
    }
    let begin = Instant::now();
    let mut uploads = senders.iter().map(|(sender, _)| sender.upload()).collect::<Result<Vec<_>>>()?;
    uploads.iter_mut().try_for_each(|upload| upload.finish(SENT))?;
    let taken = begin.elapsed().as_secs_f64();
    let [nginx, receiver] = collector.cpu_seconds()?;
    let (all, bytes) = (BEATS * HOSTS.len(), senders.iter().map(|(_, bytes)| bytes).sum::<usize>());
    ensure!(stored(&collector) == all, "{} of {all} arrived", stored(&collector));
    let begin = Instant::now();
    let (_, json) = reports(&collector.journals(), &[])?;
    let read = begin.elapsed().as_secs_f64() / 2.0;
    ensure!(json["counts"]["entries"] == all, "{:#}", json["counts"]);
    println!(
        "collector: {all} heartbeats of {} bytes from {} hosts in {taken:.2} s, {:.0} entries/s, {:.1} MB/s; \
         {receiver:.2} s of processor in systemd-journal-remote, {nginx:.2} s in nginx; a report in {read:.2} s",
        bytes / all,
        HOSTS.len(),
        all as f64 / taken,
        bytes as f64 / taken / 1e6,
    );
    Ok(())
}
