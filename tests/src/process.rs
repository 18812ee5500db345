//! A child process whose output is read as it comes, and which never outlives its guard.
//!
//! Owns [`Running`] and [`Lines`]. Ends processes by pid only.
use std::{
    ffi::OsString,
    fmt::Write as _,
    io::{self, BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use crate::wait;

/// Lines kept of one stream; what is over is counted, and named by [`Running::dump`].
const LINES_KEPT: usize = 200_000;
/// Lines of each stream in the message of a failure.
const LINES_SHOWN: usize = 120;
/// How long a process may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Buffer {
    lines: Vec<(SystemTime, String)>,
    over: usize,
    closed: bool,
}

/// The lines that a stream has given so far.
#[derive(Clone, Default)]
pub struct Lines(Arc<(Mutex<Buffer>, Condvar)>);

impl Lines {
    /// Reads `stream` on a thread of its own until it ends. Bytes that are not UTF-8 are replaced.
    fn follow(stream: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let writer = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                writer.push(String::from_utf8_lossy(&line).into_owned());
            }
            writer.lock().closed = true;
            writer.0.1.notify_all();
        });
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: String) {
        let line = (SystemTime::now(), line);
        let mut buffer = self.lock();
        if buffer.lines.len() < LINES_KEPT {
            buffer.lines.push(line);
        } else {
            buffer.over += 1;
        }
        self.0.1.notify_all();
    }

    /// All lines so far.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.lock().lines.iter().map(|(_, line)| line.clone()).collect()
    }

    /// Waits for the first line that `pick` makes something of.
    ///
    /// # Errors
    /// When the stream ended, or `limit` passed, without one.
    pub fn first<T>(&self, what: &str, limit: Duration, pick: impl Fn(&str) -> Option<T>) -> Result<T> {
        self.first_timed(what, limit, pick).map(|(_, found)| found)
    }

    /// As [`Lines::first`], and when that line had been read.
    ///
    /// # Errors
    /// As [`Lines::first`].
    pub fn first_timed<T>(
        &self,
        what: &str,
        limit: Duration,
        pick: impl Fn(&str) -> Option<T>,
    ) -> Result<(SystemTime, T)> {
        let end = Instant::now() + limit;
        let mut seen = 0;
        let mut buffer = self.lock();
        loop {
            let mut new = buffer.lines.iter().skip(seen);
            if let Some(found) = new.find_map(|(at, line)| Some((*at, pick(line)?))) {
                return Ok(found);
            }
            seen = buffer.lines.len();
            let left = end.saturating_duration_since(Instant::now());
            if buffer.closed {
                bail!("the output ended without {what}");
            }
            if left.is_zero() {
                bail!("waited {:.1} s in vain for {what}", limit.as_secs_f64());
            }
            buffer = self.0.1.wait_timeout(buffer, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_closed(&self, limit: Duration) -> Result<()> {
        wait::until("the end of the output", limit, || self.lock().closed.then_some(()))
    }
}

/// A child process with its output.
pub struct Running {
    name: String,
    child: Child,
    /// Standard output.
    pub out: Lines,
    /// Standard error.
    pub err: Lines,
}

impl Running {
    /// Starts `argv` with all three streams piped.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, argv: &[OsString]) -> Result<Self> {
        let (program, args) = argv.split_first().context("an empty command line")?;
        let mut command = Command::new(program);
        command.args(args);
        Self::spawn(name, &mut command)
    }

    /// Starts a prepared command with all three streams piped.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("cannot start {name} ({:?})", command.get_program()))?;
        let out = Lines::follow(child.stdout.take().context("no stdout")?);
        let err = Lines::follow(child.stderr.take().context("no stderr")?);
        Ok(Self { name: name.to_owned(), child, out, err })
    }

    /// Its pid; execs within it do not change it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).with_context(|| format!("cannot signal {} ({})", self.name, self.pid()))
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// When that is closed.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let stdin = self.child.stdin.as_mut().with_context(|| format!("{}: no input", self.name))?;
        io::Write::write_all(stdin, format!("{line}\n").as_bytes())
            .with_context(|| format!("cannot write to {}", self.name))
    }

    /// Closes its standard input, which our own programs take as the end.
    pub fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Has it ended?
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end and for all of its output.
    ///
    /// # Errors
    /// When it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {} ({})", self.name, self.pid());
        let status = wait::until(&what, limit, || self.ended())?;
        // A grandchild may hold the pipe; then what has been read by now has to do.
        let _ = self.out.wait_closed(GRACE);
        let _ = self.err.wait_closed(GRACE);
        Ok(status)
    }

    /// Closes its input and expects it to end well.
    ///
    /// # Errors
    /// When it does not end, or says by its status that something went wrong.
    pub fn finish(&mut self, limit: Duration) -> Result<()> {
        self.close_stdin();
        let status = self.wait(limit)?;
        if !status.success() {
            bail!("{} ended with {status}\n{}", self.name, self.dump());
        }
        Ok(())
    }

    /// The end of what it wrote, for the message of a failure.
    #[must_use]
    pub fn dump(&self) -> String {
        self.text(LINES_SHOWN)
    }

    /// Everything it wrote, both streams.
    #[must_use]
    pub fn output(&self) -> String {
        self.text(usize::MAX)
    }

    fn text(&self, most: usize) -> String {
        let mut text = String::new();
        for (stream, lines) in [("stdout", &self.out), ("stderr", &self.err)] {
            let over = lines.lock().over;
            let lines = lines.all();
            let left_out = lines.len().saturating_sub(most);
            let _ = writeln!(text, "--- {} ({}) {stream}, after {left_out} lines", self.name, self.pid());
            for line in lines.iter().skip(left_out) {
                let _ = writeln!(text, "    {line}");
            }
            if over > 0 {
                let _ = writeln!(text, "    ... and {over} lines that were not kept");
            }
        }
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.close_stdin();
        if self.ended().is_none() {
            let _ = self.signal(Signal::TERM);
        }
        if wait::until("its end", GRACE, || self.ended()).is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The pid of the only child of `pid`.
///
/// # Errors
/// When it has none, or more than one.
pub fn only_child(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let mut pids = children.split_whitespace().map(str::parse);
    match (pids.next(), pids.next()) {
        (Some(Ok(child)), None) => Ok(child),
        _ => bail!("{path}: {children:?} is not one child"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        Running::start("sh", &["sh".into(), "-c".into(), script.into()]).unwrap()
    }

    #[test]
    fn reads_lines_and_the_status() {
        let mut running = shell("echo one; echo two >&2; exit 3");
        let limit = Duration::from_secs(10);
        let found = running.out.first("one", limit, |line| (line == "one").then_some(1)).unwrap();
        assert_eq!(found, 1);
        assert_eq!(running.wait(limit).unwrap().code(), Some(3));
        assert_eq!(running.err.all(), ["two"]);
        assert!(running.finish(limit).unwrap_err().to_string().contains("one"));
    }

    #[test]
    fn ends_what_it_started() {
        let running = shell("trap '' TERM; echo ready; while :; do sleep 0.1; done");
        running.out.first("ready", Duration::from_secs(10), |line| (line == "ready").then_some(())).unwrap();
        let pid = Pid::from_raw(i32::try_from(running.pid()).unwrap()).unwrap();
        drop(running);
        assert!(rustix::process::test_kill_process(pid).is_err(), "still there");
    }
}
