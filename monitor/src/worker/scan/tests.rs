//! Scans of processes that the test starts itself, and of a made-up /proc.
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use super::*;
use crate::{
    event::{OwnerSource, ProcessKey, RuleMatch, Ticks},
    rules::known_of,
    worker::{
        facts::FactReader,
        procfs::{Identity, LiveProcFs},
        tests::fake::{FakeProcFs, FakeProcess},
    },
};

const RULE: &str = "rule marked { meta: description = \"a test\" strings: $a = \"needle-one\" $b = \"needle-two\"\n\
    condition: all of them }";
const MARKS: &[u8] = b"needle-one needle-two";

/// A process that is ended with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Whatever it is, it answers when it runs.
        child.stdin.as_mut().unwrap().write_all(b"ready\n").unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn owner(&self) -> Owner {
        let process = LiveProcFs.open(self.0.id()).unwrap();
        let start = Identity::of(&*process).unwrap().start;
        let key = ProcessKey { tgid: self.0.id(), start };
        Owner { key, pid: self.0.id(), generation: None, source: OwnerSource::Own }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A program that echoes its input, with something behind its end.
fn program(path: &Path, more: &[u8]) {
    fs::copy("/bin/cat", path).unwrap();
    File::options().append(true).open(path).unwrap().write_all(more).unwrap();
}

fn scanner() -> Scanner {
    Scanner::new(&known_of(RULE), Arc::new(LiveProcFs), Arc::default())
}

fn scan(scanner: &Scanner, owner: Owner, target: ScanTarget) -> Scanned {
    let (Body::Scanned(scanned), failed) = scanner.carry_out(&(owner, target)) else {
        panic!("another answer")
    };
    assert_eq!((failed, scanned.target), (scanned.error.is_some(), target));
    *scanned
}

fn marked() -> Vec<RuleMatch> {
    vec![RuleMatch { name: "marked".into(), description: Some("a test".into()), bundled: true }]
}

#[test]
fn an_executable_is_known_by_its_content_also_when_it_has_no_name_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("harmless");
    program(&path, MARKS);
    let running = Running::start(&mut Command::new(&path));
    let scanner = scanner();
    let seen = scan(&scanner, running.owner(), ScanTarget::File);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(seen.matches, marked());
    assert_eq!(seen.sha256, Some(digest::of_bytes(&bytes)));
    assert_eq!((seen.size, seen.packed, seen.settled), (bytes.len() as u64, None, false));
    fs::remove_file(&path).unwrap();
    let after = scan(&scanner, running.owner(), ScanTarget::File);
    assert_eq!((after.matches, after.sha256), (marked(), seen.sha256));
    assert!(after.changed > seen.changed, "the loss of its name is a change of its inode");
}

#[test]
fn a_settled_file_is_read_once_and_its_digest_is_everybody_s() {
    let running = Running::start(&mut Command::new("/bin/cat"));
    let reader = FactReader::new(Box::new(LiveProcFs));
    let scanner = Scanner::new(&known_of(RULE), Arc::new(LiveProcFs), reader.digests());
    let first = scan(&scanner, running.owner(), ScanTarget::File);
    assert!(first.settled && first.matches.is_empty() && first.changed > 0);
    assert_eq!(scanner.verdicts.lock().unwrap().len(), 1);
    assert_eq!(scan(&scanner, running.owner(), ScanTarget::File), first);
    let exe = LiveProcFs.open(running.0.id()).unwrap().exe().unwrap();
    let past = Instant::now() - Duration::from_secs(1);
    assert_eq!(reader.digests().of(&exe, None, u64::MAX, past), first.sha256, "known without reading");
}

#[test]
fn a_huge_sparse_executable_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    program(&path, MARKS);
    File::options().write(true).open(&path).unwrap().set_len(10 << 30).unwrap();
    let running = Running::start(&mut Command::new(&path));
    let (scanner, begin) = (scanner(), Instant::now());
    let told = scan(&scanner, running.owner(), ScanTarget::File);
    let why = format!("process {}: its executable is larger than 268435456 bytes", running.0.id());
    assert_eq!((told.error, told.sha256), (Some(why), None));
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert_eq!(scanner.seen.large.load(Relaxed), 1);
}

