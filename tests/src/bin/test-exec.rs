//! A program that is executed in many ways and each time says what it is: one JSON line on its standard output.
//!
//! Steps named in `TEST_EXEC_STEPS` (comma-separated) are taken one after the other: each changes something of the
//! process, or of the way to the next image, and executes this program again with the same arguments.
use std::{
    env,
    ffi::{CString, OsString},
    fs::{self, File},
    io::{self, Write as _},
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::Command,
    ptr, thread,
};

use anyhow::{Context as _, Result, bail};
use minewarden_tests::report::Report;
use rustix::{
    fs::{MemfdFlags, OFlags, memfd_create},
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    thread::UnshareFlags,
};

const STEPS: &str = "TEST_EXEC_STEPS";
/// What the report is called.
const LABEL: &str = "TEST_EXEC_LABEL";
/// What a step needs: a file, a folder, a terminal.
const WITH: &str = "TEST_EXEC_WITH";

fn main() -> Result<()> {
    let label = env::var(LABEL).unwrap_or_default();
    let report = serde_json::to_string(&Report::of_self(&label)?)?;
    // One write, so that reports do not mix.
    io::stdout().write_all(format!("{report}\n").as_bytes())?;
    let steps = env::var(STEPS).unwrap_or_default();
    let (step, rest) = steps.split_once(',').unwrap_or((&steps, ""));
    let next =
        Next { program: env::current_exe()?, steps: rest.to_owned(), label: format!("{label}>{step}") };
    match step {
        "" => Ok(()),
        "hold" => io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop).map_err(Into::into),
        _ => take(step, next).with_context(|| format!("step {step}")),
    }
}

/// The image that comes next.
struct Next {
    program: PathBuf,
    steps: String,
    label: String,
}

impl Next {
    fn command(&self) -> Command {
        let mut args = env::args_os();
        let mut command = Command::new(&self.program);
        command
            .arg0(args.next().unwrap_or_default())
            .args(args)
            .env(STEPS, &self.steps)
            .env(LABEL, &self.label);
        command
    }

    fn exec(&self) -> Result<()> {
        Err(self.command().exec().into())
    }

    /// execveat(2), which the standard library does not offer.
    fn exec_at(&self, folder: RawFd, name: &str, flags: i32) -> Result<()> {
        let strings = |list: Vec<OsString>| -> Result<Vec<CString>> {
            list.into_iter().map(|text| Ok(CString::new(text.as_bytes())?)).collect()
        };
        let kept = env::vars_os().filter(|(key, _)| key != STEPS && key != LABEL);
        let own = [(STEPS.into(), self.steps.clone().into()), (LABEL.into(), self.label.clone().into())];
        let join =
            |(key, value): (OsString, OsString)| [key, "=".into(), value].into_iter().collect::<OsString>();
        let (args, vars) =
            (strings(env::args_os().collect())?, strings(kept.chain(own).map(join).collect())?);
        let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
            list.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
        };
        let (name, args, vars) = (CString::new(name)?, pointers(&args), pointers(&vars));
        // SAFETY: strings that end with NUL and lists that end with null, all alive until the call returns.
        unsafe {
            libc::syscall(libc::SYS_execveat, folder, name.as_ptr(), args.as_ptr(), vars.as_ptr(), flags)
        };
        Err(io::Error::last_os_error().into())
    }
}

fn take(step: &str, mut next: Next) -> Result<()> {
    match step {
        "exec" => next.exec(),
        "thread" => {
            thread::spawn(move || next.exec()).join().unwrap_or_else(|_| bail!("the thread panicked"))
        }
        "memfd" => {
            let memory = memfd_create("kworker/0:1 x", MemfdFlags::empty())?;
            io::copy(&mut File::open(&next.program)?, &mut File::from(memory.try_clone()?))?;
            next.exec_at(memory.as_raw_fd(), "", libc::AT_EMPTY_PATH)
        }
        "unlinked" => {
            let copy = with()?;
            fs::copy(&next.program, &copy)?;
            let file = fs::OpenOptions::new()
                .read(true)
                .custom_flags(OFlags::PATH.bits().cast_signed())
                .open(&copy)?;
            // Not closed by the exec, as with a program that leaves its file open.
            let kept = rustix::io::dup(&file)?;
            fs::remove_file(&copy)?;
            next.exec_at(kept.as_raw_fd(), "", libc::AT_EMPTY_PATH)
        }
        "at" => {
            let folder = File::open(next.program.parent().context("no folder")?)?;
            let name = next.program.file_name().context("no name")?.to_string_lossy().into_owned();
            next.exec_at(rustix::io::dup(&folder)?.as_raw_fd(), &name, 0)
        }
        "relative" => {
            env::set_current_dir(next.program.parent().context("no folder")?)?;
            next.program = Path::new(".").join(next.program.file_name().context("no name")?);
            next.exec()
        }
        "user" => Err(next.command().uid(65_534).gid(65_533).exec().into()),
        "terminal" => {
            rustix::process::setsid()?;
            let terminal = fs::OpenOptions::new().read(true).write(true).open(with()?)?;
            let done = next.exec();
            drop(terminal);
            done
        }
        "cgroup" => {
            fs::write(with()?.join("cgroup.procs"), "0")?;
            next.exec()
        }
        "login" => {
            fs::write("/proc/self/loginuid", "12345")?;
            next.exec()
        }
        "spaces" => spaces(next),
        "pids" => pids(&next),
        other => bail!("no such step: {other}"),
    }
}

fn with() -> Result<PathBuf> {
    env::var_os(WITH).map(PathBuf::from).with_context(|| format!("{WITH} is not set"))
}

/// Namespaces of its own, and an executable on a file system that is mounted in one of them only.
fn spaces(mut next: Next) -> Result<()> {
    let flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWCGROUP
        | UnshareFlags::NEWUSER;
    // SAFETY: this process has one thread, and shares no file table.
    unsafe { rustix::thread::unshare_unsafe(flags)? };
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", "0 0 1")?;
    fs::write("/proc/self/gid_map", "0 0 1")?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let folder = with()?;
    mount("none", &folder, "tmpfs", MountFlags::empty(), None)?;
    let copy = folder.join("in a mount");
    fs::copy(&next.program, &copy)?;
    next.program = copy;
    next.exec()
}

/// A PID namespace begins with a child.
fn pids(next: &Next) -> Result<()> {
    // SAFETY: as for `spaces`.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWPID)? };
    let status = next.command().status()?;
    if !status.success() {
        bail!("the child ended with {status}");
    }
    Ok(())
}
