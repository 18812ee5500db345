//! Puts the library source where `-Z build-std` looks: in the nightly toolchain's own folder.
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::debian;
use crate::{
    exec,
    object::{
        digest,
        toolchain::{Compiler, text},
    },
};

/// Names a folder or an archive with a library source in it.
const VARIABLE: &str = "RUST_LIBRARY_SRC";

/// Looks in the toolchain, then asks rustup, then `RUST_LIBRARY_SRC`, then Debian.
pub(super) fn provide(workspace: &Path, compiler: &Compiler) -> Result<()> {
    let place = compiler.library();
    if is_library(&place) {
        println!("library source: in {}", place.display());
        return Ok(());
    }
    println!("library source: missing; no core is shipped for BPF, so it is compiled with the object");
    let mut failures = Vec::new();
    for (name, source) in [
        ("rustup", from_rustup as fn(&Path, &Compiler) -> Result<()>),
        (VARIABLE, from_variable),
        ("Debian", from_debian),
    ] {
        match source(workspace, compiler) {
            Ok(()) if is_library(&place) => {
                println!("library source: from {name}, now in {}", place.display());
                return Ok(());
            }
            // rustup believes its records, even where the folder was removed by hand.
            Ok(()) => println!("  {name}: says that it is installed, but it is not"),
            Err(why) => println!("  {name}: {why:#}"),
        }
        failures.push(name);
    }
    bail!("no library source from {}: set {VARIABLE} to a folder or archive of it", failures.join(", "))
}

/// What works for most.
fn from_rustup(_: &Path, compiler: &Compiler) -> Result<()> {
    let add = ["component", "add", "rust-src", "--toolchain", &compiler.toolchain];
    // A rustup that cannot reach its server may panic, with a backtrace that helps nobody.
    text(Command::new("rustup").args(add).env("RUST_BACKTRACE", "0")).map(drop)
}

fn from_variable(workspace: &Path, compiler: &Compiler) -> Result<()> {
    let named = PathBuf::from(env::var_os(VARIABLE).context("not set")?);
    if named.is_dir() {
        return install(&find(&named)?, compiler);
    }
    ensure!(named.is_file(), "{} is neither a folder nor a file", named.display());
    let unpacked = scratch(workspace)?;
    exec::run(Command::new("tar").arg("-xf").arg(&named).arg("-C").arg(unpacked.path()))?;
    install(&find(unpacked.path())?, compiler)
}

fn from_debian(workspace: &Path, compiler: &Compiler) -> Result<()> {
    let unpacked = scratch(workspace)?;
    let (major_minor, _) = compiler.release.rsplit_once('.').context("a release without dots")?;
    debian::unpack(major_minor, unpacked.path())?;
    install(&find(&unpacked.path().join("usr/src"))?, compiler)
}

/// A folder inside `target` that is removed when dropped.
fn scratch(workspace: &Path) -> Result<tempfile::TempDir> {
    let parent = workspace.join("target/tools");
    fs::create_dir_all(&parent).with_context(|| parent.display().to_string())?;
    tempfile::tempdir_in(&parent).with_context(|| parent.display().to_string())
}

/// The folder itself, its `library`, or that of a folder in it (`rustc-1.97.1-src/library`).
fn find(folder: &Path) -> Result<PathBuf> {
    let mut candidates = vec![folder.to_owned(), folder.join("library")];
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        candidates.push(entry?.path().join("library"));
    }
    let found = candidates.into_iter().find(|candidate| is_library(candidate));
    found.with_context(|| format!("{} holds no library source", folder.display()))
}

fn is_library(folder: &Path) -> bool {
    ["Cargo.lock", "core/src/lib.rs", "compiler-builtins"].iter().all(|part| folder.join(part).exists())
}

/// Copies a library source of the right version into the toolchain, whole or not at all.
fn install(library: &Path, compiler: &Compiler) -> Result<()> {
    let ours = minor(&compiler.release).context("a release without a minor version")?;
    let theirs = library_minor(&library.join("core/src"))?;
    // Between a release's branching and the next API a nightly's own library still names the release before.
    ensure!(
        theirs == ours || theirs + 1 == ours,
        "{} is the library of Rust 1.{theirs}, the compiler is {}",
        library.display(),
        compiler.release
    );
    let place = compiler.library();
    let parent = place.parent().context("no parent folder")?;
    fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let copy = tempfile::tempdir_in(parent).with_context(|| parent.display().to_string())?;
    exec::run(Command::new("cp").arg("-r").arg(library).arg(copy.path().join("library")))?;
    fs::rename(copy.path().join("library"), &place).with_context(|| place.display().to_string())
}

/// Which release a library source is of, by the newest that its stability attributes name; a nightly's
/// placeholder for the coming release counts as the one after.
fn library_minor(core: &Path) -> Result<u32> {
    let mut files = Vec::new();
    digest::rust_files(core, &mut files)?;
    let mut newest = None;
    let mut unreleased = false;
    for file in files {
        let source = fs::read(&file).with_context(|| file.display().to_string())?;
        for line in String::from_utf8_lossy(&source).lines().filter(|line| line.contains("stable(")) {
            unreleased |= line.contains("since = \"CURRENT_RUSTC_VERSION\"");
            let since = line.split_once("since = \"").and_then(|(_, rest)| minor(rest));
            newest = newest.max(since);
        }
    }
    let newest = newest.with_context(|| format!("{} names no release", core.display()))?;
    Ok(newest + u32::from(unreleased))
}

/// 97 of `1.97.0-nightly`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(source: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lib.rs"), source).unwrap();
        folder
    }

    #[test]
    fn a_library_is_dated_by_its_newest_stable_api() {
        let source = "#[stable(feature = \"a\", since = \"1.97.0\")]\n#[deprecated(since = \"1.99.0\")]\n\
            #[rustc_const_stable(feature = \"b\", since = \"1.9.0\")]\n";
        assert_eq!(library_minor(core(source).path()).unwrap(), 97);
        let nightly = format!("{source}#[stable(feature = \"c\", since = \"CURRENT_RUSTC_VERSION\")]");
        assert_eq!(library_minor(core(&nightly).path()).unwrap(), 98);
        assert!(library_minor(core("fn a() {}").path()).is_err());
    }

    #[test]
    fn a_library_is_found_in_an_archive_of_the_library_or_of_all_rust() {
        let folder = tempfile::tempdir().unwrap();
        assert!(find(folder.path()).is_err());
        let library = folder.path().join("rustc-1.2.3-src/library");
        fs::create_dir_all(library.join("core/src")).unwrap();
        fs::create_dir_all(library.join("compiler-builtins")).unwrap();
        fs::write(library.join("core/src/lib.rs"), "").unwrap();
        fs::write(library.join("Cargo.lock"), "").unwrap();
        assert_eq!(find(folder.path()).unwrap(), library);
        assert_eq!(find(library.parent().unwrap()).unwrap(), library);
        assert_eq!(find(&library).unwrap(), library);
    }
}
