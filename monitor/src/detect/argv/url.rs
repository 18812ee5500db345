//! The URLs that miners take as the address of a pool.
//!
//! Owns which schemes those are and what such a URL tells. Must not know processes.
use super::account::without_password;
use crate::detect::is_account;

/// Schemes that need no transport after a `+`. Sources: the command-line help or URI parsers of cgminer, ccminer,
/// XMRig (`stratum`), ethminer (`stratum1` to `stratum3`, `stratums`, `stratumss`), Stratum V2 (`stratum2`),
/// Claymore's and NiceHash's dialects in NBMiner, Rigel and T-Rex (`ethproxy`, `ethstratum`, `nicehash`, `zil`).
const BASES: [&str; 11] = [
    "stratum",
    "stratum1",
    "stratum2",
    "stratum3",
    "stratums",
    "stratumss",
    "ethproxy",
    "ethstratum",
    "ethstratum2",
    "nicehash",
    "zil",
];
/// What may follow such a scheme after a `+`.
const TRANSPORTS: [&str; 10] = ["tcp", "tcps", "tls", "tls12", "tls13", "ssl", "udp", "http", "https", "ws"];
/// XMRig's schemes for mining at a node.
const DAEMONS: [&str; 2] = ["daemon+http", "daemon+https"];
/// Schemes that say nothing of mining; miners take them as the value of their own options.
const PLAIN: [&str; 3] = ["ssl", "tls", "tcp"];
/// Addresses to listen on.
const UNSPECIFIED: [&str; 2] = ["0.0.0.0", "[::]"];
/// Longest argument looked at, and longest value kept, in bytes.
const LONGEST: usize = 1_024;
const LONGEST_VALUE: usize = 256;

/// An argument that as a whole is the URL of a pool.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PoolUrl {
    /// In lower case.
    pub(super) scheme: String,
    /// `host` or `host:port`, IPv6 in brackets.
    pub(super) pool: String,
    /// Account before the first dot of the user part.
    pub(super) wallet: Option<String>,
    /// What follows that dot.
    pub(super) worker: Option<String>,
    /// The user part as it stands there, without a password.
    pub(super) user: Option<String>,
}

impl PoolUrl {
    /// `None` when `text` as a whole is no such URL, or one that is listened on (an unspecified address).
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if !names_a_pool(&scheme) {
            return None;
        }
        let authority = rest.split(['/', '?', '#']).next()?;
        let (user, pool) = match authority.rsplit_once('@') {
            Some((userinfo, pool)) => (Some(without_password(userinfo)), pool),
            None => (None, authority),
        };
        let host = host(pool)?;
        if UNSPECIFIED.contains(&host) || pool.len() > LONGEST_VALUE {
            return None;
        }
        let (wallet, worker) = account(user.unwrap_or_default());
        let user = user.filter(|user| !user.is_empty()).map(str::to_owned);
        Some(Self { scheme, pool: pool.to_owned(), wallet, worker, user })
    }
}

/// `host:port` as the value of an option that takes a pool, also behind `ssl://`, `tls://` and `tcp://`; not one to
/// listen on.
pub(super) fn endpoint(value: &str) -> Option<String> {
    let bare = match value.split_once("://") {
        Some((scheme, rest)) => {
            let known = PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(scheme));
            known.then_some(rest.trim_end_matches('/'))?
        }
        None => value,
    };
    let host = host(bare).filter(|_| bare.len() <= LONGEST_VALUE)?;
    let ported = bare.len() > host.len();
    (ported && !UNSPECIFIED.contains(&host)).then(|| bare.to_owned())
}

fn names_a_pool(scheme: &str) -> bool {
    let (base, transport) = scheme.split_once('+').unwrap_or((scheme, "tcp"));
    DAEMONS.contains(&scheme) || (BASES.contains(&base) && TRANSPORTS.contains(&transport))
}

/// The host of `host[:port]`, when both are well-formed.
fn host(pool: &str) -> Option<&str> {
    let (host, port) = if pool.starts_with('[') {
        let (inside, after) = pool.strip_prefix('[')?.split_once(']')?;
        inside.parse::<std::net::Ipv6Addr>().ok()?;
        (pool.get(..inside.len() + 2)?, after)
    } else {
        let end = pool.find(':').unwrap_or(pool.len());
        let (host, port) = pool.split_at_checked(end)?;
        let named = host.chars().all(|c| c.is_alphanumeric() || "-._".contains(c));
        (Some(host).filter(|_| named && host.contains(char::is_alphanumeric))?, port)
    };
    let valid = match port.strip_prefix(':') {
        Some(digits) => digits.parse::<u16>().is_ok_and(|port| port > 0),
        None => port.is_empty(),
    };
    valid.then_some(host)
}

/// Wallet and worker of `wallet.worker`; nothing of a user part that was redacted or is no account name.
fn account(user: &str) -> (Option<String>, Option<String>) {
    let plain = user.chars().all(|c| c.is_ascii_alphanumeric() || "._-+%".contains(c));
    if user.is_empty() || user.len() > LONGEST_VALUE || !plain || user.contains("redacted") {
        return (None, None);
    }
    let (wallet, worker) = user.split_once('.').unwrap_or((user, ""));
    let full = |part: &str| (!part.is_empty()).then(|| part.to_owned());
    (full(wallet).filter(|wallet| is_account(wallet)), full(worker))
}

#[cfg(test)]
mod tests {
    use super::PoolUrl;

    fn pool(text: &str) -> Option<String> {
        PoolUrl::parse(text).map(|url| url.pool)
    }

