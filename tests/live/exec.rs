//! Thousands of execs of mixed shape: what the agent recorded of each against what the process says of itself.
use std::{
    collections::{BTreeMap, HashMap},
    env,
    fs::{self, File, OpenOptions, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use minewarden_tests::{agent::Agent, process::Signal, report::Report};
use monitor::event::{Body, Event, Owner, ProcessKey, Ticks};

use crate::{Test, lab::Lab};

mod compare;
mod shapes;

/// Execs that are compared at least, unless [`EXECS`] is another number.
const COUNT: usize = 2_000;
/// For machines whose processor is emulated.
const EXECS: &str = "MINEWARDEN_TEST_EXECS";

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("exec::every_exec_is_told_as_it_is", every_exec).bare()]
}

fn every_exec(lab: &Lab) -> Result<()> {
    let folder = lab.folder()?.join("exec");
    fs::create_dir(&folder)?;
    // One of the execs is another user's.
    for open in [&lab.folder()?, &folder] {
        fs::set_permissions(open, Permissions::from_mode(0o755))?;
    }
    let recording = folder.join("recorded.jsonl");
    let agent =
        Agent::start(&["--record", recording.to_str().context("the scratch folder has an odd name")?])?;
    let reports = folder.join("reports.jsonl");
    let out = OpenOptions::new().create_new(true).append(true).open(&reports)?;
    let begin = Instant::now();
    let special = launch(&folder, &out)?;
    let took = begin.elapsed();
    let ended = agent.stop(Signal::TERM)?;
    let stopped = ended.stopped_well()?;
    let reports = read_reports(&reports)?;
    ensure!(reports.len() >= count()?, "only {} execs", reports.len());
    let mut told = read_events(&recording, &reports)?;
    let (mut missing, mut wrong, mut shapes) = (Vec::new(), Vec::new(), BTreeMap::<String, usize>::new());
    for report in &reports {
        *shapes.entry(shape(&report.label).to_owned()).or_default() += 1;
        match told.get_mut(&key(report)).filter(|events| !events.is_empty()).map(|events| events.remove(0)) {
            None => missing.push(report.label.clone()),
            Some((owner, exec)) => {
                wrong.extend(
                    compare::wrong(report, &special, &owner, &exec)
                        .into_iter()
                        .map(|w| format!("{}: {w}", report.label)),
                );
            }
        }
    }
    let surplus: usize = told.values().map(Vec::len).sum();
    println!(
        "exec: {} execs in {:.1} s, {} missing, {} wrong fields, {surplus} told twice; {shapes:?}; {}",
        reports.len(),
        took.as_secs_f64(),
        missing.len(),
        wrong.len(),
        stopped.text("counters"),
    );
    wrong.truncate(40);
    ensure!(missing.is_empty(), "missing: {missing:?}");
    ensure!(wrong.is_empty(), "wrong:\n  {}", wrong.join("\n  "));
    ensure!(surplus == 0, "told twice: {told:?}");
    Ok(())
}

fn count() -> Result<usize> {
    env::var(EXECS).map_or(Ok(COUNT), |text| text.parse().with_context(|| format!("{EXECS}={text}")))
}

/// Runs every shape in turn until there are enough; gives what is special about some.
fn launch(folder: &Path, out: &File) -> Result<compare::Special> {
    let mut bench = shapes::Bench::new(folder)?;
    let mut execs = 0;
    let mut index = 0;
    let count = count()?;
    while execs < count {
        for shape in shapes::SHAPES {
            let label = format!("{}#{index}", shape.name);
            execs += (shape.run)(&mut bench, &label, out).with_context(|| format!("shape {label}"))?;
            index += 1;
        }
    }
    Ok(bench.special)
}

/// `memfd` of `memfd#7>memfd`.
fn shape(label: &str) -> &str {
    label.split_once('#').map_or(label, |(name, _)| name)
}

fn key(report: &Report) -> ProcessKey {
    ProcessKey { tgid: report.pid, start: Ticks(report.start) }
}

fn read_reports(file: &Path) -> Result<Vec<Report>> {
    fs::read_to_string(file)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

type Told = HashMap<ProcessKey, Vec<(Owner, monitor::event::Exec)>>;

/// The recorded execs of the processes that reported, in order.
fn read_events(file: &Path, reports: &[Report]) -> Result<Told> {
    let mut told: Told = reports.iter().map(|report| (key(report), Vec::new())).collect();
    for line in fs::read_to_string(file)?.lines().filter(|line| line.contains("\"exec\"")) {
        let event: Event = serde_json::from_str(line)?;
        let (Some(owner), Body::Exec(exec)) = (event.owner, event.body) else { continue };
        if let Some(events) = told.get_mut(&owner.key) {
            events.push((owner, *exec));
        }
    }
    Ok(told)
}
