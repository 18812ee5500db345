//! `cargo xtask status`: what runs on each host, and what its journal says of the last hours.
//!
//! Owns what is counted from those entries. Must not know how a host is deployed to.
use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use serde_json::Value;

use super::{
    Fleet, Run,
    crew::Step,
    host::Host,
    plan::fact,
    process::plain,
    shell::{LOOK, Shell},
    ssh::Ssh,
    table::aligned,
    verify::{age, interval},
};

const STATUS: &str = include_str!("scripts/status.sh");

/// Say of each host: version, unit, last heartbeat, open incidents, losses
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: Fleet,
    /// How far back the journal is read
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=720))]
    hours: u32,
}

/// One host's line.
struct Line {
    cells: Vec<String>,
    well: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Some(run) = Run::new(&options.fleet)? else { return Ok(ExitCode::from(2)) };
    let hours = options.hours.to_string();
    let lines = run.over(
        &run.hosts,
        Host::label,
        |number, host, ssh, step| line(&hours, number, host, ssh, step),
        // A host that is not well is what a status is for: the others are asked all the same.
        |_| false,
    );
    let lines: Vec<_> =
        run.hosts().zip(lines).map(|(host, line)| line.unwrap_or_else(|| not_tried(host))).collect();
    let head = ["host", "state", "version", "since", "heartbeat", "open incidents", "lost", "remark"];
    let cells: Vec<_> = lines.iter().map(|line| line.cells.clone()).collect();
    print!("{}", aligned(&head, &cells));
    let well = lines.iter().filter(|line| line.well).count();
    println!("{well} of {} well; incidents and losses of the last {hours} h", lines.len());
    Ok(if well == lines.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(hours: &str, number: usize, host: &Host, ssh: &Arc<Ssh>, step: &Step<'_>) -> Line {
    step.says("asking");
    let said = Shell::open(host, number, ssh).and_then(|shell| {
        let out = shell.script(STATUS, &[hours], LOOK)?;
        Ok((super::shell::facts(&out.stdout), out.stdout))
    });
    let (facts, text) = match said {
        Ok(said) => said,
        Err(error) => return bad(host, "unreachable", &plain(&format!("{error:#}"))),
    };
    if fact(&facts, "version").is_empty() {
        return bad(host, "not installed", "");
    }
    let journal = Journal::read(text.lines());
    let beat = journal.last.as_ref().and_then(|entry| age(entry, fact(&facts, "now")));
    let state = fact(&facts, "state");
    let remark = remark(beat, interval(fact(&facts, "heartbeat")));
    let cells = [
        &host.label(),
        state,
        fact(&facts, "version"),
        fact(&facts, "since"),
        &beat.map_or("none".to_owned(), |age| format!("{} s ago", age.as_secs())),
        &journal.open(),
        &journal.lost(),
        &remark,
    ];
    Line { cells: cells.map(str::to_owned).to_vec(), well: state == "active" && remark.is_empty() }
}

/// Silence of more than two intervals.
fn remark(beat: Option<Duration>, interval: Duration) -> String {
    match beat {
        Some(age) if age <= interval * 2 + Duration::from_secs(60) => String::new(),
        _ => "silent".to_owned(),
    }
}

fn bad(host: &Host, state: &str, remark: &str) -> Line {
    let cells = [&host.label(), state, "-", "-", "-", "-", "-", remark];
    Line { cells: cells.map(str::to_owned).to_vec(), well: false }
}

fn not_tried(host: &Host) -> Line {
    bad(host, "not tried", "")
}

/// What the agent's entries come to.
#[derive(Default)]
struct Journal {
    /// Level of each open incident by its id.
    incidents: BTreeMap<String, String>,
    /// The last sign of life.
    last: Option<Value>,
    /// Losses of the run that is the last; they count from its start.
    lost: u64,
}

impl Journal {
    /// Delivery is at least once: an id that was seen is not read again. Self-tests are no incidents.
    fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let (mut journal, mut seen) = (Self::default(), BTreeSet::new());
        for entry in lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
            if text("MINEWARDEN_TEST").is_some() || text("MINEWARDEN_ID").is_some_and(|id| !seen.insert(id)) {
                continue;
            }
            let event = text("MINEWARDEN_EVENT").unwrap_or_default();
            let incident = text("MINEWARDEN_INCIDENT").unwrap_or_default();
            match event.as_str() {
                "incident-opened" | "incident-raised" => {
                    let level =
                        text("MINEWARDEN_LEVEL").map_or_else(|| "?".to_owned(), |level| plain(&level));
                    journal.incidents.insert(incident, level);
                }
                "incident-ended" => _ = journal.incidents.remove(&incident),
                // What an agent did not end, it does not know any more when it is started again.
                "agent-started" => (journal.incidents, journal.lost) = (BTreeMap::new(), 0),
                _ => {}
            }
            if let Some(counters) = text("MINEWARDEN_COUNTERS") {
                journal.lost = losses(&counters);
            }
            if matches!(event.as_str(), "agent-started" | "heartbeat") {
                journal.last = Some(entry);
            }
        }
        journal
    }

    /// `2 (confirmed, likely)`.
    fn open(&self) -> String {
        let levels: BTreeSet<&str> = self.incidents.values().map(String::as_str).collect();
        match self.incidents.len() {
            0 => "0".to_owned(),
            count => format!("{count} ({})", levels.into_iter().collect::<Vec<_>>().join(", ")),
        }
    }

    fn lost(&self) -> String {
        self.lost.to_string()
    }
}

/// Sum of the counters that begin with `lost.`.
fn losses(counters: &str) -> u64 {
    let lost = |pair: &str| pair.strip_prefix("lost.")?.split_once('=')?.1.parse::<u64>().ok();
    counters.split_whitespace().filter_map(lost).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, event: &str, more: &str) -> String {
        format!(r#"{{"MINEWARDEN_ID":"{id}","MINEWARDEN_EVENT":"{event}"{more}}}"#)
    }

    fn incident(id: &str, event: &str, incident: &str, level: &str) -> String {
        entry(id, event, &format!(r#","MINEWARDEN_INCIDENT":"{incident}","MINEWARDEN_LEVEL":"{level}""#))
    }

    #[test]
    fn what_is_open_is_what_was_opened_since_the_start_and_not_ended() {
        let lines = [
            incident("0", "incident-opened", "old", "confirmed"),
            entry("1", "agent-started", ""),
            incident("2", "incident-opened", "a", "suspicious"),
            incident("3", "incident-raised", "a", "confirmed"),
            incident("4", "incident-opened", "b", "likely"),
            incident("5", "incident-ended", "b", "likely"),
            // The transport repeats itself.
            incident("4", "incident-opened", "b", "likely"),
            entry("6", "incident-opened", r#","MINEWARDEN_TEST":"1","MINEWARDEN_INCIDENT":"t""#),
            entry("7", "heartbeat", r#","MINEWARDEN_COUNTERS":"exec=9 lost.exec=2 lost.payload=3 x""#),
            "not json".to_owned(),
        ];
        let journal = Journal::read(lines.iter().map(String::as_str));
        assert_eq!((journal.open().as_str(), journal.lost().as_str()), ("1 (confirmed)", "5"));
        assert_eq!(journal.last.unwrap()["MINEWARDEN_ID"], "7");
    }

    #[test]
    fn a_host_without_a_sign_of_life_is_silent() {
        let minute = Duration::from_secs(60);
        assert_eq!(remark(Some(minute * 3), minute), "");
        assert_eq!(remark(Some(minute * 4), minute), "silent");
        assert_eq!(remark(None, minute), "silent");
    }
}
