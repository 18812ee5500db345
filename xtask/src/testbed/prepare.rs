//! What a root tree of debootstrap lacks to be booted many times at once: nobody's identity in it, a network that
//! configures itself, no timers. Changes files only; nothing is run in the tree.
use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Belongs to the name of a tree: a new number makes all trees anew.
pub(super) const VERSION: u32 = 1;

/// Of no use in a test, and they take the processor when something is measured.
const MASKED: [&str; 7] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "man-db.timer",
];
/// Debian enables them as they are installed; a test starts what it needs.
const DISABLED: [&str; 5] = [
    "multi-user.target.wants/nginx.service",
    "multi-user.target.wants/systemd-journal-upload.service",
    "sockets.target.wants/systemd-journal-gatewayd.socket",
    "sockets.target.wants/systemd-journal-remote.socket",
    "timers.target.wants/e2scrub_all.timer",
];
/// Any wired interface that has no file of its own: DHCP.
const NETWORK: &str = "[Match]\nName=en* eth* host0\n[Network]\nDHCP=yes\nLinkLocalAddressing=yes\n";

/// Prepares the tree at `root`.
pub(super) fn prepare(root: &Path) -> Result<()> {
    let system = root.join("etc/systemd/system");
    // systemd makes a machine id at the first boot where the file is empty; ssh's keys are made for each host.
    write(root, "etc/machine-id", "")?;
    remove(&root.join("var/lib/dbus/machine-id"))?;
    for key in host_keys(root)? {
        remove(&key)?;
    }
    write(root, "etc/hostname", "testbed\n")?;
    write(root, "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")?;
    write(root, "etc/fstab", "")?;
    write(root, "etc/systemd/network/80-dhcp.network", NETWORK)?;
    link(
        Path::new("/lib/systemd/system/systemd-networkd.service"),
        &wanted(&system, "systemd-networkd.service"),
    )?;
    for unit in MASKED {
        link(Path::new("/dev/null"), &system.join(unit))?;
    }
    for unit in DISABLED {
        remove(&system.join(unit))?;
    }
    clear(&root.join("var/cache/apt/archives"))?;
    clear(&root.join("var/lib/apt/lists"))
}

/// ssh's own keys in a tree, public and private.
fn host_keys(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("etc/ssh");
    let mut keys = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            keys.push(entry.path());
        }
    }
    Ok(keys)
}

fn wanted(system: &Path, unit: &str) -> PathBuf {
    system.join("multi-user.target.wants").join(unit)
}

fn write(root: &Path, path: &str, text: &str) -> Result<()> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    // Never through a link of the tree: it would be resolved on this host.
    remove(&path)?;
    fs::write(&path, text).with_context(|| path.display().to_string())
}

fn link(target: &Path, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    remove(path)?;
    symlink(target, path).with_context(|| path.display().to_string())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| path.display().to_string())
        }
        _ => Ok(()),
    }
}

/// Files at the top of a folder; its folders stay.
fn clear(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_loses_its_identity_and_gets_a_network() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in
            ["etc/ssh/ssh_host_ed25519_key", "etc/ssh/sshd_config", "etc/machine-id", "var/lib/apt/lists/x"]
        {
            write(root, path, "old").unwrap();
        }
        let nginx = root.join("etc/systemd/system/multi-user.target.wants/nginx.service");
        link(Path::new("/lib/systemd/system/nginx.service"), &nginx).unwrap();
        prepare(root).unwrap();
        prepare(root).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/machine-id")).unwrap(), "");
        assert!(
            !root.join("etc/ssh/ssh_host_ed25519_key").exists() && root.join("etc/ssh/sshd_config").exists()
        );
        assert!(!root.join("var/lib/apt/lists/x").exists());
        assert!(nginx.symlink_metadata().is_err());
        let masked = fs::read_link(root.join("etc/systemd/system/apt-daily.timer")).unwrap();
        assert_eq!(masked, Path::new("/dev/null"));
        let networkd = "etc/systemd/system/multi-user.target.wants/systemd-networkd.service";
        assert!(root.join(networkd).symlink_metadata().is_ok());
    }
}
