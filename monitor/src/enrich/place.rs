//! Where a process runs, from the text of /proc/PID/cgroup.
//!
//! Owns the naming habits of systemd, container engines and LXC. Pure: must not know where the text came from.
//! A user to whom a cgroup was delegated chooses the names below it, so a place says where, never who.
use crate::event::Place;

/// Reads all lines (cgroup v1, hybrid or v2). Unit, session and container are the innermost of the first
/// hierarchy that has one: v2, then systemd's own, then the others in the kernel's order.
#[must_use]
pub fn place(cgroup_lines: &str) -> Place {
    let mut paths: Vec<(u8, &str)> = cgroup_lines.lines().filter_map(hierarchy).collect();
    paths.sort_by_key(|(rank, _)| *rank);
    let first =
        |find: fn(&str) -> Option<String>| paths.iter().find_map(|(_, path)| path.rsplit('/').find_map(find));
    Place {
        cgroup: most_specific(&paths).to_owned(),
        unit: first(unit),
        session: first(session),
        container: first(container).or_else(|| paths.iter().find_map(|(_, path)| lxc_directory(path))),
        ..Place::default()
    }
}

/// `number:controllers:path` as rank and path; a colon in the path is part of it.
fn hierarchy(line: &str) -> Option<(u8, &str)> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let rank = match (number, controllers) {
        ("0", "") => 0,
        (_, "name=systemd") => 1,
        _ => 2,
    };
    Some((rank, path.strip_suffix(" (deleted)").unwrap_or(path)))
}

/// The cgroup2 path; where that is the root (a hybrid host), the deepest of the others.
fn most_specific<'a>(paths: &[(u8, &'a str)]) -> &'a str {
    let depth = |path: &str| path.split('/').filter(|part| !part.is_empty()).count();
    let mut best = ("", None);
    for (rank, path) in paths {
        let depth = Some(depth(path));
        if depth > best.1 {
            best = (path, depth);
        }
        if *rank == 0 && depth > Some(0) {
            break;
        }
    }
    best.0
}

fn unit(part: &str) -> Option<String> {
    let stem = part.strip_suffix(".service").or_else(|| part.strip_suffix(".scope"))?;
    // systemd puts `_` before a name that the kernel's own files could be taken for.
    (!stem.is_empty()).then(|| part.strip_prefix('_').unwrap_or(part).to_owned())
}

fn session(part: &str) -> Option<String> {
    let id = part.strip_prefix("session-")?.strip_suffix(".scope")?;
    let fits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| id.to_owned())
}

fn container(part: &str) -> Option<String> {
    engine(part).or_else(|| machine(part)).or_else(|| lxc_part(part))
}

/// `<64 hex>`, `docker-<64 hex>.scope`, `cri-containerd-<64 hex>.scope`, `...slice:cri-containerd:<64 hex>`.
fn engine(part: &str) -> Option<String> {
    const ID: usize = 64;
    let stem = part.strip_suffix(".scope").unwrap_or(part);
    let (before, id) = stem.split_at_checked(stem.len().checked_sub(ID)?)?;
    let hex = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let apart = before.is_empty() || before.ends_with(['-', ':']);
    // conmon watches over a container from outside.
    (hex && apart && !before.ends_with("conmon-")).then(|| id.to_owned())
}

/// `machine-NAME.scope` and `systemd-nspawn@NAME.service`. A virtual machine (`machine-qemu-...`) is none.
fn machine(part: &str) -> Option<String> {
    let scope = part.strip_prefix("machine-").and_then(|rest| rest.strip_suffix(".scope"));
    let service = part.strip_prefix("systemd-nspawn@").and_then(|rest| rest.strip_suffix(".service"));
    let name = unescape(scope.or(service)?);
    (!name.is_empty() && !name.starts_with("qemu-")).then_some(name)
}

/// `lxc.payload.NAME`; its sibling `lxc.monitor.NAME` is outside of the container.
fn lxc_part(part: &str) -> Option<String> {
    part.strip_prefix("lxc.payload.").filter(|name| !name.is_empty()).map(str::to_owned)
}

