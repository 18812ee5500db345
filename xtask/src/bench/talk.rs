//! What the two ends of a made-up conversation say to each other.
//!
//! Owns the kinds and their shares. Must not know packets.
use std::fmt::Write as _;

use super::random::Random;

mod mining;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// One side's words, up to [`TURN`] bytes.
pub(crate) type Turn = (Side, Vec<u8>);

/// Longer answers come in several turns, so that many conversations at a time need little memory.
const TURN: usize = 16 << 10;

/// What kind of conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A handshake in the clear, then records of random bytes.
    Tls,
    /// Requests and pages over HTTP/1.1.
    Http,
    /// One large file over HTTP/1.1.
    Download,
    /// A banner, key exchange, then keystrokes and their echoes.
    Ssh,
    /// A query and its answer with the two bytes of length before them (RFC 1035, section 4.2.2).
    Dns,
    /// Requests in JSON, one on a line, to a service that is no pool.
    JsonRpc,
    /// Short binary messages of things that report what they measure.
    Telemetry,
    /// Commands and answers in lines of text.
    Redis,
    Stratum1,
    CryptoNote,
    EthProxy,
}

impl Kind {
    /// Kinds by how many of a thousand conversations they are.
    pub(crate) const SHARES: [(Self, usize); 11] = [
        (Self::Tls, 380),
        (Self::Http, 190),
        (Self::Download, 2),
        (Self::Ssh, 60),
        (Self::Dns, 121),
        (Self::JsonRpc, 60),
        (Self::Telemetry, 120),
        (Self::Redis, 55),
        (Self::Stratum1, 5),
        (Self::CryptoNote, 4),
        (Self::EthProxy, 3),
    ];

    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut left = random.between(0, Self::SHARES.iter().map(|(_, share)| share).sum());
        for (kind, share) in Self::SHARES {
            match left.checked_sub(share) {
                Some(rest) => left = rest,
                None => return kind,
            }
        }
        Self::Tls
    }

    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Tls => 443,
            Self::Http | Self::Download => 80,
            Self::Ssh => 22,
            Self::Dns => 53,
            Self::JsonRpc => 8_545,
            Self::Telemetry => 1_883,
            Self::Redis => 6_379,
            Self::Stratum1 => 3_333,
            Self::CryptoNote => 5_555,
            Self::EthProxy => 4_444,
        }
    }

    pub(crate) const fn is_mining(self) -> bool {
        matches!(self, Self::Stratum1 | Self::CryptoNote | Self::EthProxy)
    }
}

/// What an answer is made of.
#[derive(Clone, Copy, Debug)]
enum Body {
    /// Encrypted, compressed, or a picture.
    Bytes,
    Page,
    /// Written for machines, without line ends.
    Script,
    /// A list of objects in JSON.
    List,
}

/// A conversation as it goes on.
pub(crate) struct Talk {
    kind: Kind,
    step: usize,
    steps: usize,
    /// Bytes that the answer at hand still has.
    left: usize,
    /// What they are.
    body: Body,
}

impl Talk {
    pub(crate) fn new(kind: Kind, random: &mut Random) -> Self {
        let steps = match kind {
            Kind::Download | Kind::Dns => 2,
            Kind::Tls => 4 + 2 * random.between(1, 4),
            Kind::Http => 2 * random.between(1, 6),
            Kind::Ssh => 6 + 2 * random.skewed(5, 140),
            Kind::JsonRpc | Kind::Telemetry | Kind::Redis => 2 * random.skewed(3, 60),
            Kind::Stratum1 | Kind::CryptoNote | Kind::EthProxy => 4 + 2 * random.between(3, 40),
        };
        Self { kind, step: 0, steps, left: 0, body: Body::Bytes }
    }

    /// What is said next; `None` at the end.
    pub(crate) fn next(&mut self, random: &mut Random) -> Option<Turn> {
        if self.left > 0 {
            let size = self.left.min(TURN);
            self.left -= size;
            return Some((Side::Server, body(self.body, size, random)));
        }
        if self.step >= self.steps {
            return None;
        }
        let step = self.step;
        self.step += 1;
        let side = if step.is_multiple_of(2) { Side::Client } else { Side::Server };
        let words = match self.kind {
            Kind::Tls => self.tls(step, random),
            Kind::Http | Kind::Download => self.http(side, random),
            Kind::Ssh => ssh(step, random),
            Kind::Dns => dns(side, random),
            Kind::JsonRpc => json_rpc(side, step, random),
            Kind::Telemetry => telemetry(side, random),
            Kind::Redis => redis(side, random),
            Kind::Stratum1 => mining::stratum_1(step, random),
            Kind::CryptoNote => mining::crypto_note(step, random),
            Kind::EthProxy => mining::eth_proxy(step, random),
        };
        Some((side, words))
    }

    fn tls(&mut self, step: usize, random: &mut Random) -> Vec<u8> {
        let (kind, size) = match step {
            0 => (22, 512),
            1 => (22, random.between(2_800, 4_200)),
            2 => (20, 74),
            3 => (23, 250),
            even if even % 2 == 0 => (23, random.between(200, 1_400)),
            _ => {
                self.left = random.skewed(300, 30_000);
                (23, random.between(60, 1_400))
            }
        };
        let [high, low] = u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes();
        let mut record = vec![kind, 3, 3, high, low];
        record.extend(random.bytes(size));
        record
    }

