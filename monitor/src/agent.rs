//! The running agent: joins source, pipeline, workers, recorder and sinks, and drains them on shutdown.
//!
//! Owns the order of these calls. Must not know a hook, a rule or a sink.
use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use anyhow::anyhow;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::{
    event::{Body, BootTime, Event},
    metrics::Board,
    outcome::Outcome,
    pipeline::{Live, Pipeline, Vital},
    rules::Known,
    service::Service,
    sink::Sinks,
    source::{Source, record::Recorder},
    worker::{Workers, boot_now},
};

/// How long answers of workers are waited for after the last event.
const WORKERS_GRACE: Duration = Duration::from_secs(1);
/// How long the last answer may be on its way from a worker to us.
const ANSWER_GRACE: Duration = Duration::from_millis(20);
/// How long sinks may take to write what is queued.
const SINKS_GRACE: Duration = Duration::from_secs(5);

/// Why an agent ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Asked,
    /// What it watches is gone: one line for a person.
    Blind(String),
}

/// What the agent owns while it runs.
pub struct Agent {
    /// Detection state; only this task touches it.
    pub pipeline: Pipeline,
    /// Carry out requests.
    pub workers: Arc<Workers>,
    /// Their answers.
    pub answers: mpsc::Receiver<Event>,
    /// Ways out.
    pub sinks: Sinks,
    /// Writes down every event, when asked to.
    pub recorder: Option<Recorder>,
    /// What is to change while it runs.
    pub changes: mpsc::Receiver<Change>,
    /// Whoever started us, if it listens.
    pub service: Service,
    /// Why the last change was refused.
    pub kept: Option<String>,
    /// Where the newest numbers are left, when somebody wants them.
    pub board: Option<Arc<Board>>,
}

/// The configuration was read again.
pub enum Change {
    /// It is being read.
    Begun,
    /// It is used from now on.
    Apply(Box<(Live, Known)>),
    /// Something in it is wrong, one line: the old one stays.
    Refused(String),
}

impl Agent {
    /// Runs until `shutdown` is ready or the source ends, then drains everything.
    ///
    /// # Errors
    /// The source's own, and that what is watched is gone; what was found until then is still written.
    pub async fn run(
        mut self,
        mut source: impl Source,
        shutdown: impl Future<Output = Ending>,
    ) -> anyhow::Result<()> {
        let at = boot_now();
        let started = self.pipeline.start(at);
        self.act(started);
        self.service.ready();
        // A recording begins and ends with the times of start and stop, so that it replays to the same notices.
        self.step(tick(at));
        let mut result = self.watch(&mut source, shutdown).await;
        self.service.stopping();
        for event in source.finish() {
            self.step(event);
        }
        self.settle().await;
        let at = boot_now();
        self.step(tick(at));
        if let Ok(Ending::Blind(why)) = &result {
            let notice = self.pipeline.blind(at, why.clone());
            self.act(notice);
            result = Err(anyhow!("{why}"));
        }
        let last = self.pipeline.finish(at);
        self.act(last);
        if let Some(recorder) = &mut self.recorder {
            recorder.finish();
        }
        self.board.iter().for_each(|board| board.stop());
        for delivery in self.sinks.close(SINKS_GRACE) {
            if delivery.records_waiting > 0 || delivery.records_dropped > 0 {
                log::warn!(
                    "{}: {} records were not written, {} dropped",
                    delivery.sink,
                    delivery.records_waiting,
                    delivery.records_dropped
                );
            }
            if delivery.waiting > 0 || delivery.dropped > 0 {
                log::error!(
                    "{}: {} notices were not written, {} dropped",
                    delivery.sink,
                    delivery.waiting,
                    delivery.dropped
                );
            }
        }
        result.map(drop)
    }

