//! The ways in which a program can be executed.
//!
//! Owns what is set up for each. Must not know what the agent makes of it.
use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    os::unix::{
        ffi::OsStringExt as _,
        fs::{PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use minewarden_tests::{cgroup::Cgroup, client::STEP, wait};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::compare::Special;

/// Runs it under a label; says how many execs reported.
type Run = fn(&mut Bench, &str, &File) -> Result<usize>;

pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) run: Run,
}

pub(super) static SHAPES: &[Shape] = &[
    Shape { name: "plain", run: |b, l, o| b.args(l, o, (0..4).map(|n| format!("argument {n}").into())) },
    Shape {
        name: "hundred-arguments",
        run: |b, l, o| b.args(l, o, (0..100).map(|n| format!("a{n}").into())),
    },
    Shape {
        name: "utf-8", run: |b, l, o| b.args(l, o, ["grüße", "挖矿", "\u{1f9ea}", "é́"].map(Into::into))
    },
    Shape {
        name: "no-utf-8",
        run: |b, l, o| b.args(l, o, [OsString::from_vec(vec![0xff, b'a', 0xc3, 0x28])]),
    },
    Shape {
        name: "newlines",
        run: |b, l, o| b.args(l, o, ["a\nb", "", "\t", " ", "\x1b[31m", "\r\n"].map(Into::into)),
    },
    Shape { name: "one-argument", run: |b, l, o| b.sized(l, o, 13) },
    Shape { name: "near-256", run: |b, l, o| b.around(l, o, 256) },
    Shape { name: "near-1024", run: |b, l, o| b.around(l, o, 1024) },
    Shape { name: "near-4096", run: |b, l, o| b.around(l, o, 4096) },
    Shape { name: "over-4096", run: |b, l, o| b.sized(l, o, 100_000) },
    Shape { name: "memfd", run: |b, l, o| b.steps(l, o, "memfd", None) },
    Shape { name: "deleted-before", run: |b, l, o| b.deleted_before(l, o) },
    Shape { name: "deleted-after", run: |b, l, o| b.deleted_after(l, o) },
    Shape { name: "script", run: |b, l, o| b.script(l, o, false) },
    Shape { name: "script-relative-interpreter", run: |b, l, o| b.script(l, o, true) },
    Shape { name: "script-relative-name", run: |b, l, o| b.relative_script(l, o) },
    Shape { name: "execveat", run: |b, l, o| b.steps(l, o, "at", None) },
    Shape { name: "relative", run: |b, l, o| b.steps(l, o, "relative", None) },
    Shape { name: "thread", run: |b, l, o| b.steps(l, o, "thread", None) },
    Shape { name: "exec-again", run: |b, l, o| b.steps(l, o, "exec,exec", None) },
    Shape { name: "odd-name", run: |b, l, o| b.named(l, o, "a b\n\u{e9} (deleted)", 0) },
    Shape { name: "long-path", run: |b, l, o| b.named(l, o, &"n".repeat(200), 8) },
    Shape { name: "deep-path", run: |b, l, o| b.named(l, o, "d", 20) },
    Shape { name: "too-deep-path", run: Bench::too_deep },
    Shape { name: "hard-link", run: |b, l, o| b.linked(l, o, fs::hard_link) },
    Shape { name: "symlink", run: |b, l, o| b.linked(l, o, symlink) },
    Shape { name: "user", run: |b, l, o| b.steps(l, o, "user", None) },
    Shape { name: "login", run: |b, l, o| b.steps(l, o, "login", None) },
    Shape { name: "terminal", run: |b, l, o| b.terminal(l, o) },
    Shape { name: "cgroup", run: |b, l, o| b.cgroup(l, o) },
    Shape { name: "namespaces", run: |b, l, o| b.spaces(l, o) },
    Shape { name: "pid-namespace", run: |b, l, o| b.steps(l, o, "pids", None) },
];

/// Where the programs lie, and what is special about some.
pub(super) struct Bench {
    folder: PathBuf,
    program: PathBuf,
    runs: usize,
    pub(super) special: Special,
}

