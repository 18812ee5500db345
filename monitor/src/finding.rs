//! What is found: the words in which detectors say what they saw.
//!
//! Owns [`Finding`], [`Rule`] and what a conversation tells of itself ([`Claim`]). Must not know a detector, nor what
//! a finding is worth in sum (`weigh.rs`).
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{BootTime, Ends, FlowId, Owner, ProcessKey};

/// Findings of one family do not add up: the strongest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Stratum traffic.
    Stratum,
    /// What the executable is made of.
    Binary,
    /// Command line, configuration and environment.
    Argv,
    /// Names and addresses of pools.
    Destination,
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
    /// Shares that the pool answered since the previous finding of the same conversation.
    pub shares: Shares,
    /// An earlier finding said the same, but for counts and difficulty. It opens no incident.
    pub repeats: bool,
}

/// Shares that a pool answered, as far as submission and answer were both captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// Taken.
    pub accepted: u64,
    /// Refused: stale, too easy, sent twice.
    pub rejected: u64,
}

impl Shares {
    /// Both.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.accepted.saturating_add(self.rejected)
    }

    /// One more.
    pub(crate) const fn count(&mut self, accepted: bool) {
        let kind = if accepted { &mut self.accepted } else { &mut self.rejected };
        *kind = kind.saturating_add(1);
    }

    /// Those of another conversation, or of a later part of the same.
    pub(crate) const fn add(&mut self, more: Self) {
        self.accepted = self.accepted.saturating_add(more.accepted);
        self.rejected = self.rejected.saturating_add(more.rejected);
    }

    /// What came after `earlier`.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            accepted: self.accepted.saturating_sub(earlier.accepted),
            rejected: self.rejected.saturating_sub(earlier.rejected),
        }
    }
}

/// A finding with its processes.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// When it was found.
    pub(crate) at: BootTime,
    /// What was found.
    pub(crate) finding: Finding,
    /// The ends of its flow.
    pub(crate) ends: Option<Ends>,
    /// The process it is told of first, then the others that hold the socket.
    pub(crate) owners: Vec<Owner>,
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
    /// Coin: as the conversation names it, else the one whose form of address the wallet has, checksum and all.
    pub coin: Option<String>,
    /// The coin is only the wallet's.
    pub coin_inferred: bool,
    /// Pool as named inside the conversation or on the command line (`host:port`).
    pub pool: Option<String>,
    /// How hard a share was at last, in the pool's own unit; Zcash's kin are given a target in its place.
    pub difficulty: Option<String>,
}

impl Claim {
    /// Takes from `newer` what is not known yet, its dialect, which is refined as a conversation goes on, and its
    /// difficulty, which changes all the time; says whether anything but the difficulty was new.
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
            (&mut self.pool, &newer.pool),
        ];
        for (known, new) in pairs {
            if known.is_none() && new.is_some() {
                known.clone_from(new);
                learned = true;
            }
        }
        if newer.difficulty.is_some() {
            self.difficulty.clone_from(&newer.difficulty);
        }
        self.learn_coin(newer) || learned
    }

    /// The conversation's own word replaces what was inferred.
    fn learn_coin(&mut self, newer: &Self) -> bool {
        let inferred = self.coin_inferred && !newer.coin_inferred;
        let better = newer.coin.is_some() && (self.coin.is_none() || inferred);
        if better {
            self.coin.clone_from(&newer.coin);
            self.coin_inferred = newer.coin_inferred;
        }
        better
    }

    /// The wallet's form says which coin is paid.
    pub(crate) fn infer_coin(&mut self, coin: &str) {
        if self.coin.is_none() {
            self.coin = Some(coin.to_owned());
            self.coin_inferred = true;
        }
    }

    /// Whether `other` says the same, but for the difficulty.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        self.lasting() == other.lasting()
    }

    const fn lasting(&self) -> [&Option<String>; 7] {
        let Self { dialect, wallet, worker, agent, algorithm, coin, coin_inferred: _, pool, difficulty: _ } =
            self;
        [dialect, wallet, worker, agent, algorithm, coin, pool]
    }
}
