//! Where the host's files are.
//!
//! Owns one question: names of users, sessions and containers stand in files of the host, and the agent may see other
//! files at the same paths, in a container or in the sandbox of a unit. Must not know what is read.
use std::{
    fs::{metadata, read_dir},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// The first process's root folder: the host's where that process is the host's.
const OF_INIT: &str = "/proc/1/root";

/// The folder below which the host's files are: the one that init has, where the agent is in a mount namespace of its
/// own and may look (`CAP_SYS_PTRACE`), else its own. In a PID namespace of its own too, the first process is the
/// guest's or the container's, and so are the files.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new("/");
    let namespace = |of: &str| metadata(format!("/proc/{of}/ns/mnt")).map(|namespace| namespace.ino()).ok();
    let apart = namespace("1").is_some_and(|init| namespace("self") != Some(init));
    if apart && read_dir(OF_INIT).is_ok() { PathBuf::from(OF_INIT) } else { own.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn is_a_folder_with_a_passwd_file_and_its_own_without_privileges() {
        let root = root();
        assert!(root.join("etc/passwd").is_file(), "{}", root.display());
        if !rustix::process::geteuid().is_root() {
            assert_eq!(root, std::path::Path::new("/"));
        }
    }
}
