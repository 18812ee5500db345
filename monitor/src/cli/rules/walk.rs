//! Regular files below paths.
//!
//! Owns which files are read and how: no link is followed below what was named, nothing but a regular file is opened
//! for reading, and a file is read up to a size. Must not know what is done with the bytes.
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Largest file that is read.
pub(super) const FILE_MAX: u64 = 1 << 30;

/// What came of one path.
pub(super) enum Step {
    /// A regular file's bytes.
    Read(PathBuf, Vec<u8>),
    /// What could not be read, and why.
    Failed(PathBuf, io::Error),
}

/// Every regular file at or below `paths`, each directory's entries by name.
pub(super) struct Walk {
    /// What is left, last first.
    pending: Vec<PathBuf>,
    /// A path as it was named may be a link.
    named: usize,
}

impl Walk {
    pub(super) fn new(paths: &[PathBuf]) -> Self {
        Self { pending: paths.iter().rev().cloned().collect(), named: paths.len() }
    }

    fn step(&mut self, path: &Path, follow: bool) -> io::Result<Option<Vec<u8>>> {
        let status = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) }?;
        if status.is_dir() {
            let mut entries =
                fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
            entries.sort_by(|a, b| b.cmp(a));
            self.pending.append(&mut entries);
        }
        if status.is_file() { read(path, follow).map(Some) } else { Ok(None) }
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            let path = self.pending.pop()?;
            let follow = self.pending.len() < self.named;
            self.named = self.named.min(self.pending.len());
            match self.step(&path, follow) {
                Ok(Some(bytes)) => return Some(Step::Read(path, bytes)),
                Ok(None) => {}
                Err(error) => return Some(Step::Failed(path, error)),
            }
        }
    }
}

fn read(path: &Path, follow: bool) -> io::Result<Vec<u8>> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | if follow { 0 } else { libc::O_NOFOLLOW };
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let status = file.metadata()?;
    if !status.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if status.len() > FILE_MAX {
        return Err(io::Error::other(format!("larger than {} MiB", FILE_MAX >> 20)));
    }
    // Files of /proc and the like have no size, and reading some of them does not end.
    let mut bytes = Vec::with_capacity(usize::try_from(status.len()).map_err(io::Error::other)?);
    file.take(status.len()).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, process::Command};

    use super::*;

    fn read_below(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut read, mut failed) = (vec![], vec![]);
        for step in Walk::new(paths) {
            match step {
                Step::Read(path, bytes) => {
                    assert_eq!(bytes, fs::read(&path).unwrap());
                    read.push(path);
                }
                Step::Failed(path, _) => failed.push(path),
            }
        }
        (read, failed)
    }

    #[test]
    fn regular_files_are_read_and_nothing_else_is_opened_nor_any_link_followed() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("b/c")).unwrap();
        for name in ["a", "b/c/d", "b/e"] {
            fs::write(at(name), name).unwrap();
        }
        symlink(root.path(), at("b/loop")).unwrap();
        symlink(at("a"), at("b/link")).unwrap();
        // A FIFO that nobody writes to: opening it for reading would wait for ever.
        assert!(Command::new("mkfifo").arg(at("b/fifo")).status().unwrap().success());
        let (read, failed) = read_below(&[root.path().to_owned()]);
        assert_eq!(read, ["a", "b/c/d", "b/e"].map(at));
        assert_eq!(failed, Vec::<PathBuf>::new());
        // A link that was named is what it leads to.
        assert_eq!(read_below(&[at("b/link"), at("b/loop/b"), at("a")]).0.len(), 4);
    }

    #[test]
    fn what_is_not_there_or_too_large_is_told_and_the_rest_is_read() {
        let root = tempfile::tempdir().unwrap();
        let (large, small) = (root.path().join("large"), root.path().join("small"));
        File::create(&large).unwrap().set_len(FILE_MAX + 1).unwrap();
        fs::write(&small, "x").unwrap();
        let none = root.path().join("none");
        assert_eq!(read_below(&[none.clone(), root.path().to_owned()]), (vec![small], vec![none, large]));
    }
}
