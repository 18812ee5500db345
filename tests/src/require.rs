//! What a live test needs of the host, and what happens where it is missing: it says why, and it fails when
//! `MINEWARDEN_REQUIRE_LIVE=1` says that this host has to be able to. With `MINEWARDEN_REQUIRE_LIVE=kernel`, for a
//! virtual machine that has a kernel and little else, it fails only for want of what is the kernel's.
use std::{env, fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{agent, cgroup, collector, docker, journald, prometheus};

/// Something a live test cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Root with the capabilities that loading kernel programs takes.
    Root,
    /// The kernel's own types.
    Btf,
    /// A cgroup2 mount.
    Cgroup2,
    /// The agent's binary.
    Agent,
    /// A Python 3 interpreter.
    Python,
    /// A journald that runs, or can be started.
    Journald,
    /// `unshare` and `ip`, for network namespaces.
    NetTools,
    /// File systems in user space, for one that hangs.
    Fuse,
    /// systemd's own checks of a unit.
    SystemdAnalyze,
    /// A tracer of system calls.
    Strace,
    /// Docker's daemon and client; `MINEWARDEN_REQUIRE_DOCKER=1` says that this host has to have them.
    Docker,
    /// nginx, systemd-journal-remote and -upload, openssl; `MINEWARDEN_REQUIRE_COLLECTOR=1` likewise.
    Collector,
    /// Prometheus, promtool and Alertmanager; `MINEWARDEN_REQUIRE_PROMETHEUS=1` likewise.
    Prometheus,
}

/// What every live test needs.
pub const LIVE: [Need; 6] = [Need::Root, Need::Btf, Need::Cgroup2, Need::Agent, Need::Python, Need::Journald];

/// What those need that are to run where there is nothing but a kernel.
pub const BARE: [Need; 4] = [Need::Root, Need::Btf, Need::Cgroup2, Need::Agent];

impl Need {
    /// The settings, variable and value, that forbid to go on without it.
    const fn forbids(self) -> &'static [(&'static str, &'static str)] {
        const ALL: (&str, &str) = ("MINEWARDEN_REQUIRE_LIVE", "1");
        match self {
            Self::Docker => &[("MINEWARDEN_REQUIRE_DOCKER", "1")],
            Self::Collector => &[("MINEWARDEN_REQUIRE_COLLECTOR", "1")],
            Self::Prometheus => &[("MINEWARDEN_REQUIRE_PROMETHEUS", "1")],
            Self::Root | Self::Btf | Self::Cgroup2 | Self::Agent => {
                &[ALL, ("MINEWARDEN_REQUIRE_LIVE", "kernel")]
            }
            _ => &[ALL],
        }
    }

    /// Why the need is not met, one line; `None` when it is.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        match self {
            Self::Root => no_privilege(),
            Self::Btf => no_file("/sys/kernel/btf/vmlinux", "the kernel tells no BTF"),
            Self::Cgroup2 => cgroup::mount_point().is_none().then(|| "no cgroup2 is mounted".to_owned()),
            Self::Agent => agent::binary().err().map(|error| error.to_string()),
            Self::Python => no_command("python3", "--version"),
            Self::Journald => journald::missing(),
            Self::SystemdAnalyze => no_command("systemd-analyze", "--version"),
            Self::Strace => no_command("strace", "--version"),
            Self::Docker => docker::missing(),
            Self::Collector => collector::missing(),
            Self::Prometheus => prometheus::missing(),
            Self::Fuse => no_fuse().or_else(|| no_command("nsenter", "--version")),
            Self::NetTools => no_command("unshare", "--version").or_else(|| no_command("ip", "-Version")),
        }
    }
}

fn no_file(path: &str, why: &str) -> Option<String> {
    (!Path::new(path).exists()).then(|| format!("{why} ({path} is missing)"))
}

fn no_command(name: &str, argument: &str) -> Option<String> {
    let works = Command::new(name).arg(argument).output().is_ok_and(|output| output.status.success());
    (!works).then(|| format!("`{name} {argument}` does not work on this host"))
}

/// The device opens only where the kernel has the file system.
fn no_fuse() -> Option<String> {
    let opened = fs::File::options().read(true).write(true).open("/dev/fuse");
    opened.err().map(|error| format!("no file systems in user space (/dev/fuse: {error})"))
}

/// `CAP_SYS_ADMIN` of linux/capability.h, which the older kernels that we support ask for where newer ones ask
/// for `CAP_BPF`; a root that lacks it is a container's.
const CAP_SYS_ADMIN: u64 = 21;

fn no_privilege() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    (bits >> CAP_SYS_ADMIN & 1 == 0).then(|| "root without CAP_SYS_ADMIN".to_owned())
}

/// Why `test` cannot run here; `None` when it can.
///
/// # Errors
/// When it cannot, and `MINEWARDEN_REQUIRE_LIVE=1` (for Docker: `MINEWARDEN_REQUIRE_DOCKER=1`, and so on) says that it has to.
pub fn reason_to_skip(test: &str, needs: &[Need]) -> Result<Option<String>> {
    let missing = needs.iter().find_map(|need| Some((need.missing()?, need.forbids())));
    may_skip(|variable, wanted| env::var(variable).is_ok_and(|value| value == wanted), test, missing)
}

fn may_skip(
    is: impl Fn(&str, &str) -> bool,
    test: &str,
    missing: Option<(String, &[(&str, &str)])>,
) -> Result<Option<String>> {
    let Some((why, forbids)) = missing else { return Ok(None) };
    if let Some((variable, value)) = forbids.iter().find(|(variable, value)| is(variable, value)) {
        bail!("{test} cannot run here: {why} ({variable}={value} forbids to skip it)")
    }
    Ok(Some(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_becomes_a_failure_where_it_is_forbidden() {
        let missing = |need: Need| Some(("not here".to_owned(), need.forbids()));
        let why = Some("not here".to_owned());
        assert_eq!(may_skip(|_, _| false, "a test", missing(Need::Root)).unwrap(), why);
        assert_eq!(may_skip(|_, _| true, "a test", None).unwrap(), None);
        let error = may_skip(|_, _| true, "a test", missing(Need::Root)).unwrap_err().to_string();
        assert!(error.contains("a test") && error.contains("not here"), "{error}");
        let live = |variable: &str, value: &str| variable == "MINEWARDEN_REQUIRE_LIVE" && value == "1";
        assert_eq!(may_skip(live, "a test", missing(Need::Docker)).unwrap(), why);
        assert!(may_skip(live, "a test", missing(Need::Python)).is_err());
        let kernel = |_: &str, value: &str| value == "kernel";
        assert_eq!(may_skip(kernel, "a test", missing(Need::Python)).unwrap(), why);
        assert!(may_skip(kernel, "a test", missing(Need::Btf)).is_err());
    }

    #[test]
    fn names_what_is_missing() {
        assert!(
            no_command("minewarden-no-such-program", "-x").unwrap().contains("minewarden-no-such-program")
        );
        assert!(no_file("/no/such/file", "why").unwrap().contains("/no/such/file"));
        assert_eq!(no_file("/proc/self/status", "why"), None);
    }
}
