//! `cgroup` in `[watch]`: what part of the host is watched.
//!
//! Owns how it is written. Must not know how a cgroup is found (`host/watch.rs` does).
use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// How [`Scope::Own`] is written.
const OWN: &str = "own";
/// How [`Scope::Host`] is written: the root of all cgroups.
const HOST: &str = "/";

/// What part of the host is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// All of it.
    #[default]
    Host,
    /// What is below the root of the agent's own cgroup namespace: in a container or an nspawn guest just that.
    Own,
    /// What is below this cgroup2: an absolute path without `..`.
    Cgroup(PathBuf),
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = Path::new(&text);
        let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        match text.as_str() {
            OWN => Ok(Self::Own),
            HOST => Ok(Self::Host),
            _ if path.is_absolute() && path.components().all(plain) && !text.contains('\0') => {
                Ok(Self::Cgroup(path.components().collect()))
            }
            _ => Err(format!("the absolute path of a cgroup without `..`, {HOST:?} or {OWN:?} is wanted")),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str(HOST),
            Self::Own => f.write_str(OWN),
            Self::Cgroup(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;

    fn read(text: &str) -> Result<Scope, String> {
        Scope::try_from(text.to_owned())
    }

    #[test]
    fn a_path_the_host_and_own_are_told_apart_and_anything_else_is_refused() {
        assert_eq!((read("/"), read("own")), (Ok(Scope::Host), Ok(Scope::Own)));
        assert_eq!(read("/machine.slice//web/"), Ok(Scope::Cgroup("/machine.slice/web".into())));
        for bad in ["", "machine.slice", "/a/../b", "..", "Own", "/a\0b"] {
            let error = read(bad).unwrap_err();
            assert!(error.starts_with("the absolute path of a cgroup"), "{bad}: {error}");
        }
    }

    #[test]
    fn is_written_as_it_is_read() {
        for text in ["/", "own", "/machine.slice/web"] {
            assert_eq!(String::from(read(text).unwrap()), text);
        }
    }
}
