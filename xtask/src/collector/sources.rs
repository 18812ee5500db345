//! Which host has which loopback address.
//!
//! Owns `sources.toml` (read by `minewarden report`) and `sources.map` (read by nginx). Must not know other files.
use std::{collections::BTreeMap, fmt::Write as _, net::Ipv4Addr};

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{Host, check_name};

/// Addresses that nginx speaks from: 127.77.0.1 and on. Every address of 127.0.0.0/8 is the machine's own.
const FIRST: u32 = u32::from_be_bytes([127, 77, 0, 1]);
/// Most hosts, those included that were taken off the fleet: 127.77.0.1 to 127.77.253.232.
const HOSTS_MAX: usize = 65_000;

/// A host and its address.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Address that nginx speaks from for it.
    pub address: Ipv4Addr,
    /// Common name of its certificate.
    pub name: String,
    /// What its journal calls it, where that is another name.
    pub hostname: Option<String>,
    /// It was taken off the fleet.
    #[serde(default)]
    pub retired: bool,
}

/// All of them, in the order of their addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<Source>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    source: Vec<Source>,
}

impl Sources {
    /// Reads sources.toml.
    ///
    /// # Errors
    /// What is wrong, with its line, or a name that cannot be one.
    pub fn parse(text: &str) -> Result<Self> {
        let document: Document = toml::from_str(text)?;
        let mut sources = document.source;
        for source in &sources {
            check_name(&source.name)?;
            source.hostname.as_deref().map_or(Ok(()), check_hostname)?;
        }
        sources.sort_by_key(|source| source.address);
        let twice = sources.windows(2).find(|pair| matches!(pair, [a, b] if a.address == b.address));
        ensure!(twice.is_none(), "an address is there twice: {twice:?}");
        Ok(Self(sources))
    }

    /// Gives each of `hosts` the address that it had, else a new one that nobody had.
    pub(super) fn assign(hosts: &[Host], previous: Self) -> Result<Self> {
        let mut wanted = BTreeMap::new();
        for host in hosts {
            check_name(&host.name)?;
            host.hostname.as_deref().map_or(Ok(()), check_hostname)?;
            // nginx's map does not tell large letters from small ones.
            let twice = wanted.insert(host.name.to_ascii_lowercase(), host);
            ensure!(twice.is_none(), "{} is there twice", host.name);
        }
        let mut sources = previous.0;
        for source in &mut sources {
            let host = wanted.remove(&source.name.to_ascii_lowercase());
            source.retired = host.is_none();
            if let Some(host) = host {
                source.name.clone_from(&host.name);
                source.hostname.clone_from(&host.hostname);
            }
        }
        let last = sources.iter().map(|source| u32::from(source.address)).max().unwrap_or(0);
        let new = hosts.iter().filter(|host| wanted.contains_key(&host.name.to_ascii_lowercase()));
        for (address, host) in (last.saturating_add(1).max(FIRST)..).zip(new) {
            let Host { name, hostname } = host.clone();
            sources.push(Source { address: address.into(), name, hostname, retired: false });
        }
        ensure!(sources.len() <= HOSTS_MAX, "more than {HOSTS_MAX} hosts (retired ones included)");
        let within = sources.iter().all(|source| source.address.is_loopback());
        ensure!(within, "no loopback address is left, or one of sources.toml is none");
        Ok(Self(sources))
    }

    /// Every host, in the order of the addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// Whether a host of that name is in the fleet now.
    #[must_use]
    pub fn is_active(&self, name: &str) -> bool {
        self.0.iter().any(|source| source.name == name && !source.retired)
    }

    /// As `sources.toml`.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut text = "# Whose certificate each remote-ADDRESS.journal was received under. Written by cargo xtask deploy \
                        --collector;\n# an address is never given to another host.\n"
            .to_owned();
        for source in &self.0 {
            // Neither a name nor a host name can hold what TOML would have to quote.
            let _ =
                write!(text, "\n[[source]]\naddress = \"{}\"\nname = \"{}\"\n", source.address, source.name);
            if let Some(hostname) = &source.hostname {
                let _ = writeln!(text, "hostname = \"{hostname}\"");
            }
            if source.retired {
                text.push_str("retired = true\n");
            }
        }
        text
    }

    /// As lines of nginx's `map`; hosts that were taken off the fleet are not in it, and so refused.
    #[must_use]
    pub fn map(&self) -> String {
        let active = self.0.iter().filter(|source| !source.retired);
        active.map(|source| format!("\"CN={}\" {};\n", source.name, source.address)).collect()
    }
}

/// As [`check_name`], and as long as a host's name may be.
fn check_hostname(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    ensure!(!name.is_empty() && name.len() <= 253 && name.chars().all(plain), "{name:?} is no host name");
    Ok(())
}
