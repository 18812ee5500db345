//! Miners' configuration files as their documentation has them, and files of others.
use super::read;
use crate::event::Told;

/// XMRig's donation address.
const XMR: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
/// EIP-55.
const ETH: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

fn told(text: &str) -> Told {
    read(text.replace("{XMR}", XMR).replace("{ETH}", ETH).as_bytes())
}

/// The form of XMRig's own sample (`src/config.json`), shortened, with comments and commas as its parser takes them.
const XMRIG: &str = r#"{
    // made by hand
    "api": {"id": null, "worker-id": null},
    "http": {"enabled": false, "host": "127.0.0.1", "port": 0, "access-token": "s3cret"},
    "autosave": true,
    "randomx": {"init": -1, "mode": "auto", "1gb-pages": false, "rdmsr": true, "wrmsr": true, "numa": true},
    "cpu": {"enabled": true, "huge-pages": true, "huge-pages-jit": false, "max-threads-hint": 100, "rx": [0, 2],
        "argon2-impl": null, "rx/wow": [0, 1],},
    "donate-level": 1, /* */
    "donate-over-proxy": 1,
    "pools": [
        {"algo": null, "coin": "monero", "url": "pool.example:3333", "user": "{XMR}.rig1", "pass": "s3cret",
         "rig-id": null, "tls": false, "self-select": null},
    ],
    "retries": 5, "pause-on-battery": false,
}"#;

#[test]
fn xmrigs_file_is_read_whole_and_no_secret_comes_out() {
    let told = told(XMRIG);
    assert!(told.marks.len() >= 5, "{:?}", told.marks);
    assert_eq!(told.pool.as_deref(), Some("pool.example:3333"));
    assert_eq!((told.wallet.as_deref(), told.worker.as_deref()), (Some(XMR), Some("rig1")));
    assert_eq!(told.coin.as_deref(), Some("monero"));
    assert!(!format!("{told:?}").contains("s3cret"));
}

