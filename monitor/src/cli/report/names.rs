//! Which host a source is, by its certificate.
//!
//! Owns the form of `sources.toml`, which the set-up of a collector writes: the proxy in front of the collector gives
//! each certificate an address of its own, systemd-journal-remote names its files by that address, and this file says
//! whose certificate it was. Must not know journals.
use std::{collections::BTreeMap, fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::sink::escape::escape;

/// Its name in the directory of the journals.
pub(super) const FILE: &str = "sources.toml";
/// A file of 100,000 hosts has some 8 MB.
const BYTES_MAX: u64 = 16 << 20;

/// One host of the file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    /// Address that the proxy speaks from for it, the part of the file's name after `remote-`.
    address: String,
    /// Common name of its certificate.
    pub(super) name: String,
    /// What its journal calls it, when that is something else.
    pub(super) hostname: Option<String>,
    /// It was taken off the fleet: its journals stay, and its silence is no news.
    #[serde(default)]
    pub(super) retired: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    source: Vec<Name>,
}

/// Hosts by the address of their source.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Name>);

impl Names {
    /// # Errors
    /// What is wrong, with file and line.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        let mut text = String::new();
        let open = File::open(file).with_context(|| shown.to_string())?;
        let read = open.take(BYTES_MAX + 1).read_to_string(&mut text).with_context(|| shown.to_string())?;
        if read as u64 > BYTES_MAX {
            bail!("{shown}: larger than {BYTES_MAX} bytes");
        }
        Self::parse(&text).with_context(|| shown.to_string())
    }

    /// # Errors
    /// What is wrong, with its line.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let document: Document = toml::from_str(text)?;
        let mut names = BTreeMap::new();
        for mut name in document.source {
            name.name = escape(&name.name);
            if name.name.is_empty() {
                bail!("the source {:?} has an empty name", name.address);
            }
            if let Some(twice) = names.insert(name.address.clone(), name) {
                bail!("the source {:?} is there twice", twice.address);
            }
        }
        Ok(Self(names))
    }

    /// The host whose address that is.
    pub(super) fn of(&self, address: &str) -> Option<&Name> {
        self.0.get(address)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Name> {
        self.0.values()
    }
}

impl Name {
    /// Whether a journal of this host may call it `hostname`: by either name, in full or up to a dot, in any case.
    pub(super) fn covers(&self, hostname: &str) -> bool {
        [Some(&self.name), self.hostname.as_ref()].into_iter().flatten().any(|own| same_host(own, hostname))
    }
}

/// `web01` and `WEB01.example.org` are one host; `web01.example.org` and `web01.example.com` are two.
fn same_host(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    match long.get(..short.len()) {
        Some(start) if start.eq_ignore_ascii_case(short) => {
            !short.is_empty()
                && long.get(short.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_found_by_its_address() {
        let names = Names::parse(
            "[[source]]\naddress = \"127.77.0.1\"\nname = \"web01\"\n\n\
             [[source]]\naddress = \"127.77.0.2\"\nname = \"10.0.0.2\"\nhostname = \"db\"\nretired = true\n",
        )
        .unwrap();
        assert!(names.of("127.77.0.1").unwrap().covers("web01"));
        let second = names.of("127.77.0.2").unwrap();
        assert!(second.retired && second.covers("db.example.org") && second.covers("10.0.0.2"));
        assert!(!second.covers("web01") && !second.covers(""));
        assert_eq!(names.of("127.77.0.3"), None);
        assert_eq!(names.all().count(), 2);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let told = |text: &str| Names::parse(text).unwrap_err().to_string();
        assert!(told("[[source]]\naddress = \"a\"\nnmae = \"b\"\n").contains("line 3"));
        let twice = "[[source]]\naddress = \"a\"\nname = \"b\"\n".repeat(2);
        assert_eq!(told(&twice), "the source \"a\" is there twice");
        assert_eq!(told("[[source]]\naddress = \"a\"\nname = \"\"\n"), "the source \"a\" has an empty name");
    }

    #[test]
    fn one_host_by_a_short_and_a_long_name() {
        for (a, b, same) in [
            ("web01", "WEB01", true),
            ("web01", "web01.example.org", true),
            ("web01.example.org", "web01", true),
            ("web01", "web011", false),
            ("web01.example.org", "web01.example.com", false),
            ("", "", false),
            ("wéb", "we", false),
        ] {
            assert_eq!(same_host(a, b), same, "{a} {b}");
        }
    }
}
