//! Mining dialects: what a client asks, how a pool answers, what a pool sends unasked.
//!
//! Owns the vocabulary between the dialects and the session. Each dialect file knows its own words and shapes
//! and no other. A method word alone never suffices: other systems log in, submit and hand out jobs too.
use super::message::Message;
use crate::detect::Claim;

mod cryptonote;
mod eth_proxy;
mod ethereum_stratum_1;
mod refusal;
mod stratum_v1;

/// A dialect by its name in notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `mining.subscribe` and kin: Bitcoin's, and what others made of it.
    StratumV1,
    /// `login` and `job`: Monero and kin.
    CryptoNote,
    /// `eth_submitLogin` and `eth_getWork` on a raw line.
    EthProxy,
    /// `EthereumStratum/1.0.0`, of `NiceHash`.
    EthereumStratum1,
}

impl Dialect {
    /// The name in notices.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::StratumV1 => "stratum-v1",
            Self::CryptoNote => "cryptonote",
            Self::EthProxy => "eth-proxy",
            Self::EthereumStratum1 => "ethereum-stratum-1",
        }
    }
}

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
    fn plain(dialect: Dialect, method: &'static str, purpose: Purpose) -> Self {
        Self { dialect, method, purpose, sure: true, claim: Claim::default(), offer: None }
    }
}

impl Reply {
    /// One that accepts, fits its request, and proves nothing alone.
    fn fitting(what: &'static str) -> Self {
        Self { dialect: None, what, sure: false, accepts: true, claim: Claim::default() }
    }

    /// One that is a pool's, whatever was asked.
    fn certain(dialect: Dialect, what: &'static str) -> Self {
        Self { dialect: Some(dialect), sure: true, ..Self::fitting(what) }
    }
}

/// The client's message that this is, if any.
pub(super) fn request(message: &Message<'_>) -> Option<Request> {
    let method = message.method?;
    ethereum_stratum_1::request(method, message)
        .or_else(|| stratum_v1::request(method, message))
        .or_else(|| cryptonote::request(method, message))
        .or_else(|| eth_proxy::request(method, message))
}

/// The pool's answer to `asked` that this is, if any.
pub(super) fn answer(asked: &Request, message: &Message<'_>) -> Option<Reply> {
    if message.method.is_some() {
        return None;
    }
    match asked.dialect {
        Dialect::StratumV1 | Dialect::EthereumStratum1 => {
            ethereum_stratum_1::subscription(message).or_else(|| stratum_v1::answer(asked, message))
        }
        Dialect::CryptoNote => cryptonote::answer(asked, message),
        Dialect::EthProxy => eth_proxy::answer(asked, message),
    }
    .or_else(|| refusal::of(message))
}

/// The pool's message that this is, whatever was asked before it, if any.
pub(super) fn push(message: &Message<'_>) -> Option<Reply> {
    ethereum_stratum_1::push(message)
        .or_else(|| stratum_v1::push(message))
        .or_else(|| cryptonote::push(message))
        .or_else(|| eth_proxy::push(message))
}