    async fn watch(
        &mut self,
        source: &mut impl Source,
        shutdown: impl Future<Output = Ending>,
    ) -> anyhow::Result<Ending> {
        let mut shutdown = pin!(shutdown);
        loop {
            let event = tokio::select! {
                biased;
                ending = &mut shutdown => return Ok(ending),
                Some(change) = self.changes.recv() => {
                    self.change(change);
                    continue;
                }
                Some(answer) = self.answers.recv() => answer,
                event = source.next() => match event? {
                    Some(event) => event,
                    None => return Ok(Ending::Asked),
                },
            };
            let is_tick = matches!(event.body, Body::Tick);
            self.step(event);
            self.service.alive(std::time::Instant::now());
            if is_tick {
                self.service.status(status(self.pipeline.vital(), self.kept.as_deref()));
            }
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Begun => return self.service.reloading(),
            Change::Apply(new) => {
                let (live, known) = *new;
                self.pipeline.reload(live, &known.pools);
                self.workers.relearn(&known);
                self.kept = None;
                log::info!("configuration and rules were read again");
            }
            Change::Refused(why) => {
                log::error!("reload: {why}; the old configuration and rules stay");
                self.kept = Some(why);
            }
        }
        self.service.ready();
    }

    /// Waits for the answers to what was asked, for a while: a miner seen in the last moment is still named.
    async fn settle(&mut self) {
        let deadline = Instant::now() + WORKERS_GRACE;
        loop {
            let pause = if self.workers.pending() > 0 { WORKERS_GRACE } else { ANSWER_GRACE };
            let until = deadline.min(Instant::now() + pause);
            match timeout_at(until, self.answers.recv()).await {
                Ok(Some(answer)) => self.step(answer),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn step(&mut self, mut event: Event) {
        if let Body::Counters(counters) = &mut event.body {
            counters.seen.push(("lookup-failed".to_owned(), self.workers.failed()));
            counters.seen.push(("container-refused".to_owned(), self.workers.containers_refused()));
            counters.seen.extend(self.workers.swept().map(|(name, n)| (name.to_owned(), n)));
            counters.seen.push(("digest-refused".to_owned(), self.workers.digests_refused()));
            counters.seen.push(("setup-refused".to_owned(), self.workers.refused()));
            counters.seen.extend(self.workers.searched().map(|(name, n)| (name.to_owned(), n)));
            counters.seen.extend(
                self.sinks
                    .records_diverted()
                    .into_iter()
                    .map(|(sink, n)| (format!("sink-{sink}.records-diverted"), n)),
            );
            counters.lost.extend(self.workers.counters());
            counters
                .lost
                .extend(self.sinks.dropped().into_iter().map(|(sink, n)| (format!("sink-{sink}"), n)));
            counters.lost.extend(
                self.sinks.records_dropped().into_iter().map(|(sink, n)| (format!("sink-{sink}.records"), n)),
            );
            counters
                .lost
                .extend(self.recorder.as_ref().map(|recorder| ("record".to_owned(), recorder.lost())));
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.write(&event);
        }
        let outcome = self.pipeline.step(&event);
        self.act(outcome);
        if let (Some(board), Body::Tick) = (&self.board, &event.body) {
            board.update(self.pipeline.vitals(), self.sinks.deliveries());
        }
    }

    fn act(&self, outcome: Outcome) {
        for notice in &outcome.notices {
            self.sinks.send(notice);
            self.board.iter().for_each(|board| board.count(notice));
        }
        for record in outcome.records {
            self.sinks.record(record);
        }
        for request in outcome.requests {
            // A request that does not fit is counted by the workers; the pipeline goes on without after a second.
            self.workers.submit(request);
        }
    }
}

/// One line for the service manager.
fn status(Vital { open, lost }: Vital, kept: Option<&str>) -> String {
    let incidents = if open == 1 { "incident" } else { "incidents" };
    let kept = kept.map(|why| format!("; not reloaded: {why}")).unwrap_or_default();
    format!("watching: {open} open {incidents}, {lost} events lost since start{kept}")
}

const fn tick(at: BootTime) -> Event {
    Event { at, owner: None, body: Body::Tick }
}

#[cfg(test)]
mod tests {
    use super::{Vital, status};

    #[test]
    fn the_status_is_one_line_with_incidents_and_losses() {
        let line = status(Vital { open: 1, lost: 7 }, None);
        assert_eq!(line, "watching: 1 open incident, 7 events lost since start");
        let kept = status(Vital { open: 0, lost: 0 }, Some("a.toml:3: no"));
        assert_eq!(kept, "watching: 0 open incidents, 0 events lost since start; not reloaded: a.toml:3: no");
    }
}
