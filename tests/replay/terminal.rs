//! The progress bar: there for a large file and a person at a terminal, and never among the results.
use std::{
    fs::{self, File},
    io::Read as _,
    process::{Command, Stdio},
    thread,
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::{agent, session, wire::Format};

/// A mining conversation, then a comment that makes the file `size` bytes longer.
fn capture(size: usize) -> Vec<u8> {
    let session = session::parse(include_str!("cases/cryptonote-xmrig/session.txt")).expect("a good case");
    let mut bytes = Format::Ng { big_endian: false }.write(&session.link, &session.frames);
    let total = u32::try_from(size).expect("a block is short").to_le_bytes();
    bytes.extend(0x0bad_u32.to_le_bytes());
    bytes.extend(total);
    bytes.resize(bytes.len() + size - 12, 0);
    bytes.extend(total);
    bytes
}

/// What `replay` writes to stdout, which is a file, and to stderr, which is a terminal.
fn at_a_terminal(capture: &[u8]) -> (String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, output) = (folder.path().join("capture"), folder.path().join("output"));
    fs::write(&input, capture).expect("a file is written");
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("a terminal");
    let theirs = ptsname(&ours, Vec::new()).expect("a terminal has a name").into_string().expect("in ASCII");
    let theirs = File::options().read(true).write(true).open(theirs).expect("the other end");
    let mut command = Command::new(agent());
    command.args(["replay", "--json"]).arg(input).env("TERM", "xterm").env_remove("NO_COLOR");
    command.stdout(File::create(&output).expect("a file")).stderr(theirs).stdin(Stdio::null());
    let mut child = command.spawn().expect("the agent starts");
    // Else our copy would keep the terminal open for ever.
    drop(command);
    let shown = thread::spawn(move || {
        let mut shown = Vec::new();
        // A terminal whose other end is closed is an error, not an end.
        let end = File::from(ours).read_to_end(&mut shown).map_err(|error| error.raw_os_error());
        (shown, end)
    });
    assert_eq!(child.wait().expect("the agent ends").code(), Some(1));
    let (shown, end) = shown.join().expect("the terminal is read");
    let closed = Some(rustix::io::Errno::IO.raw_os_error());
    assert!(end.is_ok() || end == Err(closed), "{end:?}");
    let output = fs::read_to_string(output).expect("results are text");
    (output, String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn a_large_file_has_a_bar_on_the_terminal_and_only_there() {
    let (output, shown) = at_a_terminal(&capture(40 << 20));
    assert!(shown.contains("MiB") && shown.contains("left"), "{shown:?}");
    let lines: Vec<_> = output.lines().collect();
    assert!(matches!(lines[..], [line] if line.starts_with('{') && line.ends_with('}')), "{output}");
}

#[test]
fn a_small_file_has_none() {
    let (output, shown) = at_a_terminal(&capture(1 << 20));
    assert_eq!((output.lines().count(), shown.as_str()), (1, ""));
}
