//! `minewarden report` on this host's journal, and on journals that a hostile host wrote.
#![expect(
    clippy::indexing_slicing,
    reason = "a key that a JSON value does not have is null there, and no panic"
)]
use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use minewarden_tests::{
    agent,
    client::STEP,
    export::{self, FakeHost, ago},
    protocol::Dialect,
    require::Need,
};
use serde_json::Value;

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn tests() -> Vec<Test> {
    const JOURNALS: &[Need] = &[Need::Agent, Need::Collector];
    vec![
        Test::new("report::reads_this_hosts_journal", own_journal),
        Test::new("report::bears_hostile_entries", hostile_entries).needs_only(JOURNALS),
        Test::new("report::judges_silence", silence).needs_only(JOURNALS),
        Test::new("report::respects_the_window", window).needs_only(JOURNALS),
    ]
}

/// `minewarden report` with these arguments.
pub(crate) fn report(arguments: &[&str]) -> Result<Output> {
    Command::new(agent::binary()?)
        .arg("report")
        .args(arguments)
        .output()
        .context("cannot run minewarden report")
}

/// The report on `directory` as text and as JSON.
pub(crate) fn reports(directory: &Path, more: &[&str]) -> Result<(String, Value)> {
    let directory = directory.to_str().context("no UTF-8")?;
    let mut shown = Vec::new();
    for format in ["text", "json"] {
        let output = report(&[&["--directory", directory, "--format", format], more].concat())?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "report --format {format}: {}: {said}", output.status);
        shown.push(String::from_utf8(output.stdout).context("a report that is no UTF-8")?);
    }
    let json = serde_json::from_str(&shown.pop().unwrap_or_default()).context("a report that is no JSON")?;
    Ok((shown.pop().unwrap_or_default(), json))
}

/// Rows of `list` of a report whose `key` is `value`.
pub(crate) fn rows<'a>(report: &'a Value, list: &str, key: &str, value: &str) -> Vec<&'a Value> {
    let all = report[list].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|row| row[key] == value).collect()
}

/// The one host of that name.
pub(crate) fn host<'a>(report: &'a Value, name: &str) -> Result<&'a Value> {
    let found = rows(report, "hosts", "host", name);
    ensure!(found.len() == 1, "{} hosts are called {name}: {:#}", found.len(), report["hosts"]);
    found.first().copied().context("none")
}

fn own_journal(lab: &Lab) -> Result<()> {
    const TEST: &str = "report-own";
    let agent = lab.agent()?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let miner = lab.miner(TEST, Dialect::Cryptonote, port, &[])?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &[Field::Is("level", "confirmed".into())])?;
    let pid = Value::from(miner.pid());
    let found = minewarden_tests::wait::until("the incident in the report", FOUND, || {
        let output = report(&["--since", "-10min", "--format", "json"]).ok()?;
        let report: Value = serde_json::from_slice(&output.stdout).ok()?;
        let incidents = report["incidents"].as_array()?;
        incidents.iter().find(|row| row["pid"] == pid).cloned()
    })?;
    ensure!(found["level"] == "confirmed" && found["state"] == "open", "{found:#}");
    ensure!(found["certified"] == false && found["dialect"] == "cryptonote", "{found:#}");
    miner.finish()?;
    pool.finish()
}

