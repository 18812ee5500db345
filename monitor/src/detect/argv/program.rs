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
    /// A package brought it: what it is given as a file may be the file of another.
    pub(super) packaged: bool,
}

/// Folders that root alone writes.
const SYSTEM: [&str; 9] =
    ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/nix/store/", "/gnu/store/"];
/// Those of them where an administrator puts what no package brings.
const BY_HAND: [&str; 2] = ["/usr/local/", "/opt/"];

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
        "abduco",
        "apptainer",
        "at",
        "aws-vault",
        "bpftrace",
        "bwrap",
        "byobu",
        "catatonit",
        "chamber",
        "chpst",
        "chroot",
        "conda",
        "coreutils",
        "cpulimit",
        "crond",
        "daemonize",
        "dbus-run-session",
        "distrobox",
        "doas",
        "docker-init",
        "doppler",
        "dtach",
        "dumb-init",
        "entr",
        "env",
        "envconsul",
        "expect",
        "fakechroot",
        "firejail",
        "flatpak",
        "flock",
        "forever",
        "gdb",
        "gdbserver",
        "gosu",
        "heaptrack",
        "hyperfine",
        "ionice",
        "lldb",
        "ltrace",
        "make",
        "mpiexec",
        "mpirun",
        "nice",
        "ninja",
        "nodemon",
        "nohup",
        "npx",
        "nsenter",
        "numactl",
        "orterun",
        "parallel",
        "perf",
        "pipenv",
        "pkexec",
        "pm2",
        "poetry",
        "proot",
        "proxychains4",
        "prterun",
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
        "sg",
        "singularity",
        "sshpass",
        "start-stop-daemon",
        "starter",
        "starter-suid",
        "stdbuf",
        "strace",
        "su",
        "su-exec",
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
        "tini-static",
        "tmux",
        "toolbox",
        "torsocks",
        "trace-cmd",
        "uftrace",
        "unbuffer",
        "unshare",
        "uv",
        "valgrind",
        "watch",
        "watchexec",
        "xargs",
        "xvfb-run",
        "zellij",
    ],
    // Clients of what runs elsewhere.
    &[
        "ansible",
        "ansible-playbook",
        "autossh",
        "aws",
        "az",
        "bsub",
        "buildah",
        "condor_submit",
        "conmon",
        "containerd-shim-runc-v2",
        "crictl",
        "crun",
        "ctr",
        "docker",
        "docker-compose",
        "dockerd",
        "gcloud",
        "gcloud.py",
        "helm",
        "incus",
        "k3s",
        "k9s",
        "kubectl",
        "kubelet",
        "lxc",
        "lxc-attach",
        "lxc-start",
        "machinectl",
        "mosh",
        "mosh-client",
        "nerdctl",
        "nomad",
        "oc",
        "packer",
        "podman",
        "pssh",
        "pulumi",
        "qemu-system-x86_64",
        "qsub",
        "rsync",
        "runc",
        "salt",
        "salt-call",
        "salt-minion",
        "salt-ssh",
        "sbatch",
        "scp",
        "srun",
        "ssh",
        "sshd",
        "sshuttle",
        "teleport",
        "terraform",
        "tsh",
        "vagrant",
        "virsh",
    ],
    // Show, edit and search.
    &[
        "ack",
        "ag",
        "atom",
        "awk",
        "bat",
        "cat",
        "ccze",
        "code",
        "codium",
        "cut",
        "delta",
        "diff",
        "ed",
        "egrep",
        "emacs",
        "emacs-gtk",
        "emacs-nox",
        "emacsclient",
        "evince",
        "featherpad",
        "fgrep",
        "find",
        "gawk",
        "geany",
        "gedit",
        "gitk",
        "glow",
        "gnome-text-editor",
        "grep",
        "gvim",
        "head",
        "helix",
        "hexedit",
        "hx",
        "idea",
        "inotifywait",
        "inotifywatch",
        "jed",
        "joe",
        "journalctl",
        "jq",
        "kak",
        "kate",
        "kwrite",
        "lapce",
        "less",
        "lnav",
        "locate",
        "logger",
        "man",
        "mawk",
        "mcedit",
        "meld",
        "micro",
        "more",
        "most",
        "mousepad",
        "multitail",
        "nano",
        "ne",
        "nvim",
        "pgrep",
        "pkill",
        "pluma",
        "ps",
        "rg",
        "sed",
        "soffice.bin",
        "subl",
        "sublime_text",
        "tail",
        "tee",
        "tig",
        "typora",
        "vi",
        "vim",
        "vim.basic",
        "vim.gtk3",
        "vim.nox",
        "vim.tiny",
        "vimdiff",
        "wall",
        "watchman",
        "xed",
        "yara",
        "yq",
        "zed",
        "zgrep",
        "zstdgrep",
    ],
    // Fetch, build, install, keep.
    &[
        "7z",
        "apt",
        "apt-get",
        "aria2c",
        "borg",
        "borgmatic",
        "cargo",
        "cmake",
        "curl",
        "dig",
        "dnf",
        "dpkg",
        "duplicity",
        "gcc",
        "gh",
        "git",
        "go",
        "hg",
        "kopia",
        "nc",
        "nc.openbsd",
        "nc.traditional",
        "ncat",
        "nmap",
        "npm",
        "openssl",
        "pacman",
        "pip",
        "pip3",
        "pipx",
        "rclone",
        "restic",
        "rpm",
        "rustc",
        "socat",
        "svn",
        "tar",
        "telnet",
        "wget",
        "yarn",
        "yum",
        "zip",
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
            return Some(Self { args: own.to_vec(), folder: folder(path), packaged: is_packaged(path) });
        }
        // The value of an interpreter's own option may be taken for the script: then the script is one of the
        // arguments, which does no harm.
        let script = own.iter().position(|argument| !argument.starts_with('-'))?;
        let (script, behind) = own.get(script..)?.split_first()?;
        (!is_carrier(script)).then(|| Self {
            args: behind.to_vec(),
            folder: None,
            packaged: is_packaged(script),
        })
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

fn is_packaged(path: &str) -> bool {
    is_systems(path) && !BY_HAND.iter().any(|folder| path.starts_with(folder))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Where a miner that was put there reads its configuration from.
fn folder(path: &str) -> Option<&str> {
    let (folder, _) = path.rsplit_once('/')?;
    (path.starts_with('/') && !is_systems(path) && !folder.starts_with("/memfd:")).then_some(folder)
}
