//! The agent's binary as a command, and what a run of it came to.
use std::{
    env, fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// `nobody` on every distribution.
const NOBODY: u32 = 65534;

/// `MINEWARDEN_AGENT`, else `minewarden` in the target directory that this test was built into.
pub(crate) fn binary() -> PathBuf {
    let built = || {
        let own = env::current_exe().expect("this test's own path");
        own.parent().and_then(Path::parent).expect("target/PROFILE/deps").join("minewarden")
    };
    let path = env::var_os("MINEWARDEN_AGENT").map_or_else(built, PathBuf::from);
    assert!(
        path.is_file(),
        "no agent at {}: cargo build -p monitor, or set MINEWARDEN_AGENT",
        path.display()
    );
    path
}

/// The agent with arguments, nothing inherited that changes what it says.
pub(crate) fn minewarden(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// The same as somebody who is not root, from a copy in `directory` that nobody may reach and run.
pub(crate) fn minewarden_as_nobody(directory: &Path, args: &[&str]) -> Command {
    if !is_root() {
        return minewarden(args);
    }
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = directory.join("minewarden");
    // By a process of its own: a child that another test forks meanwhile would inherit a descriptor open for
    // writing, and a file open for writing cannot be run (ETXTBSY).
    assert!(Command::new("cp").arg(binary()).arg(&copy).status().unwrap().success());
    let mut command = Command::new(copy);
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null()).current_dir("/").uid(NOBODY).gid(NOBODY);
    command
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the agent starts");
    Ran {
        status: status.code().unwrap_or_else(|| panic!("ended by a signal: {status}")),
        stdout: String::from_utf8(stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(stderr).expect("stderr is UTF-8"),
    }
}

impl Ran {
    /// It went well and had nothing to complain of.
    pub(crate) fn well(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    /// It failed as every command does: status 2, nothing on stdout, one line on stderr besides warnings. Returns
    /// that line.
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.status, self.stdout.as_str()), (2, ""), "{self:?}");
        let is_error = |line: &&str| !line.starts_with("minewarden: warning: ");
        let errors: Vec<_> = self.stderr.lines().filter(is_error).collect();
        assert!(errors.len() == 1 && self.stderr.ends_with('\n'), "not one line: {:?}", self.stderr);
        let error = errors[0].strip_prefix("minewarden: ").unwrap_or_else(|| panic!("{self:?}"));
        assert!(!error.contains("panicked"), "{error}");
        error.to_owned()
    }
}

/// Fails with both texts when `text` lacks `part`.
#[track_caller]
pub(crate) fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in {text:?}");
}
