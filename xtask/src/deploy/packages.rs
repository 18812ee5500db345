//! The packages that `cargo xtask dist` left, and which of them a host takes.
//!
//! Owns their names and the comparison with SHA256SUMS. Must not know how they are made or installed.
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::shell::digest_of;

/// How a package is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By dpkg.
    Deb,
    /// By rpm.
    Rpm,
    /// By the script inside.
    Archive,
}

impl Kind {
    /// From what look.sh says of a host.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Deb, Self::Rpm, Self::Archive].into_iter().find(|kind| kind.extension() == name)
    }

    /// As the file's name ends, and as scripts name the kind.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Archive => "tar.gz",
        }
    }

    /// The file of `version` for machines of the kind `machine` (`uname -m`).
    fn file(self, version: &str, machine: &str) -> String {
        let debian = match machine {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        match self {
            Self::Deb => format!("minewarden_{version}-1_{debian}.deb"),
            Self::Rpm => format!("minewarden-{version}-1.{machine}.rpm"),
            Self::Archive => format!("minewarden-{version}-{machine}.tar.gz"),
        }
    }
}

/// Packages of one version.
#[derive(Clone, Debug)]
pub(crate) struct Packages {
    folder: PathBuf,
    version: String,
    /// Digests of SHA256SUMS by name; `None` without that file.
    sums: Option<Vec<(String, String)>>,
}

/// One package with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) file: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) digest: String,
    pub(crate) bytes: u64,
}

/// The agent's executable with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) file: PathBuf,
    pub(crate) digest: String,
    pub(crate) bytes: u64,
}

impl Packages {
    /// Those in `folder`: of `version`, or of the only one that is there.
    pub(crate) fn find(folder: &Path, version: Option<&str>) -> Result<Self> {
        let how = "`cargo xtask dist` makes the packages";
        let entries = fs::read_dir(folder).with_context(|| format!("{}: {how}", folder.display()))?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names = names.collect::<Result<Vec<String>>>()?;
        let found: BTreeSet<&str> = names.iter().filter_map(|name| version_of(name)).collect();
        let version = match (version, found.first()) {
            (Some(version), _) if found.contains(version) => version,
            (Some(version), _) => bail!("{}: no package of version {version}; {how}", folder.display()),
            (None, Some(only)) if found.len() == 1 => only,
            (None, None) => bail!("{}: no package; {how}", folder.display()),
            (None, Some(_)) => {
                let all = found.into_iter().collect::<Vec<_>>().join(", ");
                bail!("{}: packages of versions {all}: say which with --version", folder.display())
            }
        };
        let sums = names.contains(&"SHA256SUMS".to_owned()).then(|| sums(folder)).transpose()?;
        Ok(Self { folder: folder.to_owned(), version: version.to_owned(), sums })
    }

    /// Without the revision: `0.1.0`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The agent itself, which looks at a host of the kind `machine` before anything is installed there.
    pub(crate) fn agent(&self, machine: &str) -> Result<Agent> {
        let (file, digest, bytes) = self.checked("minewarden")?;
        let mut head = [0; 20];
        File::open(&file)?.read_exact(&mut head).with_context(|| file.display().to_string())?;
        ensure!(machine_of(&head) == machine, "{}: not a program for {machine}", file.display());
        Ok(Agent { file, digest, bytes })
    }

    /// The package of `kind` for `machine`.
    pub(crate) fn package(&self, kind: Kind, machine: &str) -> Result<Package> {
        let name = kind.file(&self.version, machine);
        ensure!(
            self.folder.join(&name).is_file(),
            "no package for it: {} is not there",
            self.folder.join(&name).display()
        );
        let (file, digest, bytes) = self.checked(&name)?;
        Ok(Package { file, kind, digest, bytes })
    }

    fn checked(&self, name: &str) -> Result<(PathBuf, String, u64)> {
        let file = self.folder.join(name);
        let digest = digest_of(&file)?;
        if let Some(sums) = &self.sums {
            let listed = sums.iter().find(|(listed, _)| listed == name).map(|(_, digest)| digest);
            ensure!(listed == Some(&digest), "{}: not what SHA256SUMS says", file.display());
        }
        let bytes = fs::metadata(&file)?.len();
        Ok((file, digest, bytes))
    }
}

