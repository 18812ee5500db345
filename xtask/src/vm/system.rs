//! `cargo xtask vm --image`: a whole Debian with systemd, in which the package is installed, tried, upgraded, kept over
//! a reboot, removed and purged.
//!
//! Owns the image, the disk with the packages and the boots. What is checked there is tests/src/bin/test-system.
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    archive::stripped,
    disk::{self, Addition},
    machine::{Accelerator, Disk, Machine},
    outcome::{Next, Outcomes},
};
use crate::{
    cargo, exec,
    object::toolchain::text,
    testbed::{
        image::{self, Recipe, remove_tree},
        tools,
    },
};

/// A kernel, and what makes the archive that it starts from.
const PACKAGES: [&str; 3] = ["initramfs-tools", "linux-image-cloud-amd64", "zstd"];
/// One boot: emulated and beside other work it needs a quarter of that.
const LIMIT: Duration = Duration::from_secs(1800);
/// MiB.
const MEMORY: u32 = 1024;
const SYSTEM_SIZE: u32 = 3000;
const PAYLOAD_SIZE: u32 = 256;
/// Boots that a run takes: until the reboot, and after it.
const BOOTS: u32 = 2;
/// In the machine; see tests/src/bin/test-system.
const PROGRAMS: [&str; 3] = ["test-system", "test-miner", "test-pool"];
/// Belongs to the name of an image: a new number makes all images anew.
const VERSION: u32 = 1;
/// Runs the checks as soon as the system is up, and again after a reboot.
const UNIT: &str = "[Unit]\nDescription=Checks of this virtual machine\nAfter=multi-user.target\n\
    ConditionPathExists=/dev/vdb\nFailureAction=poweroff-force\n[Service]\nType=exec\n\
    ExecStartPre=/bin/mkdir -p /payload\nExecStartPre=/bin/mount -o ro /dev/vdb /payload\n\
    ExecStart=/payload/test-system\nStandardOutput=journal+console\nStandardError=journal+console\n";
const UNIT_PATH: &str = "/etc/systemd/system/testbed-checks.service";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/testbed-checks.service";

/// What is tried, and how.
pub(super) struct Trial<'a> {
    /// The package; without one, the newest in `target/dist`.
    pub(super) package: Option<&'a Path>,
    /// Debian's name of the release.
    pub(super) suite: &'a str,
    pub(super) accelerator: Accelerator,
}

