//! What is to be done on a host, from what was found there. Pure.
//!
//! Owns the decision and the reasons not to begin. Must not know how anything is carried out.
use std::cmp::Ordering;

use super::{
    packages::{Kind, Package},
    shell::Facts,
};

/// What a deployment does on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing was there.
    Install,
    /// An older version was.
    Upgrade,
    /// A newer version was.
    Downgrade,
    /// The same version of other bytes was.
    Reinstall,
    /// Only the configuration differs.
    Configure,
    /// All is as wanted, but it does not run.
    Start,
    /// All is as wanted.
    Unchanged,
}

impl Action {
    /// As the table says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Downgrade => "downgrade",
            Self::Reinstall => "reinstall",
            Self::Configure => "configure",
            Self::Start => "start",
            Self::Unchanged => "unchanged",
        }
    }

    /// Whether a package is installed.
    pub(crate) fn installs(self) -> bool {
        matches!(self, Self::Install | Self::Upgrade | Self::Downgrade | Self::Reinstall)
    }
}

/// A fact, or nothing where the host did not say it.
pub(crate) fn fact<'a>(facts: &'a Facts, key: &str) -> &'a str {
    facts.get(key).map_or("", String::as_str)
}

/// Why a host cannot be deployed to, before anything is copied there.
pub(crate) fn objection(facts: &Facts) -> Option<String> {
    let lacks = fact(facts, "lacks");
    if !lacks.is_empty() {
        return Some(format!("these programs are not there: {lacks}"));
    }
    if fact(facts, "systemd") != "yes" {
        return Some("systemd does not run there, and it is what starts the agent".to_owned());
    }
    None
}

/// How a host is installed on: as it is already, unless by hand, else by its package manager.
pub(crate) fn kind(facts: &Facts) -> Option<Kind> {
    let installed = Kind::named(fact(facts, "installed"));
    installed.or_else(|| Kind::named(fact(facts, "packager")))
}

/// What `package` of `version`, with the configuration whose digest is `config`, asks for on this host; `binary` is
/// the digest of the agent in the package.
pub(crate) fn action(
    facts: &Facts,
    version: &str,
    package: &Package,
    binary: &str,
    config: Option<&str>,
) -> Action {
    let before = fact(facts, "version");
    if fact(facts, "program").is_empty() {
        return Action::Install;
    }
    match order(before, version) {
        Ordering::Less => return Action::Upgrade,
        Ordering::Greater => return Action::Downgrade,
        Ordering::Equal => {}
    }
    // Installed by other hands, nothing was noted there; then the agent alone is compared.
    let noted = fact(facts, "current");
    if fact(facts, "program") != binary || !(noted.is_empty() || noted == package.digest) {
        return Action::Reinstall;
    }
    if config.is_some_and(|config| config != fact(facts, "config")) {
        return Action::Configure;
    }
    if fact(facts, "active") == "active" { Action::Unchanged } else { Action::Start }
}

/// Why there is not enough room for `bytes` of package and agent: both stay, and dpkg writes the new file before
/// the old one goes.
pub(crate) fn room(facts: &Facts, package: u64, agent: u64) -> Option<String> {
    let short = |folder: &str, key: &str, needed: u64| {
        let free = fact(facts, key).parse::<u64>().ok()?;
        let needed = needed / 1024 + 4096;
        (free < needed).then(|| format!("{folder}: {free} KiB free, {needed} KiB needed"))
    };
    short("/usr", "free_usr", agent * 2).or_else(|| short("/var", "free_var", package * 2))
}

/// Numbers are compared as numbers; what is no number is older.
fn order(one: &str, other: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> {
        version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or_default()).collect()
    };
    numbers(one)
        .cmp(&numbers(other))
        .then_with(|| if one == other { Ordering::Equal } else { Ordering::Less })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn host(pairs: &[(&str, &str)]) -> Facts {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn decided(pairs: &[(&str, &str)], config: Option<&str>) -> Action {
        let package = Package { file: PathBuf::new(), kind: Kind::Deb, digest: "p1".to_owned(), bytes: 1 };
        action(&host(pairs), "0.10.0", &package, "b1", config)
    }

    const SAME: [(&str, &str); 5] =
        [("version", "0.10.0"), ("program", "b1"), ("current", "p1"), ("config", "c1"), ("active", "active")];

    fn with(key: &str, value: &str) -> Vec<(&'static str, String)> {
        SAME.iter().map(|(name, own)| (*name, (if *name == key { value } else { own }).to_owned())).collect()
    }

    fn decided_with(key: &str, value: &str, config: Option<&str>) -> Action {
        let pairs = with(key, value);
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        decided(&pairs, config)
    }

    #[test]
    fn what_is_there_decides() {
        assert_eq!(decided(&[], None), Action::Install);
        assert_eq!(decided(&SAME, None), Action::Unchanged);
        assert_eq!(decided(&SAME, Some("c1")), Action::Unchanged);
        assert_eq!(decided(&SAME, Some("c2")), Action::Configure);
        assert_eq!(decided_with("version", "0.9.0", None), Action::Upgrade);
        assert_eq!(decided_with("version", "0.10.1", None), Action::Downgrade);
        assert_eq!(decided_with("version", "", None), Action::Upgrade);
        assert_eq!(decided_with("program", "b2", None), Action::Reinstall);
        assert_eq!(decided_with("current", "p2", None), Action::Reinstall);
        assert_eq!(decided_with("current", "", None), Action::Unchanged);
        assert_eq!(decided_with("active", "failed", None), Action::Start);
    }

    #[test]
    fn a_host_that_is_installed_on_stays_with_its_kind() {
        assert_eq!(kind(&host(&[("packager", "deb")])), Some(Kind::Deb));
        assert_eq!(kind(&host(&[("packager", "deb"), ("installed", "tar.gz")])), Some(Kind::Archive));
        assert_eq!(kind(&host(&[("packager", "pkgng")])), None);
    }

    #[test]
    fn a_host_that_lacks_something_is_told_so() {
        assert_eq!(objection(&host(&[("systemd", "yes"), ("lacks", "")])), None);
        assert!(objection(&host(&[("lacks", "")])).unwrap().starts_with("systemd does not run"));
        assert!(objection(&host(&[("systemd", "yes"), ("lacks", "tar")])).unwrap().ends_with("tar"));
        assert_eq!(room(&host(&[("free_usr", "900000"), ("free_var", "900000")]), 1 << 20, 1 << 20), None);
        let full = room(&host(&[("free_usr", "100"), ("free_var", "900000")]), 1 << 20, 1 << 20);
        assert_eq!(full.unwrap(), "/usr: 100 KiB free, 6144 KiB needed");
        assert!(
            room(&host(&[("free_usr", "900000"), ("free_var", "5")]), 1 << 20, 1)
                .unwrap()
                .starts_with("/var")
        );
    }
}
