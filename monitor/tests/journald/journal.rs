//! A journald of our own, in a log namespace that no one else uses, and the way to read it back.
use std::{
    fs,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use monitor::sink::journald::namespace_socket;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const JOURNALD: &str = "/lib/systemd/systemd-journald";
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A log namespace and its journald; ends with the value, and leaves no file behind.
pub(crate) struct Journal {
    name: String,
    daemon: Option<Child>,
    /// The socket, where the service manager keeps it open across restarts.
    held: Option<UnixDatagram>,
}

impl Journal {
    /// A running journald; `None`, with the reason printed, where there cannot be one.
    pub(crate) fn running() -> Option<Self> {
        let mut journal = Self::absent()?;
        journal.start();
        Some(journal)
    }

    /// As [`Journal::running`], not started yet.
    pub(crate) fn absent() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if let Some(reason) = why_not() {
            assert!(
                std::env::var_os("MINEWARDEN_REQUIRE_LIVE").is_none_or(|value| value != "1"),
                "live test required, but {reason}"
            );
            println!("skipped: {reason}");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let journal =
            Self { name: format!("mwtest{}x{number}", std::process::id()), daemon: None, held: None };
        let settings = "[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\n";
        fs::create_dir_all(journal.settings()).unwrap();
        fs::write(journal.settings().join("test.conf"), settings).unwrap();
        Some(journal)
    }

    /// As [`Journal::running`], with the socket held by us as a service manager does.
    pub(crate) fn socket_activated() -> Option<Self> {
        let mut journal = Self::absent()?;
        let socket = journal.socket();
        fs::create_dir_all(socket.parent().unwrap()).unwrap();
        journal.held = Some(UnixDatagram::bind(socket).unwrap());
        journal.start();
        Some(journal)
    }

    pub(crate) fn start(&mut self) {
        let mut command = match &self.held {
            None => Command::new(JOURNALD),
            Some(held) => {
                // systemd passes sockets as descriptors from 3 on, to the process that LISTEN_PID names.
                let mut shell = Command::new("sh");
                let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$1\" 3<&0 </dev/null";
                shell.args(["-c", script, JOURNALD]);
                shell.stdin(Stdio::from(OwnedFd::from(held.try_clone().unwrap())));
                shell
            }
        };
        self.daemon = Some(command.arg(&self.name).stderr(Stdio::null()).spawn().unwrap());
        // The socket may be there before journald reads; its varlink socket it makes itself, last.
        let ready =
            || UnixDatagram::unbound().unwrap().connect(self.socket()).is_ok() && self.socket().exists();
        wait_until("journald listens", ready);
    }

    pub(crate) fn socket(&self) -> PathBuf {
        namespace_socket(&self.name)
    }

    /// SIGKILL, and gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    /// SIGSTOP, and standing still.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.pid().as_raw_nonzero());
        wait_until("journald stands still", || fs::read_to_string(&stat).unwrap().contains(") T "));
    }

    /// SIGCONT.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn pid(&self) -> Pid {
        Pid::from_child(self.daemon.as_ref().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Every entry of minewarden in the order of the journal, as `journalctl -o json` with `options` gives it.
    pub(crate) fn entries(&self, options: &[&str]) -> Vec<Value> {
        let namespace = format!("--namespace={}", self.name);
        let arguments = [namespace.as_str(), "--quiet", "--output=json", "--identifier=minewarden"];
        let output = Command::new("journalctl").args(arguments).args(options).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until `count` entries are there, and gives them whole.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Value> {
        wait_until(&format!("{count} entries"), || self.entries(&["--all"]).len() >= count);
        self.entries(&["--all"])
    }

    /// What `journalctl -x` prints with our catalog installed in `database`, a catalog directory.
    pub(crate) fn explained(&self, database: &Path) -> String {
        let script = "mount --bind \"$0\" /var/lib/systemd/catalog && \
                      exec journalctl --namespace=\"$1\" --quiet --catalog --output=short";
        let mut command = Command::new("unshare");
        let output = command.args(["--mount", "sh", "-c", script]).arg(database).arg(&self.name).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn settings(&self) -> PathBuf {
        PathBuf::from(format!("/run/systemd/journald@{}.conf.d", self.name))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let files = PathBuf::from(format!("/run/log/journal/{}.{}", id.trim(), self.name));
        let sockets = self.socket().parent().map(Path::to_owned);
        for directory in [Some(files), Some(self.settings()), sockets].into_iter().flatten() {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

fn why_not() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root: cannot start a journald");
    }
    if !Path::new(JOURNALD).exists() {
        return Some("there is no /lib/systemd/systemd-journald");
    }
    if !Path::new("/etc/machine-id").exists() {
        return Some("there is no /etc/machine-id, which journald needs");
    }
    None
}

/// Looks every 10 ms until `holds`.
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
