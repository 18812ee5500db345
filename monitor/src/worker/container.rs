//! What a container's engine wrote down about it.
//!
//! Owns where the engines keep that, in which order it is asked, and the cache. Engines are never spoken to: a socket
//! of theirs is root's power, and may hang. Must not know how a cgroup path is read.
//!
//! An id comes from a cgroup path, whose names a user may have chosen. So only 64 hexadecimal digits index a path; below
//! a user's own service manager only that user's files are believed, elsewhere only root's.
use std::{
    fs, io,
    num::NonZeroUsize,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lru::LruCache;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use self::state::State;
use crate::{
    enrich::place::{Engine, Lead},
    event::Container,
};

mod docker;
mod machine;
mod monitor;
mod oci;
mod state;
mod storage;
#[cfg(test)]
mod tests;

pub(super) use monitor::is_monitor;

/// Containers kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");
/// What was found is used for this long: a container can be renamed.
const FRESH: Duration = Duration::from_secs(300);
/// That nothing was found is believed for this long: an engine may write late.
const NOTHING: Duration = Duration::from_secs(20);
/// Folders looked at where a path has a part that is not known.
const FOLDERS: usize = 32;

/// What containerd's state folder is called below `/run`: its own, of k3s and rke2, of Docker, of microk8s.
const CONTAINERD: [&str; 4] = [
    "run/containerd/io.containerd.runtime.v2.task",
    "run/k3s/containerd/io.containerd.runtime.v2.task",
    "run/docker/containerd/daemon/io.containerd.runtime.v2.task",
    "var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task",
];

/// Whose container, of which engine as its cgroup says, and its id or name.
type Key = (Option<u32>, Engine, String);

/// Finds and remembers what engines say of containers.
pub(super) struct Containers {
    /// Where `/` is: elsewhere in tests.
    root: PathBuf,
    /// Who `root` is: another in tests.
    superuser: u32,
    known: Mutex<LruCache<Key, (Option<Container>, Instant)>>,
    refused: AtomicU64,
}

impl Containers {
    /// Of the host whose files are below `root`.
    pub(super) fn of_host(root: PathBuf) -> Self {
        Self::at(root, 0)
    }

    fn at(root: PathBuf, superuser: u32) -> Self {
        Self { root, superuser, known: Mutex::new(LruCache::new(KEPT)), refused: AtomicU64::new(0) }
    }

    /// What the engine says of it; without a word of the engine's own, which engine the path names. `home` is asked
    /// for a user's home, `monitors` for the processes above that watch over containers.
    pub(super) fn of(
        &self,
        lead: &Lead,
        home: impl FnOnce(u32) -> Option<PathBuf>,
        monitors: impl FnOnce() -> Vec<Box<dyn super::procfs::ProcDir>>,
    ) -> Option<Container> {
        let now = Instant::now();
        let key = (lead.user, lead.engine, lead.id().or(lead.name())?.to_owned());
        if let Some(known) = self.kept(&key, now) {
            return known;
        }
        let home = lead.user.and_then(home);
        let found = match lead.id() {
            Some(id) => self.by_id(id, lead, home.as_deref(), &monitors()),
            None => self.by_name(lead),
        };
        let found = found.or_else(|| named(lead));
        self.known.lock().unwrap_or_else(PoisonError::into_inner).put(key, (found.clone(), now));
        found
    }

    /// How often an engine's file was there and could not be used: too large, not a regular file, another's, or no
    /// such file as the engine writes.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn kept(&self, key: &Key, now: Instant) -> Option<Option<Container>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (container, asked) = known.get(key)?;
        let told = container.as_ref().is_some_and(|container| container.name.is_some());
        let limit = if told { FRESH } else { NOTHING };
        (now.saturating_duration_since(*asked) < limit).then(|| container.clone())
    }

    fn by_id(
        &self,
        id: &str,
        lead: &Lead,
        home: Option<&Path>,
        monitors: &[Box<dyn super::procfs::ProcDir>],
    ) -> Option<Container> {
        let owner = lead.user.unwrap_or(self.superuser);
        let watched = monitors.iter().find_map(|monitor| monitor::read(&**monitor, id, owner, &self.refused));
        if watched.is_some() {
            return watched;
        }
        let open = |path: &Path| self.open(path);
        let state = State::new(&open, owner, &self.refused);
        match (lead.user, home) {
            (None, _) => self.of_root(&state, id),
            (Some(_), None) => None,
            (Some(_), Some(home)) => of_user(&state, home, id),
        }
    }

    /// Podman's folder has the last word: a container of CRI-O is in it too.
    fn of_root(&self, state: &State<'_>, id: &str) -> Option<Container> {
        self.docker_roots(state)
            .iter()
            .find_map(|root| docker::read(state, &root.join("containers").join(id), id))
            .or_else(|| self.tasks(id).iter().find_map(|bundle| oci::read(state, bundle)))
            .or_else(|| {
                let runs = ["/run/containers/storage", "/var/lib/containers/storage"];
                runs.iter().find_map(|storage| storage::read(state, Path::new(storage), id))
            })
    }

    /// Where Docker keeps containers: as its configuration says, and one folder deeper where users are remapped.
    fn docker_roots(&self, state: &State<'_>) -> Vec<PathBuf> {
        let told = state.read(Path::new("/etc/docker/daemon.json")).unwrap_or_default();
        let mut roots = docker::roots(&told);
        if docker::remaps(&told) {
            let deeper = |root: &PathBuf| self.folders(root, docker::is_remapped);
            let deeper: Vec<PathBuf> = roots.iter().flat_map(deeper).collect();
            roots.splice(0..0, deeper);
        }
        roots
    }

    /// Bundles that containerd may have of this id, in each of its namespaces.
    fn tasks(&self, id: &str) -> Vec<PathBuf> {
        let tops = CONTAINERD.iter().map(|top| Path::new("/").join(top));
        tops.flat_map(|top| self.folders(&top, |_| true)).map(|namespace| namespace.join(id)).collect()
    }

    fn by_name(&self, lead: &Lead) -> Option<Container> {
        let open = |path: &Path| self.open(path);
        let state = State::new(&open, self.superuser, &self.refused);
        match lead.engine {
            Engine::Nspawn if lead.user.is_none() => machine::read(&state, lead.name()?),
            _ => None,
        }
    }

    /// A handle on a path below the root; links stay below it.
    fn open(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let root = openat(CWD, &self.root, flags | OFlags::DIRECTORY, Mode::empty())?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(root, path, flags, Mode::empty(), resolve)?)
    }

    /// Folders directly below a folder of root's, by name.
    fn folders(&self, folder: &Path, fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
        let Ok(below) = folder.strip_prefix("/") else { return Vec::new() };
        let Ok(entries) = fs::read_dir(self.root.join(below)) else { return Vec::new() };
        let names = entries.take(FOLDERS).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| fits(name)).map(|name| folder.join(name)).collect()
    }
}

/// Rootless Podman and rootless Docker, where they keep containers by default.
fn of_user(state: &State<'_>, home: &Path, id: &str) -> Option<Container> {
    let data = home.join(".local/share");
    storage::read(state, &data.join("containers/storage"), id)
        .or_else(|| docker::read(state, &data.join("docker/containers").join(id), id))
}

/// What the cgroup's name alone tells.
fn named(lead: &Lead) -> Option<Container> {
    let engine = match lead.engine {
        Engine::Docker => "docker",
        Engine::Podman => "podman",
        Engine::Containerd => "containerd",
        Engine::CriO => "cri-o",
        Engine::Nspawn => "nspawn",
        Engine::Lxc => "lxc",
        Engine::Garden => "garden",
        Engine::Ecs => "ecs",
        Engine::BuildKit => "buildkit",
        Engine::Unknown => return None,
    };
    let own_name = matches!(lead.engine, Engine::Nspawn | Engine::Lxc);
    let name = lead.name().filter(|_| own_name).map(str::to_owned);
    Some(Container { engine: engine.to_owned(), name, ..Container::default() })
}
