//! Disk images of ext4, made from folders without mounting anything, and throw-away layers over them.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{exec, object::toolchain::text, testbed::tools};

const TOOLS: [tools::Tool; 3] =
    [("mke2fs", "e2fsprogs"), ("debugfs", "e2fsprogs"), ("qemu-img", "qemu-utils")];

/// Refuses, in one line, where a tool is missing.
pub(super) fn require() -> Result<()> {
    tools::require("making disk images", &TOOLS)
}

/// A sparse image of so many MiB that holds `folder`.
pub(super) fn make(folder: &Path, image: &Path, mebibytes: u32) -> Result<()> {
    if image.exists() {
        fs::remove_file(image).with_context(|| image.display().to_string())?;
    }
    let mut command = Command::new("mke2fs");
    command.args(["-q", "-F", "-t", "ext4", "-d"]).arg(folder).arg(image).arg(format!("{mebibytes}M"));
    exec::run(&mut command)
}

/// A file or a link that is added to an image.
pub(super) enum Addition<'a> {
    File { path: &'a str, text: &'a str },
    Link { path: &'a str, target: &'a str },
}

/// Adds to an image that nobody uses.
pub(super) fn add(image: &Path, additions: &[Addition<'_>], scratch: &Path) -> Result<()> {
    let mut script = String::new();
    let mut files = Vec::new();
    for (number, addition) in additions.iter().enumerate() {
        match addition {
            Addition::File { path, text } => {
                let file = scratch.join(format!("addition-{number}"));
                fs::write(&file, text).with_context(|| file.display().to_string())?;
                script.push_str(&format!("write {} {path}\n", file.display()));
                files.push(file);
            }
            Addition::Link { path, target } => script.push_str(&format!("symlink {path} {target}\n")),
        }
    }
    let list = scratch.join("additions");
    fs::write(&list, script).with_context(|| list.display().to_string())?;
    text(Command::new("debugfs").arg("-w").arg("-f").arg(&list).arg(image))?;
    // debugfs tells of a mistake, and succeeds.
    for addition in additions {
        let (Addition::File { path, .. } | Addition::Link { path, .. }) = addition;
        let stat = text(Command::new("debugfs").args(["-R", &format!("stat {path}")]).arg(image))?;
        ensure!(stat.contains("Inode:"), "debugfs did not add {path} to {}", image.display());
    }
    for file in files.iter().chain([&list]) {
        fs::remove_file(file).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// A layer that takes what is written; the image below stays as it is.
pub(super) fn layer(base: &Path, folder: &Path) -> Result<PathBuf> {
    let layer = folder.join("layer.qcow2");
    let base = base.canonicalize().with_context(|| base.display().to_string())?;
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"]).arg(base).arg(&layer);
    exec::run(&mut command)?;
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the tools are: the image holds what it was made from and what was added, and a wrong path is refused.
    #[test]
    fn an_image_holds_a_folder_and_what_was_added() {
        let folder = tempfile::tempdir().unwrap();
        if require().is_err() {
            eprintln!("ignored: mke2fs, debugfs or qemu-img is missing");
            return;
        }
        let (from, image) = (folder.path().join("from"), folder.path().join("image"));
        fs::create_dir_all(from.join("etc/wants")).unwrap();
        fs::write(from.join("etc/one"), "first").unwrap();
        make(&from, &image, 8).unwrap();
        let unit = Addition::File { path: "/etc/two", text: "second" };
        let link = Addition::Link { path: "/etc/wants/two", target: "/etc/two" };
        add(&image, &[unit, link], folder.path()).unwrap();
        let cat = |path: &str| {
            text(Command::new("debugfs").args(["-R", &format!("cat {path}")]).arg(&image)).unwrap()
        };
        assert_eq!((cat("/etc/one").as_str(), cat("/etc/two").as_str()), ("first", "second"));
        let wrong = Addition::File { path: "/no/such/folder/x", text: "" };
        assert!(add(&image, &[wrong], folder.path()).is_err());
        assert!(layer(&image, folder.path()).unwrap().is_file());
    }
}
