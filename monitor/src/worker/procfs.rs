//! Reads one process's directory of /proc.
//!
//! Owns [`ProcFs`], the seam between the live /proc and a fake, and how a directory is held: opened once, so that
//! a reused pid cannot mix two processes. Must not know what the facts are for.
use std::{
    ffi::OsString,
    fs::{File, read_dir},
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::ffi::OsStringExt as _,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use procfs_core::{FromRead as _, process::Stat};
use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, openat, openat2, readlinkat};

use super::walk::walk;
use crate::{event::Ticks, host::privilege::host_pids};

/// Opens processes by pid in the agent's PID namespace.
pub trait ProcFs: Send + Sync {
    /// Opens /proc/PID.
    ///
    /// # Errors
    /// When there is no such process, or it may not be looked at.
    fn open(&self, pid: u32) -> io::Result<Box<dyn ProcDir>>;

    /// Every process that is watched.
    ///
    /// # Errors
    /// The operating system's, and when its id in the initial PID namespace cannot be told.
    fn pids(&self) -> io::Result<Vec<Numbers>>;
}

/// What a process is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Its id in the agent's PID namespace, which its /proc shows.
    pub pid: u32,
    /// Its id in the initial PID namespace, which is part of its key.
    pub tgid: u32,
    /// When it started, where that was seen together with the numbers.
    pub start: Option<Ticks>,
}

impl Numbers {
    /// Of a process in the initial PID namespace, seen from there.
    #[must_use]
    pub const fn of_host(pid: u32) -> Self {
        Self { pid, tgid: pid, start: None }
    }
}

impl<P: ProcFs + ?Sized> ProcFs for Arc<P> {
    fn open(&self, pid: u32) -> io::Result<Box<dyn ProcDir>> {
        (**self).open(pid)
    }

    fn pids(&self) -> io::Result<Vec<Numbers>> {
        (**self).pids()
    }
}

/// One process for as long as it is held; after its end every call fails.
pub trait ProcDir {
    /// A file's content, at most `cap` bytes.
    ///
    /// # Errors
    /// The operating system's.
    fn read(&self, file: &str, cap: usize) -> io::Result<Vec<u8>>;

    /// Where a link (`exe`, `cwd`, `root`) points.
    ///
    /// # Errors
    /// The operating system's.
    fn link(&self, link: &str) -> io::Result<PathBuf>;

    /// A handle (`O_PATH`) on the executable, whatever its name is now.
    ///
    /// # Errors
    /// The operating system's.
    fn exe(&self) -> io::Result<OwnedFd>;

    /// A file of the directory that is read from several places (`mem`, `pagemap`), opened for reading.
    ///
    /// # Errors
    /// The operating system's; a made-up process has none.
    fn file(&self, file: &str) -> io::Result<File> {
        let _ = file;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Inode numbers of the sockets in its file table, at most `most`.
    ///
    /// # Errors
    /// The operating system's; a made-up process has none.
    fn sockets(&self, most: usize) -> io::Result<Vec<u64>> {
        let _ = most;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// A handle (`O_PATH`) on a path as the process itself sees it. `path` is relative to the process's root. File
    /// systems that are not local are not asked for a name.
    ///
    /// # Errors
    /// The operating system's.
    fn in_root(&self, path: &Path) -> io::Result<OwnedFd>;
}

/// What of /proc/PID/stat is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Command name, lossy.
    pub comm: String,
    /// Real parent; 0 when none is visible.
    pub parent: u32,
    /// When it started.
    pub start: Ticks,
    /// Number of its controlling terminal; 0 without one.
    pub tty: i32,
}

impl Identity {
    /// Longer than any line of /proc/PID/stat: 52 numbers of at most 20 digits and a name.
    pub const CAP: usize = 2048;

    /// Reads a line of /proc/PID/stat; the name may hold any byte.
    ///
    /// # Errors
    /// When it is not such a line.
    pub fn parse(line: &[u8]) -> io::Result<Self> {
        let stat =
            Stat::from_read(line).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
        let parent = u32::try_from(stat.ppid).unwrap_or(0);
        Ok(Self { comm: stat.comm, parent, start: Ticks(stat.starttime), tty: stat.tty_nr })
    }

