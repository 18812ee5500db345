//! A capture that is read on a thread of its own, while what came of it so far is judged.
//!
//! Owns the thread and the batches between the two; at most [`BATCHES`] wait. Must not know files or conversations.
use std::{
    collections::VecDeque,
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use super::Capture;
use crate::{event::Event, source::Source};

/// Batches that wait; each is bounded by [`Capture::read`].
const BATCHES: usize = 4;

/// Events from the other thread.
pub struct Ahead {
    batch: VecDeque<Event>,
    batches: Receiver<io::Result<VecDeque<Event>>>,
    thread: JoinHandle<Capture>,
}

impl Ahead {
    /// Starts to read.
    ///
    /// # Errors
    /// When there can be no other thread.
    pub fn new(capture: Capture) -> io::Result<Self> {
        let (sender, batches) = sync_channel(BATCHES);
        let thread =
            thread::Builder::new().name("capture".to_owned()).spawn(move || read(capture, &sender))?;
        Ok(Self { batch: VecDeque::new(), batches, thread })
    }

    /// Stops reading; gives back the capture, of which nothing more will come.
    ///
    /// # Errors
    /// When the other thread has panicked.
    pub fn stop(self) -> io::Result<Capture> {
        drop(self.batches);
        self.thread.join().map_err(|_| io::Error::other("the thread that reads the capture has panicked"))
    }
}

impl Source for Ahead {
    /// Waits for the other thread, and nothing else of this one goes on until then: for programs that do only this.
    async fn next(&mut self) -> io::Result<Option<Event>> {
        while self.batch.is_empty() {
            match self.batches.recv() {
                Ok(batch) => self.batch = batch?,
                Err(_) => return Ok(None),
            }
        }
        Ok(self.batch.pop_front())
    }
}

/// Until the capture ends, or nobody wants more of it.
fn read(mut capture: Capture, batches: &SyncSender<io::Result<VecDeque<Event>>>) -> Capture {
    loop {
        let batch = capture.read();
        let over = batch.as_ref().map_or(true, VecDeque::is_empty);
        if batches.send(batch).is_err() || over {
            return capture;
        }
    }
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;