    fn http(&mut self, side: Side, random: &mut Random) -> Vec<u8> {
        if side == Side::Client {
            let path = random.hex(random_size(self.step, 40));
            let request = format!(
                "GET /static/{path} HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux \
                 x86_64)\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: id={}\r\n\r\n",
                random.hex(32)
            );
            return request.into_bytes();
        }
        (self.body, self.left) = match (self.kind, random.between(0, 6)) {
            (Kind::Download, _) => (Body::Bytes, random.between(200_000, 4_000_000)),
            (_, 0 | 1) => (Body::Bytes, random.skewed(200, 36_000)),
            (_, 2 | 3) => (Body::Page, random.skewed(200, 36_000)),
            (_, 4) => (Body::Script, random.skewed(200, 36_000)),
            _ => (Body::List, random.skewed(200, 36_000)),
        };
        let kind = match self.body {
            Body::Bytes => "application/octet-stream",
            Body::Page => "text/html; charset=utf-8",
            Body::Script => "text/javascript",
            Body::List => "application/json",
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Connection: keep-alive\r\n\r\n",
            self.left
        );
        head.into_bytes()
    }
}

fn random_size(step: usize, most: usize) -> usize {
    8 + step * 7 % most
}

fn body(kind: Body, size: usize, random: &mut Random) -> Vec<u8> {
    let mut text = String::with_capacity(size + 200);
    while text.len() < size {
        let (name, number) = (random.hex(6), random.between(0, 9_999));
        let _ = match (kind, number % 8) {
            (Body::Bytes, _) => return random.bytes(size),
            (Body::Page, 0) => {
                writeln!(text, "<script>var p = {{\"id\": {number}, \"n\": \"{name}\"}};</script>")
            }
            (Body::Page, 1..4) => {
                writeln!(text, "<div class=\"c{name}\"><a href=\"/p/{number}\">{name}</a></div>")
            }
            (Body::Page, _) => {
                writeln!(text, "  <li>The quick brown fox jumps {number} times over {name}.</li>")
            }
            (Body::Script, _) => {
                write!(text, "function f{name}(a){{var b=a+{number};return b>0?b:{{x:b,y:\"{name}\"}}}};")
            }
            (Body::List, _) => {
                write!(text, "{{\"id\":{number},\"name\":\"{name}\",\"tags\":[\"a\",\"b\"]}},")
            }
        };
    }
    text.truncate(size);
    text.into_bytes()
}

fn ssh(step: usize, random: &mut Random) -> Vec<u8> {
    match step {
        0 | 1 => b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        2 | 3 => {
            let mut exchange = vec![0, 0, 5, 0xdc, 10, 20];
            exchange.extend(random.bytes(16));
            exchange.extend(
                b"curve25519-sha256,ecdh-sha2-nistp256,rsa-sha2-512,aes256-gcm@openssh.com".repeat(8),
            );
            exchange
        }
        even if even % 2 == 0 => random.bytes(36),
        _ => {
            let size = random.skewed(36, 1_500);
            random.bytes(size)
        }
    }
}

fn dns(side: Side, random: &mut Random) -> Vec<u8> {
    let size = if side == Side::Client { random.between(30, 60) } else { random.between(80, 1_100) };
    let mut message = u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    message.extend(random.bytes(2));
    message.extend([if side == Side::Client { 1 } else { 0x81 }, 0x20, 0, 1, 0, 0, 0, 0, 0, 1]);
    message.extend(random.bytes(size.saturating_sub(12)));
    message
}

fn json_rpc(side: Side, step: usize, random: &mut Random) -> Vec<u8> {
    let (id, hash) = (step / 2, random.hex(64));
    let text = match (side, random.between(0, 3)) {
        (Side::Client, 0) => {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_blockNumber","params":[]}}"#)
        }
        (Side::Client, _) => {
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_getTransactionReceipt","params":["0x{hash}"]}}"#
            )
        }
        (Side::Server, 0) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"0x{}"}}"#, random.hex(7)),
        (Side::Server, _) => format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"transactionHash":"0x{hash}","status":"0x1","logs":[]}}}}"#
        ),
    };
    (text + "\n").into_bytes()
}

fn telemetry(side: Side, random: &mut Random) -> Vec<u8> {
    if side == Side::Server {
        return vec![0x40, 2, 0, 7];
    }
    let text = format!(r#"{{"sensor":"s{}","celsius":{}}}"#, random.hex(4), random.between(10, 40));
    let mut message = vec![0x32, u8::try_from(text.len() + 14).unwrap_or(127), 0, 10];
    message.extend(b"plant/roof\0\x07");
    message.extend(text.into_bytes());
    message
}

fn redis(side: Side, random: &mut Random) -> Vec<u8> {
    let key = random.hex(12);
    if side == Side::Client {
        return format!("*2\r\n$3\r\nGET\r\n$12\r\n{key}\r\n").into_bytes();
    }
    let size = random.skewed(10, 2_000);
    let mut answer = format!("${size}\r\n").into_bytes();
    answer.extend(random.bytes(size));
    answer.extend(b"\r\n");
    answer
}
