//! Debian's cloud kernels of several releases: found in the mirror's index, unpacked under `target/testbed/kernels/`,
//! never installed.
//!
//! A suite's folder is made under another name and renamed when it is whole. What is found there is used as it is;
//! `--refresh` looks for newer ones.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::module;
use crate::{
    exec,
    object::toolchain::text,
    setup::debian,
    testbed::{image::remove_tree, tools},
};

/// Suites whose kernels are tried, oldest first.
const SUITES: [&str; 4] = ["bullseye", "bookworm", "trixie", "forky"];
/// Depends on a suite's newest cloud kernel.
const META: &str = "linux-image-cloud-amd64";
const TOOLS: [tools::Tool; 3] = [("apt-get", "apt"), ("apt-cache", "apt"), ("dpkg-deb", "dpkg")];

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// `6.1.0-50-cloud-amd64`.
    pub(crate) release: String,
    /// The file that QEMU boots.
    pub(crate) image: PathBuf,
    /// Modules that a system loads when they are asked for, each after those that it needs.
    pub(crate) modules: Vec<PathBuf>,
}

impl Kernel {
    /// `6.1` of `6.1.0-50-cloud-amd64`.
    pub(crate) fn series(&self) -> &str {
        series(&self.release)
    }
}

fn series(release: &str) -> &str {
    let end = release.match_indices('.').nth(1).map_or(release.len(), |(at, _)| at);
    release.get(..end).unwrap_or(release)
}

/// The kernels that are `wanted`, by suite (`bookworm`) or version (`6.1`, `6`); all when none is named.
pub(crate) fn find(workspace: &Path, wanted: &[String], refresh: bool) -> Result<Vec<Kernel>> {
    tools::require("finding kernels", &TOOLS)?;
    let folder = workspace.join("target/testbed/kernels");
    let mut found = Vec::new();
    let mut matched = vec![false; wanted.len()];
    for suite in SUITES {
        let named = |release: &str| -> Vec<usize> {
            let is = |name: &String| name == suite || is_version(release, name);
            wanted.iter().enumerate().filter(|(_, name)| is(name)).map(|(index, _)| index).collect()
        };
        // A name that is a suite's needs no other suite's index.
        if !wanted.is_empty() && wanted.iter().all(|name| name != suite && SUITES.contains(&name.as_str())) {
            continue;
        }
        let place = folder.join(suite);
        let release = match there(&place) {
            Ok(kernel) if !refresh => kernel.release,
            _ => newest(suite, &folder)?.release,
        };
        let names = named(&release);
        if wanted.is_empty() || !names.is_empty() {
            found.push(get(suite, &release, &folder)?);
        }
        for index in names {
            matched.get_mut(index).into_iter().for_each(|seen| *seen = true);
        }
    }
    if let Some((name, _)) = wanted.iter().zip(&matched).find(|(_, seen)| !**seen) {
        bail!("no kernel `{name}`: name a version or a suite of {}", SUITES.join(", "));
    }
    Ok(found)
}

