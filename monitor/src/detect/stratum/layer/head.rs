//! The head of an HTTP/1 message at the start of a stream: a tunnel asked for, or an upgrade to WebSocket.
//!
//! Owns [`Head`]. Must not know bodies, and keeps no header but the host. Sources: RFC 9112 sections 2 to 5,
//! RFC 9110 sections 7.8 and 9.3.6, RFC 6455 section 4.
use memchr::Memchr;

/// A header line longer than this is no header that is read here.
const LINE_MAX: usize = 512;
/// A longer head is not followed to its end.
const HEAD_MAX: usize = 16 << 10;

/// What a head says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A tunnel is wanted to `host:port`.
    Connect(String),
    /// An upgrade to WebSocket is wanted.
    Upgrade {
        /// Without query.
        path: String,
        /// As the client names the server.
        host: Option<String>,
    },
    /// The server answered.
    Status {
        /// Three digits.
        code: u16,
        /// With the words that proxies say of a tunnel.
        established: bool,
    },
    /// Anything else.
    Other,
}

#[derive(Debug, Default)]
enum First {
    #[default]
    Awaited,
    Connect(String),
    Get(String),
    Status(u16, bool),
    Other,
}

/// One head, as far as it has come.
#[derive(Default)]
pub(super) struct Head {
    line: Vec<u8>,
    overlong: bool,
    length: usize,
    first: First,
    upgrade: bool,
    host: Option<String>,
}

impl std::fmt::Debug for Head {
    /// Without the line: it may be a password's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Head {
    /// Bytes held.
    pub(super) const fn held(&self) -> usize {
        self.line.len()
    }

    /// Takes bytes until the head ends; says how many were part of it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Option<Said>) {
        for (at, byte) in bytes.iter().enumerate() {
            self.length += 1;
            if self.length > HEAD_MAX {
                return (at + 1, Some(Said::Other));
            }
            match byte {
                b'\n' => {
                    if let Some(said) = self.end_line() {
                        return (at + 1, Some(said));
                    }
                }
                _ if self.line.len() < LINE_MAX => self.line.push(*byte),
                _ => self.overlong = true,
            }
        }
        (bytes.len(), None)
    }

    fn end_line(&mut self) -> Option<Said> {
        let overlong = std::mem::take(&mut self.overlong);
        let text = std::str::from_utf8(&self.line).unwrap_or_default().trim_end_matches('\r');
        let text = if overlong { "" } else { text };
        let blank = text.is_empty() && self.line.len() <= 1;
        match self.first {
            First::Awaited => self.first = First::of(text),
            _ if blank => return Some(self.said()),
            _ => {
                if let Some((name, value)) = text.split_once(':') {
                    let value = value.trim();
                    self.upgrade |=
                        name.eq_ignore_ascii_case("upgrade") && value.eq_ignore_ascii_case("websocket");
                    if name.eq_ignore_ascii_case("host") {
                        self.host = Some(value.to_owned());
                    }
                }
            }
        }
        self.line.clear();
        None
    }

    fn said(&mut self) -> Said {
        match std::mem::take(&mut self.first) {
            First::Connect(target) => Said::Connect(target),
            First::Get(path) if self.upgrade => Said::Upgrade { path, host: self.host.take() },
            First::Status(code, established) => Said::Status { code, established },
            _ => Said::Other,
        }
    }
}

impl First {
    fn of(line: &str) -> Self {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("CONNECT"), Some(target), Some(version)) if is_version(version) => {
                Self::Connect(target.to_owned())
            }
            (Some("GET"), Some(target), Some(version)) if is_version(version) => {
                Self::Get(target.split('?').next().unwrap_or_default().to_owned())
            }
            (Some(version), Some(code), reason) if is_version(version) => {
                let reason = [reason.unwrap_or_default(), words.next().unwrap_or_default()].concat();
                let established = reason.eq_ignore_ascii_case("connectionestablished");
                code.parse().map_or(Self::Other, |code| Self::Status(code, established))
            }
            _ => Self::Other,
        }
    }
}

fn is_version(word: &str) -> bool {
    word.starts_with("HTTP/1.")
}

/// Whether `bytes`, which begin a stream, are a head that asks for nothing and grants nothing that is peeled, as far as
/// they tell: what [`Head`] would find, without keeping a line.
pub(super) fn is_of_no_tunnel(bytes: &[u8]) -> bool {
    if !(bytes.starts_with(b"GET /") || bytes.starts_with(b"HTTP/1.")) {
        return false;
    }
    let head = bytes.get(..HEAD_MAX).unwrap_or(bytes);
    let mut lines = Memchr::new(b'\n', head).scan(0, |from, end| {
        let line = head.get(*from..end);
        *from = end + 1;
        line
    });
    let Some(first) = lines.next().filter(|first| first.len() <= LINE_MAX) else { return false };
    match First::of(std::str::from_utf8(first).unwrap_or_default()) {
        // The rest of it says nothing that is read here.
        First::Status(code, established) => code != 101 && !established,
        First::Get(_) => lines.find_map(says).is_some_and(|plain| plain),
        _ => false,
    }
}

