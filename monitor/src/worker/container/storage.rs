//! The folder that Podman and CRI-O share.
//!
//! Owns the parts of containers/storage's list of containers that are used, and of the bundle beside it. Must not know
//! how files are opened.
use std::path::Path;

use serde::Deserialize;

use super::{oci, state::State};
use crate::event::Container;

/// The folder is named after the storage driver.
const DRIVERS: [&str; 3] = ["overlay", "vfs", "btrfs"];
/// Containers that outlive a boot, and those of `--rm`.
const LISTS: [&str; 2] = ["containers.json", "volatile-containers.json"];

#[derive(Deserialize)]
struct Entry {
    id: String,
    names: Option<Vec<String>>,
    metadata: Option<String>,
}

/// JSON in a string, as libpod writes it (libpod/storage.go, `RuntimeContainerMetadata`).
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    name: Option<String>,
    image_name: Option<String>,
}

/// What a storage's folder says of a container.
pub(super) fn read(state: &State<'_>, storage: &Path, id: &str) -> Option<Container> {
    DRIVERS.iter().find_map(|driver| {
        let folder = storage.join(format!("{driver}-containers"));
        beside(state, &folder, &folder.join(id).join("userdata"), id)
    })
}

/// The same, where the bundle is known.
pub(super) fn beside(state: &State<'_>, folder: &Path, bundle: &Path, id: &str) -> Option<Container> {
    oci::read(state, bundle).or_else(|| LISTS.iter().find_map(|list| listed(state, &folder.join(list), id)))
}

fn listed(state: &State<'_>, list: &Path, id: &str) -> Option<Container> {
    let entries: Vec<Entry> = state.parse(list, |content| serde_json::from_slice(content).ok())?;
    let entry = entries.into_iter().find(|entry| entry.id == id)?;
    let metadata = entry.metadata.and_then(|text| serde_json::from_str::<Metadata>(&text).ok());
    let metadata = metadata.unwrap_or_default();
    let name = entry.names.unwrap_or_default().into_iter().next().or(metadata.name);
    Some(Container {
        engine: "podman".to_owned(),
        name,
        image: metadata.image_name.filter(|image| !image.is_empty()),
        ..Container::default()
    })
}
