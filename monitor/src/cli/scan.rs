//! `minewarden scan`: one look at what already runs, and at what it says for a while.
//!
//! Owns how long it looks, what is kept of each incident, and the exit status. It is the agent with one sink, for a
//! stated time; it writes nothing but its report, and works beside an agent that runs. Must not know how anything is
//! judged.
use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use self::progress::Progress;
use super::{
    live::{self, Parts},
    run::checked,
};
use crate::{
    agent::Ending,
    config::Scope,
    event::Counters,
    notice::{Kind, Level, Notice},
    pipeline::Settings,
    rules::Known,
    sink::Sink,
    worker::Workers,
};

mod progress;
mod report;

/// Exit status when something was found.
const FOUND: u8 = 1;
/// From one look at the workers to the next.
const LOOK: Duration = Duration::from_millis(20);
/// The workers are done when they had nothing to do at so many looks in a row: an answer may raise a question.
const QUIET: u32 = 10;
/// How long they are waited for.
const WORKERS_GRACE: Duration = Duration::from_secs(120);
/// The longest time to listen.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Options of `scan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long to listen to connections, such as 30s or 5m: a pool speaks every few seconds to minutes. 0s looks
    /// at processes only
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = duration)]
    listen: Duration,
    /// Print JSON, one object per incident and line
    #[arg(long)]
    json: bool,
    /// Read FILE instead of /etc/minewarden/minewarden.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Looks at this host once.
///
/// # Errors
/// As `run`, and when stdout cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = checked("scan", args.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(look(args.listen, &config.watch.cgroup, &live::known(&config)))?;
    if found.lost.lost_total() > 0 {
        let lost = found.lost.lost.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {n}"));
        log::warn!("lost: {}; mining may have gone unseen", lost.collect::<Vec<_>>().join(", "));
    }
    report::print(&mut io::stdout(), &found, args.json)?;
    let level =
        found.incidents.iter().filter_map(|notice| notice.incident.as_ref()).map(|view| view.level).max();
    Ok(if level >= Some(Level::Likely) { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}

/// What a scan came to.
#[derive(Debug, Default)]
struct Found {
    /// The latest notice of each incident, the surest first.
    incidents: Vec<Notice>,
    /// What the agent counted.
    lost: Counters,
}

async fn look(listen: Duration, scope: &Scope, known: &Known) -> anyhow::Result<Found> {
    let stop = live::stop_signal()?;
    let latest = Latest::default();
    let sinks: Vec<Box<dyn Sink>> = vec![Box::new(latest.clone())];
    // An incident that ends was merged into another.
    let settings = Settings { heartbeat: Duration::ZERO, end_after: Duration::MAX, ..Settings::default() };
    let Parts { kernel, agent, source } =
        live::assemble(live::host(scope)?, scope, settings, known, sinks, None)?;
    let workers = Arc::clone(&agent.workers);
    let shutdown = async {
        tokio::select! {
            () = stop => {}
            () = watch(&workers, listen) => {}
        }
        Ending::Asked
    };
    let result = agent.run(source, shutdown).await;
    drop(kernel);
    result?;
    Ok(latest.take())
}

/// Ready when the time is over and the workers have nothing left to do.
async fn watch(workers: &Workers, listen: Duration) {
    let began = Instant::now();
    let progress = Progress::new(listen);
    let mut quiet = 0;
    while began.elapsed() < listen || quiet < QUIET {
        if began.elapsed() > listen.saturating_add(WORKERS_GRACE) {
            log::warn!("{} looks at processes were not done in time", workers.pending());
            return;
        }
        sleep(LOOK).await;
        quiet = if workers.pending() == 0 { quiet + 1 } else { 0 };
        progress.show(began.elapsed(), workers.swept());
    }
}

/// Keeps the latest notice of each incident.
#[derive(Clone, Default)]
struct Latest(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    incidents: BTreeMap<String, Notice>,
    counters: Counters,
}

impl Latest {
    fn take(&self) -> Found {
        let kept = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut incidents: Vec<_> = kept.incidents.into_values().collect();
        incidents.sort_by_key(|notice| {
            let view = notice.incident.as_ref();
            (std::cmp::Reverse(view.map(|view| (view.level, view.score))), view.map(|view| view.since))
        });
        Found { incidents, lost: kept.counters }
    }
}

impl Sink for Latest {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn write(&mut self, notice: &Notice) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (&notice.incident, &notice.counters) {
            (Some(view), _) if notice.kind == Kind::IncidentEnded => {
                kept.incidents.remove(&view.id);
            }
            // A self-test beside the scan.
            (Some(view), _) if view.self_test => {}
            (Some(view), _) => {
                kept.incidents.insert(view.id.clone(), notice.clone());
            }
            (None, Some(counters)) => kept.counters = counters.clone(),
            (None, None) => {}
        }
        Ok(())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let time = humantime_serde::re::humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time > LONGEST { Err("24h is the longest".to_owned()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::sample::{agent, incident};

    #[test]
    fn the_latest_of_each_incident_is_kept_and_a_merged_one_is_not() {
        let (mut latest, first) = (Latest::default(), incident());
        let mut raised = first.clone();
        raised.kind = Kind::IncidentRaised;
        let mut weaker = first.clone();
        let view = weaker.incident.as_deref_mut().unwrap();
        (view.id, view.level, view.score) = ("weaker".to_owned(), Level::Suspicious, 60);
        let mut merged = first.clone();
        merged.incident.as_deref_mut().unwrap().id = "merged".to_owned();
        let mut gone = merged.clone();
        gone.kind = Kind::IncidentEnded;
        let counters = Counters { seen: Vec::new(), lost: vec![("exec".to_owned(), 2)] };
        let stopped = agent(Kind::AgentStopped, counters);
        for notice in [&weaker, &first, &merged, &gone, &raised, &stopped] {
            latest.write(notice).unwrap();
        }
        let found = latest.take();
        assert_eq!(found.incidents, [raised, weaker]);
        assert_eq!(found.lost.lost_total(), 2);
    }

    #[test]
    fn times_are_read_and_bounded() {
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(duration("10").is_err() && duration("-1s").is_err() && duration("25h").is_err());
    }
}
