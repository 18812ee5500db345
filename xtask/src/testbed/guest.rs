//! One guest: its files over the root tree, its start and its end.
use std::{
    fmt::Write as _,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::{boot::Boot, cgroup::Cgroup, image, lab, lab::Lab, ssh, wait};

/// As /proc has it.
const NSPAWN: &str = "systemd-nspawn";
/// How long systemd may take to power off before it is killed.
const STOP: Duration = Duration::from_secs(10);

/// A guest by its number, running or not.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// From 1.
    pub(crate) number: u8,
    folder: PathBuf,
    machine: String,
    cgroup: Cgroup,
}

impl Guest {
    /// Guest `number` of the fleet whose folder and name these are.
    pub(super) fn new(run: &Path, fleet: &str, number: u8) -> Result<Self> {
        let machine = format!("{fleet}-h{number}");
        let cgroup = Cgroup::named(&machine)?;
        Ok(Self { number, folder: run.join(format!("h{number}")), machine, cgroup })
    }

    /// Its host name: `h1`.
    pub(crate) fn name(&self) -> String {
        format!("h{}", self.number)
    }

    /// What it printed on its console.
    pub(crate) fn console(&self) -> PathBuf {
        self.folder.join("console")
    }

    /// The public half of its ssh host key.
    pub(super) fn host_key(&self) -> PathBuf {
        self.upper().join("etc/ssh/ssh_host_ed25519_key.pub")
    }

    /// Its own files, over those of the root tree.
    pub(crate) fn upper(&self) -> PathBuf {
        self.folder.join("up")
    }

    /// Its processes, by the pids of this namespace.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        self.cgroup.processes()
    }

    /// Starts it, with `key` (the text of a public key) let in as root. It has not booted when this returns.
    pub(super) fn start(&self, tree: &Path, lab: &Lab, key: &str, bpf: bool) -> Result<Child> {
        // What a start that was cut off left.
        self.finish(Instant::now())?;
        self.write_files(key)?;
        self.cgroup.create()?;
        let console = File::create(self.console())?;
        let mut command = lab.command();
        command
            .args(["unshare", "--mount", "--propagation", "private", "--"])
            .arg(std::env::current_exe()?)
            .args(["fleet", "boot"])
            .args(Boot::arguments(tree, &self.folder, &self.machine, &self.name(), bpf))
            .stdin(Stdio::null())
            .stdout(console.try_clone()?)
            .stderr(console);
        command.spawn().with_context(|| format!("cannot start {}", self.name()))
    }

    /// Asks it to power off; a second time makes systemd-nspawn end it at once.
    pub(super) fn ask_to_stop(&self) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits for its end until [`STOP`] after `asked`, kills what is left, and removes all that was its own. Nothing
    /// to do is no error.
    pub(super) fn finish(&self, asked: Instant) -> Result<()> {
        let left = STOP.saturating_sub(asked.elapsed());
        // What does not end by itself is killed below.
        let _ = wait::until("the guest's end", left, || Ok(self.processes().is_empty().then_some(())));
        self.cgroup.remove()?;
        // systemd-nspawn leaves an empty folder of this name.
        let _ = fs::remove_dir(Path::new("/run/systemd/nspawn/propagate").join(&self.machine));
        image::remove_tree(&self.folder)
    }

    /// The pid of systemd-nspawn, if it runs: the first of its name, as it is the parent of any other.
    pub(crate) fn pid(&self) -> Option<Pid> {
        let name = |pid: &Pid| {
            fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap_or_default()
        };
        self.processes().into_iter().find(|pid| name(pid).trim_end() == NSPAWN)
    }

    fn write_files(&self, key: &str) -> Result<()> {
        for name in ["work", "root", "bpf"] {
            folder(&self.folder.join(name), 0o755)?;
        }
        let name = self.name();
        self.file("etc/hostname", 0o644, &format!("{name}\n"))?;
        self.file("etc/hosts", 0o644, &hosts())?;
        self.file("etc/machine-id", 0o444, &format!("{}\n", machine_id()?))?;
        let address = lab::address(self.number);
        let network =
            format!("[Match]\nName=host0\n[Network]\nAddress={address}/24\nLinkLocalAddressing=no\n");
        self.file("etc/systemd/network/10-host0.network", 0o644, &network)?;
        self.file("root/.ssh/authorized_keys", 0o600, key)?;
        for secret in ["root", "root/.ssh"] {
            folder(&self.upper().join(secret), 0o700)?;
        }
        let ssh = self.upper().join("etc/ssh");
        folder(&ssh, 0o755)?;
        ssh::make_key(&ssh.join("ssh_host_ed25519_key"), &name)
    }

    fn file(&self, path: &str, mode: u32, text: &str) -> Result<()> {
        let mut parent = self.upper();
        folder(&parent, 0o755)?;
        let path = Path::new(path);
        for part in path.parent().into_iter().flat_map(Path::components) {
            parent.push(part);
            folder(&parent, 0o755)?;
        }
        let path = self.upper().join(path);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        Ok(())
    }
}

/// A folder with exactly that mode, whatever the umask.
fn folder(path: &Path, mode: u32) -> Result<()> {
    fs::create_dir_all(path).with_context(|| path.display().to_string())?;
    fs::set_permissions(path, Permissions::from_mode(mode)).with_context(|| path.display().to_string())
}

/// Every guest knows every other by name.
fn hosts() -> String {
    let mut text = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
    for number in 1..=lab::MOST {
        let _ = writeln!(text, "{} h{number}", lab::address(number));
    }
    text
}

fn machine_id() -> Result<String> {
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok(uuid.trim().replace('-', ""))
}
