//! Wallets in arguments, values and variables.
//!
//! Owns how an account option's value becomes wallet, worker and coin. Must not know options or files. A password behind
//! a colon is dropped before anything is looked at.
use crate::{
    detect::{Claim, is_account, stratum::account, wallet},
    redact::MASK,
};

/// Longest value looked at: an address of 128 characters, a worker, an e-mail address.
const LONGEST: usize = 256;

/// An address whose checksum holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wallet {
    /// As it was written, without a worker.
    pub(super) address: String,
    /// What stands behind it.
    pub(super) worker: Option<String>,
    /// Whose form the address has.
    pub(super) coin: &'static str,
    /// A form that programs of every kind write with its checksum.
    pub(super) widespread: bool,
}

impl Wallet {
    /// Reads `wallet`, `XMR:wallet`, `wallet.worker`, `wallet+difficulty.worker`, `wallet/worker/mail`, each also with
    /// `:password`. `None` without a checksum that holds.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (address, worker) = split(value)?;
        let coin = wallet::coin(&address)?.name();
        Some(Self { address, worker, coin, widespread: coin == "ethereum" })
    }

    /// The same as a claim.
    pub(super) fn claim(&self, claim: &mut Claim) {
        claim.wallet = claim.wallet.take().or_else(|| Some(self.address.clone()));
        claim.worker = claim.worker.take().or_else(|| self.worker.clone());
        claim.infer_coin(self.coin);
    }
}

/// The account of `user[.worker][:password]` as far as it may be shown: a name without a colon, or an address.
pub(super) fn shown(value: &str) -> Option<(String, Option<String>)> {
    let (name, worker) = split(value)?;
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-+@".contains(c));
    let named = is_account(&name) && (plain(&name) || wallet::coin(&name).is_some());
    named.then(|| (name, worker.filter(|worker| plain(worker))))
}

fn split(value: &str) -> Option<(String, Option<String>)> {
    let value = value.trim();
    if value.is_empty() || value.len() > LONGEST || value.contains(char::is_control) {
        return None;
    }
    let mut claim = Claim::default();
    account::split(without_password(value), &mut claim);
    Some((claim.wallet?, claim.worker))
}

/// Takes `:password` off; a coin's prefix before a colon is none.
pub(super) fn without_password(value: &str) -> &str {
    let Some((before, after)) = value.rsplit_once(':') else { return value };
    let address = before.split(['.', '+', '/']).next().unwrap_or_default();
    if after == MASK || wallet::coin(address).is_some() {
        return before;
    }
    let behind = after.split(['.', '+', '/']).next().unwrap_or_default();
    match wallet::coin(behind) {
        Some(_) => value,
        None if wallet::coin(value.split(['.', '+', '/']).next().unwrap_or_default()).is_some() => value,
        None => value.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XMRig's donation address.
    const XMR: &str =
        "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
    const KASPA: &str = "kaspa:qzk3uh2twkhu0fmuq50mdy3r2yzuwqvstq745hxs7tet25hfd4egcafcdmpdl";

    fn parse(value: &str) -> Option<(String, Option<String>)> {
        Wallet::parse(value).map(|wallet| (wallet.address, wallet.worker))
    }

    #[test]
    fn every_convention_is_read_and_no_password() {
        for (value, address, worker) in [
            (XMR.to_owned(), XMR.to_owned(), None),
            (format!("XMR:{XMR}"), format!("XMR:{XMR}"), None),
            (format!("{XMR}.rig"), XMR.to_owned(), Some("rig")),
            (format!("{XMR}+5000.rig"), XMR.to_owned(), Some("rig")),
            (format!("{XMR}.rig:***"), XMR.to_owned(), Some("rig")),
            (format!("{XMR}:s3cret"), XMR.to_owned(), None),
            (format!("{XMR}.rig:s3cret"), XMR.to_owned(), Some("rig")),
            (KASPA.to_owned(), KASPA.to_owned(), None),
            (format!("{KASPA}.rig"), KASPA.to_owned(), Some("rig")),
            (format!("{KASPA}.rig:s3cret"), KASPA.to_owned(), Some("rig")),
        ] {
            assert_eq!(parse(&value), Some((address, worker.map(str::to_owned))), "{value}");
        }
        let long = "4".repeat(10_000);
        for none in ["", "alice", "***", "alice:***", "x", &XMR[1..], &long, "a\nb"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn an_account_is_shown_without_its_password() {
        let shown = |value: &str| shown(value).map(|(name, _)| name);
        assert_eq!(shown("alice.rig:s3cret").as_deref(), Some("alice"));
        assert_eq!(shown("me@example.org").as_deref(), Some("me@example.org"));
        assert_eq!(shown(&format!("{KASPA}:x")).as_deref(), Some(KASPA));
        assert_eq!((shown("x"), shown("${POOL_USER}"), shown("a b c")), (None, None, None));
    }
}