/// What a host that belongs to an attacker may have in its journal, beside what an honest one has.
fn hostile_entries(_lab: &Lab) -> Result<()> {
    let root = tempfile::tempdir()?;
    let (good, bad) = (FakeHost::new("good"), FakeHost::new("bad"));
    let at = ago(30 * SECOND);
    fs::create_dir(root.path().join("below"))?;
    export::write(
        &root.path().join("below/remote-127.77.0.1.journal"),
        &good.incident(at, 1, "incident-opened", &[]),
    )?;
    export::write(&root.path().join("remote-127.77.0.2.journal"), &attack(&bad))?;
    fs::write(root.path().join("remote-127.77.0.3.journal"), vec![b'x'; 9_000])?;
    fs::write(root.path().join("remote-127.77.0.4.journal"), "")?;
    fs::write(root.path().join("sources.toml"), sources(&["good", "bad", "gone", "empty"]))?;
    let (text, json) = reports(root.path(), &[])?;
    let incidents = json["incidents"].as_array().context("no incidents")?;
    ensure!(rows(&json, "incidents", "host", "good").len() == 1, "{incidents:#?}");
    let ids: Vec<_> =
        rows(&json, "incidents", "host", "bad").iter().map(|row| row["incident"].clone()).collect();
    ensure!(ids == ["huge"], "{ids:?}");
    ensure!(!text.replace('\n', "").contains(char::is_control), "control characters: {text:?}");
    ensure!(!text.contains("FORGED"), "an entry that was not written by root counts:\n{text}");
    let counts = &json["counts"];
    for (key, expected) in [("unbelieved", 3), ("unknown", 0), ("malformed", 3)] {
        ensure!(counts[key] == expected, "{key} is {} and not {expected}:\n{counts:#}", counts[key]);
    }
    ensure!(
        json["problems"].as_array().is_some_and(|list| !list.is_empty()),
        "the broken file is no problem"
    );
    ensure!(host(&json, "gone")?["state"] == "unreadable", "{:#}", host(&json, "gone")?);
    Ok(())
}

fn attack(bad: &FakeHost) -> Vec<u8> {
    let at = ago(20 * SECOND);
    let huge = "w".repeat(1 << 20);
    let repeated: Vec<_> = (0..300).map(|_| ("MINEWARDEN_EVIDENCE", "\u{1b}[2J (x): \u{202e}")).collect();
    let opened = |number, fields: &[(&str, &str)]| bad.incident(at, number, "incident-opened", fields);
    let hidden = [("MINEWARDEN_LEVEL", "suspicious"), ("MINEWARDEN_INCIDENT", "hidden")];
    [
        // The id of another host's entry, in an incident of another host's id.
        opened(
            1,
            &[
                &[
                    ("MINEWARDEN_ID", "good-1"),
                    ("MINEWARDEN_INCIDENT", "huge"),
                    ("MINEWARDEN_WALLET", &huge),
                    ("MINEWARDEN_EXE", "/a\n\u{1b}[31m/b"),
                    ("MINEWARDEN_PID", "many"),
                    ("MINEWARDEN_SINCE", "never"),
                ][..],
                &repeated,
            ]
            .concat(),
        ),
        opened(2, &hidden),
        // Without what places an entry.
        opened(3, &[("MINEWARDEN_INCIDENT", "")]),
        opened(4, &[("MINEWARDEN_LEVEL", "certain")]),
        opened(5, &[("MINEWARDEN_LEVEL", "")]),
        // By somebody who is not root, or by nobody.
        opened(6, &[("_UID", "1000"), ("MINEWARDEN_INCIDENT", "FORGED")]),
        opened(7, &[("_UID", "0x0"), ("MINEWARDEN_INCIDENT", "FORGED")]),
        bad.agent(at, 8, "agent-stopped", &[("_UID", "65534")]),
        // Of a kind that is not asked for.
        bad.agent(at, 9, "exec", &[]),
        bad.agent(at, 10, "everything-is-fine", &[]),
        bad.entry(at, &[("MESSAGE", "no agent's")]),
    ]
    .concat()
}

fn sources(names: &[&str]) -> String {
    let one =
        |(number, name)| format!("[[source]]\naddress = \"127.77.0.{}\"\nname = \"{name}\"\n", number + 1);
    names.iter().enumerate().map(one).collect()
}

/// Writes the journal of the host with this number, 1 and on.
fn journal(root: &Path, number: usize, entries: &[Vec<u8>]) -> Result<()> {
    export::write(&root.join(format!("remote-127.77.0.{number}.journal")), &entries.concat())
}

