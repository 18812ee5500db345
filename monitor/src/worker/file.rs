//! Files that a watched process names, handled without side effects.
//!
//! Owns what may be opened: a file is first held as an `O_PATH` handle, which opens nothing, and read only when it
//! is a regular file on a local file system. Must not know whose file it is.
use std::{
    fs::File,
    io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, StatxFlags, fstatfs, openat, statx};

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
}

impl Status {
    /// Asks the kernel, which answers from its cache where it can: a remote or user-space file system is not waited
    /// for.
    pub(super) fn of(handle: &OwnedFd) -> io::Result<Self> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let stat = statx(handle.as_fd(), "", flags, StatxFlags::BASIC_STATS)?;
        Ok(Self {
            id: FileId { device: device(stat.stx_dev_major, stat.stx_dev_minor), inode: stat.stx_ino },
            changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            size: stat.stx_size,
            links: stat.stx_nlink,
            regular: FileType::from_raw_mode(u32::from(stat.stx_mode)) == FileType::RegularFile,
        })
    }
}

/// The kernel's own encoding (`MKDEV` in include/linux/kdev_t.h), which is not `st_dev`'s.
fn device(major: u32, minor: u32) -> u64 {
    u64::from(major) << 20 | u64::from(minor)
}

/// Opens a handle for reading.
///
/// # Errors
/// Not a regular file, not on a local file system, or the operating system's.
pub(super) fn open(handle: &OwnedFd) -> io::Result<File> {
    if !Status::of(handle)?.regular {
        return Err(io::Error::other("not a regular file"));
    }
    // The kernel's type is a C long of which 32 bits are used; sign-extended on some targets.
    let magic = u32::try_from(fstatfs(handle.as_fd())?.f_type as u64 & 0xffff_ffff).unwrap_or(0);
    if !LOCAL.contains(&magic) {
        return Err(io::Error::other(format!("file system {magic:#x} is not local")));
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    Ok(File::from(openat(CWD, path, flags, Mode::empty())?))
}

/// Magic numbers of file systems that answer by themselves, from include/uapi/linux/magic.h and the file systems'
/// own headers. A list of what is allowed: an unknown one may wait for a server, for ever, and the regular files
/// of proc, tracefs and their kin may block or have effects.
const LOCAL: [u32; 25] = [
    0x0000_ef53, // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683e, // btrfs
    0x0102_1994, // tmpfs, and with it every memfd
    0x8584_58f6, // ramfs
    0x794c_7630, // overlayfs
    0x2fc1_2fc1, // zfs
    0xca45_1a4e, // bcachefs
    0xf2f5_2010, // f2fs
    0x7371_7368, // squashfs
    0xe0f5_e1e2, // erofs
    0x28cd_3d45, // cramfs
    0x0000_7275, // romfs
    0x0000_9660, // isofs
    0x1501_3346, // udf
    0x0000_4d44, // fat
    0x2011_bab0, // exfat
    0x7366_746e, // ntfs3
    0x3153_464a, // jfs
    0x5265_4973, // reiserfs
    0x0000_3434, // nilfs2
    0x0000_72b6, // jffs2
    0x2405_1905, // ubifs
    0x6175_6673, // aufs
    0x9584_58f6, // hugetlbfs
];

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
        assert!(open(&handle(&fifo)).unwrap_err().to_string().contains("regular"));
        assert!(open(&handle(folder.path())).is_err());
        assert!(open(&handle("/dev/null".as_ref())).is_err());
        let proc_file = open(&handle("/proc/version".as_ref())).unwrap_err();
        assert_eq!(proc_file.to_string(), "file system 0x9fa0 is not local");

        let plain = folder.path().join("plain");
        std::fs::write(&plain, "text").unwrap();
        let mut text = String::new();
        open(&handle(&plain)).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
    }
}