pub(super) fn run(trial: &Trial<'_>) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    tools::require("packing packages", &[("dpkg-deb", "dpkg")])?;
    disk::require()?;
    let package = match trial.package {
        Some(package) => package.to_owned(),
        None => newest(&workspace.join("target/dist"))?,
    };
    let tree = image::root(&workspace, &Recipe::new(trial.suite)?.with(&PACKAGES))?;
    let folder = workspace.join("target/testbed/vm").join(format!("system-{}", trial.suite));
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let base = base(&tree, &folder)?;
    // Static: the system's C library may be older than this machine's.
    let wanted: Vec<&str> = PROGRAMS.iter().flat_map(|name| ["--bin", name]).collect();
    let built = cargo::build_agent(&workspace, "release", &wanted)?;
    let programs: Vec<PathBuf> =
        PROGRAMS.iter().map(|name| built.executable(name).map(Path::to_owned)).collect::<Result<_>>()?;
    let payload = payload(&package, &programs, &folder)?;
    let begin = Instant::now();
    let outcomes = boots(&tree, &base, &payload, &folder, trial.accelerator)?;
    print!("\n{}", outcomes.table());
    println!("\n{}: {} checks in {} s", package.display(), outcomes.count(), begin.elapsed().as_secs());
    let problems = outcomes.problems();
    problems.iter().for_each(|problem| println!("{problem}"));
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The newest package that `cargo xtask dist` left.
fn newest(folder: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("minewarden_") && name.ends_with("_amd64.deb") {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    let newest = found.into_iter().max().map(|(_, path)| path);
    newest.with_context(|| {
        format!("no package in {}: run `cargo xtask dist`, or name one with --package", folder.display())
    })
}

/// The image of the tree, with the unit that runs the checks; made once.
fn base(tree: &Path, folder: &Path) -> Result<PathBuf> {
    let name = tree.file_name().context("a tree without a name")?.to_string_lossy().into_owned();
    let base = folder.join(format!("{name}-{VERSION}.ext4"));
    if !base.is_file() {
        println!("making a disk image of {}", tree.display());
        let partial = folder.join("partial.ext4");
        disk::make(tree, &partial, SYSTEM_SIZE)?;
        let additions = [
            Addition::File { path: UNIT_PATH, text: UNIT },
            Addition::Link { path: WANTED, target: UNIT_PATH },
        ];
        disk::add(&partial, &additions, folder)?;
        fs::rename(&partial, &base).with_context(|| base.display().to_string())?;
    }
    Ok(base)
}

/// The disk beside the system's: programs, the package, and the same package as a newer version.
fn payload(package: &Path, programs: &[PathBuf], folder: &Path) -> Result<PathBuf> {
    let from = folder.join("payload");
    remove_tree(&from)?;
    fs::create_dir_all(&from).with_context(|| from.display().to_string())?;
    for program in programs {
        let stripped = stripped(program, &folder.join("stripped"))?;
        let name = program.file_name().context("a program without a name")?;
        fs::copy(&stripped, from.join(name)).with_context(|| stripped.display().to_string())?;
    }
    fs::copy(package, from.join("minewarden.deb")).with_context(|| package.display().to_string())?;
    newer(package, &folder.join("newer"), &from.join("minewarden-newer.deb"))?;
    let image = folder.join("payload.ext4");
    disk::make(&from, &image, PAYLOAD_SIZE)?;
    Ok(image)
}

/// Packs a package again under a version that dpkg takes for a newer one.
fn newer(package: &Path, scratch: &Path, to: &Path) -> Result<()> {
    remove_tree(scratch)?;
    exec::run(Command::new("dpkg-deb").arg("-R").arg(package).arg(scratch))?;
    let control = scratch.join("DEBIAN/control");
    let fields = fs::read_to_string(&control).with_context(|| control.display().to_string())?;
    fs::write(&control, raised(&fields)?).with_context(|| control.display().to_string())?;
    let mut command = Command::new("dpkg-deb");
    text(command.args(["--root-owner-group", "-b"]).arg(scratch).arg(to))?;
    remove_tree(scratch)
}

/// A control file with `+testbed1` behind its version.
fn raised(fields: &str) -> Result<String> {
    let mut seen = false;
    let mut text = String::new();
    for line in fields.lines() {
        let version = line.starts_with("Version:");
        seen |= version;
        text.push_str(line.trim_end());
        text.push_str(if version { "+testbed1\n" } else { "\n" });
    }
    ensure!(seen, "a package without a version");
    Ok(text)
}

/// Boots until the checks say that they are done.
fn boots(
    tree: &Path,
    base: &Path,
    payload: &Path,
    folder: &Path,
    accelerator: Accelerator,
) -> Result<Outcomes> {
    let (kernel, initrd) = (newest_of(tree, "vmlinuz-")?, newest_of(tree, "initrd.img-")?);
    let accelerator = accelerator.decide(&kernel);
    let layer = disk::layer(base, folder)?;
    let mut outcomes = Outcomes::default();
    for boot in 1..=BOOTS {
        println!("boot {boot} ({})", accelerator.name());
        let (console, serial) = (folder.join(format!("console-{boot}")), folder.join(format!("told-{boot}")));
        // What an earlier run was told is no answer.
        fs::write(&serial, "").with_context(|| serial.display().to_string())?;
        let machine = Machine {
            name: "system",
            kernel: &kernel,
            initrd: Some(&initrd),
            append: "root=/dev/vda rw console=ttyS0 systemd.show_status=0 net.ifnames=0",
            memory: MEMORY,
            disks: vec![Disk { file: &layer, format: "qcow2" }, Disk { file: payload, format: "raw" }],
            serials: vec![console.clone(), serial.clone()],
            limit: LIMIT,
        };
        let ended = machine.run(accelerator)?;
        let told = fs::read(&serial).with_context(|| serial.display().to_string())?;
        let next = outcomes.read(&String::from_utf8_lossy(&told));
        println!("boot {boot}: {} s", ended.took.as_secs());
        match next {
            Next::Reboot => {}
            Next::Done => return Ok(outcomes),
            Next::Lost if ended.timed_out() => {
                bail!("boot {boot}: its time was over; see {}", console.display())
            }
            Next::Lost => {
                outcomes.lost(&format!(
                    "boot {boot} ended before its checks did ({} {}); see {}",
                    ended.status,
                    ended.said,
                    console.display()
                ));
                return Ok(outcomes);
            }
        }
    }
    outcomes.lost("the checks asked for another reboot");
    Ok(outcomes)
}

/// The newest file in the tree's /boot with that beginning.
fn newest_of(tree: &Path, prefix: &str) -> Result<PathBuf> {
    let boot = tree.join("boot");
    let mut found = Vec::new();
    for entry in fs::read_dir(&boot).with_context(|| boot.display().to_string())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
    }
    found.into_iter().max().with_context(|| format!("{} holds no {prefix}*", boot.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_raised_and_nothing_else() {
        let fields = "Package: minewarden\nVersion: 0.1.0-1\nDescription: x\n  more\n";
        assert_eq!(raised(fields).unwrap(), fields.replace("0.1.0-1", "0.1.0-1+testbed1"));
        assert!(raised("Package: minewarden\n").is_err());
    }

    #[test]
    fn the_newest_package_and_kernel_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        assert!(newest(folder.path()).unwrap_err().to_string().contains("cargo xtask dist"));
        fs::write(folder.path().join("minewarden_0.1.0-1_amd64.deb"), "").unwrap();
        fs::write(folder.path().join("minewarden-0.1.0.rpm"), "").unwrap();
        assert!(newest(folder.path()).unwrap().ends_with("minewarden_0.1.0-1_amd64.deb"));
        fs::create_dir(folder.path().join("boot")).unwrap();
        fs::write(folder.path().join("boot/vmlinuz-6.1.0-50"), "").unwrap();
        assert!(newest_of(folder.path(), "vmlinuz-").unwrap().ends_with("vmlinuz-6.1.0-50"));
        assert!(newest_of(folder.path(), "initrd.img-").is_err());
    }
}
