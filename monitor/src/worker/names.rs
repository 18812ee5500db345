//! Names of users.
//!
//! Owns where they come from: /etc/passwd, else `getent` as a process of its own (the agent is linked statically
//! and loads no NSS module), and the cache. Must not know whose process asked.
use std::{
    fs::File,
    io::{self, Read as _},
    num::NonZeroUsize,
    os::fd::AsFd as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lru::LruCache;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Users kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");
/// An answer, also an empty one, is used for this long.
const FRESH: Duration = Duration::from_secs(300);
/// `getent` may ask a directory server, and is ended after this time.
const GETENT_LIMIT: Duration = Duration::from_secs(2);
/// Bytes read of a passwd file.
const PASSWD_CAP: u64 = 8 * 1024 * 1024;
/// Bytes read of `getent`'s one line.
const GETENT_CAP: u64 = 64 * 1024;

/// Finds and remembers names.
pub(super) struct Names {
    passwd: PathBuf,
    getent: Vec<PathBuf>,
    known: Mutex<LruCache<u32, (Option<String>, Instant)>>,
    timeouts: AtomicU64,
}

impl Default for Names {
    fn default() -> Self {
        Self::from(PathBuf::from("/etc/passwd"), vec!["/usr/bin/getent".into(), "/bin/getent".into()])
    }
}

impl Names {
    fn from(passwd: PathBuf, getent: Vec<PathBuf>) -> Self {
        Self { passwd, getent, known: Mutex::new(LruCache::new(KEPT)), timeouts: AtomicU64::new(0) }
    }

    /// The user's name; `None` when nobody knows it, or not before `until`.
    pub(super) fn of(&self, uid: u32, until: Instant) -> Option<String> {
        self.at(uid, Instant::now(), until)
    }

    /// How often `getent` did not answer in time.
    pub(super) fn timeouts(&self) -> u64 {
        self.timeouts.load(Relaxed)
    }

    fn at(&self, uid: u32, now: Instant, until: Instant) -> Option<String> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, asked)) = known().get(&uid)
            && now.saturating_duration_since(*asked) < FRESH
        {
            return name.clone();
        }
        let name = self.in_passwd(uid).or_else(|| self.by_getent(uid, until));
        known().put(uid, (name.clone(), now));
        name
    }

    fn in_passwd(&self, uid: u32) -> Option<String> {
        let mut content = Vec::new();
        File::open(&self.passwd).ok()?.take(PASSWD_CAP).read_to_end(&mut content).ok()?;
        find(&content, uid)
    }

    fn by_getent(&self, uid: u32, until: Instant) -> Option<String> {
        let program = self.getent.iter().find(|path| path.is_file())?;
        let until = until.min(Instant::now() + GETENT_LIMIT);
        let mut child = Command::new(program)
            .args(["passwd", &uid.to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .inspect_err(|e| log::warn!("{}: {e}", program.display()))
            .ok()?;
        let line = output(&mut child, until);
        // It has said all it had to, or its time is up; a failure here means that it has ended.
        let _ = child.kill();
        let _ = child.wait();
        match line {
            Ok(line) => find(&line, uid),
            Err(e) => {
                self.timeouts.fetch_add(1, Relaxed);
                log::warn!("{} passwd {uid}: {e}", program.display());
                None
            }
        }
    }
}

/// All that a child writes until it closes its output, at most [`GETENT_CAP`] bytes.
fn output(child: &mut Child, until: Instant) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let Some(pipe) = child.stdout.as_mut() else { return Ok(line) };
    let mut chunk = [0; 4096];
    while u64::try_from(line.len()).is_ok_and(|n| n < GETENT_CAP) {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
            tv_nsec: left.subsec_nanos().into(),
        };
        if poll(&mut [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)], Some(&left))? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"));
        }
        let n = pipe.read(&mut chunk)?;
        match chunk.get(..n) {
            Some([]) | None => break,
            Some(bytes) => line.extend_from_slice(bytes),
        }
    }
    Ok(line)
}

