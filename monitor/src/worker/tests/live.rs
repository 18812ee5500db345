//! Facts of processes that the test starts itself.
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::fs::{CWD, FileType, MemfdFlags, Mode, memfd_create, mknodat};
use sha2::{Digest as _, Sha256};

use crate::{
    enrich::place::place,
    event::{Owner, OwnerSource, ProcFacts, ProcessKey, Ticks},
    worker::{
        boot_now,
        facts::FactReader,
        procfs::{Identity, LiveProcFs, ProcFs as _},
        same_process,
    },
};

/// A process that is ended with the test.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut running = Self(child.unwrap());
        // `spawn` returns when the old image is gone; the new one gets its arguments last.
        while fs::read(format!("/proc/{}/cmdline", running.pid())).unwrap().is_empty() {
            assert_eq!(running.0.try_wait().unwrap(), None, "ended at once");
            std::thread::yield_now();
        }
        running
    }

    /// Waits for a line of output: the process may have replaced its image since it was started.
    fn ready(mut self) -> Self {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        self
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(super) fn key(&self) -> ProcessKey {
        let process = LiveProcFs.open(self.pid()).unwrap();
        ProcessKey { tgid: self.pid(), start: Identity::of(&*process).unwrap().start }
    }

    fn facts(&self) -> ProcFacts {
        let facts = FactReader::new(Box::new(LiveProcFs)).facts(self.pid(), self.key());
        assert_eq!(facts.error, None);
        facts
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A copy of /bin/sleep, written by another process: see ETXTBSY in execve(2).
fn sleep_as(path: &Path) {
    assert!(Command::new("cp").arg("/bin/sleep").arg(path).status().unwrap().success());
}

#[test]
fn a_python_script_is_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    let code = "import sys\nprint('ready', flush=True)\nsys.stdin.read()\n";
    fs::write(folder.path().join("miner.py"), code).unwrap();
    let process = Running::start(
        Command::new("python3")
            .args(["-u", "./miner.py", "-o", "h:1", "--pass", "s3cr3t"])
            .current_dir(folder.path()),
    )
    .ready();
    let facts = process.facts();

    let exe = fs::read_link(format!("/proc/{}/exe", process.pid())).unwrap();
    assert_eq!(facts.exe.as_deref(), exe.to_str());
    assert!(!facts.exe_deleted);
    let stat = fs::metadata(&exe).unwrap();
    assert_eq!(facts.exe_file.unwrap().inode, stat.ino());
    let device = (rustix::fs::major(stat.dev()), rustix::fs::minor(stat.dev()));
    assert_eq!(facts.exe_file.unwrap().device, u64::from(device.0) << 20 | u64::from(device.1));
    assert_eq!(facts.exe_sha256, Some(sha256(&fs::read(&exe).unwrap())));

    let script = folder.path().canonicalize().unwrap().join("miner.py");
    assert_eq!(facts.script.as_deref(), script.to_str());
    assert_eq!(facts.script_sha256, Some(sha256(code.as_bytes())));
    assert_eq!(facts.command.args[1..], ["-u", "./miner.py", "-o", "h:1", "--pass", "***"]);
    assert!(facts.command.redacted && !facts.command.truncated);

    assert_eq!(facts.uid, Some(rustix::process::getuid().as_raw()));
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    assert_eq!(facts.user.as_deref(), Some(String::from_utf8(user).unwrap().trim()));
    assert_eq!(facts.parent_pid, std::process::id());
    assert_eq!(facts.ancestry[0].1, std::process::id());
    assert!(facts.ancestry.len() == 16 || facts.ancestry.last().unwrap().1 == 1);
    let cgroup = fs::read_to_string(format!("/proc/{}/cgroup", process.pid())).unwrap();
    assert_eq!(facts.place, place(&cgroup));
}

#[test]
fn code_in_an_argument_is_digested_whole() {
    let code = format!("read x # {}", "x".repeat(100_000));
    let facts = Running::start(Command::new("sh").arg("-c").arg(&code)).facts();
    assert_eq!((facts.script.as_deref(), facts.script_sha256), (Some("-c"), Some(sha256(code.as_bytes()))));
    assert!(facts.command.truncated);
    assert!(facts.command.args.concat().len() < 4096);
}

#[test]
fn an_executable_without_a_name_is_still_digested() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
    let sleep = sha256(&fs::read("/bin/sleep").unwrap());
    // Name on disk; removed while it runs; another name stays.
    for (name, removed, linked) in [
        ("plain", false, false),
        ("gone", true, false),
        ("linked", true, true),
        ("x (deleted)", false, false),
    ] {
        sleep_as(&path(name));
        let process = Running::start(Command::new(path(name)).arg("600"));
        if linked {
            fs::hard_link(path(name), path("other")).unwrap();
        }
        if removed {
            fs::remove_file(path(name)).unwrap();
        }
        let facts = process.facts();
        assert_eq!(facts.exe.as_deref(), path(name).to_str());
        assert_eq!(facts.exe_deleted, removed, "{name}");
        assert_eq!(facts.exe_sha256.as_ref(), Some(&sleep), "{name}");
    }
}

