//! What `replay` does with files: good, broken and foreign ones, recordings, and the status it ends with.
use std::{
    fs, io,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use monitor::{
    event::{
        Body, BootTime, CommandLine, Direction, Ends, Event, Exec, FlowId, Owner, OwnerSource, Payload,
        ProcFacts, ProcessKey, Task, Ticks,
    },
    source::record::Recorder,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{agent, lines, replay, session, status, wire::Format};

const MINING: &str = include_str!("cases/cryptonote-xmrig/session.txt");
const BENIGN: &str = include_str!("cases/benign-electrum/session.txt");
const PCAP: Format = Format::Pcap { big_endian: false, nanoseconds: false };

fn capture(text: &str) -> Vec<u8> {
    let session = session::parse(text).expect("a good case");
    PCAP.write(&session.link, &session.frames)
}

/// Files in a folder of their own, in the order given.
fn files(contents: &[&[u8]]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let paths = contents.iter().enumerate().map(|(index, bytes)| {
        let path = folder.path().join(format!("{index}"));
        fs::write(&path, bytes).expect("a file is written");
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

/// Status, lines of stdout, lines of stderr without the folder's name.
fn run(options: &[&str], contents: &[&[u8]]) -> (Option<i32>, Vec<String>, Vec<String>) {
    let (folder, paths) = files(contents);
    let output = replay(options, &paths);
    let folder = format!("{}/", folder.path().display());
    let split = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(bytes).lines().map(|line| line.replace(&folder, "")).collect()
    };
    (status(&output), split(&output.stdout), split(&output.stderr))
}

#[test]
fn the_status_says_whether_something_was_found() {
    let (mining, benign) = (capture(MINING), capture(BENIGN));
    assert_eq!(run(&["--json"], &[&benign]), (Some(0), Vec::new(), Vec::new()));
    let (status, out, errors) = run(&["--json"], &[&benign, &mining, &benign]);
    assert_eq!((status, out.len(), errors.len()), (Some(1), 1, 0));
    let (status, out, _) = run(&["--json", "--all"], &[&benign, &mining]);
    assert_eq!((status, out.len()), (Some(1), 2));
}

#[test]
fn the_table_has_a_row_for_each_mining_conversation() {
    let (status, out, _) = run(&[], &[&capture(MINING)]);
    let [head, row, sum] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!(status, Some(1));
    assert!(head.starts_with("CLIENT") && head.ends_with("RULES"), "{head}");
    for cell in ["192.0.2.10:40001", "198.51.100.20:3333", "cryptonote", "confirmed", "100", "attic"] {
        assert!(row.split("  ").any(|shown| shown.trim() == cell), "{cell}: {row}");
    }
    assert_eq!(sum, "conversations: 1, mining: 1");
}

#[test]
fn a_file_that_is_no_capture_does_not_keep_the_others_from_being_judged() {
    let (code, out, errors) = run(&["--json"], &[b"hello", &capture(MINING), b""]);
    assert_eq!((code, out.len()), (Some(2), 1));
    let expected = ["0: not a capture: neither pcap nor pcapng", "2: not a capture: the file is empty"];
    assert_eq!(errors, expected.map(|what| format!("minewarden: {what}")));
    let output = replay(&[], &[PathBuf::from("/nonexistent/capture")]);
    assert_eq!(status(&output), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(errors, "minewarden: /nonexistent/capture: No such file or directory (os error 2)\n");
}

#[test]
fn a_reader_that_has_left_is_no_error() {
    let (_folder, paths) = files(&[&capture(MINING)]);
    for options in [&[][..], &["--json"]] {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(agent());
        let output = command.arg("replay").args(options).args(&paths).stdout(writer).stderr(Stdio::piped());
        let output = output.spawn().and_then(Child::wait_with_output).expect("the agent starts");
        assert_eq!((status(&output), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    }
}

#[test]
fn a_capture_that_was_cut_off_is_judged_as_far_as_it_goes() {
    let mut bytes = capture(MINING);
    bytes.truncate(bytes.len() - 30);
    let (status, out, errors) = run(&["--json"], &[&bytes]);
    assert_eq!((status, out.len()), (Some(1), 1));
    let [warning] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(warning.starts_with("minewarden: warning: 0: the file ends inside packet "), "{warning}");
    assert!(warning.ends_with("what came before was judged"), "{warning}");
}

#[test]
fn a_broken_packet_is_an_error_after_what_came_before() {
    let mut bytes = capture(MINING);
    bytes.extend([0; 8]);
    bytes.extend([0xff; 8]);
    let (status, out, errors) = run(&["--json"], &[&bytes]);
    assert_eq!((status, out.len()), (Some(2), 1));
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(error.starts_with("minewarden: 0: packet ") && error.contains(" claims "), "{error}");
}

/// The events of a miner that logs in, as the agent would have recorded them.
fn recording() -> (TempDir, PathBuf) {
    const SECOND: u64 = 1_000_000_000;
    let key = ProcessKey { tgid: 4_242, start: Ticks(900) };
    let owner = Owner { key, pid: 4_242, generation: Some(1), source: OwnerSource::Connect };
    let remote: SocketAddr = "198.51.100.20:3333".parse().expect("an address");
    let ends = Ends { local: "192.0.2.10:40001".parse().expect("an address"), remote };
    let flow = FlowId(77);
    let command = CommandLine { args: vec!["./kworker".to_owned()], truncated: false, redacted: true };
    let task = Task { uid: 1_000, comm: "kworker".to_owned(), ..Task::default() };
    let facts = ProcFacts {
        comm: task.comm.clone(),
        exe: Some("/tmp/kworker".to_owned()),
        user: Some("alice".to_owned()),
        uid: Some(1_000),
        command: command.clone(),
        ..ProcFacts::default()
    };
    let message = |prefix: &str| {
        let line = MINING.lines().find_map(|line| line.strip_prefix(prefix)).expect("a message");
        format!("{line}\n")
    };
    let said = |direction, text: String| {
        let length = u32::try_from(text.len()).expect("a short text");
        Body::Payload(Payload {
            flow,
            ends,
            direction,
            offset: 0,
            bytes: text.into(),
            length,
            restart: false,
        })
    };
    let bodies = [
        Body::Exec(Box::new(Exec { task, filename: "./kworker".to_owned(), command, ..Exec::default() })),
        Body::Connect { flow, ends },
        said(Direction::Egress, message("> ")),
        said(Direction::Ingress, message("< ")),
        Body::ProcFacts(Box::new(facts)),
        Body::Tick,
        Body::Exit { code: 0 },
        Body::Tick,
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("recording");
    let host =
        json!({ "boot_id": "b007", "unix_offset_nanos": 1_767_225_600_000_000_000_u64, "version": "0.1.0" });
    let mut recorder = Recorder::create(&path, &host).expect("a new recording");
    for (at, body) in (10..).zip(bodies) {
        let owner = (!matches!(body, Body::Tick)).then_some(owner);
        recorder.write(&Event { at: BootTime(at * SECOND), owner, body });
    }
    (folder, path)
}

#[test]
fn a_recording_replays_to_the_entries_of_the_run() {
    let (_folder, path) = recording();
    let output = replay(&["--json"], std::slice::from_ref(&path));
    assert_eq!((status(&output), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
    let entries = lines(&output);
    let opened = entries.iter().find(|entry| entry["event"] == "incident-opened").expect("an incident");
    for (field, value) in [
        ("exe", json!("/tmp/kworker")),
        ("pid", json!(4_242)),
        ("user", json!("alice")),
        ("dialect", json!("cryptonote")),
        ("worker", json!("attic")),
        ("remote", json!("198.51.100.20:3333")),
    ] {
        assert_eq!(opened[field], value, "{field}");
    }
    let again = replay(&["--json"], std::slice::from_ref(&path));
    assert_eq!(lines(&again), entries, "the same recording gives the same entries");

    let text = replay(&[], &[path]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("incident-opened") && text.contains("/tmp/kworker"), "{text}");
    assert!(!text.contains("hunter2"), "the pool's password is not kept: {text}");
}

#[test]
fn a_broken_line_of_a_recording_is_named() {
    let (_folder, path) = recording();
    let mut bytes = fs::read(&path).expect("the recording");
    bytes.extend(b"{\"at\":1}\n");
    let (status, out, errors) = run(&["--json"], &[&bytes]);
    assert_eq!(status, Some(2));
    assert!(out.iter().any(|line| line.contains("incident-opened")), "{out:?}");
    assert_eq!(errors, ["minewarden: 0: line 10: column 8: missing field `body`"]);
}
