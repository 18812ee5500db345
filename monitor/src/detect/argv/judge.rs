//! What one command line shows, all rules together.
//!
//! Owns the way from an image to findings and to the files that are worth reading. Pure, without state. Must not know
//! how long the process lives, nor what the files hold.
use super::{
    account::Wallet,
    arguments::{Piece, pieces},
    marks::Marks,
    program::Program,
    url::PoolUrl,
    vocabulary::{self, Meaning},
};
use crate::{
    detect::{ARGV_OPTIONS, ARGV_STRATUM_URL, ARGV_WALLET, Claim, Finding, Rule},
    enrich::processes::Image,
    event::ProcessKey,
};

/// Files asked for, at most as many as a request takes.
const FILES: usize = 4;
/// Longest path.
const LONGEST_PATH: usize = 4_096;
/// Ends of names of configuration files that need no option in front.
const ENDS: [&str; 6] = [".json", ".conf", ".txt", ".cfg", ".ini", ".config"];
/// What miners read that were told nothing: XMRig, nanominer, xmr-stak.
const UNNAMED: [&str; 3] = ["config.json", "config.ini", "pools.txt"];

/// In the name of an option whose value is where a server listens.
const LISTENS: [&str; 2] = ["listen", "bind"];

/// What a command line shows.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Signs; they count when the process stays.
    pub(super) findings: Vec<Finding>,
    /// Files that may be its configuration.
    pub(super) files: Vec<String>,
    /// Its arguments are its own, so its environment is.
    pub(super) judged: bool,
}

/// Judges the arguments of a process.
pub(super) fn judge(key: ProcessKey, image: &Image) -> Judged {
    let Some(program) = Program::of(image) else { return Judged::default() };
    let mut seen = Seen::default();
    for piece in pieces(&program.args) {
        seen.take(piece);
    }
    if program.packaged {
        // An editor's, a viewer's or a backup's argument is a file of others.
        seen.lone.clear();
    }
    let files = seen.files(program.folder);
    Judged { findings: seen.findings(key), files, judged: true }
}

/// The marks of words that are a command line, when they are a miner's.
pub(super) fn options(words: &[&str]) -> Option<Marks> {
    let mut seen = Seen::default();
    pieces(words).for_each(|piece| seen.take(piece));
    let by_url = seen.url.is_some() && seen.marks.tell_a_miners_entry();
    (by_url || seen.marks.tell_a_miner()).then_some(seen.marks)
}

#[derive(Default)]
struct Seen<'a> {
    url: Option<PoolUrl>,
    wallet: Option<Wallet>,
    marks: Marks,
    named: Vec<&'a str>,
    lone: Vec<&'a str>,
    /// The latest address to listen on: a pool's own.
    own: Option<&'a str>,
}

impl<'a> Seen<'a> {
    fn take(&mut self, piece: Piece<'a>) {
        let value = match piece {
            Piece::Option(name, value) if LISTENS.iter().any(|word| name.contains(word)) => {
                self.own = value;
                None
            }
            Piece::Other(other) if self.own == Some(other) => None,
            Piece::Option(name, value) => {
                self.marks.take(name, value);
                let is_file = vocabulary::meaning(name) == Some(Meaning::File);
                self.named.extend(value.filter(|value| is_file && is_path(value)));
                value
            }
            Piece::Other(other) => {
                let is_file = ENDS.iter().any(|end| other.ends_with(end));
                self.lone.extend(Some(other).filter(|other| is_file && is_path(other)));
                Some(other)
            }
        };
        let Some(value) = value else { return };
        if self.url.is_none() {
            self.url = PoolUrl::parse(value);
        }
        let user = || self.url.as_ref().and_then(|url| url.user.as_deref());
        if self.wallet.is_none() {
            self.wallet = Wallet::parse(value).or_else(|| user().and_then(Wallet::parse));
        }
    }

    fn files(&self, folder: Option<&str>) -> Vec<String> {
        let mut files: Vec<String> = Vec::new();
        for file in self.named.iter().chain(&self.lone) {
            if files.len() < FILES && !files.iter().any(|known| known == file) {
                files.push((*file).to_owned());
            }
        }
        let told = !files.is_empty() || self.url.is_some() || self.marks.tell_a_miner();
        match folder {
            Some(folder) if !told => UNNAMED.iter().map(|name| format!("{folder}/{name}")).collect(),
            _ => files,
        }
    }

    fn findings(self, key: ProcessKey) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add =
            |rule: &'static Rule, text, claim| findings.push(super::finding(rule, key, text, claim));
        if let Some(PoolUrl { scheme, pool, wallet, worker, .. }) = self.url {
            let text = format!("argument {scheme}://{pool}, alive after {} s", super::STAYS.as_secs());
            add(&ARGV_STRATUM_URL, text, Claim { wallet, worker, pool: Some(pool), ..Claim::default() });
        }
        if self.marks.tell_a_miner() {
            let (names, stays) = (self.marks.names().join(", "), super::STAYS.as_secs());
            add(
                &ARGV_OPTIONS,
                format!("a miner's options: {names}; alive after {stays} s"),
                self.marks.claim(),
            );
        }
        if let Some(wallet) = self.wallet {
            let mut claim = Claim::default();
            wallet.claim(&mut claim);
            add(
                &ARGV_WALLET,
                format!("argument is an address of {} whose checksum holds", wallet.coin),
                claim,
            );
        }
        findings
    }
}

/// Not a URL, a list or a program in an argument.
fn is_path(value: &str) -> bool {
    let shaped = value.contains(['.', '/']) && !value.contains("://") && !value.contains(['\n', '*', '{']);
    shaped && value.len() <= LONGEST_PATH
}
