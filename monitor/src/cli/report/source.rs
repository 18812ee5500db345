//! Which journals there are.
//!
//! Owns the walk over a directory and what belongs together: the file that is written and those that it was rotated
//! into are one source. Must not know what is in a file, nor whose it is.
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::sink::escape::escape;

/// Folders below the directory.
const DEPTH_MAX: usize = 4;
/// Journal files of one directory.
const FILES_MAX: usize = 200_000;
/// Journal files of one source: they are named on one command line.
pub(super) const OF_SOURCE_MAX: usize = 4_096;
/// Start of the names that systemd-journal-remote gives; the sender's address follows.
const REMOTE: &str = "remote-";

/// What one journalctl reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// For people: the path without what rotation adds.
    pub(super) shown: String,
    /// The sender's address, where systemd-journal-remote wrote the file.
    pub(super) address: Option<String>,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Local { namespace: Option<String> },
    Files { folder: PathBuf, stem: String, files: Vec<PathBuf> },
}

impl Source {
    /// This host's own journal.
    pub(super) fn local(namespace: Option<&str>) -> Self {
        let place = Place::Local { namespace: namespace.map(str::to_owned) };
        Self { shown: "this host's journal".to_owned(), address: None, place }
    }

    /// What tells journalctl to read it.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        match &self.place {
            Place::Local { namespace: None } => Vec::new(),
            // The plus: the namespace beside the default one.
            Place::Local { namespace: Some(name) } => vec![format!("--namespace=+{name}").into()],
            Place::Files { files, .. } => {
                files.iter().rev().take(OF_SOURCE_MAX).map(|file| file_argument(file)).collect()
            }
        }
    }

    /// Files that a cap left out.
    pub(super) fn left_out(&self) -> usize {
        match &self.place {
            Place::Local { .. } => 0,
            Place::Files { files, .. } => files.len().saturating_sub(OF_SOURCE_MAX),
        }
    }

    /// The same source as it is now: files are renamed when they are rotated.
    pub(super) fn again(&self) -> Option<Self> {
        let Place::Files { folder, stem, .. } = &self.place else { return None };
        let mut found = Found::default();
        found.walk(folder, 0).ok()?;
        let files = found.sources.remove(&(folder.clone(), stem.clone()))?;
        Some(from_files(folder.clone(), stem.clone(), files))
    }
}

#[derive(Default)]
struct Found {
    sources: BTreeMap<(PathBuf, String), Vec<PathBuf>>,
    files: usize,
}

/// Every source below `directory`.
///
/// # Errors
/// When it cannot be read or holds no journal.
pub(super) fn list(directory: &Path) -> anyhow::Result<Vec<Source>> {
    let mut found = Found::default();
    found.walk(directory, DEPTH_MAX)?;
    if found.files == 0 {
        bail!("{}: no *.journal file in it or its subfolders", directory.display());
    }
    Ok(found.sources.into_iter().map(|((folder, stem), files)| from_files(folder, stem, files)).collect())
}

fn from_files(folder: PathBuf, stem: String, mut files: Vec<PathBuf>) -> Source {
    // Names of rotated files go on with a number that counts and a time: the newest sort last, and the one that is
    // written now, which has none, after them.
    files.sort_by_cached_key(|file| {
        let name = file.file_name().unwrap_or_default().to_owned();
        (!name.to_string_lossy().contains('@'), name)
    });
    let shown = escape(&folder.join(&stem).to_string_lossy());
    let address = stem.strip_prefix(REMOTE).map(str::to_owned);
    Source { shown, address, place: Place::Files { folder, stem, files } }
}

impl Found {
    fn walk(&mut self, folder: &Path, depth: usize) -> anyhow::Result<()> {
        let shown = || folder.display().to_string();
        for entry in fs::read_dir(folder).with_context(shown)? {
            let entry = entry.with_context(shown)?;
            let kind = entry.file_type().with_context(shown)?;
            if kind.is_dir() && depth > 0 {
                self.walk(&entry.path(), depth - 1)?;
            } else if kind.is_file()
                && let Some(stem) = stem(&entry.file_name().to_string_lossy())
            {
                let key = (folder.to_owned(), stem.to_owned());
                self.sources.entry(key).or_default().push(entry.path());
                self.files += 1;
            }
            if self.files > FILES_MAX {
                bail!("{}: more than {FILES_MAX} journal files", shown());
            }
        }
        Ok(())
    }
}

/// `remote-127.77.0.1` of `remote-127.77.0.1.journal`, `remote-127.77.0.1@...-...-....journal` and what a crash left
/// behind, `remote-127.77.0.1@...-....journal~`.
fn stem(name: &str) -> Option<&str> {
    let name = name.strip_suffix('~').unwrap_or(name).strip_suffix(".journal")?;
    Some(name.rsplit_once('@').map_or(name, |(stem, _)| stem))
}

/// `--file` takes a pattern of glob(7) with braces, so what means something in one is quoted.
fn file_argument(file: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let mut argument = b"--file=".to_vec();
    for byte in file.as_os_str().as_bytes() {
        if br"*?[]{}\".contains(byte) {
            argument.push(b'\\');
        }
        argument.push(*byte);
    }
    OsString::from_vec(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_sender_are_one_source() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("more")).unwrap();
        for name in [
            "remote-127.77.0.1.journal",
            "remote-127.77.0.1@0123-4567-89ab.journal",
            "remote-127.77.0.1@000643f6-0011.journal~",
            "remote-127.77.0.2.journal",
            "more/system.journal",
            "sources.toml",
        ] {
            fs::write(root.path().join(name), "").unwrap();
        }
        let sources = list(root.path()).unwrap();
        let shown: Vec<_> =
            sources.iter().map(|source| (source.address.as_deref(), source.arguments().len())).collect();
        assert_eq!(shown, [(Some("127.77.0.1"), 3), (Some("127.77.0.2"), 1), (None, 1)]);
        fs::remove_file(root.path().join("remote-127.77.0.1.journal")).unwrap();
        assert_eq!(sources[0].again().unwrap().arguments().len(), 2);
        assert_eq!(Source::local(None).again(), None);
    }

    #[test]
    fn a_directory_without_journals_is_an_error_that_names_it() {
        let root = tempfile::tempdir().unwrap();
        let error = list(root.path()).unwrap_err().to_string();
        assert!(
            error.contains(&root.path().display().to_string()) && error.contains("no *.journal"),
            "{error}"
        );
        assert!(list(&root.path().join("none")).is_err());
    }

    #[test]
    fn a_path_is_no_pattern() {
        assert_eq!(file_argument(Path::new("/a[1]/{b}*.journal")), r"--file=/a\[1\]/\{b\}\*.journal");
    }

    #[test]
    fn a_namespace_is_read_beside_the_default() {
        assert_eq!(Source::local(Some("x")).arguments(), ["--namespace=+x"]);
        assert!(Source::local(None).arguments().is_empty());
    }
}
