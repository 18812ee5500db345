//! Mining dialects: what a client asks, how a pool answers, what a pool sends unasked.
//!
//! Owns the vocabulary between the dialects and the session. Each dialect file knows its own words and shapes
//! and no other. A method word alone never suffices: other systems log in, submit and hand out jobs too.
use super::message::{Id, Message};
use crate::detect::Claim;

mod aleo;
mod beam;
mod cryptonote;
pub(super) mod dero;
pub(super) mod duino;
mod equihash;
mod eth_proxy;
mod ethereum_stratum_1;
mod ethereum_stratum_2;
mod general;
mod getblocktemplate;
mod getwork;
mod grin;
mod interest;
mod ironfish;
mod nimiq;
mod refusal;
mod stratum_v1;
pub(super) mod stratum_v2;
mod web_miner;

pub(super) use interest::find as find_interest;

/// A dialect by its name in notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `mining.subscribe` and kin: Bitcoin's, and what others made of it.
    StratumV1,
    /// `login` and `job`: Monero and kin.
    CryptoNote,
    /// `eth_submitLogin` and `eth_getWork` on a raw line.
    EthProxy,
    /// `EthereumStratum/1.0.0`, of `NiceHash`.
    EthereumStratum1,
    /// `EthereumStratum/2.0.0`, begun by `mining.hello`.
    EthereumStratum2,
    /// ZIP 301: Zcash, Verus and kin.
    Equihash,
    /// Iron Fish: a `body` in the place of `params`.
    IronFish,
    /// `getjobtemplate` and `pre_pow`: Grin and kin.
    Grin,
    /// `api_key` and `solution`: Beam.
    Beam,
    /// Nimiq's, over WebSocket.
    Nimiq,
    /// Dero's, over WebSocket.
    Dero,
    /// Duino-Coin's lines of plain text.
    Duino,
    /// Stratum V2: in clear, or by its handshake.
    StratumV2,
    /// Work of a node or pool over HTTP: Bitcoin's `getwork`, Ethereum's `eth_getWork`.
    Getwork,
    /// Block templates of a node or pool over HTTP: Bitcoin's, Monero's.
    GetBlockTemplate,
    /// A dialect that is not named here.
    Stratum,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 16] = [
        Self::StratumV1,
        Self::CryptoNote,
        Self::EthProxy,
        Self::EthereumStratum1,
        Self::EthereumStratum2,
        Self::Equihash,
        Self::IronFish,
        Self::Grin,
        Self::Beam,
        Self::Nimiq,
        Self::Dero,
        Self::Duino,
        Self::StratumV2,
        Self::Getwork,
        Self::GetBlockTemplate,
        Self::Stratum,
    ];

    /// The name in notices.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StratumV1 => "stratum-v1",
            Self::CryptoNote => "cryptonote",
            Self::EthProxy => "eth-proxy",
            Self::EthereumStratum1 => "ethereum-stratum-1",
            Self::EthereumStratum2 => "ethereum-stratum-2",
            Self::Equihash => "equihash",
            Self::IronFish => "ironfish",
            Self::Grin => "grin",
            Self::Beam => "beam",
            Self::Stratum => "stratum",
            Self::Nimiq => "nimiq",
            Self::Dero => "dero",
            Self::Duino => "duino",
            Self::StratumV2 => "stratum-v2",
            Self::Getwork => "getwork",
            Self::GetBlockTemplate => "getblocktemplate",
        }
    }

    /// The dialect whose words this one took over; a conversation that began in those may turn out to be this one.
    const fn parent(self) -> Option<Self> {
        match self {
            Self::EthereumStratum1 | Self::EthereumStratum2 | Self::Equihash => Some(Self::StratumV1),
            Self::Grin => Some(Self::CryptoNote),
            _ => None,
        }
    }

    /// Whether its messages may be bodies of HTTP messages.
    pub(super) const fn may_be_over_http(self) -> bool {
        matches!(self, Self::Stratum) || self.is_over_http()
    }

    /// Whether its messages are bodies of HTTP messages, and nothing else.
    pub(super) const fn is_over_http(self) -> bool {
        matches!(self, Self::Getwork | Self::GetBlockTemplate)
    }

    /// Whether this says more than `known` of the same conversation.
    pub(super) fn refines(self, known: Self) -> bool {
        self.parent() == Some(known) || (known == Self::Stratum && self != known)
    }

    /// Whether a server of `other` may answer a client of this dialect. A dialect not named here may be any.
    pub(super) fn is_kin(self, other: Self) -> bool {
        self.root() == other.root() || self == Self::Stratum || other == Self::Stratum
    }

    fn root(self) -> Self {
        self.parent().unwrap_or(self)
    }
}

/// A set of dialects: those that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialects(u32);

impl Default for Dialects {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Dialects {
    /// The others. To measure what is found of a dialect that nobody listed.
    #[must_use]
    pub const fn without(self, dialect: Dialect) -> Self {
        Self(self.0 & !(1 << dialect as u32))
    }

    pub(super) const fn contains(self, dialect: Dialect) -> bool {
        self.0 & (1 << dialect as u32) != 0
    }

    /// The client's message that this is, if any: the first reading that suffices, else the first. Some pools echo
    /// the method in their answers.
    pub(super) fn request(self, message: &Message<'_>) -> Option<Request> {
        let answers = message.result.is_some() || message.error.is_some();
        if answers && message.params.is_none() {
            return None;
        }
        let mut readings = self.words().filter_map(|words| (words.request)(message));
        let first = readings.next()?;
        if first.sure { Some(first) } else { readings.find(|reading| reading.sure).or(Some(first)) }
    }

