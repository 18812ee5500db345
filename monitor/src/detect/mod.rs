//! What detectors are, and what they say.
//!
//! Owns [`Detector`], [`Finding`] and [`Rule`]. A detector never sees a sink, does no I/O and knows no clock
//! but the event's own. It says what it saw; `weigh` decides what that is worth.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    enrich::Tables,
    event::{Event, FlowId, ProcessKey},
};

pub mod argv;
pub mod stratum;

/// Looks at every event and says what it found.
pub trait Detector: Send {
    /// Appends to `out` what `event` shows. `tables` already hold the event.
    fn inspect(&mut self, event: &Event, tables: &Tables, out: &mut Vec<Finding>);
    /// Nothing more will come: appends to `out` what unfinished things show as they are.
    fn finish(&mut self, out: &mut Vec<Finding>) {
        let _ = out;
    }
    /// State entries held now, for the counters.
    fn held(&self) -> usize;
    /// Entries that were pushed out by the cap, since start.
    fn evicted(&self) -> u64;
    /// Messages that were judged without their end, since start: too long, not captured whole, or lost.
    fn cut(&self) -> u64 {
        0
    }
}

/// Findings of one family do not add up: the strongest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Stratum traffic.
    Stratum,
    /// Command line.
    Argv,
}

/// One rule of `docs/detection.md`.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// `family.what`, as shown in notices.
    pub name: &'static str,
    /// Which family it counts in.
    pub family: Family,
    /// Its weight, 0 to 100.
    pub weight: u32,
    /// Only proof reaches 100.
    pub proof: bool,
    /// What it sees, one sentence.
    pub sees: &'static str,
}

/// A session seen from both sides: client's login or work, and a pool's answer to it.
pub static STRATUM_SESSION: Rule = Rule {
    name: "stratum.session",
    family: Family::Stratum,
    weight: 100,
    proof: true,
    sees: "a Stratum session seen from both sides: the client logged in or submitted, and the server answered as a pool",
};
/// A share that the pool accepted.
pub static STRATUM_SHARE: Rule = Rule {
    name: "stratum.share",
    family: Family::Stratum,
    weight: 100,
    proof: true,
    sees: "a submitted share and the pool's answer that accepts it",
};
/// Client half only.
pub static STRATUM_CLIENT: Rule = Rule {
    name: "stratum.client",
    family: Family::Stratum,
    weight: 80,
    proof: false,
    sees: "a Stratum client message (login, subscribe, authorize, submit) with no answer seen yet",
};
/// Server half only.
pub static STRATUM_SERVER: Rule = Rule {
    name: "stratum.server",
    family: Family::Stratum,
    weight: 80,
    proof: false,
    sees: "a Stratum server message (job, notify, set_difficulty) with no client message seen yet",
};
/// A stratum URL in argv.
pub static ARGV_STRATUM_URL: Rule = Rule {
    name: "argv.stratum-url",
    family: Family::Argv,
    weight: 60,
    proof: false,
    sees: "a stratum URL as a whole argument of a process that was still alive after 10 s",
};

/// Every rule, in the order of the documentation.
pub static RULES: [&Rule; 5] =
    [&STRATUM_SESSION, &STRATUM_SHARE, &STRATUM_CLIENT, &STRATUM_SERVER, &ARGV_STRATUM_URL];

/// What the process at the local end is in a mining conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It sends client messages.
    Miner,
    /// It answers them.
    Pool,
    /// It is server to one and client to another.
    Relay,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Miner => "miner",
            Self::Pool => "pool",
            Self::Relay => "relay",
        })
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A conversation; its owner is in the flow table, or is asked for.
    Flow(FlowId),
    /// A process.
    Process(ProcessKey),
}

/// What a rule saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: &'static Rule,
    /// About what.
    pub subject: Subject,
    /// What the local end is.
    pub role: Role,
    /// One clause for a person, such as `login answered with a job`. Never holds a secret.
    pub text: String,
    /// What was learned on the way.
    pub claim: Claim,
}

/// What a mining conversation tells of itself; every value was chosen by one of its ends, at most 256 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Name of the dialect, as in `docs/detection.md`.
    pub dialect: Option<String>,
    /// Wallet or account that is paid.
    pub wallet: Option<String>,
    /// Worker or rig name.
    pub worker: Option<String>,
    /// Client software, as it names itself.
    pub agent: Option<String>,
    /// Algorithm.
    pub algorithm: Option<String>,
    /// Coin, where told.
    pub coin: Option<String>,
    /// Pool as named inside the conversation or on the command line (`host:port`).
    pub pool: Option<String>,
}

impl Claim {
    /// Takes from `newer` what is not known yet, and its dialect, which is refined as a conversation goes on; says
    /// whether anything was new.
    pub fn learn(&mut self, newer: &Self) -> bool {
        let mut learned = newer.dialect.is_some() && self.dialect != newer.dialect;
        if learned {
            self.dialect.clone_from(&newer.dialect);
        }
        let pairs = [
            (&mut self.wallet, &newer.wallet),
            (&mut self.worker, &newer.worker),
            (&mut self.agent, &newer.agent),
            (&mut self.algorithm, &newer.algorithm),
            (&mut self.coin, &newer.coin),
            (&mut self.pool, &newer.pool),
        ];
        for (known, new) in pairs {
            if known.is_none() && new.is_some() {
                known.clone_from(new);
                learned = true;
            }
        }
        learned
    }
}

/// The shortest name that is taken for an account.
const ACCOUNT_MIN: usize = 3;

/// The name of an account at a pool, or an address. Where a pool wants none, as P2Pool, clients put `x` or `000`
/// in its place.
pub(crate) fn is_account(text: &str) -> bool {
    let text = text.trim();
    let first = text.chars().next();
    text.chars().count() >= ACCOUNT_MIN
        && text.chars().any(char::is_alphanumeric)
        && text.chars().any(|other| Some(other) != first)
}

#[cfg(test)]
mod tests {
    use super::is_account;

    #[test]
    fn accounts_are_told_from_placeholders() {
        for account in ["bob", "1A2", "me@example.org", "\u{fc}ml"] {
            assert!(is_account(account), "{account}");
        }
        for none in ["", "x", "xx", "xxx", "000", " x ", "-.-", "..."] {
            assert!(!is_account(none), "{none}");
        }
    }
}
