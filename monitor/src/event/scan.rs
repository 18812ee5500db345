//! What the workers found in files and memory of a process.
//!
//! Owns the answers to [`crate::outcome::Request::Scan`] and [`crate::outcome::Request::ReadSetup`]. Content itself
//! never crosses: only what a rule or a reader named. Must not know how files are opened.
use serde::{Deserialize, Serialize};

/// What was searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScanTarget {
    /// The executable.
    #[default]
    File,
    /// The memory of the process.
    Memory,
}

/// One YARA rule that matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMatch {
    /// The rule's identifier.
    pub name: String,
    /// Its `description`, when it has one.
    pub description: Option<String>,
    /// The agent's own rule; else the operator's.
    pub bundled: bool,
}

/// What the content of an executable, or the memory of a process, showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// What was searched.
    pub target: ScanTarget,
    /// Why it was not searched, or not whole, one line.
    pub error: Option<String>,
    /// SHA-256 of the executable, lower-case hex.
    pub sha256: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Its last change of inode or content, nanoseconds since the Unix epoch, as in [`super::Exec::changed`]; 0 when
    /// it was not searched. With the size it tells whether this is the file that an exec event is of.
    pub changed: i64,
    /// It was not changed just before: whatever has this change and size has this content.
    pub settled: bool,
    /// Rules that matched.
    pub matches: Vec<RuleMatch>,
    /// The digest list that names it, as `file:line`.
    pub listed: Option<String>,
    /// The packer whose marks the file bears (`UPX`); what it runs is seen in memory only.
    pub packed: Option<String>,
}

/// What a configuration file or an environment tells of mining.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What makes it a miner's, each a key or variable by name; empty when nothing does.
    pub marks: Vec<String>,
    /// Pool, `host:port`.
    pub pool: Option<String>,
    /// Wallet.
    pub wallet: Option<String>,
    /// Worker.
    pub worker: Option<String>,
    /// Algorithm.
    pub algorithm: Option<String>,
    /// Coin.
    pub coin: Option<String>,
}

/// One file named on a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupFile {
    /// As the process itself sees it.
    pub path: String,
    /// Why it was not read, one line.
    pub error: Option<String>,
    /// What it tells.
    pub told: Told,
}

/// What a process was given beside its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Why nothing was read, one line.
    pub error: Option<String>,
    /// The files asked for.
    pub files: Vec<SetupFile>,
    /// What its environment tells.
    pub environment: Told,
}
