//! Command lines of miners, as their documentation and guides to them write them.
use super::*;

/// Path of the executable, arguments, and the rules that match.
const LINES: [(&str, &str, &[&str]); 56] = [
    // XMRig and forks.
    ("/opt/xmrig/xmrig", "xmrig|-o|pool.example:3333|-u|{XMR}|-p|x", &["argv.options", "argv.wallet"]),
    (
        "/opt/xmrig/xmrig",
        "xmrig|-o|pool.example:3333|-u|{XMR}.rig|-k|--coin=monero",
        &["argv.options", "argv.wallet"],
    ),
    ("/tmp/x", "x|-opool.example:3333|-u{XMR}", &["argv.options", "argv.wallet"]),
    ("/tmp/x", "x|--url=pool.example:3333|--user={XMR}|--tls", &["argv.options", "argv.wallet"]),
    ("/tmp/x", "x|--url|ssl://pool.example:443|--user|me|--rig-id|a", &["argv.options"]),
    ("/tmp/x", "[kworker/0:1]|-o|10.0.0.5:443|-a|rx/0", &["argv.options"]),
    ("/tmp/x", "x|-o|pool.example:3333|--algo=rx/0|-u|me", &["argv.options"]),
    ("/tmp/x", "x|--donate-level=1|--randomx-1gb-pages", &["argv.options"]),
    ("/tmp/x", "x|--donate-level|1|-o|127.0.0.1:3333", &["argv.options"]),
    ("/tmp/x", "x|--cpu-max-threads-hint=75|--coin|monero|-u|{XMR}", &["argv.options", "argv.wallet"]),
    (
        "/tmp/x",
        "x|-o|stratum+tcp://pool.example:3333|-u|{XMR}|-p|x|--donate-level|1",
        &["argv.stratum-url", "argv.options", "argv.wallet"],
    ),
    (
        "/tmp/x",
        "x|-o|stratum+ssl://{XMR}.rig:pw@pool.example:443",
        &["argv.stratum-url", "argv.options", "argv.wallet"],
    ),
    (
        "/tmp/x",
        "x|-o|daemon+http://127.0.0.1:18081|--coin|monero|-u|{XMR}",
        &["argv.stratum-url", "argv.options", "argv.wallet"],
    ),
    ("/tmp/x", "x|--self-select=10.0.0.1:18081|-o|pool.example:3333", &["argv.options"]),
    ("/memfd:x", "x|-o|pool.example:3333|-u|XMR:{XMR}", &["argv.options", "argv.wallet"]),
    // xmr-stak.
    (
        "/tmp/x",
        "xmr-stak|--currency|monero|-o|pool.example:3333|-u|me|-p|x|--noAMD|--noNVIDIA",
        &["argv.options"],
    ),
    ("/tmp/x", "xmr-stak|--noCPU|--poolconf|pools.txt", &["argv.options"]),
    // cpuminer, ccminer, cgminer, bfgminer.
    ("/usr/bin/minerd", "minerd|-a|scrypt|-o|pool.example:3333|-O|me.1:x", &["argv.options"]),
    ("/usr/bin/minerd", "minerd|-a|scrypt|-o|pool.example:3333|-u|me.1|-p|x", &["argv.options"]),
    ("/usr/bin/cpuminer", "cpuminer|-a|yespower|-o|pool.example:3333|-u|me", &["argv.options"]),
    (
        "/usr/bin/cpuminer",
        "cpuminer|-a|sha256d|--coinbase-addr={BTC}|-o|http://127.0.0.1:8332|-O|u:p",
        &["argv.options", "argv.wallet"],
    ),
    ("/tmp/ccminer", "ccminer|-a|verus|-o|pool.example:3956|-u|RAbc.rig|-p|x", &["argv.options"]),
    (
        "/tmp/ccminer",
        "ccminer|-a|x16r|-o|stratum+tcp://pool.example:3636|-u|me",
        &["argv.stratum-url", "argv.options"],
    ),
    (
        "/usr/bin/cgminer",
        "cgminer|--url|pool.example:3333|--userpass|me:x|--suggest-diff|442|--no-submit-stale",
        &["argv.options"],
    ),
    (
        "/usr/bin/bfgminer",
        "bfgminer|-o|stratum+tcp://pool.example:3333|-u|{BTC}|-p|x",
        &["argv.stratum-url", "argv.options", "argv.wallet"],
    ),
    // GPU miners.
    (
        "/opt/srb/SRBMiner-MULTI",
        "SRBMiner-MULTI|--algorithm|randomx|--pool|pool.example:3333|--wallet|{XMR}|--disable-gpu",
        &["argv.options", "argv.wallet"],
    ),
    (
        "/opt/srb/SRBMiner-MULTI",
        "SRBMiner-MULTI|--algorithm|verushash;randomx|--pool|a.example:1;b.example:2|--wallet|x;y|--msr-use-preset|2",
        &["argv.options"],
    ),
    (
        "/opt/lol/lolMiner",
        "lolMiner|--algo|ETCHASH|--pool|pool.example:1010|--user|{ETH}.rig",
        &["argv.options", "argv.wallet"],
    ),
    (
        "/opt/lol/lolMiner",
        "lolMiner|--algo|ETHASH|--ethstratum|ETHPROXY|--pool|ssl://pool.example:5555|--user|me",
        &["argv.options"],
    ),
    (
        "/opt/t-rex/t-rex",
        "t-rex|-a|kawpow|-o|stratum+tcp://pool.example:6060|-u|me|-p|x|-w|rig0",
        &["argv.stratum-url", "argv.options"],
    ),
    (
        "/opt/t-rex/t-rex",
        "t-rex|-a|ethash|-o|pool.example:4444|-u|{ETH}|--lhr-tune|-1",
        &["argv.options", "argv.wallet"],
    ),
    ("/opt/gminer/miner", "miner|--algo|kawpow|--server|pool.example:6060|--user|me.rig", &["argv.options"]),
    (
        "/opt/gminer/miner",
        "miner|--algo|ethash|--server|pool.example:4444|--proto|stratum|--dag_mode|1",
        &["argv.options"],
    ),
    (
        "/opt/nbminer/nbminer",
        "nbminer|-a|ethash|-o|ethproxy+tcp://pool.example:4444|-u|{ETH}.rig|--enable-dag-cache",
        &["argv.stratum-url", "argv.options", "argv.wallet"],
    ),
    (
        "/opt/nbminer/nbminer",
        "nbminer|-a|kawpow|-o|nicehash+tcp://kawpow.example:9200|-u|{BTC}.rig",
        &["argv.stratum-url", "argv.options", "argv.wallet"],
    ),
    (
        "/opt/rigel/rigel",
        "rigel|-a|nexapow|-o|stratum+ssl://pool.example:443|-u|nexa:me|-w|rig",
        &["argv.stratum-url", "argv.options"],
    ),
    (
        "/opt/rigel/rigel",
        "rigel|-a|autolykos2|-o|pool.example:1|-u|me|--autolykos2-prebuild|off",
        &["argv.options"],
    ),
    (
        "/opt/trm/teamredminer",
        "teamredminer|-a|kas|-o|stratum+tcp://pool.example:5555|-u|{KAS}.rig|-p|x|--no_ntime_roll",
        &["argv.stratum-url", "argv.options", "argv.wallet"],
    ),
    (
        "/opt/phoenix/PhoenixMiner",
        "PhoenixMiner|-pool|ssl://pool.example:5555|-wal|{ETH}.rig",
        &["argv.options", "argv.wallet"],
    ),
    (
        "/opt/claymore/ethdcrminer64",
        "ethdcrminer64|-epool|pool.example:4444|-ewal|{ETH}/rig|-epsw|x|-eworker|r",
        &["argv.options", "argv.wallet"],
    ),
    (
        "/usr/bin/ethminer",
        "ethminer|-G|-P|stratum1+ssl://{ETH}.rig@pool.example:5555",
        &["argv.stratum-url", "argv.options", "argv.wallet"],
    ),
    ("/usr/bin/ethminer", "ethminer|-U|--farm-recheck|200|--report-hashrate", &["argv.options"]),
    ("/opt/miniz/miniZ", "miniZ|--url|{ETH}.rig@pool.example:4444|--par=ethash", &["argv.options"]),
    (
        "/tmp/x",
        "x|--algo|equihash144_5|--server|pool.example:3333|--user|me|--pers|BgoldPoW",
        &["argv.options"],
    ),
    (
        "/tmp/x",
        "x|-P|stratum2+tcp://pool.example:34254/9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72",
        &["argv.stratum-url"],
    ),
    // Of one coin.
    (
        "/opt/tnn/tnn-miner-cpu",
        "tnn-miner-cpu|--xelis|--daemon-address|pool.example|--port|5555|--wallet|{KAS}",
        &["argv.options", "argv.wallet"],
    ),
    (
        "/opt/tnn/tnn-miner-cpu",
        "tnn-miner-cpu|--spectre|--daemon-address|pool.example:5555|--stratum|--wallet|spectre:qqx",
        &["argv.options"],
    ),
    (
        "/opt/dero/dero-miner",
        "dero-miner|--daemon-rpc-address=node.example:10100|--wallet-address={KAS}",
        &["argv.options", "argv.wallet"],
    ),
    ("/opt/zil/miner", "miner|--zilserver|pool.example:1111|--ziluser|me", &["argv.options"]),
    // Nodes that mine.
    ("/usr/bin/monerod", "monerod|--start-mining|{XMR}|--mining-threads|4", &["argv.options", "argv.wallet"]),
    ("/usr/bin/p2pool", "p2pool|--wallet|{XMR}|--start-mining|4|--mini", &["argv.options", "argv.wallet"]),
    // Interpreters.
    (
        "/usr/bin/python3.11",
        "python3|-u|miner.py|-o|stratum+tcp://pool.example:3333|-u|me|-p|x",
        &["argv.stratum-url"],
    ),
    ("/usr/bin/python3", "python3|-m|pyrxminer|--algo|rx/0|--pool|pool.example:3333", &["argv.options"]),
    (
        "/usr/bin/node",
        "node|--max-old-space-size=1|/srv/miner.js|--pool|pool.example:3333|--wallet|{XMR}",
        &["argv.options", "argv.wallet"],
    ),
    (
        "/usr/bin/java",
        "java|-Xmx1g|-jar|/srv/miner.jar|--pool|pool.example:3333|--algo|yespower",
        &["argv.options"],
    ),
    ("/usr/bin/perl", "perl|m.pl|stratum+tcp://pool.example:3333", &["argv.stratum-url"]),
];

