//! Names of terminals.
//!
//! Owns how a terminal's number in /proc/PID/stat becomes the name that the kernel has for it. Must not know processes.
use std::{fs, path::Path};

/// Virtual consoles and serial ports, and slaves of pseudo-terminals: Documentation/admin-guide/devices.txt.
const VIRTUAL: u32 = 4;
const PSEUDO: std::ops::RangeInclusive<u32> = 136..=143;
/// Serial ports begin behind the virtual consoles.
const SERIAL: u32 = 64;

/// The name of the terminal with this number (`tty_nr`), `pts3`; `None` for no terminal and for one that sysfs does not
/// have.
pub(super) fn name(number: i32) -> Option<String> {
    let number = number.cast_unsigned();
    // `new_encode_dev` in include/linux/kdev_t.h.
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
    match major {
        0 => None,
        VIRTUAL if minor < SERIAL => Some(format!("tty{minor}")),
        VIRTUAL => Some(format!("ttyS{}", minor - SERIAL)),
        major if PSEUDO.contains(&major) => Some(format!("pts{}", (major - PSEUDO.start()) * 256 + minor)),
        _ => in_sysfs(Path::new("/sys/dev/char"), major, minor),
    }
}

fn in_sysfs(devices: &Path, major: u32, minor: u32) -> Option<String> {
    let device = fs::read_link(devices.join(format!("{major}:{minor}"))).ok()?;
    Some(device.file_name()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_the_kernels_names() {
        let of = |major: i32, minor: i32| name((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12));
        assert_eq!(of(136, 3).as_deref(), Some("pts3"));
        assert_eq!(of(136, 70_000).as_deref(), Some("pts70000"));
        assert_eq!(of(4, 1).as_deref(), Some("tty1"));
        assert_eq!(of(4, 64).as_deref(), Some("ttyS0"));
        assert_eq!(name(0), None);
        assert_eq!(of(4095, 1), None, "no such device");
    }

    #[test]
    fn other_terminals_are_looked_up() {
        let devices = tempfile::tempdir().unwrap();
        let device = "../../devices/pci0000:00/usb1/ttyUSB0/tty/ttyUSB0";
        std::os::unix::fs::symlink(device, devices.path().join("188:0")).unwrap();
        assert_eq!(in_sysfs(devices.path(), 188, 0).as_deref(), Some("ttyUSB0"));
        assert_eq!(in_sysfs(devices.path(), 188, 1), None);
    }
}