impl Bench {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let folder = folder.join("programs");
        fs::create_dir(&folder)?;
        let program = folder.join("test-exec");
        fs::copy(env!("CARGO_BIN_EXE_test-exec"), &program)?;
        Ok(Self { folder, program, runs: 0, special: Special::default() })
    }

    fn command(&mut self, program: &Path, label: &str, out: &File) -> Result<Command> {
        self.runs += 1;
        let mut command = Command::new(program);
        command.env("TEST_EXEC_LABEL", label).stdin(Stdio::null()).stdout(out.try_clone()?);
        Ok(command)
    }

    fn args(&mut self, label: &str, out: &File, args: impl IntoIterator<Item = OsString>) -> Result<usize> {
        let program = self.program.clone();
        well(self.command(&program, label, out)?.args(args), 1)
    }

    /// An argument area of this many bytes.
    fn sized(&mut self, label: &str, out: &File, size: usize) -> Result<usize> {
        let program = self.program.clone();
        let mut command = self.command(&program, label, out)?;
        let last = "x".repeat(size.saturating_sub("name".len() + 2));
        well(command.arg0("name").arg(last), 1)
    }

    /// The sizes around a boundary in turn.
    fn around(&mut self, label: &str, out: &File, size: usize) -> Result<usize> {
        self.sized(label, out, size - 2 + self.runs % 5)
    }

    /// Each step is one more exec.
    fn steps(&mut self, label: &str, out: &File, steps: &str, with: Option<&Path>) -> Result<usize> {
        let program = self.program.clone();
        let mut command = self.command(&program, label, out)?;
        if let Some(with) = with {
            command.env("TEST_EXEC_WITH", with);
        }
        well(command.env("TEST_EXEC_STEPS", steps).args(["some", "arguments"]), 1 + steps.split(',').count())
    }

    /// A path that was not used before.
    fn fresh(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}-{}", self.runs))
    }

    fn deleted_before(&mut self, label: &str, out: &File) -> Result<usize> {
        let copy = self.fresh("gone");
        self.steps(label, out, "unlinked", Some(&copy))
    }

    fn deleted_after(&mut self, label: &str, out: &File) -> Result<usize> {
        let copy = self.fresh("soon-gone");
        fs::copy(&self.program, &copy)?;
        let length = out.metadata()?.len();
        let mut command = self.command(&copy, label, out)?;
        let mut child = command.env("TEST_EXEC_STEPS", "hold").stdin(Stdio::piped()).spawn()?;
        let reported = || (out.metadata().ok()?.len() > length).then_some(());
        wait::until("its report", STEP, reported)?;
        fs::remove_file(&copy)?;
        drop(child.stdin.take());
        ensure!(child.wait()?.success(), "it ended badly");
        Ok(1)
    }

    fn write_script(&mut self, label: &str, interpreter: &str) -> Result<PathBuf> {
        let script = self.fresh("script");
        fs::write(&script, format!("#!{interpreter} an option\nnothing that is read\n"))?;
        fs::set_permissions(&script, Permissions::from_mode(0o755))?;
        self.special.interpreters.insert(label.to_owned(), interpreter.to_owned());
        Ok(script)
    }

    fn script(&mut self, label: &str, out: &File, relative: bool) -> Result<usize> {
        let program = self.program.to_string_lossy().into_owned();
        let script = self.write_script(label, if relative { "./test-exec" } else { &program })?;
        let folder = self.folder.clone();
        well(self.command(&script, label, out)?.current_dir(folder).args(["to", "the script"]), 1)
    }

    fn relative_script(&mut self, label: &str, out: &File) -> Result<usize> {
        let program = self.program.to_string_lossy().into_owned();
        let script = self.write_script(label, &program)?;
        let name = Path::new("..").join("programs").join(script.file_name().context("no name")?);
        let folder = self.folder.clone();
        well(self.command(&name, label, out)?.current_dir(folder), 1)
    }

    /// Executed as `name`, in folders of that name, so many deep.
    fn named(&mut self, label: &str, out: &File, name: &str, depth: usize) -> Result<usize> {
        let top = self.fresh("tree");
        let folder = (0..depth).fold(top.clone(), |folder, _| folder.join(name));
        fs::create_dir_all(&folder)?;
        let program = folder.join(name);
        fs::hard_link(&self.program, &program)?;
        let done = well(self.command(&program, label, out)?.arg("x"), 1);
        fs::remove_dir_all(&top)?;
        done
    }

    fn too_deep(&mut self, label: &str, out: &File) -> Result<usize> {
        self.special.deep.insert(label.to_owned());
        self.named(label, out, "d", 40)
    }

    fn linked(
        &mut self,
        label: &str,
        out: &File,
        link: fn(PathBuf, PathBuf) -> std::io::Result<()>,
    ) -> Result<usize> {
        let other = self.fresh("link");
        link(self.program.clone(), other.clone())?;
        let done = well(&mut self.command(&other, label, out)?, 1);
        fs::remove_file(&other)?;
        done
    }

    fn terminal(&mut self, label: &str, out: &File) -> Result<usize> {
        let manager = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&manager)?;
        unlockpt(&manager)?;
        let terminal = ptsname(&manager, Vec::new())?;
        self.steps(label, out, "terminal", Some(Path::new(terminal.to_str()?)))
    }

    fn cgroup(&mut self, label: &str, out: &File) -> Result<usize> {
        let group = Cgroup::create()?;
        self.steps(label, out, "cgroup", Some(group.path()))
    }

    fn spaces(&mut self, label: &str, out: &File) -> Result<usize> {
        let folder = self.fresh("mount");
        fs::create_dir(&folder)?;
        self.steps(label, out, "spaces", Some(&folder))
    }
}

/// Runs it to its end; gives `execs`.
fn well(command: &mut Command, execs: usize) -> Result<usize> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(execs)
}
