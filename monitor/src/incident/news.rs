//! What was told of an incident, and what was learned since.
//!
//! Owns which news waits for how long, and the bounds that keep a hostile process from making noise. Must not
//! know where news comes from.
use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use crate::{event::BootTime, finding::Shares, notice::Level};

/// Remotes, and wallets, that are news; more of them are not told.
const TOLD: usize = 16;
/// Wallets that are told at once.
const TOLD_AT_ONCE: usize = 8;
/// Pieces of news kept for one notice.
const KEPT: usize = 8;
/// Between two notices that say only what was learned.
const UPDATE_EVERY: Duration = Duration::from_secs(10);
/// What an item that counts shares begins with; there is one at a time, with the newest count.
const SHARES: &str = "shares: ";

/// The state of telling.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Level of the latest notice; `None` before the first.
    level: Option<Level>,
    at: BootTime,
    processes: u64,
    shares: u64,
    notices: u64,
    items: Vec<String>,
    urgent: bool,
    wallets: BTreeSet<String>,
    remotes: BTreeSet<SocketAddr>,
}

impl News {
    /// Level of the latest notice; `None` before the first.
    pub(super) fn told_level(&self) -> Option<Level> {
        self.level
    }

    /// What was learned since the latest notice.
    pub(super) fn items(&self) -> &[String] {
        &self.items
    }

    /// Whether some of it does not wait.
    pub(super) fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Whether some of it may be told now.
    pub(super) fn is_due(&self, now: BootTime) -> bool {
        self.urgent || (!self.items.is_empty() && now.since(self.at) >= UPDATE_EVERY)
    }

    /// Something that waits.
    pub(super) fn learned(&mut self, item: String) {
        if self.level.is_some() && self.items.len() < KEPT && !self.items.contains(&item) {
            self.items.push(item);
        }
    }

    /// Something that does not wait.
    pub(super) fn urgent(&mut self, item: String) {
        self.urgent |= self.level.is_some();
        self.learned(item);
    }

    /// A wallet: XMRig mines a minute for its authors every 100, so one is news only the first time.
    pub(super) fn wallet(&mut self, wallet: &str) {
        if self.wallets.len() < TOLD && self.wallets.insert(wallet.to_owned()) {
            let item = format!("wallet {wallet}");
            if self.wallets.len() <= TOLD_AT_ONCE { self.urgent(item) } else { self.learned(item) }
        }
    }

    /// A remote.
    pub(super) fn remote(&mut self, remote: SocketAddr) {
        if self.remotes.len() < TOLD && self.remotes.insert(remote) {
            self.learned(format!("remote {remote}"));
        }
    }

    /// The number of processes: told when it has doubled, since a miner may be restarted for days.
    pub(super) fn processes(&mut self, processes: u64) {
        if processes >= self.processes.saturating_mul(2) {
            self.processes = processes;
            self.learned("more processes".to_owned());
        }
    }

    /// Shares over all conversations: told when their number has doubled, since they never end.
    pub(super) fn shares(&mut self, shares: Shares) {
        let total = shares.total();
        let doubled = total > self.shares && total >= self.shares.saturating_mul(2);
        let waits = self.items.iter().any(|item| item.starts_with(SHARES));
        if doubled {
            self.shares = total;
        }
        if doubled || waits {
            self.items.retain(|item| !item.starts_with(SHARES));
            self.learned(format!("{SHARES}{} accepted, {} rejected", shares.accepted, shares.rejected));
        }
    }

    /// A notice is written, which tells everything known; returns its number.
    pub(super) fn told(&mut self, now: BootTime, level: Level) -> u64 {
        self.level = Some(level);
        self.at = now;
        self.items.clear();
        self.urgent = false;
        self.notices += 1;
        self.notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::time;

    fn announced() -> News {
        let mut news = News::default();
        news.told(time(100), Level::Likely);
        news
    }

    #[test]
    fn nothing_is_news_before_the_first_notice() {
        let mut news = News::default();
        news.urgent("x".to_owned());
        news.wallet("w");
        assert!(!news.is_due(time(1_000)) && news.items().is_empty());
        news.told(time(1_000), Level::Likely);
        news.wallet("w");
        assert!(news.items().is_empty(), "the first notice told it");
    }

    #[test]
    fn what_waits_waits_ten_seconds_and_what_does_not_is_due_at_once() {
        let mut news = announced();
        news.learned("x".to_owned());
        assert!(!news.is_due(time(109)) && news.is_due(time(110)));
        news.urgent("y".to_owned());
        assert!(news.is_due(time(101)));
        assert_eq!(news.told(time(101), Level::Likely), 2);
        assert!(!news.is_due(time(1_000)));
    }

    #[test]
    fn wallets_stop_being_urgent_and_then_stop_being_news() {
        let mut news = announced();
        let mut urgent = 0;
        let mut told = 0;
        for n in 0..100 {
            news.wallet(&format!("wallet{n}"));
            urgent += u32::from(news.is_urgent());
            told += news.items().len();
            news.told(time(101), Level::Likely);
        }
        assert_eq!((urgent, told), (8, 16));
    }

    #[test]
    fn shares_are_news_when_they_have_doubled_and_then_as_they_are() {
        let mut news = announced();
        let mut told = Vec::new();
        for accepted in 1..=100 {
            news.shares(Shares { accepted, rejected: 1 });
            assert!(news.items().len() <= 1 && !news.is_urgent());
            // What is told every tenth time is the number of that time.
            if accepted % 10 == 0 && !news.items().is_empty() {
                told.extend(news.items().iter().cloned());
                news.told(time(101), Level::Likely);
            }
        }
        let counts = [10, 20, 40, 70];
        assert_eq!(told, counts.map(|count| format!("shares: {count} accepted, 1 rejected")));
    }

    #[test]
    fn remotes_items_and_processes_are_bounded() {
        let mut news = announced();
        for port in 1..=100 {
            news.remote(SocketAddr::from(([10, 0, 0, 1], port)));
        }
        assert_eq!((news.items().len(), news.remotes.len()), (KEPT, TOLD));
        news.told(time(101), Level::Likely);
        let mut counts = Vec::new();
        for n in 1..=100 {
            news.processes(n);
            counts.extend((!news.items().is_empty()).then_some(n));
            news.told(time(101), Level::Likely);
        }
        assert_eq!(counts, [1, 2, 4, 8, 16, 32, 64]);
    }
}
