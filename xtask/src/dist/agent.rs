//! The agent that is shipped: built, stripped, its debug information kept beside.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::artifacts::Artifacts;
use crate::{
    cargo::{self, linking},
    exec,
    object::toolchain::text,
};

/// The build of `cargo xtask build` and `cargo xtask test`, for `target`.
pub(super) fn build(workspace: &Path, target: &str) -> Result<PathBuf> {
    let built = if target == linking::host()? {
        cargo::build_agent(workspace, "release", &["--bin", "minewarden"])?
    } else {
        linking::can_cross(target)?;
        cargo::build_agent_for(workspace, target, &["--bin", "minewarden"])?
    };
    Ok(built.executable("minewarden")?.to_owned())
}

/// Puts `agent` and its debug information where the packages take them from. An agent that is linked dynamically is
/// refused: it would ask a loader that others can write to.
pub(super) fn split(agent: &Path, target: &str, artifacts: &Artifacts) -> Result<()> {
    ensure_static(agent)?;
    let tool = |name: &str| Command::new(linking::tool(target, name));
    let (binary, debug) = (artifacts.binary(), artifacts.debug());
    exec::run(tool("objcopy").args(["--only-keep-debug"]).arg(agent).arg(&debug))?;
    exec::run(
        tool("strip").args(["--strip-all", "--remove-section=.comment", "-o"]).arg(&binary).arg(agent),
    )?;
    // The link holds the file's bare name and its checksum, no folder.
    let mut link = tool("objcopy");
    link.current_dir(artifacts.folder()).arg("--add-gnu-debuglink=minewarden.debug").arg("minewarden");
    exec::run(&mut link)?;
    super::stage::set_mode(&binary, 0o755)?;
    super::stage::set_mode(&debug, 0o644)
}

/// Neither an interpreter nor a library is asked for.
pub(super) fn ensure_static(agent: &Path) -> Result<()> {
    ensure!(fs::metadata(agent).with_context(|| agent.display().to_string())?.is_file(), "not a file");
    let headers = text(Command::new("readelf").env("LC_ALL", "C").args(["-lWd"]).arg(agent))?;
    ensure!(headers.contains("LOAD"), "{}: no executable", agent.display());
    let asks = ["INTERP", "(NEEDED)"].into_iter().find(|mark| headers.contains(mark));
    ensure!(
        asks.is_none(),
        "{}: linked dynamically; what is shipped is static (Debian has the static C library in libc6-dev)",
        agent.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_is_refused() {
        let program = fs::read_link("/proc/self/exe").unwrap();
        let why = ensure_static(&program).unwrap_err().to_string();
        assert!(why.contains("linked dynamically"), "{why}");
    }
}
