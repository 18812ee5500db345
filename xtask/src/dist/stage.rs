//! The files of an installed host, laid out under `target/stage` as the packages carry them.
//!
//! Owns which file goes where. `root` is in every package; `deb` and `other` hold what only Debian's, or only the rpm
//! and the archive, have. The lists of assets in monitor/Cargo.toml take all that lies there.
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{epoch::Epoch, notices};
use crate::{cargo, exec};

/// Source in the tree, destination on the host.
const FILES: [(&str, &str); 9] = [
    ("monitor/assets/minewarden.toml", "root/etc/minewarden/minewarden.toml"),
    ("monitor/assets/minewarden.catalog", "root/usr/lib/systemd/catalog/minewarden.catalog"),
    ("monitor/assets/systemd/minewarden.sysusers.conf", "root/usr/lib/sysusers.d/minewarden.conf"),
    ("monitor/assets/systemd/minewarden.tmpfiles.conf", "root/usr/lib/tmpfiles.d/minewarden.conf"),
    ("README.md", "root/usr/share/doc/minewarden/README.md"),
    // To be put in place by who needs them, each says when.
    ("monitor/assets/systemd/metrics.conf", "root/usr/share/doc/minewarden/examples/systemd/metrics.conf"),
    (
        "monitor/assets/systemd/older-hosts.conf",
        "root/usr/share/doc/minewarden/examples/systemd/older-hosts.conf",
    ),
    (
        "monitor/assets/systemd/journald@minewarden.conf",
        "root/usr/share/doc/minewarden/examples/systemd/journald@minewarden.conf",
    ),
    // cargo-deb takes the unit itself, to write what enables it.
    ("monitor/assets/systemd/minewarden.service", "other/usr/lib/systemd/system/minewarden.service"),
];
/// Debian has the one in its copyright file and the other in /usr/share/common-licenses.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];
const DOC: &str = "root/usr/share/doc/minewarden";
/// What an operator copies from: folders of monitor/assets that are no part of a host.
const EXAMPLES: [&str; 4] = ["collector", "grafana", "kubernetes", "prometheus"];
/// Written completions and where each shell looks; zsh looks elsewhere on Debian than on other systems.
const COMPLETIONS: [(&str, &str); 4] = [
    ("minewarden.bash", "root/usr/share/bash-completion/completions/minewarden"),
    ("minewarden.fish", "root/usr/share/fish/vendor_completions.d/minewarden.fish"),
    ("_minewarden", "deb/usr/share/zsh/vendor-completions/_minewarden"),
    ("_minewarden", "other/usr/share/zsh/site-functions/_minewarden"),
];

