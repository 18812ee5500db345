//! What a command line or a configuration shows, and whether that is a miner's.
//!
//! Owns [`Marks`] and the rule of how many make a sign: one common word never does. Must not know where the words
//! were found.
use super::{
    account::{self, Wallet},
    algorithm::{self, Algorithm},
    url::{self, PoolUrl},
    vocabulary::{self, Meaning},
};
use crate::{detect::Claim, redact::MASK};

/// Words named in a text.
const NAMED: usize = 6;
/// Longest value of a claim.
const LONGEST: usize = 256;

/// Words and values found together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Words that only miners have, each once.
    own: Vec<&'static str>,
    /// A pool by the scheme of its URL.
    url: bool,
    /// A pool, `host:port`.
    pool: Option<String>,
    /// An account option has a value.
    account: bool,
    /// The account has a checksum, and it holds.
    wallet: bool,
    /// A password option is there.
    password: bool,
    algorithm: Option<(Algorithm, String)>,
    /// It names what it would do without a pool.
    benchmark: bool,
    claim: Claim,
}

impl Marks {
    /// Takes in one option or key and its value.
    pub(super) fn take(&mut self, name: &str, value: Option<&str>) {
        let Some(meaning) = vocabulary::meaning(name) else { return };
        match (meaning, value) {
            (Meaning::Miners(word), _) => self.add(word),
            (Meaning::MinersAccount(word), value) => {
                self.add(word);
                value.into_iter().for_each(|value| self.take_account(value));
            }
            (Meaning::MinersPool(word), value) => {
                self.add(word);
                value.into_iter().for_each(|value| self.take_pool(value));
            }
            (Meaning::Pool, Some(value)) => self.take_pool(value),
            (Meaning::Account, Some(value)) => self.take_account(value),
            (Meaning::Algorithm, Some(value)) => self.take_algorithm(value),
            (Meaning::Coin, Some(value)) => self.take_coin(value),
            (Meaning::Worker, Some(value)) => {
                let worker = account::shown(value).map(|(worker, _)| worker);
                self.claim.worker = self.claim.worker.take().or(worker);
            }
            (Meaning::Password, _) => self.password = true,
            (Meaning::Mined(word), None) => self.take_mined(word),
            (Meaning::Benchmark, _) => self.benchmark = true,
            _ => {}
        }
    }

    /// A word that only miners have.
    pub(super) fn add(&mut self, word: &'static str) {
        if !self.own.contains(&word) {
            self.own.push(word);
        }
    }

    /// Takes in what a part of the same configuration has on its own.
    pub(super) fn add_part(&mut self, part: &Self) {
        part.own.iter().for_each(|word| self.add(word));
        self.url |= part.url;
        self.account |= part.account;
        self.wallet |= part.wallet;
        self.password |= part.password;
        self.benchmark |= part.benchmark;
        self.pool = self.pool.take().or_else(|| part.pool.clone());
        self.algorithm = self.algorithm.take().max(part.algorithm.clone());
        self.claim.learn(&part.claim);
    }

    /// Whether words and values together are a miner's command line. The old form, a hash function with pool, account
    /// and password, is one too.
    pub(super) fn tell_a_miner(&self) -> bool {
        self.tell_by_words()
            || (self.pool.is_some() && self.algorithm.is_some() && self.account && self.password)
    }

    /// Whether they are a part of a miner's configuration: there a pool's URL and an account side by side say as much
    /// as two words, but many services have a server, a user, a password and the name of a hash function.
    pub(super) fn tell_a_miners_entry(&self) -> bool {
        self.tell_by_words() || (self.url && self.account)
    }

    fn tell_by_words(&self) -> bool {
        let mining = self.algorithm.as_ref().is_some_and(|(kind, _)| *kind == Algorithm::Mining);
        let values = [self.pool.is_some(), self.wallet, mining].into_iter().filter(|has| *has).count();
        let idle = self.benchmark && self.pool.is_none() && !self.wallet;
        !idle && (self.own.len() + values.min(1) >= 2 || values >= 2)
    }

    /// Whether the words of a whole configuration tell a miner, where its values may belong to different parts.
    pub(super) fn tells_by_own_words(&self) -> bool {
        !self.own.is_empty() && self.tell_by_words()
    }

    /// What was found, each as `word` or `word value`, for a person.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.own.iter().take(NAMED).map(|word| (*word).to_owned()).collect();
        names.extend(self.pool.as_ref().map(|pool| format!("pool {pool}")));
        names.extend(self.algorithm.as_ref().map(|(_, name)| format!("algorithm {name}")));
        if let Some(coin) = self.claim.coin.as_ref().filter(|_| self.wallet) {
            names.push(format!("wallet of {coin}"));
        } else if self.account {
            names.push("account".to_owned());
        }
        names
    }

    /// What it tells of the mining.
    pub(super) fn claim(&self) -> Claim {
        Claim {
            pool: self.pool.clone(),
            algorithm: self.algorithm.as_ref().map(|(_, name)| name.clone()),
            ..self.claim.clone()
        }
    }

    fn take_pool(&mut self, value: &str) {
        let (user, pool) = if let Some(url) = PoolUrl::parse(value) {
            self.url = true;
            self.claim.wallet = self.claim.wallet.take().or(url.wallet);
            self.claim.worker = self.claim.worker.take().or(url.worker);
            (url.user, Some(url.pool))
        } else {
            let bare = value.rsplit_once('@').map_or(value, |(_, pool)| pool);
            let user = value.rsplit_once('@').map(|(user, _)| user.to_owned());
            (user, url::endpoint(bare))
        };
        if pool.is_some() {
            user.iter().for_each(|user| self.take_account(user));
            self.pool = self.pool.take().or(pool);
        }
    }

    fn take_account(&mut self, value: &str) {
        self.account |= !value.trim().is_empty();
        self.password |= value.ends_with(&format!(":{MASK}"));
        if let Some(wallet) = Wallet::parse(value) {
            self.wallet = true;
            wallet.claim(&mut self.claim);
        } else if let Some((name, worker)) = account::shown(value) {
            self.claim.wallet = self.claim.wallet.take().or(Some(name));
            self.claim.worker = self.claim.worker.take().or(worker);
        }
    }

    fn take_algorithm(&mut self, value: &str) {
        let value = value.trim();
        if let Some(kind) = algorithm::named(value).filter(|_| value.len() <= LONGEST) {
            self.algorithm = self.algorithm.take().max(Some((kind, value.to_ascii_lowercase())));
        }
    }

    /// `--coin monero`. Where an algorithm is meant, it is one.
    fn take_coin(&mut self, value: &str) {
        let value = value.trim().to_ascii_lowercase();
        let plain = (2..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if algorithm::named(&value) == Some(Algorithm::Mining) {
            self.take_algorithm(&value);
        } else if plain {
            self.claim.learn(&Claim { coin: Some(value), ..Claim::default() });
        }
    }

    /// A flag such as `--xelis`.
    fn take_mined(&mut self, word: &str) {
        self.algorithm = self.algorithm.take().max(Some((Algorithm::Mining, word.to_owned())));
    }
}
