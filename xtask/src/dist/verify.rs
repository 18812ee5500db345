//! Whether the packages hold what was staged, and what the distributions' own checkers say of them.
//!
//! A checker that is missing is named, with the package that brings it; a remark that nobody explained is an error.
//! Debian's explanations are in assets/packaging/deb/lintian-overrides, rpmlint's in assets/packaging/rpm.
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    agent,
    artifacts::Artifacts,
    stage::{self, Stage},
    trial,
};
use crate::{
    exec,
    object::{digest, toolchain::text},
};

/// What each kind of package adds to what is staged: made by cargo-deb, or part of the archive itself.
const DEB_OWN: [&str; 3] = [
    "usr/lib/systemd/system/minewarden.service",
    "usr/share/doc/minewarden/changelog.Debian.gz",
    "usr/share/doc/minewarden/copyright",
];
const ARCHIVE_OWN: [&str; 2] = ["files.list", "install.sh"];

/// Path on the host, SHA-256 and permissions.
type Contents = BTreeMap<PathBuf, (String, u32)>;

/// All checks; an error names every one that failed.
pub(super) fn check(workspace: &Path, stage: &Stage, artifacts: &Artifacts) -> Result<()> {
    agent::ensure_static(&artifacts.binary())?;
    let mut failed = Vec::new();
    let mut note = |name: &str, verdict: Result<String>| match verdict {
        Ok(said) => println!("dist: {name}: {said}"),
        Err(why) => {
            println!("dist: {name}: FAILED: {why:#}");
            failed.push(name.to_owned());
        }
    };
    note("contents", contents(stage, artifacts));
    note("lintian", lintian(artifacts));
    note("rpm", rpm(artifacts));
    note("rpmlint", rpmlint(workspace, artifacts));
    note("install.sh", trial::archive(stage, artifacts));
    note("rpm --root", trial::rpm(artifacts));
    ensure!(failed.is_empty(), "the packages failed: {}", failed.join(", "));
    Ok(())
}

/// Each package holds each staged file, byte for byte and with its permissions, and no other.
fn contents(stage: &Stage, artifacts: &Artifacts) -> Result<String> {
    let expect = |parts: &[PathBuf]| -> Result<Contents> {
        stage.files(parts)?.into_iter().map(|(path, file)| Ok((path, describe(&file)?))).collect()
    };
    let deb = expect(&[stage.root(), stage.deb()])?;
    let other = expect(&[stage.root(), stage.other()])?;
    let folder = tempfile::tempdir()?;
    let (unpacked_deb, unpacked_tar) = (folder.path().join("deb"), folder.path().join("tar"));
    exec::run(Command::new("dpkg-deb").arg("--extract").args([&artifacts.deb(), &unpacked_deb]))?;
    fs::create_dir(&unpacked_tar)?;
    exec::run(Command::new("tar").arg("-xzf").arg(artifacts.archive()).arg("-C").arg(&unpacked_tar))?;
    let top = unpacked_tar.join(artifacts.archive_root());
    let mut own = read(&top)?;
    ARCHIVE_OWN.iter().for_each(|name| _ = own.remove(Path::new(name)));
    let archive = own.into_iter().map(|(path, what)| Ok((path.strip_prefix("files")?.to_owned(), what)));
    same("deb", &deb, &read(&unpacked_deb)?, &DEB_OWN)?;
    same("archive", &other, &archive.collect::<Result<_>>()?, &[])?;
    if exec::find("rpm").is_some() {
        same("rpm", &other, &dump(&artifacts.rpm())?, &[])?;
    }
    Ok(format!(
        "{} files in the .deb, {} in the .rpm and the archive, as staged",
        deb.len() + DEB_OWN.len(),
        other.len()
    ))
}

fn read(folder: &Path) -> Result<Contents> {
    let files = stage::walk(folder)?;
    files.into_iter().map(|file| Ok((file.strip_prefix(folder)?.to_owned(), describe(&file)?))).collect()
}

fn describe(file: &Path) -> Result<(String, u32)> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    Ok((digest::sha256(&bytes), fs::metadata(file)?.permissions().mode() & 0o7777))
}

/// What an rpm says of its files: `PATH SIZE MTIME DIGEST MODE OWNER GROUP ...`.
fn dump(rpm: &Path) -> Result<Contents> {
    let printed = text(Command::new("rpm").args(["-qp", "--dump"]).arg(rpm))?;
    let mut found = Contents::new();
    for line in printed.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let [path, _, _, digest, mode, "root", "root", ..] = fields.as_slice() else {
            bail!("rpm printed {line}")
        };
        let mode = u32::from_str_radix(mode, 8).with_context(|| format!("rpm printed {line}"))?;
        let path = path.trim_start_matches('/');
        found.insert(PathBuf::from(path), ((*digest).to_owned(), mode & 0o7777));
    }
    Ok(found)
}

/// `own` is what the kind of package has beside what was staged.
fn same(kind: &str, staged: &Contents, packed: &Contents, own: &[&str]) -> Result<()> {
    for (path, what) in staged {
        let packed = packed.get(path).with_context(|| format!("the {kind} lacks {}", path.display()))?;
        ensure!(packed == what, "the {kind} has another {} ({packed:?}, staged {what:?})", path.display());
    }
    let known =
        |path: &&PathBuf| staged.contains_key(*path) || own.iter().any(|own| Path::new(own) == **path);
    if let Some(stranger) = packed.keys().find(|path| !known(path)) {
        bail!("the {kind} has {}, which was not staged", stranger.display());
    }
    for name in own {
        ensure!(packed.contains_key(Path::new(name)), "the {kind} lacks {name}");
    }
    Ok(())
}