#[test]
fn a_process_that_is_not_the_one_meant_is_not_searched() {
    let running = Running::start(&mut Command::new("/bin/cat"));
    let mut owner = running.owner();
    owner.key.start = Ticks(owner.key.start.0 + 1);
    for target in [ScanTarget::File, ScanTarget::Memory] {
        let told = scan(&scanner(), owner, target).error.unwrap();
        assert!(told.contains("another process by now"), "{told}");
        let absent = scan(&scanner(), Owner { pid: 0, ..owner }, target).error.unwrap();
        assert!(absent.ends_with("not visible in the agent's PID namespace"), "{absent}");
    }
    drop(running);
    let gone = scan(&scanner(), owner, ScanTarget::File).error.unwrap();
    assert_eq!(gone, format!("process {}: is gone", owner.pid));
}

#[test]
fn what_is_no_plain_local_file_is_refused_and_counted() {
    for exe in ["/dev/null", "/proc/version"] {
        let mut process = FakeProcess::new("a", 1, 5);
        process.exes.push(exe.into());
        let procfs = FakeProcFs { processes: [(7, process)].into(), ..FakeProcFs::default() };
        let scanner = Scanner::new(&known_of(RULE), Arc::new(procfs), Arc::default());
        let key = ProcessKey { tgid: 7, start: Ticks(5) };
        let owner = Owner { key, pid: 7, generation: None, source: OwnerSource::Own };
        assert!(scan(&scanner, owner, ScanTarget::File).error.unwrap().starts_with("process 7: "));
        assert_eq!(scanner.seen.refused.load(Relaxed), 1, "{exe}");
        assert!(scan(&scanner, owner, ScanTarget::Memory).error.is_some());
    }
}

/// Holds the marks where no file has them, across a border of pieces, and much memory that it never touches.
const UNPACKED: &str = "
import mmap, sys
mark = ''.join(['needle', '-one ', 'needle', '-two']).encode()
hoard = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE)
own = mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE)
own.write(b'x' * (8 << 20))
own[(4 << 20) - 9:(4 << 20) - 9 + len(mark)] = mark
print(sys.stdin.readline(), end='', flush=True)
sys.stdin.read()
";

#[test]
fn what_unpacked_itself_is_found_in_memory_and_only_there() {
    let running = Running::start(Command::new("python3").args(["-c", UNPACKED]));
    let scanner = scanner();
    assert_eq!(scan(&scanner, running.owner(), ScanTarget::File).matches, vec![]);
    let seen = scan(&scanner, running.owner(), ScanTarget::Memory);
    assert_eq!((seen.error, seen.matches), (None, marked()));
    let pieces = memory::Pieces::of(&*LiveProcFs.open(running.0.id()).unwrap()).unwrap();
    assert!((8 << 20..64 << 20).contains(&pieces.bytes()), "{} bytes", pieces.bytes());
}

#[test]
fn an_operator_s_rule_does_not_count_in_memory() {
    let running = Running::start(Command::new("python3").args(["-c", UNPACKED]));
    let (rules, _) = rules::rules_of("own.yar", RULE);
    let known = Known { rules, ..Known::default() };
    let scanner = Scanner::new(&known, Arc::new(LiveProcFs), Arc::default());
    assert_eq!(scan(&scanner, running.owner(), ScanTarget::Memory).matches, vec![]);
}

#[test]
fn what_is_learned_later_counts_for_files_that_were_searched_before() {
    let running = Running::start(&mut Command::new("/bin/cat"));
    let scanner = scanner();
    let before = scan(&scanner, running.owner(), ScanTarget::File);
    assert!(before.settled && before.matches.is_empty() && before.listed.is_none());
    let bytes = fs::read("/bin/cat").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("digests.d")).unwrap();
    fs::write(folder.path().join("digests.d/own.txt"), format!("{}\n", digest::of_bytes(&bytes))).unwrap();
    let (known, problems) = rules::load(folder.path());
    assert_eq!(problems, vec![]);
    scanner.relearn(&known);
    assert_eq!(scanner.verdicts.lock().unwrap().len(), 0);
    let after = scan(&scanner, running.owner(), ScanTarget::File);
    assert!(after.listed.is_some_and(|place| place.ends_with("own.txt:1")));
}
