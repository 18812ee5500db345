//! Files that a watched process names, handled without side effects.
//!
//! Owns what may be opened: a file is first held as an `O_PATH` handle, which opens nothing, and read only when it
//! is a regular file on a local file system. Must not know whose file it is.
use std::{
    fs::File,
    io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, StatxFlags, openat, statx};

use super::{mounts, procfs::ProcDir};
use crate::event::FileId;

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Status {
    /// Device and inode.
    pub(super) id: FileId,
    /// Last change of inode or content: seconds and nanoseconds since the Unix epoch.
    pub(super) changed: (i64, u32),
    /// Bytes.
    pub(super) size: u64,
    /// Hard links.
    pub(super) links: u32,
    /// A regular file.
    pub(super) regular: bool,
    /// A symbolic link.
    pub(super) link: bool,
}

impl Status {
    /// Asks the kernel, which answers from its cache where it can: a remote or user-space file system is not waited
    /// for.
    pub(super) fn of(handle: &OwnedFd) -> io::Result<Self> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let stat = statx(handle.as_fd(), "", flags, StatxFlags::BASIC_STATS)?;
        let kind = FileType::from_raw_mode(u32::from(stat.stx_mode));
        Ok(Self {
            id: FileId { device: device(stat.stx_dev_major, stat.stx_dev_minor), inode: stat.stx_ino },
            changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            size: stat.stx_size,
            links: stat.stx_nlink,
            regular: kind == FileType::RegularFile,
            link: kind == FileType::Symlink,
        })
    }
}

/// The kernel's own encoding (`MKDEV` in include/linux/kdev_t.h), which is not `st_dev`'s.
fn device(major: u32, minor: u32) -> u64 {
    u64::from(major) << 20 | u64::from(minor)
}

/// Opens a handle for reading. `process` is the one that names the file, and through whose root it was found.
///
/// # Errors
/// Not a regular file, not on a local file system, or the operating system's.
pub(super) fn open(handle: &OwnedFd, process: Option<&dyn ProcDir>) -> io::Result<File> {
    if !Status::of(handle)?.regular {
        return Err(io::Error::other("not a regular file"));
    }
    mounts::local(handle, process)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    Ok(File::from(openat(CWD, path, flags, Mode::empty())?))
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, os::unix::fs::MetadataExt as _};

    use super::*;

    fn handle(path: &std::path::Path) -> OwnedFd {
        openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    #[test]
    fn status_agrees_with_stat() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        let stat = std::fs::metadata(file.path()).unwrap();
        let status = Status::of(&handle(file.path())).unwrap();
        let device =
            u64::from(rustix::fs::major(stat.dev())) << 20 | u64::from(rustix::fs::minor(stat.dev()));
        assert_eq!(status.id, FileId { device, inode: stat.ino() });
        assert_eq!((status.size, status.links, status.regular), (5, 1, true));
        assert_eq!(status.changed, (stat.ctime(), u32::try_from(stat.ctime_nsec()).unwrap()));
    }

    #[test]
    fn only_regular_files_on_local_file_systems_open() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(open(&handle(&fifo), None).unwrap_err().to_string().contains("regular"));
        assert!(open(&handle(folder.path()), None).is_err());
        assert!(open(&handle("/dev/null".as_ref()), None).is_err());
        let proc_file = open(&handle("/proc/version".as_ref()), None).unwrap_err();
        assert_eq!(proc_file.to_string(), "file system proc is not local");

        let plain = folder.path().join("plain");
        std::fs::write(&plain, "text").unwrap();
        let mut text = String::new();
        open(&handle(&plain), None).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
    }
}
