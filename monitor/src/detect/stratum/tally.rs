//! What was told of one conversation, and what was counted since.
//!
//! Owns the shares and when they are told: with any news, when their number has doubled, and at the end. So a
//! conversation of years is told of a few dozen times. Must not know messages.
use crate::detect::{Claim, Rule, Shares};

/// Of one conversation.
#[derive(Debug, Default)]
pub(super) struct Tally {
    shares: Shares,
    /// What the last finding said; `None` before the first.
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    rule: &'static Rule,
    claim: Claim,
    shares: Shares,
}

/// What a finding adds to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addition {
    /// Shares answered since.
    pub(super) shares: Shares,
    /// There is nothing else to it but a difficulty.
    pub(super) repeats: bool,
}

impl Tally {
    /// A share was answered.
    pub(super) const fn count(&mut self, accepted: bool) {
        self.shares.count(accepted);
    }

    /// Nothing was told yet.
    pub(super) const fn is_silent(&self) -> bool {
        self.told.is_none()
    }

    /// What a finding of `rule` and `claim` would add, if it is worth telling; it counts as told then. `last`: nothing
    /// more will come.
    pub(super) fn tell(&mut self, rule: &'static Rule, claim: &Claim, last: bool) -> Option<Addition> {
        let told = self.told.as_ref();
        let news = told.is_none_or(|told| told.rule != rule || !told.claim.agrees(claim));
        let counts = told.is_some_and(|told| told.is_outdated(claim, self.shares, last));
        if !news && !counts {
            return None;
        }
        let before = told.map(|told| told.shares).unwrap_or_default();
        self.told = Some(Told { rule, claim: claim.clone(), shares: self.shares });
        Some(Addition { shares: self.shares.since(before), repeats: !news })
    }
}

impl Told {
    /// Whether there are twice as many shares as told, or anything else to count at the end.
    fn is_outdated(&self, claim: &Claim, shares: Shares, last: bool) -> bool {
        let (known, now) = (self.shares.total(), shares.total());
        let doubled = now > known && now >= known.saturating_mul(2);
        doubled || (last && (now > known || self.claim.difficulty != claim.difficulty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{STRATUM_SESSION, STRATUM_SHARE};

    fn claim(worker: &str, difficulty: u32) -> Claim {
        let (worker, difficulty) = (Some(worker.to_owned()), Some(difficulty.to_string()));
        Claim { worker, difficulty, ..Claim::default() }
    }

    #[test]
    fn a_rule_and_a_claim_are_told_once() {
        let mut tally = Tally::default();
        assert!(tally.is_silent());
        let news = Some(Addition { shares: Shares::default(), repeats: false });
        assert_eq!(tally.tell(&STRATUM_SESSION, &claim("a", 1), false), news);
        assert!(!tally.is_silent());
        assert_eq!(tally.tell(&STRATUM_SESSION, &claim("a", 2), false), None, "a difficulty is no news");
        assert_eq!(tally.tell(&STRATUM_SESSION, &claim("b", 2), false), news);
        assert_eq!(tally.tell(&STRATUM_SHARE, &claim("b", 2), false), news);
        assert_eq!(tally.tell(&STRATUM_SHARE, &claim("b", 2), true), None);
        let last = Some(Addition { shares: Shares::default(), repeats: true });
        assert_eq!(tally.tell(&STRATUM_SHARE, &claim("b", 3), true), last);
    }

    #[test]
    fn additions_sum_up_to_what_was_counted() {
        let mut tally = Tally::default();
        let mut sum = Shares::default();
        let mut told = 0;
        for share in 0..10_000 {
            tally.count(share % 10 > 0);
            if let Some(addition) = tally.tell(&STRATUM_SESSION, &claim("a", share), false) {
                sum.add(addition.shares);
                told += 1;
            }
        }
        sum.add(tally.tell(&STRATUM_SESSION, &claim("a", 0), true).unwrap().shares);
        assert_eq!((told, sum), (14, Shares { accepted: 9_000, rejected: 1_000 }));
    }

    #[test]
    fn counts_stop_at_their_end() {
        let most = Shares { accepted: u64::MAX, rejected: u64::MAX };
        let mut shares = most;
        shares.count(true);
        shares.count(false);
        shares.add(most);
        assert_eq!((shares, shares.total()), (most, u64::MAX));
        assert_eq!(Shares::default().since(most), Shares::default());
    }
}
