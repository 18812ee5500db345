//! Whose arguments a command line holds: those of the program, of a script, or of a program that it starts.
//!
//! Owns the names of programs that only carry, show or search what others run, and what an interpreter's own
//! arguments are. Must not know miners' options. A name counts only for a file in a folder that root alone writes: a
//! miner called `vim` in somebody's home is judged.
use crate::enrich::processes::Image;

/// What of a process is to be judged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Program<'a> {
    /// Arguments, without its name; of an interpreter those of the script.
    pub(super) args: Vec<&'a str>,
    /// The folder of the program when anybody may have put it there.
    pub(super) folder: Option<&'a str>,
}

/// Folders that root alone writes.
const SYSTEM: [&str; 9] =
    ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/nix/store/", "/gnu/store/"];

/// Run a script; their names end in digits and dots.
const INTERPRETERS: [&str; 17] = [
    "bun", "deno", "dotnet", "java", "lua", "luajit", "mono", "node", "nodejs", "perl", "php", "pypy",
    "python", "ruby", "tclsh", "wine", "guile",
];

/// Their arguments are about what others run.
const CARRIERS: [&[&str]; 6] = [
    // Shells: a line of `-c`, or a script that starts what it is told.
    &["ash", "bash", "busybox", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "toybox", "xonsh", "zsh"],
    // Stay as the parent of what they start.
    &[
        "at",
        "bwrap",
        "catatonit",
        "chroot",
        "coreutils",
        "cpulimit",
        "crond",
        "daemonize",
        "dbus-run-session",
        "docker-init",
        "doas",
        "dumb-init",
        "env",
        "firejail",
        "flock",
        "gdb",
        "ionice",
        "lldb",
        "ltrace",
        "make",
        "ninja",
        "nice",
        "nohup",
        "nsenter",
        "numactl",
        "parallel",
        "perf",
        "pkexec",
        "proot",
        "proxychains4",
        "rr",
        "run-parts",
        "runsv",
        "runuser",
        "s6-supervise",
        "schroot",
        "screen",
        "script",
        "setpriv",
        "setsid",
        "sshpass",
        "start-stop-daemon",
        "stdbuf",
        "strace",
        "su",
        "sudo",
        "sudo-rs",
        "supervise",
        "systemd-inhibit",
        "systemd-nspawn",
        "systemd-run",
        "taskset",
        "time",
        "timeout",
        "tini",
        "tmux",
        "torsocks",
        "unshare",
        "valgrind",
        "watch",
        "xargs",
        "xvfb-run",
    ],
    // Clients of what runs elsewhere.
    &[
        "ansible",
        "ansible-playbook",
        "autossh",
        "buildah",
        "conmon",
        "containerd-shim-runc-v2",
        "crictl",
        "crun",
        "ctr",
        "docker",
        "docker-compose",
        "dockerd",
        "helm",
        "incus",
        "k3s",
        "k9s",
        "kubectl",
        "kubelet",
        "lxc",
        "mosh-client",
        "nerdctl",
        "nomad",
        "podman",
        "pssh",
        "rsync",
        "runc",
        "salt",
        "salt-call",
        "salt-ssh",
        "scp",
        "srun",
        "sbatch",
        "ssh",
        "sshd",
        "terraform",
        "vagrant",
    ],
    // Show, edit and search.
    &[
        "ack",
        "ag",
        "atom",
        "awk",
        "bat",
        "cat",
        "code",
        "cut",
        "diff",
        "ed",
        "egrep",
        "emacs",
        "emacs-gtk",
        "emacs-nox",
        "fgrep",
        "find",
        "gawk",
        "gedit",
        "grep",
        "head",
        "helix",
        "jed",
        "joe",
        "journalctl",
        "kate",
        "less",
        "locate",
        "logger",
        "man",
        "mawk",
        "micro",
        "more",
        "most",
        "mousepad",
        "nano",
        "nvim",
        "pgrep",
        "pkill",
        "ps",
        "rg",
        "sed",
        "tail",
        "tee",
        "vi",
        "vim",
        "vim.basic",
        "vim.gtk3",
        "vim.nox",
        "vim.tiny",
        "wall",
        "zgrep",
    ],
    // Fetch, build, install, keep.
    &[
        "apt",
        "apt-get",
        "aria2c",
        "cargo",
        "cmake",
        "curl",
        "dig",
        "dnf",
        "dpkg",
        "gcc",
        "gh",
        "git",
        "go",
        "hg",
        "ncat",
        "nc",
        "nc.openbsd",
        "nc.traditional",
        "nmap",
        "npm",
        "openssl",
        "pacman",
        "pip",
        "pip3",
        "rpm",
        "rustc",
        "socat",
        "svn",
        "tar",
        "telnet",
        "wget",
        "yarn",
        "yum",
        "zypper",
    ],
    // Look at the traffic or the blocks of others.
    &["bitcoin-cli", "chrome", "chromium", "firefox", "firefox-esr", "tcpdump", "tshark", "wireshark"],
];

impl<'a> Program<'a> {
    /// `None` when the arguments are about what others run.
    pub(super) fn of(image: &'a Image) -> Option<Self> {
        let args: Vec<&str> = image.command.args.iter().map(String::as_str).collect();
        let path = image.path().unwrap_or_default();
        let (_, own) = args.split_first()?;
        if is_carrier(path) {
            return None;
        }
        if !is_interpreter(path) {
            return Some(Self { args: own.to_vec(), folder: folder(path) });
        }
        // The value of an interpreter's own option may be taken for the script: then the script is one of the
        // arguments, which does no harm.
        let script = own.iter().position(|argument| !argument.starts_with('-'))?;
        let (script, behind) = own.get(script..)?.split_first()?;
        (!is_carrier(script)).then(|| Self { args: behind.to_vec(), folder: None })
    }
}

fn is_carrier(path: &str) -> bool {
    is_systems(path) && CARRIERS.iter().any(|names| names.contains(&name(path)))
}

fn is_interpreter(path: &str) -> bool {
    let stem = name(path).trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    INTERPRETERS.contains(&stem)
}

/// Containers put an init into `/` itself.
fn is_systems(path: &str) -> bool {
    !path.contains("/../")
        && (SYSTEM.iter().any(|folder| path.starts_with(folder)) || path.rfind('/') == Some(0))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Where a miner that was put there reads its configuration from.
fn folder(path: &str) -> Option<&str> {
    let (folder, _) = path.rsplit_once('/')?;
    (path.starts_with('/') && !is_systems(path) && !folder.starts_with("/memfd:")).then_some(folder)
}