/// The first name with this id in lines of passwd(5).
fn find(passwd: &[u8], uid: u32) -> Option<String> {
    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(b"+"))?;
        let id = std::str::from_utf8(fields.nth(1)?).ok()?.parse::<u32>().ok()?;
        (id == uid).then(|| String::from_utf8_lossy(name).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "# a comment\nroot:x:0:0:root:/root:/bin/sh\n+@nis:x:7::::\n:x:8:8\nbad:x\nbad:x:-1:1\n\
        alice:x:1000:1000:A,,,:/home/alice:/bin/sh\nalias:x:1000:1000::/:/bin/sh";

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    /// Names of a passwd file and a `getent` with these contents.
    fn names(folder: &std::path::Path, passwd: &str, getent: &str) -> Names {
        let (file, program) = (folder.join("passwd"), folder.join("getent"));
        std::fs::write(&file, passwd).unwrap();
        // Written by another process: a file that this one has open for writing, also by a fork of another test,
        // cannot be run (ETXTBSY).
        let script = format!("printf '%s\\n' '#!/bin/sh' '{getent}' > $0 && chmod 755 $0");
        assert!(Command::new("sh").arg("-c").arg(script).arg(&program).status().unwrap().success());
        Names::from(file, vec![folder.join("absent"), program])
    }

    #[test]
    fn the_first_line_with_the_id_names_it() {
        for (uid, name) in [(0, Some("root")), (1000, Some("alice")), (7, None), (8, None), (u32::MAX, None)]
        {
            assert_eq!(find(PASSWD.as_bytes(), uid).as_deref(), name, "{uid}");
        }
    }

    #[test]
    fn getent_is_asked_for_what_passwd_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let names = names(folder.path(), PASSWD, "echo \"$1-$2:x:$2:1::/:/bin/sh\"");
        assert_eq!(names.of(0, later()).as_deref(), Some("root"));
        assert_eq!(names.of(4711, later()).as_deref(), Some("passwd-4711"));
        assert_eq!(names.timeouts(), 0);
    }

    #[test]
    fn an_answer_is_kept_and_refreshed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("asked");
        let names = names(folder.path(), PASSWD, &format!("echo asked >> {}; exit 2", log.display()));
        let now = Instant::now();
        let asked = || std::fs::read_to_string(&log).unwrap().lines().count();
        assert_eq!(names.at(5, now, later()), None);
        assert_eq!(names.at(5, now + FRESH - Duration::from_secs(1), later()), None);
        assert_eq!(asked(), 1, "that nobody knows it is kept too");
        std::fs::write(&names.passwd, "eve:x:5:5::/:/bin/sh").unwrap();
        assert_eq!(names.at(5, now + FRESH, later()).as_deref(), Some("eve"));
        assert_eq!(names.at(5, now + FRESH, later()).as_deref(), Some("eve"));
        assert_eq!(asked(), 1);
    }

    #[test]
    fn a_getent_that_hangs_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let names = names(folder.path(), PASSWD, "exec sleep 600");
        let begin = Instant::now();
        assert_eq!(names.of(5, begin + Duration::from_millis(100)), None);
        assert_eq!(names.timeouts(), 1);
        assert!(begin.elapsed() < Duration::from_secs(60), "waited for it: {:?}", begin.elapsed());
    }

    #[test]
    fn endless_output_ends_at_the_cap() {
        let folder = tempfile::tempdir().unwrap();
        let names = names(folder.path(), PASSWD, "exec yes x:x:6:");
        assert_eq!(names.of(5, later()), None);
        assert_eq!(names.timeouts(), 0);
    }

    #[test]
    fn no_file_and_no_program_is_no_name() {
        assert_eq!(Names::from("/absent".into(), vec!["/absent".into()]).of(0, later()), None);
        assert_eq!(Names::default().of(0, later()).as_deref(), Some("root"));
    }
}
