//! The archive and the rpm, installed into an empty folder and removed again.
//!
//! As root only, since files get owners and rpm changes its root; the scripts of the .deb and the running unit need a
//! whole system and are tried there.
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    artifacts::Artifacts,
    stage::{self, Stage},
};
use crate::{exec, object::toolchain::text};

const CONFIG: &str = "etc/minewarden/minewarden.toml";
/// What systemd's own tools leave in a root in which they were called: the accounts' files, and the catalog of all.
const SYSTEM: [&str; 6] = [
    "etc/.pwd.lock",
    "etc/group",
    "etc/group-",
    "etc/gshadow",
    "etc/gshadow-",
    "var/lib/systemd/catalog/database",
];

/// Installed, installed again, upgraded over a changed configuration, removed, purged: what is there after each.
pub(super) fn archive(stage: &Stage, artifacts: &Artifacts) -> Result<String> {
    if !rustix::process::geteuid().is_root() {
        return Ok("SKIPPED: not root".to_owned());
    }
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    fs::create_dir(&root)?;
    exec::run(Command::new("tar").arg("-xzf").arg(artifacts.archive()).arg("-C").arg(folder.path()))?;
    let unpacked = folder.path().join(artifacts.archive_root());
    let install = |args: &[&str]| {
        text(Command::new("sh").arg(unpacked.join("install.sh")).args(args).arg("--root").arg(&root))
    };
    install(&[])?;
    let installed = files(&root)?;
    for (path, _) in stage.files(&[stage.root(), stage.other()])? {
        ensure!(installed.contains(&path), "install.sh did not put {}", path.display());
    }
    install(&[])?;
    ensure!(files(&root)? == installed, "install.sh twice is not as once");
    fs::write(root.join(CONFIG), "# the administrator's\n")?;
    fs::write(unpacked.join("files").join(CONFIG), "# of the next version\n")?;
    let said = install(&[])?;
    ensure!(
        fs::read_to_string(root.join(CONFIG))?.contains("administrator"),
        "install.sh lost a configuration"
    );
    ensure!(
        said.contains("minewarden.toml.new") && root.join(format!("{CONFIG}.new")).is_file(),
        "no .new: {said}"
    );
    install(&["--uninstall"])?;
    let kept = |path: &Path| path.starts_with("etc/minewarden");
    only(&root, |path| kept(path) || system(path)).context("after --uninstall")?;
    ensure!(files(&root)?.iter().any(|path| kept(path)), "--uninstall took the configuration");
    install(&[])?;
    install(&["--uninstall", "--purge"])?;
    only(&root, system).context("after --uninstall --purge")?;
    let groups = fs::read_to_string(root.join("etc/group")).unwrap_or_default();
    ensure!(!groups.contains("minewarden"), "--purge left the group");
    Ok("installs, again, over a changed configuration; removes, purges, and leaves nothing".to_owned())
}

/// Its files only: the scriptlets need a shell in the root.
pub(super) fn rpm(artifacts: &Artifacts) -> Result<String> {
    if !rustix::process::geteuid().is_root() || exec::find("rpm").is_none() {
        return Ok("SKIPPED: not root, or no rpm (Debian: apt-get install rpm)".to_owned());
    }
    let root = tempfile::tempdir()?;
    let rpm = |args: &[&str]| {
        let mut command = Command::new("rpm");
        text(
            command
                .env("LC_ALL", "C")
                .arg("--root")
                .arg(root.path())
                .args(["--nodeps", "--noscripts"])
                .args(args),
        )
    };
    let package = artifacts.rpm();
    rpm(&["--install", package.to_str().context("a folder's name is no text")?])?;
    rpm(&["--verify", "minewarden"])?;
    ensure!(files(root.path())?.contains(Path::new("usr/bin/minewarden")), "rpm installed no agent");
    rpm(&["--erase", "minewarden"])?;
    let database = |path: &Path| path.starts_with("var/lib/rpm") || path.starts_with("root/.rpmdb");
    only(root.path(), database).context("after rpm --erase")?;
    Ok("installs, verifies and erases, and leaves nothing".to_owned())
}

fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    stage::walk(root)?.into_iter().map(|file| Ok(file.strip_prefix(root)?.to_owned())).collect()
}

fn system(path: &Path) -> bool {
    SYSTEM.iter().any(|known| path == Path::new(known))
}

/// No other file is there.
fn only(root: &Path, expected: impl Fn(&Path) -> bool) -> Result<()> {
    let left: Vec<_> = files(root)?.into_iter().filter(|path| !expected(path)).collect();
    ensure!(left.is_empty(), "left: {left:?}");
    Ok(())
}
