//! Digests: of the sources that decide what the object does, of the library source, of bytes.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::compile;

/// Files and folders, relative to the workspace root, whose change can change [`sources`].
pub(crate) const INPUTS: [&str; 3] = ["monitor-ebpf/Cargo.toml", "monitor-ebpf/src", "Cargo.lock"];

/// Packages whose code is in the object: its own and those whose names start so.
const PACKAGES: [&str; 6] =
    ["monitor-ebpf", "aya-ebpf", "aya-log-ebpf", "aya-log-common", "aya-log-parser", "zerocopy"];

/// SHA-256 over the manifest and the Rust sources of `monitor-ebpf` (path, length and content of each, in
/// the order of their paths), the locked versions of the crates compiled in, and the compiler's flags.
pub(crate) fn sources(root: &Path) -> Result<String> {
    let [manifest, folder, lock] = INPUTS.map(|input| root.join(input));
    let mut files = vec![manifest];
    rust_files(&folder, &mut files)?;
    let mut hasher = hash_files(root, files)?;
    let lock = fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
    let locked = locked(&lock);
    ensure!(!locked.is_empty(), "Cargo.lock names no package of the eBPF object");
    let profile = compile::PROFILE.into_iter().flat_map(|(name, value)| [name, value]);
    for line in locked.iter().map(String::as_str).chain(compile::FLAGS).chain(profile) {
        hash_bytes(&mut hasher, line.as_bytes());
    }
    Ok(hex(hasher))
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// Adds the `.rs` files under `folder` to `files`. Symbolic links are not followed.
pub(crate) fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry.with_context(|| folder.display().to_string())?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Path relative to `base`, length and content of each file, in the order of their paths.
pub(crate) fn hash_files(base: &Path, mut files: Vec<PathBuf>) -> Result<Sha256> {
    files.sort();
    let mut hasher = Sha256::new();
    for path in files {
        let content = fs::read(&path).with_context(|| path.display().to_string())?;
        let name = path.strip_prefix(base).unwrap_or(&path);
        hash_bytes(&mut hasher, name.as_os_str().as_encoded_bytes());
        hash_bytes(&mut hasher, &content);
    }
    Ok(hasher)
}

/// The length first, so that no two lists of values read the same.
fn hash_bytes(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// `name version checksum` of each package in a Cargo.lock that starts with one of [`PACKAGES`].
fn locked(lock: &str) -> Vec<String> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    let mut found: Vec<_> = lock
        .split("[[package]]")
        .filter_map(|block| {
            let name = field(block, "name")?;
            PACKAGES.iter().any(|package| name.starts_with(package)).then(|| {
                let part = |name| field(block, name).unwrap_or_default();
                format!("{name} {} {}", part("version"), part("checksum"))
            })
        })
        .collect();
    found.sort();
    found
}

pub(crate) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"zerocopy\"\nversion = \"0.8.1\"\nchecksum = \"ab\"\n\n\
        [[package]]\nname = \"aya\"\nversion = \"0.14.0\"\n\n\
        [[package]]\nname = \"monitor-ebpf\"\nversion = \"0.1.0\"\ndependencies = [\n \"zerocopy\",\n]\n";

    /// A workspace with one source file.
    fn workspace(source: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("monitor-ebpf/src/probe")).unwrap();
        fs::write(root.path().join("Cargo.lock"), LOCK).unwrap();
        fs::write(root.path().join("monitor-ebpf/Cargo.toml"), "[package]").unwrap();
        fs::write(root.path().join("monitor-ebpf/src/probe/exec.rs"), source).unwrap();
        root
    }

    #[test]
    fn only_the_crates_compiled_in_are_locked() {
        assert_eq!(locked(LOCK), ["monitor-ebpf 0.1.0 ", "zerocopy 0.8.1 ab"]);
    }

    #[test]
    fn the_digest_does_not_depend_on_the_folder() {
        let (one, two) = (workspace("fn a() {}"), workspace("fn a() {}"));
        assert_eq!(sources(one.path()).unwrap(), sources(two.path()).unwrap());
    }

    #[test]
    fn a_changed_moved_or_added_source_and_a_changed_lock_change_the_digest() {
        let root = workspace("fn a() {}");
        let path = |name: &str| root.path().join(name);
        let mut seen = vec![sources(root.path()).unwrap()];
        let mut changes = || {
            let digest = sources(root.path()).unwrap();
            let new = !seen.contains(&digest);
            seen.push(digest);
            new
        };
        assert!(!changes(), "nothing was changed");
        fs::write(path("monitor-ebpf/src/probe/exec.rs"), "fn b() {}").unwrap();
        assert!(changes(), "content");
        fs::rename(path("monitor-ebpf/src/probe/exec.rs"), path("monitor-ebpf/src/probe/fork.rs")).unwrap();
        assert!(changes(), "path");
        fs::write(path("monitor-ebpf/src/lib.rs"), "").unwrap();
        assert!(changes(), "another file");
        fs::write(path("monitor-ebpf/Cargo.toml"), "[lib]").unwrap();
        assert!(changes(), "manifest");
        fs::write(path("Cargo.lock"), LOCK.replace("0.8.1", "0.8.2")).unwrap();
        assert!(changes(), "a crate compiled in");
        fs::write(path("Cargo.lock"), LOCK.replace("0.8.1", "0.8.2").replace("0.14.0", "0.14.1")).unwrap();
        assert!(!changes(), "a crate that is not in the object");
    }
}
