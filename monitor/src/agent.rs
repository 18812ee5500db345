//! The running agent: joins source, pipeline, workers, recorder and sinks, and drains them on shutdown.
//!
//! Owns the order of these calls. Must not know a hook, a rule or a sink.
use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::{
    event::{Body, BootTime, Event},
    metrics::Board,
    outcome::Outcome,
    pipeline::Pipeline,
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
    /// Where the newest numbers are left, when somebody wants them.
    pub board: Option<Arc<Board>>,
}

impl Agent {
    /// Runs until `shutdown` is ready or the source ends, then drains everything.
    ///
    /// # Errors
    /// The source's own; what was found until then is still written.
    pub async fn run(
        mut self,
        mut source: impl Source,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let at = boot_now();
        let started = self.pipeline.start(at);
        self.act(started);
        // A recording begins and ends with the times of start and stop, so that it replays to the same notices.
        self.step(tick(at));
        let result = self.watch(&mut source, shutdown).await;
        for event in source.finish() {
            self.step(event);
        }
        self.settle().await;
        let at = boot_now();
        self.step(tick(at));
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
        result
    }

    async fn watch(
        &mut self,
        source: &mut impl Source,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let mut shutdown = pin!(shutdown);
        loop {
            let event = tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                Some(answer) = self.answers.recv() => answer,
                event = source.next() => match event? {
                    Some(event) => event,
                    None => return Ok(()),
                },
            };
            self.step(event);
        }
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

const fn tick(at: BootTime) -> Event {
    Event { at, owner: None, body: Body::Tick }
}
