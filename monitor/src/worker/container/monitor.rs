//! The process that watches over a container: containerd's shim (of Docker too) and conmon (of Podman and CRI-O).
//!
//! Owns how its bundle is found, wherever the engine keeps its state: the kernel knows who the parent is, and no
//! configuration has to. Must not know what is in a bundle.
use std::{
    ffi::OsStr,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
};

use procfs_core::{FromRead as _, process::Status};

use super::{oci, state::State, storage};
use crate::{enrich::place, event::Container, worker::procfs::ProcDir};

/// Bytes read of a monitor's arguments, its status and its cgroup.
const CAP: usize = 64 * 1024;

/// Whether a process of this name may be one. The kernel cuts a name after 15 bytes.
pub(in crate::worker) fn is_monitor(comm: &str) -> bool {
    comm == "containerd-shim" || comm == "conmon"
}

/// What the bundle of the monitor says of the container `id`. A process of that name inside of the container, or of
/// another user than `owner`, is none.
pub(super) fn read(monitor: &dyn ProcDir, id: &str, owner: u32, refused: &AtomicU64) -> Option<Container> {
    let cgroup = monitor.read("cgroup", CAP).ok()?;
    let inside = place::read(&String::from_utf8_lossy(&cgroup)).1;
    if uid(monitor) != Some(owner) || inside.is_some_and(|lead| lead.id() == Some(id)) {
        return None;
    }
    // As the monitor sees it: it may live in a mount namespace of its own, as Docker in Docker does.
    let open = |path: &Path| -> io::Result<OwnedFd> { monitor.in_root(path) };
    let state = State::new(&open, owner, refused);
    bundles(monitor).iter().find_map(|bundle| of_bundle(&state, bundle, id))
}

fn of_bundle(state: &State<'_>, bundle: &Path, id: &str) -> Option<Container> {
    let is_id = |path: &Path| path.file_name() == Some(OsStr::new(id));
    if is_id(bundle) {
        return oci::read(state, bundle);
    }
    let parent = bundle.parent().filter(|parent| is_id(parent))?;
    storage::beside(state, parent.parent()?, bundle, id)
}

/// Where the monitor is, and what it was told: a shim works in its bundle, conmon gets it as `-b`.
fn bundles(monitor: &dyn ProcDir) -> Vec<PathBuf> {
    let args = monitor.read("cmdline", CAP).unwrap_or_default();
    let mut args = args.split(|byte| *byte == 0).skip_while(|arg| !matches!(*arg, b"-b" | b"--bundle"));
    let told = args.nth(1).map(|path| PathBuf::from(OsStr::from_bytes(path)));
    let all = monitor.link("cwd").ok().into_iter().chain(told);
    all.filter(|path| path.is_absolute()).collect()
}

fn uid(monitor: &dyn ProcDir) -> Option<u32> {
    let status = monitor.read("status", CAP).ok()?;
    Status::from_read(String::from_utf8_lossy(&status).as_bytes()).ok().map(|status| status.ruid)
}