    #[test]
    fn every_known_scheme_is_a_pool() {
        for scheme in [
            "stratum",
            "stratum+tcp",
            "stratum+ssl",
            "stratum+tls",
            "stratum+tcps",
            "stratum+udp",
            "stratum1+tcp",
            "stratum2+tcp",
            "stratum1+ssl",
            "stratum3+tls12",
            "stratums",
            "stratumss",
            "ethproxy",
            "ethproxy+ssl",
            "ethstratum",
            "ethstratum+tcp",
            "ethstratum2+tcp",
            "nicehash+tcp",
            "nicehash+ssl",
            "zil",
            "zil+tcp",
            "daemon+http",
            "daemon+https",
            "STRATUM+TCP",
        ] {
            assert_eq!(
                pool(&format!("{scheme}://pool.example:3333")).as_deref(),
                Some("pool.example:3333"),
                "{scheme}"
            );
        }
        for scheme in [
            "http",
            "https",
            "tcp",
            "ssl",
            "daemon",
            "daemon+tcp",
            "stratum+",
            "xstratum",
            "stratum+tcp+x",
            "",
        ] {
            assert_eq!(pool(&format!("{scheme}://pool.example:3333")), None, "{scheme}");
        }
    }

    #[test]
    fn hosts_and_ports_are_checked() {
        for good in
            ["h", "h:1", "10.0.0.5:3333", "[::1]:3333", "[2001:db8::1]", "a_b-c.d:65535", "münze.example:1"]
        {
            assert_eq!(pool(&format!("stratum+tcp://{good}")).as_deref(), Some(good));
            assert_eq!(pool(&format!("stratum+tcp://{good}/key?x#y")).as_deref(), Some(good));
        }
        for bad in [
            "", ":3333", "h:", "h:0", "h:65536", "h:33x", "[::1", "[x]:1", "[::1]x", "-", "..", "%s:%d",
            "h:1:2", "*",
        ] {
            assert_eq!(pool(&format!("stratum+tcp://{bad}")), None, "{bad:?}");
        }
    }

    #[test]
    fn an_endpoint_has_a_port_and_no_scheme_of_another_kind() {
        for (value, want) in [
            ("pool.example:3333", Some("pool.example:3333")),
            ("[2001:db8::1]:443", Some("[2001:db8::1]:443")),
            ("ssl://pool.example:443", Some("pool.example:443")),
            ("TLS://10.0.0.5:443/", Some("10.0.0.5:443")),
            ("pool.example", None),
            ("https://pool.example:443", None),
            ("0.0.0.0:3333", None),
            ("[::]:3333", None),
            ("/var/log:1", None),
            ("a b:1", None),
            ("", None),
        ] {
            assert_eq!(super::endpoint(value).as_deref(), want, "{value}");
        }
    }

    #[test]
    fn only_a_whole_argument_counts() {
        for part in [
            "use stratum+tcp://pool:3333",
            "stratum+tcp://pool:3333 now",
            "url=stratum+tcp://pool:3333",
            "stratum+tcp://pool:3333\n",
            "s/stratum+tcp:\\/\\/x/y/",
            "stratum+tcp://[^ ]*",
            "stratum+tcp:/pool",
        ] {
            assert_eq!(PoolUrl::parse(part), None, "{part:?}");
        }
        assert_eq!(PoolUrl::parse(&format!("stratum+tcp://{}", "a".repeat(2_000))), None);
        assert_eq!(PoolUrl::parse(&format!("stratum+tcp://{}", "a".repeat(300))), None);
    }

    #[test]
    fn an_address_to_listen_on_is_a_servers() {
        assert_eq!(pool("stratum+tcp://0.0.0.0:3333"), None);
        assert_eq!(pool("stratum+tcp://[::]:3333"), None);
    }

    #[test]
    fn the_account_is_read_and_the_password_is_not() {
        let url = PoolUrl::parse("stratum+ssl://4AbCdEf.rig-1:s3cret@pool.example:443").unwrap();
        assert_eq!(url.user.as_deref(), Some("4AbCdEf.rig-1"));
        assert_eq!((url.wallet.as_deref(), url.worker.as_deref()), (Some("4AbCdEf"), Some("rig-1")));
        assert!(!format!("{url:?}").contains("s3cret"));
        let both_at = PoolUrl::parse("stratum+tcp://acc:p@ss@pool:1").unwrap();
        assert_eq!((both_at.wallet.as_deref(), both_at.pool.as_str()), (Some("acc"), "pool:1"));
        let placeholder = PoolUrl::parse("stratum+tcp://x.rig:x@h:1").unwrap();
        assert_eq!((placeholder.wallet, placeholder.worker.as_deref()), (None, Some("rig")));
        for hidden in ["***@h:1", "<redacted>:x@h:1", "redacted@h:1", "@h:1", ":@h:1"] {
            let url = PoolUrl::parse(&format!("stratum+tcp://{hidden}")).unwrap();
            assert_eq!((url.wallet, url.worker, url.pool.as_str()), (None, None, "h:1"), "{hidden}");
        }
    }

    #[test]
    fn every_scheme_is_documented() {
        let doc = include_str!("../../../../docs/detection.md");
        let transports = super::TRANSPORTS.map(|name| format!("+{name}"));
        let names = super::BASES.into_iter().chain(super::DAEMONS).map(str::to_owned).chain(transports);
        for name in names.filter(|name| name != "stratum2") {
            assert!(doc.contains(&format!("`{name}`")), "{name}");
        }
    }
}