/// The folders.
pub(super) struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// In every package.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Debian's alone.
    pub(super) fn deb(&self) -> PathBuf {
        self.folder.join("deb")
    }

    /// The rpm's and the archive's.
    pub(super) fn other(&self) -> PathBuf {
        self.folder.join("other")
    }

    /// Files, relative to the root of a host, of `parts`, each with its copy here; in the order of paths.
    pub(super) fn files(&self, parts: &[PathBuf]) -> Result<Vec<(PathBuf, PathBuf)>> {
        let mut found = Vec::new();
        for part in parts {
            for file in walk(part)? {
                found.push((file.strip_prefix(part)?.to_owned(), file));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Lays out everything anew. `notices` is the third parties' licences.
pub(super) fn lay_out(
    workspace: &Path,
    agent: &Path,
    version: &str,
    notices: &str,
    epoch: Epoch,
) -> Result<Stage> {
    let stage = Stage { folder: workspace.join("target/stage") };
    if stage.folder.exists() {
        fs::remove_dir_all(&stage.folder).with_context(|| stage.folder.display().to_string())?;
    }
    let at = |path: &str| stage.folder.join(path);
    copy(agent, &at("root/usr/bin/minewarden"))?;
    for (from, to) in FILES {
        copy(&workspace.join(from), &at(to))?;
    }
    for name in LICENCES {
        copy(&workspace.join(name), &at("other/usr/share/licenses/minewarden").join(name))?;
    }
    documents(workspace, &stage, notices)?;
    pages(workspace, &stage, epoch)?;
    debian(workspace, &stage, version, epoch)?;
    for file in walk(&stage.folder)? {
        let program = file.ends_with("usr/bin/minewarden");
        set_mode(&file, if program { 0o755 } else { 0o644 })?;
    }
    Ok(stage)
}

fn documents(workspace: &Path, stage: &Stage, notices: &str) -> Result<()> {
    let doc = stage.folder.join(DOC);
    copy(&workspace.join("CHANGELOG.md"), &doc.join("changelog"))?;
    write(&doc.join("third-party-licenses.txt"), notices)?;
    gzip(&doc.join("changelog"))?;
    gzip(&doc.join("third-party-licenses.txt"))?;
    for file in walk(&workspace.join("docs"))? {
        copy(&file, &doc.join(file.strip_prefix(workspace)?))?;
    }
    let assets = workspace.join("monitor/assets");
    for folder in EXAMPLES.map(|name| assets.join(name)).iter().filter(|folder| folder.is_dir()) {
        for file in walk(folder)? {
            copy(&file, &doc.join("examples").join(file.strip_prefix(&assets)?))?;
        }
    }
    Ok(())
}

/// Man pages and completions, by the agent's own definitions of its command line.
fn pages(workspace: &Path, stage: &Stage, epoch: Epoch) -> Result<()> {
    let built = cargo::build_agent(workspace, "dev", &["--example", "pages"])?;
    let made = stage.folder.join("pages");
    exec::run(Command::new(built.executable("pages")?).arg(&made).arg(epoch.format("+%F")?))?;
    for page in walk(&made.join("man"))? {
        let section = page.extension().and_then(|it| it.to_str()).context("a page without a section")?;
        let name = page.file_name().context("a page without a name")?;
        let place = stage.root().join(format!("usr/share/man/man{section}")).join(name);
        copy(&page, &place)?;
        gzip(&place)?;
    }
    for (name, place) in COMPLETIONS {
        copy(&made.join("completions").join(name), &stage.folder.join(place))?;
    }
    fs::remove_dir_all(&made).with_context(|| made.display().to_string())
}

/// What Debian's policy asks for.
fn debian(workspace: &Path, stage: &Stage, version: &str, epoch: Epoch) -> Result<()> {
    let mit = fs::read_to_string(workspace.join("LICENSE-MIT")).context("LICENSE-MIT")?;
    // cargo-deb puts both where they belong.
    write(&stage.folder.join("debian-copyright"), &notices::copyright(&mit, &epoch.format("+%Y")?))?;
    copy(
        &workspace.join("monitor/assets/packaging/deb/lintian-overrides"),
        &stage.deb().join("usr/share/lintian/overrides/minewarden"),
    )?;
    let changelog = format!(
        "minewarden ({version}-1) unstable; urgency=medium\n\n  * Version {version}; changelog.gz says what is new.\n\n \
         -- {}  {}\n",
        maintainer(workspace)?,
        epoch.format("-R")?
    );
    write(&stage.folder.join("debian-changelog"), &changelog)
}

/// As the agent's manifest names it to Debian.
fn maintainer(workspace: &Path) -> Result<String> {
    let manifest = fs::read_to_string(workspace.join("monitor/Cargo.toml")).context("monitor/Cargo.toml")?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("maintainer = \""));
    Ok(line.context("monitor/Cargo.toml names no maintainer")?.trim_end_matches('"').to_owned())
}

/// Every file under `folder`, in the order of paths.
pub(super) fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pending = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                pending.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a file without a folder")?)?;
    fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}

fn write(to: &Path, content: &str) -> Result<()> {
    fs::create_dir_all(to.parent().context("a file without a folder")?)?;
    fs::write(to, content).with_context(|| to.display().to_string())
}

pub(super) fn set_mode(file: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).with_context(|| file.display().to_string())
}

/// Replaces the file by its compressed form, which names neither it nor a time.
pub(super) fn gzip(file: &Path) -> Result<()> {
    exec::run(Command::new("gzip").args(["-9", "--no-name", "--force"]).arg(file))
}
