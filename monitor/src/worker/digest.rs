//! SHA-256 of files, kept by what the file is.
//!
//! Owns the cache of digests. A digest is kept only for a file that was not changed while it was read nor just
//! before, because a file system's clock is too coarse to tell two changes in a row apart. Must not know whose
//! file it is.
use std::{
    fs::File,
    io::Read as _,
    num::NonZeroUsize,
    os::fd::OwnedFd,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lru::LruCache;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};

use super::{
    file::{self, Status},
    procfs::ProcDir,
};

/// Files kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");
/// A file changed less than this ago is not kept: coarser than the clock of any local file system (FAT: 2 s).
const SETTLED: Duration = Duration::from_secs(3);
/// Bytes read at a time.
const CHUNK: usize = 128 * 1024;

/// Digests of the files seen last.
#[derive(Default)]
pub(super) struct Digests {
    kept: Kept,
    /// Files that were not opened for what they are, or larger than is read, since start.
    pub(super) refused: AtomicU64,
}

struct Kept(Mutex<LruCache<Status, String>>);

impl Default for Kept {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Digests {
    /// Lower-case hex digest of a regular file on a local file system; `None` when it is larger than `cap` bytes,
    /// is not one, cannot be read, or takes longer than `until`. `process` names the file.
    pub(super) fn of(
        &self,
        handle: &OwnedFd,
        process: Option<&dyn ProcDir>,
        cap: u64,
        until: Instant,
    ) -> Option<String> {
        let status = Status::of(handle).ok()?;
        if !status.regular || status.size > cap {
            self.refused.fetch_add(1, Relaxed);
            return None;
        }
        if let Some(known) = self.lock().get(&status) {
            return Some(known.clone());
        }
        let file = file::open(handle, process).inspect_err(|_| {
            self.refused.fetch_add(1, Relaxed);
        });
        let digest = read(file.ok()?, cap, until)?;
        if settled(&status) && Status::of(handle).is_ok_and(|after| after == status) {
            self.lock().put(status, digest.clone());
        }
        Some(digest)
    }

    /// Takes in what another reader found of a settled file.
    pub(super) fn learn(&self, status: Status, digest: &str) {
        self.lock().put(status, digest.to_owned());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<Status, String>> {
        self.kept.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lower-case hex digest of bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

fn read(mut file: File, cap: u64, until: Instant) -> Option<String> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let n = file.read(&mut chunk).ok()?;
        // A file may grow while it is read.
        total += u64::try_from(n).ok()?;
        if total > cap || Instant::now() > until {
            return None;
        }
        match chunk.get(..n) {
            Some([]) | None => return Some(hex(hasher.finalize().as_slice())),
            Some(bytes) => hasher.update(bytes),
        }
    }
}

/// Whether the file was last changed long enough ago for its status to tell its content.
pub(super) fn settled(status: &Status) -> bool {
    let now = clock_gettime(ClockId::Realtime).tv_sec;
    u64::try_from(now.saturating_sub(status.changed.0)).is_ok_and(|age| age > SETTLED.as_secs())
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustix::fs::{CWD, Mode, OFlags, openat};

    use super::*;

    /// `sha256sum` of `abc`.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn handle(path: &Path) -> OwnedFd {
        openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn digests_files_up_to_the_cap() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let digests = Digests::default();
        assert_eq!(digests.of(&handle(file.path()), None, 3, soon()).as_deref(), Some(ABC));
        assert_eq!(digests.of(&handle(file.path()), None, 2, soon()), None, "over the cap");
        assert_eq!(
            digests.of(&handle(file.path()), None, 3, Instant::now() - Duration::from_secs(1)),
            None,
            "too late"
        );
        assert_eq!(digests.of(&handle("/dev/zero".as_ref()), None, u64::MAX, soon()), None);
        assert_eq!(digests.refused.load(Relaxed), 2, "what came too late was no refusal");
        assert_eq!(of_bytes(b"abc"), ABC);
    }

    #[test]
    fn a_file_changed_just_now_is_read_again_and_a_settled_one_is_kept() {
        let digests = Digests::default();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert!(digests.of(&handle(file.path()), None, 9, soon()).is_some());
        assert_eq!(digests.lock().len(), 0);

        // Built well before this test began to run, and not written to since.
        let old = handle(Path::new("/bin/sh"));
        let first = digests.of(&old, None, u64::MAX, soon()).unwrap();
        assert_eq!(digests.lock().len(), 1);
        // A kept answer is given even when there is no time left to read.
        assert_eq!(digests.of(&old, None, u64::MAX, Instant::now() - Duration::from_secs(1)), Some(first));
    }
}
