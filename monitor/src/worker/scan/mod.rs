//! Searches executables and the memory of processes for what is known of miners.
//!
//! Owns the answers to [`crate::outcome::Request::Scan`]: what is opened, the caps, the pace, and which verdicts are
//! kept. Must not know what a match is worth.
use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use lru::LruCache;

use super::{
    digest::{self, Digests},
    facts::same,
    file::{self, Status},
    pool::Work,
    procfs::{ProcDir, ProcFs},
};
use crate::{
    event::{Body, Owner, ScanTarget, Scanned},
    rules::{self, Known, Rules},
};

mod memory;
mod pace;
mod packed;
mod pass;
mod priority;

use pace::Pace;
pub use pass::{Searched, search_file};

/// Largest executable that is searched.
const FILE_MAX: u64 = 256 << 20;
/// Time for one search.
const TIME: Duration = Duration::from_secs(30);
/// Verdicts kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// What was searched and what was not, since start.
#[derive(Default)]
pub(super) struct Seen {
    /// Files that were read to their end, or until time ran out.
    pub(super) files: AtomicU64,
    /// Larger than [`FILE_MAX`].
    pub(super) large: AtomicU64,
    /// No regular file, or not on a local file system.
    pub(super) refused: AtomicU64,
    /// Time ran out.
    pub(super) late: AtomicU64,
}

/// What is searched for; a search keeps to the one that it began with.
struct Learned {
    rules: Rules,
    lists: Arc<rules::Digests>,
}

impl Learned {
    fn of(known: &Known) -> Arc<Self> {
        Arc::new(Self { rules: known.rules.clone(), lists: Arc::clone(&known.digests) })
    }
}

/// Searches; shared by all scan threads.
pub(super) struct Scanner {
    procfs: Arc<dyn ProcFs>,
    known: Mutex<Arc<Learned>>,
    digests: Arc<Digests>,
    verdicts: Mutex<LruCache<Status, Arc<Searched>>>,
    pace: Pace,
    pub(super) seen: Seen,
}

impl Work for Scanner {
    type Request = (Owner, ScanTarget);
    const NAME: &'static str = "scan";

    fn begin(&self) {
        priority::lower();
    }

    fn owner((owner, _): &Self::Request) -> Owner {
        *owner
    }

    fn carry_out(&self, request: &Self::Request) -> (Body, bool) {
        let (owner, target) = request;
        let scanned = match target {
            ScanTarget::File => self.file(*owner),
            ScanTarget::Memory => self.memory(*owner),
        };
        match scanned {
            Ok(scanned) => (Body::Scanned(Box::new(scanned)), false),
            Err(error) => {
                let why = match error.raw_os_error() {
                    Some(libc::ENOENT | libc::ESRCH) => "is gone".to_owned(),
                    _ => error.to_string(),
                };
                (Self::failure(request, format!("process {}: {why}", owner.pid)), true)
            }
        }
    }

    fn failure((_, target): &Self::Request, why: String) -> Body {
        Body::Scanned(Box::new(Scanned { target: *target, error: Some(why), ..Scanned::default() }))
    }
}

impl Scanner {
    pub(super) fn new(known: &Known, procfs: Arc<dyn ProcFs>, digests: Arc<Digests>) -> Self {
        Self {
            procfs,
            known: Mutex::new(Learned::of(known)),
            digests,
            verdicts: Mutex::new(LruCache::new(KEPT)),
            pace: Pace::default(),
            seen: Seen::default(),
        }
    }

    /// Searches for other things from now on; verdicts of before count no more.
    pub(super) fn relearn(&self, known: &Known) {
        let mut current = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Learned::of(known);
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn known(&self) -> Arc<Learned> {
        Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The process, if it is the one that is meant. What is opened through it is that process's: a directory of /proc
    /// stays bound to its process when the pid is used again.
    fn process(&self, owner: Owner) -> io::Result<Box<dyn ProcDir>> {
        if owner.pid == 0 {
            return Err(io::Error::other("not visible in the agent's PID namespace"));
        }
        let process = self.procfs.open(owner.pid)?;
        same(&*process, owner.key)?;
        Ok(process)
    }

    fn file(&self, owner: Owner) -> io::Result<Scanned> {
        let process = self.process(owner)?;
        let exe = process.exe()?;
        let status = Status::of(&exe)?;
        if status.size > FILE_MAX {
            self.seen.large.fetch_add(1, Relaxed);
            return Err(io::Error::other(format!("its executable is larger than {FILE_MAX} bytes")));
        }
        let known = self.known();
        if let Some(verdict) = self.verdict(&status) {
            return Ok(tell(&known, &verdict, &status, true));
        }
        let opened = file::open(&exe, Some(&*process)).inspect_err(|_| {
            self.seen.refused.fetch_add(1, Relaxed);
        })?;
        self.pace.wait_for(status.size);
        let searched =
            search_file(&known.rules, &opened, TIME).inspect_err(|error| self.count_late(error))?;
        self.seen.files.fetch_add(1, Relaxed);
        if searched.partial {
            self.seen.late.fetch_add(1, Relaxed);
        }
        let settled = digest::settled(&status) && Status::of(&exe).is_ok_and(|after| after == status);
        let searched = Arc::new(searched);
        if settled {
            self.digests.learn(status, &searched.sha256);
            self.keep(status, &searched, &known);
        }
        Ok(tell(&known, &searched, &status, settled))
    }

    fn memory(&self, owner: Owner) -> io::Result<Scanned> {
        let process = self.process(owner)?;
        let pieces = memory::Pieces::of(&*process)?;
        self.pace.wait_for(pieces.bytes());
        let (mut matches, complete) = self.known().rules.search_pieces(pieces, true, TIME);
        same(&*process, owner.key)?;
        matches.retain(|found| found.bundled);
        let error = (!complete).then(|| {
            self.seen.late.fetch_add(1, Relaxed);
            "its memory was not searched in time".to_owned()
        });
        Ok(Scanned { target: ScanTarget::Memory, error, matches, ..Scanned::default() })
    }

    fn count_late(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::TimedOut {
            self.seen.late.fetch_add(1, Relaxed);
        }
    }

    fn verdict(&self, status: &Status) -> Option<Arc<Searched>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).get(status).cloned()
    }

    fn keep(&self, status: Status, searched: &Arc<Searched>, known: &Arc<Learned>) {
        // Held until it is kept, so that what is learned meanwhile does not meet a verdict of before.
        let current = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !searched.partial && Arc::ptr_eq(&current, known) {
            let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            verdicts.put(status, Arc::clone(searched));
        }
    }
}

fn tell(known: &Learned, searched: &Searched, status: &Status, settled: bool) -> Scanned {
    Scanned {
        target: ScanTarget::File,
        error: searched.partial.then(|| "not every rule was judged in time".to_owned()),
        listed: known.lists.find(&searched.sha256),
        sha256: Some(searched.sha256.clone()),
        size: searched.size,
        changed: nanos(status.changed),
        settled: settled && !searched.partial,
        matches: searched.matches.clone(),
        packed: searched.packed.clone(),
    }
}

fn nanos((seconds, nanos): (i64, u32)) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanos))
}

#[cfg(test)]
mod tests;
