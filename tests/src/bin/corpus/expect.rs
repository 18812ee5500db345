//! Which dialect a label of the corpus stands for.
//!
//! Owns the mapping. The coin-named labels speak `stratum-v1` with a coin's own parameters.
use monitor::detect::stratum::Dialect;

use crate::flow::{Flow, Kind};

const DIALECTS: [(&str, &str); 17] = [
    ("aeternity-stratum", "stratum-v1"),
    ("btc-getblocktemplate-http", "getblocktemplate"),
    ("btc-getwork-http", "getwork"),
    ("btc-stratum-v1", "stratum-v1"),
    ("conflux-stratum", "stratum-v1"),
    ("cryptonote-login", "cryptonote"),
    ("eth-getwork-http", "getwork"),
    ("eth-proxy", "eth-proxy"),
    ("eth-stratum-nicehash", "ethereum-stratum-1"),
    ("eth-stratum-plain", "stratum-v1"),
    ("eth-stratum2", "ethereum-stratum-2"),
    ("grin-stratum", "grin"),
    ("ironfish-stratum", "ironfish"),
    ("kawpow-stratum", "stratum-v1"),
    ("kheavyhash-stratum", "stratum-v1"),
    ("xelis-stratum", "stratum-v1"),
    ("zcash-stratum", "equihash"),
];

/// The dialect that `flow` speaks.
pub(crate) fn dialect(flow: &Flow) -> &str {
    if flow.kind == Kind::StratumV2 { "stratum-v2" } else { named(&flow.label) }
}

/// The dialect that a label names. Labels of other halves of a corpus may be new: `beam-stratum` is `beam`, and a
/// coin's is `stratum-v1`.
fn named(label: &str) -> &str {
    if let Some((_, dialect)) = DIALECTS.iter().find(|(known, _)| *known == label) {
        return dialect;
    }
    let bare = label.strip_suffix("-stratum").unwrap_or(label);
    Dialect::ALL.iter().map(|dialect| dialect.name()).find(|name| *name == bare).unwrap_or("stratum-v1")
}

/// Whether `told` is right for `flow`. Where the server answers in another dialect than the client spoke, either is.
pub(crate) fn is_right(flow: &Flow, told: Option<&str>) -> bool {
    let server = flow.server_dialect.as_deref().and_then(|server| server.split_whitespace().next());
    told == Some(dialect(flow)) || (server.is_some() && told == server.map(named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::{flow, record};

    #[test]
    fn labels_stand_for_dialects() {
        for (label, want) in [
            ("zcash-stratum", "equihash"),
            ("kawpow-stratum", "stratum-v1"),
            ("neverheardof-stratum", "stratum-v1"),
            ("eth-proxy", "eth-proxy"),
        ] {
            assert_eq!(named(label), want);
        }
    }

    #[test]
    fn where_the_sides_differ_either_is_right() {
        let mut flow = flow(record("stratum", "a", "b")).unwrap();
        assert!(
            is_right(&flow, Some("cryptonote"))
                && !is_right(&flow, Some("equihash"))
                && !is_right(&flow, None)
        );
        flow.server_dialect = Some("zcash-stratum (mining.set_target)".to_owned());
        assert!(is_right(&flow, Some("cryptonote")) && is_right(&flow, Some("equihash")));
        assert!(!is_right(&flow, Some("stratum-v1")) && !is_right(&flow, None));
    }
}
