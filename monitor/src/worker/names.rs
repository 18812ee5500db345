//! Names and homes of users.
//!
//! Owns where they come from: /etc/passwd, else systemd's user database, else `getent` as a process of its own (the
//! agent is linked statically and loads no NSS module), and the cache. Must not know whose process asked.
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    num::NonZeroUsize,
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lru::LruCache;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::userdb::UserDb;

mod userdb;

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

/// What is kept of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    name: String,
    home: Option<PathBuf>,
}

/// Finds and remembers users.
pub(super) struct Names {
    passwd: PathBuf,
    userdb: UserDb,
    getent: Vec<PathBuf>,
    known: Mutex<LruCache<u32, (Option<User>, Instant)>>,
    timeouts: AtomicU64,
}

impl Names {
    /// Of the host whose files are below `root`. A program of another root than ours is not run.
    pub(super) fn of_host(root: &Path) -> Self {
        let programs = ["/usr/bin/getent", "/bin/getent"].map(PathBuf::from);
        let getent = if root == Path::new("/") { programs.into() } else { Vec::new() };
        Self::from(root.join("etc/passwd"), UserDb::at(root.join("run/systemd/userdb")), getent)
    }

    fn from(passwd: PathBuf, userdb: UserDb, getent: Vec<PathBuf>) -> Self {
        Self { passwd, userdb, getent, known: Mutex::new(LruCache::new(KEPT)), timeouts: AtomicU64::new(0) }
    }

    /// The user's name; `None` when nobody knows it, or not before `until`.
    pub(super) fn of(&self, uid: u32, until: Instant) -> Option<String> {
        self.at(uid, Instant::now(), until).map(|user| user.name)
    }

    /// The user's home folder, an absolute path; `None` as for the name.
    pub(super) fn home(&self, uid: u32, until: Instant) -> Option<PathBuf> {
        self.at(uid, Instant::now(), until)?.home.filter(|home| home.is_absolute())
    }

    /// How often the user database or `getent` did not answer in time.
    pub(super) fn timeouts(&self) -> u64 {
        self.timeouts.load(Relaxed)
    }

    fn at(&self, uid: u32, now: Instant, until: Instant) -> Option<User> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((user, asked)) = known().get(&uid)
            && now.saturating_duration_since(*asked) < FRESH
        {
            return user.clone();
        }
        let user = self.in_passwd(uid).or_else(|| self.in_userdb(uid, until));
        let user = user.or_else(|| self.by_getent(uid, until));
        known().put(uid, (user.clone(), now));
        user
    }

    fn in_userdb(&self, uid: u32, until: Instant) -> Option<User> {
        let (user, late) = self.userdb.of(uid, until);
        self.timeouts.fetch_add(u64::from(late), Relaxed);
        user
    }

    fn in_passwd(&self, uid: u32) -> Option<User> {
        let mut content = Vec::new();
        File::open(&self.passwd).ok()?.take(PASSWD_CAP).read_to_end(&mut content).ok()?;
        find(&content, uid)
    }

    fn by_getent(&self, uid: u32, until: Instant) -> Option<User> {
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
        wait(pipe.as_fd(), PollFlags::IN, until)?;
        let n = pipe.read(&mut chunk)?;
        match chunk.get(..n) {
            Some([]) | None => break,
            Some(bytes) => line.extend_from_slice(bytes),
        }
    }
    Ok(line)
}

/// Waits until there is something to read or room to write.
fn wait(file: BorrowedFd<'_>, what: PollFlags, until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    let left =
        Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(0), tv_nsec: left.subsec_nanos().into() };
    match poll(&mut [PollFd::from_borrowed_fd(file, what)], Some(&left))? {
        0 => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
        _ => Ok(()),
    }
}

/// The first user with this id in lines of passwd(5).
fn find(passwd: &[u8], uid: u32) -> Option<User> {
    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(b"+"))?;
        let id = std::str::from_utf8(fields.nth(1)?).ok()?.parse::<u32>().ok()?;
        let home = fields.nth(2).map(|home| PathBuf::from(OsStr::from_bytes(home)));
        (id == uid).then(|| User { name: String::from_utf8_lossy(name).into_owned(), home })
    })
}

#[cfg(test)]
mod tests;