#[test]
fn each_is_found_by_the_rules_that_are_written_beside_it() {
    for (path, line, want) in LINES {
        assert_eq!(rules(path, line), want, "{line}");
    }
}

#[test]
fn a_finding_names_what_it_saw_and_no_password() {
    let line =
        "x|--url|me.rig1:s3cret@pool.example:3333|-u|{XMR}.rig:s3cret|-p|s3cret|-a|rx/0|--donate-level|0";
    let findings = found(&[exec_of(0, MINER, "/tmp/x", line), tick(10)]);
    let options = findings.iter().find(|finding| finding.rule == &ARGV_OPTIONS).unwrap();
    assert_eq!(
        options.text,
        "a miner's options: donate-level, pool pool.example:3333, algorithm rx/0, wallet of monero; alive after 10 s"
    );
    let claim = &options.claim;
    assert_eq!(
        (claim.pool.as_deref(), claim.algorithm.as_deref()),
        (Some("pool.example:3333"), Some("rx/0"))
    );
    assert_eq!((claim.coin.as_deref(), claim.coin_inferred), (Some("monero"), true));
    let wallet = findings.iter().find(|finding| finding.rule == &ARGV_WALLET).unwrap();
    assert_eq!((wallet.claim.wallet.as_deref(), wallet.claim.worker.as_deref()), (Some(XMR), Some("rig")));
    assert!(!format!("{findings:?}").contains("s3cret"));
}

#[test]
fn coins_are_named_by_option_or_by_wallet() {
    let claim = |line| found(&[exec_of(0, MINER, "/tmp/x", line), tick(10)])[0].claim.clone();
    let told = claim("x|--coin|ravencoin|-a|kawpow|-o|pool.example:1|-u|{XMR}");
    assert_eq!((told.coin.as_deref(), told.coin_inferred), (Some("ravencoin"), false));
    assert_eq!(claim("x|-o|pool.example:1|-u|{KAS}.r").coin.as_deref(), Some("kaspa"));
}
