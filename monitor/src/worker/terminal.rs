//! The name of a process's controlling terminal.
//!
//! Owns how a device number of /proc/PID/stat becomes the name that the kernel itself has (`tty_struct.name`). Must not
//! know whose process it is.
use procfs_core::{FromRead as _, process::Stat};

use super::procfs::{Identity, ProcDir};

/// `pts3`, `tty1`; `None` without a terminal.
pub(super) fn of(process: &dyn ProcDir) -> Option<String> {
    let line = process.read("stat", Identity::CAP).ok()?;
    name(Stat::from_read(line.as_slice()).ok()?.tty_nr)
}

/// `tty_nr` holds the minor number in bits 0-7 and 20-31, the major number in bits 8-19 (proc(5)); which device that is,
/// Documentation/admin-guide/devices.txt says.
fn name(number: i32) -> Option<String> {
    let bits = u32::from_ne_bytes(number.to_ne_bytes());
    let (major, minor) = (bits >> 8 & 0xfff, bits & 0xff | bits >> 12 & 0xf_ff00);
    match (major, minor) {
        (0, _) => None,
        (4, 0..64) => Some(format!("tty{minor}")),
        (4, _) => Some(format!("ttyS{}", minor - 64)),
        // Eight majors of 256 each were reserved; the kernel numbers on.
        (136..=143, _) => Some(format!("pts{}", (major - 136) * 256 + minor)),
        (204, 64..=79) => Some(format!("ttyAMA{}", minor - 64)),
        (229, _) => Some(format!("hvc{minor}")),
        _ => Some(format!("{major}:{minor}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_kernels_own() {
        let number = |major: i32, minor: i32| major << 8 | minor & 0xff | (minor & 0xf_ff00) << 12;
        for (major, minor, expected) in [
            (0, 0, None),
            (136, 3, Some("pts3")),
            (136, 300, Some("pts300")),
            (137, 1, Some("pts257")),
            (4, 1, Some("tty1")),
            (4, 64, Some("ttyS0")),
            (204, 64, Some("ttyAMA0")),
            (229, 0, Some("hvc0")),
            (5, 1, Some("5:1")),
        ] {
            assert_eq!(name(number(major, minor)).as_deref(), expected, "{major}:{minor}");
        }
        assert!(name(i32::MIN).is_none() && name(-1).is_some(), "any number is something");
    }
}
