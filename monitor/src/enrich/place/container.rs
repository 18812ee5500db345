//! Containers in cgroup paths.
//!
//! Owns how each engine names the cgroup of a container. Must not know hierarchies or an engine's files.

/// Who runs a container, as far as its cgroup's name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Engine {
    /// `docker-ID.scope`, `/docker/ID`.
    Docker,
    /// `libpod-ID.scope`, `/libpod_parent/libpod-ID`.
    Podman,
    /// `cri-containerd-ID.scope`, `...slice:cri-containerd:ID`.
    Containerd,
    /// `crio-ID.scope`.
    CriO,
    /// `machine-NAME.scope`, `systemd-nspawn@NAME.service`.
    Nspawn,
    /// `lxc.payload.NAME`, `/lxc/NAME`: LXC, LXD, Incus, Proxmox.
    Lxc,
    /// `/garden/HANDLE`: Cloud Foundry.
    Garden,
    /// `/ecs/TASK/ID`, `/ecs/TASK-NUMBER`.
    Ecs,
    /// `/docker/buildkit/ID`: a step of an image's build.
    BuildKit,
    /// The name is an id alone.
    Unknown,
}

/// How a path names a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// 64 hexadecimal digits.
    Id(String),
    /// Anything else.
    Name(String),
}

impl Named {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Name(text) => text,
        }
    }
}

/// What a path tells of its innermost container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lead {
    /// Who runs it.
    pub(crate) engine: Engine,
    pub(super) named: Named,
    /// The user below whose `user@UID.service` it is: that user chose its name, and nothing but the user's own
    /// state may be believed of it.
    pub(crate) user: Option<u32>,
}

/// Digits of an id.
const ID: usize = 64;
/// Longest name that is taken for one: systemd's machine names have at most 64 bytes, LXC's are shorter than a file
/// name.
const NAME: usize = 128;

/// The innermost container of a path.
pub(super) fn lead(parts: &[&str]) -> Option<Lead> {
    let of_part = || parts.iter().enumerate().rev().find_map(|(at, part)| of_part(parts, at, part));
    let (engine, named) = of_part().or_else(|| lxc_directory(parts))?;
    Some(Lead { engine, named, user: manager(parts) })
}

fn of_part(parts: &[&str], at: usize, part: &str) -> Option<(Engine, Named)> {
    let above = |up: usize| at.checked_sub(up).and_then(|at| parts.get(at)).copied().unwrap_or_default();
    engine(part, above(1))
        .or_else(|| machine(part).map(|name| (Engine::Nspawn, Named::Name(name))))
        .or_else(|| named(part.strip_prefix("lxc.payload.")?).map(|name| (Engine::Lxc, name)))
        .or_else(|| below(part, above(1), above(2)))
}

/// `<64 hex>`, `docker-<64 hex>.scope`, `...slice:cri-containerd:<64 hex>`.
fn engine(part: &str, above: &str) -> Option<(Engine, Named)> {
    let stem = part.strip_suffix(".scope").unwrap_or(part);
    let (before, id) = stem.split_at_checked(stem.len().checked_sub(ID)?)?;
    let hex = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let apart = before.is_empty() || before.ends_with(['-', ':']);
    // conmon watches over a container from outside.
    if !hex || !apart || before.ends_with("conmon-") {
        return None;
    }
    let engine = match before.trim_end_matches(['-', ':']) {
        "docker" => Engine::Docker,
        "libpod" => Engine::Podman,
        "crio" => Engine::CriO,
        "" if above == "docker" => Engine::Docker,
        before if before.ends_with("cri-containerd") => Engine::Containerd,
        _ => Engine::Unknown,
    };
    Some((engine, Named::Id(id.to_owned())))
}

/// `machine-NAME.scope` and `systemd-nspawn@NAME.service`. A virtual machine (`machine-qemu-...`) is none.
fn machine(part: &str) -> Option<String> {
    let scope = part.strip_prefix("machine-").and_then(|rest| rest.strip_suffix(".scope"));
    let service = part.strip_prefix("systemd-nspawn@").and_then(|rest| rest.strip_suffix(".service"));
    let name = unescape(scope.or(service)?);
    (!name.is_empty() && !name.starts_with("qemu-")).then_some(name)
}

/// Names that are told by the folder they are in: a handle of Garden, an id of ECS on Fargate, a step of BuildKit, and
/// a container that a pod's runtime named by a UUID.
fn below(part: &str, above: &str, higher: &str) -> Option<(Engine, Named)> {
    let engine = match above {
        "garden" if handle(part) => Engine::Garden,
        _ if (above == "ecs" || higher == "ecs") && task(part) => Engine::Ecs,
        "buildkit" if handle(part) => Engine::BuildKit,
        _ if super::pod::directory(above).is_some() && uuid(part) => Engine::Unknown,
        _ => return None,
    };
    Some((engine, Named::Name(part.to_owned())))
}

/// Letters, digits and dashes, at least 20: Garden's `6f265890-5165-7fab-6b52-18d1`, BuildKit's
/// `n4eu0udvbz9vfzjy71jkvgkwh`.
fn handle(part: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (20..=64).contains(&part.len()) && part.bytes().all(fits)
}

/// Fargate's `<32 hex>-<number>`.
fn task(part: &str) -> bool {
    let Some((id, number)) = part.split_once('-') else { return false };
    let hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn uuid(part: &str) -> bool {
    let groups = part.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// `/lxc/NAME` and `/lxc.payload/NAME`; its sibling `lxc.monitor` is outside of the container.
fn lxc_directory(parts: &[&str]) -> Option<(Engine, Named)> {
    let mut rest = parts.iter().skip_while(|part| !matches!(**part, "lxc" | "lxc.payload")).skip(1);
    Some((Engine::Lxc, named(rest.next()?)?))
}

fn named(name: &str) -> Option<Named> {
    (1..=NAME).contains(&name.len()).then(|| Named::Name(name.to_owned()))
}

/// The user whose service manager the path is below; root's word is the system's.
fn manager(parts: &[&str]) -> Option<u32> {
    let uid = |part: &&str| part.strip_prefix("user@")?.strip_suffix(".service")?.parse().ok();
    parts.iter().find_map(uid).filter(|uid| *uid != 0)
}

/// Undoes systemd's `\xHH`; what is no UTF-8 then is left escaped.
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(b"\\x"),
        }
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}
