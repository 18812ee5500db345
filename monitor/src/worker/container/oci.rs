//! The configuration of an OCI bundle.
//!
//! Owns the annotations that containerd's CRI plugin (pkg/cri/annotations), CRI-O (pkg/annotations) and nerdctl
//! (pkg/labels) put into its `config.json`, and how Docker's folder is told by its mounts. Must not know how files are
//! opened.
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{docker, state::State};
use crate::event::Container;

#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    annotations: Option<Annotations>,
    #[serde(default)]
    mounts: Option<Vec<Mount>>,
}

#[derive(Deserialize)]
struct Mount {
    source: Option<String>,
}

#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(rename = "io.kubernetes.cri.container-name")]
    cri_name: Option<String>,
    #[serde(rename = "io.kubernetes.cri.image-name")]
    cri_image: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-name")]
    cri_pod: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-namespace")]
    cri_namespace: Option<String>,
    #[serde(rename = "io.kubernetes.cri.container-type")]
    cri_type: Option<String>,
    #[serde(rename = "io.kubernetes.container.name")]
    name: Option<String>,
    #[serde(rename = "io.kubernetes.pod.name")]
    pod: Option<String>,
    #[serde(rename = "io.kubernetes.pod.namespace")]
    namespace: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ContainerID")]
    crio: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ImageName")]
    crio_image: Option<String>,
    /// What the user asked for; newer versions have it, as a name or a digest.
    #[serde(rename = "io.kubernetes.cri-o.UserRequestedImage")]
    crio_asked: Option<String>,
    #[serde(rename = "nerdctl/name")]
    nerdctl: Option<String>,
}

/// What a bundle's folder says of its container.
pub(super) fn read(state: &State<'_>, bundle: &Path) -> Option<Container> {
    let id = bundle.iter().rev().filter_map(|part| part.to_str()).find(|part| *part != "userdata")?;
    let told: Bundle =
        state.parse(&bundle.join("config.json"), |content| serde_json::from_slice(content).ok())?;
    let annotations = told.annotations.unwrap_or_default();
    let sources = told.mounts.unwrap_or_default().into_iter().filter_map(|mount| mount.source);
    cri(&annotations)
        .or_else(|| crio(&annotations))
        .or_else(|| docker_folder(sources, id).and_then(|folder| docker::read(state, &folder, id)))
        .or_else(|| nerdctl(annotations))
}

fn cri(told: &Annotations) -> Option<Container> {
    told.cri_type.as_ref()?;
    Some(Container {
        engine: "containerd".to_owned(),
        name: told.cri_name.clone(),
        image: told.cri_image.clone(),
        pod: told.cri_pod.clone(),
        namespace: told.cri_namespace.clone(),
    })
}

fn crio(told: &Annotations) -> Option<Container> {
    told.crio.as_ref()?;
    Some(Container {
        engine: "cri-o".to_owned(),
        name: told.name.clone(),
        image: told.crio_asked.clone().or_else(|| told.crio_image.clone()),
        pod: told.pod.clone(),
        namespace: told.namespace.clone(),
    })
}

fn nerdctl(told: Annotations) -> Option<Container> {
    let name = Some(told.nerdctl?);
    Some(Container { engine: "containerd".to_owned(), name, ..Container::default() })
}

/// Docker mounts `<data-root>/containers/<id>/hostname` and its kin into every container.
fn docker_folder(mut sources: impl Iterator<Item = String>, id: &str) -> Option<PathBuf> {
    let end = format!("/containers/{id}");
    sources.find_map(|source| {
        let (folder, file) = source.rsplit_once('/')?;
        let own = matches!(file, "hostname" | "hosts" | "resolv.conf") && folder.ends_with(&end);
        own.then(|| PathBuf::from(folder))
    })
}
