//! The library source as Debian packages it: `rust-src`, unpacked but not installed.
use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{exec, object::toolchain::text};

const PACKAGE: &str = "rust-src";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Unpacks `rust-src` of the release `major_minor` (`1.97`) under `into`: from the suites that the host uses,
/// else from unstable, whose index is kept apart, so that the host's package lists stay as they are.
pub(super) fn unpack(major_minor: &str, into: &Path) -> Result<()> {
    ensure!(exec::find("apt-get").is_some() && exec::find("dpkg").is_some(), "not a Debian");
    if fetch(major_minor, into, &[]).is_ok() {
        return Ok(());
    }
    let unstable = unstable(into)?;
    let mut update = Command::new("apt-get");
    text(update.args(&unstable).args(["--quiet", "update"])).context("cannot read the index of unstable")?;
    fetch(major_minor, into, &unstable)
}

/// Options that make apt see unstable alone, and keep what it learns under `folder`.
fn unstable(folder: &Path) -> Result<Vec<String>> {
    only("unstable", &folder.join("apt"))
}

/// Options that make apt see one suite of the mirror alone, and keep what it learns under `state`.
pub(crate) fn only(suite: &str, state: &Path) -> Result<Vec<String>> {
    let mirror = mirror()?;
    for name in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(state.join(name)).with_context(|| state.display().to_string())?;
    }
    let list = state.join(format!("{suite}.list"));
    fs::write(&list, format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"))?;
    let option = |name: &str, value: &Path| format!("-o{name}={}", value.display());
    Ok(vec![
        option("Dir::Etc::SourceList", &list),
        option("Dir::Etc::SourceParts", Path::new("/dev/null")),
        option("Dir::State::Lists", &state.join("lists")),
        option("Dir::Cache", &state.join("cache")),
        "-oAcquire::Languages=none".to_owned(),
    ])
}

/// The Debian mirror that this host's apt is configured with.
pub(crate) fn mirror() -> Result<String> {
    let index = text(Command::new("apt-get").args(["indextargets", "--format", "$(ORIGIN) $(REPO_URI)"]))?;
    let mirror =
        index.lines().find_map(|line| line.strip_prefix("Debian ").filter(|uri| !uri.contains("security")));
    mirror.map(str::to_owned).context("apt knows no Debian mirror (has `apt-get update` run?)")
}

fn fetch(major_minor: &str, into: &Path, options: &[String]) -> Result<()> {
    let versions = text(Command::new("apt-cache").args(options).args(["madison", PACKAGE]))?;
    let wanted = format!("{major_minor}.");
    let version = versions.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    let Some(version) = version.into_iter().find(|version| version.starts_with(&wanted)) else {
        bail!("Debian has no {PACKAGE} {major_minor}");
    };
    println!("  Debian: downloading {PACKAGE} {version}");
    let package = format!("{PACKAGE}={version}");
    text(Command::new("apt-get").args(options).args(["--quiet", "download", &package]).current_dir(into))?;
    for entry in fs::read_dir(into)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            return exec::run(Command::new("dpkg").arg("-x").arg(&file).arg(into));
        }
    }
    bail!("apt-get downloaded no package")
}
