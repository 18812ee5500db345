//! Static linking: the agent that is shipped asks no loader for anything, so nothing can be preloaded into it and it
//! runs on every distribution.
//!
//! Owns how cargo is told. Must not know what is built.
use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::object::toolchain::text;

/// Makes a `cargo build` link statically against glibc; false, and nothing changed, where this system's C compiler
/// has no static C library. The flags are the target's and the target is named, so that procedural macros, which
/// must be shared libraries, are built without them.
pub(super) fn make_static(command: &mut Command) -> Result<bool> {
    if !has_static_library()? {
        return Ok(false);
    }
    let target = host()?;
    let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
    command.env(variable, "-Ctarget-feature=+crt-static").args(["--target", &target]);
    Ok(true)
}

/// The triple of the machine that builds, as rustc says it.
pub(crate) fn host() -> Result<String> {
    let version = text(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// A C compiler answers with the bare name when it does not know the file.
fn has_static_library() -> Result<bool> {
    let answer = text(Command::new("cc").arg("-print-file-name=libc.a"))?;
    Ok(Path::new(answer.trim()).is_absolute())
}
