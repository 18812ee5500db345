//! Word to the service manager: ready, alive, reloading, stopping, and a line of status (sd_notify(3)).
//!
//! Owns what is sent and how often. Without a service manager (`NOTIFY_SOCKET` is not set) nothing is sent. Programs
//! that the agent starts get an empty environment, so that none can speak in its place. The words are those of the
//! crate `sd-notify`; they are sent from here, since its own way waits for a manager that does not read. Must not know
//! how the agent works: it is told.
use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::{Duration, Instant},
};

use sd_notify::NotifyState;

/// Longest wait for a manager that does not read, where a word must not get lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// The watchdog is fed this many times in its period, so that one late beat ends nobody.
const BEATS: u32 = 4;

/// The service manager, or nobody.
#[derive(Debug, Default)]
pub struct Service {
    /// How often it wants to hear that the agent is alive; `None` when it does not.
    every: Option<Duration>,
    last_beat: Option<Instant>,
    status: String,
    /// A failure is told once.
    failed: bool,
    manager: Option<Manager>,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Service {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    #[must_use]
    pub fn from_environment() -> Self {
        let Some(path) = env::var_os("NOTIFY_SOCKET") else { return Self::default() };
        let manager = Manager::at(path.as_bytes());
        if let Err(error) = &manager {
            log::warn!("NOTIFY_SOCKET: {error}; the service manager does not hear of us");
        }
        let every = sd_notify::watchdog_enabled().map(|period| period / BEATS);
        Self { manager: manager.ok(), every, ..Self::default() }
    }

    /// The hooks are attached.
    pub fn ready(&mut self) {
        self.send(&[NotifyState::Ready], PATIENCE);
    }

    /// The agent will end, and drains first.
    pub fn stopping(&mut self) {
        self.send(&[NotifyState::Stopping, NotifyState::Status("stopping: writing what is left")], PATIENCE);
    }

    /// The configuration is read again; [`Service::ready`] ends that.
    pub fn reloading(&mut self) {
        let mut states = vec![NotifyState::Reloading];
        states.extend(NotifyState::monotonic_usec_now().ok());
        self.send(&states, PATIENCE);
    }

    /// To be called by the task that processes events, and by it alone: a task that is stuck does not say it.
    pub fn alive(&mut self, now: Instant) {
        let Some(every) = self.every else { return };
        let due = self.last_beat.is_none_or(|last| now.saturating_duration_since(last) >= every);
        if due && self.send(&[NotifyState::Watchdog], Duration::ZERO) {
            self.last_beat = Some(now);
        }
    }

    /// One line for `systemctl status`; sent when it differs from the last.
    pub fn status(&mut self, status: String) {
        if status != self.status && self.send(&[NotifyState::Status(&status)], Duration::ZERO) {
            self.status = status;
        }
    }

    /// `true`: sent.
    fn send(&mut self, states: &[NotifyState<'_>], patience: Duration) -> bool {
        let Some(manager) = &self.manager else { return false };
        match manager.send(states, patience) {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                self.failed = true;
                log::warn!("NOTIFY_SOCKET: {error}; the service manager does not hear of us");
            }
            Err(_) => {}
        }
        !self.failed
    }
}

impl Manager {
    /// A path, or after an `@` a name of the abstract namespace.
    fn at(path: &[u8]) -> io::Result<Self> {
        let address = match path.split_first() {
            Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
        };
        Ok(Self { socket: UnixDatagram::unbound()?, address })
    }

    /// One datagram; waits at most `patience` for room.
    fn send(&self, states: &[NotifyState<'_>], patience: Duration) -> io::Result<()> {
        let words = states.iter().map(|state| format!("{state}\n")).collect::<String>();
        self.socket.set_nonblocking(patience.is_zero())?;
        if !patience.is_zero() {
            self.socket.set_write_timeout(Some(patience))?;
        }
        self.socket.send_to_addr(words.as_bytes(), &self.address).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::{ffi::OsStrExt as _, net::UnixDatagram},
        time::{Duration, Instant},
    };

    use super::{Manager, Service};

    /// A service manager that listens, and a service with a watchdog that speaks to it.
    fn pair(folder: &tempfile::TempDir) -> (UnixDatagram, Service) {
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let manager = Some(Manager::at(path.as_os_str().as_bytes()).unwrap());
        (listener, Service { manager, every: Some(Duration::from_secs(15)), ..Service::default() })
    }

    fn heard(listener: &UnixDatagram) -> Vec<String> {
        let mut bytes = [0; 512];
        let words =
            || listener.recv(&mut bytes).ok().map(|n| String::from_utf8_lossy(&bytes[..n]).into_owned());
        std::iter::from_fn(words).collect()
    }

    #[test]
    fn a_beat_is_sent_once_in_a_quarter_of_the_period_and_a_status_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (listener, mut service) = pair(&folder);
        let start = Instant::now();
        service.ready();
        for seconds in [0, 14, 15, 29] {
            service.alive(start + Duration::from_secs(seconds));
        }
        for status in ["one", "one", "two"] {
            service.status(status.to_owned());
        }
        service.stopping();
        let stopping = "STOPPING=1\nSTATUS=stopping: writing what is left\n";
        let words = ["READY=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n", "STATUS=one\n", "STATUS=two\n", stopping];
        assert_eq!(heard(&listener), words);
    }

    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for_and_hears_the_rest_later() {
        let folder = tempfile::tempdir().unwrap();
        let (listener, mut service) = pair(&folder);
        let start = Instant::now();
        let mut sent = 0;
        loop {
            service.status(sent.to_string());
            if service.failed {
                break;
            }
            sent += 1;
            assert!(sent < 1_000_000, "a datagram socket has a bound");
        }
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!(heard(&listener).len(), sent);
        service.status("again".to_owned());
        assert_eq!(heard(&listener), ["STATUS=again\n"]);
    }

    #[test]
    fn without_a_manager_nothing_is_kept() {
        let mut service = Service::default();
        service.alive(Instant::now());
        service.status("watching".to_owned());
        assert_eq!((service.last_beat, service.status.as_str()), (None, ""));
    }
}
