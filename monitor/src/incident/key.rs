//! What makes two findings the same incident.
//!
//! Owns places, identities and the ids made of them. Must not know rules or notices.
use std::{fmt, net::SocketAddr};

use sha2::{Digest as _, Sha256};

use crate::{
    enrich::processes::Process,
    event::{BootTime, FileId, ProcessKey},
};

/// Place of a process of which nobody told where it runs; nothing merges there.
pub(super) const UNKNOWN_PLACE: &str = "unknown";

/// Place of self-tests: no cgroup path, since it begins with no slash, and no unit.
const SELF_TEST_PLACE: &str = "self-test";

/// What runs, best kind first. File ids of the kernel and of stat are kinds of their own: on btrfs and overlay
/// they disagree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// SHA-256 of the script that an interpreter runs.
    Script(String),
    /// SHA-256 of the executable.
    Digest(String),
    /// The executable by stat.
    Stat(FileId),
    /// The executable by the kernel, at exec.
    Kernel(FileId),
    /// Its path, else its command name.
    Name(String),
    /// Nothing is known but that it is a process.
    Process(ProcessKey),
    /// Nothing is known but whom it talks to.
    Remote(SocketAddr),
    /// Nothing is known.
    Unknown,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(digest) => write!(f, "script:{digest}"),
            Self::Digest(digest) => write!(f, "sha256:{digest}"),
            Self::Stat(file) => write!(f, "stat:{}:{}", file.device, file.inode),
            Self::Kernel(file) => write!(f, "kernel:{}:{}", file.device, file.inode),
            Self::Name(name) => write!(f, "name:{name}"),
            Self::Process(key) => write!(f, "process:{}:{}", key.tgid, key.start.0),
            Self::Remote(remote) => write!(f, "remote:{remote}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A place and what runs there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) place: String,
    pub(super) identity: Identity,
}

/// Everything that a process can be recognised by. A process of which /proc told nothing has only the weak
/// kinds; so that it still joins the incident of its like, an incident is filed under the weak kinds too.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// The place that /proc told.
    pub(super) place: Option<String>,
    /// The content that /proc told.
    pub(super) content: Option<Identity>,
    pub(super) places: Vec<String>,
    identities: Vec<Identity>,
    /// They are a self-test's.
    pub(super) self_test: bool,
}

impl Keys {
    /// Of a process, `None` when not even that is known.
    pub(super) fn of(key: Option<ProcessKey>, process: Option<&Process>, remote: Option<SocketAddr>) -> Self {
        let place =
            process.and_then(|process| process.who.place.as_ref()).map(|place| place.key().to_owned());
        let place = place.filter(|place| !place.is_empty());
        let cgroup = process.and_then(|process| process.task.as_ref()).map(|task| task.cgroup);
        let cgroup = cgroup.filter(|id| *id != 0).map(|id| format!("cgroup#{id}"));
        let mut places: Vec<_> = place.iter().cloned().chain(cgroup).collect();
        if places.is_empty() {
            places.push(UNKNOWN_PLACE.to_owned());
        }
        let mut identities = process.map(identities).unwrap_or_default();
        if identities.is_empty() {
            identities.push(match (key, remote) {
                (Some(key), _) => Identity::Process(key),
                (None, Some(remote)) => Identity::Remote(remote),
                (None, None) => Identity::Unknown,
            });
        }
        let content = identities.first().filter(|first| is_content(first)).cloned();
        Self { place, content, places, identities, self_test: false }
    }

    /// Of a self-test: each is an incident of its own, whatever runs it, and no key of a process leads there.
    pub(super) fn of_self_test(nonce: &str) -> Self {
        let places = vec![SELF_TEST_PLACE.to_owned()];
        let identities = vec![Identity::Name(nonce.to_owned())];
        Self { place: None, content: None, places, identities, self_test: true }
    }

    /// Every key, best first.
    pub(super) fn all(&self) -> impl Iterator<Item = Key> + '_ {
        self.identities.iter().flat_map(|identity| {
            self.places.iter().map(|place| Key { place: place.clone(), identity: identity.clone() })
        })
    }

    /// Whether both can be the same, of which a key is shared: what /proc told of both must agree.
    pub(super) fn agrees(&self, place: Option<&String>, content: Option<&Identity>) -> bool {
        fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        agree(self.place.as_ref(), place) && agree(self.content.as_ref(), content)
    }
}

fn is_content(identity: &Identity) -> bool {
    matches!(identity, Identity::Script(_) | Identity::Digest(_))
}

fn identities(process: &Process) -> Vec<Identity> {
    let image = &process.image;
    if let Some(digest) = &image.script_sha256 {
        // The interpreter's file says nothing of what it runs.
        return vec![Identity::Script(digest.clone())];
    }
    let name = image.path().or(image.comm.as_deref()).map(|name| Identity::Name(name.to_owned()));
    let mut all: Vec<_> = [
        image.exe_sha256.clone().map(Identity::Digest),
        image.exe_file.map(Identity::Stat),
        image.kernel_file.map(Identity::Kernel),
    ]
    .into_iter()
    .flatten()
    .collect();
    if all.is_empty() {
        all.extend(name.filter(|name| *name != Identity::Name(String::new())));
    }
    all
}

/// 16 hex digits of the SHA-256 over `parts`, each ended by a zero byte.
pub(crate) fn short_hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The id of an incident: the same recording gives the same id. `number` tells apart what was opened under one
/// key at one moment.
pub(super) fn incident_id(boot_id: &str, keys: &Keys, since: BootTime, number: u64) -> String {
    let key = keys.all().next();
    let (place, identity) = key.map(|key| (key.place, key.identity.to_string())).unwrap_or_default();
    short_hash(&["incident", boot_id, &place, &identity, &since.0.to_string(), &number.to_string()])
}
