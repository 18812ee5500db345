//! The shipped Kubernetes manifests, and the same as arguments of `docker run`.
//!
//! Owns the reading of what a container's sandbox is made of, so that a test runs the image as a node would. What is
//! not understood is an error: a new line of the manifest cannot go untested unseen.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::docker;

/// The manifests.
pub const MANIFEST: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../monitor/assets/kubernetes/minewarden.yaml");
/// What the image is made by.
pub const CONTAINERFILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../monitor/assets/kubernetes/Containerfile");

/// Every document of the manifests.
#[derive(Debug)]
pub struct Manifests(Vec<Value>);

/// The template's pod.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    #[serde(default, rename = "hostPID")]
    host_pid: bool,
    #[serde(default)]
    host_network: bool,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
}

/// The agent's container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name and tag.
    pub image: String,
    args: Vec<String>,
    security_context: Security,
    resources: Resources,
    volume_mounts: Vec<Mount>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Security {
    privileged: bool,
    run_as_user: u32,
    run_as_group: u32,
    allow_privilege_escalation: bool,
    read_only_root_filesystem: bool,
    capabilities: Capabilities,
    seccomp_profile: Typed,
    app_armor_profile: Typed,
    se_linux_options: Typed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Capabilities {
    drop: Vec<String>,
    add: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Resources {
    limits: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mount {
    name: String,
    mount_path: String,
    read_only: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    name: String,
    host_path: Option<HostPath>,
    config_map: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct HostPath {
    path: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

impl Manifests {
    /// Reads them.
    ///
    /// # Errors
    /// When the file is no YAML.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(MANIFEST).context(MANIFEST)?;
        let documents = serde_yaml_ng::Deserializer::from_str(&text).map(Value::deserialize);
        Ok(Self(documents.collect::<Result<_, _>>().context(MANIFEST)?))
    }

    /// The kinds of the documents, in order.
    #[must_use]
    pub fn kinds(&self) -> Vec<&str> {
        self.0.iter().filter_map(|document| document.get("kind")?.as_str()).collect()
    }

    /// The document of this kind.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(&self, kind: &str) -> Result<&Value> {
        let found = self.0.iter().find(|document| document.get("kind").and_then(Value::as_str) == Some(kind));
        found.with_context(|| format!("{MANIFEST}: no {kind}"))
    }

    /// The pod of the DaemonSet.
    ///
    /// # Errors
    /// When something of it is not as this module knows it.
    pub fn pod(&self) -> Result<Pod> {
        let spec = ["spec", "template", "spec"]
            .iter()
            .try_fold(self.of("DaemonSet")?, |value, key| value.get(key))
            .context("no pod in the DaemonSet")?;
        serde_yaml_ng::from_value(spec.clone()).context("the DaemonSet's pod")
    }

    /// Files of the ConfigMap.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn files(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let map = self.of("ConfigMap")?;
        let named = map.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
        ensure!(named == Some(name), "no ConfigMap {name}");
        serde_yaml_ng::from_value(map.get("data").context("a ConfigMap without data")?.clone())
            .context("the ConfigMap's data")
    }
}

impl Pod {
    /// The agent's container.
    ///
    /// # Errors
    /// When it is not the only one.
    pub fn container(&self) -> Result<&Container> {
        let [container] = self.containers.as_slice() else { bail!("not one container") };
        Ok(container)
    }

    /// Capabilities that it adds to none.
    ///
    /// # Errors
    /// When it does not drop all first.
    pub fn capabilities(&self) -> Result<&[String]> {
        let capabilities = &self.container()?.security_context.capabilities;
        ensure!(capabilities.drop == ["ALL"], "not all capabilities are dropped");
        Ok(&capabilities.add)
    }

    /// The same as a set of bits.
    ///
    /// # Errors
    /// The same, and when one is not known here.
    pub fn capability_bits(&self) -> Result<u64> {
        self.capabilities()?.iter().try_fold(0, |bits, name| Ok(bits | capability(name)?))
    }

    /// The arguments of `docker run` that come before and after the image's name, with the files of the ConfigMap below
    /// `folder`.
    ///
    /// # Errors
    /// When something of it cannot be said so, or a file not be written.
    pub fn arguments(&self, manifests: &Manifests, folder: &Path) -> Result<(Vec<String>, Vec<String>)> {
        let Container { args, resources, volume_mounts, .. } = self.container()?;
        ensure!(self.host_pid && !self.host_network, "not the host's pids, or the host's network");
        // A pod has a cgroup namespace of its own wherever the node has cgroup2.
        let mut before: Vec<String> =
            ["--pid=host", "--network=none", "--cgroupns=private"].map(String::from).into();
        before.extend(self.container()?.security_context.arguments()?);
        // Not by `--cap-add`: see `runtime.py`.
        // Root of a virtual machine may lack one, and cannot hand it on.
        let held = capability_set("self", "CapBnd")?;
        let mut capabilities = Vec::new();
        for name in self.capabilities()? {
            if held & capability(name)? != 0 {
                capabilities.push(format!("CAP_{name}"));
            }
        }
        before.push(format!("--runtime={}", docker::RUNTIME));
        before.push(format!("--env={}={}", docker::CAPABILITIES, capabilities.join(",")));
        let memory = resources.limits.get("memory").context("no limit on memory")?;
        before.push(format!(
            "--memory={}",
            memory.strip_suffix('i').context("memory not in Mi")?.to_lowercase()
        ));
        for mount in volume_mounts {
            let volume = self.volumes.iter().find(|volume| volume.name == mount.name);
            let source =
                volume.with_context(|| format!("no volume {}", mount.name))?.source(manifests, folder)?;
            let option = if mount.read_only { ",readonly" } else { "" };
            let at = &mount.mount_path;
            before.push(format!("--mount=type=bind,source={},target={at}{option}", source.display()));
        }
        Ok((before, args.clone()))
    }
}

impl Security {
    fn arguments(&self) -> Result<Vec<String>> {
        ensure!(!self.privileged && !self.allow_privilege_escalation, "more privileges than are listed");
        ensure!(self.read_only_root_filesystem, "the root file system can be written");
        ensure!(self.se_linux_options.kind == "spc_t", "SELinux: {}", self.se_linux_options.kind);
        let profiles = [("seccomp", &self.seccomp_profile), ("apparmor", &self.app_armor_profile)];
        let mut arguments = vec![
            format!("--user={}:{}", self.run_as_user, self.run_as_group),
            "--read-only".to_owned(),
            "--cap-drop=ALL".to_owned(),
            "--security-opt=no-new-privileges".to_owned(),
        ];
        for (what, profile) in profiles {
            ensure!(profile.kind == "Unconfined", "{what}: {}", profile.kind);
            arguments.push(format!("--security-opt={what}=unconfined"));
        }
        Ok(arguments)
    }
}

impl Volume {
    fn source(&self, manifests: &Manifests, folder: &Path) -> Result<PathBuf> {
        match (&self.host_path, &self.config_map) {
            (Some(host), None) => Ok(PathBuf::from(&host.path)),
            (None, Some(map)) => {
                let folder = folder.join(&self.name);
                fs::create_dir_all(&folder)?;
                for (name, text) in manifests.files(&map.name)? {
                    fs::write(folder.join(name), text)?;
                }
                Ok(folder)
            }
            _ => bail!("volume {}: neither the host's nor a ConfigMap", self.name),
        }
    }
}

/// One capability's bit, by the numbers of include/uapi/linux/capability.h.
fn capability(name: &str) -> Result<u64> {
    let number = match name {
        "DAC_READ_SEARCH" => 2,
        "NET_ADMIN" => 12,
        "SYS_PTRACE" => 19,
        "SYS_RESOURCE" => 24,
        "PERFMON" => 38,
        "BPF" => 39,
        other => bail!("{other}: a capability that is not known here"),
    };
    Ok(1 << number)
}

/// A set of capabilities of a process, as /proc/PID/status has it.
///
/// # Errors
/// When there is no such process, or no such line.
pub fn capability_set(pid: &str, which: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
    Ok(u64::from_str_radix(line.with_context(|| which.to_owned())?.trim(), 16)?)
}
