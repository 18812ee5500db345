//! What is known of one conversation, and which rules that satisfies.
//!
//! Owns [`Session`]: open requests, who plays which part, the claim, and what was said already. Must not know
//! bytes or any dialect's words. It keeps digests of ids and the fields of the claim, and nothing else of a
//! message.
//!
//! Guarded messages may be quotations: mail, chat, web pages and logs carry mining messages too. They count
//! only when the other side answers one by its id, not both are in the middle of lines of text, and neither
//! side has said both parts, as a transcript does. Until then nothing is learned from them.
use serde_json::Value;

use self::{
    asked::{Asked, Open, Place},
    heard::{Ways, opposite},
};
pub(super) use heard::Heard;

use super::{
    dialect::{Dialect, Purpose, Reply, Request},
    message::{Id, Message},
    polling::Polling,
    tally::{Addition, Tally},
};
use crate::{
    detect::{
        Claim, Finding, Role, Rule, STRATUM_CLIENT, STRATUM_HANDSHAKE, STRATUM_SERVER, STRATUM_SESSION,
        STRATUM_SHARE, Subject, wallet,
    },
    event::{Direction, FlowId},
};

mod asked;
mod heard;

/// One conversation.
#[derive(Debug, Default)]
pub(super) struct Session {
    requests: Asked,
    /// Who sent a sure client's message.
    client: Option<Part>,
    /// Who sent a sure pool's message.
    server: Option<Part>,
    /// Directions that carried a client's messages, and a pool's, guarded ones too.
    asked: Ways,
    pushed: Ways,
    /// Directions that carried a sure client's message.
    entered: Ways,
    /// Directions that carried a request of a person.
    by_hand: Ways,
    /// One end has said both parts before anything was told of it.
    transcript: Option<Direction>,
    polling: Polling,
    dialect: Option<Dialect>,
    offer: Option<String>,
    /// The algorithm in the claim is the client's offer: the pool may still name another.
    offered: bool,
    claim: Claim,
    reached: Option<Reached>,
    tally: Tally,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    direction: Direction,
    dialect: Dialect,
    what: &'static str,
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
        if !heard.again {
            self.requests.done(heard.direction);
        }
        if let Some(mut asked) = heard.dialects.request(message) {
            heard.drop_torn(&mut asked.claim);
            heard.drop_torn_name(&mut asked.offer);
            self.asks(heard.order(message), message.cut, asked, heard);
        } else if let Some((place, mut reply)) = self.requests.answered_by(message, heard) {
            heard.drop_torn(&mut reply.claim);
            self.take_answer(place, &reply, heard);
        } else if let Some(place) = self.refused(message, heard) {
            self.refuse(place);
        } else if let Some(mut reply) = heard.dialects.push(message) {
            heard.drop_torn(&mut reply.claim);
            self.pushes(&reply, heard);
        } else if let Some(reply) = heard.dialects.consent(message).filter(|_| heard.alone) {
            self.pushes(&reply, heard);
        }
    }

    /// Takes a client's message that is no JSON and whose answer comes in order.
    pub(super) fn asked(&mut self, request: Request, heard: &Heard<'_>) {
        self.asks(Some(Id::IN_ORDER), false, request, heard);
    }

    /// Takes the answer to the first such message with this purpose that is not answered.
    pub(super) fn answered_in_order(&mut self, purpose: Purpose, reply: &Reply, heard: &Heard<'_>) {
        match self.requests.first(purpose, heard) {
            Some(place) => self.take_answer(place, reply, heard),
            None if reply.sure => self.pushes(reply, heard),
            None => {}
        }
    }

    /// Takes a pool's message that is no JSON and that nobody asked for.
    pub(super) fn pushed(&mut self, reply: &Reply, heard: &Heard<'_>) {
        self.pushes(reply, heard);
    }

    /// Takes a handshake that only a client and a pool of `dialect` make; what follows is encrypted.
    pub(super) fn shook_hands(&mut self, dialect: Dialect, client: Direction) {
        self.learn(dialect, &Claim::default());
        self.reach(&STRATUM_HANDSHAKE, client, || {
            "flights of 64 and 234 bytes, then encrypted frames as long as a setup and its answer".to_owned()
        });
    }

    /// The conversation goes through a tunnel to `pool`: that counts more than what a client says of it.
    pub(super) fn goes_to(&mut self, pool: &str) {
        if self.claim.pool.as_deref() != Some(pool) {
            self.claim.pool = Some(pool.to_owned());
        }
    }

    /// The open share that `message` says no to in the words of any server: it proves nothing, but who says it is
    /// known as a pool.
    fn refused(&self, message: &Message<'_>, heard: &Heard<'_>) -> Option<Place> {
        let pool = self.server.is_some_and(|server| server.direction == heard.direction) && !self.is_echo();
        let no = message.error.is_some() || message.result == Some(&Value::Bool(false));
        let id = message.id.filter(|_| pool && no && !heard.guarded && message.method.is_none())?;
        self.requests.share(id, heard)
    }

    fn refuse(&mut self, place: Place) {
        if let Some(open) = self.requests.take(place) {
            self.requests.keep(open);
        }
        if matches!(place, Place::Open(_)) {
            self.tally.count(false);
        }
    }

    /// A message was heard that later ones may build on.
    pub(super) fn has_begun(&self) -> bool {
        self.dialect.is_some() || !self.requests.is_empty() || self.pushed.egress || self.pushed.ingress
    }

    /// Says what is new since the last call: a rule reached, something learned, or twice as many shares.
    pub(super) fn settle(&mut self, flow: FlowId, out: &mut Vec<Finding>) {
        self.tell(flow, false, out);
    }

    /// As [`Self::settle`], and the last counts whatever they are.
    pub(super) fn close(&mut self, flow: FlowId, out: &mut Vec<Finding>) {
        self.tell(flow, true, out);
    }

    fn tell(&mut self, flow: FlowId, last: bool, out: &mut Vec<Finding>) {
        let Some(reached) = &self.reached else { return };
        if self.claim.algorithm.is_none() && self.server.is_some() {
            self.claim.algorithm.clone_from(&self.offer);
            self.offered = true;
        }
        if self.claim.dialect.as_deref() != self.dialect.map(Dialect::name) {
            self.claim.dialect = self.dialect.map(|dialect| dialect.name().to_owned());
        }
        if let Some(Addition { shares, repeats }) = self.tally.tell(reached.rule, &self.claim, last) {
            out.push(Finding {
                rule: reached.rule,
                subject: Subject::Flow(flow),
                role: reached.role,
                text: reached.text.clone(),
                claim: self.claim.clone(),
                shares,
                repeats,
            });
        }
    }

    fn asks(&mut self, id: Option<Id>, cut: bool, mut request: Request, heard: &Heard<'_>) {
        let Heard { direction, quoted, by_hand, .. } = *heard;
        if let Some(known) = self.dialect.filter(|known| known.refines(request.dialect)) {
            request.dialect = known;
        }
        let guarded = heard.guards(request.dialect);
        request.sure &= !guarded || is_stratum_only(request.dialect, request.purpose);
        request.sure |= request.dialect.is_over_http() && self.polling.asked(&request);
        if !guarded || request.sure {
            self.asked.add(direction);
        }
        if request.sure {
            self.entered.add(direction);
        }
        if by_hand {
            self.by_hand.add(direction);
        }
        if !guarded {
            self.learn_from(&request);
            self.take_part(&request, direction);
        }
        if let Some(id) = id.filter(|_| !guarded || request.sure) {
            let new = Open { id, direction, quoted, cut, by_hand, request, object: 0 };
            self.requests.await_answer(new, heard.again);
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

    fn take_answer(&mut self, place: Place, reply: &Reply, heard: &Heard<'_>) {
        if let Some(open) = self.requests.take(place) {
            self.answers(&open, matches!(place, Place::Answered(_)), reply, heard);
            self.requests.keep(open);
        }
    }

    /// `again`: the same object has answered before, and it was counted.
    fn answers(&mut self, open: &Open, again: bool, reply: &Reply, heard: &Heard<'_>) {
        if open.request.is_bare_share() && !reply.sure && self.knows_no_more_than(open.request.method) {
            return;
        }
        let Open { direction: client, by_hand, ref request, .. } = *open;
        let guarded = heard.guards(request.dialect);
        let polls = request.dialect.is_over_http() && self.polling.answered(request, reply, again);
        let proves = request.sure || polls || (reply.sure && !guarded && !by_hand);
        if !proves && !by_hand {
            // Whoever asked is known: what answers is a pool's as much as what comes unasked.
            self.pushes(reply, heard);
        }
        if !proves || (guarded && self.is_transcript()) {
            return;
        }
        self.learn_from(request);
        let dialect = reply.dialect.unwrap_or(request.dialect);
        self.learn(dialect, &reply.claim);
        let method = request.method;
        self.client = Some(Part { direction: client, dialect, what: method });
        self.server = Some(Part { direction: heard.direction, dialect, what: reply.what });
        let text = || format!("{method} answered with {}", reply.what);
        self.reach(&STRATUM_SESSION, client, text);
        if request.purpose == Purpose::Submit && !again && !self.is_echo() {
            self.tally.count(reply.accepts);
        }
        if request.purpose == Purpose::Submit && request.sure && reply.accepts {
            self.reach(&STRATUM_SHARE, client, text);
        }
    }

    /// Nothing was heard but messages of this kind, not even a login.
    fn knows_no_more_than(&self, method: &str) -> bool {
        self.server.is_none() && self.client.is_none_or(|client| client.what == method)
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
        // Over HTTP nothing comes unasked.
        if dialect.is_over_http() && self.by_hand.has(opposite(direction)) {
            return;
        }
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
        if reply.sure && !heard.guarded && self.server.is_none() && self.tally.is_silent() {
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
        let unpaid = self.claim.wallet.is_none();
        if self.offered && told.algorithm.is_some() {
            self.claim.algorithm = None;
            self.offered = false;
        }
        self.claim.learn(told);
        let coin = self.claim.wallet.as_deref().filter(|_| unpaid).and_then(wallet::coin);
        coin.into_iter().for_each(|coin| self.claim.infer_coin(coin.name()));
        self.dialect = match (self.dialect, dialect) {
            (Some(known), new) if new.refines(known) => Some(new),
            (known, new) => known.or(Some(new)),
        };
        self.dialect.into_iter().for_each(|dialect| self.requests.refine(dialect));
    }
}

/// Nodes answer Ethereum's work methods over HTTP; they have no login. What no dialect is named for is never only
/// Stratum's.
fn is_stratum_only(dialect: Dialect, purpose: Purpose) -> bool {
    match dialect {
        Dialect::Stratum => false,
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
