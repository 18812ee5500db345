//! What kind of file system a handle lies on, told without asking that file system.
//!
//! Owns the names and magic numbers of file systems that answer by themselves. statfs(2) asks the server of a file
//! system in user space, which may never answer; the mount tables of /proc do not. Must not know what is read.
use std::{io, os::fd::OwnedFd};

use rustix::fs::{AtFlags, StatxFlags, fstatfs, statx};

use super::procfs::{LiveProcFs, ProcDir, ProcFs as _};

/// Bytes read of a table: some 8,000 mounts. What is behind is not known.
const TABLE_MAX: usize = 1 << 20;

/// Whether what is opened there answers by itself. `process` is the one whose mounts it may be among.
///
/// # Errors
/// It does not, or nobody knows; with the kind of file system.
pub(super) fn local(handle: &OwnedFd, process: Option<&dyn ProcDir>) -> io::Result<()> {
    let known = mount_id(handle).and_then(|id| {
        let of = |process: &dyn ProcDir| kind(&process.read("mountinfo", TABLE_MAX).ok()?, id);
        process.and_then(of).or_else(|| of(&*LiveProcFs.open(std::process::id()).ok()?))
    });
    // A memfd's mount, and that of a root in the middle of a file system, are in no table.
    let local = match &known {
        Some(kind) => NAMES.contains(&kind.as_str()),
        None => MAGIC.contains(&magic(handle)?),
    };
    let kind = || known.map_or_else(|| magic(handle).map(|magic| format!("{magic:#x}")), Ok);
    if local { Ok(()) } else { Err(io::Error::other(format!("file system {} is not local", kind()?))) }
}

/// The mount that a handle was opened through; `None` before Linux 5.8.
pub(super) fn mount_id(handle: &OwnedFd) -> Option<u64> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let stat = statx(handle, "", flags, StatxFlags::MNT_ID).ok()?;
    (stat.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(stat.stx_mnt_id)
}

/// The kernel's type is a C long of which 32 bits are used; sign-extended on some targets.
fn magic(handle: &OwnedFd) -> io::Result<u32> {
    Ok(u32::try_from(fstatfs(handle)?.f_type as u64 & 0xffff_ffff).unwrap_or(0))
}

/// The file system's name in the line of this mount: after the separator, proc_pid_mountinfo(5).
fn kind(table: &[u8], id: u64) -> Option<String> {
    let start = format!("{id} ");
    let line = table.split(|byte| *byte == b'\n').find(|line| line.starts_with(start.as_bytes()))?;
    let mut fields = line.split(|byte| *byte == b' ').skip_while(|field| *field != b"-");
    // A subtype follows a dot: `fuse.sshfs`.
    Some(String::from_utf8_lossy(fields.nth(1)?).into_owned())
}

/// Names in /proc/filesystems of file systems that answer by themselves. A list of what is allowed: an unknown one may
/// wait for a server, for ever, and the regular files of proc, tracefs and their kin may block or have effects.
const NAMES: [&str; 29] = [
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "tmpfs",
    "devtmpfs",
    "ramfs",
    "rootfs",
    "overlay",
    "zfs",
    "bcachefs",
    "f2fs",
    "squashfs",
    "erofs",
    "cramfs",
    "romfs",
    "iso9660",
    "udf",
    "vfat",
    "msdos",
    "exfat",
    "ntfs3",
    "jfs",
    "reiserfs",
    "nilfs2",
    "jffs2",
    "ubifs",
    "hugetlbfs",
];

/// The same by magic number, from include/uapi/linux/magic.h and the file systems' own headers.
const MAGIC: [u32; 25] = [
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
    use std::fs::File;

    use rustix::fs::{MemfdFlags, memfd_create};

    use super::*;

    #[test]
    fn the_table_tells_the_kind() {
        let table = b"22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/sda rw\n\
            23 22 0:40 / /mnt/a\\040b rw - fuse.sshfs a rw\n2 1 0:3 / /x rw";
        assert_eq!(kind(table, 22).as_deref(), Some("ext4"));
        assert_eq!(kind(table, 23).as_deref(), Some("fuse.sshfs"));
        assert_eq!((kind(table, 2), kind(table, 3), kind(b"", 1)), (None, None, None));
    }

    #[test]
    fn local_by_the_table_or_else_by_its_number() {
        let own = LiveProcFs.open(std::process::id()).unwrap();
        for process in [None, Some(&*own)] {
            local(&tempfile::tempfile().unwrap().into(), process).unwrap();
            local(&memfd_create("x", MemfdFlags::CLOEXEC).unwrap(), process).unwrap();
            let error = local(&File::open("/proc").unwrap().into(), process).unwrap_err();
            assert_eq!(error.to_string(), "file system proc is not local");
            let pipe: OwnedFd = io::pipe().unwrap().0.into();
            assert!(local(&pipe, process).unwrap_err().to_string().contains("0x50495045"));
        }
    }
}
