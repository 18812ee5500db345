//! Hosts that offer less, made from this one with private namespaces: the host's own mounts stay as they are.
//!
//! Every case needs root; without it each says that it was skipped, and fails when `MINEWARDEN_REQUIRE_LIVE=1`.
use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _},
    iter,
    os::fd::AsRawFd as _,
    path::PathBuf,
    process::{self, Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use monitor::host::cgroup::{Root, cgroup2_root};
use rustix::process::{Pid, Signal, kill_process};

use crate::agent::{Ran, assert_has, binary, is_root, ran};

/// How long the agent may take to attach, or to end: slow where the kernel is emulated.
const LIMIT: Duration = Duration::from_secs(60);
/// Without single quotes, so that it can stand between them.
const NO_CGROUP2: &str = r#"for mount in $(grep -F " - cgroup2 " /proc/self/mountinfo | cut -d" " -f5); do umount -l $mount; done"#;
const NO_RUN: &str = "mount -t tmpfs none /run";
const NO_BTF: &str = "mount -t tmpfs none /sys/kernel/btf";

fn live(case: &str) -> bool {
    if is_root() {
        return true;
    }
    let required = env::var_os("MINEWARDEN_REQUIRE_LIVE").is_some_and(|value| value == "1");
    assert!(!required, "{case}: needs root, and MINEWARDEN_REQUIRE_LIVE=1");
    eprintln!("SKIPPED {case}: needs root");
    false
}

/// The agent in a private mount namespace that `setup` has changed.
fn on_a_host_where(setup: &str, args: &[&str]) -> Command {
    unshared(&[], setup, args)
}

fn unshared(namespaces: &[&str], setup: &str, args: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).args(namespaces);
    command.args(["sh", "-c", &format!("set -e; {setup}; exec \"$0\" \"$@\"")]).arg(binary()).args(args);
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// The check of `doctor` that is called `what`.
fn check(command: &mut Command, what: &str) -> serde_json::Value {
    let Ran { stdout, stderr, .. } = ran(command);
    let report: serde_json::Value =
        serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    let checks = report["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["what"] == what)
        .unwrap_or_else(|| panic!("no {what} in {report}"))
        .clone()
}

#[test]
fn without_btf_run_and_doctor_say_so() {
    if !live("without BTF") {
        return;
    }
    let error = ran(&mut on_a_host_where(NO_BTF, &["run"])).refused();
    assert!(error.starts_with("BTF: /sys/kernel/btf/vmlinux: No such file or directory"), "{error}");
    assert_has(&error, "; lost: everything");
    assert_has(&error, "; to do: boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
    let doctor = ran(&mut on_a_host_where(NO_BTF, &["doctor"]));
    assert_eq!(doctor.status, 2);
    assert_has(&doctor.stdout, "does not work here, for want of: BTF");
}

#[test]
fn scan_needs_neither_journald_nor_a_cgroup2_mount() {
    if !live("scan") {
        return;
    }
    let scan = ran(&mut on_a_host_where(NO_BTF, &["scan"])).refused();
    assert!(scan.starts_with("BTF: "), "{scan}");
    let setup = format!("{NO_RUN}; {NO_CGROUP2}");
    let scan = ran(&mut on_a_host_where(&setup, &["scan", "--for", "0s"]));
    assert!(matches!(scan.status, 0 | 1), "{scan:?}");
    let last = scan.stdout.lines().last().unwrap();
    assert!(last.starts_with("processes: ") && last.contains(", connections: "), "{scan:?}");
    assert!(scan.stderr.lines().all(|line| line.starts_with("minewarden: warning: ")), "{scan:?}");
    let json = ran(&mut on_a_host_where("true", &["scan", "--for", "0s", "--json"]));
    assert!(json.stdout.lines().all(|line| line.starts_with('{')), "{json:?}");
}

#[test]
fn root_of_a_user_namespace_is_not_root() {
    if !live("in a user namespace") {
        return;
    }
    let namespaces = ["--user", "--map-root-user"];
    let error = ran(&mut unshared(&namespaces, "true", &["run"])).refused();
    assert!(error.starts_with("user namespace: not the host's but user:["), "{error}");
}

#[test]
fn journald_asked_for_where_there_is_none_is_refused() {
    if !live("without journald") {
        return;
    }
    let error = ran(&mut on_a_host_where(NO_RUN, &["run", "--sink", "journald"])).refused();
    assert!(error.starts_with("--sink journald: /run/systemd/journal/socket: No such file"), "{error}");
    assert_eq!(check(&mut on_a_host_where(NO_RUN, &["doctor", "--json"]), "journald")["state"], "degraded");
}

#[test]
fn without_journald_and_systemd_run_writes_lines_and_says_why() {
    if !live("without journald and systemd") {
        return;
    }
    let stderr = watches_and_stops(on_a_host_where(NO_RUN, &["run"]), Signal::TERM);
    assert_has(&stderr, "minewarden: warning: degraded, systemd: not the init system");
    assert_has(&stderr, "minewarden: warning: degraded, journald: /run/systemd/journal/socket: No such file");
    assert_has(&stderr, "readable lines go to stdout");
}

#[test]
fn without_a_cgroup2_mount_doctor_and_run_use_a_detached_one() {
    if !live("without a cgroup2 mount") {
        return;
    }
    let row = check(&mut on_a_host_where(NO_CGROUP2, &["doctor", "--json"]), "cgroup2");
    assert_eq!(
        (&row["state"], &row["found"]),
        (&"ok".into(), &"real root, inode 1, by detached mount".into())
    );
    watches_and_stops(on_a_host_where(NO_CGROUP2, &["run", "--sink", "json"]), Signal::INT);
}

#[test]
fn pid_1s_view_of_cgroup2_is_used_where_ours_has_none() {
    if !live("with cgroup2 in PID 1's mounts only") {
        return;
    }
    // The outer shell is PID 1 of its namespace and keeps its cgroup2 mounts; only the inner one loses them.
    let private = "unshare --mount --propagation private";
    let inner = format!("{private} sh -c '{NO_CGROUP2}; exec \"$0\" \"$@\"' \"$0\" \"$@\"; exit");
    let mut command = unshared(&["--pid", "--fork", "--mount-proc"], &inner, &["doctor", "--json"]);
    let row = check(&mut command, "cgroup2");
    assert_eq!(row["state"], "ok", "{row}");
    assert_has(row["found"].as_str().unwrap(), "real root, inode 1, by /proc/1/root/sys/fs/cgroup");
}

#[test]
fn past_a_private_cgroup_namespaces_false_root_lies_the_real_one() {
    if !live("in a private cgroup namespace") {
        return;
    }
    let child = Cgroup::new();
    let enter = format!("echo $$ > {}/cgroup.procs; exec unshare --cgroup sh -c", child.path().display());
    let falsify = format!("{NO_CGROUP2}; mount -t cgroup2 none /sys/fs/cgroup");
    let setup = format!("{enter} '{falsify}; exec \"$0\" \"$@\"' \"$0\" \"$@\"");
    let row = check(&mut on_a_host_where(&setup, &["doctor", "--json"]), "cgroup2");
    let found = "real root, inode 1, by file handle of the root, past /sys/fs/cgroup";
    assert_eq!((&row["state"], &row["found"]), (&"ok".into(), &found.into()));
    let blind = setup.replace("exec \"$0\"", "exec setpriv --bounding-set -dac_read_search \"$0\"");
    let row = check(&mut on_a_host_where(&blind, &["doctor", "--json"]), "cgroup2");
    assert_eq!(row["state"], "degraded", "{row}");
    assert_has(row["found"].as_str().unwrap(), "only the root of a private cgroup namespace (inode ");
}

/// A cgroup of this test below the real root, removed when it is dropped.
struct Cgroup {
    root: Root,
    name: String,
}

impl Cgroup {
    fn new() -> Self {
        let child = Self { root: cgroup2_root().unwrap(), name: format!("minewarden-cli-{}", process::id()) };
        fs::create_dir(child.path()).unwrap();
        child
    }

    /// By this process's descriptor, so that it can be reached from any mount namespace.
    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}/{}", process::id(), self.root.fd.as_raw_fd(), self.name))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(self.path()) {
            assert!(thread::panicking(), "cgroup {}: {error}", self.name);
        }
    }
}

/// Waits until the agent says that it watches, ends it with `signal`, and returns its stderr.
fn watches_and_stops(mut command: Command, signal: Signal) -> String {
    let mut agent = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let lines = agent.lines();
    assert!(until(&lines, "agent-started"), "it did not start: {}", agent.killed());
    kill_process(Pid::from_child(&agent.0), signal).unwrap();
    assert!(until(&lines, "agent-stopped"), "it did not stop: {}", agent.killed());
    let status = agent.0.wait().unwrap();
    let stderr = agent.stderr();
    assert!(status.success(), "{status}: {stderr}");
    stderr
}

/// Whether a line with `word` comes in time.
fn until(lines: &mpsc::Receiver<String>, word: &str) -> bool {
    let deadline = Instant::now() + LIMIT;
    let next = || lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
    iter::from_fn(next).any(|line| line.contains(word))
}

/// A child that does not outlive its test.
struct Running(Child);

impl Running {
    fn lines(&mut self) -> mpsc::Receiver<String> {
        let (sender, receiver) = mpsc::channel();
        let stdout = BufReader::new(self.0.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        receiver
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn killed(&mut self) -> String {
        self.0.kill().unwrap();
        self.stderr()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended and reaped in the good case.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
