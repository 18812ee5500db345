//! Configuration files and environments of processes that the test starts itself.
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::Ordering::Relaxed,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{
    fake::{FakeProcFs, FakeProcess},
    live::Running,
};
use crate::{
    event::{Body, FlowId, Owner, OwnerSource, ProcessKey, Setup, Ticks},
    outcome::Request,
    worker::{
        Limits, Sockets, Workers,
        pool::Work as _,
        procfs::LiveProcFs,
        setup::{Question, SetupReader},
    },
};

const MINERS: &str =
    r#"{"donate-level":1,"pools":[{"url":"pool.example:3333","user":"me","pass":"s3cret"}]}"#;

fn owner(process: &Running) -> Owner {
    Owner { key: process.key(), pid: process.pid(), generation: None, source: OwnerSource::Own }
}

fn read(reader: &SetupReader, owner: Owner, files: &[&str]) -> Setup {
    let question = Question { owner, files: files.iter().map(|&file| file.to_owned()).collect() };
    let (body, failed) = reader.carry_out(&question);
    let Body::Setup(setup) = body else { panic!("{body:?}") };
    assert_eq!(failed, setup.error.is_some());
    *setup
}

/// A folder with a miner's configuration in it, and a process that works there.
fn lab(environment: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf, Running) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    fs::write(path.join("config.json"), MINERS).unwrap();
    let mut command = Command::new("cat");
    command.current_dir(&path).env_clear().envs(environment.iter().copied());
    let process = Running::start(&mut command);
    (folder, path, process)
}

#[test]
fn files_and_environment_of_a_process_are_read() {
    let (_folder, path, process) =
        lab(&[("POOL", "stratum+tcp://me:s3cret@pool.example:1"), ("PASS", "s3cret")]);
    let reader = SetupReader::new(Box::new(LiveProcFs));
    let absolute = path.join("config.json");
    let files = ["config.json", "./config.json", absolute.to_str().unwrap(), "../config.json"];
    let setup = read(&reader, owner(&process), &files);
    for file in &setup.files[..3] {
        assert_eq!((file.error.as_deref(), file.told.pool.as_deref()), (None, Some("pool.example:3333")));
        assert_eq!(file.told.marks, ["donate-level", "pool pool.example:3333", "account"]);
    }
    assert!(setup.files[3].error.as_ref().unwrap().starts_with("../config.json: "), "{:?}", setup.files[3]);
    assert_eq!(setup.environment.marks, ["variable POOL is the pool pool.example:1"]);
    assert!(!format!("{setup:?}").contains("s3cret"));
    assert_eq!(reader.refused.load(Relaxed), 0, "what is not there is no refusal");
}

#[test]
fn what_is_no_plain_small_file_is_refused_and_counted() {
    let (_folder, path, process) = lab(&[]);
    mknodat(CWD, path.join("fifo.json"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fs::create_dir(path.join("folder.json")).unwrap();
    fs::File::create(path.join("sparse.json")).unwrap().set_len(10 << 30).unwrap();
    std::os::unix::fs::symlink("/proc/self/environ", path.join("magic.json")).unwrap();
    let reader = SetupReader::new(Box::new(LiveProcFs));
    let setup = read(&reader, owner(&process), &["fifo.json", "folder.json", "sparse.json", "magic.json"]);
    let errors: Vec<_> = setup.files.iter().map(|file| file.error.clone().unwrap()).collect();
    assert_eq!(errors[0], "fifo.json: not a regular file");
    assert_eq!(errors[1], "folder.json: not a regular file");
    assert_eq!(errors[2], "sparse.json: 10737418240 bytes, 262144 is the most");
    assert!(errors[3].starts_with("magic.json: "), "{}", errors[3]);
    assert_eq!(reader.refused.load(Relaxed), 4);
    let device = read(&reader, owner(&process), &["/dev/zero", "config.json"]);
    assert_eq!(device.files[0].error.as_deref(), Some("/dev/zero: not a regular file"));
    assert_eq!(device.files[1].error, None, "the others are read");
}

#[test]
fn at_most_four_files_are_read_and_content_of_any_kind_is_nothing() {
    let (_folder, path, process) = lab(&[]);
    fs::copy("/bin/sleep", path.join("binary.json")).unwrap();
    let reader = SetupReader::new(Box::new(LiveProcFs));
    let setup = read(&reader, owner(&process), &["binary.json", "config.json", "a.json", "b.json", "c.json"]);
    assert_eq!(setup.files.len(), 4);
    assert_eq!((setup.files[0].error.as_ref(), setup.files[0].told.marks.len()), (None, 0));
}

#[test]
fn a_process_that_is_gone_or_another_is_an_error() {
    let (_folder, _, process) = lab(&[]);
    let reader = SetupReader::new(Box::new(LiveProcFs));
    let meant = owner(&process);
    let other = Owner { key: ProcessKey { start: Ticks(meant.key.start.0 + 1), ..meant.key }, ..meant };
    assert!(read(&reader, other, &[]).error.unwrap().contains("another process by now"));
    assert!(read(&reader, Owner { pid: 0, ..meant }, &[]).error.unwrap().contains("not visible"));
    drop(process);
    assert!(read(&reader, meant, &["config.json"]).error.is_some());
}

struct NoSockets;

impl Sockets for NoSockets {
    fn holders(&mut self, _: &[FlowId]) -> io::Result<Vec<(FlowId, Vec<Owner>)>> {
        Ok(Vec::new())
    }
}

#[test]
fn the_workers_answer_once_and_relative_names_are_those_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), MINERS).unwrap();
    let mut process = FakeProcess::new("x", 0, 5).with("environ", &[b"WALLET=none\0"]);
    process.links.insert("cwd", folder.path().to_owned());
    process.links.insert("root", Path::new("/").to_owned());
    let procfs = FakeProcFs { processes: [(7, process)].into(), ..FakeProcFs::default() };
    let (workers, mut answers) = Workers::start(
        Box::new(procfs),
        Box::new(NoSockets),
        &crate::rules::Known::default(),
        Limits::default(),
    )
    .unwrap();
    let key = ProcessKey { tgid: 7, start: Ticks(5) };
    let owner = Owner { key, pid: 7, generation: Some(1), source: OwnerSource::Own };
    assert!(workers.submit(Request::ReadSetup { owner, files: vec!["config.json".to_owned()] }));
    let event = answers.blocking_recv().unwrap();
    let Body::Setup(setup) = event.body else { panic!("{:?}", event.body) };
    assert_eq!((event.owner, setup.error), (Some(owner), None));
    assert_eq!(setup.files[0].told.pool.as_deref(), Some("pool.example:3333"));
    assert_eq!(workers.pending(), 0);
    drop(workers);
    assert!(answers.blocking_recv().is_none());
}
