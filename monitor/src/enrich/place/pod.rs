//! Kubernetes pods in cgroup paths.
//!
//! Owns how the kubelet names a pod's cgroup under both of its drivers. Must not know hierarchies or containers.

/// Longest uid: a UUID has 36 characters, a static pod's digest 32.
const UID: usize = 64;

/// The uid of the innermost pod of a path below a `kubepods`.
pub(super) fn uid(parts: &[&str]) -> Option<String> {
    let top = parts.iter().position(|part| part.contains("kubepods"))?;
    parts.iter().skip(top).rev().find_map(|part| slice(part).or_else(|| directory(part).map(str::to_owned)))
}

/// The cgroupfs driver's `pod<uid>`.
pub(super) fn directory(part: &str) -> Option<&str> {
    part.strip_prefix("pod").filter(|uid| fits(uid))
}

/// The systemd driver's `kubepods-burstable-pod<uid>.slice`, where dashes of the uid became underscores because a
/// dash separates slices; containerd puts `:cri-containerd:<id>` behind it when it does not know of systemd.
fn slice(part: &str) -> Option<String> {
    let name = part.split(':').next()?.strip_suffix(".slice")?;
    let (before, uid) = name.rsplit_once("-pod")?;
    (before.contains("kubepods") && fits(uid)).then(|| uid.replace('_', "-"))
}

fn fits(uid: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // No uid is a word: `podman` is no pod.
    (1..=UID).contains(&uid.len()) && uid.bytes().all(fits) && uid.bytes().any(|byte| byte.is_ascii_digit())
}
