//! The crates whose code is in the agent: those that cargo links into it, and those in the eBPF object inside it.
//!
//! Owns the list and the edges between its members. Procedural macros, build scripts and tests run on the machine
//! that builds; they are not shipped and not here.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{cargo::cargo, object::toolchain::text};

/// Name and version.
pub(crate) type Id = (String, String);

/// One crate that is shipped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX expression.
    pub(crate) licence: String,
    pub(crate) authors: Vec<String>,
    pub(crate) repository: Option<String>,
    /// Its folder.
    pub(crate) source: PathBuf,
    /// SHA-256 of the published crate; none for our own.
    pub(crate) checksum: Option<String>,
    /// Compiled into the eBPF object only.
    pub(crate) kernel: bool,
    pub(crate) dependencies: BTreeSet<Id>,
}

impl Crate {
    pub(crate) fn id(&self) -> Id {
        (self.name.clone(), self.version.clone())
    }
}

/// A package at the root of a tree, with what else is built beside it: that decides on features.
struct Root {
    package: &'static str,
    beside: &'static [&'static str],
    target: String,
}

/// Everything that the agent for `target` is made of, in the order of names.
pub(crate) fn shipped(workspace: &Path, target: &str) -> Result<Vec<Crate>> {
    let agent = Root { package: "monitor", beside: &["minewarden-tests"], target: target.to_owned() };
    let object = Root { package: "monitor-ebpf", beside: &[], target: "bpfel-unknown-none".to_owned() };
    let agent = tree(workspace, &agent)?;
    let object = tree(workspace, &object)?;
    let metadata = text(cargo(workspace).args(["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata")?;
    let lock = fs::read_to_string(workspace.join("Cargo.lock")).context("Cargo.lock")?;
    let mut edges = object.clone();
    for (id, below) in &agent {
        edges.entry(id.clone()).or_default().extend(below.iter().cloned());
    }
    let known: BTreeMap<Id, &Value> = metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|it| Some((id(it)?, it)))
        .collect();
    let describe = |(id, below): (Id, BTreeSet<Id>)| {
        let package = known.get(&id).with_context(|| format!("cargo metadata lacks {} {}", id.0, id.1))?;
        let mut found = describe(package, checksum(&lock, &id))?;
        found.kernel = !agent.contains_key(&id);
        found.dependencies = below;
        Ok(found)
    };
    edges.into_iter().map(describe).collect()
}

/// Each crate under the root with those right below it.
fn tree(workspace: &Path, root: &Root) -> Result<BTreeMap<Id, BTreeSet<Id>>> {
    let mut command = cargo(workspace);
    command.args([
        "tree",
        "--locked",
        "--edges",
        "normal,no-proc-macro",
        "--no-dedupe",
        "--target",
        &root.target,
    ]);
    command.args(["--prefix", "depth", "--format", " {p}", "--package", root.package]);
    command.args(root.beside.iter().flat_map(|package| ["--package", package]));
    let printed = text(&mut command)?;
    let found = edges(&printed, root.package)?;
    ensure!(!found.is_empty(), "cargo tree names no crate of {}", root.package);
    Ok(found)
}

/// Reads `DEPTH NAME vVERSION ...` lines, of the tree of `root` alone.
fn edges(printed: &str, root: &str) -> Result<BTreeMap<Id, BTreeSet<Id>>> {
    let mut found: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    let mut above: Vec<Id> = Vec::new();
    let mut ours = false;
    for line in printed.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let mut word = || words.next().with_context(|| format!("cargo tree printed {line}"));
        let depth: usize = word()?.parse().with_context(|| format!("cargo tree printed {line}"))?;
        let id = (word()?.to_owned(), word()?.trim_start_matches('v').to_owned());
        if depth == 0 {
            ours = id.0 == root;
        }
        if !ours {
            continue;
        }
        above.truncate(depth);
        if let Some(parent) = above.last() {
            found.entry(parent.clone()).or_default().insert(id.clone());
        }
        found.entry(id.clone()).or_default();
        above.push(id);
    }
    Ok(found)
}

fn id(package: &Value) -> Option<Id> {
    Some((package["name"].as_str()?.to_owned(), package["version"].as_str()?.to_owned()))
}

fn describe(package: &Value, checksum: Option<String>) -> Result<Crate> {
    let field = |name: &str| package[name].as_str().map(str::to_owned);
    let (name, version) = id(package).context("cargo metadata has a package without a name")?;
    let manifest = field("manifest_path").map(PathBuf::from);
    let source = manifest.as_deref().and_then(Path::parent).context("no manifest_path")?.to_owned();
    // An older way to write the same.
    let licence =
        field("license").with_context(|| format!("{name} declares no licence"))?.replace('/', " OR ");
    let authors = package["authors"].as_array().into_iter().flatten();
    let authors = authors.filter_map(|author| author.as_str().map(str::to_owned)).collect();
    let repository = field("repository");
    Ok(Crate { name, version, licence, authors, repository, source, checksum, ..Crate::default() })
}

/// What Cargo.lock holds for that crate.
fn checksum(lock: &str, (name, version): &Id) -> Option<String> {
    let head = format!("\nname = \"{name}\"\nversion = \"{version}\"\n");
    let block = lock.split("[[package]]").find(|block| block.starts_with(&head))?;
    let line = block.lines().find_map(|line| line.strip_prefix("checksum = "))?;
    Some(line.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, version: &str) -> Id {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn only_the_tree_of_the_package_counts() {
        let printed = "0 tests v0.1.0 (/w/tests)\n1 monitor v0.1.0 (/w/monitor)\n2 log v0.4.1\n1 only v1.0.0\n\n\
            0 monitor v0.1.0 (/w/monitor)\n1 aya v0.14.0\n2 log v0.4.1\n1 log v0.4.1\n";
        let found = edges(printed, "monitor").unwrap();
        let names: Vec<_> = found.keys().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["aya", "log", "monitor"]);
        assert_eq!(found[&pair("aya", "0.14.0")], BTreeSet::from([pair("log", "0.4.1")]));
        assert_eq!(found[&pair("monitor", "0.1.0")].len(), 2);
        assert!(edges("x", "monitor").is_err());
    }

    #[test]
    fn the_checksum_is_that_of_the_version() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"11\"\n\n\
            [[package]]\nname = \"a\"\nversion = \"2.0.0\"\nchecksum = \"22\"\n";
        assert_eq!(checksum(lock, &pair("a", "2.0.0")).as_deref(), Some("22"));
        assert_eq!(checksum(lock, &pair("b", "2.0.0")), None);
    }

    #[test]
    fn what_is_shipped_is_what_is_linked() {
        let workspace = crate::cargo::workspace().unwrap();
        let shipped = shipped(&workspace, "x86_64-unknown-linux-gnu").unwrap();
        let of = |name: &str| shipped.iter().find(|one| one.name == name);
        assert!(of("tokio").is_some_and(|one| !one.kernel && one.checksum.is_some()));
        assert!(of("aya-ebpf").is_some_and(|one| one.kernel));
        assert!(of("zerocopy").is_some_and(|one| !one.kernel));
        for absent in
            ["clap_derive", "serde_derive", "criterion", "noise_sv2", "minewarden-tests", "clap_mangen"]
        {
            assert!(of(absent).is_none(), "{absent}");
        }
        assert!(shipped.iter().all(|one| one.checksum.is_some() || one.source.starts_with(&workspace)));
    }
}
