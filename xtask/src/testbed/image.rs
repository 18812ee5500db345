//! Root trees of Debian by debootstrap, kept under `target/testbed/` and never committed.
//!
//! A tree is named after what it is made of, is built under another name and renamed when it is whole: what is
//! found under its name can be used. Nobody writes into it afterwards; users lay an overlay over it or copy it.
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use super::{prepare, tools};
use crate::setup::debian;

/// The suite that is taken where none is named.
pub(crate) const SUITE: &str = "bookworm";
/// A host with systemd, ssh and the journal's transport.
const PACKAGES: [&str; 14] = [
    "ca-certificates",
    "curl",
    "dbus",
    "iproute2",
    "kmod",
    "less",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3-minimal",
    "systemd",
    "systemd-journal-remote",
    "systemd-sysv",
    "udev",
];
const TOOLS: [tools::Tool; 2] = [("debootstrap", "debootstrap"), ("unshare", "util-linux")];
/// Bytes of the digest in a tree's name.
const DIGEST: usize = 6;

/// What a tree is made of.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    suite: String,
    packages: Vec<String>,
}

impl Recipe {
    /// The usual packages of `suite` (`bookworm`, `trixie`).
    pub(crate) fn new(suite: &str) -> Result<Self> {
        let plain = suite.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        ensure!(plain && !suite.is_empty(), "`{suite}` is no name of a Debian suite (bookworm, trixie)");
        Ok(Self { suite: suite.to_owned(), packages: PACKAGES.map(str::to_owned).to_vec() })
    }

    /// Also `packages`, by their Debian names: `nginx-light`, `linux-image-cloud-amd64`.
    pub(crate) fn with(mut self, packages: &[&str]) -> Self {
        self.packages.extend(packages.iter().map(|package| (*package).to_owned()));
        self.packages.sort_unstable();
        self.packages.dedup();
        self
    }

    /// The name of its tree: another one as soon as packages or preparation are others.
    fn name(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(format!("{}\n{}\n", prepare::VERSION, self.packages.join(",")));
        let hex: String = digest.finalize().iter().take(DIGEST).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{hex}", self.suite)
    }
}

/// The tree of `recipe`: the one that is there, else a new one, which takes debootstrap a minute or two, root, and
/// the mirror that apt is configured with.
pub(crate) fn root(workspace: &Path, recipe: &Recipe) -> Result<PathBuf> {
    let folder = workspace.join("target/testbed");
    let tree = folder.join(recipe.name());
    if tree.is_dir() {
        return Ok(tree);
    }
    tools::require_root("making a root tree")?;
    tools::require("making a root tree", &TOOLS)?;
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("cannot lock the folder of root trees")?;
    // Another process may have made it while this one waited.
    if !tree.is_dir() {
        remove_partial(&folder, &recipe.name())?;
        let partial = folder.join(format!("{}.partial-{}", recipe.name(), process::id()));
        make(recipe, &partial, &folder.join(format!("{}.log", recipe.name())))?;
        fs::rename(&partial, &tree).with_context(|| tree.display().to_string())?;
    }
    Ok(tree)
}

fn make(recipe: &Recipe, partial: &Path, log: &Path) -> Result<()> {
    let start = Instant::now();
    println!("making a root tree of {} in {} (once, some minutes)", recipe.suite, partial.display());
    bootstrap(recipe, partial, log)?;
    prepare::prepare(partial).with_context(|| format!("cannot prepare {}", partial.display()))?;
    println!("  made in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// In mount and process namespaces of its own: debootstrap mounts proc and sysfs in its target, and what it started
/// ends with it.
fn bootstrap(recipe: &Recipe, partial: &Path, log: &Path) -> Result<()> {
    let output = File::create(log).with_context(|| log.display().to_string())?;
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["debootstrap", "--variant=minbase"])
        .arg(format!("--include={}", recipe.packages.join(",")))
        .arg(&recipe.suite)
        .arg(partial)
        .arg(debian::mirror()?)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        let text = fs::read_to_string(log).unwrap_or_default();
        let why = text.lines().rev().find(|line| line.starts_with("E:")).or_else(|| text.lines().last());
        bail!(
            "debootstrap of {}: {status}: {} (see {})",
            recipe.suite,
            why.unwrap_or_default(),
            log.display()
        );
    }
    Ok(())
}

/// Trees of that name which a run that was cut off left unfinished. The caller holds the lock.
fn remove_partial(folder: &Path, name: &str) -> Result<()> {
    let prefix = format!("{name}.partial-");
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a folder that holds no mount of this namespace; refuses otherwise.
pub(crate) fn remove_tree(tree: &Path) -> Result<()> {
    let Ok(path) = tree.canonicalize() else { return Ok(()) };
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let mounted = mounted_below(&mounts, &path.to_string_lossy());
    ensure!(mounted.is_none(), "{} is still mounted: umount it", mounted.unwrap_or_default());
    fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))
}

/// A mount point at or below `path`, from mountinfo's fifth column.
fn mounted_below(mounts: &str, path: &str) -> Option<String> {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let below =
        |point: &&str| point.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    points.into_iter().find(below).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_a_tree_is_made_of() {
        let plain = Recipe::new("bookworm").unwrap();
        let more = plain.clone().with(&["nginx-light"]);
        assert!(plain.name().starts_with("bookworm-") && plain.name() == Recipe::new(SUITE).unwrap().name());
        assert_ne!(plain.name(), more.name());
        assert_eq!(more.name(), more.clone().with(&["nginx-light", "curl"]).name());
        assert!(Recipe::new("../x").unwrap_err().to_string().contains("no name of a Debian suite"));
        assert!(Recipe::new("").is_err());
    }

    #[test]
    fn a_tree_that_holds_a_mount_stays() {
        let mounts = "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /a/tree/proc rw - proc proc rw\n";
        assert_eq!(mounted_below(mounts, "/a/tree").as_deref(), Some("/a/tree/proc"));
        assert_eq!(mounted_below(mounts, "/a/tree/proc").as_deref(), Some("/a/tree/proc"));
        assert_eq!(mounted_below(mounts, "/a/tre"), None);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("x/y")).unwrap();
        remove_tree(&folder.path().join("x")).unwrap();
        assert!(!folder.path().join("x").exists());
        remove_tree(&folder.path().join("x")).unwrap();
        assert!(remove_tree(Path::new("/proc")).unwrap_err().to_string().contains("still mounted"));
    }
}
