//! Conversations as text, and the packets they stand for.
//!
//! Owns the language of `session.txt`; `cases/README.md` describes it. Must not know mining.
use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::{Context as _, Result, bail};

use crate::wire::{ACK, FIN, Frame, Link, PSH, RST, SYN, Segment, Tunnel};

/// First sequence numbers: the client's wraps early, so every case also proves that.
const CLIENT_START: u32 = u32::MAX - 40;
const SERVER_START: u32 = 7_000;
/// When the first packet was captured, and how long from one to the next.
const BEGIN_NANOS: u64 = 1_767_225_600_000_000_000;
const STEP_NANOS: u64 = 10_000_000;

/// A conversation's packets.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) link: Link,
    pub(crate) frames: Vec<Frame>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

struct Script {
    client: SocketAddr,
    server: SocketAddr,
    link: Link,
    handshake: bool,
    end: String,
    /// Bytes a segment may have; 0 for any number.
    split: usize,
    next: [u32; 2],
    segments: Vec<Segment>,
    /// Seconds of silence before the segment at this index.
    pauses: BTreeMap<usize, u64>,
    /// A message to which `+` may still add.
    open: Option<(Side, Vec<u8>)>,
    source: bool,
}

/// Reads a conversation.
///
/// # Errors
/// Names the line.
pub(crate) fn parse(text: &str) -> Result<Session> {
    let mut script = Script {
        client: "192.0.2.10:40001".parse()?,
        server: "198.51.100.20:3333".parse()?,
        link: Link::Ethernet(Vec::new()),
        handshake: true,
        end: "fin".to_owned(),
        split: 0,
        next: [CLIENT_START, SERVER_START],
        segments: Vec::new(),
        pauses: BTreeMap::new(),
        open: None,
        source: false,
    };
    for (index, line) in text.lines().enumerate() {
        script.line(line).with_context(|| format!("line {}: {line}", index + 1))?;
    }
    script.finish()
}

impl Script {
    fn line(&mut self, line: &str) -> Result<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => {}
            "#" => self.source |= rest.starts_with("Source: "),
            ">" => self.say(Side::Client, [rest.as_bytes(), b"\n"].concat()),
            "<" => self.say(Side::Server, [rest.as_bytes(), b"\n"].concat()),
            ">=" => self.say(Side::Client, unescape(rest)?),
            "<=" => self.say(Side::Server, unescape(rest)?),
            "+" => {
                let (_, message) = self.open.as_mut().context("there is no message to add to")?;
                message.extend_from_slice(rest.as_bytes());
                message.push(b'\n');
            }
            _ => {
                self.send();
                self.directive(word, rest)?;
            }
        }
        Ok(())
    }

    fn directive(&mut self, word: &str, rest: &str) -> Result<()> {
        match word {
            "client" => self.client = rest.parse()?,
            "server" => self.server = rest.parse()?,
            "link" => self.link = link(rest)?,
            "midstream" => self.handshake = false,
            "end" => rest.clone_into(&mut self.end),
            "wait" => *self.pauses.entry(self.segments.len()).or_default() += rest.parse::<u64>()?,
            "split" => self.split = rest.parse()?,
            "swap" => {
                let [.., one, two] = self.segments.as_mut_slice() else { bail!("there are no two segments") };
                std::mem::swap(one, two);
            }
            "repeat" => self.segments.push(self.segments.last().context("there is no segment")?.clone()),
            "lose" => drop(self.segments.pop().context("there is no segment")?),
            "cut" => {
                let last = self.segments.last_mut().context("there is no segment")?;
                last.captured = Some(rest.parse()?);
            }
            _ => bail!("unknown word {word:?}"),
        }
        Ok(())
    }

    fn say(&mut self, side: Side, message: Vec<u8>) {
        self.send();
        self.open = Some((side, message));
    }

    /// Cuts the open message into segments.
    fn send(&mut self) {
        let Some((side, message)) = self.open.take() else { return };
        let size = if self.split == 0 { message.len() } else { self.split };
        for piece in message.chunks(size.max(1)) {
            let segment = self.segment(side, ACK | PSH, piece);
            self.segments.push(segment);
        }
    }

    fn segment(&mut self, side: Side, flags: u8, payload: &[u8]) -> Segment {
        let (from, to, own, other) = match side {
            Side::Client => (self.client, self.server, 0, 1),
            Side::Server => (self.server, self.client, 1, 0),
        };
        let sequence = self.next[own];
        let taken = payload.len() + usize::from(flags & (SYN | FIN) != 0);
        self.next[own] = sequence.wrapping_add(u32::try_from(taken).expect("a segment is short"));
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[other] };
        Segment { from, to, sequence, acknowledged, flags, payload: payload.to_vec(), captured: None }
    }

    fn finish(mut self) -> Result<Session> {
        if !self.source {
            bail!("no line `# Source: ` says which fact of the protocol this shows");
        }
        self.send();
        let mut all = Vec::new();
        if self.handshake {
            // The SYN's own number lies before the first byte, which has been used already.
            let own =
                std::mem::replace(&mut self.next, [CLIENT_START, SERVER_START].map(|n| n.wrapping_sub(1)));
            all.push(self.segment(Side::Client, SYN, b""));
            all.push(self.segment(Side::Server, SYN | ACK, b""));
            all.push(self.segment(Side::Client, ACK, b""));
            self.next = own;
        }
        let first = all.len();
        all.append(&mut self.segments);
        match self.end.as_str() {
            "fin" => {
                all.push(self.segment(Side::Client, FIN | ACK, b""));
                all.push(self.segment(Side::Server, FIN | ACK, b""));
                all.push(self.segment(Side::Client, ACK, b""));
            }
            "rst" => all.push(self.segment(Side::Server, RST, b"")),
            "open" => {}
            other => bail!("end {other:?} is none of fin, rst, open"),
        }
        let mut at = BEGIN_NANOS;
        let mut frames = Vec::new();
        for (index, segment) in all.iter().enumerate() {
            let pause = index.checked_sub(first).and_then(|index| self.pauses.get(&index));
            at += STEP_NANOS + pause.copied().unwrap_or_default() * 1_000_000_000;
            frames.push(Frame::new(at, &self.link, segment));
        }
        Ok(Session { link: self.link, frames })
    }
}

fn link(text: &str) -> Result<Link> {
    let mut words = text.split(' ');
    Ok(match words.next() {
        Some("ethernet") => Link::Ethernet(Vec::new()),
        Some("vlan") => Link::Ethernet(words.map(str::parse).collect::<Result<_, _>>()?),
        Some("cooked") => Link::Cooked,
        Some("cooked-2") => Link::Cooked2,
        Some("raw") => Link::Raw,
        Some("null") => Link::Null,
        Some("mpls") => Link::Tunnel(Tunnel::Mpls),
        Some("pppoe") => Link::Tunnel(Tunnel::Pppoe),
        Some("gre") => Link::Tunnel(Tunnel::Gre),
        Some("in-ipv4") => Link::Tunnel(Tunnel::Ipv4),
        Some("in-ipv6") => Link::Tunnel(Tunnel::Ipv6),
        _ => bail!("unknown link layer"),
    })
}

/// `\r`, `\n`, `\\` and `\xNN`.
fn unescape(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend(c.to_string().as_bytes());
            continue;
        }
        bytes.push(match rest.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).with_context(|| format!("\\x{digits} is no byte"))?
            }
            other => bail!("unknown escape {other:?}"),
        });
    }
    Ok(bytes)
}
