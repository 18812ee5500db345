//! The cgroup that is watched: the whole hierarchy's root, or another that the configuration names.
//!
//! Owns finding it and telling whether it is still there. Must not know how a hook is attached to it, nor how the
//! programs in the kernel tell whose a process is.
use std::{
    os::fd::{AsFd as _, OwnedFd},
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, bail};
use monitor_ebpf::tunables::LEVELS;
use rustix::{
    fs::{Mode, OFlags, ResolveFlags, open, openat2},
    io::Errno,
};

use super::{
    Row, State,
    cgroup::{Root, cgroup2_root, has, level, own_root},
};
use crate::config::Scope;

/// What is watched on this host.
#[derive(Debug)]
pub struct Target {
    /// The cgroup2 folder that programs are attached to.
    pub fd: OwnedFd,
    /// How it was reached, a clause for a person.
    pub how: String,
    /// `None`: the whole host.
    pub part: Option<Part>,
}

/// A part of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is, a clause for a person.
    pub what: String,
    /// The id of its cgroup.
    pub id: u64,
    /// How far that is below the hierarchy's root, where it can be told.
    pub level: Option<u32>,
}

impl Target {
    /// Finds it.
    ///
    /// # Errors
    /// One line that names the setting: no such cgroup, a folder of another kind, or no cgroup2 at all.
    pub fn find(scope: &Scope) -> anyhow::Result<Self> {
        let (root, what) = match scope {
            Scope::Host => {
                let Root { fd, how, .. } = cgroup2_root()?;
                return Ok(Self { fd, how, part: None });
            }
            Scope::Own => (own_root(), "its own cgroup namespace".to_owned()),
            Scope::Cgroup(path) => (folder(path), format!("cgroup {}", path.display())),
        };
        let root = root.with_context(|| format!("[watch] cgroup = \"{scope}\""))?;
        let part = Part { what, id: root.inode, level: level(root.fd.as_fd()) };
        if part.level.is_some_and(|level| level > LEVELS) {
            bail!("[watch] cgroup = \"{scope}\": more than {LEVELS} levels below the root");
        }
        Ok(Self { fd: root.fd, how: root.how, part: (!root.whole).then_some(part) })
    }

    /// What is watched, a clause for a person.
    #[must_use]
    pub fn what(&self) -> &str {
        self.part.as_ref().map_or("this host", |part| &part.what)
    }

    /// Whether its cgroup was removed: nothing will ever run in it again, also when there is one of the same name.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        matches!(has(&self.fd, "cgroup.procs"), Ok(false) | Err(Errno::NODEV))
    }
}

/// A cgroup2 folder by its path in the file system, or by its name below the root of our cgroup namespace, which is
/// what /proc/PID/cgroup shows; last below the root of the host.
fn folder(path: &Path) -> anyhow::Result<Root> {
    let how = || path.display().to_string();
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let direct = open(path, flags, Mode::empty());
    let of_another_kind = match direct {
        Ok(fd) => match Root::new(fd, how()) {
            Ok(root) => return Ok(root),
            Err(error) => Some(error),
        },
        Err(_) => None,
    };
    let name: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    for root in [own_root(), cgroup2_root()].into_iter().flatten() {
        if let Ok(fd) = openat2(&root.fd, &name, flags, Mode::empty(), resolve) {
            return Root::new(fd, format!("{} below {}", name.display(), root.how));
        }
    }
    match of_another_kind {
        Some(error) => Err(error.context("a folder, but of another file system, and no cgroup is called so")),
        None => bail!(
            "there is no such cgroup2, nor a folder of cgroup2 called so; see the line 0:: of /proc/PID/cgroup"
        ),
    }
}

/// What `doctor` says of it.
pub(super) fn row(scope: &Scope) -> Row {
    match Target::find(scope) {
        Ok(target) => match &target.part {
            None => Row::ok("watched", "the whole host"),
            Some(part) => {
                let found = format!("{} (id {}), by {}", part.what, part.id, target.how);
                Row::ok("watched", found)
            }
        },
        Err(error) => Row::less(
            State::Missing,
            "watched",
            format!("{error:#}"),
            "the start",
            "make that cgroup first, or correct [watch] cgroup in the configuration",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{State, Target, row};
    use crate::config::Scope;

    fn error(path: &str) -> String {
        format!("{:#}", Target::find(&Scope::Cgroup(path.into())).unwrap_err())
    }

    #[test]
    fn what_is_no_cgroup_is_refused_with_the_setting() {
        if Target::find(&Scope::Host).is_err() {
            eprintln!("SKIPPED: no cgroup2 here");
            return;
        }
        let none = error("/no-such-cgroup/at-all");
        assert!(
            none.starts_with("[watch] cgroup = \"/no-such-cgroup/at-all\": there is no such cgroup2"),
            "{none}"
        );
        let folder = error("/proc/self");
        assert!(folder.contains("another file system"), "{folder}");
        assert!(folder.ends_with("not a cgroup2 directory"), "{folder}");
        assert_eq!(row(&Scope::Cgroup("/no-such-cgroup".into())).state, State::Missing);
    }

    #[test]
    fn the_whole_host_is_no_part_and_its_root_by_path_neither() {
        let Ok(whole) = Target::find(&Scope::Host) else {
            eprintln!("SKIPPED: no cgroup2 here");
            return;
        };
        assert_eq!((whole.part.as_ref(), whole.what(), whole.is_removed()), (None, "this host", false));
        if whole.how.starts_with('/') {
            let by_path = Target::find(&Scope::Cgroup(whole.how.clone().into())).unwrap();
            assert_eq!(by_path.part, None);
        }
    }
}
