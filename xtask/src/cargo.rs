//! The outer cargo: where the workspace is, and which executables a build left where.
use std::{
    env,
    ffi::OsString,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) mod linking;

/// The workspace: cargo says it when it runs us; a copied binary falls back on where it was compiled.
pub(crate) fn workspace() -> Result<PathBuf> {
    let xtask =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
    let root = Path::new(&xtask).parent().context("xtask has no parent folder")?.to_owned();
    ensure!(root.join("xtask/Cargo.toml").is_file(), "{} is not minewarden's workspace", root.display());
    Ok(root)
}

/// The cargo that runs us, in the workspace.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root);
    command
}

/// Executables that a build made.
pub(crate) struct Built(Vec<(String, PathBuf)>);

impl Built {
    /// The one of the target `name`.
    pub(crate) fn executable(&self, name: &str) -> Result<&Path> {
        let found = self.0.iter().find(|(target, _)| target == name);
        found.map(|(_, path)| path.as_path()).with_context(|| format!("cargo built no executable {name}"))
    }
}

/// Builds the agent for `profile` (`release` or `dev`) and what `targets` names. The tests' package is always among
/// the packages: features of shared crates depend on the choice of packages, and every command that chose
/// otherwise would compile an agent of its own. For release it is what is shipped: statically linked, where the
/// system has what that takes.
pub(crate) fn build_agent(root: &Path, profile: &str, targets: &[&str]) -> Result<Built> {
    let packages = ["--package", "monitor", "--package", "minewarden-tests"];
    let mut command = cargo(root);
    command.args([&["build", "--locked", "--profile", profile], &packages[..], targets].concat());
    if profile == "release" && !linking::make_static(root, &mut command, &linking::host()?)? {
        println!("no static C library (libc.a; Debian has it in libc6-dev): the agent is linked dynamically");
    }
    executables(command)
}

/// The live tests and the programs that they start, unoptimised: what `cargo test` builds too.
pub(crate) fn build_live(root: &Path) -> Result<Built> {
    build(root, &["test", "--no-run", "--locked", "--package", "minewarden-tests", "--test", "live"])
}

/// The same agent for another machine's `target`, which [`linking::can_cross`] has found possible.
pub(crate) fn build_agent_for(root: &Path, target: &str, targets: &[&str]) -> Result<Built> {
    let mut command = cargo(root);
    command.args(["build", "--locked", "--profile", "release", "--package", "monitor"]).args(targets);
    linking::make_static(root, &mut command, target)?;
    executables(command)
}

/// Runs `cargo ARGS` and collects the executables; warnings and errors go to the terminal.
pub(crate) fn build(root: &Path, args: &[&str]) -> Result<Built> {
    let mut command = cargo(root);
    command.args(args);
    executables(command)
}

fn executables(mut command: Command) -> Result<Built> {
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
    let stdout = child.stdout.take().context("cargo has no standard output")?;
    let mut built = Vec::new();
    for line in BufReader::new(stdout).lines() {
        built.extend(executable(&line?)?);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(Built(built))
}

/// Target name and path, when a line of cargo's messages tells of an executable.
fn executable(line: &str) -> Result<Option<(String, PathBuf)>> {
    let message: serde_json::Value =
        serde_json::from_str(line).with_context(|| format!("cargo printed {line}"))?;
    let text = |pointer| message.pointer(pointer).and_then(serde_json::Value::as_str);
    Ok(match (text("/reason"), text("/target/name"), text("/executable")) {
        (Some("compiler-artifact"), Some(name), Some(path)) => Some((name.to_owned(), PathBuf::from(path))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_with_an_executable_count() {
        let of = |line| executable(line).unwrap();
        let line = r#"{"reason":"compiler-artifact","target":{"name":"live"},"executable":"/t/live-1"}"#;
        assert_eq!(of(line), Some(("live".to_owned(), PathBuf::from("/t/live-1"))));
        let line = r#"{"reason":"compiler-artifact","target":{"name":"monitor"},"executable":null}"#;
        assert_eq!(of(line), None);
        assert_eq!(of(r#"{"reason":"build-finished","success":true}"#), None);
        assert!(executable("not json").is_err());
    }
}
