//! Builds the object so that its bytes depend on sources and tools alone, never on folders or on the
//! environment of an outer cargo.
use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::toolchain::{self, Compiler};

/// The compiler's flags: the cfg that aya-ebpf chooses its register layouts by (aya-build sets it likewise),
/// and debug information, which bpf-linker turns into BTF.
pub(crate) const FLAGS: [&str; 3] = ["--cfg=bpf_target_arch=\"x86_64\"", "-Cdebuginfo=2", "-Clink-arg=--btf"];

/// The profile, so that the agent's own release profile can change without changing the object. bpf-linker
/// optimises the whole program anyway.
pub(crate) const PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false"),
];

const TARGET: &str = "bpfel-unknown-none";

/// An outer cargo's and rustup's variables that would reach the inner build, by their first letters...
const LEAKS: [&str; 9] =
    ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "DEP_", "OUT_DIR", "OPT_LEVEL", "TARGET"];
/// ...except those that say where crates come from and how messages look.
const KEPT: [&str; 6] =
    ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];

/// Builds `monitor-ebpf` under `target_dir`, strips the debug sections (BTF stays; they are nine tenths of the
/// size and say nothing to the kernel) and returns the object.
pub(crate) fn object(root: &Path, compiler: &Compiler, target_dir: &Path) -> Result<Vec<u8>> {
    let mut build = cargo(root, compiler, "build", target_dir)?;
    run(build.arg("--bins"))?;
    let built = target_dir.join(TARGET).join("release/monitor-ebpf");
    let stripped = target_dir.join("minewarden.bpf.o");
    let objcopy = compiler.sysroot.join("lib/rustlib").join(&compiler.host).join("bin/rust-objcopy");
    ensure!(objcopy.is_file(), "toolchain {} has no {}", compiler.toolchain, objcopy.display());
    // Through rustup, which lets it find rustc's LLVM.
    let mut strip = Command::new("rustup");
    strip.args(["run", &compiler.toolchain]).arg(objcopy).arg("--strip-debug").arg(&built).arg(&stripped);
    run(&mut strip)?;
    fs::read(&stripped).with_context(|| stripped.display().to_string())
}

/// A cargo command for the kernel side. Errors when the library source or bpf-linker is missing.
pub(crate) fn cargo(
    root: &Path,
    compiler: &Compiler,
    subcommand: &str,
    target_dir: &Path,
) -> Result<Command> {
    let library = compiler.library();
    ensure!(library.join("Cargo.lock").is_file(), "toolchain {} has no library source", compiler.toolchain);
    let linker = toolchain::linker(root)?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(linker).chain(env::split_paths(&path)))?;

    let mut command = Command::new("rustup");
    for (name, _) in env::vars_os() {
        if leaks(&name) {
            command.env_remove(name);
        }
    }
    command
        .current_dir(root)
        .env("PATH", path)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(root, &library)?)
        .envs(PROFILE)
        .args(["run", &compiler.toolchain, "cargo", subcommand, "--locked", "--release"])
        .args(["--target", TARGET, "-Zbuild-std=core", "--package", "monitor-ebpf", "--target-dir"])
        .arg(target_dir);
    Ok(command)
}

/// [`FLAGS`], and a fixed name for every folder that a machine chooses.
fn rustflags(root: &Path, library: &Path) -> Result<OsString> {
    let mut flags = OsString::from(FLAGS.join("\x1f"));
    let mut name = |folder: &Path, name: &str| {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(folder);
        flags.push("=");
        flags.push(name);
    };
    name(root, "minewarden");
    name(library, "library");
    for registry in registries()? {
        name(&registry, "crates");
    }
    Ok(flags)
}

/// The folders that hold unpacked crates, one per registry.
pub(crate) fn registries() -> Result<Vec<PathBuf>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let sources = home.context("neither CARGO_HOME nor HOME is set")?.join("registry/src");
    let Ok(entries) = fs::read_dir(&sources) else { return Ok(Vec::new()) };
    let mut folders = Vec::new();
    for entry in entries {
        folders.push(entry.with_context(|| sources.display().to_string())?.path());
    }
    folders.sort();
    Ok(folders)
}

fn leaks(name: &OsStr) -> bool {
    let starts = |prefix: &&str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
    LEAKS.iter().any(starts) && !KEPT.iter().any(starts)
}

fn run(command: &mut Command) -> Result<()> {
    // A build script's stdout is cargo's.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outer_cargo_does_not_leak_but_the_registry_setup_stays() {
        for name in [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_BUILD_RUSTFLAGS",
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(leaks(OsStr::new(name)), "{name}");
        }
        for name in
            ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_X_INDEX", "PATH", "HOME", "RUSTUP_HOME"]
        {
            assert!(!leaks(OsStr::new(name)), "{name}");
        }
    }
}
