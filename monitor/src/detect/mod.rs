//! What detectors are, and every rule.
//!
//! Owns [`Detector`] and the rules. A detector never sees a sink, does no I/O and knows no clock but the event's own.
//! It says what it saw; `weigh` decides what that is worth.
use std::sync::Arc;

pub use crate::finding::{Claim, Family, Finding, Role, Rule, Shares, Subject};
use crate::{enrich::Tables, event::Event, outcome::Request, rules::Pools};

pub mod argv;
pub mod binary;
pub mod destination;
pub mod stratum;
pub(crate) mod wallet;

/// What a detector leaves.
#[derive(Debug, Default)]
pub struct Report {
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it wants to know.
    pub requests: Vec<Request>,
}

/// Looks at every event and says what it found.
pub trait Detector: Send {
    /// Appends to `out` what `event` shows. `tables` already hold the event.
    fn inspect(&mut self, event: &Event, tables: &Tables, out: &mut Report);
    /// Nothing more will come: appends to `out` what unfinished things show as they are.
    fn finish(&mut self, out: &mut Vec<Finding>) {
        let _ = out;
    }
    /// Rules and lists were read again: verdicts by the old ones count no more.
    fn relearn(&mut self, pools: &Arc<Pools>) {
        let _ = pools;
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
/// An encrypted conversation that begins as Stratum V2 does.
pub static STRATUM_HANDSHAKE: Rule = Rule {
    name: "stratum.handshake",
    family: Family::Stratum,
    weight: 70,
    proof: false,
    sees: "a Stratum V2 handshake and the first encrypted frames, by the sizes and turns of five flights",
};
/// A stratum URL in argv.
pub static ARGV_STRATUM_URL: Rule = Rule {
    name: "argv.stratum-url",
    family: Family::Argv,
    weight: 60,
    proof: false,
    sees: "a stratum URL as a whole argument of a process that was still alive after 10 s",
};
/// A bundled rule matched the file that runs.
pub static BINARY_CONTENT: Rule = Rule {
    name: "binary.content",
    family: Family::Binary,
    weight: 70,
    proof: false,
    sees: "an executed file that matches a bundled rule: it is made of what a miner is made of",
};
/// A bundled rule matched what runs.
pub static BINARY_MEMORY: Rule = Rule {
    name: "binary.memory",
    family: Family::Binary,
    weight: 70,
    proof: false,
    sees: "the memory of a packed, deleted or memfd program that matches a bundled rule",
};
/// An operator's rule matched the file that runs.
pub static BINARY_YARA: Rule = Rule {
    name: "binary.yara",
    family: Family::Binary,
    weight: 30,
    proof: false,
    sees: "an executed file that matches a YARA rule of the operator",
};
/// An operator's list has the file that runs.
pub static BINARY_DIGEST: Rule = Rule {
    name: "binary.digest",
    family: Family::Binary,
    weight: 30,
    proof: false,
    sees: "an executed file whose SHA-256 a list of the operator has",
};
/// An operator's list has where it goes.
pub static DESTINATION_LIST: Rule = Rule {
    name: "destination.list",
    family: Family::Destination,
    weight: 30,
    proof: false,
    sees: "a connection, a tunnel or an argument to a name or address that a pool list of the operator has",
};

/// A miner's options together.
pub static ARGV_OPTIONS: Rule = Rule {
    name: "argv.options",
    family: Family::Argv,
    weight: 60,
    proof: false,
    sees: "options that only miners have, or a pool with a wallet or a mining algorithm, of a process alive after 10 s",
};
/// A miner's configuration file.
pub static ARGV_CONFIG: Rule = Rule {
    name: "argv.config",
    family: Family::Argv,
    weight: 60,
    proof: false,
    sees: "a miner's configuration in a file that the command line names, of a process alive after 10 s",
};
/// Pool or wallet in the environment.
pub static ARGV_ENVIRONMENT: Rule = Rule {
    name: "argv.environment",
    family: Family::Argv,
    weight: 30,
    proof: false,
    sees: "a variable whose value is a pool's URL, or a wallet in a variable named for one",
};
/// A wallet in argv.
pub static ARGV_WALLET: Rule = Rule {
    name: "argv.wallet",
    family: Family::Argv,
    weight: 20,
    proof: false,
    sees: "an argument that is the address of a coin whose checksum holds, of a process alive after 10 s",
};

/// Every rule, in the order of the documentation.
pub static RULES: [&Rule; 15] = [
    &STRATUM_SESSION,
    &STRATUM_SHARE,
    &STRATUM_CLIENT,
    &STRATUM_SERVER,
    &STRATUM_HANDSHAKE,
    &ARGV_STRATUM_URL,
    &ARGV_OPTIONS,
    &ARGV_CONFIG,
    &ARGV_ENVIRONMENT,
    &ARGV_WALLET,
    &BINARY_CONTENT,
    &BINARY_MEMORY,
    &BINARY_YARA,
    &BINARY_DIGEST,
    &DESTINATION_LIST,
];

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
