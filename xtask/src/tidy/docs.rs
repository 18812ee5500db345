//! The documentation is there, its links lead somewhere, and it names each rule and each subcommand.
use std::collections::BTreeSet;

use clap::CommandFactory as _;

use super::File;

/// What a reader may count on.
const REQUIRED: [&str; 7] = [
    "README.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "docs/architecture.md",
    "docs/detection.md",
    "docs/output.md",
];

pub(super) fn check(files: &[File]) -> Vec<String> {
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let missing = REQUIRED.iter().filter(|path| !paths.contains(**path));
    let mut broken: Vec<String> = missing.map(|path| format!("{path}: missing")).collect();
    for file in files.iter().filter(|file| file.has_extension("md")) {
        let text = String::from_utf8_lossy(&file.bytes);
        let dead = links(&text).into_iter().filter(|link| !leads(&file.path, link, &paths));
        broken.extend(dead.map(|link| format!("{}: {link} leads nowhere", file.path)));
        let unknown = subcommands(&text).into_iter().filter(|name| !is_subcommand(name));
        broken.extend(unknown.map(|name| format!("{}: there is no `cargo xtask {name}`", file.path)));
    }
    broken.extend(undocumented_rules(files));
    broken
}

/// Targets of Markdown links within the tree.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with(['#', '<']));
    inside.filter_map(|target| target.split('#').next()).collect()
}

/// Whether `link`, read from the file `from`, is a file or folder of the tree.
fn leads(from: &str, link: &str, paths: &BTreeSet<&str>) -> bool {
    let mut target: Vec<&str> = from.split('/').collect();
    target.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = target.pop(),
            name => target.push(name),
        }
    }
    let target = target.join("/");
    let folder = format!("{target}/");
    paths.iter().any(|path| *path == target || path.starts_with(&folder))
}

/// Words after `cargo xtask `.
fn subcommands(text: &str) -> Vec<&str> {
    let after = text.split("cargo xtask ").skip(1);
    let words = after.map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default());
    words.filter(|word| !word.is_empty()).collect()
}

fn is_subcommand(name: &str) -> bool {
    crate::Xtask::command().find_subcommand(name).is_some()
}

/// Names given to the detectors' rules (`name: "family.what"`) that docs/detection.md does not have.
fn undocumented_rules(files: &[File]) -> Vec<String> {
    let text = |file: &File| String::from_utf8_lossy(&file.bytes).into_owned();
    let docs: String = files.iter().filter(|file| file.path == "docs/detection.md").map(text).collect();
    let sources =
        files.iter().filter(|file| file.path.starts_with("monitor/src/detect") && file.has_extension("rs"));
    let mut broken = Vec::new();
    for source in sources {
        let text = text(source);
        let names = text.lines().filter_map(|line| line.trim().strip_prefix("name: \"")?.strip_suffix("\","));
        for name in names.filter(|name| name.contains('.') && !docs.contains(&format!("`{name}`"))) {
            broken.push(format!("docs/detection.md: says nothing of rule `{name}` ({})", source.path));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::{super::tests::file, *};

    #[test]
    fn links_are_followed_from_where_they_stand() {
        let paths = BTreeSet::from(["README.md", "docs/output.md", "docs/detection.md"]);
        assert_eq!(links("[a](docs/x.md#y) [b](https://a.b) [c](#d) [e](../f)"), ["docs/x.md", "../f"]);
        assert!(leads("README.md", "docs/output.md", &paths));
        assert!(leads("README.md", "docs/", &paths));
        assert!(leads("docs/output.md", "detection.md", &paths));
        assert!(leads("docs/output.md", "../README.md", &paths));
        assert!(!leads("docs/output.md", "docs/detection.md", &paths));
    }

    #[test]
    fn a_subcommand_that_does_not_exist_is_seen() {
        let text = "`cargo xtask demo` then `cargo xtask ebpf --check` or `cargo xtask fly`";
        assert_eq!(subcommands(text), ["demo", "ebpf", "fly"]);
        assert!(is_subcommand("demo") && is_subcommand("ebpf") && !is_subcommand("fly"));
    }

    #[test]
    fn a_rule_that_the_documentation_lacks_is_seen() {
        let rules =
            file("monitor/src/detect/mod.rs", "    name: \"stratum.session\",\n    name: \"argv.url\",\n");
        let docs = file("docs/detection.md", "| `argv.url` | 60 |");
        let broken = undocumented_rules(&[rules, docs]);
        assert_eq!(broken.len(), 1);
        assert!(broken.concat().contains("`stratum.session`"));
    }
}
