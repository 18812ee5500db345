//! What may lie around a mining conversation, or be one without JSON: tunnels, WebSocket, Duino-Coin's lines, Stratum V2.
//!
//! Owns [`Layers`], both directions of one conversation, between `stream` and `frame`. Must not know what a JSON
//! object says. The first bytes of a direction decide ([`sniff`]); most conversations are none of these and keep
//! nothing. Tunnels are peeled: what follows begins a stream of its own. Bytes are handed on to the framer as they
//! are, whatever they are taken for here, except those of WebSocket frames, so nothing hides in a layer.
use super::{
    dialect::{Purpose, Reply, Request, dero, duino::Word, stratum_v2::Said as Message},
    shape,
    stream::Piece,
};
use crate::event::Direction;

mod duino;
mod head;
mod noise;
mod sniff;
mod socks;
mod sv2;
mod websocket;

use head::{Head, Said};
use noise::Noise;
use sniff::{Kind, Place, SNIFF_MAX};
use socks::Socks;
use websocket::WebSocket;

#[cfg(test)]
pub(super) use noise::tests as noise_fixture;
#[cfg(test)]
pub(super) use sv2::tests as sv2_fixture;
#[cfg(test)]
pub(super) use websocket::tests as websocket_fixture;

/// Tunnels in tunnels that are peeled.
const DEPTH_MAX: u8 = 3;

/// What is handed on.
pub(super) enum Told<'a> {
    /// Bytes of the direction that was pushed.
    Bytes(&'a [u8]),
    /// Bytes are missing in it.
    Gap,
    /// What follows in it begins a stream of its own.
    Fresh,
    /// A client's message that is no JSON; which way it went.
    Asks(Direction, Request),
    /// A pool's answer to a request with this purpose.
    Answers(Direction, Purpose, Reply),
    /// A pool's message that nobody asked for.
    Pushes(Direction, Reply),
    /// A handshake of Stratum V2; which way the client's messages go.
    Handshake(Direction),
}

/// Takes what is handed on.
pub(super) type Tell<'a> = dyn FnMut(Told<'_>) + 'a;

/// How far a negotiation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    Done,
    Failed,
}

/// One conversation.
#[derive(Debug, Default)]
pub(super) enum Layers {
    /// Nothing came yet.
    #[default]
    New,
    /// The middle of a conversation: only what is told without its beginning counts.
    Late,
    /// One direction is plain, the other has not spoken.
    Half(Direction),
    /// Something may be here, or is.
    Open(Box<Open>),
    /// Nothing is.
    Plain,
}

/// A conversation that has, or may have, a layer.
#[derive(Debug, Default)]
pub(super) struct Open {
    egress: Way,
    ingress: Way,
    /// Who spoke first.
    first: Option<Direction>,
    late: bool,
    depth: u8,
    /// A client asked for a tunnel: by SOCKS 4, or by HTTP.
    four: bool,
    five: bool,
    connect: bool,
    upgrade: bool,
    noise: Noise,
    target: Option<Box<str>>,
    unreadable: u64,
}

/// What a direction is taken for.
#[derive(Debug)]
enum Way {
    Sniff { held: [u8; SNIFF_MAX], have: u8 },
    Socks(Box<Socks>),
    Head(Box<Head>),
    Frames(Box<WebSocket>),
    Lines(Box<duino::Lines>),
    Clear(Box<sv2::Frames>),
    Plain,
}

impl Default for Way {
    fn default() -> Self {
        Self::Sniff { held: [0; SNIFF_MAX], have: 0 }
    }
}

impl Layers {
    /// Takes the next piece of a direction.
    pub(super) fn push(&mut self, direction: Direction, piece: &Piece<'_>, tell: &mut Tell<'_>) {
        match piece {
            Piece::Gap => self.gap(direction, tell),
            Piece::Bytes(bytes) => self.bytes(direction, bytes, tell),
        }
    }