/// What `uname -m` says where a program with this ELF header runs; `e_machine` of elf(5).
fn machine_of(head: &[u8; 20]) -> &'static str {
    match head {
        [0x7f, b'E', b'L', b'F', .., 0x3e, 0] => "x86_64",
        [0x7f, b'E', b'L', b'F', .., 0xb7, 0] => "aarch64",
        _ => "no machine known",
    }
}

/// Pairs of name and digest, as sha256sum writes them.
fn sums(folder: &Path) -> Result<Vec<(String, String)>> {
    let file = folder.join("SHA256SUMS");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let pair = |line: &str| {
        let (digest, name) = line.split_once("  ").or_else(|| line.split_once(" *"))?;
        Some((name.to_owned(), digest.to_owned()))
    };
    Ok(text.lines().filter_map(pair).collect())
}

/// The version in a package's name.
fn version_of(name: &str) -> Option<&str> {
    if let Some(rest) = name.strip_prefix("minewarden_").and_then(|rest| rest.strip_suffix(".deb")) {
        return Some(rest.rsplit_once('_')?.0.rsplit_once('-')?.0);
    }
    let rest = name.strip_prefix("minewarden-")?;
    if let Some(rest) = rest.strip_suffix(".rpm") {
        return Some(rest.rsplit_once('-')?.0);
    }
    Some(rest.strip_suffix(".tar.gz")?.rsplit_once('-')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(folder.path().join(file), file).unwrap();
        }
        folder
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        let files = [
            "minewarden",
            "minewarden_0.2.0-1_amd64.deb",
            "minewarden-0.2.0-1.x86_64.rpm",
            "minewarden-0.2.0-x86_64.tar.gz",
            "minewarden-0.2.0.cdx.json",
        ];
        let folder = folder(&files);
        let packages = Packages::find(folder.path(), None).unwrap();
        assert_eq!(packages.version(), "0.2.0");
        for (kind, file) in [(Kind::Deb, files[1]), (Kind::Rpm, files[2]), (Kind::Archive, files[3])] {
            let package = packages.package(kind, "x86_64").unwrap();
            assert_eq!(package.file, folder.path().join(file));
            assert_eq!(Kind::named(kind.extension()), Some(kind));
        }
        let error = packages.package(Kind::Deb, "aarch64").unwrap_err().to_string();
        assert!(error.ends_with("minewarden_0.2.0-1_arm64.deb is not there"), "{error}");
    }

    #[test]
    fn an_agent_for_another_machine_is_refused() {
        let packages = Packages::find(Path::new("/nonexistent"), None);
        assert!(packages.unwrap_err().to_string().contains("makes the packages"));
        let folder = folder(&["minewarden_0.1.0-1_amd64.deb"]);
        let mut head = *b"\x7fELF................";
        (head[18], head[19]) = (0x3e, 0);
        fs::write(folder.path().join("minewarden"), head).unwrap();
        let packages = Packages::find(folder.path(), None).unwrap();
        assert_eq!(packages.agent("x86_64").unwrap().bytes, 20);
        let error = packages.agent("aarch64").unwrap_err().to_string();
        assert!(error.ends_with("not a program for aarch64"), "{error}");
    }

    #[test]
    fn two_versions_ask_for_a_choice_and_none_for_a_build() {
        let two = folder(&["minewarden_0.1.0-1_amd64.deb", "minewarden_0.2.0-1_amd64.deb"]);
        let error = Packages::find(two.path(), None).unwrap_err().to_string();
        assert!(error.ends_with("packages of versions 0.1.0, 0.2.0: say which with --version"), "{error}");
        assert_eq!(Packages::find(two.path(), Some("0.1.0")).unwrap().version(), "0.1.0");
        assert!(Packages::find(two.path(), Some("0.3.0")).is_err());
        let none = Packages::find(folder(&[]).path(), None).unwrap_err().to_string();
        assert!(none.ends_with("`cargo xtask dist` makes the packages"), "{none}");
    }

    #[test]
    fn a_package_that_is_not_what_the_sums_say_is_refused() {
        let name = "minewarden_0.1.0-1_amd64.deb";
        let folder = folder(&[name]);
        let of = |digest: &str| {
            fs::write(folder.path().join("SHA256SUMS"), format!("{digest}  {name}\n")).unwrap();
            Packages::find(folder.path(), None).unwrap().package(Kind::Deb, "x86_64")
        };
        assert!(of(&crate::object::digest::sha256(name.as_bytes())).is_ok());
        let error = of(&"0".repeat(64)).unwrap_err().to_string();
        assert!(error.ends_with("not what SHA256SUMS says"), "{error}");
    }
}
