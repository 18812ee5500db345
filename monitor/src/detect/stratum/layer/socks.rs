//! SOCKS 4, 4a and 5 at the start of a stream.
//!
//! Owns [`Socks`], one direction of the negotiation. Must not know what is tunnelled. User name and password
//! (RFC 1929) are counted past and never held. Sources: RFC 1928, RFC 1929, the SOCKS 4 and 4A memos.
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Progress, host_and_port};

/// The longest user name of SOCKS 4 that is read past, and the longest name of RFC 1928.
const NAME_MAX: usize = 255;
/// RFC 1928's answer when it accepts, and that of SOCKS 4.
const GRANTED: [u8; 2] = [0, 0x5a];
/// Method without a password, and the one with it.
const METHODS: [u8; 2] = [0, 2];

/// What the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    ClientVersion,
    MethodCount,
    Methods,
    /// RFC 1929 or the request, by its first byte.
    AuthOrRequest,
    UserLength,
    User,
    PasswordLength,
    Password,
    Command,
    ServerVersion,
    Method,
    AuthStatus,
    /// Five bytes or fewer: what stands before an address.
    ReplyVersion,
    ReplyCode,
    Reserved,
    AddressType,
    NameLength,
    /// As many bytes as `left` says: address and port.
    Address,
    Four,
    FourUser,
    FourName,
    FourReply,
}

/// One direction of a negotiation.
#[derive(Debug)]
pub(super) struct Socks {
    at: At,
    left: usize,
    kind: u8,
    answer: bool,
    held: Vec<u8>,
    target: Option<String>,
}

impl Socks {
    /// What a client sends, from its first byte.
    pub(super) const fn client() -> Self {
        Self::new(At::ClientVersion, false)
    }

    /// What a server answers, from its first byte; `four` for SOCKS 4.
    pub(super) const fn server(four: bool) -> Self {
        let mut server = Self::new(if four { At::FourReply } else { At::ServerVersion }, true);
        server.left = 8;
        server
    }

    const fn new(at: At, answer: bool) -> Self {
        Self { at, left: 0, kind: 0, answer, held: Vec::new(), target: None }
    }

    /// `host:port` that the client asked for.
    pub(super) fn target(&mut self) -> Option<String> {
        self.target.take()
    }

