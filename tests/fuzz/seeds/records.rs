//! Records of the kernel side, one of each kind.
use monitor_ebpf::event::{
    Close, Connect, EGRESS, Ends, Exec, Exit, FAMILY_V4, FAMILY_V6, Fork, Header, INGRESS, Kind, NO_STRING,
    OWNER_CONNECT, Owner, Payload, Task,
};
use zerocopy::{FromZeros as _, IntoBytes as _};

/// Name and bytes.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let command = b"/opt/miner\0-o\0pool.example:3333\0-p\0hunter2\0--url=http://me:secret@host/\0";
    let message = br#"{"id":1,"method":"login","params":{"login":"x","pass":"hunter2"}}"#;
    // File name, path from its end to the root, arguments.
    let behind = [&b"./miner\0miner\0opt\0"[..], command].concat();
    let mut exec = Exec::new_zeroed();
    exec.header = header(Kind::Exec, &behind);
    exec.task = task();
    exec.argv_size = 4096;
    exec.filename_size = 8;
    exec.interpreter_size = NO_STRING;
    exec.path_size = 10;
    exec.directory_size = NO_STRING;
    let fork = Fork { header: header(Kind::Fork, b""), task: task(), ..Fork::default() };
    let exit = Exit { header: header(Kind::Exit, b""), code: 9, ..Exit::default() };
    let owner = Owner { source: OWNER_CONNECT, ..Owner::default() };
    let connect = Connect {
        header: header(Kind::Connect, b""),
        owner,
        cookie: 7,
        ends: ends(FAMILY_V4),
        ..Connect::default()
    };
    let payload = |family, direction| Payload {
        header: header(Kind::Payload, message),
        owner,
        cookie: 7,
        ends: ends(family),
        length: 100,
        direction,
        ..Payload::default()
    };
    let close = Close { header: header(Kind::Close, b""), cookie: 7 };
    vec![
        ("exec", [exec.as_bytes(), &behind].concat()),
        ("fork", fork.as_bytes().to_vec()),
        ("exit", exit.as_bytes().to_vec()),
        ("connect", connect.as_bytes().to_vec()),
        ("payload-4", [payload(FAMILY_V4, EGRESS).as_bytes(), message].concat()),
        ("payload-6", [payload(FAMILY_V6, INGRESS).as_bytes(), message].concat()),
        ("close", close.as_bytes().to_vec()),
    ]
}

fn header(kind: Kind, tail: &[u8]) -> Header {
    Header { at: 1_000_000_000, kind: kind as u32, tail: u32::try_from(tail.len()).unwrap_or_default() }
}

fn task() -> Task {
    let mut task = Task { uid: 1000, loginuid: u32::MAX, session: u32::MAX, ..Task::default() };
    task.who.tgid = 9;
    task.who.start = 25_000_000;
    task.comm[..5].copy_from_slice(b"miner");
    task
}

fn ends(family: u16) -> Ends {
    let mut ends = Ends { local_port: 40_001, remote_port: 3333, family, ..Ends::default() };
    ends.local[..4].copy_from_slice(&[192, 0, 2, 10]);
    ends.remote[10..].copy_from_slice(&[0xff, 0xff, 198, 51, 100, 20]);
    ends
}
