//! Needs root for the cases that make namespaces; each makes them in a thread of its own, which takes them
//! along when it ends.
use std::{
    fs::{read_dir, read_to_string},
    os::fd::{AsFd as _, OwnedFd},
    panic::resume_unwind,
    path::Path,
    process, thread,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, fstat, mkdirat, openat, unlinkat},
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount},
    process::geteuid,
    thread::{UnshareFlags, unshare_unsafe},
};

use super::{Mounted, Root, cgroup2_root, level, mount_points, open_cgroup2, own_root};

/// Runs `body` in namespaces of its own, its mounts private.
fn apart(flags: UnshareFlags, body: impl FnOnce() + Send + 'static) {
    if !geteuid().is_root() {
        assert!(std::env::var_os("MINEWARDEN_REQUIRE_LIVE").is_none(), "needs root");
        eprintln!("SKIPPED: making namespaces needs root");
        return;
    }
    let apart = thread::spawn(move || {
        // SAFETY: the file system view and the namespaces belong to this thread alone, which ends after `body`.
        unsafe { unshare_unsafe(flags | UnshareFlags::NEWNS) }.unwrap();
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
        body();
    });
    apart.join().unwrap_or_else(|panic| resume_unwind(panic));
}

fn mountinfo() -> String {
    read_to_string("/proc/thread-self/mountinfo").unwrap()
}

fn unmount_every_cgroup2() {
    for mount in mount_points(&mountinfo()) {
        unmount(&mount.point, UnmountFlags::DETACH).unwrap();
    }
    assert_eq!(mount_points(&mountinfo()), []);
}

fn assert_is_whole(root: &Root) {
    assert!(root.whole, "{root:?}");
    assert_eq!((root.inode, fstat(&root.fd).unwrap().st_ino), (1, 1), "{root:?}");
    let names: Vec<_> = read_dir(format!("/proc/thread-self/fd/{}", raw(root))).unwrap().flatten().collect();
    assert!(names.iter().any(|entry| entry.file_name() == "cgroup.procs"), "{names:?}");
    assert!(names.iter().all(|entry| entry.file_name() != "cgroup.type"), "{names:?}");
}

fn raw(root: &Root) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(&root.fd)
}

#[test]
fn without_a_cgroup2_mount_a_detached_one_is_the_real_root_and_is_in_no_table() {
    apart(UnshareFlags::empty(), || {
        unmount_every_cgroup2();
        let before = mountinfo();
        let root = cgroup2_root().unwrap();
        assert_is_whole(&root);
        assert_eq!(mountinfo(), before);
        drop(root);
        assert_eq!(mountinfo(), before);
    });
}

/// A cgroup of this test, which its thread enters; left and removed again.
struct Child {
    root: Root,
    name: String,
}

impl Child {
    fn enter(name: &str) -> Self {
        let child =
            Self { root: cgroup2_root().unwrap(), name: format!("minewarden-test-{}-{name}", process::id()) };
        mkdirat(&child.root.fd, &child.name, Mode::RWXU).unwrap();
        child.write(&format!("{}/cgroup.type", child.name), "threaded");
        child.write(&format!("{}/cgroup.threads", child.name), "0");
        child
    }

    /// As the host's root reaches it.
    fn open(&self) -> OwnedFd {
        openat(&self.root.fd, &self.name, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap()
    }

    /// By descriptor: the test unmounts the path.
    fn write(&self, file: &str, text: &str) {
        let fd = openat(&self.root.fd, file, OFlags::WRONLY, Mode::empty()).unwrap();
        assert_eq!(rustix::io::write(fd, text.as_bytes()), Ok(text.len()), "{file}");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.write("cgroup.threads", "0");
        assert_eq!(unlinkat(&self.root.fd, &self.name, AtFlags::REMOVEDIR), Ok(()));
    }
}

#[test]
fn a_private_cgroup_namespaces_false_root_is_recognised_and_the_real_one_found() {
    apart(UnshareFlags::empty(), || {
        let _child = Child::enter("false-root");
        // SAFETY: as in `apart`.
        unsafe { unshare_unsafe(UnshareFlags::NEWCGROUP) }.unwrap();
        assert_is_whole(&cgroup2_root().unwrap());
        unmount_every_cgroup2();
        assert_is_whole(&cgroup2_root().unwrap());
        mount("none", "/sys/fs/cgroup", "cgroup2", MountFlags::empty(), None).unwrap();
        let part = open_cgroup2(Path::new("/sys/fs/cgroup")).unwrap();
        assert!(!part.whole && part.inode != 1, "{part:?}");
        let root = cgroup2_root().unwrap();
        assert_is_whole(&root);
        assert_eq!(root.how, "file handle of the root, past /sys/fs/cgroup");
    });
}

#[test]
fn the_own_root_is_the_namespaces_mounted_or_not_and_its_level_is_told_where_the_way_up_is_open() {
    apart(UnshareFlags::empty(), || {
        assert_is_whole(&own_root().unwrap());
        let child = Child::enter("own-root");
        let inode = fstat(child.open()).unwrap().st_ino;
        // SAFETY: as in `apart`.
        unsafe { unshare_unsafe(UnshareFlags::NEWCGROUP) }.unwrap();
        // The host's own mount is there still, and shows more than the namespace.
        let own = own_root().unwrap();
        assert_eq!((own.inode, own.whole), (inode, false), "{own:?}");
        assert_eq!(level(own.fd.as_fd()), None, "a mount of its own ends there");
        unmount_every_cgroup2();
        assert_eq!(own_root().unwrap().inode, inode);
        mount("none", "/sys/fs/cgroup", "cgroup2", MountFlags::empty(), None).unwrap();
        let own = own_root().unwrap();
        assert_eq!((own.inode, own.how.as_str()), (inode, "/sys/fs/cgroup"));
        assert_eq!(level(cgroup2_root().unwrap().fd.as_fd()), Some(0));
        assert_eq!(level(child.open().as_fd()), Some(1));
    });
}

#[test]
fn what_is_no_cgroup2_directory_is_refused() {
    assert!(open_cgroup2(Path::new("/proc")).is_none());
    assert!(open_cgroup2(Path::new("/nonexistent")).is_none());
}

#[test]
fn mount_points_are_read_from_the_table() {
    let table = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:2 - cgroup2 cgroup2 rw
42 31 0:38 /a /mnt/a\\040b\\134c\\9 rw - cgroup2 none rw
43 31 0:39 / /mnt/cgroup2 rw - ext4 /dev/vda rw
short - cgroup2 x
";
    let expected = [("/", "/sys/fs/cgroup/unified"), ("/a", "/mnt/a b\\c\\9")];
    let expected = expected.map(|(root, point)| Mounted { root: root.into(), point: point.into() });
    assert_eq!(mount_points(table), expected);
    assert_eq!(
        mount_points(table).iter().map(Mounted::is_root_of_namespace).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(mount_points(""), []);
}
