//! The options and configuration keys of miners.
//!
//! Owns the words, by the programs that have them. Pure data and look-up. Must not know how a command line or a file is
//! taken apart, nor how many words make a sign. Names are compared in lower case, with `-` for `_`.
//!
//! Sources: the help texts and sample configurations of XMRig 6.26, xmr-stak, cpuminer-multi and cpuminer-opt, ccminer,
//! cgminer and bfgminer, SRBMiner-Multi, lolMiner, T-Rex, `GMiner`, `NBMiner`, Rigel, `TeamRedMiner`, `PhoenixMiner`,
//! ethminer, tnn-miner, nanominer, monerod and p2pool.

/// What the value of an option or key is, or what the word itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// No other kind of program has it.
    Miners(&'static str),
    /// A miner's, and one of programs of other kinds too.
    Shared(&'static str),
    /// Address of a pool.
    Pool(PoolWord),
    /// Account at a pool: what is logged in with.
    Account,
    /// Wallet.
    Purse,
    /// Both: miners' own word for an account.
    MinersAccount(&'static str),
    /// Both: miners' own word for a pool.
    MinersPool(&'static str),
    /// A password. Its value is never looked at.
    Password,
    /// Algorithm.
    Algorithm,
    /// Algorithm, or a hash function for another use.
    WideAlgorithm,
    /// Coin.
    Coin,
    /// Name of the rig.
    Worker,
    /// A flag that is the name of what is mined.
    Mined(&'static str),
    /// A configuration file.
    File,
    /// Work for nobody, to measure the speed.
    Benchmark,
}

/// How much the word for an address says of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PoolWord {
    /// Any server, or a node.
    Server,
    /// A URL.
    Url,
    /// Miners' usual word.
    Pool,
}

/// Words that only miners have, as options or as keys of a configuration, by the program that has them.
const MINERS: [&[&str]; 13] = [
    // XMRig and its forks.
    &[
        "algo-perf",
        "argon2-impl",
        "cpu-max-threads-hint",
        "cpu-memory-pool",
        "cuda-bfactor-hint",
        "cuda-bsleep-hint",
        "daemon-job-timeout",
        "daemon-poll-interval",
        "daemon-zmq-port",
        "donate-level",
        "donate-over-proxy",
        "huge-pages-jit",
        "max-threads-hint",
        "randomx-1gb-pages",
        "randomx-cache-qos",
        "randomx-init",
        "randomx-mode",
        "randomx-no-numa",
        "randomx-no-rdmsr",
        "randomx-wrmsr",
        "rig-id",
        "self-select",
        "submit-to-origin",
    ],
    // xmr-stak.
    &["cpu-threads-conf", "gpu-threads-conf", "noamd", "nocpu", "nonvidia", "poolconf", "use-nicehash"],
    // cpuminer and ccminer.
    &["cpu-mining", "lookup-gap", "no-cpu-verify", "no-extranonce", "no-gbt", "no-getwork"],
    // cgminer and bfgminer.
    &["api-mcast-code", "icarus-options", "no-submit-stale", "rawintensity", "suggest-diff", "xintensity"],
    // SRBMiner-Multi.
    &[
        "a0-is-zil",
        "disable-msr-tweaks",
        "disable-worker-watchdog",
        "gpu-auto-intensity",
        "gpu-dual-intensity",
        "max-no-share-sent",
        "max-rejected-shares",
        "msr-use-preset",
        "msr-use-tweaks",
        "randomx-use-1gb-pages",
        "send-stales",
        "zil-enable",
    ],
    // lolMiner.
    &["dualstratum", "ethstratum", "lhrtune", "zilepoch"],
    // T-Rex.
    &[
        "ab-indexing",
        "api-bind-telnet",
        "dag-build-mode",
        "extra-dag-epoch",
        "lhr-autotune-mode",
        "lhr-low-power",
        "lhr-tune",
        "no-hashrate-report",
    ],
    // GMiner, NBMiner.
    &["dag-gen-limit", "enable-dag-cache", "fidelity-timeframe", "lhr-mode", "lhr-reduce-value"],
    // Rigel.
    &["autolykos2-prebuild", "dag-reset-mclock", "nexapow-small-lut", "zil-cache-dag", "zil-countdown"],
    // TeamRedMiner.
    &["cn-config", "eth-dag-buf", "eth-stratum", "no-gpu-monitor", "no-ntime-roll"],
    // PhoenixMiner, after Claymore's.
    &["dcri", "estale", "ethi", "eworker"],
    // ethminer.
    &["cl-global-work", "cuda-parallel-hash", "farm-recheck", "farm-retries", "report-hashrate"],
    // tnn-miner; nodes that mine: monerod, p2pool; nanominer's configuration.
    &["bg-mining-enable", "mining-threads", "rigname", "xatum"],
];

/// Miners' words that other programs have too: load balancers, games, databases, brokers, meters of energy, backups.
const SHARED: [&str; 17] = [
    "dag-limit",
    "dag-load-mode",
    "dag-mode",
    "dualmode",
    "electricity-cost",
    "gpu-memclock",
    "gpu-report-interval",
    "hide-diff",
    "no-longpoll",
    "pause-on-battery",
    "pool-weight",
    "resume-diff",
    "safe-dag",
    "shares-limit",
    "texture-cache",
    "thread-concurrency",
    "validate-shares",
];

/// Miners' own words that take an account: Claymore's and `GMiner`'s, a second algorithm's, getblocktemplate's
/// payee, and an address that a node mines for.
const MINERS_ACCOUNTS: [&str; 8] =
    ["coinbase-addr", "dualuser", "ewal", "start-mining", "xwal", "zil-wallet", "ziluser", "zwal"];
/// Miners' own words that take a pool.
const MINERS_POOLS: [&str; 6] = ["daemon-rpc-address", "dualpool", "epool", "xpool", "zil-pool", "zilserver"];

/// Words that programs of other kinds have too.
const COMMON: [(&str, Meaning); 36] = [
    ("o", Meaning::Pool(PoolWord::Pool)),
    ("P", Meaning::Pool(PoolWord::Pool)),
    ("url", Meaning::Pool(PoolWord::Url)),
    ("pool", Meaning::Pool(PoolWord::Pool)),
    ("pool1", Meaning::Pool(PoolWord::Pool)),
    ("server", Meaning::Pool(PoolWord::Server)),
    ("tls-url", Meaning::Pool(PoolWord::Url)),
    ("daemon-address", Meaning::Pool(PoolWord::Server)),
    ("pool-address", Meaning::Pool(PoolWord::Pool)),
    ("u", Meaning::Account),
    ("O", Meaning::Account),
    ("w", Meaning::Purse),
    ("user", Meaning::Account),
    ("username", Meaning::Account),
    ("userpass", Meaning::Account),
    ("wallet", Meaning::Purse),
    ("wal", Meaning::Purse),
    ("wallet-address", Meaning::Purse),
    ("login", Meaning::Account),
    ("p", Meaning::Password),
    ("pass", Meaning::Password),
    ("a", Meaning::Algorithm),
    ("algo", Meaning::Algorithm),
    ("algorithm", Meaning::WideAlgorithm),
    ("coin", Meaning::Coin),
    ("currency", Meaning::Coin),
    ("worker", Meaning::Worker),
    ("c", Meaning::File),
    ("config", Meaning::File),
    ("config-file", Meaning::File),
    ("conf", Meaning::File),
    ("cfg", Meaning::File),
    ("bench", Meaning::Benchmark),
    ("stress", Meaning::Benchmark),
    ("benchmark", Meaning::Benchmark),
    ("dero-benchmark", Meaning::Benchmark),
];

/// tnn-miner's flags.
const MINED: [&str; 6] = ["dero", "hoosat", "spectre", "verus", "xelis", "astrix"];

/// What a word says; one-letter words keep their case, `None` for a word of no interest.
pub(super) fn meaning(word: &str) -> Option<Meaning> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let mut squeezed = word.replace('_', "-");
    if squeezed.len() > 1 {
        squeezed.make_ascii_lowercase();
    }
    let in_list = |list: &[&'static str]| list.iter().find(|known| **known == squeezed).copied();
    let own = || MINERS.iter().find_map(|list| in_list(list)).map(Meaning::Miners);
    let shared = || in_list(&SHARED).map(Meaning::Shared);
    let account = || in_list(&MINERS_ACCOUNTS).map(Meaning::MinersAccount);
    let pool = || in_list(&MINERS_POOLS).map(Meaning::MinersPool);
    let mined = || in_list(&MINED).map(Meaning::Mined);
    let common = || COMMON.iter().find(|(known, _)| *known == squeezed).map(|(_, meaning)| *meaning);
    own().or_else(shared).or_else(account).or_else(pool).or_else(common).or_else(mined)
}

/// The longest word is `cpu-max-threads-hint`.
const LONGEST_WORD: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_in_every_spelling() {
        for (word, want) in [
            ("donate-level", Some(Meaning::Miners("donate-level"))),
            ("dag_mode", Some(Meaning::Shared("dag-mode"))),
            ("lhr_tune", Some(Meaning::Miners("lhr-tune"))),
            ("noCPU", Some(Meaning::Miners("nocpu"))),
            ("start-mining", Some(Meaning::MinersAccount("start-mining"))),
            ("epool", Some(Meaning::MinersPool("epool"))),
            ("o", Some(Meaning::Pool(PoolWord::Pool))),
            ("O", Some(Meaning::Account)),
            ("URL", Some(Meaning::Pool(PoolWord::Url))),
            ("dero", Some(Meaning::Mined("dero"))),
            ("listen", None),
            ("", None),
        ] {
            assert_eq!(meaning(word), want, "{word}");
        }
        assert_eq!(meaning(&"a".repeat(1_000)), None);
    }

    #[test]
    fn no_word_is_in_two_lists() {
        let mut words: Vec<&str> = MINERS.iter().flat_map(|list| list.iter().copied()).collect();
        words.extend(MINERS_ACCOUNTS.iter().chain(&MINERS_POOLS).chain(&MINED).chain(&SHARED));
        words.extend(COMMON.iter().map(|(word, _)| *word));
        assert!(words.iter().all(|word| word.len() <= LONGEST_WORD && !word.contains('_')));
        words.sort_unstable();
        let doubled: Vec<_> = words.windows(2).filter(|two| two[0] == two[1]).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
    }
}
