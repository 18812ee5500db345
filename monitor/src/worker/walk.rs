//! From a process's root to a file that it names, one step at a time.
//!
//! Owns which folders are asked for a name: only those of local file systems, since a name alone can make who looks it
//! up wait for ever. Links are followed within the root. Must not know whose file it is.
use std::{
    ffi::OsString,
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::ffi::OsStringExt as _,
    },
    path::{Component, Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, openat, readlinkat};

use super::{file::Status, mounts, procfs::ProcDir};

/// Links followed, as the kernel does (`MAXSYMLINKS` in include/linux/namei.h).
const LINKS: usize = 40;
/// Names looked up.
const STEPS: usize = 512;
/// Folders held open.
const DEPTH: usize = 128;

/// A step that is still to be made.
enum Step {
    Root,
    Up,
    Down(OsString),
}

/// A handle (`O_PATH`) on `path` below `root`; its links are followed, the last one too.
///
/// # Errors
/// The operating system's; a folder on the way is on no local file system; the last name is a link to nothing.
pub(super) fn walk(process: &dyn ProcDir, root: OwnedFd, path: &Path) -> io::Result<OwnedFd> {
    let mut walk = Walk { process, root, below: Vec::new(), mount: None };
    let (mut steps, mut links, mut last_is_link) = (Vec::new(), 0, false);
    push(&mut steps, path);
    for _ in 0..STEPS {
        let Some(step) = steps.pop() else { return walk.end() };
        let target = walk.step(step).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if last_is_link => io::Error::other("a link to nothing in its root"),
            _ => error,
        })?;
        if let Some(target) = target {
            links += 1;
            last_is_link |= steps.is_empty();
            push(&mut steps, &target);
        }
        if links > LINKS {
            break;
        }
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

/// Puts the steps of a path before the others.
fn push(steps: &mut Vec<Step>, path: &Path) {
    // Longer ones are refused by their number.
    let parts: Vec<_> = path.components().take(STEPS + 1).collect();
    steps.extend(parts.into_iter().rev().filter_map(|part| match part {
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    }));
}

struct Walk<'a> {
    process: &'a dyn ProcDir,
    root: OwnedFd,
    /// From below the root to here.
    below: Vec<OwnedFd>,
    /// The mount that was found local last.
    mount: Option<u64>,
}

impl Walk<'_> {
    /// The target, when the step leads to a link.
    fn step(&mut self, step: Step) -> io::Result<Option<PathBuf>> {
        match step {
            Step::Root => self.below.clear(),
            Step::Up => drop(self.below.pop()),
            Step::Down(name) => return self.down(&name),
        }
        Ok(None)
    }

    fn down(&mut self, name: &OsString) -> io::Result<Option<PathBuf>> {
        let here = self.below.last().unwrap_or(&self.root);
        let mount = mounts::mount_id(here);
        if mount.is_none() || mount != self.mount {
            mounts::local(here, Some(self.process))?;
            self.mount = mount;
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let next = openat(here.as_fd(), name, flags, Mode::empty())?;
        if Status::of(&next)?.link {
            mounts::local(&next, Some(self.process))?;
            let target = readlinkat(next.as_fd(), "", Vec::new())?;
            return Ok(Some(OsString::from_vec(target.into_bytes()).into()));
        }
        if self.below.len() >= DEPTH {
            return Err(io::Error::other(format!("deeper than {DEPTH} folders")));
        }
        self.below.push(next);
        Ok(None)
    }

    fn end(mut self) -> io::Result<OwnedFd> {
        Ok(self.below.pop().unwrap_or(self.root))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::unix::fs::symlink,
    };

    use super::*;
    use crate::worker::procfs::{LiveProcFs, ProcFs as _};

    /// The inode, or the error.
    fn at(root: &Path, path: &str) -> Result<u64, String> {
        let own = LiveProcFs.open(std::process::id()).unwrap();
        let root = File::open(root).unwrap().into();
        let found = walk(&*own, root, Path::new(path)).and_then(|handle| Status::of(&handle));
        found.map(|status| status.id.inode).map_err(|error| error.to_string())
    }

    fn inode(path: &Path) -> Result<u64, String> {
        Ok(std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap()))
    }

    #[test]
    fn leads_where_the_process_would_come() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        for file in ["root/a/b/file", "root/top", "outside"] {
            fs::write(folder.path().join(file), file).unwrap();
        }
        for (target, link) in [
            ("b/file", "a/relative"),
            ("/a/b", "a/absolute"),
            ("../../../../../outside", "up"),
            ("../../top", "a/b/top"),
            ("loop", "loop"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        symlink(folder.path().join("outside"), root.join("out")).unwrap();
        let file = inode(&root.join("a/b/file"));
        for path in ["a/b/file", "/a/b/file", "/../../a/./b/../b/file", "a/relative", "a/absolute/file"] {
            assert_eq!(at(&root, path), file, "{path}");
        }
        assert_eq!(at(&root, "a/b/top"), inode(&root.join("top")));
        assert_eq!(at(&root, "/.."), inode(&root));
        for path in ["up", "out"] {
            assert_eq!(at(&root, path).unwrap_err(), "a link to nothing in its root");
        }
        assert!(at(&root, "a/absolute/none").unwrap_err().contains("No such file"));
        assert!(at(&root, "top/none").unwrap_err().contains("Not a directory"));
        assert!(at(&root, "loop").unwrap_err().contains("symbolic links"));
        assert!(at(&root, &"a/../".repeat(STEPS)).unwrap_err().contains("symbolic links"));
    }

    #[test]
    fn asks_no_folder_of_a_file_system_that_is_not_local() {
        let error = at(Path::new("/"), "proc/self/exe").unwrap_err();
        assert_eq!(error, "file system proc is not local");
    }

    #[test]
    fn depth_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let deep = "d/".repeat(DEPTH + 1);
        fs::create_dir_all(folder.path().join(&deep)).unwrap();
        assert_eq!(at(folder.path(), &deep).unwrap_err(), "deeper than 128 folders");
    }
}
