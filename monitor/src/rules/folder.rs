//! The operator's files.
//!
//! Owns which files of a folder are read, in what order, and the caps on their number and size. Must not know what is
//! in them.
use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::Problem;

/// Files read of one folder.
const FILES_MAX: usize = 256;
/// Entries of a folder looked at.
const ENTRIES_MAX: usize = 4_096;
/// Largest file: a list of 100,000 digests has 6.5 MB.
const BYTES_MAX: u64 = 16 << 20;

/// Path and text of every file of this extension that can be read, in the order of the names. Names that begin with a
/// dot (editors' and package managers' leavings) do not count.
pub(super) fn texts(folder: &Path, extension: &str, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let paths = match names(folder, extension) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(Problem::of(&folder.display().to_string(), error.to_string()));
            return Vec::new();
        }
    };
    let more = paths.len().saturating_sub(FILES_MAX);
    if more > 0 {
        let message = format!("more than {FILES_MAX} *.{extension} files; {more} are not loaded");
        problems.push(Problem::of(&folder.display().to_string(), message));
    }
    let mut texts = Vec::new();
    for path in paths.into_iter().take(FILES_MAX) {
        let name = path.display().to_string();
        match read(&path) {
            Ok(text) => texts.push((name, text)),
            Err(error) => problems.push(Problem::of(&name, error.to_string())),
        }
    }
    texts
}

fn names(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)?.take(ENTRIES_MAX) {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let path = entry.path();
        if !hidden && path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> io::Result<String> {
    // A FIFO would be waited for.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("larger than {BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not UTF-8 text"))
}
