//! What the two ends of a made-up conversation say to each other.
//!
//! Owns the kinds and their shares. Must not know packets. Wallets and names are made up and belong to nobody.
use std::fmt::Write as _;

use super::random::Random;

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

/// A conversation as it goes on.
pub(crate) struct Talk {
    kind: Kind,
    step: usize,
    steps: usize,
    /// Bytes that the answer at hand still has.
    left: usize,
    /// They are text.
    text: bool,
}

impl Talk {
    pub(crate) fn new(kind: Kind, random: &mut Random) -> Self {
        let steps = match kind {
            Kind::Download | Kind::Dns => 2,
            Kind::Tls => 4 + 2 * random.between(1, 4),
            Kind::Http => 2 * random.between(1, 6),
            Kind::Ssh => 6 + 2 * random.skewed(10, 200),
            Kind::JsonRpc | Kind::Telemetry | Kind::Redis => 2 * random.skewed(3, 80),
            Kind::Stratum1 | Kind::CryptoNote | Kind::EthProxy => 4 + 2 * random.between(3, 40),
        };
        Self { kind, step: 0, steps, left: 0, text: false }
    }

    /// What is said next; `None` at the end.
    pub(crate) fn next(&mut self, random: &mut Random) -> Option<Turn> {
        if self.left > 0 {
            let size = self.left.min(TURN);
            self.left -= size;
            return Some((Side::Server, if self.text { page(size, random) } else { random.bytes(size) }));
        }
        if self.step >= self.steps {
            return None;
        }
        let step = self.step;
        self.step += 1;
        let side = if step % 2 == 0 { Side::Client } else { Side::Server };
        let words = match self.kind {
            Kind::Tls => self.tls(step, random),
            Kind::Http | Kind::Download => self.http(side, random),
            Kind::Ssh => ssh(step, random),
            Kind::Dns => dns(side, random),
            Kind::JsonRpc => json_rpc(side, step, random),
            Kind::Telemetry => telemetry(side, random),
            Kind::Redis => redis(side, random),
            Kind::Stratum1 => stratum_1(step, random),
            Kind::CryptoNote => crypto_note(step, random),
            Kind::EthProxy => eth_proxy(step, random),
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
                self.left = random.skewed(300, 26_000);
                (23, random.between(60, 1_400))
            }
        };
        self.text = false;
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
        self.text = self.kind == Kind::Http && !random.once_in(3);
        self.left = match self.kind {
            Kind::Download => random.between(200_000, 4_000_000),
            _ => random.skewed(200, 36_000),
        };
        let kind = if self.text { "text/html; charset=utf-8" } else { "application/octet-stream" };
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

/// Markup, scripts and data, as in pages.
fn page(size: usize, random: &mut Random) -> Vec<u8> {
    let mut text = String::with_capacity(size + 200);
    while text.len() < size {
        let (name, number) = (random.hex(6), random.between(0, 9_999));
        let _ = match random.between(0, 4) {
            0 => writeln!(text, "<div class=\"c{name}\"><a href=\"/p/{number}\">item {name}</a></div>"),
            1 => writeln!(text, "  <li>The quick brown fox {number} jumps over the lazy dog {name}.</li>"),
            2 => writeln!(text, "function f{name}(a){{var b=a+{number};return b>0?b:{{x:b,y:\"{name}\"}};}}"),
            _ => write!(text, "{{\"id\":{number},\"name\":\"{name}\",\"tags\":[\"a\",\"b\"]}},"),
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

/// Login, its answers, then work and shares in turn.
fn stratum_1(step: usize, random: &mut Random) -> Vec<u8> {
    let (id, job) = (step / 2 + 1, random.hex(8));
    let text = match step {
        0 => r#"{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}"#.to_owned(),
        1 => format!(r#"{{"id":1,"result":[[["mining.notify","{job}"]],"f8002c90",4],"error":null}}"#),
        2 => {
            r#"{"id":2,"method":"mining.authorize","params":["1BoatSLRHtKNngkdXEeobR76b53LETtpyT.rig7","x"]}"#
                .to_owned()
        }
        3 => r#"{"id":2,"result":true,"error":null}"#.to_owned(),
        even if even % 2 == 0 => format!(
            r#"{{"id":{id},"method":"mining.submit","params":["1BoatSLRHtKNngkdXEeobR76b53LETtpyT.rig7","{job}","00000000","5f1c2b3a","{}"]}}"#,
            random.hex(8)
        ),
        _ => format!(
            "{{\"id\":{id},\"result\":true,\"error\":null}}\n{{\"id\":null,\"method\":\"mining.notify\",\
             \"params\":[\"{job}\",\"{}\",\"{}\",\"{}\",[],\"20000000\",\"1903a30c\",\"5f1c2b3a\",true]}}",
            random.hex(64),
            random.hex(120),
            random.hex(180)
        ),
    };
    (text + "\n").into_bytes()
}

fn crypto_note(step: usize, random: &mut Random) -> Vec<u8> {
    let (id, job) = (step / 2 + 1, random.hex(16));
    let work = format!(
        r#"{{"blob":"0c0c{}","job_id":"{job}","target":"b88d0600","algo":"rx/0","height":3000000}}"#,
        random.hex(148)
    );
    let text = match step {
        0 => format!(
            r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"4{}","pass":"x","agent":"XMRig/6.21.0"}}}}"#,
            "8BqzNzcMgsnRcGknfiRYZ".repeat(5).get(..94).unwrap_or_default()
        ),
        1 => format!(
            r#"{{"id":1,"jsonrpc":"2.0","result":{{"id":"{job}","job":{work},"status":"OK"}},"error":null}}"#
        ),
        even if even % 2 == 0 => format!(
            r#"{{"id":{id},"jsonrpc":"2.0","method":"submit","params":{{"id":"{job}","job_id":"{job}","nonce":"{}","result":"{}"}}}}"#,
            random.hex(8),
            random.hex(64)
        ),
        _ => format!(
            "{{\"id\":{id},\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{{\"status\":\"OK\"}}}}\n\
             {{\"jsonrpc\":\"2.0\",\"method\":\"job\",\"params\":{work}}}"
        ),
    };
    (text + "\n").into_bytes()
}

fn eth_proxy(step: usize, random: &mut Random) -> Vec<u8> {
    let id = step / 2 + 1;
    let text = match step {
        0 => format!(
            r#"{{"id":1,"jsonrpc":"2.0","method":"eth_submitLogin","worker":"rig7","params":["0x{}"]}}"#,
            random.hex(40)
        ),
        1 => r#"{"id":1,"jsonrpc":"2.0","result":true}"#.to_owned(),
        even if even % 4 == 2 => {
            format!(r#"{{"id":{id},"jsonrpc":"2.0","method":"eth_getWork","params":[]}}"#)
        }
        odd if odd % 4 == 3 => format!(
            r#"{{"id":{id},"jsonrpc":"2.0","result":["0x{}","0x{}","0x{}"]}}"#,
            random.hex(64),
            random.hex(64),
            random.hex(64)
        ),
        even if even % 2 == 0 => format!(
            r#"{{"id":{id},"jsonrpc":"2.0","method":"eth_submitWork","params":["0x{}","0x{}","0x{}"]}}"#,
            random.hex(16),
            random.hex(64),
            random.hex(64)
        ),
        _ => format!(r#"{{"id":{id},"jsonrpc":"2.0","result":true}}"#),
    };
    (text + "\n").into_bytes()
}
