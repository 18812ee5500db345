//! Getting an entry to journald.
//!
//! Owns the datagram socket. Must not know what an entry means.
use std::{
    fs::File,
    io::{self, IoSlice, Write as _},
    mem::MaybeUninit,
    os::{fd::AsFd as _, unix::net::UnixDatagram},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::Errno,
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, sendmsg_addr},
};

/// Where journald listens (systemd `units/systemd-journald.socket`).
pub const DEFAULT_SOCKET: &str = "/run/systemd/journal/socket";

/// Longest time that one attempt may block: journald takes 10 datagrams (`net.unix.max_dgram_qlen`) before it
/// must read, and a stopped one never does.
pub const SEND_TIMEOUT: Duration = Duration::from_millis(500);

/// Nobody can change the bytes any more; journald takes nothing less from a sender that is not root.
const SEALS: SealFlags =
    SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::WRITE).union(SealFlags::SEAL);

/// Where the journald of a log namespace listens (`systemd-journald@.socket`).
#[must_use]
pub fn namespace_socket(namespace: &str) -> PathBuf {
    Path::new("/run/systemd").join(format!("journal.{namespace}")).join("socket")
}

/// An unconnected socket that looks its path up for every entry: a connected one is dead for ever after a
/// restart of journald.
pub struct Socket {
    datagrams: UnixDatagram,
    path: PathBuf,
    address: SocketAddrUnix,
}

impl Socket {
    /// Makes the socket; nothing need listen at `path` yet.
    ///
    /// # Errors
    /// When no socket can be made, or `path` is too long for one.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let address = SocketAddrUnix::new(&path).map_err(|errno| named(&path, &errno.into()))?;
        let datagrams = UnixDatagram::unbound()?;
        datagrams.set_write_timeout(Some(SEND_TIMEOUT))?;
        Ok(Self { datagrams, path, address })
    }

    /// Sends one entry of any size; blocks at most [`SEND_TIMEOUT`].
    ///
    /// # Errors
    /// When journald is not there (`NotFound`, `ConnectionRefused`) or does not read (`WouldBlock`).
    pub fn send(&self, entry: &[u8]) -> io::Result<()> {
        let sent = match self.datagrams.send_to(entry, &self.path) {
            Err(error) if is_too_long(&error) => self.send_memfd(entry),
            sent => sent.map(drop),
        };
        sent.map_err(|error| named(&self.path, &error))
    }

    /// journald maps a sealed memfd in place of a long datagram.
    fn send_memfd(&self, entry: &[u8]) -> io::Result<()> {
        let fd = memfd_create("minewarden-entry", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut file = File::from(fd);
        file.write_all(entry)?;
        fcntl_add_seals(&file, SEALS)?;
        let fds = [file.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::Error::other("no space for a file descriptor in the control message"));
        }
        let none = [IoSlice::new(&[])];
        sendmsg_addr(&self.datagrams, &self.address, &none, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

/// Over the socket's buffer (212,992 bytes by default), or over what the kernel finds memory for in one piece.
fn is_too_long(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MSGSIZE | Errno::NOBUFS))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{ErrorKind, Read as _, Seek as _, SeekFrom},
        mem::MaybeUninit,
        os::unix::net::UnixDatagram,
        path::PathBuf,
        time::Instant,
    };

    use rustix::{
        fs::fcntl_get_seals,
        net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
    };

    use super::{SEALS, SEND_TIMEOUT, Socket, namespace_socket};

    #[test]
    fn an_absent_journald_is_an_error_that_names_the_path_and_a_later_one_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let socket = Socket::open(path.clone()).unwrap();
        let error = socket.send(b"MESSAGE=early\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");

        for text in ["MESSAGE=first\n", "MESSAGE=after a restart\n"] {
            let journald = UnixDatagram::bind(&path).unwrap();
            socket.send(text.as_bytes()).unwrap();
            let mut bytes = [0; 64];
            let length = journald.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..length], text.as_bytes());
            drop(journald);
            assert_eq!(socket.send(b"MESSAGE=gone\n").unwrap_err().kind(), ErrorKind::ConnectionRefused);
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_journald_that_does_not_read_costs_the_timeout_and_no_more() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let _silent = UnixDatagram::bind(&path).unwrap();
        let socket = Socket::open(path).unwrap();
        let begun = Instant::now();
        let error = (0..100_000).find_map(|_| socket.send(b"MESSAGE=x\n").err()).unwrap();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= SEND_TIMEOUT && begun.elapsed() < 20 * SEND_TIMEOUT);
    }

    #[test]
    fn an_entry_longer_than_a_datagram_comes_as_a_sealed_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let entry = "MESSAGE=x\n".repeat(100_000);
        Socket::open(path).unwrap().send(entry.as_bytes()).unwrap();

        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(&journald, &mut [], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
        assert_eq!(received.bytes, 0);
        let Some(RecvAncillaryMessage::ScmRights(mut fds)) = control.drain().next() else {
            panic!("no file came")
        };
        let mut file = File::from(fds.next().unwrap());
        assert_eq!(fcntl_get_seals(&file).unwrap(), SEALS);
        let mut text = String::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert!(text == entry);
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_at_once() {
        assert!(Socket::open(PathBuf::from("/x".repeat(100))).is_err());
        assert_eq!(namespace_socket("web"), PathBuf::from("/run/systemd/journal.web/socket"));
    }
}
