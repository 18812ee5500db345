//! What a command line or a configuration shows, and whether that is a miner's.
//!
//! Owns [`Marks`] and the rule of how many make a sign: one common word never does. Must not know where the words
//! were found.
use super::{
    account::{self, Wallet},
    algorithm::{self, Algorithm},
    url::{self, PoolUrl},
    vocabulary::{self, Meaning, PoolWord},
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
    /// Words of miners that other programs have too, each once.
    shared: Vec<&'static str>,
    /// A pool by the scheme of its URL.
    url: bool,
    /// A pool, `host:port`.
    pool: Option<String>,
    /// The most telling word for a pool.
    pool_word: Option<PoolWord>,
    /// An account option has a value.
    account: bool,
    /// The account has a checksum, and it holds.
    wallet: bool,
    /// Such an account is what it logs in with, which only pools ask for.
    login: bool,
    /// An option for a wallet has a value of any form.
    purse: bool,
    /// A password option of cpuminer is there.
    password: bool,
    algorithm: Option<(Algorithm, String)>,
    /// A flag is named after a coin.
    mined: Option<&'static str>,
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
            (Meaning::Shared(word), _) => push_new(&mut self.shared, word),
            (Meaning::MinersAccount(word), value) => {
                self.add(word);
                value.into_iter().for_each(|value| self.take_account(value, true));
            }
            (Meaning::MinersPool(word), Some(value)) if self.take_pool(value, None) => self.add(word),
            (Meaning::Pool(word), Some(value)) => {
                self.take_pool(value, Some(word));
            }
            (Meaning::Account, Some(value)) => self.take_account(value, true),
            (Meaning::Purse, Some(value)) => {
                self.purse |= !value.trim().is_empty();
                self.take_account(value, false);
            }
            (Meaning::Algorithm, Some(value)) => self.take_algorithm(value, Algorithm::Common),
            (Meaning::WideAlgorithm, Some(value)) => self.take_algorithm(value, Algorithm::Mining),
            (Meaning::Coin, Some(value)) => self.take_coin(value),
            (Meaning::Worker, Some(value)) => {
                let worker = account::shown(value).map(|(worker, _)| worker);
                self.claim.worker = self.claim.worker.take().or(worker);
            }
            (Meaning::Password, _) => self.password = true,
            (Meaning::Mined(word), None) => self.mined = Some(word),
            (Meaning::Benchmark, _) => self.benchmark = true,
            _ => {}
        }
    }

    /// A word that only miners have.
    pub(super) fn add(&mut self, word: &'static str) {
        push_new(&mut self.own, word);
    }

    /// Takes in what a part of the same configuration has on its own.
    pub(super) fn add_part(&mut self, part: &Self) {
        part.own.iter().for_each(|word| self.add(word));
        part.shared.iter().for_each(|word| push_new(&mut self.shared, word));
        self.pool_word = self.pool_word.max(part.pool_word);
        self.login |= part.login;
        self.purse |= part.purse;
        self.mined = self.mined.or(part.mined);
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
        let at_a_pool = self.pool_word >= Some(PoolWord::Url);
        self.tell_by_words() || (at_a_pool && self.algorithm.is_some() && self.account && self.password)
    }

    /// Whether they are a part of a miner's configuration: there a pool's URL and an account side by side say as much
    /// as two words, but many services have a server, a user, a password and the name of a hash function.
    pub(super) fn tell_a_miners_entry(&self) -> bool {
        self.tell_by_words() || (self.url && self.account)
    }

    fn tell_by_words(&self) -> bool {
        let algorithm = self.algorithm.as_ref().is_some_and(|(kind, _)| *kind == Algorithm::Mining);
        // A flag such as `--spectre` says what is mined where a wallet of it is given.
        let mining = algorithm || (self.mined.is_some() && self.purse);
        let at_a_pool = self.pool_word >= Some(PoolWord::Url);
        let more = usize::from(self.wallet || mining || at_a_pool);
        // Many a service has a server and an address that is paid; only a pool is logged in to with one.
        let paid_by_a_pool = self.wallet && (self.login || self.pool_word == Some(PoolWord::Pool));
        let values = self.pool.is_some() && (mining || paid_by_a_pool) || (mining && self.wallet);
        let shared = if self.own.is_empty() && !mining { 0 } else { self.shared.len() };
        let idle = self.benchmark && self.pool.is_none() && !self.wallet;
        !idle && (self.own.len() + shared + more >= 2 || values)
    }

    /// Whether the words of a whole configuration tell a miner, where its values may belong to different parts.
    pub(super) fn tells_by_own_words(&self) -> bool {
        !self.own.is_empty() && self.tell_by_words()
    }

    /// What was found, each as `word` or `word value`, for a person.
    pub(super) fn names(&self) -> Vec<String> {
        let words = self.own.iter().chain(&self.shared).take(NAMED);
        let mut names: Vec<String> = words.map(|word| (*word).to_owned()).collect();
        names.extend(self.pool.as_ref().map(|pool| format!("pool {pool}")));
        names.extend(self.algorithm().map(|name| format!("algorithm {name}")));
        if let Some(coin) = self.claim.coin.as_ref().filter(|_| self.wallet) {
            names.push(format!("wallet of {coin}"));
        } else if self.account {
            names.push("account".to_owned());
        }
        names
    }

    /// What it tells of the mining.
    pub(super) fn claim(&self) -> Claim {
        Claim { pool: self.pool.clone(), algorithm: self.algorithm(), ..self.claim.clone() }
    }

    fn algorithm(&self) -> Option<String> {
        let mined = || self.mined.filter(|_| self.purse).map(str::to_owned);
        self.algorithm.as_ref().map(|(_, name)| name.clone()).or_else(mined)
    }

    /// Whether `value` is a pool; `word` as far as the option says so.
    fn take_pool(&mut self, value: &str, mut word: Option<PoolWord>) -> bool {
        let (user, pool) = if let Some(url) = PoolUrl::parse(value) {
            self.url = true;
            word = word.map(|_| PoolWord::Pool);
            self.claim.wallet = self.claim.wallet.take().or(url.wallet);
            self.claim.worker = self.claim.worker.take().or(url.worker);
            (url.user, Some(url.pool))
        } else {
            let bare = value.rsplit_once('@').map_or(value, |(_, pool)| pool);
            let user = value.rsplit_once('@').map(|(user, _)| user.to_owned());
            (user, url::endpoint(bare))
        };
        let is_pool = pool.is_some();
        if is_pool {
            user.iter().for_each(|user| self.take_account(user, true));
            self.pool_word = self.pool_word.max(word);
            self.pool = self.pool.take().or(pool);
        }
        is_pool
    }

    fn take_account(&mut self, value: &str, login: bool) {
        self.account |= !value.trim().is_empty();
        self.password |= value.ends_with(&format!(":{MASK}"));
        if let Some(wallet) = Wallet::parse(value) {
            self.wallet = true;
            self.login |= login;
            wallet.claim(&mut self.claim);
        } else if let Some((name, worker)) = account::shown(value).filter(|_| login) {
            // What stands where a wallet should and is no address may be the key of one.
            self.claim.wallet = self.claim.wallet.take().or(Some(name));
            self.claim.worker = self.claim.worker.take().or(worker);
        }
    }

    fn take_algorithm(&mut self, value: &str, least: Algorithm) {
        let value = value.trim();
        let kind = algorithm::named(value).filter(|kind| value.len() <= LONGEST && *kind >= least);
        if let Some(kind) = kind {
            self.algorithm = self.algorithm.take().max(Some((kind, value.to_ascii_lowercase())));
        }
    }

    /// `--coin monero`; xmr-stak has algorithms there. Other algorithms have the names of their coins.
    fn take_coin(&mut self, value: &str) {
        let value = value.trim().to_ascii_lowercase();
        let plain = (2..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if value.starts_with("cryptonight") {
            self.take_algorithm(&value, Algorithm::Mining);
        } else if plain {
            self.claim.learn(&Claim { coin: Some(value), ..Claim::default() });
        }
    }
}

fn push_new(words: &mut Vec<&'static str>, word: &'static str) {
    if !words.contains(&word) {
        words.push(word);
    }
}
