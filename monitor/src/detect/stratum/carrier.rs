//! What carries an object: a line of its own, or an HTTP message, whose head tells of its sender.
//!
//! Owns [`Carrier`] and [`Facts`]: which header lines tell something of mining. Must not know where a message
//! ends, nor any dialect. Of an Authorization only the user's name is kept, never the password.
//!
//! Sources: RFC 7617 (Basic), en.bitcoin.it "Getwork" and BIP 22 (`X-Mining-Extensions`, `X-Long-Polling`,
//! `X-Roll-NTime`, `X-Reject-Reason`), Stratum's own page (`X-Stratum`), cgminer `util.c`, XMRig
//! `DaemonClient.cpp` (`X-Hash-Difficulty`).
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    account,
    shape::{clip, is_hex, is_miner_agent, pool},
};
use crate::detect::{Claim, wallet::coin};

/// Header fields that only miners and what serves them send.
const MINING_FIELDS: [&str; 12] = [
    "x-blocknum",
    "x-hash-difficulty",
    "x-long-polling",
    "x-mining-extensions",
    "x-mining-hashrate",
    "x-mining-identifier",
    "x-mining-proxy",
    "x-reject-reason",
    "x-roll-ntime",
    "x-stratum",
    "x-switch-to",
    "x-work-identifier",
];
/// Mining software whose name does not say so.
const SOFTWARE: [&str; 6] = ["diablomin", "poclbm", "ufasoft", "xmrig", "xmr-stak", "srbm"];
/// What a person sends requests with, as documentation shows.
const BY_HAND: [&str; 6] = ["curl/", "httpie/", "insomnia/", "mozilla/", "postmanruntime/", "wget/"];
/// Digits of an address of 20 bytes.
const ETHEREUM_DIGITS: usize = 40;
/// A method's longest name; the longest in use has 17 letters.
const METHOD_MAX: usize = 20;

/// How an object came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Carrier<'a> {
    /// In the bytes of the connection.
    #[default]
    Line,
    /// As the body of an HTTP message.
    Http(&'a Facts),
}

/// What the head of an HTTP message tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// It has a field that only miners and what serves them send.
    pub(super) is_marked: bool,
    /// A person asks, as far as the client says what it is.
    by_hand: bool,
    /// The client, when it is mining software.
    agent: Option<Box<str>>,
    /// The user of a Basic Authorization.
    user: Option<Box<str>>,
    /// An address in the path.
    address: Option<Box<str>>,
    /// Where the server would rather be spoken to.
    pool: Option<Box<str>>,
}

impl<'a> Carrier<'a> {
    /// The head, when it is an HTTP message.
    pub(super) const fn http(self) -> Option<&'a Facts> {
        match self {
            Self::Http(facts) => Some(facts),
            Self::Line => None,
        }
    }
}

impl Facts {
    /// For a message whose head tells nothing.
    pub(super) const NONE: &'static Self =
        &Self { is_marked: false, by_hand: false, agent: None, user: None, address: None, pool: None };

    /// It was sent by what says that it mines, or serves miners.
    pub(super) const fn is_miners(&self) -> bool {
        self.is_marked || self.agent.is_some()
    }

    /// Its path names whom the work is for.
    pub(super) const fn has_address(&self) -> bool {
        self.address.is_some()
    }

    /// It was sent with a tool of a person, and by no miner.
    pub(super) const fn is_by_hand(&self) -> bool {
        self.by_hand && !self.is_miners()
    }

    /// Adds to `claim` what it does not hold yet.
    pub(super) fn tell(&self, claim: &mut Claim) {
        let told = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        let mut named = Claim { agent: told(&self.agent), pool: told(&self.pool), ..Claim::default() };
        if let Some(user) = &self.user {
            account::split(user, &mut named);
        }
        named.wallet = told(&self.address).or(named.wallet);
        claim.learn(&named);
    }

    /// Takes the first line of a message; `None` when it is none.
    pub(super) fn start(line: &[u8]) -> Option<Self> {
        let mut facts = Self::default();
        if !line.starts_with(b"HTTP/1.") {
            let mut words = request_words(line)?;
            facts.address = words.find(|word| is_payee(word)).map(Into::into);
        }
        Some(facts)
    }

    /// Takes a field of the head.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("user-agent") {
            self.by_hand = begins_with_one_of(value, &BY_HAND);
            self.agent = is_mining_software(value).then(|| clip(value).into());
        } else if is("authorization") {
            self.user = basic_user(value).map(|user| clip(&user).into());
        } else if MINING_FIELDS.iter().any(|known| is(known)) {
            self.is_marked = true;
            if is("x-stratum") {
                self.pool = pool(value, None).map(Into::into);
            }
        }
    }

    /// Whether the name, or what there is of it, is one that is read here.
    pub(super) fn reads(name: &[u8]) -> bool {
        let begins = |known: &str| {
            known.as_bytes().get(..name.len()).is_some_and(|so_far| so_far.eq_ignore_ascii_case(name))
        };
        ["user-agent", "authorization"].into_iter().chain(MINING_FIELDS).any(begins)
    }
}