fn silence(_lab: &Lab) -> Result<()> {
    let root = tempfile::tempdir()?;
    let names = ["alive", "silent", "stopped", "quick", "never", "lossy"];
    let hosts = names.map(FakeHost::new);
    let [alive, silent, stopped, quick, _, lossy] = &hosts;
    let beats = |host: &FakeHost, every: u32, until: u32| -> Vec<Vec<u8>> {
        let at = |number: u32| ago(SECOND * (until + (3 - number) * every));
        (0..4)
            .map(|number| {
                host.agent(at(number), number as usize, "heartbeat", &[("MINEWARDEN_COUNTERS", "exec=9")])
            })
            .collect()
    };
    journal(root.path(), 1, &beats(alive, 300, 10))?;
    let mut gone = beats(silent, 300, 3_600);
    gone.push(silent.incident(ago(SECOND * 3_590), 9, "incident-opened", &[]));
    journal(root.path(), 2, &gone)?;
    let mut ended = beats(stopped, 300, 3_600);
    ended.push(stopped.agent(ago(SECOND * 3_500), 9, "agent-stopped", &[]));
    journal(root.path(), 3, &ended)?;
    // Its heartbeat is 10 s, so a minute is long.
    journal(root.path(), 4, &beats(quick, 10, 60))?;
    let lost = [
        ("MINEWARDEN_COUNTERS", "exec=9 lost.exec=5 lost.fork=2"),
        ("MESSAGE", "lost 7 events (exec 5, fork 2)"),
    ];
    journal(root.path(), 6, &[lossy.agent(ago(SECOND), 1, "loss", &lost)])?;
    fs::write(root.path().join("sources.toml"), sources(&names))?;
    let (text, json) = reports(root.path(), &[])?;
    for (name, state) in [
        ("alive", "alive"),
        ("silent", "silent"),
        ("stopped", "stopped"),
        ("quick", "silent"),
        ("never", "never"),
        ("lossy", "alive"),
    ] {
        ensure!(host(&json, name)?["state"] == state, "{name} is not {state}: {:#}", host(&json, name)?);
    }
    ensure!(
        host(&json, "lossy")?["lost"] == 7 && host(&json, "lossy")?["losses"] == 1,
        "{:#}",
        host(&json, "lossy")?
    );
    ensure!(
        json["incidents"][0]["state"] == "unwatched",
        "nobody watches it any more: {:#}",
        json["incidents"]
    );
    for word in
        ["SILENT for 59m", "NEVER HEARD", "stopped", "lost 7 events (exec 5, fork 2)", "no agent watches it"]
    {
        ensure!(text.contains(word), "no {word:?} in\n{text}");
    }
    let (_, patient) = reports(root.path(), &["--silent-after", "2h"])?;
    ensure!(host(&patient, "silent")?["state"] == "alive", "{:#}", host(&patient, "silent")?);
    Ok(())
}

/// What is outside of the window is not shown, but when a host was last heard is known all the same.
fn window(_lab: &Lab) -> Result<()> {
    let root = tempfile::tempdir()?;
    let fake = FakeHost::new("web01");
    let entries = [
        fake.incident(ago(SECOND * 7_200), 1, "incident-opened", &[("MINEWARDEN_INCIDENT", "old")]),
        fake.incident(ago(SECOND * 1_800), 2, "incident-opened", &[("MINEWARDEN_INCIDENT", "new")]),
    ];
    journal(root.path(), 1, &entries)?;
    fs::write(root.path().join("sources.toml"), sources(&["web01"]))?;
    let ids = |more: &[&str]| -> Result<Vec<String>> {
        let (_, json) = reports(root.path(), more)?;
        let rows = json["incidents"].as_array().context("no incidents")?;
        Ok(rows.iter().map(|row| row["incident"].as_str().unwrap_or_default().to_owned()).collect())
    };
    ensure!(ids(&[])? == ["new", "old"], "{:?}", ids(&[])?);
    ensure!(ids(&["--since", "-1h"])? == ["new"], "{:?}", ids(&["--since", "-1h"])?);
    let until = export::rfc3339(ago(SECOND * 3_600));
    ensure!(ids(&["--until", &until])? == ["old"], "{:?}", ids(&["--until", &until])?);
    let (_, json) = reports(root.path(), &["--since", "-10min"])?;
    let host = host(&json, "web01")?;
    ensure!(host["state"] == "silent" && host["last"].is_string() && host["incidents"] == 0, "{host:#}");
    let refused = report(&["--since", "next full moon"])?;
    ensure!(refused.status.code() == Some(2) && refused.stdout.is_empty(), "{refused:?}");
    Ok(())
}
