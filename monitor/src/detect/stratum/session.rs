//! What is known of one conversation, and which rules that satisfies.
//!
//! Owns [`Session`]: open requests, who plays which part, the claim, and what was said already. Must not know
//! bytes or any dialect's words. It keeps digests of ids and the fields of the claim, and nothing else of a
//! message.
//!
//! Guarded messages may be quotations: mail, chat, web pages and logs carry mining messages too. They count
//! only when the other side answers one by its id, not both are in the middle of lines of text, and neither
//! side has said both parts, as a transcript does. Until then nothing is learned from them.
use std::collections::VecDeque;

use super::{
    dialect::{Dialect, Dialects, Purpose, Reply, Request},
    message::{Id, Message},
    polling::Polling,
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
    /// Directions that carried a sure client's message.
    entered: Ways,
    /// One end has said both parts before anything was told of it.
    transcript: Option<Direction>,
    polling: Polling,
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

/// How a message came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    /// What is looked for.
    pub(super) dialects: Dialects,
    /// Which way it went.
    pub(super) direction: Direction,
    /// It may be a quotation.
    pub(super) guarded: bool,
    /// It stands in the middle of a line of text.
    pub(super) quoted: bool,
    /// It is a request of a person, as far as it says.
    pub(super) by_hand: bool,
    /// The string that a cut went through.
    pub(super) torn: Option<&'a str>,
}

/// A request not answered yet.
#[derive(Debug)]
struct Open {
    id: Id,
    direction: Direction,
    quoted: bool,
    by_hand: bool,
    request: Request,
}

/// The strongest rule so far and the clause that explains it. Later ones replace earlier ones.
#[derive(Clone, Debug)]
struct Reached {
    rule: &'static Rule,
    role: Role,
    text: String,
}

impl Session {
    /// Takes a message.
    pub(super) fn hear(&mut self, message: &Message<'_>, heard: &Heard<'_>) {
        if let Some(mut asked) = heard.dialects.request(message) {
            drop_torn(&mut asked.claim, heard.torn);
            self.asks(message.id, asked, heard);
        } else if let Some((place, mut reply)) = self.answered(message, heard) {
            drop_torn(&mut reply.claim, heard.torn);
            if let Some(open) = self.open.remove(place) {
                self.answers(open, &reply, heard);
            }
        } else if let Some(mut reply) = heard.dialects.push(message) {
            drop_torn(&mut reply.claim, heard.torn);
            self.pushes(&reply, heard);
        }
    }

    /// The open request that `message` answers. Some clients use one id for all.
    fn answered(&self, message: &Message<'_>, heard: &Heard<'_>) -> Option<(usize, Reply)> {
        let id = message.id?;
        let mut fitting = self.open.iter().enumerate().filter(|(_, open)| {
            open.id == id && open.direction != heard.direction && !(open.quoted && heard.quoted)
        });
        fitting.find_map(|(place, open)| {
            heard.dialects.answer(&open.request, message).map(|reply| (place, reply))
        })
    }

    /// A message was heard that later ones may build on.
    pub(super) fn has_begun(&self) -> bool {
        self.dialect.is_some() || !self.open.is_empty() || self.pushed.egress || self.pushed.ingress
    }

