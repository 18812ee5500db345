//! A conversation that has, or may have, a layer: which direction is taken for what, and what it says.
//!
//! Owns [`Open`]. Must not know the framer or the session.
use super::{
    super::{
        dialect::{Purpose, dero, duino::Word, stratum_v2::Said as Message},
        shape,
    },
    Progress, Tell, Told,
    head::Said,
    noise::Noise,
    sniff::{self, Kind, Place, SNIFF_MAX},
    way::Way,
};
use crate::event::Direction;

/// Tunnels in tunnels that are peeled.
const DEPTH_MAX: u8 = 3;

/// A conversation that has, or may have, a layer.
#[derive(Debug, Default)]
pub(in crate::detect::stratum) struct Open {
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

impl Open {
    /// The pool that a tunnel was asked for, or that a WebSocket client names.
    pub(super) fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.egress.held() + self.ingress.held()
    }

    /// Messages that were compressed.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable + self.egress.unreadable() + self.ingress.unreadable()
    }

    /// `late`: what was before is not known.
    pub(super) fn begin(first: Direction, late: bool) -> Self {
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
    pub(super) fn is_plain(&self) -> bool {
        let plain = |way: &Way| matches!(way, Way::Plain);
        plain(&self.egress)
            && plain(&self.ingress)
            && self.noise.is_over()
            && self.target.is_none()
            && self.unreadable == 0
    }

    /// `direction` is nothing, and the other has not spoken.
    pub(super) fn is_half(&self, direction: Direction) -> bool {
        let (spoken, other) = match direction {
            Direction::Egress => (&self.egress, &self.ingress),
            Direction::Ingress => (&self.ingress, &self.egress),
        };
        let over = self.noise.is_over() && self.target.is_none() && self.unreadable == 0;
        over && matches!((spoken, other), (Way::Plain, Way::Sniff { have: 0, .. }))
    }

    /// Takes the next bytes of a direction.
    pub(super) fn push(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) {
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
        self.shake(direction, bytes, tell);
    }

    fn shake(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) {
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
        // What bytes are taken for, longer ones are too; most are nothing.
        let plain = sniff::decide(sample.get(..count).unwrap_or_default(), place) == Some(Kind::Plain);
        for length in if plain { count..=count } else { 1..=count } {
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
            Some(_) => {
                self.noise.end();
                *self.way(direction) = Way::Plain;
            }
        }
        used
    }

    fn framed(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        tell(Told::Fresh);
        self.noise.end();
        *self.way(direction) = Way::Frames(Box::default());
    }

    fn frames(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        let Way::Frames(socket) = self.way(direction) else { return 0 };
        let end = socket.take(bytes, &mut |carried| tell(Told::Bytes(carried)));
        let mut used = bytes.len();
        if let Err(broken) = end {
            used = broken.used;
            tell(Told::Bytes(socket.pending()));
            self.unreadable += self.way(direction).unreadable();
            *self.way(direction) = Way::Plain;
        }
        // Random bytes may look like a control frame.
        self.shake(direction, bytes.get(..used).unwrap_or_default(), tell);
        used
    }

    fn lines(&mut self, direction: Direction, bytes: &[u8], tell: &mut Tell<'_>) -> usize {
        let mut used = 0;
        for byte in bytes {
            let Way::Lines(lines) = self.way(direction) else { break };
            used += 1;
            let word = lines.take(*byte);
            if lines.is_over() {
                *self.way(direction) = Way::Plain;
            }
            if let Some(word) = word {
                self.word(direction, word, tell);
            }
        }
        self.pass(direction, bytes.get(..used).unwrap_or_default(), tell);
        used
    }

    /// The other direction speaks, or ends: a line without its end is complete.
    pub(super) fn turn(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        let Way::Lines(lines) = self.way(direction) else { return };
        if let Some(word) = lines.turn() {
            self.word(direction, word, tell);
        }
    }

    /// A share is a miner's when its sender asked for a job and was given one, or calls itself a miner. A job is a
    /// pool's when the other side asked for one, or when its sender began with a version.
    fn word(&mut self, direction: Direction, word: Word, tell: &mut Tell<'_>) {
        let asked = |way: &mut Way| matches!(way, Way::Lines(lines) if lines.asked);
        let worked = matches!(self.way(opposite(direction)), Way::Lines(lines) if lines.worked);
        let versioned = matches!(self.way(direction), Way::Lines(lines) if lines.versioned);
        match word {
            Word::Version | Word::Greeting => {}
            Word::Ask(request) => tell(Told::Asks(direction, request)),
            Word::Share(mut request) => {
                let miner = request.claim.agent.as_deref().is_some_and(shape::is_miner_agent);
                let sure = asked(self.way(direction)) && (worked || miner);
                request.sure = sure;
                request.claim.algorithm.take_if(|_| !sure);
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

    /// Bytes are missing in a direction.
    pub(super) fn gap(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        self.flush(direction, tell);
        self.noise.end();
        self.unreadable += self.way(direction).unreadable();
        self.late = true;
        *self.way(direction) = Way::default();
        // What is lost may have stood between two lines of the other side.
        if let Way::Lines(lines) = self.way(opposite(direction)) {
            lines.tear();
        }
    }

    /// What is held because it was not yet clear what it is.
    pub(super) fn flush(&mut self, direction: Direction, tell: &mut Tell<'_>) {
        let Way::Sniff { held, have } = self.way(direction) else { return };
        let (held, have) = (*held, usize::from(*have));
        *self.way(direction) = Way::Plain;
        if have > 0 {
            self.pass(direction, held.get(..have).unwrap_or_default(), tell);
        }
    }
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Egress => Direction::Ingress,
        Direction::Ingress => Direction::Egress,
    }
}
