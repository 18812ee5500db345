//! What is written is read back, and what is broken is named.
use std::{
    fs,
    io::Cursor,
    net::SocketAddr,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use bytes::Bytes;

use super::*;
use crate::event::{
    BootTime, Counters, Direction, Ends, Exec, FlowId, Fork, Owner, OwnerSource, Payload, ProcFacts,
    ProcessKey, Task, Ticks,
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Host {
    boot_id: String,
    unix_offset_nanos: i128,
}

fn host() -> Host {
    Host { boot_id: "0f1e".to_owned(), unix_offset_nanos: -170_000_000_000_000_000_000_000 }
}

fn event(body: Body) -> Event {
    Event { at: BootTime(u64::MAX), owner: None, body }
}

/// One event of every kind.
fn events() -> Vec<Event> {
    let key = ProcessKey { tgid: 42, start: Ticks(7) };
    let owner = Owner { key, pid: 3, generation: Some(2), source: OwnerSource::FdTable };
    let local: SocketAddr = "[fe80::1]:40000".parse().unwrap();
    let ends = Ends { local, remote: "192.0.2.1:3333".parse().unwrap() };
    let flow = FlowId(9);
    let payload = Payload {
        flow,
        ends,
        direction: Direction::Ingress,
        offset: 1 << 40,
        bytes: Bytes::from_static(b"\x00\xff\n\"job\""),
        length: 4_000,
        restart: true,
    };
    let exec = Exec { filename: "x\u{1b}\n\"".to_owned(), ..Exec::default() };
    let facts = ProcFacts { ancestry: vec![("bash".to_owned(), 1)], ..ProcFacts::default() };
    let counters = Counters { seen: vec![("exec".to_owned(), u64::MAX)], lost: Vec::new() };
    let mut events: Vec<_> = [
        Body::Exec(Box::new(exec)),
        Body::Fork(Fork { parent: key, task: Task::default() }),
        Body::Exit { code: -1 },
        Body::Connect { flow, ends },
        Body::Payload(payload),
        Body::Close { flow },
        Body::ProcFacts(Box::new(facts)),
        Body::Holders { flow, holders: vec![owner] },
        Body::Counters(counters),
        Body::Tick,
    ]
    .into_iter()
    .map(event)
    .collect();
    events[0].owner = Some(owner);
    events
}

fn read(bytes: &[u8]) -> io::Result<(Vec<Event>, Vec<String>)> {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let (_, mut recording) = Recording::new::<Host>(Path::new("r.jsonl"), input)?;
    let mut events = Vec::new();
    while let Some(event) = recording.advance()? {
        events.push(event);
    }
    Ok((events, recording.warnings()))
}

/// A recording of all kinds of events, as bytes.
fn recorded() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    let mut recorder = Recorder::create(&path, &host()).unwrap();
    events().iter().for_each(|event| recorder.write(event));
    assert_eq!((recorder.recorded(), recorder.lost()), (10, 0));
    drop(recorder);
    fs::read(path).unwrap()
}

fn refused(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn every_kind_of_event_comes_back_as_it_was() {
    let bytes = recorded();
    assert!(bytes.starts_with(b"{\"minewarden_recording\":1,\"version\":"));
    let (back, warnings) = read(&bytes).unwrap();
    assert_eq!(back, events());
    assert_eq!(warnings, [""; 0]);
    let (found, _) = Recording::new::<Host>(Path::new("r"), Box::new(Cursor::new(bytes))).unwrap();
    assert_eq!(found, host());
}

#[test]
fn the_file_is_new_and_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    drop(Recorder::create(&path, &host()).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let error = Recorder::create(&path, &host()).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{}: File exists (os error 17) (a recording needs a new file)", path.display())
    );

    let link = directory.path().join("link");
    symlink(directory.path().join("elsewhere"), &link).unwrap();
    assert!(Recorder::create(&link, &host()).is_err());
    assert!(!directory.path().join("elsewhere").exists());
}

#[test]
fn a_tick_writes_out_what_was_held_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    let mut recorder = Recorder::create(&path, &host()).unwrap();
    let lines = || fs::read_to_string(&path).unwrap().lines().count();
    recorder.write(&event(Body::Exit { code: 0 }));
    assert_eq!(lines(), 1);
    recorder.write(&event(Body::Tick));
    assert_eq!(lines(), 3);
}

#[test]
fn at_the_limit_it_stops_between_two_lines_and_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    let mut recorder = Recorder::with_limit(&path, &host(), 400).unwrap();
    for _ in 0..100 {
        recorder.write(&event(Body::Exit { code: 0 }));
    }
    let (recorded, lost) = (recorder.recorded(), recorder.lost());
    assert!(recorded > 0 && lost > 0);
    assert_eq!(recorded + lost, 100);
    drop(recorder);
    let bytes = fs::read(path).unwrap();
    assert!(bytes.len() <= 400);
    assert_eq!(read(&bytes).unwrap().0.len() as u64, recorded);
}

#[test]
fn a_disk_that_is_full_stops_the_recording_not_the_agent() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut recorder = Recorder {
        name: "full".to_owned(),
        out: BufWriter::with_capacity(16, full),
        line: Vec::new(),
        left: LIMIT,
        stopped: false,
        recorded: 0,
        lost: 0,
    };
    events().iter().for_each(|event| recorder.write(event));
    assert_eq!((recorder.recorded(), recorder.lost()), (0, 10));
}

#[test]
fn a_line_cut_off_anywhere_keeps_what_came_before() {
    let bytes = recorded();
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for end in last + 1..bytes.len() - 1 {
        let (events, warnings) = read(&bytes[..end]).unwrap();
        assert_eq!(events.len(), 9);
        assert_eq!(warnings, ["r.jsonl: line 11 is cut off; what came before was judged"]);
    }
    assert_eq!(read(&bytes[..bytes.len() - 1]).unwrap().0.len(), 10, "only the line's end is missing");
}

#[test]
fn errors_name_file_line_and_field() {
    let header = "{\"minewarden_recording\":1,\"version\":\"x\",\"host\":{\"boot_id\":\"a\",\"unix_offset_nanos\":1}}\n";
    let line = |line: &str| refused(format!("{header}{line}\n").as_bytes());
    assert_eq!(line("{\"at\":1,\"owner\":null}"), "r.jsonl: line 2: column 21: missing field `body`");
    assert!(line("{\"at\":1,\"owner\":null,\"body\":\"tock\"}").contains("unknown variant `tock`"));
    assert!(line("").starts_with("r.jsonl: line 2: column 0: EOF"));
    let long = " ".repeat(5 << 20);
    assert_eq!(line(&long), "r.jsonl: line 2: longer than the 4194304 bytes that are read");

    let not = "r.jsonl: line 1: not a recording: the first line is not the header of one";
    assert_eq!(refused(b""), not);
    assert_eq!(refused(b"{\"at\":1}\n"), not);
    let newer = header.replace(":1,\"version", ":2,\"version");
    assert_eq!(refused(newer.as_bytes()), "r.jsonl: line 1: a recording of format 2; this version reads 1");
    let hostless = refused(header.replace("boot_id", "bootid").as_bytes());
    assert!(hostless.starts_with("r.jsonl: line 1: column ") && hostless.contains("missing field `boot_id`"));
}
