//! Splits the account that a miner logs in with into wallet and worker.
//!
//! Owns the conventions. Must not know which message the account came in.
//!
//! Pools document `wallet.worker` (most), `wallet/worker` (Ethereum), `wallet.difficulty.worker` and
//! `wallet+difficulty.worker` (`CryptoNote`), a payment id of 16 or 64 hexadecimal digits as a part of its own,
//! and an e-mail address for messages as the last part. Accounts may be e-mail addresses themselves.
use super::shape::{claim, is_hex};
use crate::detect::{Claim, is_account};

/// Puts what `account` names into `claim`; a placeholder such as `x`, where a pool wants no wallet, is none.
pub(in crate::detect) fn split(account: &str, into: &mut Claim) {
    let (head, tail) = account.split_once('/').unwrap_or((account, ""));
    let (wallet, parts) = match head.split_once('.') {
        Some((wallet, parts)) if !head.contains('@') => (wallet, parts),
        _ => (head, ""),
    };
    let wallet = match wallet.rsplit_once('+') {
        Some((wallet, difficulty)) if is_number(difficulty) => wallet,
        _ => wallet,
    };
    let named = |part: &&str| !part.is_empty() && !is_payment_id(part);
    let last = || parts.split('.').rfind(|part| named(part) && !is_number(part));
    let only = || parts.split('.').rfind(named);
    let behind_slash = || tail.split('/').find(|part| named(part) && !part.contains('@'));
    into.wallet = claim(wallet).filter(|wallet| is_account(wallet));
    into.worker = last().or_else(behind_slash).or_else(only).and_then(claim);
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_payment_id(part: &str) -> bool {
    matches!(part.len(), 16 | 64) && is_hex(part, part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions() {
        let wallet =
            "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
        let eth = "0x79a1A32790250d51e4675e0569E80064Bdd9655F";
        for (account, want) in [
            (wallet.to_owned(), (wallet, None)),
            (format!("{wallet}.rig1"), (wallet, Some("rig1"))),
            (format!("{wallet}.50000.rig1"), (wallet, Some("rig1"))),
            (format!("{wallet}+50000.rig1"), (wallet, Some("rig1"))),
            (format!("{wallet}.0123456789abcdef.rig1/me@example.org"), (wallet, Some("rig1"))),
            (format!("{wallet}.7"), (wallet, Some("7"))),
            (format!("{eth}/rig2/me@example.org"), (eth, Some("rig2"))),
            (format!("{eth}.rig2"), (eth, Some("rig2"))),
            ("me@example.org".to_owned(), ("me@example.org", None)),
            ("me@example.org/rig3".to_owned(), ("me@example.org", Some("rig3"))),
            ("user.worker1".to_owned(), ("user", Some("worker1"))),
            ("kaspa:qz0y.rig".to_owned(), ("kaspa:qz0y", Some("rig"))),
            ("bob".to_owned(), ("bob", None)),
        ] {
            let mut claim = Claim::default();
            split(&account, &mut claim);
            assert_eq!(
                (claim.wallet.as_deref(), claim.worker.as_deref()),
                (Some(want.0), want.1),
                "{account}"
            );
        }
    }

    #[test]
    fn a_placeholder_is_no_wallet() {
        for (account, worker) in
            [("x", None), ("xx", None), ("xxx.rig1", Some("rig1")), ("000", None), ("---", None)]
        {
            let mut claim = Claim::default();
            split(account, &mut claim);
            assert_eq!((claim.wallet, claim.worker.as_deref()), (None, worker), "{account}");
        }
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        for account in ["", ".", "/", "./"] {
            let mut claim = Claim::default();
            split(account, &mut claim);
            assert_eq!(claim, Claim::default(), "{account:?}");
        }
    }
}
