//! House rules that no compiler checks. Run by `cargo test` and by `cargo xtask lint`.
mod docs;
mod paths;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// A file holds one concept.
const LINES: usize = 400;

/// A file of the tree.
struct File {
    /// Relative to the workspace.
    path: String,
    bytes: Vec<u8>,
}

impl File {
    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| own == extension)
    }
}

/// Every broken rule, one line each: `file: what`.
pub(crate) fn check(workspace: &Path) -> Result<Vec<String>> {
    let files = files(workspace)?;
    let mut broken = Vec::new();
    for file in &files {
        broken.extend(sources(file));
        broken.extend(paths::check(file, &paths::private(Path::new("/"))?));
    }
    broken.extend(docs::check(&files));
    Ok(broken)
}

/// Length, module heads, and work left for later.
fn sources(file: &File) -> Vec<String> {
    if !file.has_extension("rs") {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&file.bytes);
    let mut broken = Vec::new();
    let lines = text.lines().count();
    if lines > LINES {
        broken.push(format!("{}: {lines} lines, {LINES} is the most", file.path));
    }
    // A binary of a test package or a build script may start with attributes.
    if !text.lines().take_while(|line| !line.is_empty()).any(|line| line.starts_with("//!")) {
        broken.push(format!("{}: no `//!` head that says what it owns", file.path));
    }
    for (number, line) in text.lines().enumerate() {
        // Spelled in two halves, or this line would break its own rule.
        if [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")]
            .iter()
            .any(|mark| line.contains(mark))
        {
            broken.push(format!("{}:{}: work left for later", file.path, number + 1));
        }
    }
    broken
}

/// What git would commit: everything but build products.
fn files(workspace: &Path) -> Result<Vec<File>> {
    let mut pending = vec![workspace.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() && !ignored(&path) {
                pending.push(path);
            } else if kind.is_file() && entry.file_name() != ".git" {
                files.push(File { path: relative(workspace, &path), bytes: fs::read(&path)? });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn ignored(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name == ".git" || name == "target")
}

fn relative(workspace: &Path, path: &Path) -> String {
    path.strip_prefix(workspace).map(PathBuf::from).unwrap_or_default().display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn the_tree_keeps_the_house_rules() {
        let broken = check(&crate::cargo::workspace().unwrap()).unwrap();
        assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    }

    #[test]
    fn length_heads_and_left_overs_are_seen() {
        assert!(sources(&file("a.rs", "//! Head.\nfn a() {}\n")).is_empty());
        assert!(sources(&file("a.rs", "#![no_std]\n//! Head.\n")).is_empty());
        assert!(sources(&file("a.md", &"line\n".repeat(LINES + 1))).is_empty());
        let of = |text: &str| sources(&file("a.rs", text)).join(" ");
        assert!(of(&format!("//! Head.\n{}", "\n".repeat(LINES))).contains("401 lines"));
        assert!(of("fn a() {}\n").contains("no `//!` head"));
        assert!(of(concat!("//! Head.\n\n// TO", "DO: more\n")).contains("a.rs:3: work left"));
    }
}
