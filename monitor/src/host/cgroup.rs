//! The real root of the cgroup2 hierarchy.
//!
//! Owns finding it on every kind of host: hooks attached anywhere below it miss processes. Must not know what
//! is attached there. Nothing is changed and nothing stays behind: no mount is added to any mount table.
use std::{
    ffi::OsString,
    fs::{metadata, read_to_string},
    os::{
        fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, anyhow, bail};
use rustix::{
    fs::{Access, AtFlags, Mode, OFlags, accessat, fstat, fstatfs, open, openat},
    io::Errno,
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen},
    thread::{UnshareFlags, unshare_unsafe},
};

/// `CGROUP2_SUPER_MAGIC`, include/uapi/linux/magic.h.
const CGROUP2_MAGIC: u64 = 0x6367_7270;
/// Inode of the hierarchy's root: the first id that kernfs gives out (fs/kernfs/dir.c, since 5.5).
const ROOT_INODE: u64 = 1;
/// Levels that [`level`] climbs; the kernel's own limit is set by `cgroup.max.depth`, which nobody sets.
const DEEPEST: u32 = 64;
/// Inode of the initial cgroup namespace (`PROC_CGROUP_INIT_INO`, include/linux/proc_ns.h), and our own.
const INITIAL_NAMESPACE: u64 = 0xEFFF_FFFB;
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/cgroup";
/// `FILEID_KERNFS`, include/linux/exportfs.h: the handle is the node's 64-bit id.
const FILEID_KERNFS: i32 = 0xfe;
/// Mount points that are looked at in PID 1's view when ours shows none.
const INIT_VIEW: [&str; 2] = ["/proc/1/root/sys/fs/cgroup", "/proc/1/root/sys/fs/cgroup/unified"];

/// A cgroup2 directory that programs can be attached to.
#[derive(Debug)]
pub struct Root {
    /// The directory, open for reading.
    pub fd: OwnedFd,
    /// How it was reached, a clause for a person.
    pub how: String,
    /// Its inode.
    pub inode: u64,
    /// Whether it is the root of the whole hierarchy. If not, it is the root of a private cgroup namespace
    /// and processes outside of it are not seen.
    pub whole: bool,
}

/// Finds the root: our mounts, PID 1's, the root's file handle on a private namespace's root, and last a
/// detached mount.
///
/// # Errors
/// When there is no cgroup2 directory at all: says what was tried.
pub fn cgroup2_root() -> anyhow::Result<Root> {
    let mounts = read_to_string("/proc/thread-self/mountinfo").context("/proc/thread-self/mountinfo")?;
    let mut part = None;
    let mounted = mount_points(&mounts).into_iter().map(|mount| mount.point);
    for path in mounted.chain(INIT_VIEW.map(PathBuf::from)) {
        match open_cgroup2(&path) {
            Some(root) if root.whole => return Ok(root),
            Some(root) => part = part.or(Some(root)),
            None => {}
        }
    }
    if let Some(root) = &part
        && let Ok(fd) = by_handle(root.fd.as_fd())
    {
        return Root::new(fd, format!("file handle of the root, past {}", root.how));
    }
    match (detached(), part) {
        (Ok(root), _) if root.whole => Ok(root),
        (_, Some(root)) | (Ok(root), None) => Ok(root),
        (Err(error), None) => Err(error.context("no cgroup2 mount, and none could be made")),
    }
}

/// The root of the agent's own cgroup namespace: the whole hierarchy's where that namespace is the host's.
///
/// # Errors
/// When no mount shows it, and none can be made.
pub fn own_root() -> anyhow::Result<Root> {
    let mounts = read_to_string("/proc/thread-self/mountinfo").context("/proc/thread-self/mountinfo")?;
    let own = mount_points(&mounts).into_iter().find(Mounted::is_root_of_namespace);
    if let Some(root) = own.and_then(|mount| open_cgroup2(&mount.point)) {
        return Ok(root);
    }
    if metadata(OWN_NAMESPACE).context(OWN_NAMESPACE)?.ino() == INITIAL_NAMESPACE {
        return cgroup2_root();
    }
    // In a namespace that is not the initial one a mount sets no option of the hierarchy.
    Root::new(mounted()?, "detached mount of the own cgroup namespace".to_owned())
}

