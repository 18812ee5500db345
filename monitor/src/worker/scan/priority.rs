//! How much of the host a scan thread may take from others.
//!
//! Owns that choice. Must not know what the thread does.
use rustix::process::setpriority_process;

/// A tenth of the weight of an ordinary thread. Not the least: a miner that keeps every processor busy would put off
/// the search of its own executable, at 19 for seconds and in `SCHED_IDLE` for minutes.
const NICE: i32 = 10;
/// `IOPRIO_WHO_PROCESS` and, in the place of a level, the lowest of `IOPRIO_CLASS_BE` (include/uapi/linux/ioprio.h):
/// the idle class would wait for ever on a disk that is never idle.
const WHO_PROCESS: libc::c_int = 1;
const BEST_EFFORT_LOWEST: libc::c_int = 2 << 13 | 7;

/// Lowers the calling thread. Where that fails it runs on as it is.
pub(super) fn lower() {
    // On Linux "this process" is the calling thread: setpriority(2), section BUGS.
    if let Err(error) = setpriority_process(None, NICE) {
        log::debug!("a scan thread keeps its priority: {error}");
    }
    // SAFETY: takes three numbers and no memory; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, BEST_EFFORT_LOWEST) };
    if result != 0 {
        log::debug!("a scan thread keeps its I/O priority: {}", std::io::Error::last_os_error());
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn only_the_calling_thread_is_lowered() {
        let before = getpriority_process(None).unwrap();
        let lowered = std::thread::spawn(|| {
            lower();
            // SAFETY: takes two numbers and no memory.
            let io = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_PROCESS, 0) };
            (getpriority_process(None).unwrap(), io)
        });
        assert_eq!(lowered.join().unwrap(), (NICE.max(before), i64::from(BEST_EFFORT_LOWEST)));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