#[test]
fn an_executable_in_memory_is_digested() {
    let memory = memfd_create("kworker/0:1", MemfdFlags::CLOEXEC).unwrap();
    let content = fs::read("/bin/sleep").unwrap();
    std::io::Write::write_all(&mut fs::File::from(memory.try_clone().unwrap()), &content).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&memory);
    let path = format!("/proc/{}/fd/{number}", std::process::id());
    let facts = Running::start(Command::new(path).arg("600")).facts();
    assert_eq!((facts.exe.as_deref(), facts.exe_deleted), (Some("/memfd:kworker/0:1"), true));
    assert_eq!(facts.exe_sha256, Some(sha256(&content)));
}

#[test]
fn names_and_arguments_may_hold_any_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b) R 1 (c");
    sleep_as(&path);
    let facts = Running::start(Command::new(&path).arg("600")).facts();
    assert_eq!((facts.comm.as_str(), facts.parent_pid), ("a b) R 1 (c", std::process::id()));

    let code = OsStr::from_bytes(b"read x # \xff\xfe");
    let facts = Running::start(Command::new("sh").arg("-c").arg(code)).facts();
    assert_eq!(facts.command.args[2], "read x # \u{fffd}\u{fffd}");
    assert_eq!(facts.script_sha256, Some(sha256(code.as_bytes())));
}

#[test]
fn a_process_that_is_gone_or_another_is_an_error() {
    let process = Running::start(&mut Command::new("cat"));
    let (pid, key) = (process.pid(), process.key());
    let reader = FactReader::new(Box::new(LiveProcFs));
    let owner = Owner { key, pid, generation: None, source: OwnerSource::Connect };
    assert!(same_process(&owner));

    let other = ProcessKey { start: Ticks(key.start.0 + 1), ..key };
    assert!(reader.facts(pid, other).error.unwrap().contains("another process by now"));
    assert!(!same_process(&Owner { key: other, ..owner }));
    assert!(!same_process(&Owner { pid: 0, ..owner }));

    drop(process);
    assert_eq!(reader.facts(pid, key).error, Some(format!("process {pid} is gone")));
    assert!(!same_process(&owner));
}

#[test]
fn awkward_scripts_neither_hang_nor_escape() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
    let code = b"read x\n";
    fs::write(path("script"), code).unwrap();
    std::os::unix::fs::symlink(path("script"), path("link")).unwrap();
    fs::File::create(path("big")).unwrap().set_len(16 * 1024 * 1024 + 1).unwrap();
    rustix::io::pwrite(fs::OpenOptions::new().write(true).open(path("big")).unwrap(), code, 0).unwrap();
    mknodat(CWD, path("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();

    let digest = sha256(code);
    for (name, expected) in
        [("script", Some(&digest)), ("link", Some(&digest)), ("big", None), ("fifo", None)]
    {
        // The shell waits for input; on the FIFO, for somebody to write to it.
        let facts = Running::start(Command::new("sh").arg(path(name))).facts();
        assert_eq!(facts.script.as_deref(), path(name).to_str());
        assert_eq!(facts.script_sha256.as_ref(), expected, "{name}");
    }
}

#[test]
fn a_zombie_has_facts_without_an_executable() {
    let mut process = Running::start(&mut Command::new("cat"));
    let key = process.key();
    drop(process.0.stdin.take());
    // Ended, not waited for: its output is closed before it becomes a zombie, and waitid tells when it is one.
    let id = rustix::process::WaitId::Pid(
        rustix::process::Pid::from_raw(i32::try_from(process.pid()).unwrap()).unwrap(),
    );
    let how = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
    rustix::process::waitid(id, how).unwrap();
    let facts = FactReader::new(Box::new(LiveProcFs)).facts(process.pid(), key);
    assert_eq!((facts.error, facts.comm.as_str(), facts.exe), (None, "cat", None));
    assert!(facts.command.args.is_empty());
    assert_eq!(facts.parent_pid, std::process::id());
}

#[test]
fn the_boot_clock_is_the_one_of_start_times() {
    let process = Running::start(&mut Command::new("cat"));
    let started = process.key().start.0 * Ticks::NANOS;
    let age = boot_now().0.checked_sub(started).expect("started before now");
    assert!(age < 60_000_000_000, "{age} ns");
}
