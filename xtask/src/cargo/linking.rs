//! How the agent that is shipped is linked: statically, so that nothing can be preloaded into it and it runs on every
//! distribution; and so that its bytes name no folder of the machine that built it.
//!
//! Owns how cargo is told. Must not know what is built.
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    exec,
    object::{compile, toolchain::text},
};

/// Makes a `cargo build` link statically against glibc; false, and nothing changed, where this system's C compiler
/// has no static C library. The flags are the target's and the target is named, so that procedural macros, which
/// must be shared libraries, are built without them.
pub(super) fn make_static(root: &Path, command: &mut Command, target: &str) -> Result<bool> {
    if !has_static_library(&tool(target, "gcc"))? {
        return Ok(false);
    }
    let flags = serde_json::to_string(&flags(root)?)?;
    // An array, because a folder's name may hold a space.
    command.args(["--target", target, "--config", &format!("target.{target}.rustflags={flags}")]);
    if target != host()? {
        let linker = serde_json::to_string(&tool(target, "gcc"))?;
        command.args(["--config", &format!("target.{target}.linker={linker}")]);
    }
    Ok(true)
}

/// One flag an element. Of several folders that hold a file, rustc takes the last.
fn flags(root: &Path) -> Result<Vec<String>> {
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    let mut name = |folder: &Path, name: &str| -> Result<()> {
        let folder = folder.to_str().with_context(|| format!("{} is no text", folder.display()))?;
        flags.push(format!("--remap-path-prefix={folder}={name}"));
        Ok(())
    };
    name(root, "minewarden")?;
    if let Some(target) = env::var_os("CARGO_TARGET_DIR") {
        name(&root.join(target), "minewarden/target")?;
    }
    for registry in compile::registries()? {
        name(&registry, "crates")?;
    }
    // Where the library's source is installed, rustc names it by its place; elsewhere by this.
    let sysroot = PathBuf::from(text(Command::new("rustc").args(["--print", "sysroot"]))?);
    let version = text(Command::new("rustc").arg("-vV"))?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
    let commit = commit.context("rustc -vV names no commit")?;
    name(&sysroot.join("lib/rustlib/src/rust"), &format!("/rustc/{commit}"))?;
    Ok(flags)
}

/// The triple of the machine that builds, as rustc says it.
pub(crate) fn host() -> Result<String> {
    let version = text(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// A program of the C toolchain for `target`: `strip`, or Debian's `aarch64-linux-gnu-strip` for another machine's.
pub(crate) fn tool(target: &str, name: &str) -> String {
    if host().is_ok_and(|host| host == target) {
        // The compiler is known by the name that POSIX gives it.
        return if name == "gcc" { "cc" } else { name }.to_owned();
    }
    let architecture = target.split('-').next().unwrap_or_default();
    format!("{architecture}-linux-gnu-{name}")
}

/// Whether this machine can build for `target`; the error names all that is missing.
pub(crate) fn can_cross(target: &str) -> Result<()> {
    let mut missing = Vec::new();
    let library = text(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))?;
    if !Path::new(&library).is_dir() {
        missing.push(format!("Rust's standard library for it (rustup target add {target})"));
    }
    let compiler = tool(target, "gcc");
    if exec::find(&compiler).is_none() {
        let architecture = compiler.trim_end_matches("-gcc");
        missing.push(format!("{compiler} (Debian: apt-get install gcc-{architecture})"));
    } else if !has_static_library(&compiler)? {
        missing.push(format!("a static C library that {compiler} finds (Debian: libc6-dev-*-cross)"));
    }
    ensure!(missing.is_empty(), "cannot build for {target}: missing {}", missing.join("; "));
    Ok(())
}

/// A C compiler answers with the bare name when it does not know the file.
fn has_static_library(compiler: &str) -> Result<bool> {
    let answer = text(Command::new(compiler).arg("-print-file-name=libc.a"))?;
    Ok(Path::new(answer.trim()).is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_that_a_machine_chooses_has_a_name() {
        let flags = flags(Path::new("/a b/tree")).unwrap();
        assert!(flags.contains(&"--remap-path-prefix=/a b/tree=minewarden".to_owned()));
        let registries = compile::registries().unwrap();
        assert!(!registries.is_empty());
        for registry in registries {
            assert!(flags.contains(&format!("--remap-path-prefix={}=crates", registry.display())));
        }
    }

    #[test]
    fn a_target_that_is_not_installed_is_named_with_what_brings_it() {
        let why = can_cross("riscv64gc-unknown-linux-gnu").unwrap_err().to_string();
        assert!(why.contains("rustup target add riscv64gc-unknown-linux-gnu"), "{why}");
    }
}
