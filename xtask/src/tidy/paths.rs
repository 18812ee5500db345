//! No file names a folder that only one machine has.
use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::File;

/// Top-level folders of the Filesystem Hierarchy Standard and of common distributions.
const COMMON: [&str; 26] = [
    "bin",
    "boot",
    "data",
    "dev",
    "efi",
    "etc",
    "home",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "lost+found",
    "media",
    "mnt",
    "nix",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "snap",
    "srv",
    "sys",
    "tmp",
    "usr",
    "var",
];
/// Folders in which a build happened; an object file that names one is not reproducible.
const BUILD: [&str; 3] = ["/registry/src/", "/.cargo/", "/.rustup/"];

/// The folders at `root` that other machines lack, each as `/name/`.
pub(super) fn private(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).with_context(|| root.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && !name.starts_with('.') && !COMMON.contains(&name.as_str()) {
            names.push(format!("/{name}/"));
        }
    }
    Ok(names)
}

/// Lines that name one of `private` as the start of a path, and build folders in objects.
pub(super) fn check(file: &File, private: &[String]) -> Vec<String> {
    if file.has_extension("o") {
        let text = String::from_utf8_lossy(&file.bytes);
        let named = BUILD.iter().filter(|folder| text.contains(**folder));
        return named.map(|folder| format!("{}: names a build folder, {folder}", file.path)).collect();
    }
    // Captures and other binary files hold whatever was recorded.
    let Ok(text) = std::str::from_utf8(&file.bytes) else { return Vec::new() };
    let mut broken = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for folder in private {
            if line.match_indices(folder.as_str()).any(|(at, _)| starts_path(line, at)) {
                broken.push(format!(
                    "{}:{}: names {folder}, which other machines lack",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    broken
}

/// A `/` after a letter, digit, dot or the like is inside a longer path or a URL.
fn starts_path(line: &str, at: usize) -> bool {
    let before = line.get(..at).and_then(|before| before.chars().next_back());
    before.is_none_or(|c| !c.is_alphanumeric() && !"._-/}*~".contains(c))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::file, *};

    #[test]
    fn a_path_of_this_machine_is_seen_and_a_part_of_another_is_not() {
        let private = ["/builder/".to_owned()];
        let of = |text: &str| check(&file("a.md", text), &private).len();
        assert_eq!(of("see /builder/tree\n`/builder/x`\nPATH=/builder/bin"), 3);
        assert_eq!(of("docs/builder/x, ../builder/y, https://a.b/builder/z, $HOME/builder/"), 0);
    }

    #[test]
    fn an_object_that_names_a_build_folder_is_seen() {
        let text = "\u{1}/home/a/.cargo/registry/src/x\u{1}";
        assert_eq!(check(&file("a.o", text), &[]).len(), 2);
        assert!(check(&file("a.o", "minewarden/monitor-ebpf/src/main.rs"), &[]).is_empty());
    }

    #[test]
    fn only_unusual_top_level_folders_are_private() {
        let root = tempfile::tempdir().unwrap();
        for name in ["etc", "builder", ".cache"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        assert_eq!(private(root.path()).unwrap(), ["/builder/"]);
    }
}
