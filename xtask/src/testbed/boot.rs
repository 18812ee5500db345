//! Becomes a guest's systemd-nspawn: the last steps of a start, in a process and a mount namespace that nothing else
//! uses, so that its mounts go when it ends.
use std::{
    ffi::{CString, OsString},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Error, Result, ensure};
use rustix::{
    mount::{MountFlags, mount},
    process::setsid,
};

use super::{cgroup::Cgroup, lab};
use crate::exec;

/// What one guest is started with. `testbed::guest` starts this program with it.
#[derive(clap::Args)]
pub(crate) struct Boot {
    /// The root tree, which stays as it is.
    #[arg(long)]
    tree: PathBuf,
    /// The guest's own folder.
    #[arg(long)]
    folder: PathBuf,
    /// Name for systemd-nspawn and of the cgroups.
    #[arg(long)]
    machine: String,
    /// Host name.
    #[arg(long)]
    hostname: String,
    /// May load eBPF programs.
    #[arg(long)]
    bpf: bool,
}

impl Boot {
    /// The arguments that give this again.
    pub(super) fn arguments(
        tree: &Path,
        folder: &Path,
        machine: &str,
        hostname: &str,
        bpf: bool,
    ) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            vec!["--tree".into(), tree.into(), "--folder".into(), folder.into()];
        arguments.extend(["--machine", machine, "--hostname", hostname].map(OsString::from));
        arguments.extend(bpf.then(|| OsString::from("--bpf")));
        arguments
    }
}

/// Returns only on failure.
pub(crate) fn run(boot: &Boot) -> Result<()> {
    // A Ctrl-C at the terminal is not for the guests.
    setsid().context("cannot start a session")?;
    Cgroup::named(&boot.machine)?.enter()?;
    overlay(boot)?;
    Err(become_nspawn(boot))
}

/// The tree below, the guest's own changes above.
fn overlay(boot: &Boot) -> Result<()> {
    let path = |name: &str| boot.folder.join(name);
    let mut options = b"lowerdir=".to_vec();
    for (option, folder) in [("", &boot.tree), (",upperdir=", &path("up")), (",workdir=", &path("work"))] {
        let bytes = folder.as_os_str().as_bytes();
        let odd = bytes.iter().any(|byte| b",:\\".contains(byte));
        ensure!(!odd, "{}: overlayfs takes no path with a comma, colon or backslash", folder.display());
        options.extend_from_slice(option.as_bytes());
        options.extend_from_slice(bytes);
    }
    let options = CString::new(options)?;
    mount("overlay", path("root"), "overlay", MountFlags::empty(), options.as_c_str())
        .with_context(|| format!("cannot lay {} over {}", path("up").display(), boot.tree.display()))?;
    if boot.bpf {
        // A bpffs of its own: what a guest pins, no other sees, and it goes with the namespace.
        mount("bpf", path("bpf"), "bpf", MountFlags::empty(), None).context("cannot mount a bpffs")?;
    }
    Ok(())
}

fn become_nspawn(boot: &Boot) -> Error {
    let mut command = Command::new("systemd-nspawn");
    command
        // The guest sees cgroup2 alone, also where this host has both (the second name is systemd's older one).
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        .env("UNIFIED_CGROUP_HIERARCHY", "1")
        .args(["--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no", "--console=pipe"])
        .args(["--resolv-conf=off", "--timezone=off", "--link-journal=no", "--kill-signal=SIGRTMIN+4"])
        .args(["--machine", &boot.machine])
        .arg(format!("--hostname={}", boot.hostname))
        .arg(format!("--network-bridge={}", lab::BRIDGE))
        .arg("--directory")
        .arg(boot.folder.join("root"));
    if boot.bpf {
        let mut bind = OsString::from("--bind=");
        bind.push(boot.folder.join("bpf"));
        bind.push(":/sys/fs/bpf");
        command
            .arg("--capability=CAP_BPF,CAP_PERFMON,CAP_NET_ADMIN")
            .arg("--system-call-filter=bpf perf_event_open")
            .arg(bind);
    }
    exec::replace(&mut command)
}
