//! Kernel modules that the agent's ways into the kernel need where they are not built in. A system loads them when
//! they are asked for (modprobe); a machine that has nothing but a kernel is given them beforehand.
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{exec, testbed::tools};

/// sock_diag of TCP, which the agent asks for sockets where the kernel takes no iterator. In the order of loading.
const MODULES: [&str; 2] = ["net/ipv4/inet_diag", "net/ipv4/tcp_diag"];
/// Ends of a module's name, and what decompresses it to its standard output.
const FORMS: [(&str, Option<tools::Tool>); 3] =
    [(".ko", None), (".ko.xz", Some(("xz", "xz-utils"))), (".ko.zst", Some(("zstd", "zstd")))];
/// Where a package may have them.
const PLACES: [&str; 2] = ["lib/modules", "usr/lib/modules"];

/// Copies them, decompressed and with the order in their names, from the unpacked packages of `release`. One that is
/// not there is built in.
pub(super) fn keep(release: &str, tree: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for (number, module) in MODULES.iter().enumerate() {
        let base = module.rsplit('/').next().unwrap_or(module);
        let copy = to.join(format!("{number}-{base}.ko"));
        for place in PLACES {
            for (end, tool) in FORMS {
                let path = tree.join(place).join(release).join("kernel").join(format!("{module}{end}"));
                if path.is_file() {
                    unpack(&path, tool, &copy)?;
                }
            }
        }
    }
    Ok(())
}

fn unpack(path: &Path, tool: Option<tools::Tool>, copy: &Path) -> Result<()> {
    let Some((program, package)) = tool else {
        fs::copy(path, copy).with_context(|| path.display().to_string())?;
        return Ok(());
    };
    tools::require("unpacking kernel modules", &[(program, package)])?;
    let input = File::open(path).with_context(|| path.display().to_string())?;
    let output = File::create(copy).with_context(|| copy.display().to_string())?;
    exec::run(Command::new(program).arg("-dc").stdin(input).stdout(output))
}

/// What [`keep`] left, in the order of loading.
pub(super) fn kept(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut modules = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    modules.sort_unstable();
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_in_either_place_and_kept_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, to) = (folder.path().join("tree"), folder.path().join("kept"));
        let net = tree.join("usr/lib/modules/1.2/kernel/net/ipv4");
        fs::create_dir_all(&net).unwrap();
        fs::write(net.join("tcp_diag.ko"), "second").unwrap();
        fs::write(net.join("inet_diag.ko"), "first").unwrap();
        keep("1.2", &tree, &to).unwrap();
        let kept = kept(&to).unwrap();
        let texts: Vec<_> = kept.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        assert_eq!(texts, ["first", "second"]);
        keep("9.9", &tree, &folder.path().join("none")).unwrap();
        assert!(super::kept(&folder.path().join("none")).unwrap().is_empty());
    }
}
