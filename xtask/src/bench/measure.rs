//! Runs a program to its end and says what it took.
//!
//! Owns the wait. Must not know what is run.
use std::{
    io, mem,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// From start to end.
    pub(crate) wall: Duration,
    /// On processors, user and system.
    pub(crate) processor: Duration,
    /// The most memory it had at a time, KiB. The kernel counts from the process that starts it, so it is never
    /// less than that had.
    pub(crate) peak_kib: u64,
}

/// Runs `command` without its output; its exit status must be one of `good`.
pub(crate) fn run(command: &mut Command, good: &[i32]) -> Result<Taken> {
    let begin = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.with_context(|| format!("cannot run {command:?}"))?;
    let (status, usage) = wait(child.id()).with_context(|| format!("cannot wait for {command:?}"))?;
    let wall = begin.elapsed();
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    ensure!(code.is_some_and(|code| good.contains(&code)), "{command:?} ended with wait status {status:#x}");
    let processor = time(usage.ru_utime) + time(usage.ru_stime);
    Ok(Taken { wall, processor, peak_kib: u64::try_from(usage.ru_maxrss).unwrap_or_default() })
}

fn wait(pid: u32) -> io::Result<(libc::c_int, libc::rusage)> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: a rusage is integers only, for which zeros are a value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    loop {
        // SAFETY: both pointers are to locals that live longer than the call. The process is our child and nobody
        // else waits for it.
        if unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } == pid {
            return Ok((status, usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn time(value: libc::timeval) -> Duration {
    let seconds = u64::try_from(value.tv_sec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(value.tv_usec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_a_time_a_peak_and_a_status() {
        let taken = run(Command::new("sh").args(["-c", "exit 3"]), &[0, 3]).unwrap();
        assert!(taken.wall > Duration::ZERO && taken.peak_kib > 0, "{taken:?}");
        assert!(run(Command::new("sh").args(["-c", "exit 4"]), &[0, 3]).is_err());
        assert!(run(Command::new("sh").args(["-c", "kill -9 $$"]), &[0, 3]).is_err());
        assert!(run(&mut Command::new("/nonexistent"), &[0]).is_err());
    }
}