#[test]
fn what_is_no_address_does_not_come_out_in_a_wallets_place() {
    let key = "5f".repeat(32);
    let text = format!(r#"{{"donate-level":0,"randomx":{{"mode":"fast"}},"wallet":"{key}","pools":[]}}"#);
    let told = told(&text);
    assert!(!told.marks.is_empty());
    assert!(!format!("{told:?}").contains(&key), "{told:?}");
}

#[test]
fn miners_files_are_told() {
    for (name, text, pool) in [
        (
            "xmrig, only pools",
            r#"{"pools":[{"url":"pool.example:3333","user":"{XMR}","pass":"x"}]}"#,
            Some("pool.example:3333"),
        ),
        (
            "xmrig, stripped",
            r#"{"autosave":false,"donate-level":0,"cpu":true,"pools":[{"url":"10.0.0.5:443","user":"x","tls":true}]}"#,
            Some("10.0.0.5:443"),
        ),
        (
            "xmrig, nothing but threads",
            r#"{"donate-level":0,"cpu":{"rx/0":[0,1]},"randomx":{"mode":"fast"}}"#,
            None,
        ),
        (
            "cpuminer",
            r#"{"url":"stratum+tcp://pool.example:3333","user":"me.1","pass":"x","algo":"scrypt"}"#,
            Some("pool.example:3333"),
        ),
        (
            "cgminer",
            r#"{"pools":[{"url":"stratum+tcp://pool.example:3333","user":"me.1","pass":"x"}],"api-listen":true}"#,
            Some("pool.example:3333"),
        ),
        (
            "ccminer",
            r#"{"pools":[{"name":"a","url":"stratum+tcp://pool.example:3956","user":"me"}],"algo":"verus","threads":8}"#,
            Some("pool.example:3956"),
        ),
        (
            "T-Rex",
            r#"{"pools":[{"user":"{ETH}","url":"pool.example:4444","pass":"x","worker":"r"}],"algo":"ethash","lhr-tune":"auto","gpu-report-interval":30}"#,
            Some("pool.example:4444"),
        ),
        (
            "xmr-stak",
            "\"pool_list\" :\n[\n\t{\"pool_address\" : \"pool.example:3333\", \"wallet_address\" : \"{XMR}\", \"rig_id\" : \"\", \"pool_password\" : \"x\", \"use_nicehash\" : false, \"pool_weight\" : 1 },\n],\n\"currency\" : \"monero\",\n",
            Some("pool.example:3333"),
        ),
        (
            "nanominer",
            "; comment\n[ethash]\nwallet = {ETH}\nrigName = rig1\npool1 = pool.example:4444\n",
            Some("pool.example:4444"),
        ),
        (
            "nanominer, one line",
            "[RandomX]\nwallet={XMR}\npool1=pool.example:3333",
            Some("pool.example:3333"),
        ),
        (
            "key and value",
            "algorithm = randomx\npool = pool.example:3333\nwallet = me\npassword = x\n",
            Some("pool.example:3333"),
        ),
        ("yaml", "pools:\n  - url: stratum+ssl://pool.example:443\n    user: me\n", Some("pool.example:443")),
        (
            "toml",
            "[pool]\nurl = \"stratum2+tcp://pool.example:34254/9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72\"\nuser = \"me\"\n",
            Some("pool.example:34254"),
        ),
        (
            "PhoenixMiner",
            "-pool ssl://pool.example:5555\n-wal {ETH}.rig\n-pass x\n-gpus 1,2\n",
            Some("pool.example:5555"),
        ),
        (
            "SRBMiner",
            "SRBMiner-MULTI --algorithm randomx --pool pool.example:3333 --wallet {XMR} --password x\n",
            Some("pool.example:3333"),
        ),
        (
            "a script beside it",
            "./xmrig -o stratum+tcp://pool.example:3333 -u me -p x\n",
            Some("pool.example:3333"),
        ),
        ("monerod", "data-dir=/srv\nstart-mining={XMR}\nmining-threads=2\n", None),
        ("byte order mark", "\u{feff}{\"donate-level\":1,\"rig-id\":null}", None),
    ] {
        let told = told(text);
        assert!(!told.marks.is_empty(), "{name}");
        assert_eq!(told.pool.as_deref(), pool, "{name}");
    }
}

#[test]
fn files_of_others_are_nothing() {
    for (name, text) in [
        (
            "prometheus",
            "global:\n  scrape_interval: 15s\nscrape_configs:\n  - job_name: x\n    static_configs:\n      - targets: ['localhost:9090']\n    basic_auth:\n      username: me\n      password: x\n",
        ),
        (
            "nginx",
            "user www-data;\nworker_processes auto;\nhttp {\n  upstream pool { server 10.0.0.1:3333; }\n  server { listen 80; }\n}\n",
        ),
        (
            "stream proxy of nginx",
            "stream {\n  upstream xmr { server pool.example:3333; }\n  server { listen 3333; proxy_pass xmr; }\n}\n",
        ),
        (
            "package.json",
            r#"{"name":"x","version":"1.0.0","config":{"pool":"a","worker":"b"},"scripts":{"x":"node x -o y"}}"#,
        ),
        ("a database's client", r#"{"url":"db.example:5432","user":"app","password":"x","pool":{"max":10}}"#),
        (
            "a service with a token",
            r#"{"server":"ldap.example:389","user":"cn=x","password":"y","algorithm":"scrypt"}"#,
        ),
        ("a jwt service", r#"{"url":"https://a.example:443","user":"x","algorithm":"RS256","login":"y"}"#),
        (
            "ckpool",
            r#"{"btcd":[{"url":"localhost:8332","auth":"u","pass":"p"}],"btcaddress":"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4","serverurl":["ckpool.example:3333"],"mindiff":1,"startdiff":42}"#,
        ),
        (
            "a pool",
            r#"{"coin":"monero","poolServer":{"ports":[{"port":3333,"difficulty":5000}]},"poolAddress":"{XMR}","daemon":{"host":"127.0.0.1","port":18081}}"#,
        ),
        (
            "node-open-mining-portal",
            r#"{"coin":"litecoin.json","address":"LVuDpNCSSj6pQ7t9Pv6d6sUkLKoqDEVUnJ","daemons":[{"host":"127.0.0.1","port":19332,"user":"u","password":"p"}],"ports":{"3008":{"diff":8}}}"#,
        ),
        ("bitcoin.conf", "server=1\nrpcuser=u\nrpcpassword=p\naddnode=10.0.0.1:8333\n"),
        ("geth", "[Eth]\nNetworkId = 1\n[Eth.Miner]\nEtherbase = \"{ETH}\"\n"),
        (
            "a contract's list",
            r#"{"chainId":1,"contracts":{"token":{"address":"{ETH}"},"pool":{"address":"{ETH}"}},"url":"https://rpc.example"}"#,
        ),
        ("a monitor of prices", r#"{"coin":"monero","url":"https://api.example/price","user":"me"}"#),
        ("notes", "Use stratum+tcp://pool.example:3333 with --donate-level 1.\n"),
        ("words", "one\ntwo three\n"),
        ("a certificate", "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n"),
        ("ssh_config", "Host x\n  HostName pool.example\n  User me\n  Port 22\n"),
        ("redis.conf", "bind 127.0.0.1\nport 6379\nuser default on >x ~* +@all\n"),
        ("mosquitto", "address broker.example:1883\nusername me\npassword x\n"),
        ("randomised tests", r#"{"randomx":true,"url":"tests.example:1"}"#),
        ("a lone pool", r#"{"url":"stratum+tcp://pool.example:3333"}"#),
        (
            "a monitor of a pool",
            r#"{"stratum":{"url":"stratum+tcp://pool.example:3333","interval":5},"smtp":{"user":"me"}}"#,
        ),
        ("empty", ""),
    ] {
        assert_eq!(told(text), Told::default(), "{name}");
    }
}

#[test]
fn any_bytes_are_taken() {
    assert_eq!(read(b"\xff\xfe{\0}"), Told::default());
    for text in [
        "{".repeat(100_000),
        "[{".repeat(100_000),
        "\"a\":".repeat(50_000),
        "=\n".repeat(100_000),
        "-a ".repeat(80_000),
        "/*".repeat(100_000),
        "\"\\".repeat(100_000),
        ",]".repeat(100_000),
    ] {
        assert_eq!(read(text.as_bytes()), Told::default());
    }
}

#[test]
fn any_cut_and_any_changed_byte_of_a_file_is_taken() {
    let whole = XMRIG.replace("{XMR}", XMR).into_bytes();
    for end in 0..whole.len() {
        read(&whole[..end]);
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] = b'"';
        read(&changed);
    }
}
