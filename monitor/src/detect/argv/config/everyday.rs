//! Configuration files of an everyday host, each with a pool, an address, a user, a wallet or an algorithm in it.
use super::read;
use crate::event::Told;

const XMR: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
const ETH: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const BTC: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

const FILES: &[&str] = &[
    // Pools of connections.
    r#"{"pools":[{"url":"jdbc:postgresql://db:5432/x","user":"app","pass":"x"}],"pool":{"max":10}}"#,
    r#"{"pools":[{"url":"db.example:5432","user":"app","pass":"x","algo":"scram-sha-256","worker":"w1"}]}"#,
    r#"{"pools":[{"url":"tcp://db.example:5432","user":"app","pass":"x","algo":"scrypt"}],"threads":8,"retries":5}"#,
    "[databases]\nx = host=10.0.0.1 port=5432\n[pgbouncer]\npool_mode = transaction\nauth_user = me\npool = db.example:6432\n",
    "pool_address = db.example:6432\nuser = app\npassword = x\n",
    "pool_address: pgpool.example:9999\npool_weight: 3\n",
    r#"{"pool_address":"10.0.0.1:9999","pool-weight":5,"server":"x.example:80"}"#,
    "backend pool\n  server a 10.0.0.1:3333 weight 10\n  server b 10.0.0.2:3333\n",
    "hikari:\n  jdbc-url: jdbc:mysql://db:3306/x\n  username: me\n  password: x\n  pool-name: p\n",
    // Storage, backup, mail.
    "zpool: tank\nserver: backup.example:22\nuser: me\n",
    r#"{"zpool":"tank","url":"metrics.example:9090"}"#,
    "[global]\nzpool = rpool\nserver = a.example:8888\n",
    "pause_on_battery: true\nserver: backup.example:8000\nuser: me\npassword: x\n",
    r#"{"pause-on-battery":true,"url":"sync.example:22000"}"#,
    // Meters, games, brokers, rigs of other kinds.
    "electricity_cost: 0.31\nmqtt:\n  server: broker.example:1883\n  user: me\n",
    r#"{"electricity_cost":0.31,"url":"broker.example:1883","user":"me","pass":"x"}"#,
    "texture_cache 512\nserver match.example:27015\n",
    "thread_concurrency = 8\nserver = db.example:3306\nuser = mysql\n",
    "rig_id: 7\nserver: telemetry.example:1883\nuser: me\n",
    "shares_limit=100\nserver=fix.example:9876\nuser=me\npassword=x\n",
    "dag_limit: 16\ndag_mode: strict\nserver: airflow.example:8080\n",
    r#"{"validate_shares":true,"hide_diff":true,"url":"files.example:445"}"#,
    // Checks of processors.
    r#"{"spectre":true,"meltdown":false,"server":"scan.example:443","user":"me"}"#,
    r#"{"spectre":{"v1":true},"url":"scan.example:443","user":"me","password":"x"}"#,
    r#"{"spectre":true,"wallet":"{ETH}","pool_address":"{ETH}","electricity_cost":0.3,"server":"x.example:1883"}"#,
    "spectre:\nserver: scan.example:443\nuser: me\n",
    r#"{"benchmark":{"algo":"rx/0"},"randomx":true,"cpu":"x"}"#,
    // Chains, wallets, shops, pools' own.
    r#"{"coin":"verus","url":"127.0.0.1:27486","user":"rpc","password":"x"}"#,
    "coin: verus\nserver: 127.0.0.1:27486\n",
    r#"{"coin":"decred","algo":"blake256","server":"127.0.0.1:9109","user":"rpc","pass":"x"}"#,
    r#"{"pool_address":"{ETH}","wallet":"{ETH}","url":"https://rpc.example:8545"}"#,
    r#"{"pool_address":"{ETH}","wallet":"{ETH}","server":"rpc.example:443"}"#,
    r#"{"server":"electrum.example:50002","address":"{BTC}"}"#,
    r#"{"url":"localhost:8545","address":"{ETH}","wallet":"{ETH}"}"#,
    "wallet={BTC}\nserver=electrum.example:50002\n",
    "daemon-address=node.example:18089\nwallet-address={XMR}\n",
    "[payments]\nxmr_address = {XMR}\nbtc = {BTC}\n[smtp]\nserver = mail.example:587\nuser = shop\npassword = x\n",
    "payout:\n  address: {ETH}\n  wallet: {ETH}\nredis:\n  url: redis.example:6379\n  user: x\n",
    r#"{"validators":[{"fee_recipient":"{ETH}"}],"builder":{"url":"relay.example:443"},"user":"me"}"#,
    "rpcuser=u\nrpcpassword=p\nserver=1\ngen=0\nalgo=sha256d\nrpcconnect=127.0.0.1:9332\n",
    "[Eth.Miner]\nEtherbase = \"{ETH}\"\n[Node]\nHTTPHost = \"0.0.0.0\"\nurl = \"127.0.0.1:8545\"\n",
    // Monitors of pools.
    "stratum:\n  url: stratum+tcp://pool.example:3333\nsmtp:\n  user: me\n  pass: x\n",
    "probe:\n  targets:\n    - url: stratum+tcp://pool.example:3333\n  interval: 5\nauth:\n  user: me\n",
    "modules:\n  tcp_pool:\n    prober: tcp\n    tcp:\n      query_response:\n      - send: '{\"id\":1,\"method\":\"mining.subscribe\"}'\n",
    "[check]\nurl = stratum+tcp://pool.example:3333\n[alert]\nuser = me\npass = x\n",
    // Rules, dashboards, automation.
    "alert tcp any any -> any 3333 (msg:\"stratum\"; content:\"mining.subscribe\"; sid:1;)\n",
    "rule x { strings: $a = \"--donate-level\" $b = \"stratum+tcp://\" condition: all of them }\n",
    "- rule: Miner\n  condition: proc.cmdline contains \"stratum+tcp\"\n  output: user=%user.name\n",
    "groups:\n- name: x\n  rules:\n  - alert: Miner\n    expr: x{url=\"pool.example:3333\"}\n",
    "- hosts: all\n  vars:\n    wallet: {ETH}\n    server: rpc.example:443\n  tasks:\n  - user: name=x\n",
    "replicaCount: 1\nwallet: {BTC}\nservice:\n  url: api.example:8080\nauth:\n  user: me\n",
    "variable \"wallet\" { default = \"{ETH}\" }\nprovider \"x\" { url = \"https://x.example:8200\" }\n",
    // Services with an algorithm.
    r#"{"algo":"ppo","pool":"ray.example:6379","user":"me"}"#,
    r#"{"algorithm":"octopus","server":"deploy.example:443","user":"me"}"#,
    r#"{"algorithm":"mike","server":"a.example:443","user":"me","pass":"x"}"#,
    "algo: gr\nurl: mt.example:443\nuser: me\npass: x\n",
    "algo: mtp\nserver: cam.example:15740\n",
    "algorithm = keccak\nurl = tcp://kdf.example:443\nuser = a\npass = b\n",
    "url: tcp://vault.example:8200\nuser: a\npassword: b\nalgo: scrypt\n",
    "remote vpn.example 1194\nauth-user-pass x\ncipher AES-256-GCM\n",
    "<source>\n  @type tail\n  path /var/log/xmrig.log\n</source>\n",
    "-c 10 -T 600 -h db -p 5432 -U me -o out:1\n",
    "Usage: x -o FILE -u USER -p PASS\n  -a ALGO  one of: sha256, scrypt\n",
    "# ssh tunnel\nssh -N -L 3333:pool.example:3333 -o ServerAliveInterval=5 -p 22 -u me@bastion\n",
];

#[test]
fn none_is_a_miners() {
    let told =
        |text: &str| read(text.replace("{XMR}", XMR).replace("{ETH}", ETH).replace("{BTC}", BTC).as_bytes());
    let found: Vec<_> =
        FILES.iter().map(|text| (text, told(text))).filter(|(_, told)| *told != Told::default()).collect();
    assert!(found.is_empty(), "{found:#?}");
}
