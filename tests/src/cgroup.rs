//! A cgroup of our own below the cgroup2 mount, for as long as its guard lives.
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::wait;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Where cgroup2 is mounted, from /proc/self/mounts.
#[must_use]
pub fn mount_point() -> Option<PathBuf> {
    find_mount(&fs::read_to_string("/proc/self/mounts").ok()?)
}

fn find_mount(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (path, kind) = (words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(path))
    })
}

/// A child cgroup; removed when dropped, by when its processes must have ended.
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes one.
    ///
    /// # Errors
    /// When cgroup2 is not mounted, or the folder cannot be made.
    pub fn create() -> Result<Self> {
        let root = mount_point().context("no cgroup2 mount in /proc/self/mounts")?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("minewarden-test-{}-{number}", process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Makes one below.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn child(&self, name: &str) -> Result<Self> {
        let path = self.0.join(name);
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A command line that enters the cgroup and becomes `argv`, under the same pid.
    #[must_use]
    pub fn wrap(&self, argv: Vec<OsString>) -> Vec<OsString> {
        let script = r#"echo $$ > "$0"/cgroup.procs && exec "$@""#;
        let mut wrapped: Vec<OsString> = vec!["sh".into(), "-c".into(), script.into(), self.0.clone().into()];
        wrapped.extend(argv);
        wrapped
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The kernel lets go of a cgroup a moment after its last process is reaped.
        let _ = wait::until("an empty cgroup", Duration::from_secs(5), || fs::remove_dir(&self.0).ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mount_among_others() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(find_mount(mounts), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(find_mount("odd\n\ntmpfs /x tmpfs"), None);
    }
}
