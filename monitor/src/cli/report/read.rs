//! Reads every source, several at once, and folds what is in them.
//!
//! Owns the threads, the window of time and what is done about a source that cannot be read. Must not know what
//! entries come to.
use std::{
    ffi::OsString,
    sync::{
        Mutex, PoisonError,
        mpsc::{self, SyncSender},
    },
    thread,
};

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::{
    entry::{self, Entry, Refused},
    fold::Fold,
    journalctl::{Journalctl, Line},
    source::{OF_SOURCE_MAX, Source},
};

/// Sources read at once.
const THREADS_MAX: usize = 8;
/// Entries handed over at once.
const BATCH: usize = 128;
/// Batches that wait to be folded.
const WAITING: usize = 32;

/// The time that is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// From then on.
    pub(super) since: Option<Timestamp>,
    /// Until then.
    pub(super) until: Option<Timestamp>,
}

/// What a reader tells of the source with this index.
enum Told {
    Entries(usize, Vec<Entry>),
    Refused(usize, Refused),
    /// The newest entry before the window, of a source that has none in it.
    Before(usize, Entry),
    Problem(usize, String),
    /// It could not be read at all.
    Unreadable(usize, String),
}

/// Reads `sources` into `fold`.
///
/// # Errors
/// When none of them can be read, or the fold's thread is gone.
pub(super) fn all(sources: &[Source], window: &Window, fold: &mut Fold) -> anyhow::Result<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX).min(sources.len());
    let queue = Mutex::new(sources.iter().enumerate());
    let (tell, told) = mpsc::sync_channel(WAITING);
    let mut unreadable = Vec::new();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (tell, queue) = (tell.clone(), &queue);
            scope.spawn(move || {
                while let Some((index, source)) = take(queue) {
                    if read(index, source, window, &tell).is_none() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for told in told {
            if let Told::Unreadable(_, why) = &told {
                unreadable.push(why.clone());
            }
            take_in(fold, sources, told);
        }
    });
    match unreadable.first() {
        Some(why) if unreadable.len() == sources.len() => bail!("{why}"),
        _ => Ok(()),
    }
}

fn take<'a>(queue: &Mutex<impl Iterator<Item = (usize, &'a Source)>>) -> Option<(usize, &'a Source)> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}

fn take_in(fold: &mut Fold, sources: &[Source], told: Told) {
    let (Told::Entries(index, _)
    | Told::Refused(index, _)
    | Told::Before(index, _)
    | Told::Problem(index, _)
    | Told::Unreadable(index, _)) = &told;
    let Some(source) = sources.get(*index) else { return };
    match told {
        Told::Entries(_, entries) => entries.iter().for_each(|entry| fold.take(source, entry)),
        Told::Refused(_, why) => fold.refuse(why),
        Told::Before(_, entry) => fold.take_before(source, &entry),
        Told::Problem(_, why) => fold.problem(source, &why),
        Told::Unreadable(_, why) => fold.unreadable(source, &why),
    }
}

/// Reads one source; `None` when nobody listens any more.
fn read(index: usize, source: &Source, window: &Window, tell: &SyncSender<Told>) -> Option<()> {
    if source.left_out() > 0 {
        let why =
            format!("has more than {OF_SOURCE_MAX} files; the {} oldest are not read", source.left_out());
        tell.send(Told::Problem(index, why)).ok()?;
    }
    let mut reader = Reader { index, tell, batch: Vec::new(), entries: 0 };
    let mut outcome = reader.run(source, window);
    if outcome.is_err()
        && let Some(source) = source.again()
    {
        // A file that was rotated meanwhile has another name now. What is read twice counts once, by its id.
        outcome = reader.run(&source, window);
    }
    match outcome {
        Ok(Some(complaint)) => tell.send(Told::Problem(index, complaint)).ok()?,
        Ok(None) => {}
        Err(why) => return tell.send(Told::Unreadable(index, format!("{why:#}"))).ok(),
    }
    if reader.entries == 0
        && let Some(since) = window.since
        && let Ok(Some(entry)) = newest(source, since)
    {
        tell.send(Told::Before(index, entry)).ok()?;
    }
    Some(())
}

struct Reader<'a> {
    index: usize,
    tell: &'a SyncSender<Told>,
    batch: Vec<Entry>,
    entries: u64,
}

impl Reader<'_> {
    fn run(&mut self, source: &Source, window: &Window) -> anyhow::Result<Option<String>> {
        let bounds = [("--since", window.since), ("--until", window.until)];
        let bounds = bounds.into_iter().filter_map(|(option, at)| Some(bound(option, at?)));
        let mut journal = Journalctl::start(arguments(source).chain(bounds))?;
        loop {
            let refused = match journal.next().context("journalctl's output")? {
                Line::Whole(line) => match Entry::parse(line) {
                    Ok(entry) => {
                        self.push(entry)?;
                        continue;
                    }
                    Err(why) => why,
                },
                Line::TooLong => Refused::Malformed,
                Line::End => break,
            };
            self.tell.send(Told::Refused(self.index, refused)).context("nobody reads")?;
        }
        self.flush()?;
        journal.finish()
    }

    fn push(&mut self, entry: Entry) -> anyhow::Result<()> {
        self.entries += 1;
        self.batch.push(entry);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.tell.send(Told::Entries(self.index, batch)).context("nobody reads")
    }
}

/// The newest entry of an agent that was written before `until`.
fn newest(source: &Source, until: Timestamp) -> anyhow::Result<Option<Entry>> {
    let more = ["--lines=1".into(), bound("--until", until)];
    let mut journal = Journalctl::start(arguments(source).chain(more))?;
    let entry = match journal.next()? {
        Line::Whole(line) => Entry::parse(line).ok(),
        Line::TooLong | Line::End => None,
    };
    journal.finish()?;
    Ok(entry)
}

fn arguments(source: &Source) -> impl Iterator<Item = OsString> {
    source.arguments().into_iter().chain(entry::arguments().into_iter().map(OsString::from))
}

/// `--since=@1795486506.253537`.
fn bound(option: &str, at: Timestamp) -> OsString {
    let micros = at.as_microsecond().max(0);
    format!("{option}=@{}.{:06}", micros / 1_000_000, micros % 1_000_000).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_exact_to_the_microsecond() {
        let at = "2026-05-20T18:00:00.000025Z".parse().unwrap();
        assert_eq!(bound("--since", at), "--since=@1779300000.000025");
        assert_eq!(bound("--until", Timestamp::MIN), "--until=@0.000000");
    }
}