    /// Reads it from an open process.
    ///
    /// # Errors
    /// As [`Identity::parse`], and when the process is gone.
    pub fn of(process: &dyn ProcDir) -> io::Result<Self> {
        Self::parse(&process.read("stat", Self::CAP)?)
    }
}

/// The /proc of the agent's own mount namespace; it lists processes only where it shows the host's.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveProcFs;

impl ProcFs for LiveProcFs {
    fn open(&self, pid: u32) -> io::Result<Box<dyn ProcDir>> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Box::new(LiveProcDir(openat(CWD, format!("/proc/{pid}"), flags, Mode::empty())?)))
    }

    fn pids(&self) -> io::Result<Vec<Numbers>> {
        if !host_pids() {
            return Err(io::Error::other(
                "/proc has not the host's process ids: not the host's PID namespace",
            ));
        }
        let names = read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.parse().ok().map(Numbers::of_host)).collect())
    }
}

/// Entries looked at of one file table.
const FILES: usize = 65_536;

/// The number in `socket:[123456]`.
fn socket(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

struct LiveProcDir(OwnedFd);

impl ProcDir for LiveProcDir {
    fn read(&self, file: &str, cap: usize) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = File::from(openat(self.0.as_fd(), file, flags, Mode::empty())?);
        let mut content = Vec::new();
        file.take(u64::try_from(cap).unwrap_or(u64::MAX)).read_to_end(&mut content)?;
        Ok(content)
    }

    fn file(&self, file: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(File::from(openat(self.0.as_fd(), file, flags, Mode::empty())?))
    }

    fn sockets(&self, most: usize) -> io::Result<Vec<u64>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let table = openat(self.0.as_fd(), "fd", flags, Mode::empty())?;
        let mut sockets = Vec::new();
        for entry in Dir::read_from(&table)?.take(FILES) {
            let target = readlinkat(&table, entry?.file_name(), Vec::new());
            let inode = target.ok().and_then(|target| socket(target.to_str().ok()?));
            sockets.extend(inode.filter(|_| sockets.len() < most));
        }
        Ok(sockets)
    }

    fn link(&self, link: &str) -> io::Result<PathBuf> {
        let target = readlinkat(self.0.as_fd(), link, Vec::new())?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    fn exe(&self) -> io::Result<OwnedFd> {
        Ok(openat(self.0.as_fd(), "exe", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
    }

    fn in_root(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let root = openat(self.0.as_fd(), "root", flags | OFlags::DIRECTORY, Mode::empty())?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        // What the kernel has in its cache it tells without asking a file system.
        let cached = openat2(root.as_fd(), path, flags, Mode::empty(), resolve | ResolveFlags::CACHED);
        cached.or_else(|_| walk(self, root, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: &str = "S 41 4242 4242 34816 4242 4194304 1 0 0 0 1 2 0 0 20 0 1 0 123456 9 9 \
        18446744073709551615 1 1 0 0 0 0 0 4096 134234626 1 0 0 17 1 0 0 0 0 0 1 1 1 1 1 1 1 0\n";

    #[test]
    fn a_name_may_hold_anything() {
        for comm in ["bash", "a b) R 1 (c", ") S 1 1", "((", "", "a\nb", "tab\t"] {
            let line = format!("4242 ({comm}) {NUMBERS}");
            let identity = Identity::parse(line.as_bytes()).unwrap();
            assert_eq!(
                identity,
                Identity { comm: comm.to_owned(), parent: 41, start: Ticks(123_456), tty: 34816 }
            );
        }
        let line = [b"4242 (\xff\xfe) ".as_slice(), NUMBERS.as_bytes()].concat();
        assert_eq!(Identity::parse(&line).unwrap().comm, "\u{fffd}\u{fffd}");
    }

    #[test]
    fn what_is_no_such_line_is_an_error() {
        for bad in ["", "4242", "4242 (a", "4242 (a) S 1", "x (a) S 41 1", "4242 (a) S x 1 1 1"] {
            assert!(Identity::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_this_process() {
        let me = LiveProcFs.open(std::process::id()).unwrap();
        assert!(Identity::of(&*me).unwrap().start > Ticks(0));
        assert_eq!(me.link("exe").unwrap(), std::env::current_exe().unwrap());
        assert_eq!(me.read("status", 5).unwrap(), b"Name:");
        assert!(me.in_root(Path::new("proc/self/exe")).is_err(), "magic links are not followed");
    }
}
