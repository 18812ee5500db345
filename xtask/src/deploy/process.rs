//! One child process with a time limit, whose output may come from a foreign host: bounded, and shown without
//! control characters.
//!
//! Owns limits and clean ends. Must not know what the child does.
use std::{
    fs::File,
    io::{self, Read, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use super::interrupt::Interrupt;

/// Most that is kept of an output stream; the rest is read and dropped.
const OUTPUT_MAX: u64 = 4 << 20;
/// Characters of a line that is shown.
const SHOWN_MAX: usize = 400;
/// How often a wait looks whether it was interrupted.
const SLICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// For output that is still on its way when the child has ended; a grandchild may hold the pipe for ever.
const REST: Duration = Duration::from_secs(5);

/// What a child reads.
pub(crate) enum Input<'a> {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A file's.
    File(&'a Path),
}

/// How a child ended and what it said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// The last line that says something, of stderr or else of stdout.
    pub(crate) fn last_line(&self) -> String {
        let last = |text: &str| text.lines().map(plain).rfind(|line| !line.is_empty());
        last(&self.stderr).or_else(|| last(&self.stdout)).unwrap_or_else(|| self.status.to_string())
    }
}

/// Runs `command` to its end, at most for `limit`. It gets a process group of its own: a Ctrl-C at the terminal is
/// ours to handle, not a child's in the midst of an installation.
pub(crate) fn run(
    command: &mut Command,
    input: Input<'_>,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<Output> {
    let file = match input {
        Input::Bytes(bytes) => Source::Bytes(bytes),
        Input::File(path) => Source::File(File::open(path).with_context(|| path.display().to_string())?),
    };
    let mut child = spawn(command)?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    thread::spawn(move || {
        // A child that ends early closes the pipe; its exit status says why.
        let _ = match file {
            Source::Bytes(bytes) => stdin.write_all(&bytes),
            Source::File(mut file) => io::copy(&mut file, &mut stdin).map(|_| ()),
        };
    });
    let stdout = collect(child.stdout.take().context("no standard output")?);
    let stderr = collect(child.stderr.take().context("no standard error")?);
    let status = wait(&mut child, limit, interrupt)?;
    let text = |stream: Receiver<Vec<u8>>| {
        String::from_utf8_lossy(&stream.recv_timeout(REST).unwrap_or_default()).into_owned()
    };
    Ok(Output { status, stdout: text(stdout), stderr: text(stderr) })
}

/// Starts `command` with pipes, apart from our process group.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))
}

/// Waits for the end of `child`; past `limit`, or when aborted, ends its process group and says which it was.
pub(crate) fn wait(child: &mut Child, limit: Duration, interrupt: &Interrupt) -> Result<ExitStatus> {
    let pid = pid(child)?;
    let handle = pidfd_open(pid, PidfdFlags::empty()).context("pidfd_open")?;
    let end = Instant::now() + limit;
    loop {
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&SLICE)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(child.wait()?),
            Err(error) => return Err(error.into()),
        }
        if interrupt.aborted() {
            end_group(child)?;
            bail!("aborted");
        }
        if Instant::now() > end {
            end_group(child)?;
            bail!("no end after {} s", limit.as_secs());
        }
    }
}

/// Ends the group that [`spawn`] made.
pub(crate) fn end_group(child: &mut Child) -> Result<()> {
    let _ = kill_process_group(pid(child)?, Signal::TERM);
    // A group of root's processes cannot be ended by a user; its pipes are left then.
    let _ = child.kill();
    child.wait()?;
    Ok(())
}

fn pid(child: &Child) -> Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("no process id")
}

enum Source {
    Bytes(Vec<u8>),
    File(File),
}

/// Reads a stream to its end and keeps the beginning.
pub(crate) fn collect(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = stream.by_ref().take(OUTPUT_MAX).read_to_end(&mut kept);
        let _ = io::copy(&mut stream, &mut io::sink());
        let _ = sender.send(kept);
    });
    receiver
}

/// A line that may be printed: foreign bytes can neither break it nor steer a terminal.
pub(crate) fn plain(line: &str) -> String {
    safe(line).take(SHOWN_MAX).collect()
}

/// The same, whole: output was bounded when it was read.
pub(crate) fn safe(line: &str) -> impl Iterator<Item = char> {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    line.trim().chars().map(move |c| if c == '\t' { ' ' } else { shown(c) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration, interrupt: &Interrupt) -> Result<Output> {
        run(Command::new("sh").arg("-s"), Input::Bytes(script.into()), limit, interrupt)
    }

    #[test]
    fn status_and_both_streams_come_back() {
        let out =
            sh("echo out; echo err >&2; exit 3", Duration::from_secs(60), &Interrupt::default()).unwrap();
        assert_eq!(
            (out.status.code(), out.stdout.as_str(), out.stderr.as_str()),
            (Some(3), "out\n", "err\n")
        );
        assert_eq!(out.last_line(), "err");
    }

    #[test]
    fn one_that_does_not_end_is_ended_and_so_is_an_aborted_one() {
        let error = sh("sleep 600", Duration::from_millis(10), &Interrupt::default()).unwrap_err();
        assert_eq!(error.to_string(), "no end after 0 s");
        let interrupt = Interrupt::default();
        interrupt.press();
        interrupt.press();
        let error = sh("sleep 600", Duration::from_secs(600), &interrupt).unwrap_err();
        assert_eq!(error.to_string(), "aborted");
    }

    #[test]
    fn output_without_end_is_bounded() {
        let script = "head -c 9000000 /dev/zero; echo end >&2";
        let out = sh(script, Duration::from_secs(60), &Interrupt::default()).unwrap();
        assert_eq!(out.stdout.len(), usize::try_from(OUTPUT_MAX).unwrap());
        assert_eq!(out.last_line(), "end");
    }

    #[test]
    fn a_foreign_line_cannot_steer_a_terminal() {
        assert_eq!(plain(" a\u{1b}[31mb\r\n"), "a\u{fffd}[31mb");
    }
}
