//! One virtual machine: QEMU with a kernel, disks and serial lines that are files. It runs to its end or its limit.
//!
//! Owns the command line and which accelerator is used. Must not know what runs in the machine.
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;

use crate::testbed::tools;

const TOOLS: [tools::Tool; 2] = [("qemu-system-x86_64", "qemu-system-x86"), ("timeout", "coreutils")];
/// How long a kernel without a root file system may take to give up.
const PROBE: Duration = Duration::from_secs(20);
/// For every kernel. A kernel that tries its timer gives up where emulation is slow and the machine is busy.
const APPEND: &str = "no_timer_check panic=-1 quiet";
/// Status of timeout(1) when the time was over.
const TIMED_OUT: i32 = 124;
/// Seconds between SIGTERM and SIGKILL.
const KILL_AFTER: &str = "--kill-after=5";

/// What runs the machine's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Accelerator {
    /// KVM where it works, else emulation
    Auto,
    /// The processor, by the host's kernel
    Kvm,
    /// Emulation
    Tcg,
}

impl Accelerator {
    /// Never `Auto`: whether KVM works is tried with a kernel that has nothing to start and so restarts at once.
    pub(crate) fn decide(self, kernel: &Path) -> Self {
        if self != Self::Auto {
            return self;
        }
        if File::options().read(true).write(true).open("/dev/kvm").is_err() {
            return Self::Tcg;
        }
        let machine = Machine {
            name: "probe",
            kernel,
            initrd: None,
            append: "",
            memory: 256,
            disks: Vec::new(),
            serials: Vec::new(),
            limit: PROBE,
        };
        if machine.run(Self::Kvm).is_ok_and(|ended| ended.status.success()) { Self::Kvm } else { Self::Tcg }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kvm => "KVM",
            Self::Tcg => "TCG",
        }
    }

    const fn argument(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Auto | Self::Tcg => "tcg,thread=multi",
        }
    }
}

/// A disk image.
pub(crate) struct Disk<'a> {
    pub(crate) file: &'a Path,
    /// QEMU's name of the format: `raw`, `qcow2`.
    pub(crate) format: &'static str,
}

/// A machine to be run.
pub(crate) struct Machine<'a> {
    pub(crate) name: &'a str,
    pub(crate) kernel: &'a Path,
    pub(crate) initrd: Option<&'a Path>,
    /// The kernel's command line, behind what every kernel is told.
    pub(crate) append: &'a str,
    /// MiB.
    pub(crate) memory: u32,
    /// In the order of their names: the first is `/dev/vda`.
    pub(crate) disks: Vec<Disk<'a>>,
    /// Files that take what is written to `/dev/ttyS0`, `/dev/ttyS1`.
    pub(crate) serials: Vec<PathBuf>,
    pub(crate) limit: Duration,
}

/// A machine that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) took: Duration,
    /// What QEMU itself said.
    pub(crate) said: String,
}

impl Ended {
    pub(crate) fn timed_out(&self) -> bool {
        self.status.code() == Some(TIMED_OUT)
    }
}

/// Refuses, in one line, where QEMU is missing.
pub(crate) fn require() -> Result<()> {
    tools::require("running virtual machines", &TOOLS)
}

impl Machine<'_> {
    /// Runs until it is powered off, or restarts, or its time is over. timeout(1) holds the limit even when this
    /// process is killed.
    pub(crate) fn run(&self, accelerator: Accelerator) -> Result<Ended> {
        let begin = Instant::now();
        let mut command = Command::new("timeout");
        command.arg("--foreground").arg(KILL_AFTER).arg(self.limit.as_secs().to_string());
        self.qemu(&mut command, accelerator)?;
        let output = command.stdin(Stdio::null()).output().context("cannot run timeout")?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(Ended { status: output.status, took: begin.elapsed(), said })
    }

    fn qemu(&self, command: &mut Command, accelerator: Accelerator) -> Result<()> {
        command.args(["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"]);
        command.args(["-machine", "q35", "-cpu", "max", "-smp", "2", "-display", "none"]);
        command.args(["-accel", accelerator.argument(), "-m", &format!("{}M", self.memory)]);
        command.args(["-name", self.name]).arg("-kernel").arg(self.kernel);
        if let Some(initrd) = self.initrd {
            command.arg("-initrd").arg(initrd);
        }
        command.arg("-append").arg(format!("{APPEND} {}", self.append));
        for disk in &self.disks {
            let file = plain(disk.file)?;
            // What is on the disks is not kept when the power fails.
            command.arg("-drive");
            command.arg(format!("file={file},format={},if=virtio,cache=unsafe", disk.format));
        }
        for serial in &self.serials {
            command.arg("-serial").arg(format!("file:{}", plain(serial)?));
        }
        Ok(())
    }
}

/// QEMU's own way to quote a comma in a path is to double it.
fn plain(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))?;
    ensure!(!text.is_empty(), "an empty path");
    Ok(text.replace(',', ",,"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_names_disks_and_serial_lines_in_order() {
        let machine = Machine {
            name: "one",
            kernel: Path::new("/k"),
            initrd: Some(Path::new("/i")),
            append: "more",
            memory: 512,
            disks: vec![
                Disk { file: Path::new("/a,b"), format: "qcow2" },
                Disk { file: Path::new("/c"), format: "raw" },
            ],
            serials: vec![PathBuf::from("/s0"), PathBuf::from("/s1")],
            limit: PROBE,
        };
        let mut command = Command::new("timeout");
        machine.qemu(&mut command, Accelerator::Tcg).unwrap();
        let line: Vec<_> =
            command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let line = line.join(" ");
        assert!(line.contains("-accel tcg,thread=multi -m 512M -name one -kernel /k -initrd /i"));
        assert!(line.contains(&format!("-append {APPEND} more -drive")));
        assert!(line.contains("file=/a,,b,format=qcow2,if=virtio,cache=unsafe -drive file=/c,format=raw"));
        assert!(line.ends_with("-serial file:/s0 -serial file:/s1"));
    }
}
