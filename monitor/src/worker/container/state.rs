//! Files that an engine keeps, read with care.
//!
//! Owns what of them may be read: regular files on local file systems, of the right owner, up to a size. Must not know
//! what is in them.
use std::{
    fs::File,
    io::{self, Read as _},
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::Path,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::worker::file;

/// Largest file that is read. A Docker configuration has some KiB, an OCI bundle's with its seccomp list some ten.
pub(super) const CAP: u64 = 1024 * 1024;

/// Files of one owner, opened by a function that says where they are.
pub(super) struct State<'a> {
    open: &'a dyn Fn(&Path) -> io::Result<OwnedFd>,
    owner: u32,
    refused: &'a AtomicU64,
}

impl<'a> State<'a> {
    pub(super) fn new(
        open: &'a dyn Fn(&Path) -> io::Result<OwnedFd>,
        owner: u32,
        refused: &'a AtomicU64,
    ) -> Self {
        Self { open, owner, refused }
    }

    /// The content; `None` when there is no such file, or it is refused, which is counted.
    pub(super) fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let handle = (self.open)(path).ok()?;
        self.content(&handle).inspect_err(|e| self.refuse(path, &e.to_string())).ok()
    }

    /// A value made of the content; a file that holds no such value is counted.
    pub(super) fn parse<T>(&self, path: &Path, parse: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let content = self.read(path)?;
        let value = parse(&content);
        if value.is_none() {
            self.refuse(path, "not what the engine writes, or half of it");
        }
        value
    }

    fn refuse(&self, path: &Path, why: &str) {
        self.refused.fetch_add(1, Relaxed);
        log::debug!("{}: {why}", path.display());
    }

    fn content(&self, handle: &OwnedFd) -> io::Result<Vec<u8>> {
        let file: File = file::open(handle, None)?;
        let owner = file.metadata()?.uid();
        if owner != self.owner {
            return Err(io::Error::other(format!("owned by {owner}, not by {}", self.owner)));
        }
        let mut content = Vec::new();
        file.take(CAP + 1).read_to_end(&mut content)?;
        if u64::try_from(content.len()).is_ok_and(|length| length > CAP) {
            return Err(io::Error::other(format!("larger than {CAP} bytes")));
        }
        Ok(content)
    }
}
