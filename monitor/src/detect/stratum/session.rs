//! What is known of one conversation, and which rules that satisfies.
//!
//! Owns [`Session`]: open requests, who plays which part, the claim, and what was said already. Must not know
//! bytes or any dialect's words. It keeps digests of ids and the fields of the claim, and nothing else of a
//! message.
//!
//! Guarded messages may be quotations: mail, chat, web pages and logs carry mining messages too. They count
//! only when the other side answers one by its id, and neither side has said both parts as a transcript does.
use std::collections::VecDeque;

use super::{
    dialect::{Asked, Dialect, Purpose, Reply, Request, answer, push, request},
    message::{Id, Message},
};
use crate::{
    detect::{
        Claim, Finding, Role, Rule, STRATUM_CLIENT, STRATUM_SERVER, STRATUM_SESSION, STRATUM_SHARE, Subject,
    },
    event::{Direction, FlowId},
};

/// Open requests kept: a client waits for one answer at a time while it logs in, and shares are rare.
const OPEN_REQUESTS: usize = 16;

/// One conversation.
#[derive(Debug, Default)]
pub(super) struct Session {
    open: VecDeque<Open>,
    /// Who sent a sure client's message.
    client: Option<Part>,
    /// Who sent a sure pool's message.
    server: Option<Part>,
    /// Directions that carried a client's messages, and a pool's, guarded ones too.
    asked: Ways,
    pushed: Ways,
    dialect: Option<Dialect>,
    offer: Option<String>,
    claim: Claim,
    reached: Option<Reached>,
    /// What the last finding said; `None` before the first.
    told: Option<(&'static Rule, Claim)>,
}

/// A set of directions.
#[derive(Clone, Copy, Debug, Default)]
struct Ways {
    egress: bool,
    ingress: bool,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    direction: Direction,
    dialect: Dialect,
    what: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    id: Id,
    direction: Direction,
    asked: Asked,
    sure: bool,
}

/// The strongest rule so far and the clause that explains it. Later ones replace earlier ones.
#[derive(Clone, Debug)]
struct Reached {
    rule: &'static Rule,
    role: Role,
    text: String,
}

impl Session {
    /// Takes a message that went `direction`.
    pub(super) fn hear(
        &mut self,
        direction: Direction,
        message: &Message<'_>,
        guarded: bool,
        torn: Option<&str>,
    ) {
        let guarded = guarded || message.logged;
        if let Some(mut asked) = request(message) {
            drop_torn(&mut asked.claim, torn);
            self.asks(direction, message.id, asked, guarded);
            return;
        }
        if let Some((place, mut reply)) = self.answered(direction, message) {
            drop_torn(&mut reply.claim, torn);
            if let Some(open) = self.open.remove(place) {
                self.answers(direction, open, &reply, guarded);
            }
        } else if let Some(mut reply) = push(message) {
            drop_torn(&mut reply.claim, torn);
            self.pushes(direction, &reply, guarded);
        }
    }

    /// The open request that `message` answers. Some clients use one id for all.
    fn answered(&self, direction: Direction, message: &Message<'_>) -> Option<(usize, Reply)> {
        let id = message.id?;
        let candidates = self.open.iter().enumerate();
        let mut candidates = candidates.filter(|(_, open)| open.id == id && open.direction != direction);
        candidates.find_map(|(place, open)| answer(open.asked, message).map(|reply| (place, reply)))
    }

    /// A message was heard that later ones may build on.
    pub(super) const fn has_begun(&self) -> bool {
        self.dialect.is_some() || self.pushed.egress || self.pushed.ingress
    }

    /// Says what is new since the last call: a rule reached, or something learned.
    pub(super) fn settle(&mut self, flow: FlowId, out: &mut Vec<Finding>) {
        let Some(reached) = &self.reached else { return };
        if self.claim.algorithm.is_none() && self.server.is_some() {
            self.claim.algorithm.clone_from(&self.offer);
        }
        self.claim.dialect = self.dialect.map(|dialect| dialect.name().to_owned());
        let news =
            self.told.as_ref().is_none_or(|(rule, claim)| *rule != reached.rule || *claim != self.claim);
        if news {
            self.told = Some((reached.rule, self.claim.clone()));
            out.push(Finding {
                rule: reached.rule,
                subject: Subject::Flow(flow),
                role: reached.role,
                text: reached.text.clone(),
                claim: self.claim.clone(),
            });
        }
    }

