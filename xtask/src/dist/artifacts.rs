//! What `cargo xtask dist` leaves, by name.
//!
//! Owns the names; other commands that need a package ask here. Must not know how anything is made.
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// Architecture as each kind of package names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// `x86_64-*`
    X86_64,
    /// `aarch64-*`
    Aarch64,
}

impl Architecture {
    /// That of a Rust target triple.
    pub(crate) fn of(target: &str) -> Result<Self> {
        let first = target.split('-').next().unwrap_or_default();
        ensure!(matches!(first, "x86_64" | "aarch64"), "no packages are made for {target}");
        Ok(if first == "x86_64" { Self::X86_64 } else { Self::Aarch64 })
    }

    /// As Linux, rpm and the archive say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }
}

/// Where the packages of one version are, there or not.
#[derive(Clone, Debug)]
pub(crate) struct Artifacts {
    folder: PathBuf,
    version: String,
    architecture: Architecture,
}

impl Artifacts {
    /// Those of `version` in `folder`.
    pub(crate) fn new(folder: &Path, version: &str, architecture: Architecture) -> Self {
        Self { folder: folder.to_owned(), version: version.to_owned(), architecture }
    }

    /// The folder that holds them all.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Without the revision: `0.1.0`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// The static agent as the packages hold it, without debug information.
    pub(crate) fn binary(&self) -> PathBuf {
        self.folder.join("minewarden")
    }

    /// Its debug information, for gdb and perf.
    pub(crate) fn debug(&self) -> PathBuf {
        self.folder.join("minewarden.debug")
    }

    pub(crate) fn deb(&self) -> PathBuf {
        self.folder.join(format!("minewarden_{}-1_{}.deb", self.version, self.architecture.debian()))
    }

    pub(crate) fn rpm(&self) -> PathBuf {
        self.folder.join(format!("minewarden-{}-1.{}.rpm", self.version, self.architecture.name()))
    }

    /// The archive with the install script.
    pub(crate) fn archive(&self) -> PathBuf {
        self.folder.join(format!("{}.tar.gz", self.archive_root()))
    }

    /// The one folder at the top of the archive.
    pub(crate) fn archive_root(&self) -> String {
        format!("minewarden-{}-{}", self.version, self.architecture.name())
    }

    /// CycloneDX, JSON.
    pub(crate) fn sbom(&self) -> PathBuf {
        self.folder.join(format!("minewarden-{}.cdx.json", self.version))
    }

    pub(crate) fn sums(&self) -> PathBuf {
        self.folder.join("SHA256SUMS")
    }

    /// Everything that SHA256SUMS names, in its order.
    pub(crate) fn summed(&self) -> [PathBuf; 6] {
        let mut all = [self.binary(), self.debug(), self.deb(), self.rpm(), self.archive(), self.sbom()];
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_each_distribution_expects() {
        let artifacts = Artifacts::new(Path::new("/d"), "0.1.0", Architecture::X86_64);
        let names = artifacts.summed().map(|path| path.display().to_string());
        let expected = [
            "/d/minewarden",
            "/d/minewarden-0.1.0-1.x86_64.rpm",
            "/d/minewarden-0.1.0-x86_64.tar.gz",
            "/d/minewarden-0.1.0.cdx.json",
            "/d/minewarden.debug",
            "/d/minewarden_0.1.0-1_amd64.deb",
        ];
        assert_eq!(names, expected);
        let arm =
            Artifacts::new(Path::new("/d"), "0.1.0", Architecture::of("aarch64-unknown-linux-gnu").unwrap());
        assert_eq!(arm.deb(), Path::new("/d/minewarden_0.1.0-1_arm64.deb"));
        assert!(Architecture::of("riscv64gc-unknown-linux-gnu").is_err());
    }
}