/// Whether a line of a head tells that there is no upgrade: it ends the head. `None` when it tells nothing.
fn says(line: &[u8]) -> Option<bool> {
    match line {
        [] | [b'\r'] => Some(true),
        [b'u' | b'U', b'p' | b'P', ..] => Some(false),
        _ => None,
    }
}

/// Whether `bytes` begin one of `words`; `None` when they are too few to tell.
pub(super) fn begins(bytes: &[u8], words: &[&str]) -> Option<bool> {
    if words.iter().any(|word| bytes.starts_with(word.as_bytes())) {
        return Some(true);
    }
    if words.iter().any(|word| word.as_bytes().starts_with(bytes)) { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the head says and what follows it, the same for every split.
    fn read(text: &str) -> (Option<Said>, &str) {
        let (used, said) = Head::default().take(text.as_bytes());
        for at in 0..used {
            let (left, right) = text.as_bytes().split_at(at);
            let mut head = Head::default();
            assert_eq!(head.take(left), (at, None), "split at {at}");
            assert_eq!(
                head.take(right),
                (used - at, Head::default().take(text.as_bytes()).1),
                "split at {at}"
            );
        }
        (said, text.get(used..).unwrap_or_default())
    }

    #[test]
    fn a_tunnel_is_told() {
        let connect = "CONNECT pool.example:3333 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic aHVudGVyMg==\r\n\r\n{";
        assert_eq!(read(connect), (Some(Said::Connect("pool.example:3333".to_owned())), "{"));
        for (answer, code, established) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n{", 200, true),
            ("HTTP/1.0 200 Connection Established\nVia: x\n\n{", 200, true),
            ("HTTP/1.1 200 OK\r\n\r\n{", 200, false),
            ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n{", 407, false),
        ] {
            assert_eq!(read(answer), (Some(Said::Status { code, established }), "{"), "{answer}");
        }
    }

    #[test]
    fn an_upgrade_is_told() {
        let get = "GET /ws/abc?token=secret HTTP/1.1\r\nHost: pool.example:10100\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n";
        let said = Said::Upgrade { path: "/ws/abc".to_owned(), host: Some("pool.example:10100".to_owned()) };
        assert_eq!(read(get), (Some(said), ""));
    }

    #[test]
    fn most_heads_are_of_no_tunnel() {
        for (text, want) in [
            ("HTTP/1.1 200 OK\r\nContent-", true),
            ("HTTP/1.0 404 Not Found\n", true),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: a\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nUPGRADE: websocket\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nupgrade: websocket\r\n", true),
            ("HTTP/1.1 200 Connection established\r\n\r\n", false),
            ("HTTP/1.1 101 Switching Protocols\r\n", false),
            ("HTTP/1.1 200 OK", false),
            ("CONNECT a:1 HTTP/1.1\r\n\r\n", false),
            ("POST / HTTP/1.1\r\n\r\n", false),
        ] {
            assert_eq!(is_of_no_tunnel(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn others_are_neither() {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",
            "CONNECT /HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT: yes\r\nHTTP/1.1\r\n\r\n",
            "HTTP/1.1 abc\r\nx\r\n\r\n",
        ] {
            assert_eq!(read(text).0, Some(Said::Other), "{text}");
        }
        assert_eq!(read("GET / HTTP/1.1\r\nUpgrade: websocket\r\n").0, None);
    }

    #[test]
    fn long_lines_and_heads_are_bounded() {
        let long = format!("CONNECT {}:1 HTTP/1.1\r\n\r\n", "x".repeat(9000));
        assert_eq!(Head::default().take(long.as_bytes()).1, Some(Said::Other));
        let mut head = Head::default();
        head.take(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n");
        let (_, said) = head.take(&b"Cookie: x\r\n".repeat(4000));
        assert_eq!((said, head.held() <= LINE_MAX), (Some(Said::Other), true));
        let cookie = format!("GET / HTTP/1.1\r\nCookie: {}\r\nUpgrade: websocket\r\n\r\n", "x".repeat(9000));
        assert!(matches!(Head::default().take(cookie.as_bytes()).1, Some(Said::Upgrade { .. })));
    }

    #[test]
    fn no_header_is_shown() {
        let mut head = Head::default();
        head.take(b"CONNECT a.b:1 HTTP/1.1\r\nProxy-Authorization: Basic aHVudGVyMg==");
        assert!(!format!("{head:?}").contains("Basic"));
    }
}
