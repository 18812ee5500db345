//! Finds the tools that build the object: the nightly compiler, its library source, bpf-linker.
//!
//! Installs nothing; each error says what is missing and that `cargo xtask setup` brings it.
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

/// The compiler of the committed object; `nightly` stands in for it where it is missing.
pub(crate) const PINNED: &str = "nightly-2026-05-20";
/// The bpf-linker that works with it: it loads rustc's own LLVM, where 0.11 needs one from the system.
pub(crate) const LINKER: &str = "0.10.3";

/// A nightly toolchain of rustup's.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    /// Name for `rustup run`.
    pub(crate) toolchain: String,
    /// Commit hash.
    pub(crate) commit: String,
    /// `1.97.0-nightly`.
    pub(crate) release: String,
    /// Triple of the machine that it runs on.
    pub(crate) host: String,
    /// Its folder.
    pub(crate) sysroot: PathBuf,
}

impl Compiler {
    /// Looks for [`PINNED`], then for `nightly`.
    pub(crate) fn find() -> Result<Self> {
        let installed = text(Command::new("rustup").args(["toolchain", "list", "--quiet"]))
            .context("the eBPF object needs rustup and a nightly toolchain (see https://rustup.rs)")?;
        let Some(toolchain) = [PINNED, "nightly"].into_iter().find(|name| lists(&installed, name)) else {
            bail!("no nightly toolchain: `rustup toolchain install {PINNED}` brings the one used so far");
        };
        let verbose = text(Command::new("rustup").args(["run", toolchain, "rustc", "-vV"]))?;
        let field = |name: &str| {
            let value = verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).with_context(|| format!("rustc -vV of {toolchain} prints no {name}"))
        };
        let sysroot = text(Command::new("rustup").args(["run", toolchain, "rustc", "--print", "sysroot"]))?;
        Ok(Self {
            toolchain: toolchain.to_owned(),
            commit: field("commit-hash")?,
            release: field("release")?,
            host: field("host")?,
            sysroot: PathBuf::from(sysroot),
        })
    }

    /// Where `-Z build-std` looks for the library source, there or not.
    pub(crate) fn library(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library")
    }
}

/// The folder that holds bpf-linker [`LINKER`]: the one `cargo xtask setup` installs to, else one of PATH's.
pub(crate) fn linker(root: &Path) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut others = Vec::new();
    for folder in std::iter::once(root.join("target/tools/bin")).chain(env::split_paths(&path)) {
        let program = folder.join("bpf-linker");
        if !program.is_file() {
            continue;
        }
        let version = text(Command::new(&program).arg("--version"))?;
        if version.split_whitespace().next_back() == Some(LINKER) {
            return Ok(folder);
        }
        others.push(version);
    }
    ensure!(others.is_empty(), "bpf-linker {LINKER} is missing (found {})", others.join(", "));
    bail!("bpf-linker {LINKER} is missing")
}

/// Standard output of a command, trimmed; an error carries the last line of standard error.
pub(crate) fn text(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let why = stderr.lines().find(|line| line.starts_with("error")).or_else(|| stderr.lines().last());
        bail!("{command:?}: {}: {}", output.status, why.unwrap_or_default());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// `rustup toolchain list` prints full names: `nightly-x86_64-unknown-linux-gnu`, which is no dated nightly.
fn lists(installed: &str, name: &str) -> bool {
    installed.lines().any(|line| {
        match line.split_whitespace().next().unwrap_or_default().strip_prefix(name) {
            Some("") => true,
            Some(host) => {
                host.strip_prefix('-').is_some_and(|host| !host.starts_with(|c: char| c.is_ascii_digit()))
            }
            None => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_nightly_is_not_nightly() {
        let installed = "stable-x86_64-unknown-linux-gnu (active, default)\nnightly-2026-01-02-x86_64-unknown-linux-gnu\n";
        assert!(lists(installed, "nightly-2026-01-02"));
        assert!(!lists(installed, "nightly"));
        assert!(lists("nightly-aarch64-unknown-linux-gnu", "nightly"));
        assert!(lists("nightly", "nightly"));
    }
}