    /// Nothing more will come in this direction.
    pub(super) fn finish(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        if let Self::Open(open) = self {
            open.flush(direction, tell);
            open.turn(direction, tell);
        }
    }

    /// The pool that a tunnel was asked for, or that a WebSocket client names.
    pub(super) fn target(&self) -> Option<&str> {
        match self {
            Self::Open(open) => open.target.as_deref(),
            _ => None,
        }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Open(open) => open.egress.held() + open.ingress.held(),
            _ => 0,
        }
    }

    /// Messages that were compressed.
    pub(super) fn unreadable(&self) -> u64 {
        match self {
            Self::Open(open) => open.unreadable + open.egress.unreadable() + open.ingress.unreadable(),
            _ => 0,
        }
    }

    fn gap(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        match self {
            Self::Open(open) => open.gap(direction, tell),
            _ => *self = Self::Late,
        }
        tell(Told::Gap);
    }

    fn bytes(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) {
        match self {
            Self::Plain => return tell(Told::Bytes(bytes)),
            Self::Half(plain) if *plain == direction => return tell(Told::Bytes(bytes)),
            Self::Open(_) => {}
            _ => {
                let late = !matches!(self, Self::New);
                let half = matches!(self, Self::Half(_));
                let place = if late { Place::Late } else { Place::First };
                let plain = sniff::decide(bytes, place) == Some(Kind::Plain);
                if plain && (late || !Noise::may_begin(bytes)) {
                    *self = if half { Self::Plain } else { Self::Half(direction) };
                    return tell(Told::Bytes(bytes));
                }
                *self = Self::Open(Box::new(Open::begin(direction, late)));
            }
        }
        if let Self::Open(open) = self {
            open.push(direction, bytes, tell);
            if open.is_plain() {
                *self = Self::Plain;
            }
        }
    }
}

impl Open {
    fn begin(first: Direction, late: bool) -> Self {
        let mut open = Self { first: Some(first), late, ..Self::default() };
        if late {
            open.noise.end();
        }
        open
    }

