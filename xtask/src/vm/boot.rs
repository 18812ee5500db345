//! One kernel: what its machine is given, its run, and what it told.
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    archive::{Archive, libraries, stripped},
    kernels::Kernel,
    machine::{Accelerator, Machine},
    table::Column,
    told::{DOCTOR, LIVE, Told},
};

/// The whole machine; emulated and beside other work it needs a tenth of that.
const LIMIT: Duration = Duration::from_secs(900);
/// Seconds for each step.
const DOCTOR_LIMIT: u64 = 180;
const LIVE_LIMIT: u64 = 780;
/// Execs that are compared: each way to execute a program some times.
const EXECS: &str = "100";
/// MiB. The archive is held in memory, and the tests write there too.
const MEMORY: u32 = 1536;
/// Enough of /etc/passwd for the names that the tests look at.
const PASSWD: &str =
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
/// Lines of the kernel's console that are shown when a machine did not get to the end of its plan.
const CONSOLE_LINES: usize = 15;

/// The programs that go into a machine.
pub(super) struct Programs {
    pub(super) init: PathBuf,
    pub(super) agent: PathBuf,
    pub(super) live: PathBuf,
    /// Those that the live tests start.
    pub(super) others: Vec<PathBuf>,
}

/// Boots `kernel` and waits for its end. Files are kept in `folder`.
pub(super) fn boot(
    kernel: &Kernel,
    programs: &Programs,
    accelerator: Accelerator,
    folder: &Path,
) -> Result<Column> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let (archive, console, serial) =
        (folder.join("archive.cpio"), folder.join("console"), folder.join("told"));
    for stale in [&console, &serial] {
        fs::write(stale, "").with_context(|| stale.display().to_string())?;
    }
    pack(kernel, programs, folder)?.write(&archive)?;
    let machine = Machine {
        name: &kernel.release,
        kernel: &kernel.image,
        initrd: Some(&archive),
        append: "console=ttyS0 random.trust_cpu=on",
        memory: MEMORY,
        disks: Vec::new(),
        serials: vec![console.clone(), serial.clone()],
        limit: LIMIT,
    };
    let ended = machine.run(accelerator)?;
    let text = fs::read(&serial).with_context(|| serial.display().to_string())?;
    let mut told = Told::read(&String::from_utf8_lossy(&text));
    if told.release.is_empty() {
        told.release.clone_from(&kernel.release);
    }
    if ended.timed_out() || !ended.status.success() || told.hooks.is_empty() {
        let why = if ended.timed_out() { "its time was over".to_owned() } else { ended.status.to_string() };
        told.lines.push(format!("QEMU: {why} {}", ended.said));
        told.lines.extend(last_lines(&console));
    }
    Ok(Column { told, took: ended.took })
}

/// The end of what the kernel wrote.
fn last_lines(console: &Path) -> Vec<String> {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(CONSOLE_LINES);
    lines.iter().skip(skipped).map(|line| format!("console: {}", line.escape_default())).collect()
}

fn pack(kernel: &Kernel, programs: &Programs, folder: &Path) -> Result<Archive> {
    let (mut archive, strip) = (Archive::default(), folder.join("stripped"));
    archive.file(Path::new("/init"), &stripped(&programs.init, &strip)?)?;
    for program in [&programs.agent, &programs.live].into_iter().chain(&programs.others) {
        archive.file(program, &stripped(program, &strip)?)?;
        for library in libraries(program)? {
            archive.file(&library, &library)?;
        }
    }
    let mut modules = Vec::new();
    for module in &kernel.modules {
        let path = Path::new("/modules").join(module.file_name().context("a module without a name")?);
        archive.file(&path, module)?;
        modules.push(path);
    }
    archive.text("/etc/passwd", PASSWD);
    archive.text("/plan.json", &plan(&modules, programs).to_string());
    Ok(archive)
}

/// What the first process is to do.
fn plan(modules: &[PathBuf], programs: &Programs) -> Value {
    let environment = json!([
        ["MINEWARDEN_AGENT", programs.agent],
        ["MINEWARDEN_REQUIRE_LIVE", "kernel"],
        ["MINEWARDEN_TEST_EXECS", EXECS],
        ["HOME", "/root"],
    ]);
    json!({"modules": modules, "steps": [
        {"name": DOCTOR, "argv": [programs.agent, "doctor", "--json"], "environment": [], "seconds": DOCTOR_LIMIT},
        {"name": LIVE, "argv": [programs.live, "--format", "json"], "environment": environment, "seconds": LIVE_LIMIT},
    ]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_names_the_agent_and_forbids_to_skip_what_needs_a_kernel_only() {
        let path = |name: &str| PathBuf::from("/built").join(name);
        let programs = Programs { init: path("i"), agent: path("a"), live: path("l"), others: Vec::new() };
        let plan = plan(&[PathBuf::from("/modules/0-x.ko")], &programs);
        let at = |pointer: &str| plan.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at("/modules/0"), "/modules/0-x.ko");
        assert_eq!(at("/steps/0/argv"), json!(["/built/a", "doctor", "--json"]));
        assert_eq!(at("/steps/1/environment/1"), json!(["MINEWARDEN_REQUIRE_LIVE", "kernel"]));
    }

    #[test]
    fn the_end_of_a_console_is_shown_without_control_characters() {
        let folder = tempfile::tempdir().unwrap();
        let console = folder.path().join("console");
        let text: String = (0..20).map(|n| format!("line {n}\u{1b}[0m\n\n")).collect();
        fs::write(&console, text).unwrap();
        let lines = last_lines(&console);
        assert_eq!(lines.len(), CONSOLE_LINES);
        assert_eq!(lines.last().map(String::as_str), Some("console: line 19\\u{1b}[0m"));
        assert!(last_lines(&folder.path().join("none")).is_empty());
    }
}