    /// Says what is new since the last call: a rule reached, or something learned.
    pub(super) fn settle(&mut self, flow: FlowId, out: &mut Vec<Finding>) {
        let Some(reached) = &self.reached else { return };
        if self.claim.algorithm.is_none() && self.server.is_some() {
            self.claim.algorithm.clone_from(&self.offer);
        }
        if self.claim.dialect.as_deref() != self.dialect.map(Dialect::name) {
            self.claim.dialect = self.dialect.map(|dialect| dialect.name().to_owned());
        }
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

    fn asks(&mut self, id: Option<Id>, mut request: Request, heard: &Heard<'_>) {
        let Heard { direction, quoted, by_hand, .. } = *heard;
        let guarded = heard.guards(request.dialect);
        request.sure &= !guarded || is_stratum_only(request.dialect, request.purpose);
        request.sure |= request.dialect.is_over_http() && self.polling.asked(&request);
        if !guarded || request.sure {
            self.asked.add(direction);
        }
        if request.sure {
            self.entered.add(direction);
        }
        if !guarded {
            self.learn_from(&request);
            self.take_part(&request, direction);
        }
        if let Some(id) = id.filter(|_| !guarded || request.sure) {
            if self.open.len() == OPEN_REQUESTS {
                self.open.pop_front();
            }
            self.open.push_back(Open { id, direction, quoted, by_hand, request });
        }
    }

    /// A client's message that cannot be a quotation.
    fn take_part(&mut self, request: &Request, direction: Direction) {
        // Both parts from one end are a transcript, or a feint: only an answer settles that.
        let both = self.server.is_some_and(|server| server.direction == direction);
        if !request.sure || both || self.transcript == Some(direction) {
            return;
        }
        let method = request.method;
        self.client.get_or_insert(Part { direction, dialect: request.dialect, what: method });
        self.reach(&STRATUM_CLIENT, direction, || format!("{method} sent"));
        if let Some(server) = self.server {
            self.reach(&STRATUM_SESSION, direction, || format!("{} received, {method} sent", server.what));
        }
    }

    fn answers(&mut self, open: Open, reply: &Reply, heard: &Heard<'_>) {
        let Open { direction: client, by_hand, request, .. } = open;
        let guarded = heard.guards(request.dialect);
        let polls = request.dialect.is_over_http() && self.polling.answered(&request, reply);
        let proves = request.sure || polls || (reply.sure && !guarded && !by_hand);
        if !proves || (guarded && self.is_transcript()) {
            return;
        }
        self.learn_from(&request);
        let dialect = reply.dialect.unwrap_or(request.dialect);
        self.learn(dialect, &reply.claim);
        let method = request.method;
        self.client = Some(Part { direction: client, dialect, what: method });
        self.server = Some(Part { direction: heard.direction, dialect, what: reply.what });
        let text = || format!("{method} answered with {}", reply.what);
        self.reach(&STRATUM_SESSION, client, text);
        if request.purpose == Purpose::Submit && request.sure && reply.accepts {
            self.reach(&STRATUM_SHARE, client, text);
        }
    }

    fn pushes(&mut self, reply: &Reply, heard: &Heard<'_>) {
        let direction = heard.direction;
        let guarded = reply.dialect.map_or(heard.guarded, |dialect| heard.guards(dialect));
        if reply.sure {
            self.pushed.add(direction);
        }
        if self.client.is_some_and(|client| client.direction == direction) {
            self.take_back(reply, heard);
            return;
        }
        if self.transcript == Some(direction) {
            return;
        }
        let client = self.client.filter(|client| {
            reply.sure || reply.dialect.is_some_and(|dialect| dialect.is_kin(client.dialect))
        });
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

    /// A recorded session goes by as it is, such as a file: nothing was told of its first half yet, so nothing is.
    fn take_back(&mut self, reply: &Reply, heard: &Heard<'_>) {
        if reply.sure && !heard.guarded && self.server.is_none() && self.told.is_none() {
            self.transcript = Some(heard.direction);
            self.client = None;
            self.reached = None;
        }
    }

    /// Both ends speak as clients: what one says comes back, and answers nothing.
    const fn is_echo(&self) -> bool {
        self.entered.egress && self.entered.ingress
    }

    /// One end has said both parts.
    const fn is_transcript(&self) -> bool {
        self.asked.egress && self.pushed.egress || self.asked.ingress && self.pushed.ingress
    }

    /// `client` is the direction in which the client's messages go.
    fn reach(&mut self, rule: &'static Rule, client: Direction, text: impl FnOnce() -> String) {
        let known = self.reached.as_ref().is_some_and(|reached| rank(reached.rule) >= rank(rule));
        if known || (rule.proof && self.is_echo()) {
            return;
        }
        let role = match client {
            Direction::Egress => Role::Miner,
            Direction::Ingress => Role::Pool,
        };
        self.reached = Some(Reached { rule, role, text: text() });
    }

    fn learn_from(&mut self, request: &Request) {
        self.learn(request.dialect, &request.claim);
        if self.offer.is_none() {
            self.offer.clone_from(&request.offer);
        }
    }

    /// The first value of a field stays; the dialect may turn out to be a more special one.
    fn learn(&mut self, dialect: Dialect, told: &Claim) {
        self.claim.learn(told);
        self.dialect = match (self.dialect, dialect) {
            (Some(known), new) if new.refines(known) => Some(new),
            (known, new) => known.or(Some(new)),
        };
    }
}

impl Heard<'_> {
    /// Whether a message of `dialect` may be a quotation. Those of HTTP are read only as a message's whole body.
    fn guards(&self, dialect: Dialect) -> bool {
        self.guarded && !dialect.is_over_http()
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
