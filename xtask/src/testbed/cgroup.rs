//! The cgroup folders that hold a guest: one at the root of cgroup2, and one in systemd's own hierarchy where the
//! host still has that. What runs in them is the guest, whatever became of whoever started it.
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::wait;

const MOUNTS: &str = "/proc/self/mounts";
/// How long killed processes may take to be gone.
const GONE: Duration = Duration::from_secs(20);

/// Folders of one name, one in each hierarchy that systemd uses.
#[derive(Clone, Debug)]
pub(crate) struct Cgroup(Vec<PathBuf>);

impl Cgroup {
    /// The folders of that name, there or not.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let mounts = fs::read_to_string(MOUNTS).context(MOUNTS)?;
        let roots = hierarchies(&mounts);
        ensure!(!roots.is_empty(), "no cgroup2 is mounted (see {MOUNTS}), systemd in a container needs one");
        Ok(Self(roots.into_iter().map(|root| root.join(name)).collect()))
    }

    /// Makes the folders.
    pub(crate) fn create(&self) -> Result<()> {
        for folder in &self.0 {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(())
    }

    /// Moves the calling process into them.
    pub(crate) fn enter(&self) -> Result<()> {
        for folder in &self.0 {
            let procs = folder.join("cgroup.procs");
            fs::write(&procs, "0").with_context(|| format!("cannot enter {}", folder.display()))?;
        }
        Ok(())
    }

    /// Everything that runs in them and below, by the pids of this namespace.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let mut pids: Vec<Pid> = self.0.iter().flat_map(|folder| processes(folder)).collect();
        pids.sort_unstable_by_key(|pid| pid.as_raw_nonzero());
        pids.dedup();
        pids
    }

    /// Kills what still runs in them, by pid, and removes them.
    pub(crate) fn remove(&self) -> Result<()> {
        wait::until("the end of killed processes", GONE, || {
            let left = self.processes();
            for pid in &left {
                let _ = kill_process(*pid, Signal::KILL);
            }
            Ok(left.is_empty().then_some(()))
        })?;
        for folder in &self.0 {
            // The kernel lets go of a cgroup a moment after its last process is reaped.
            wait::until("an empty cgroup", GONE, || remove(folder).map(Some))?;
        }
        Ok(())
    }

    /// Names of folders that start with `prefix`, in any hierarchy: what a run that was cut off left.
    pub(crate) fn left(prefix: &str) -> Result<Vec<String>> {
        let mounts = fs::read_to_string(MOUNTS).context(MOUNTS)?;
        let mut names = Vec::new();
        for root in hierarchies(&mounts) {
            let folders = fs::read_dir(&root).with_context(|| root.display().to_string())?.flatten();
            let own = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.extend(own.filter(|name| name.starts_with(prefix)));
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

/// Where cgroup2 and systemd's v1 hierarchy are mounted.
fn hierarchies(mounts: &str) -> Vec<PathBuf> {
    let mut roots = Vec::new();
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (Some(path), Some(kind), Some(options)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if kind == "cgroup2" || kind == "cgroup" && options.split(',').any(|option| option == "name=systemd")
        {
            roots.push(PathBuf::from(path));
        }
    }
    roots
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn processes(folder: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<Pid> = text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect();
    pids.extend(folders(folder).iter().flat_map(|child| processes(child)));
    pids
}

fn remove(folder: &Path) -> Result<()> {
    for child in folders(folder) {
        remove(&child)?;
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pure_and_hybrid_hosts_are_told_apart() {
        let pure = "sys /sys sysfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n";
        assert_eq!(hierarchies(pure), [PathBuf::from("/sys/fs/cgroup")]);
        let hybrid = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\nodd\n";
        assert_eq!(
            hierarchies(hybrid),
            ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"].map(PathBuf::from)
        );
        assert!(hierarchies("").is_empty());
    }

    #[test]
    fn folders_below_are_counted_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let guest = root.path().join("guest");
        fs::create_dir_all(guest.join("payload/init.scope")).unwrap();
        let pid = std::process::id();
        fs::write(root.path().join("cgroup.procs"), format!("{pid}\nodd\n0\n")).unwrap();
        let pids: Vec<String> =
            processes(root.path()).iter().map(|pid| pid.as_raw_nonzero().to_string()).collect();
        assert_eq!(pids, [pid.to_string()]);
        remove(&guest).unwrap();
        remove(&guest).unwrap();
        assert!(!guest.exists());
    }
}