    /// Takes bytes until the negotiation ends; says how many were part of it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Progress) {
        for (at, byte) in bytes.iter().enumerate() {
            match self.step(*byte) {
                Progress::More => {}
                end => return (at + 1, end),
            }
        }
        (bytes.len(), Progress::More)
    }

    fn step(&mut self, byte: u8) -> Progress {
        match self.at {
            At::Methods | At::User | At::Password => self.skip(),
            At::Address => self.address(byte),
            At::Four | At::FourUser | At::FourName | At::FourReply => self.four(byte),
            _ => self.next(byte).map_or(Progress::Failed, |next| {
                self.at = next;
                Progress::More
            }),
        }
    }

    /// Where a single byte leads; nowhere when it is not of this protocol.
    fn next(&mut self, byte: u8) -> Option<At> {
        let length = usize::from(byte);
        Some(match (self.at, byte) {
            (At::ClientVersion, 5) => At::MethodCount,
            (At::ClientVersion, 4) => self.expect(At::Four, 7),
            (At::MethodCount, 1..) => self.expect(At::Methods, length),
            (At::AuthOrRequest, 1) => At::UserLength,
            (At::AuthOrRequest, 5) => At::Command,
            (At::UserLength, 1..) => self.expect(At::User, length),
            (At::PasswordLength, 1..) => self.expect(At::Password, length),
            (At::PasswordLength, 0) => At::AuthOrRequest,
            (At::Command, 1) => At::Reserved,
            (At::ServerVersion, 5) => At::Method,
            (At::Method, 0) => At::ReplyVersion,
            (At::Method, 2) => self.expect(At::AuthStatus, 1),
            (At::AuthStatus, 1) if self.left == 1 => self.expect(At::AuthStatus, 0),
            (At::AuthStatus, 0) => At::ReplyVersion,
            (At::ReplyVersion, 5) => At::ReplyCode,
            (At::ReplyCode, 0) => At::Reserved,
            (At::Reserved, 0) => At::AddressType,
            (At::AddressType, 1) => self.expect_address(1, 4),
            (At::AddressType, 3) => At::NameLength,
            (At::AddressType, 4) => self.expect_address(4, 16),
            (At::NameLength, 1..) => self.expect_address(3, length),
            _ => return None,
        })
    }

    const fn expect(&mut self, at: At, left: usize) -> At {
        self.left = left;
        at
    }

    const fn expect_address(&mut self, kind: u8, length: usize) -> At {
        self.kind = kind;
        self.expect(At::Address, length + 2)
    }

    /// A byte that nobody reads.
    const fn skip(&mut self) -> Progress {
        self.left -= 1;
        if self.left == 0 {
            self.at = match self.at {
                At::User => At::PasswordLength,
                _ => At::AuthOrRequest,
            };
        }
        Progress::More
    }

    fn address(&mut self, byte: u8) -> Progress {
        self.held.push(byte);
        self.left -= 1;
        if self.left > 0 {
            return Progress::More;
        }
        let held = std::mem::take(&mut self.held);
        if !self.answer {
            self.target = five_target(self.kind, &held);
        }
        Progress::Done
    }

    /// SOCKS 4: command, port, address, a user name that ends in a zero, and (4A) a host name that does too.
    fn four(&mut self, byte: u8) -> Progress {
        match self.at {
            At::FourReply => {
                self.held.push(byte);
                let granted =
                    GRANTED.starts_with(self.held.get(..2.min(self.held.len())).unwrap_or_default());
                match (granted, self.held.len()) {
                    (false, _) => Progress::Failed,
                    (true, 8) => Progress::Done,
                    _ => Progress::More,
                }
            }
            At::Four => {
                self.held.push(byte);
                self.left -= 1;
                if self.left == 0 {
                    self.at = At::FourUser;
                }
                Progress::More
            }
            At::FourUser if byte != 0 => {
                self.left += 1;
                if self.left > NAME_MAX { Progress::Failed } else { Progress::More }
            }
            At::FourUser if self.named_later() => {
                self.at = At::FourName;
                Progress::More
            }
            At::FourName if byte != 0 => {
                self.held.push(byte);
                if self.held.len() > NAME_MAX + 7 { Progress::Failed } else { Progress::More }
            }
            _ => {
                self.target = four_target(&std::mem::take(&mut self.held));
                Progress::Done
            }
        }
    }

    /// 4A: the address is 0.0.0.x, and the server is to look the name up.
    fn named_later(&self) -> bool {
        matches!(self.held.as_slice(), [_, _, _, 0, 0, 0, last] if *last != 0)
    }
}

/// Whether `bytes` begin a client's negotiation; `None` when they are too few to tell.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [] | [4 | 5] => None,
        [5, count @ 1..=10, methods @ ..] => {
            let count = usize::from(*count);
            let known = methods.iter().take(count).any(|method| METHODS.contains(method));
            (methods.len() >= count).then_some(known)
        }
        [4, 1, high, low, first, _, _, last, ..] => {
            Some((*high, *low) != (0, 0) && (*first != 0 || *last != 0))
        }
        [4, 1, ..] => None,
        _ => Some(false),
    }
}

/// Whether `bytes` are a server's: method chosen and request granted. For a conversation whose other half was not
/// seen.
pub(super) fn answers(bytes: &[u8]) -> Option<bool> {
    let shape = |at: usize, byte: u8| match at {
        0 | 2 => byte == 5,
        5 => matches!(byte, 1 | 3 | 4),
        _ => byte == 0,
    };
    if bytes.iter().take(6).enumerate().any(|(at, byte)| !shape(at, *byte)) {
        return Some(false);
    }
    (bytes.len() >= 6).then_some(true)
}

fn five_target(kind: u8, held: &[u8]) -> Option<String> {
    let (address, port) = held.split_last_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    match kind {
        1 => Some(format!("{}:{port}", Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?))),
        4 => Some(format!("[{}]:{port}", Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?))),
        _ => host_and_port(std::str::from_utf8(address).ok()?, port),
    }
}