/// Every remark counts, down to the pedantic; lintian knows the overrides from the package itself.
fn lintian(artifacts: &Artifacts) -> Result<String> {
    if exec::find("lintian").is_none() {
        return Ok("SKIPPED: no lintian (Debian: apt-get install lintian)".to_owned());
    }
    let mut command = Command::new("lintian");
    command.args([
        "--allow-root",
        "--pedantic",
        "--display-info",
        "--show-overrides",
        "--tag-display-limit",
        "0",
    ]);
    let output = command.arg(artifacts.deb()).output().context("lintian")?;
    judge(&String::from_utf8_lossy(&output.stdout), &String::from_utf8_lossy(&output.stderr), |line| {
        line.starts_with("O:") || line.starts_with("N:")
    })
}

/// Clean when each line is explained; what is explained is counted.
fn judge(stdout: &str, stderr: &str, explained: impl Fn(&str) -> bool) -> Result<String> {
    let lines = || stdout.lines().chain(stderr.lines()).filter(|line| !line.trim().is_empty());
    let remarks: Vec<_> = lines().filter(|line| !explained(line)).collect();
    ensure!(remarks.is_empty(), "\n{}", remarks.join("\n"));
    Ok(format!("clean, {} explained", lines().filter(|line| line.starts_with("O:")).count()))
}

/// The header can be read, the digests hold, the scriptlets are sound shell, and nothing is required but a shell.
fn rpm(artifacts: &Artifacts) -> Result<String> {
    if exec::find("rpm").is_none() {
        return Ok("SKIPPED: no rpm (Debian: apt-get install rpm)".to_owned());
    }
    let rpm = artifacts.rpm();
    let ask = |what: &[&str]| text(Command::new("rpm").env("LC_ALL", "C").args(what).arg(&rpm));
    let header = ask(&["-qip"])?;
    for line in ["Name        : minewarden", &format!("Version     : {}", artifacts.version())] {
        ensure!(header.contains(line), "rpm -qip lacks {line:?}");
    }
    let signature = ask(&["-K"])?;
    ensure!(signature.contains("digests OK"), "rpm -K: {signature}");
    let requires = ask(&["-qp", "--requires"])?;
    let foreign: Vec<_> = requires
        .lines()
        .filter(|line| {
            !line.starts_with("rpmlib(") && !line.starts_with("config(minewarden)") && *line != "/bin/sh"
        })
        .collect();
    ensure!(foreign.is_empty(), "a static agent requires {foreign:?}");
    let scripts = ask(&["-qp", "--scripts"])?;
    for scriptlet in ["postinstall", "preuninstall", "postuninstall"] {
        ensure!(scripts.contains(&format!("{scriptlet} scriptlet")), "no {scriptlet} scriptlet");
    }
    Ok("header, digests, requirements and scriptlets as they should be".to_owned())
}

fn rpmlint(workspace: &Path, artifacts: &Artifacts) -> Result<String> {
    if exec::find("rpmlint").is_none() {
        return Ok("SKIPPED: no rpmlint (Debian: apt-get install rpmlint)".to_owned());
    }
    let explained = workspace.join("monitor/assets/packaging/rpm/rpmlint.toml");
    let mut command = Command::new("rpmlint");
    command.arg("--strict").arg("--config").arg(explained).arg(artifacts.rpm());
    let output = command.output().context("rpmlint")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let remarks: Vec<_> =
        said.lines().filter(|line| line.contains(": E: ") || line.contains(": W: ")).collect();
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        remarks.is_empty() && output.status.success(),
        "{}\n{}\n{}",
        output.status,
        remarks.join("\n"),
        complaint.trim()
    );
    Ok("clean beside what assets/packaging/rpm/rpmlint.toml explains".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(files: &[(&str, &str)]) -> Contents {
        files.iter().map(|(path, digest)| (PathBuf::from(path), ((*digest).to_owned(), 0o644))).collect()
    }

    #[test]
    fn a_missing_changed_or_foreign_file_is_seen() {
        let staged = contents(&[("a", "1"), ("b", "2")]);
        let of = |packed: &[(&str, &str)], own: &[&str]| same("deb", &staged, &contents(packed), own);
        assert!(of(&[("a", "1"), ("b", "2")], &[]).is_ok());
        assert!(of(&[("a", "1"), ("b", "2"), ("c", "3")], &["c"]).is_ok());
        for (packed, own, why) in [
            (&[("a", "1")][..], &[][..], "lacks b"),
            (&[("a", "1"), ("b", "3")], &[], "another b"),
            (&[("a", "1"), ("b", "2"), ("c", "3")], &[], "not staged"),
            (&[("a", "1"), ("b", "2")], &["c"], "lacks c"),
        ] {
            let error = of(packed, own).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn only_what_is_overridden_passes() {
        let explained = |line: &str| line.starts_with("O:") || line.starts_with("N:");
        assert_eq!(judge("N: why\nO: a: b\n", "", explained).unwrap(), "clean, 1 explained");
        for (stdout, stderr) in [("W: a: b\n", ""), ("I: a\n", ""), ("", "cannot read\n")] {
            assert!(judge(stdout, stderr, explained).is_err());
        }
    }
}
