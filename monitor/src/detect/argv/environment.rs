//! Judges the environment of a process.
//!
//! Owns which variables are signs. Pure: bytes in, [`Told`] out; only names of variables, a pool and a wallet come out.
//! What stands below an entry point inherits its environment: no sign here weighs much. Must not know how it is read.
use super::{account::Wallet, url::PoolUrl};
use crate::{detect::Claim, event::Told};

/// Variables looked at.
const VARIABLES: usize = 4_096;
/// Variables named.
const NAMED: usize = 4;
/// Longest name shown.
const LONGEST_NAME: usize = 64;
/// Longest value looked at.
const LONGEST_VALUE: usize = 512;
/// A variable with one of these in its name is meant for a wallet. Addresses of contracts stand in others.
const WALLETS: [&str; 6] = ["WALLET", "MINER", "MINING", "PAYOUT", "POOL", "XMR"];

/// What an environment, NUL-separated `NAME=value`, tells of mining.
pub(crate) fn read(environment: &[u8]) -> Told {
    let mut marks = Vec::new();
    let mut claim = Claim::default();
    for variable in environment.split(|byte| *byte == 0).take(VARIABLES) {
        let Some((name, value)) = variable_of(variable) else { continue };
        let sign = sign(name, value, &mut claim);
        if marks.len() < NAMED {
            marks.extend(sign);
        }
    }
    Told {
        marks,
        pool: claim.pool,
        wallet: claim.wallet,
        worker: claim.worker,
        algorithm: None,
        coin: claim.coin,
    }
}

fn variable_of(variable: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = std::str::from_utf8(variable).ok()?.split_once('=')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (plain && name.len() <= LONGEST_NAME && value.len() <= LONGEST_VALUE).then_some((name, value))
}

fn sign(name: &str, value: &str, claim: &mut Claim) -> Option<String> {
    if let Some(url) = PoolUrl::parse(value) {
        if let Some(wallet) = url.user.as_deref().and_then(Wallet::parse) {
            wallet.claim(claim);
        }
        let sign = format!("variable {name} is the pool {}", url.pool);
        claim.pool = claim.pool.take().or(Some(url.pool));
        return Some(sign);
    }
    let upper = name.to_ascii_uppercase();
    let meant = WALLETS.iter().any(|word| upper.contains(word));
    let wallet = Some(value).filter(|_| meant).and_then(Wallet::parse)?;
    if wallet.widespread && claim.pool.is_none() {
        return None;
    }
    wallet.claim(claim);
    Some(format!("variable {name} is an address of {}", wallet.coin))
}

#[cfg(test)]
mod tests {
    use super::read;

    const XMR: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";

    fn told(variables: &[&str]) -> crate::event::Told {
        read(variables.join("\0").as_bytes())
    }

    #[test]
    fn a_pool_or_a_wallet_is_a_sign_and_no_secret_comes_out() {
        let told = told(&[
            "HOME=/root",
            "POOL_URL=stratum+ssl://me:s3cret@pool.example:443",
            &format!("WALLET={XMR}.rig:s3cret"),
            "PASSWORD=s3cret",
        ]);
        assert_eq!(
            told.marks,
            ["variable POOL_URL is the pool pool.example:443", "variable WALLET is an address of monero"]
        );
        assert_eq!(told.pool.as_deref(), Some("pool.example:443"));
        assert_eq!((told.wallet.as_deref(), told.worker.as_deref()), (Some(XMR), Some("rig")));
        assert_eq!(told.coin.as_deref(), Some("monero"));
        assert!(!format!("{told:?}").contains("s3cret"));
    }

    #[test]
    fn names_alone_and_values_alone_are_nothing() {
        let contract = "MINER_ADDRESS=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        for variables in [
            &["POOL=default", "WALLET=yes", "POOL_SIZE=10", "XMR=1"][..],
            &["DATABASE_POOL_URL=postgres://user:pass@db:5432/x", "URL=https://pool.example:443"],
            &[&format!("NOTE={XMR}"), &format!("WALLET={}", XMR.replace('4', "5"))],
            &["CONTRACT=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", contract],
            &["", "=", "x", "stratum+tcp://pool:1"],
        ] {
            assert_eq!(told(variables), crate::event::Told::default(), "{variables:?}");
        }
        let with_pool = told(&["P=stratum+tcp://pool:1", contract]);
        assert_eq!((with_pool.marks.len(), with_pool.coin.as_deref()), (2, Some("ethereum")));
    }

    #[test]
    fn any_bytes_are_taken() {
        assert_eq!(read(b"\xff=\xfe\0\0\0=\0").marks.len(), 0);
        let many = "P=stratum+tcp://pool:1\0".repeat(100_000);
        assert_eq!(read(many.as_bytes()).marks.len(), super::NAMED);
    }
}