/// An address by its checksum, or in Ethereum's form: paths hold tokens too, which are as long.
fn is_payee(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or_default();
    (digits.len() == ETHEREUM_DIGITS && is_hex(digits, ETHEREUM_DIGITS)) || coin(word).is_some()
}

/// The words of a request's target; `None` when the line is no request.
fn request_words(line: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let line = std::str::from_utf8(line).unwrap_or_default();
    let (method, rest) = line.split_once(' ')?;
    let target = rest.split(' ').next().unwrap_or_default();
    let is_method =
        (1..=METHOD_MAX).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    is_method.then(|| target.split(['/', '?', '=', '&', '@', '.', '+', ',', '#']))
}

fn begins_with_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)))
}

/// Wallets and exporters of a coin name the coin too: over HTTP that is not enough.
fn is_mining_software(agent: &str) -> bool {
    let lower = clip(agent).to_ascii_lowercase();
    SOFTWARE.iter().any(|word| lower.contains(word))
        || is_miner_agent(&lower.replace("monero", "").replace("xmr", ""))
}

fn basic_user(value: &str) -> Option<String> {
    let (scheme, coded) = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let _ = scheme;
    let plain = BASE64_STANDARD.decode(coded.trim()).ok()?;
    let user = plain.split(|byte| *byte == b':').next()?;
    std::str::from_utf8(user).ok().filter(|user| !user.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(start: &str, fields: &[(&str, &str)]) -> Facts {
        let mut facts = Facts::start(start.as_bytes()).unwrap();
        fields.iter().for_each(|(name, value)| facts.field(name, value));
        facts
    }

    #[test]
    fn miners_are_told_by_their_fields_and_names() {
        let post = "POST / HTTP/1.1";
        for fields in [
            [("x-mining-extensions", "longpoll")],
            [("X-Hash-Difficulty", "1000")],
            [("User-Agent", "cpuminer/2.5.1")],
            [("user-agent", "XMRig/6.26.0")],
            [("User-Agent", "poclbm/20120920")],
        ] {
            assert!(head(post, &fields).is_miners(), "{fields:?}");
        }
        for agent in
            ["curl/8.5.0", "Mozilla/5.0", "monerod", "monero-exporter/1", "xmr-wallet/2", "Minerva/1", ""]
        {
            assert!(!head(post, &[("User-Agent", agent), ("X-Request-Id", "1")]).is_miners(), "{agent}");
        }
    }

    #[test]
    fn a_person_is_told_from_a_miner_that_poses_as_one() {
        let curl = ("User-Agent", "curl/8.5.0");
        assert!(head("POST / HTTP/1.1", &[curl]).is_by_hand());
        assert!(!head("POST / HTTP/1.1", &[curl, ("X-Mining-Extensions", "midstate")]).is_by_hand());
        assert!(!head("POST / HTTP/1.1", &[("User-Agent", "curly/1")]).is_by_hand());
    }

    #[test]
    fn the_account_is_kept_and_the_password_is_not() {
        let told = |start: &str, fields: &[(&str, &str)]| {
            let mut claim = Claim::default();
            let facts = head(start, fields);
            assert!(!format!("{facts:?}").contains("hunter2"));
            facts.tell(&mut claim);
            (claim.wallet, claim.worker)
        };
        let some = |text: &str| Some(text.to_owned());
        let basic = [("Authorization", "Basic YWxpY2UucmlnMTpodW50ZXIy")];
        assert_eq!(told("POST / HTTP/1.1", &basic), (some("alice"), some("rig1")));
        for broken in ["Basic !!!", "Basic", "Bearer hunter2", "Basic Omh1bnRlcjI="] {
            assert_eq!(told("POST / HTTP/1.1", &[("Authorization", broken)]), (None, None), "{broken}");
        }
        let address = "0x79a1A32790250d51e4675e0569E80064Bdd9655F";
        for path in [format!("/{address}/rig"), format!("/?miner=30@{address}@rig")] {
            assert_eq!(told(&format!("POST {path} HTTP/1.1"), &[]).0, some(address), "{path}");
        }
    }

    #[test]
    fn only_requests_and_answers_begin_messages() {
        for line in ["get / HTTP/1.1", "we speak HTTP/1.1", "/ HTTP/1.1"] {
            assert!(Facts::start(line.as_bytes()).is_none(), "{line}");
        }
        assert_eq!(Facts::start(b"HTTP/1.1 200 OK").as_ref(), Some(Facts::NONE));
    }
}
