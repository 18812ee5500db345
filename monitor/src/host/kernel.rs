//! The kernel: its release, its type information and what it forbids.
//!
//! Must not know any hook; which hook needs which kernel stands in the table of hooks.
use std::{
    fs::{File, read_to_string},
    io::{self, Read as _},
    path::Path,
};

use super::{Row, State};

/// Type information of the running kernel.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";
/// First two bytes of it: `BTF_MAGIC` 0xeB9F (include/uapi/linux/btf.h), little-endian as our programs are.
const BTF_MAGIC: [u8; 2] = [0x9f, 0xeb];
/// Oldest kernel that the required hooks load on.
const OLDEST: (u32, u32) = (5, 10);
const LOCKDOWN_PATH: &str = "/sys/kernel/security/lockdown";

pub(super) fn release() -> Row {
    match read_to_string("/proc/sys/kernel/osrelease") {
        Ok(release) => judge_release(release.trim()),
        Err(error) => Row::less(
            State::Missing,
            "kernel",
            format!("/proc/sys/kernel/osrelease: {error}"),
            "everything",
            "mount /proc",
        ),
    }
}

fn judge_release(release: &str) -> Row {
    match version(release) {
        Some(version) if version < OLDEST => Row::less(
            State::Missing,
            "kernel",
            release,
            "everything: the hooks need Linux 5.10 or later",
            "boot a newer kernel",
        ),
        _ => Row::ok("kernel", release),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

pub(super) fn btf(path: &Path) -> Row {
    let missing = |found: String| {
        Row::less(
            State::Missing,
            "BTF",
            found,
            "everything: the programs find the kernel's fields by it",
            "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, and see that /sys is mounted",
        )
    };
    match starts_with_magic(path) {
        Ok(true) => Row::ok("BTF", path.display().to_string()),
        Ok(false) => missing(format!("{}: not BTF", path.display())),
        Err(error) => missing(format!("{}: {error}", path.display())),
    }
}

fn starts_with_magic(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(BTF_MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start == BTF_MAGIC)
}

pub(super) fn lockdown() -> Row {
    match read_to_string(LOCKDOWN_PATH) {
        Ok(text) => judge_lockdown(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Row::ok("lockdown", format!("none seen ({LOCKDOWN_PATH} does not exist)"))
        }
        Err(error) => Row::ok("lockdown", format!("not known ({LOCKDOWN_PATH}: {error})")),
    }
}

/// `none [integrity] confidentiality`: the one in brackets holds (kernel_lockdown(7)).
fn judge_lockdown(text: &str) -> Row {
    let chosen = text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    match chosen {
        Some("confidentiality") => Row::less(
            State::Missing,
            "lockdown",
            "confidentiality",
            "everything: eBPF programs may not read kernel memory",
            "boot with lockdown=integrity or less",
        ),
        other => Row::ok("lockdown", other.unwrap_or("none")),
    }
}

#[cfg(test)]
mod tests {
    use super::{State, btf, judge_lockdown, judge_release};

    #[test]
    fn kernels_before_5_10_are_refused() {
        for old in ["4.18.0-553.el8", "5.4.0-150-generic", "5.9.16"] {
            assert_eq!(judge_release(old).state, State::Missing, "{old}");
        }
        for new in ["5.10.0-35-amd64", "5.10", "6.18.44-fc-v595", "10.0-rc1", "custom"] {
            assert_eq!(judge_release(new).state, State::Ok, "{new}");
        }
    }

    #[test]
    fn only_confidentiality_forbids_reading_kernel_memory() {
        assert_eq!(judge_lockdown("none integrity [confidentiality]\n").state, State::Missing);
        assert_eq!(judge_lockdown("none [integrity] confidentiality\n").found, "integrity");
        assert_eq!(judge_lockdown("[none] integrity confidentiality\n").state, State::Ok);
    }

    #[test]
    fn btf_is_known_by_its_magic() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vmlinux");
        assert_eq!(btf(&path).state, State::Missing);
        std::fs::write(&path, [0x9f, 0xeb, 1, 0]).unwrap();
        assert_eq!(btf(&path).state, State::Ok);
        std::fs::write(&path, "").unwrap();
        let row = btf(&path);
        assert_eq!(row.state, State::Missing);
        assert!(row.found.ends_with("vmlinux: not BTF"), "{}", row.found);
    }
}
