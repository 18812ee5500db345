//! The systemd journal.
//!
//! Owns the decision what journald may add by itself. Must not read /proc: whoever builds the sink lends it a
//! way to ask whether a process is still the same.
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::Sink;
use crate::{
    event::Owner,
    notice::{IncidentView, Notice},
    record::Record,
};

pub mod entry;
pub mod socket;

pub use socket::{DEFAULT_SOCKET, Socket, namespace_socket};

/// Says whether a process is still the one that was meant (same start time).
pub type Verify = Box<dyn Fn(&Owner) -> bool + Send>;

/// Writes entries with the native protocol.
pub struct Journald {
    socket: Socket,
    object_pid: Option<Verify>,
    records: Option<Namespace>,
}

/// The journald of the namespace that records go to.
struct Namespace {
    socket: Socket,
    /// Records that went to the main journal, since nobody listened there.
    diverted: Arc<AtomicU64>,
    /// Whether the last one did.
    absent: bool,
}

impl Journald {
    /// Writes to the socket at `path`, which need not exist yet. With `object_pid`, entries name the process in
    /// `OBJECT_PID`, for which journald adds what it knows of it (`OBJECT_EXE`, `OBJECT_CMDLINE`, ...); `None`
    /// leaves that out always.
    ///
    /// # Errors
    /// When no socket can be made, or `path` is too long for one.
    pub fn new(path: PathBuf, object_pid: Option<Verify>) -> io::Result<Self> {
        Ok(Self { socket: Socket::open(path)?, object_pid, records: None })
    }

    /// Records go to the socket at `path`, where the journald of a namespace listens; while none does they go where
    /// notices go, and are counted.
    ///
    /// # Errors
    /// As [`Journald::new`].
    pub fn records_to(mut self, path: PathBuf) -> io::Result<Self> {
        let socket = Socket::open(path)?;
        self.records = Some(Namespace { socket, diverted: Arc::default(), absent: false });
        Ok(self)
    }

    fn object_pid(&self, view: &IncidentView) -> Option<u32> {
        let verify = self.object_pid.as_ref()?;
        let owner = view.owner.filter(|owner| owner.pid != 0 && shows_no_secret(view))?;
        verify(&owner).then_some(owner.pid)
    }
}

/// `OBJECT_CMDLINE` is journald's own copy, not redacted: the process may be named only when its whole command
/// line is known and nothing in it was taken out.
const fn shows_no_secret(view: &IncidentView) -> bool {
    !view.command.args.is_empty() && !view.command.truncated && !view.command.redacted
}

impl Sink for Journald {
    fn name(&self) -> &'static str {
        "journald"
    }

    fn write(&mut self, notice: &Notice) -> io::Result<()> {
        let object_pid = notice.incident.as_deref().and_then(|view| self.object_pid(view));
        self.socket.send(&entry::encode(notice, object_pid))
    }

    fn takes_records(&self) -> bool {
        true
    }

    fn write_record(&mut self, record: &Record) -> io::Result<()> {
        let entry = entry::encode_record(record);
        let Some(records) = &mut self.records else { return self.socket.send(&entry) };
        if records.takes(&entry)? {
            return Ok(());
        }
        self.socket.send(&entry)?;
        records.diverted.fetch_add(1, Relaxed);
        Ok(())
    }

    fn diverted(&self) -> Option<Arc<AtomicU64>> {
        Some(Arc::clone(&self.records.as_ref()?.diverted))
    }
}

impl Namespace {
    /// `false`: nobody listens. One that listens and does not read is an error, as everywhere.
    fn takes(&mut self, entry: &[u8]) -> io::Result<bool> {
        match self.socket.send(entry) {
            Ok(()) => {
                if self.absent {
                    log::warn!("the journald of the records' namespace listens again");
                }
                self.absent = false;
                Ok(true)
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                if !self.absent {
                    log::warn!("{error}; records go to the main journal until somebody listens there");
                }
                self.absent = true;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::net::UnixDatagram,
        path::{Path, PathBuf},
        sync::atomic::Ordering::Relaxed,
    };

    use super::Journald;
    use crate::sink::{
        Sink as _,
        sample::{execution, incident},
    };

    fn listen(path: &Path) -> UnixDatagram {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    fn events(socket: &UnixDatagram) -> Vec<String> {
        let mut bytes = vec![0; 65_536];
        let texts =
            || socket.recv(&mut bytes).ok().map(|n| String::from_utf8_lossy(&bytes[..n]).into_owned());
        let event = |text: String| {
            let line =
                text.lines().find_map(|line| line.strip_prefix("MINEWARDEN_EVENT=").map(str::to_owned));
            line.unwrap()
        };
        std::iter::from_fn(texts).map(event).collect()
    }

    #[test]
    fn records_go_to_their_namespace_and_while_nobody_is_there_to_the_journal_and_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (main, own) = (folder.path().join("main"), folder.path().join("own"));
        let mut sink = Journald::new(main.clone(), None).unwrap().records_to(own.clone()).unwrap();
        let diverted = sink.diverted().unwrap();
        let main = listen(&main);
        sink.write_record(&execution()).unwrap();
        assert_eq!((events(&main), diverted.load(Relaxed)), (vec!["exec".to_owned()], 1));
        let own = listen(&own);
        sink.write_record(&execution()).unwrap();
        sink.write(&incident()).unwrap();
        assert_eq!(events(&own), ["exec"]);
        assert_eq!(events(&main), ["incident-opened"]);
        drop(own);
        sink.write_record(&execution()).unwrap();
        assert_eq!((events(&main), diverted.load(Relaxed)), (vec!["exec".to_owned()], 2));
    }

    fn sink(same: Option<bool>) -> Journald {
        let path = PathBuf::from("/nonexistent/socket");
        Journald::new(path, same.map(|same| -> super::Verify { Box::new(move |_| same) })).unwrap()
    }

    #[test]
    fn the_object_pid_is_named_only_when_nothing_forbids_it() {
        let notice = incident();
        let mut view = notice.incident.unwrap();
        view.command.truncated = false;
        assert_eq!(sink(Some(true)).object_pid(&view), Some(4242));
        assert_eq!(sink(None).object_pid(&view), None, "switched off");
        assert_eq!(sink(Some(false)).object_pid(&view), None, "another process by now");

        let forbidding: [fn(&mut crate::notice::IncidentView); 5] = [
            |view| view.command.redacted = true,
            |view| view.command.truncated = true,
            |view| view.command.args.clear(),
            |view| view.owner = None,
            |view| view.owner.as_mut().unwrap().pid = 0,
        ];
        for (index, forbid) in forbidding.into_iter().enumerate() {
            let mut view = view.clone();
            forbid(&mut view);
            assert_eq!(sink(Some(true)).object_pid(&view), None, "case {index}");
        }
    }
}