    fn asks(&mut self, direction: Direction, id: Option<Id>, request: Request, guarded: bool) {
        let counts = request.sure && (!guarded || is_stratum_only(request.dialect, request.purpose));
        if guarded && !counts {
            return;
        }
        if let Some(id) = id {
            if self.open.len() == OPEN_REQUESTS {
                self.open.pop_front();
            }
            let asked = Asked { dialect: request.dialect, method: request.method, purpose: request.purpose };
            self.open.push_back(Open { id, direction, asked, sure: counts });
        }
        self.asked.add(direction);
        self.learn(request.dialect, &request.claim);
        self.offer = self.offer.take().or(request.offer);
        // Both parts from one end are a transcript, or a feint: only an answer settles that.
        if guarded || !counts || self.server.is_some_and(|server| server.direction == direction) {
            return;
        }
        self.client.get_or_insert(Part { direction, dialect: request.dialect, what: request.method });
        self.reach(&STRATUM_CLIENT, direction, || format!("{} sent", request.method));
        if let Some(server) = self.server {
            self.reach(&STRATUM_SESSION, direction, || {
                format!("{} received, {} sent", server.what, request.method)
            });
        }
    }

    fn answers(&mut self, direction: Direction, open: Open, reply: &Reply, guarded: bool) {
        if !open.sure && (!reply.sure || guarded) || guarded && self.is_transcript() {
            return;
        }
        let dialect = reply.dialect.unwrap_or(open.asked.dialect);
        self.learn(dialect, &reply.claim);
        let method = open.asked.method;
        self.client = Some(Part { direction: open.direction, dialect, what: method });
        self.server = Some(Part { direction, dialect, what: reply.what });
        self.reach(&STRATUM_SESSION, open.direction, || format!("{method} answered with {}", reply.what));
        if open.asked.purpose == Purpose::Submit && open.sure && reply.accepts {
            self.reach(&STRATUM_SHARE, open.direction, || format!("{method} answered with {}", reply.what));
        }
    }

    fn pushes(&mut self, direction: Direction, reply: &Reply, guarded: bool) {
        if reply.sure {
            self.pushed.add(direction);
        }
        if self.client.is_some_and(|client| client.direction == direction) {
            return;
        }
        let client = self.client.filter(|client| reply.sure || Some(client.dialect) == reply.dialect);
        let counts = client.is_some() || (reply.sure && !guarded);
        let Some(dialect) = reply.dialect.filter(|_| counts) else { return };
        self.learn(dialect, &reply.claim);
        self.server.get_or_insert(Part { direction, dialect, what: reply.what });
        let from = opposite(direction);
        match client {
            Some(client) => {
                self.reach(&STRATUM_SESSION, from, || format!("{} followed by {}", client.what, reply.what));
            }
            None => self.reach(&STRATUM_SERVER, from, || format!("{} from a pool", reply.what)),
        }
    }

    /// One end has said both parts.
    const fn is_transcript(&self) -> bool {
        self.asked.egress && self.pushed.egress || self.asked.ingress && self.pushed.ingress
    }

    /// `client` is the direction in which the client's messages go.
    fn reach(&mut self, rule: &'static Rule, client: Direction, text: impl FnOnce() -> String) {
        if self.reached.as_ref().is_some_and(|reached| rank(reached.rule) >= rank(rule)) {
            return;
        }
        let role = match client {
            Direction::Egress => Role::Miner,
            Direction::Ingress => Role::Pool,
        };
        self.reached = Some(Reached { rule, role, text: text() });
    }

    /// The first value of a field stays; the dialect may turn out to be a more special one.
    fn learn(&mut self, dialect: Dialect, told: &Claim) {
        self.claim.learn(told);
        self.dialect = match (self.dialect, dialect) {
            (Some(Dialect::StratumV1), Dialect::EthereumStratum1) => Some(dialect),
            (known, new) => known.or(Some(new)),
        };
    }
}

impl Ways {
    const fn add(&mut self, direction: Direction) {
        match direction {
            Direction::Egress => self.egress = true,
            Direction::Ingress => self.ingress = true,
        }
    }
}

/// Nodes answer Ethereum's work methods over HTTP; they have no login.
fn is_stratum_only(dialect: Dialect, purpose: Purpose) -> bool {
    match dialect {
        Dialect::EthProxy => purpose == Purpose::Enter,
        _ => matches!(purpose, Purpose::Enter | Purpose::Submit),
    }
}

fn rank(rule: &Rule) -> u8 {
    match rule.name {
        name if name == STRATUM_SHARE.name => 3,
        name if name == STRATUM_SESSION.name => 2,
        _ => 1,
    }
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Egress => Direction::Ingress,
        Direction::Ingress => Direction::Egress,
    }
}

/// A value that the cut went through is not learned: the whole one may still come.
fn drop_torn(claim: &mut Claim, torn: Option<&str>) {
    let Some(torn) = torn.filter(|torn| !torn.is_empty()) else { return };
    let Claim { dialect: _, wallet, worker, agent, algorithm, coin, pool } = claim;
    for field in [wallet, worker, agent, algorithm, coin, pool] {
        if field.as_deref().is_some_and(|value| torn.contains(value) || value.contains(torn)) {
            *field = None;
        }
    }
}