fn four_target(held: &[u8]) -> Option<String> {
    let [_, high, low, a, b, c, d, name @ ..] = held else { return None };
    let port = u16::from_be_bytes([*high, *low]);
    if name.is_empty() {
        return Some(format!("{}:{port}", Ipv4Addr::new(*a, *b, *c, *d)));
    }
    host_and_port(std::str::from_utf8(name).ok()?, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that belong to the negotiation and the target, the same for every split.
    fn peel(make: fn() -> Socks, bytes: &[u8]) -> (usize, Progress, Option<String>) {
        let mut whole = make();
        let (used, end) = whole.take(bytes);
        for at in 0..bytes.len() {
            let (left, right) = bytes.split_at(at);
            let mut socks = make();
            let (first, early) = socks.take(left);
            let (split, last) = if early == Progress::More {
                let (more, last) = socks.take(right);
                (first + more, last)
            } else {
                (first, early)
            };
            assert_eq!((split, last), (used, end), "split at {at}");
        }
        (used, end, whole.target())
    }

    #[test]
    fn a_client_names_its_pool() {
        for (bytes, used, target) in [
            (b"\x05\x01\x00\x05\x01\x00\x03\x0cpool.example\x0d\x05{".as_slice(), 22, "pool.example:3333"),
            (b"\x05\x02\x00\x02\x05\x01\x00\x01\xc0\x00\x02\x09\x0d\x05{}", 14, "192.0.2.9:3333"),
            (
                b"\x05\x01\x00\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x0d\x05",
                25,
                "[2001:db8::1]:3333",
            ),
            (b"\x05\x01\x02\x01\x03bob\x07hunter2\x05\x01\x00\x03\x03a.b\x00\x50x", 26, "a.b:80"),
            (b"\x04\x01\x0d\x05\xc0\x00\x02\x09me\x00{", 11, "192.0.2.9:3333"),
            (b"\x04\x01\x0d\x05\x00\x00\x00\x01me\x00pool.example\x00{", 24, "pool.example:3333"),
        ] {
            let want = (used, Progress::Done, Some(target.to_owned()));
            assert_eq!(peel(Socks::client, bytes), want, "{}", bytes.escape_ascii());
            assert_eq!(begins(bytes), Some(true), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_password_is_not_held() {
        let mut socks = Socks::client();
        for byte in b"\x05\x01\x02\x01\x03bob\x07hunter2" {
            socks.take(&[*byte]);
            assert!(socks.held.is_empty());
        }
    }

    #[test]
    fn a_server_grants() {
        let five = || Socks::server(false);
        let four = || Socks::server(true);
        let granted = b"\x05\x00\x05\x00\x00\x01\0\0\0\0\x10\x10HTTP";
        assert_eq!(peel(five, granted), (12, Progress::Done, None));
        assert_eq!(answers(granted), Some(true));
        assert_eq!(peel(five, b"\x05\x02\x01\x00\x05\x00\x00\x03\x01a\0\0{"), (12, Progress::Done, None));
        assert_eq!(peel(four, b"\x00\x5a\0\0\0\0\0\0{"), (8, Progress::Done, None));
        assert_eq!(peel(five, b"\x05\xff").1, Progress::Failed);
        assert_eq!(peel(five, b"\x05\x02\x01\x01").1, Progress::Failed);
        assert_eq!(peel(five, b"\x05\x00\x05\x05\x00\x01").1, Progress::Failed);
        assert_eq!(peel(four, b"\x00\x5b\0\0\0\0\0\0").1, Progress::Failed);
    }

    #[test]
    fn others_begin_with_these_bytes_too() {
        for bytes in [
            b"\x05\x00\x0b\x03\x10\x00\x00\x00".as_slice(),
            b"\x05\x64\x08\xc4\x02\x00\x03\x00",
            b"\x04\x00\x00\x00\x05\x00\x00\x00",
            b"\x04\x01\x00\x00\x00\x00\x00\x00",
            b"\x16\x03\x01",
        ] {
            assert_eq!(begins(bytes), Some(false), "{}", bytes.escape_ascii());
            assert_eq!(answers(bytes), Some(false), "{}", bytes.escape_ascii());
        }
        assert_eq!((begins(b"\x05"), begins(b"\x05\x02\x00"), answers(b"\x05\x00\x05")), (None, None, None));
        let mut long = Socks::client();
        assert_eq!(
            long.take(&[b"\x04\x01\x0d\x05\xc0\x00\x02\x09".as_slice(), &[b'x'; 300]].concat()).1,
            Progress::Failed
        );
    }
}
