//! Docker's own record of a container.
//!
//! Owns the parts of `config.v2.json` (moby, container/container.go) and `daemon.json` (dockerd(8)) that are used. Must
//! not know how files are opened.
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::state::State;
use crate::event::Container;

/// Where Docker keeps its data when nobody told: packages, Ubuntu's snap.
const ROOTS: [&str; 2] = ["/var/lib/docker", "/var/snap/docker/common/var-lib-docker"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(rename = "ID")]
    id: String,
    name: Option<String>,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: Option<String>,
    labels: Option<Labels>,
}

/// What the kubelet tells Docker.
#[derive(Default, Deserialize)]
struct Labels {
    #[serde(rename = "io.kubernetes.container.name")]
    container: Option<String>,
    #[serde(rename = "io.kubernetes.pod.name")]
    pod: Option<String>,
    #[serde(rename = "io.kubernetes.pod.namespace")]
    namespace: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Daemon {
    data_root: Option<String>,
    /// `data-root` before Docker 17.05.
    graph: Option<String>,
    userns_remap: Option<String>,
}

/// What a container's folder says of it.
pub(super) fn read(state: &State<'_>, folder: &Path, id: &str) -> Option<Container> {
    state.parse(&folder.join("config.v2.json"), |content| {
        let record: Record = serde_json::from_slice(content).ok()?;
        (record.id == id).then(|| describe(record))
    })
}

fn describe(record: Record) -> Container {
    let (image, labels) = record.config.map(|config| (config.image, config.labels)).unwrap_or_default();
    let labels = labels.unwrap_or_default();
    let name = record.name.map(|name| name.strip_prefix('/').unwrap_or(&name).to_owned());
    Container {
        engine: "docker".to_owned(),
        name: labels.container.or(name).filter(|name| !name.is_empty()),
        image: image.filter(|image| !image.is_empty()),
        pod: labels.pod,
        namespace: labels.namespace,
    }
}

/// Folders that may hold Docker's data, the configured one first.
pub(super) fn roots(daemon_json: &[u8]) -> Vec<PathBuf> {
    let daemon = parse(daemon_json);
    let told = daemon.data_root.or(daemon.graph).filter(|root| root.starts_with('/'));
    told.iter().map(String::as_str).chain(ROOTS).map(PathBuf::from).collect()
}

/// Whether the data is one folder deeper, named after the users that containers have.
pub(super) fn remaps(daemon_json: &[u8]) -> bool {
    parse(daemon_json).userns_remap.is_some_and(|users| !users.is_empty())
}

/// `165536.165536`.
pub(super) fn is_remapped(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('.').is_some_and(|(uid, gid)| digits(uid) && digits(gid))
}

fn parse(daemon_json: &[u8]) -> Daemon {
    serde_json::from_slice(daemon_json).unwrap_or_default()
}