    const fn way(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::Egress => &mut self.egress,
            Direction::Ingress => &mut self.ingress,
        }
    }

    /// Neither direction is anything, and nothing was learned.
    fn is_plain(&self) -> bool {
        let plain = |way: &Way| matches!(way, Way::Plain);
        plain(&self.egress)
            && plain(&self.ingress)
            && self.noise.is_over()
            && self.target.is_none()
            && self.unreadable == 0
    }

    fn push(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) {
        self.turn(opposite(direction), tell);
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.step(direction, rest, tell).clamp(1, rest.len());
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    /// Says how many bytes were taken.
    fn step(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        match self.way(direction) {
            Way::Sniff { .. } => self.sniff(direction, bytes, tell),
            Way::Socks(_) => self.socks(direction, bytes, tell),
            Way::Head(_) => self.head(direction, bytes, tell),
            Way::Frames(_) => self.frames(direction, bytes, tell),
            Way::Lines(_) => self.lines(direction, bytes, tell),
            Way::Clear(_) => self.clear(direction, bytes, tell),
            Way::Plain => {
                self.pass(direction, bytes, tell);
                bytes.len()
            }
        }
    }

    /// Hands bytes on that are no negotiation.
    fn pass(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) {
        tell(Told::Bytes(bytes));
        if let Some(client) = self.noise.take(direction, bytes) {
            tell(Told::Handshake(client));
        }
    }

    fn sniff(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        let place = self.place(direction);
        let Way::Sniff { held, have } = self.way(direction) else { return 0 };
        let before = usize::from(*have);
        let mut used = 0;
        let mut kind = None;
        for (to, from) in held.iter_mut().skip(before).zip(bytes) {
            *to = *from;
            used += 1;
        }
        let (sample, count) = (*held, before + used);
        for length in 1..=count {
            kind = sniff::decide(sample.get(..length).unwrap_or_default(), place);
            if kind.is_some() {
                break;
            }
        }
        let full = count == SNIFF_MAX;
        let Some(kind) = kind.or(full.then_some(Kind::Plain)) else {
            *have = u8::try_from(count).unwrap_or_default();
            return used;
        };
        if kind == Kind::SocksClient {
            self.four |= sample.starts_with(&[4]);
            self.five |= sample.starts_with(&[5]);
        }
        *self.way(direction) = Way::of(kind);
        // What was held is read again as what it was taken for; that goes no deeper than tunnels do.
        let mut rest = sample.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            let used = self.step(direction, rest, tell).clamp(1, rest.len());
            rest = rest.get(used..).unwrap_or_default();
        }
        used
    }

    fn place(&self, direction: Direction) -> Place {
        let first = self.first == Some(direction);
        match (first, self.late, self.depth < DEPTH_MAX) {
            (_, true, _) | (true, _, false) => Place::Late,
            (true, ..) => Place::First,
            (false, ..) => {
                Place::Answer { four: self.four, five: self.five, http: self.connect || self.upgrade }
            }
        }
    }

    fn socks(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        let Way::Socks(socks) = self.way(direction) else { return 0 };
        let (used, progress) = socks.take(bytes);
        let target = socks.target();
        tell(Told::Bytes(bytes.get(..used).unwrap_or_default()));
        match progress {
            Progress::More => {}
            Progress::Failed => *self.way(direction) = Way::Plain,
            Progress::Done => self.peeled(direction, target, tell),
        }
        used
    }

    /// A tunnel begins here.
    fn peeled(&mut self, direction: Direction, target: Option<String>, tell: &mut Tell<'_>) {
        tell(Told::Fresh);
        self.depth = self.depth.saturating_add(u8::from(self.first == Some(direction)));
        *self.way(direction) = Way::default();
        if self.noise.is_over() {
            self.noise = Noise::default();
        }
        if let Some(target) = target {
            self.target = Some(target.into_boxed_str());
        }
    }

    fn head(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        let Way::Head(head) = self.way(direction) else { return 0 };
        let (used, said) = head.take(bytes);
        tell(Told::Bytes(bytes.get(..used).unwrap_or_default()));
        match said {
            None => {}
            Some(Said::Connect(target)) => {
                self.connect = true;
                self.peeled(direction, shape::pool(&target, None), tell);
            }
            Some(Said::Upgrade { path, host }) => {
                self.upgrade = true;
                self.target =
                    self.target.take().or_else(|| Some(shape::pool(&host?, None)?.into_boxed_str()));
                self.framed(direction, tell);
                if let Some(asked) = dero::path(&path) {
                    tell(Told::Asks(direction, asked));
                }
            }
            Some(Said::Status { code: 101, .. }) => self.framed(direction, tell),
            Some(Said::Status { code: 200..=299, established }) if self.connect || established => {
                self.peeled(direction, None, tell);
            }
            Some(Said::Status { .. }) if self.connect => *self.way(direction) = Way::Head(Box::default()),
            Some(_) => *self.way(direction) = Way::Plain,
        }
        if said_nothing_but_http(self.way(direction)) {
            self.noise.end();
        }
        used
    }

    fn framed(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        tell(Told::Fresh);
        *self.way(direction) = Way::Frames(Box::default());
    }

    fn frames(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        self.noise.end();
        let Way::Frames(socket) = self.way(direction) else { return 0 };
        let end = socket.take(bytes, &mut |carried| tell(Told::Bytes(carried)));
        let Err(websocket::Broken { used }) = end else { return bytes.len() };
        tell(Told::Bytes(socket.pending()));
        self.unreadable += self.way(direction).unreadable();
        *self.way(direction) = Way::Plain;
        used
    }

    fn lines(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            let Way::Lines(lines) = self.way(direction) else { return at };
            let word = lines.take(*byte);
            if lines.is_over() {
                *self.way(direction) = Way::Plain;
            }
            if let Some(word) = word {
                self.word(direction, word, tell);
            }
        }
        self.pass(direction, bytes, tell);
        bytes.len()
    }

    /// The other direction speaks, or ends: a line without its end is complete.
    fn turn(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        let Way::Lines(lines) = self.way(direction) else { return };
        if let Some(word) = lines.turn() {
            self.word(direction, word, tell);
        }
    }

    /// A share is a miner's when its sender asked for a job; a job is a pool's when the other side did, or when its
    /// sender began with a version.
    fn word(&mut self, direction: Direction, word: Word, tell: &mut Tell<'_>) {
        let asked = |way: &mut Way| matches!(way, Way::Lines(lines) if lines.asked);
        let versioned = matches!(self.way(direction), Way::Lines(lines) if lines.versioned);
        match word {
            Word::Version | Word::Greeting => {}
            Word::Ask(request) => tell(Told::Asks(direction, request)),
            Word::Share(mut request) => {
                request.sure = asked(self.way(direction));
                tell(Told::Asks(direction, request));
            }
            Word::Work(mut reply) => {
                reply.sure = versioned || asked(self.way(opposite(direction)));
                tell(Told::Answers(direction, Purpose::Work, reply));
            }
            Word::Verdict(reply) => tell(Told::Answers(direction, Purpose::Submit, reply)),
        }
    }

    fn clear(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        let Way::Clear(frames) = self.way(direction) else { return 0 };
        let mut said = Vec::new();
        let end = frames.take(bytes, &mut |message| said.push(message));
        for message in said {
            match message {
                Message::Asks(request) => tell(Told::Asks(direction, request)),
                Message::Answers(purpose, reply) => tell(Told::Answers(direction, purpose, reply)),
                Message::Pushes(reply) => tell(Told::Pushes(direction, reply)),
            }
        }
        if end.is_err() {
            *self.way(direction) = Way::Plain;
        }
        self.pass(direction, bytes, tell);
        bytes.len()
    }

    fn gap(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        self.flush(direction, tell);
        self.noise.end();
        self.unreadable += self.way(direction).unreadable();
        self.late = true;
        *self.way(direction) = Way::default();
    }

    /// What is held because it was not yet clear what it is.
    fn flush(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        let Way::Sniff { held, have } = self.way(direction) else { return };
        let (held, have) = (*held, usize::from(*have));
        *self.way(direction) = Way::Plain;
        if have > 0 {
            self.pass(direction, held.get(..have).unwrap_or_default(), tell);
        }
    }
}

