//! The licences of what the agent is made of, as their holders ask to have them kept.
//!
//! Owns the texts `third-party-licenses.txt` and Debian's `copyright`.
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::crates::Crate;
use crate::object::toolchain::text;

/// Beginnings of the names of files that hold a licence or a notice.
const FILES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
/// A line between texts.
const RULE: &str = "================================================================================";

/// What is linked beside crates: name, version, SPDX expression, and what there is to say.
pub(crate) struct Toolchain {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) licence: &'static str,
    note: &'static str,
}

/// What the compiler and the C library put into a static executable.
pub(crate) fn toolchain() -> Result<[Toolchain; 3]> {
    let rust = text(Command::new("rustc").arg("-vV"))?;
    let release =
        rust.lines().find_map(|line| line.strip_prefix("release: ")).context("rustc -vV: no release")?;
    let libc = text(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
    let gcc = text(Command::new("cc").arg("-dumpfullversion"))?;
    Ok([
        Toolchain {
            name: "rust-std",
            version: release.to_owned(),
            licence: "MIT OR Apache-2.0",
            note: "The Rust standard library, copyright of The Rust Project Developers.",
        },
        Toolchain {
            name: "glibc",
            version: libc.trim().trim_start_matches("glibc ").to_owned(),
            licence: "LGPL-2.1-or-later",
            note: "The GNU C library, copyright of the Free Software Foundation, linked statically. Its source is\n\
                   that of the distribution on which this was built. Whoever wants to link the agent with another\n\
                   version of it finds minewarden's complete source at the same place as this package:\n\
                   `cargo xtask build` links with the version of the machine that it runs on.",
        },
        Toolchain {
            name: "libgcc",
            version: gcc.trim().to_owned(),
            licence: "GPL-3.0-or-later WITH GCC-exception-3.1",
            note: "The run-time library of GCC, copyright of the Free Software Foundation.",
        },
    ])
}

/// A list of all, then each text once with the crates that it belongs to.
pub(crate) fn third_party(crates: &[Crate]) -> Result<String> {
    let mut out =
        String::from("What minewarden's agent is made of beside its own code, and under which terms.\n\n");
    let foreign: Vec<_> = crates.iter().filter(|one| one.checksum.is_some()).collect();
    for one in &foreign {
        let place = if one.kernel { ", in the eBPF object" } else { "" };
        let repository = one.repository.as_deref().unwrap_or("crates.io");
        writeln!(out, "{} {}: {} ({repository}{place})", one.name, one.version, one.licence)?;
    }
    for part in toolchain()? {
        writeln!(out, "{} {}: {}", part.name, part.version, part.licence)?;
    }
    for part in toolchain()? {
        write!(out, "\n{RULE}\n{} {}\n\n{}\n", part.name, part.version, part.note)?;
    }
    let mut texts: BTreeMap<String, (Vec<String>, String)> = BTreeMap::new();
    for one in &foreign {
        let found = licence_files(&one.source)?;
        if found.is_empty() {
            let authors =
                if one.authors.is_empty() { "its authors".to_owned() } else { one.authors.join(", ") };
            write!(
                out,
                "\n{RULE}\n{} {}\n\nPublished without a licence file, under {}, by {authors}; the texts are among those below.\n",
                one.name, one.version, one.licence
            )?;
        }
        for content in found {
            let words = content.split_whitespace().collect::<Vec<_>>().join(" ");
            let holders = &mut texts.entry(words).or_insert_with(|| (Vec::new(), content)).0;
            holders.push(format!("{} {}", one.name, one.version));
        }
    }
    for (holders, content) in texts.values() {
        write!(out, "\n{RULE}\n{}\n\n{}\n", holders.join(", "), content.trim_end())?;
    }
    Ok(out)
}

/// Texts of the licence files at the top of a crate, in the order of their names.
fn licence_files(source: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(source).with_context(|| source.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if FILES.iter().any(|start| name.starts_with(start)) && entry.file_type()?.is_file() {
            names.push(entry.path());
        }
    }
    names.sort();
    let read = |path: PathBuf| fs::read(&path).with_context(|| format!("{}", path.display()));
    names
        .into_iter()
        .map(|path| read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        .collect()
}

/// Debian's `copyright`, in its machine-readable form: our terms, and where those of the rest are.
pub(super) fn copyright(mit: &str, year: &str) -> String {
    // Title and holder are said by the fields.
    let terms = mit.split_once("Permission is hereby").map_or(mit, |(_, rest)| rest);
    let expat = format!("Permission is hereby{terms}")
        .trim()
        .lines()
        .map(|line| if line.trim().is_empty() { " .".to_owned() } else { format!(" {line}") })
        .collect::<Vec<_>>()
        .join("\n");
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: minewarden\n\
         Comment: The agent contains the crates and libraries that third-party-licenses.txt.gz lists, beside this\n \
         file, with their terms and holders. Of these terms the GNU Lesser General Public License, version 2.1, is in\n \
         /usr/share/common-licenses/LGPL-2.1 and the GNU General Public License, version 3, in\n \
         /usr/share/common-licenses/GPL-3. The eBPF programs inside the agent are Dual MIT/GPL to the kernel.\n\n\
         Files: *\n\
         Copyright: {year} The minewarden authors\n\
         License: Expat or Apache-2.0\n\n\
         License: Expat\n{expat}\n\n\
         License: Apache-2.0\n \
         On Debian systems the text of the Apache License, Version 2.0, is in\n \
         /usr/share/common-licenses/Apache-2.0.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, source: &Path) -> Crate {
        let (name, version) = (name.to_owned(), "1.0.0".to_owned());
        let licence = "MIT".to_owned();
        Crate {
            name,
            version,
            licence,
            source: source.to_owned(),
            checksum: Some(String::new()),
            ..Crate::default()
        }
    }

    #[test]
    fn each_text_is_there_once_with_all_its_crates() {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        fs::write(folders[0].path().join("LICENSE-MIT"), "Copyright A\nPermission").unwrap();
        fs::write(folders[1].path().join("license"), "Copyright A\n  Permission\n").unwrap();
        fs::write(folders[1].path().join("README"), "not this").unwrap();
        let crates = [one("a", folders[0].path()), one("b", folders[1].path()), one("c", folders[2].path())];
        let notices = third_party(&crates).unwrap();
        assert_eq!(notices.matches("Permission").count(), 1);
        assert!(notices.contains("\na 1.0.0, b 1.0.0\n\nCopyright A"));
        assert!(notices.contains("c 1.0.0\n\nPublished without a licence file, under MIT"));
        assert!(!notices.contains("not this"));
        assert!(notices.contains("LGPL-2.1-or-later"));
    }
}
