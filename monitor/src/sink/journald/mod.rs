//! The systemd journal.
//!
//! Owns the decision what journald may add by itself. Must not read /proc: whoever builds the sink lends it a
//! way to ask whether a process is still the same.
use std::{io, path::PathBuf};

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
}

impl Journald {
    /// Writes to the socket at `path`, which need not exist yet. With `object_pid`, entries name the process in
    /// `OBJECT_PID`, for which journald adds what it knows of it (`OBJECT_EXE`, `OBJECT_CMDLINE`, ...); `None`
    /// leaves that out always.
    ///
    /// # Errors
    /// When no socket can be made, or `path` is too long for one.
    pub fn new(path: PathBuf, object_pid: Option<Verify>) -> io::Result<Self> {
        Ok(Self { socket: Socket::open(path)?, object_pid })
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
        self.socket.send(&entry::encode_record(record))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Journald;
    use crate::sink::sample::incident;

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
