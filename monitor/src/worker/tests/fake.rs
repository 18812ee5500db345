//! A /proc that is made up.
use std::{
    collections::HashMap,
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use crate::worker::procfs::{Numbers, ProcDir, ProcFs};

/// One made-up process. What it answers may change with the number of times that it was asked.
#[derive(Clone, Default)]
pub(crate) struct FakeProcess {
    /// Content of files, the last for ever; nothing left is ESRCH.
    pub(crate) files: HashMap<&'static str, Vec<Vec<u8>>>,
    pub(crate) links: HashMap<&'static str, PathBuf>,
    /// What `exe` opens, the last for ever.
    pub(crate) exes: Vec<PathBuf>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl FakeProcess {
    /// A process of this name, parent and start time.
    pub(crate) fn new(comm: &str, parent: u32, start: u64) -> Self {
        Self::default().with("stat", &[stat(comm, parent, start).as_bytes()])
    }

    /// The file gives these contents in turn.
    pub(crate) fn with(mut self, file: &'static str, contents: &[&[u8]]) -> Self {
        self.files.insert(file, contents.iter().map(|content| content.to_vec()).collect());
        self
    }

    fn turn(&self, what: &str) -> usize {
        let mut asked = self.asked.lock().unwrap();
        let turn = asked.entry(what.to_owned()).or_default();
        *turn += 1;
        *turn - 1
    }
}

/// A line of /proc/PID/stat.
pub(crate) fn stat(comm: &str, parent: u32, start: u64) -> String {
    format!(
        "1 ({comm}) S {parent} 1 1 34819 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0"
    )
}

impl ProcDir for FakeProcess {
    fn read(&self, file: &str, cap: usize) -> io::Result<Vec<u8>> {
        let contents = self.files.get(file).ok_or(io::ErrorKind::NotFound)?;
        let turn = self.turn(file);
        let content = contents.get(turn).or(contents.last()).ok_or(io::ErrorKind::NotFound)?;
        // An empty content stands for a process that is gone.
        if content.is_empty() {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(content[..content.len().min(cap)].to_vec())
    }

    fn link(&self, link: &str) -> io::Result<PathBuf> {
        Ok(self.links.get(link).cloned().ok_or(io::ErrorKind::NotFound)?)
    }

    fn exe(&self) -> io::Result<OwnedFd> {
        let turn = self.turn("exe");
        Ok(File::open(self.exes.get(turn).or(self.exes.last()).ok_or(io::ErrorKind::NotFound)?)?.into())
    }

    fn in_root(&self, path: &Path) -> io::Result<OwnedFd> {
        Ok(File::open(path)?.into())
    }
}

/// Processes by pid; `hook` runs at each opening and may block or panic.
#[derive(Clone, Default)]
pub(crate) struct FakeProcFs {
    pub(crate) processes: HashMap<u32, FakeProcess>,
    pub(crate) hook: Option<Arc<dyn Fn(u32) + Send + Sync>>,
    pub(crate) opened: Arc<AtomicUsize>,
}

impl ProcFs for FakeProcFs {
    fn open(&self, pid: u32) -> io::Result<Box<dyn ProcDir>> {
        self.opened.fetch_add(1, SeqCst);
        if let Some(hook) = &self.hook {
            hook(pid);
        }
        Ok(Box::new(self.processes.get(&pid).cloned().ok_or(io::ErrorKind::NotFound)?))
    }

    fn pids(&self) -> io::Result<Vec<Numbers>> {
        let mut pids: Vec<_> = self.processes.keys().copied().collect();
        pids.sort_unstable();
        Ok(pids.into_iter().map(Numbers::of_host).collect())
    }
}