    /// The pool's answer to `asked` that this is, if any.
    pub(super) fn answer(self, asked: &Request, message: &Message<'_>) -> Option<Reply> {
        if message.method.is_some_and(|method| method != asked.method && !ANSWERS.contains(&method)) {
            return None;
        }
        let kin = self.words().filter(|words| words.dialect.is_kin(asked.dialect));
        kin.map(|words| (words.answer)(asked, message))
            .find_map(|reply| reply)
            .or_else(|| refusal::of(message))
    }

    /// The id of the request that `message` answers, if it answers one.
    pub(super) fn answered(self, message: &Message<'_>) -> Option<Id> {
        let inside = self.contains(Dialect::IronFish).then(|| ironfish::answered(message)).flatten();
        inside.or(message.id)
    }

    /// The pool's message that this is, whatever was asked before it, if any: chosen as a request is.
    pub(super) fn push(self, message: &Message<'_>) -> Option<Reply> {
        let mut readings = self.words().filter_map(|words| (words.push)(message));
        let first = readings.next()?;
        if first.sure { Some(first) } else { readings.find(|reading| reading.sure).or(Some(first)) }
    }

    /// An answer as pools alone write it, though it says nothing of mining. It counts only where nothing was seen of
    /// whom it answers.
    pub(super) fn consent(self, message: &Message<'_>) -> Option<Reply> {
        self.contains(Dialect::CryptoNote).then(|| cryptonote::consent(message)).flatten()
    }

    fn words(self) -> impl Iterator<Item = &'static Words> {
        WORDS.into_iter().filter(move |words| self.contains(words.dialect))
    }
}

/// How one dialect reads a message.
struct Words {
    dialect: Dialect,
    /// Every message that begins a conversation (a client's, or a pool's that is sure) has one of these in it.
    /// What has none is not even read as JSON, so choose the rarest that suffice, with a rare beginning: the search
    /// is for their first four bytes.
    marks: &'static [&'static str],
    /// A client's message.
    request: fn(&Message<'_>) -> Option<Request>,
    /// A pool's answer to a request of this dialect or of its kin.
    answer: fn(&Request, &Message<'_>) -> Option<Reply>,
    /// A pool's message, whatever was asked.
    push: fn(&Message<'_>) -> Option<Reply>,
}

/// The special before the general: the first that knows a message has it.
static WORDS: [&Words; 16] = [
    &getwork::WORDS,
    &getblocktemplate::WORDS,
    &ethereum_stratum_1::WORDS,
    &ethereum_stratum_2::WORDS,
    &equihash::WORDS,
    &ironfish::WORDS,
    &stratum_v1::WORDS,
    &grin::WORDS,
    &beam::WORDS,
    &cryptonote::WORDS,
    &eth_proxy::WORDS,
    &aleo::WORDS,
    &web_miner::WORDS,
    &nimiq::WORDS,
    &dero::WORDS,
    &general::WORDS,
];

/// Methods of answers: JSON-RPC's have none, these are Beam's and Iron Fish's.
const ANSWERS: [&str; 3] = ["result", "mining.submitted", "mining.subscribed"];

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To begin: login, subscribe, authorize.
    Enter,
    /// To hand in a share.
    Submit,
    /// To be given work (`getjob`, `eth_getWork`).
    Work,
    /// Anything else: options, hash rate, keep-alive.
    Other,
}

/// A client's message.
#[derive(Debug)]
pub(super) struct Request {
    /// Its dialect, as far as this message tells.
    pub(super) dialect: Dialect,
    /// The method, one of this program's own words.
    pub(super) method: &'static str,
    /// What for.
    pub(super) purpose: Purpose,
    /// Method word and shape suffice to call its sender a miner. Otherwise only a pool's answer does.
    pub(super) sure: bool,
    /// What it tells.
    pub(super) claim: Claim,
    /// Algorithms that the client offers; which one is used, a job tells.
    pub(super) offer: Option<String>,
}

impl Request {
    /// A share of a dialect that nobody listed: a job's answer to others. That it is taken says nothing more.
    pub(super) fn is_bare_share(&self) -> bool {
        self.dialect == Dialect::Stratum && self.purpose == Purpose::Submit
    }
}

/// A pool's message.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its dialect, when it tells one.
    pub(super) dialect: Option<Dialect>,
    /// What it is, for a person: `a job`.
    pub(super) what: &'static str,
    /// Its shape suffices to call its sender a pool, whatever was asked.
    pub(super) sure: bool,
    /// It takes what was asked: a share, a login.
    pub(super) accepts: bool,
    /// What it tells.
    pub(super) claim: Claim,
}

#[cfg(test)]
impl Request {
    /// One that tells nothing but what it is.
    pub(super) fn plain(dialect: Dialect, method: &'static str, purpose: Purpose) -> Self {
        Self { dialect, method, purpose, sure: true, claim: Claim::default(), offer: None }
    }
}

impl Reply {
    /// One that accepts, fits its request, and proves nothing alone.
    pub(super) fn fitting(what: &'static str) -> Self {
        Self { dialect: None, what, sure: false, accepts: true, claim: Claim::default() }
    }

    /// One that is a pool's, whatever was asked.
    fn certain(dialect: Dialect, what: &'static str) -> Self {
        Self { dialect: Some(dialect), sure: true, ..Self::fitting(what) }
    }
}