/// `6.1` names 6.1.0-50, and not 6.12.117.
fn is_version(release: &str, name: &str) -> bool {
    release.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What a suite's index says.
struct Newest {
    release: String,
}

/// Reads the index of `suite` alone, which is kept apart from the host's.
fn newest(suite: &str, folder: &Path) -> Result<Newest> {
    let options = index(suite, folder)?;
    let mut update = Command::new("apt-get");
    text(update.args(&options).args(["--quiet", "update"]))
        .with_context(|| format!("cannot read the mirror's index of {suite}"))?;
    let depends = depends(&options, META).with_context(|| format!("{suite} has no {META}"))?;
    let release = depends.iter().find_map(|name| name.strip_prefix("linux-image-"));
    Ok(Newest { release: release.with_context(|| format!("{META} of {suite} names no kernel"))?.to_owned() })
}

fn index(suite: &str, folder: &Path) -> Result<Vec<String>> {
    debian::only(suite, &folder.join("apt").join(suite))
}

/// Names of the packages that a package depends on.
fn depends(options: &[String], package: &str) -> Result<Vec<String>> {
    let shown = text(Command::new("apt-cache").args(options).args(["show", "--no-all-versions", package]))?;
    let line = shown.lines().find_map(|line| line.strip_prefix("Depends: "));
    let names = line.unwrap_or_default().split([',', '|']).filter_map(|part| part.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

/// The kernel of `suite`: the one that is there, if it is `release`, else downloaded and unpacked.
fn get(suite: &str, release: &str, folder: &Path) -> Result<Kernel> {
    let place = folder.join(suite);
    if let Ok(kernel) = there(&place)
        && kernel.release == release
    {
        return Ok(kernel);
    }
    println!("kernel {release} of {suite}: downloading");
    let partial = folder.join(format!("{suite}.partial"));
    remove_tree(&partial)?;
    let download = partial.join("download");
    fs::create_dir_all(&download).with_context(|| download.display().to_string())?;
    let options = index(suite, folder)?;
    let image = format!("linux-image-{release}");
    // Newer releases have the kernel and its modules in packages of their own.
    let parts = depends(&options, &image)?.into_iter().filter(|name| name.ends_with(&format!("-{release}")));
    let mut command = Command::new("apt-get");
    command.args(&options).args(["--quiet", "download", &image]).args(parts).current_dir(&download);
    text(&mut command).with_context(|| format!("cannot download {image}"))?;
    let tree = partial.join("tree");
    for entry in fs::read_dir(&download)? {
        exec::run(Command::new("dpkg-deb").arg("-x").arg(entry?.path()).arg(&tree))?;
    }
    keep(release, &tree, &partial)?;
    remove_tree(&tree)?;
    remove_tree(&download)?;
    remove_tree(&place)?;
    fs::rename(&partial, &place).with_context(|| place.display().to_string())?;
    there(&place)
}

/// Takes what is needed out of the unpacked packages.
fn keep(release: &str, tree: &Path, to: &Path) -> Result<()> {
    let name = format!("vmlinuz-{release}");
    let image = [tree.join("boot").join(&name), tree.join("usr/lib/modules").join(release).join("vmlinuz")];
    let image = image.iter().find(|path| path.is_file());
    let image = image.with_context(|| format!("the packages of {release} hold no kernel"))?;
    fs::copy(image, to.join(&name)).with_context(|| image.display().to_string())?;
    module::keep(release, tree, &to.join("modules"))
}

/// The kernel in a suite's folder.
fn there(place: &Path) -> Result<Kernel> {
    let mut found = None;
    for entry in fs::read_dir(place).with_context(|| place.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(release) = name.strip_prefix("vmlinuz-") {
            ensure!(found.is_none(), "{} holds two kernels: remove it", place.display());
            found = Some((release.to_owned(), path));
        }
    }
    let (release, image) = found.with_context(|| format!("{} holds no kernel", place.display()))?;
    Ok(Kernel { release, image, modules: module::kept(&place.join("modules"))? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_its_own_releases_only() {
        let release = "6.1.0-50-cloud-amd64";
        assert!(is_version(release, "6.1") && is_version(release, "6") && is_version(release, release));
        assert!(!is_version("6.12.117+deb13-cloud-amd64", "6.1") && !is_version(release, "5.10"));
        assert_eq!(series(release), "6.1");
        assert_eq!(series("7.2.12+deb14-cloud-amd64"), "7.2");
        assert_eq!(series("odd"), "odd");
    }

    #[test]
    fn a_folder_with_a_kernel_and_its_modules_is_used_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(there(folder.path()).is_err());
        fs::write(folder.path().join("vmlinuz-6.1.0-50-cloud-amd64"), "").unwrap();
        fs::create_dir(folder.path().join("modules")).unwrap();
        assert_eq!(there(folder.path()).unwrap().release, "6.1.0-50-cloud-amd64");
        fs::write(folder.path().join("vmlinuz-6.2"), "").unwrap();
        assert!(there(folder.path()).unwrap_err().to_string().contains("two kernels"));
    }
}