/// `/lxc/NAME` and `/lxc.payload/NAME`.
fn lxc_directory(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip_while(|part| !matches!(*part, "lxc" | "lxc.payload")).skip(1);
    parts.next().filter(|name| !name.is_empty()).map(str::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f4b1d0c9e8a7766554433221100ffeeddccbbaa99887766554433221100abcd";
    const OTHER: &str = "00000d0c9e8a7766554433221100ffeeddccbbaa99887766554433221100abcd";

    /// Lines (`ID` and `OTHER` filled in), then cgroup, unit, session, container; `-` is none.
    const TABLE: &[(&str, [&str; 4])] = &[
        ("0::/", ["/", "-", "-", "-"]),
        ("0::/init.scope", ["/init.scope", "init.scope", "-", "-"]),
        ("0::/system.slice/ssh.service", ["/system.slice/ssh.service", "ssh.service", "-", "-"]),
        (
            "0::/system.slice/system-getty.slice/getty@tty1.service",
            ["/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "-", "-"],
        ),
        (
            "0::/user.slice/user-1000.slice/session-c3.scope",
            ["/user.slice/user-1000.slice/session-c3.scope", "session-c3.scope", "c3", "-"],
        ),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope",
            [
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope",
                "vte-spawn-1.scope",
                "-",
                "-",
            ],
        ),
        ("0::/user.slice", ["/user.slice", "-", "-", "-"]),
        ("0::/system.slice/docker-ID.scope", ["/system.slice/docker-ID.scope", "docker-ID.scope", "-", "ID"]),
        (
            "0::/system.slice/docker-ID.scope/system.slice/nginx.service",
            ["/system.slice/docker-ID.scope/system.slice/nginx.service", "nginx.service", "-", "ID"],
        ),
        (
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-ID.scope",
            [
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-ID.scope",
                "cri-containerd-ID.scope",
                "-",
                "ID",
            ],
        ),
        (
            "0::/kubepods.slice/kubepods-pod1.slice/crio-ID.scope/container",
            ["/kubepods.slice/kubepods-pod1.slice/crio-ID.scope/container", "crio-ID.scope", "-", "ID"],
        ),
        (
            "0::/kubepods.slice/kubepods-pod1.slice/crio-conmon-ID.scope",
            ["/kubepods.slice/kubepods-pod1.slice/crio-conmon-ID.scope", "crio-conmon-ID.scope", "-", "-"],
        ),
        ("0::/kubepods/besteffort/pod1-2/ID", ["/kubepods/besteffort/pod1-2/ID", "-", "-", "ID"]),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            [
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
                "libpod-ID.scope",
                "-",
                "ID",
            ],
        ),
        (
            "12:pids:/docker/ID\n3:cpu,cpuacct:/docker/ID\n1:name=systemd:/docker/ID\n0::/system.slice/containerd.service",
            ["/system.slice/containerd.service", "containerd.service", "-", "ID"],
        ),
        (
            "4:memory:/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID\n0::/",
            [
                "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID",
                "containerd.service",
                "-",
                "ID",
            ],
        ),
        ("3:cpu:/ecs/task1/ID", ["/ecs/task1/ID", "-", "-", "ID"]),
        ("0::/docker/OTHER/docker/ID", ["/docker/OTHER/docker/ID", "-", "-", "ID"]),
        (
            "10:memory:/user.slice/user-0.slice/session-4.scope\n1:name=systemd:/user.slice/user-0.slice/session-4.scope\n0::/user.slice/user-0.slice/session-4.scope",
            ["/user.slice/user-0.slice/session-4.scope", "session-4.scope", "4", "-"],
        ),
        ("9:name=systemd:/\n8:pids:/\n4:memory:/agents/fce9\n1:cpu:/\n0::/", ["/agents/fce9", "-", "-", "-"]),
        ("0::/lxc/web1", ["/lxc/web1", "-", "-", "web1"]),
        (
            "0::/lxc/100/ns/system.slice/cron.service",
            ["/lxc/100/ns/system.slice/cron.service", "cron.service", "-", "100"],
        ),
        ("0::/lxc.payload.web1/init.scope", ["/lxc.payload.web1/init.scope", "init.scope", "-", "web1"]),
        ("0::/lxc.payload/web1", ["/lxc.payload/web1", "-", "-", "web1"]),
        ("0::/lxc.monitor.web1", ["/lxc.monitor.web1", "-", "-", "-"]),
        (
            "0::/machine.slice/machine-my\\x2dbox.scope/payload",
            ["/machine.slice/machine-my\\x2dbox.scope/payload", "machine-my\\x2dbox.scope", "-", "my-box"],
        ),
        (
            "0::/machine.slice/systemd-nspawn@web.service/payload/system.slice/x.service",
            [
                "/machine.slice/systemd-nspawn@web.service/payload/system.slice/x.service",
                "x.service",
                "-",
                "web",
            ],
        ),
        (
            "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
            [
                "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
                "machine-qemu\\x2d1\\x2dvm.scope",
                "-",
                "-",
            ],
        ),
        ("0::/system.slice/gone.service (deleted)", ["/system.slice/gone.service", "gone.service", "-", "-"]),
        ("0::/system.slice/_cpu.service", ["/system.slice/_cpu.service", "cpu.service", "-", "-"]),
        ("0::/../../a b:c/x.service", ["/../../a b:c/x.service", "x.service", "-", "-"]),
        (
            "0::/.service/.scope/session-.scope",
            ["/.service/.scope/session-.scope", "session-.scope", "-", "-"],
        ),
        (
            "0::/machine-\\xff\\xzz\\x.scope",
            ["/machine-\\xff\\xzz\\x.scope", "machine-\\xff\\xzz\\x.scope", "-", "\\xff\\xzz\\x"],
        ),
        ("", ["", "-", "-", "-"]),
        ("garbage\n1:2", ["", "-", "-", "-"]),
    ];

    #[test]
    fn reads_lines_of_real_hosts() {
        for (lines, [cgroup, unit, session, container]) in TABLE {
            let fill = |text: &str| text.replace("ID", ID).replace("OTHER", OTHER);
            let some = |text: &str| (text != "-").then(|| fill(text));
            let expected = Place {
                cgroup: fill(cgroup),
                unit: some(unit),
                session: some(session),
                container: some(container),
                ..Place::default()
            };
            assert_eq!(place(&fill(lines)), expected, "{lines}");
        }
    }

    #[test]
    fn an_id_has_64_hexadecimal_digits() {
        for bad in
            [&ID[1..], &format!("{ID}0"), &ID.to_uppercase(), &format!("x{ID}"), &ID.replace('a', "g"), "é"]
        {
            assert_eq!(place(&format!("0::/docker/{bad}")).container, None, "{bad}");
        }
    }

    #[test]
    fn the_key_is_the_container_then_the_unit_then_the_path() {
        assert_eq!(place(&format!("0::/system.slice/docker-{ID}.scope/a.service")).key(), ID);
        assert_eq!(place("0::/system.slice/a.service").key(), "a.service");
        assert_eq!(place("0::/x").key(), "/x");
    }
}