/// How far a cgroup is below the hierarchy's root; `None` where the way up ends before.
pub(super) fn level(of: BorrowedFd<'_>) -> Option<u32> {
    let mut folder = of.try_clone_to_owned().ok()?;
    for level in 0..=DEEPEST {
        if fstat(&folder).ok()?.st_ino == ROOT_INODE {
            return Some(level);
        }
        folder =
            openat(&folder, "..", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        if u64::try_from(fstatfs(&folder).ok()?.f_type) != Ok(CGROUP2_MAGIC) {
            return None;
        }
    }
    None
}

impl Root {
    pub(super) fn new(fd: OwnedFd, how: String) -> anyhow::Result<Self> {
        if u64::try_from(fstatfs(&fd)?.f_type) != Ok(CGROUP2_MAGIC) {
            bail!("not a cgroup2 directory");
        }
        let inode = fstat(&fd)?.st_ino;
        let whole = inode == ROOT_INODE && !has(&fd, "cgroup.events")? && !has(&fd, "cgroup.type")?;
        Ok(Self { fd, how, inode, whole })
    }
}

/// Files that every cgroup has except the hierarchy's root (Documentation/admin-guide/cgroup-v2.rst).
pub(super) fn has(directory: &OwnedFd, name: &str) -> rustix::io::Result<bool> {
    match accessat(directory, name, Access::EXISTS, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

fn open_cgroup2(path: &Path) -> Option<Root> {
    let fd = open(path, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    Root::new(fd, path.display().to_string()).ok()
}

/// A mount in no mount table, gone with its descriptor. A mount made in the initial cgroup namespace would set
/// the hierarchy's options anew (`nsdelegate` and kin, kernel/cgroup/cgroup.c), so it is made by a thread in
/// a private one, whose root is a part only; the file handle leads from there to the whole.
fn detached() -> anyhow::Result<Root> {
    let maker = thread::Builder::new().name("cgroup2-mount".to_owned()).spawn(|| {
        // SAFETY: a cgroup namespace concerns only what this thread sees of cgroup paths; no descriptor, memory
        // or thread-local assumption of Rust depends on it, and the thread ends here.
        unsafe { unshare_unsafe(UnshareFlags::NEWCGROUP) }.context("unshare(CLONE_NEWCGROUP)")?;
        mounted()
    })?;
    let part = maker.join().map_err(|_| anyhow!("the thread that mounts cgroup2 ended early"))??;
    match by_handle(part.as_fd()) {
        Ok(whole) => Root::new(whole, "detached mount".to_owned()),
        Err(_) => Root::new(part, "detached mount".to_owned()),
    }
}

/// Mounts cgroup2 nowhere; what it shows is the calling thread's cgroup namespace.
fn mounted() -> anyhow::Result<OwnedFd> {
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC).context("fsopen(cgroup2)")?;
    fsconfig_create(context.as_fd()).context("fsconfig(cgroup2)")?;
    let quiet = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, quiet).context("fsmount(cgroup2)")?;
    openat(mount, ".", OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .context("the detached mount")
}

/// The kernel's `struct file_handle` (open_by_handle_at(2)) with a kernfs id in it.
#[repr(C)]
struct KernfsHandle {
    bytes: u32,
    kind: i32,
    id: [u8; 8],
}

/// Opens the hierarchy's root by its id, from any cgroup2 directory; needs `CAP_DAC_READ_SEARCH`.
fn by_handle(any: BorrowedFd<'_>) -> anyhow::Result<OwnedFd> {
    let mut handle = KernfsHandle { bytes: 8, kind: FILEID_KERNFS, id: ROOT_INODE.to_ne_bytes() };
    // SAFETY: the pointer is valid for the call, and the layout is the kernel's: length of what follows, type,
    // then that many bytes. The kernel only reads it.
    let fd = unsafe {
        libc::open_by_handle_at(
            any.as_raw_fd(),
            (&raw mut handle).cast(),
            libc::O_DIRECTORY | libc::O_RDONLY | libc::O_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(std::io::Error::last_os_error()).context("open_by_handle_at(cgroup2 root)");
    }
    // SAFETY: the kernel has just given us this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A mount of cgroup2.
#[derive(Debug, PartialEq, Eq)]
struct Mounted {
    /// The cgroup that it shows, as the reader's cgroup namespace names it.
    root: PathBuf,
    point: PathBuf,
}

impl Mounted {
    fn is_root_of_namespace(&self) -> bool {
        self.root.as_os_str() == "/"
    }
}

/// Mounts of type cgroup2, in the order of the table (`proc_pid_mountinfo(5)`).
fn mount_points(mountinfo: &str) -> Vec<Mounted> {
    let of_line = |line: &str| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3).map(unescape);
        let mounted = Mounted { root: fields.next()?, point: fields.next()? };
        filesystem.starts_with("cgroup2 ").then_some(mounted)
    };
    mountinfo.lines().filter_map(of_line).collect()
}

/// Blanks, newlines and backslashes are written as a backslash and three octal digits.
fn unescape(field: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.filter(|_| first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests;
