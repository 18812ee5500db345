//! The numbers of a running agent, as Prometheus' own programs take them, and the shipped alert as it reaches somebody.
use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    client::STEP,
    process::Signal,
    prometheus::{Monitoring, free_address, get},
    protocol::Dialect,
    require::Need,
    wait,
};

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

const RULES: &str = include_str!("../../monitor/assets/prometheus/minewarden.rules.yml");
/// How long an alert may take: scrape, rule, group, call, each about a second on a quiet machine.
const ALERT: Duration = Duration::from_secs(90);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("metrics::are_right_and_pass_promtool", are_right_and_pass_promtool)
            .needs(&[Need::Prometheus]),
        Test::new("metrics::none_are_offered_by_default", none_are_offered_by_default),
        Test::new("metrics::the_shipped_alert_reaches_a_webhook", the_shipped_alert_reaches_a_webhook)
            .needs(&[Need::Prometheus]),
    ]
}

/// An agent that offers its numbers on a free port and in a file; incidents end a second after their process.
fn offering(lab: &Lab, test: &str) -> Result<(Agent, SocketAddr, PathBuf)> {
    let (address, folder) = (free_address()?, lab.folder()?);
    let (config, textfile) = (folder.join(format!("{test}.toml")), folder.join(format!("{test}.prom")));
    let text = format!(
        "[metrics]\nlisten = \"{address}\"\ntextfile = \"{}\"\n[incident]\nend_after = \"1s\"\n",
        textfile.display()
    );
    fs::write(&config, text)?;
    let config = config.to_str().context("the scratch folder has an odd name")?;
    Ok((Agent::start(&["--config", config])?, address, textfile))
}

fn value(text: &str, metric: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' ')?.parse().ok())
}

fn promtool(text: &str) -> Result<()> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no stdin")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // A remark of the linter comes with status 3 in newer versions and 0 in older ones.
    ensure!(output.status.success() && said.trim().is_empty(), "promtool check metrics: {said}\n{text}");
    Ok(())
}

fn are_right_and_pass_promtool(lab: &Lab) -> Result<()> {
    const TEST: &str = "metrics-right";
    const OPEN: &str = "minewarden_incidents_open{level=\"confirmed\",role=\"miner\"}";
    const REACHED: &str = "minewarden_incidents_total{level=\"confirmed\"}";
    let (agent, address, textfile) = offering(lab, TEST)?;
    let numbers = || get(address, "/metrics").ok().filter(|(status, _)| *status == 200).map(|(_, text)| text);
    let before = wait::until("the first numbers", FOUND, numbers)?;
    promtool(&before)?;
    let reached = value(&before, REACHED).context(REACHED)?;
    let (pool, port) = lab.pool(TEST, Dialect::StratumV1)?;
    let miner = lab.miner(TEST, Dialect::StratumV1, port, &[])?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &[Field::Is("level", "confirmed".into())])?;
    // Other miners of this host may be counted too.
    let after = wait::until("the incident in the numbers", FOUND, || {
        numbers().filter(|text| value(text, OPEN) >= Some(1.0) && value(text, REACHED) > Some(reached))
    })?;
    promtool(&after)?;
    // Counted when the counters were read last, some seconds ago.
    let executed = "minewarden_events_total{kind=\"exec\"}";
    let after = wait::until("an exec in the numbers", ALERT, || {
        numbers().filter(|text| value(text, executed) > Some(0.0))
    })?;
    ensure!(
        value(&after, "minewarden_sink_written_total{sink=\"json\",class=\"notice\"}") > Some(0.0),
        "{after}"
    );
    let pid = miner.pid().to_string();
    ensure!(
        !after.contains("client.py") && !after.contains(&format!("\"{pid}\"")),
        "a process's own words: {after}"
    );
    miner.finish()?;
    pool.finish()?;
    ensure!(
        value(&fs::read_to_string(&textfile)?, "minewarden_up") == Some(1.0),
        "the text file does not say up"
    );
    agent.stop(Signal::TERM)?.stopped_well()?;
    let last = fs::read_to_string(&textfile)?;
    promtool(&last)?;
    ensure!(value(&last, "minewarden_up") == Some(0.0), "it has ended: {last}");
    ensure!(value(&last, REACHED) > Some(reached), "{last}");
    ensure!(numbers().is_none(), "somebody still answers at {address}");
    Ok(())
}

/// No port is open, on any address.
fn none_are_offered_by_default(_: &Lab) -> Result<()> {
    let agent = Agent::start(&[])?;
    let sockets = fs::read_dir(format!("/proc/{}/fd", agent.pid()))?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect::<Vec<_>>();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let table = fs::read_to_string(format!("/proc/{}/net/{table}", agent.pid()))?;
        let own = table.lines().find(|line| {
            line.split_whitespace().nth(9).is_some_and(|inode| sockets.iter().any(|own| own == inode))
        });
        ensure!(own.is_none(), "the agent has a network socket: {own:?}");
    }
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

fn the_shipped_alert_reaches_a_webhook(lab: &Lab) -> Result<()> {
    const TEST: &str = "metrics-alert";
    const ALERTED: &str = "MinewardenConfirmedMining";
    let _journald = lab.journald()?;
    let (agent, address, _) = offering(lab, TEST)?;
    let monitoring = Monitoring::start(address, RULES)?;
    let scraped = || monitoring.value("up{job=\"minewarden\"}").ok().filter(|up| *up > 0.0);
    wait::until("a scrape", ALERT, scraped).with_context(|| monitoring.dump())?;
    // A self-test is counted, and pages nobody.
    let tested = Command::new(agent::binary()?).args(["selftest", "--json", "--timeout", "5s"]).output()?;
    let counted = || {
        let tested = monitoring.value("minewarden_selftests_total{level=\"confirmed\"}").ok()?;
        (tested >= 1.0).then_some(tested)
    };
    wait::until("the self-test in Prometheus", ALERT, counted)
        .with_context(|| String::from_utf8_lossy(&tested.stdout).into_owned())?;
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let began = Instant::now();
    let miner = lab.miner(TEST, Dialect::Cryptonote, port, &[])?;
    miner.says("done", STEP)?;
    expect::told(&agent, miner.pid(), FOUND, &[Field::Is("level", "confirmed".into())])?;
    let alert = monitoring.called(ALERTED, "firing", ALERT)?;
    println!("alert: {:.1} s from the miner's start to the webhook", began.elapsed().as_secs_f64());
    let text = |pointer: &str| alert.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
    ensure!(
        text("/labels/instance") == address.to_string() && text("/labels/level") == "confirmed",
        "{alert:#}"
    );
    ensure!(
        text("/labels/severity") == "critical"
            && text("/annotations/summary").contains("Confirmed cryptomining"),
        "{alert:#}"
    );
    miner.finish()?;
    pool.finish()?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}