impl Way {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::SocksClient => Self::Socks(Box::new(Socks::client())),
            Kind::SocksServer { four } => Self::Socks(Box::new(Socks::server(four))),
            Kind::Head => Self::Head(Box::default()),
            Kind::Frames => Self::Frames(Box::default()),
            Kind::Lines => Self::Lines(Box::default()),
            Kind::Clear => Self::Clear(Box::default()),
            Kind::Plain => Self::Plain,
        }
    }

    fn held(&self) -> usize {
        match self {
            Self::Sniff { have, .. } => usize::from(*have),
            Self::Head(head) => head.held(),
            Self::Lines(lines) => lines.held(),
            Self::Clear(frames) => frames.held(),
            Self::Socks(_) | Self::Frames(_) | Self::Plain => 0,
        }
    }

    fn unreadable(&self) -> u64 {
        if let Self::Frames(socket) = self { socket.unreadable() } else { 0 }
    }
}

/// A request or answer that is no tunnel's: the conversation is HTTP, and no handshake.
const fn said_nothing_but_http(way: &Way) -> bool {
    matches!(way, Way::Plain)
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Egress => Direction::Ingress,
        Direction::Ingress => Direction::Egress,
    }
}

/// A host name that was checked, with its port.
fn host_and_port(host: &str, port: u16) -> Option<String> {
    shape::pool(host, Some(&port.into()))
}
