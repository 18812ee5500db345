//! One incident: what it holds, what it learns, and what of that is news.
//!
//! Owns [`Incident`] and its bounds. Must not know the other incidents, nor how a notice is worded.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    key::{Identity, Key, Keys},
    news::News,
    tie::Tie,
};
use crate::{
    enrich::{Tables, processes::Process},
    event::{BootTime, Ends, FlowId, Owner, ProcessKey},
    finding::{Claim, Found, Role, Rule, Shares},
    weigh::{SUSPICIOUS, Verdict, weigh},
};

/// Processes, and flows, that one incident follows at a time: hundreds of copies of one miner may run at once.
const FOLLOWED: usize = 512;
/// Keys and ties that one incident is filed under: an executable has up to six keys, and miners that pack
/// themselves anew are each another executable.
pub(super) const FILED: usize = 128;

/// What one rule saw, from either end.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) rule: &'static Rule,
    miner: Option<String>,
    pool: Option<String>,
    /// Processes that a rule was told of which does not alert alone.
    by: BTreeSet<ProcessKey>,
}

impl Evidence {
    /// Whether it was told of this process, as far as that matters.
    fn is_of(&self, key: &ProcessKey) -> bool {
        self.by.is_empty() || self.by.contains(key)
    }

    pub(super) fn text(&self) -> String {
        match (&self.miner, &self.pool) {
            (Some(miner), Some(pool)) => format!("{miner}; as pool: {pool}"),
            (Some(miner), None) => miner.clone(),
            (None, pool) => format!("as pool: {}", pool.as_deref().unwrap_or_default()),
        }
    }
}

/// A process of the incident.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) generation: Option<u32>,
    /// When it ended, or ran another program.
    pub(super) gone: Option<BootTime>,
    /// It is gone because it runs another program, which has no part in this.
    pub(super) replaced: bool,
    /// It belongs here whatever it is made of: a tie brought it.
    tied: bool,
}

/// The process that notices name, as it was known when it last mined.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) key: ProcessKey,
    pub(super) process: Process,
    pub(super) ancestry: Vec<(String, u32)>,
}

/// One incident.
#[derive(Debug)]
pub(super) struct Incident {
    pub(super) id: String,
    pub(super) since: BootTime,
    /// Latest sign of life: evidence, traffic, or the end of a process.
    pub(super) last: BootTime,
    pub(super) place: Option<String>,
    pub(super) content: Option<Identity>,
    pub(super) keys: Vec<Key>,
    pub(super) ties: Vec<Tie>,
    pub(super) role: Role,
    pub(super) evidence: BTreeMap<&'static str, Evidence>,
    pub(super) claim: Claim,
    /// Answered by pools, over all flows.
    pub(super) shares: Shares,
    pub(super) named: Option<Ends>,
    named_weight: u32,
    pub(super) shown: Option<Shown>,
    pub(super) members: BTreeMap<ProcessKey, Member>,
    pub(super) processes: u64,
    pub(super) flows: BTreeSet<FlowId>,
    pub(super) news: News,
    /// It is a self-test's.
    pub(super) self_test: bool,
}

impl Incident {
    pub(super) fn new(id: String, since: BootTime) -> Self {
        Self {
            id,
            since,
            last: since,
            place: None,
            content: None,
            keys: Vec::new(),
            ties: Vec::new(),
            role: Role::Miner,
            evidence: BTreeMap::new(),
            claim: Claim::default(),
            shares: Shares::default(),
            named: None,
            named_weight: 0,
            shown: None,
            members: BTreeMap::new(),
            processes: 0,
            flows: BTreeSet::new(),
            news: News::default(),
            self_test: false,
        }
    }

    /// What alerts alone counts with everything else; what does not adds up within a process only.
    pub(super) fn verdict(&self) -> Verdict {
        let all = || self.evidence.values();
        let whole = weigh(all().map(|evidence| evidence.rule));
        if all().any(|evidence| evidence.rule.weight >= SUSPICIOUS) {
            return whole;
        }
        let processes: BTreeSet<_> = all().flat_map(|evidence| &evidence.by).collect();
        let of = |key| weigh(all().filter(|evidence| evidence.is_of(key)).map(|evidence| evidence.rule));
        processes.into_iter().map(of).max_by_key(|verdict| verdict.score).unwrap_or(whole)
    }

    /// Takes note whose evidence it is: the process's, and that of the parent it was forked from.
    pub(super) fn told_of(&mut self, rule: &Rule, key: ProcessKey, parent: Option<ProcessKey>) {
        let parent = parent.filter(|parent| self.members.contains_key(parent));
        let Some(evidence) = self.evidence.get_mut(rule.name).filter(|_| rule.weight < SUSPICIOUS) else {
            return;
        };
        for key in std::iter::once(key).chain(parent) {
            if evidence.by.insert(key) && evidence.by.len() > FOLLOWED {
                evidence.by.pop_first();
            }
        }
    }

    /// Whether the process `main`, which has these keys, can belong here. An incident that others were merged into
    /// runs more than one program.
    pub(super) fn may_hold(&self, main: Option<ProcessKey>, keys: &Keys) -> bool {
        if self.self_test != keys.self_test {
            return false;
        }
        let member = main.and_then(|key| self.members.get(&key));
        if member.is_some_and(|member| member.tied && !member.replaced) {
            return true;
        }
        let filed = self.keys.iter().map(|key| &key.identity).find(|own| keys.content.as_ref() == Some(*own));
        keys.agrees(self.place.as_ref(), filed.or(self.content.as_ref()))
    }

    /// Takes over what /proc told, where it is not known yet.
    pub(super) fn identify(&mut self, keys: &Keys) {
        self.place = self.place.take().or_else(|| keys.place.clone());
        self.content = self.content.take().or_else(|| keys.content.clone());
    }

    /// Takes in a finding of a miner's side.
    pub(super) fn absorb(&mut self, found: &Found) {
        self.last = self.last.max(found.at);
        let finding = &found.finding;
        self.note(finding.rule, &finding.text, Role::Miner);
        let strongest = finding.rule.weight >= self.named_weight;
        if let Some(ends) = found.ends {
            if strongest {
                self.named = Some(ends);
                self.named_weight = finding.rule.weight;
            }
            self.news.remote(ends.remote);
        }
        self.learn(&finding.claim, strongest);
        self.count(finding.shares);
        if finding.role == Role::Relay {
            self.become_relay();
        }
    }

    /// Takes in what the same process did as a pool: it makes the incident a relay's.
    pub(super) fn absorb_pool_side(&mut self, found: &Found) {
        self.last = self.last.max(found.at);
        self.note(found.finding.rule, &found.finding.text, Role::Pool);
        self.become_relay();
    }

    /// Takes over everything of `younger`, which turned out to be the same.
    pub(super) fn merge(&mut self, younger: Self) {
        if younger.news.told_level().is_some() {
            self.news.learned(format!("merged with incident {}", younger.id));
        }
        self.since = self.since.min(younger.since);
        self.last = self.last.max(younger.last);
        for (name, evidence) in younger.evidence {
            let by = evidence.by.clone();
            let merged = self.evidence.entry(name).or_insert(evidence);
            merged.by.extend(by);
            while merged.by.len() > FOLLOWED {
                merged.by.pop_first();
            }
        }
        let stronger = younger.named_weight > self.named_weight;
        self.learn(&younger.claim, stronger);
        self.count(younger.shares);
        if stronger {
            (self.named, self.named_weight) = (younger.named, younger.named_weight);
        }
        if younger.role == Role::Relay {
            self.become_relay();
        }
        let known = younger.members.keys().filter(|key| self.members.contains_key(key)).count();
        self.processes += younger.processes.saturating_sub(known as u64);
        self.news.processes(self.processes);
        self.shown = younger.shown.or_else(|| self.shown.take());
        for (key, member) in younger.members {
            if self.members.len() < FOLLOWED {
                self.members.entry(key).or_insert(Member { tied: true, ..member });
            }
        }
        for flow in younger.flows {
            self.follow(flow);
        }
    }

    /// Counts a process in; `false` when it cannot be followed for want of room.
    pub(super) fn join(&mut self, owner: Owner, gone: Option<BootTime>) -> bool {
        if let Some(member) = self.members.get_mut(&owner.key) {
            let generation = owner.generation.max(member.generation);
            let same = generation == member.generation;
            let (tied, replaced) = (member.tied && same, member.replaced && same);
            *member = Member { generation, gone, replaced, tied };
            return true;
        }
        self.processes += 1;
        self.news.processes(self.processes);
        let room = self.members.len() < FOLLOWED;
        if room {
            self.members.insert(
                owner.key,
                Member { generation: owner.generation, gone, replaced: false, tied: false },
            );
        }
        room
    }

    /// Forgets members that are gone, those that went first, as far as the newcomers need room.
    pub(super) fn make_room<'a>(
        &mut self,
        newcomers: impl Iterator<Item = &'a ProcessKey>,
    ) -> Vec<ProcessKey> {
        let new = newcomers.filter(|key| !self.members.contains_key(key)).count();
        let over = (self.members.len() + new).saturating_sub(FOLLOWED);
        if over == 0 {
            return Vec::new();
        }
        let gone = self.members.iter().filter_map(|(key, member)| Some((member.gone?, *key)));
        let mut gone: Vec<_> = gone.collect();
        gone.sort_unstable();
        let forgotten: Vec<_> = gone.into_iter().take(over).map(|(_, key)| key).collect();
        self.members.retain(|key, _| !forgotten.contains(key));
        forgotten
    }

    /// A tie that is of use is kept longer.
    pub(super) fn tied_again(&mut self, tie: &Tie) {
        if let Some(index) = self.ties.iter().position(|known| known == tie) {
            let tie = self.ties.remove(index);
            self.ties.push(tie);
        }
    }

    /// Files a tie; gives back one that had to make room for it.
    pub(super) fn tie(&mut self, tie: Tie) -> Option<Tie> {
        let full = self.ties.len() >= FILED;
        // Parents that start one miner each are many, and of no use when they are gone.
        let least_used = self.ties.iter().position(|tie| matches!(tie, Tie::Lineage { .. })).filter(|_| full);
        let dropped = match least_used {
            Some(index) => Some(self.ties.remove(index)),
            None if full => return Some(tie),
            None => None,
        };
        self.ties.push(tie);
        dropped
    }

    /// Follows a flow; `false` for want of room.
    pub(super) fn follow(&mut self, flow: FlowId) -> bool {
        self.flows.contains(&flow) || (self.flows.len() < FOLLOWED && self.flows.insert(flow))
    }

    /// Names this process from now on.
    pub(super) fn show(&mut self, key: ProcessKey, tables: &Tables) {
        if let Some(process) = tables.processes.get(key) {
            let ancestry = tables.processes.ancestry(key);
            self.shown = Some(Shown { key, process: process.clone(), ancestry });
        }
    }

    /// Facts of a process came after a notice named it without them.
    pub(super) fn explain(&mut self, key: ProcessKey, tables: &Tables) {
        let Some(before) = self.shown.take_if(|shown| shown.key == key) else { return };
        self.show(key, tables);
        let shown = self.shown.get_or_insert(before.clone());
        let exe = shown.process.image.exe.clone();
        if let Some(exe) = exe.filter(|exe| before.process.image.exe.as_ref() != Some(exe)) {
            self.news.learned(format!("executable {exe}"));
        }
    }

    /// Whether a process of it still runs what it was found with.
    pub(super) fn is_alive(&self) -> bool {
        self.members.values().any(|member| member.gone.is_none())
    }

    /// Drops flows that are gone and takes note of their traffic; says since when nothing is left.
    pub(super) fn quiet_since(&mut self, now: BootTime, tables: &Tables) -> Option<BootTime> {
        let before = self.flows.len();
        self.flows.retain(|id| tables.flows.get(*id).is_some_and(|flow| flow.closed.is_none()));
        if self.members.is_empty() && before > 0 {
            // Nobody else can say when it ended.
            self.last = self.last.max(now);
        }
        let traffic = self.flows.iter().filter_map(|id| Some(tables.flows.get(*id)?.last_seen)).max();
        let gone = self.members.values().filter_map(|member| member.gone).max();
        self.last = self.last.max(traffic.unwrap_or_default()).max(gone.unwrap_or_default());
        let alive = self.is_alive();
        let unowned = self.members.is_empty() && !self.flows.is_empty();
        (!alive && !unowned).then_some(self.last)
    }

    fn note(&mut self, rule: &'static Rule, text: &str, role: Role) {
        if !self.evidence.contains_key(rule.name) {
            self.news.learned(format!("evidence {}", rule.name));
        }
        let none = Evidence { rule, miner: None, pool: None, by: BTreeSet::new() };
        let evidence = self.evidence.entry(rule.name).or_insert(none);
        let side = if role == Role::Pool { &mut evidence.pool } else { &mut evidence.miner };
        *side = Some(text.to_owned());
    }

    /// `strongest`: the claim is of the conversation that is named.
    fn learn(&mut self, claim: &Claim, strongest: bool) {
        let before = self.claim.clone();
        let other_wallet = matches!((&before.wallet, &claim.wallet), (Some(old), Some(new)) if old != new);
        if !other_wallet {
            // The dialect is the named conversation's; the other fields are of whoever told them first.
            let keeps_dialect = before.dialect.is_some() && !strongest;
            let dialect = claim.dialect.clone().filter(|_| !keeps_dialect);
            self.claim.learn(&Claim { dialect, ..claim.clone() });
        } else if strongest {
            // Fields of two accounts are not mixed.
            self.claim = claim.clone();
        }
        claim.wallet.iter().for_each(|wallet| self.news.wallet(wallet));
        let after = &self.claim;
        let dialect =
            after.dialect.clone().filter(|_| before.dialect.is_some() && before.dialect != after.dialect);
        dialect.into_iter().for_each(|dialect| self.news.learned(format!("dialect {dialect}")));
        let fields = [
            ("worker", &before.worker, &after.worker),
            ("agent", &before.agent, &after.agent),
            ("algorithm", &before.algorithm, &after.algorithm),
            ("coin", &before.coin, &after.coin),
            ("pool", &before.pool, &after.pool),
        ];
        let learned = fields.into_iter().filter(|(_, before, _)| before.is_none());
        let news: Vec<_> =
            learned.filter_map(|(name, _, after)| Some(format!("{name} {}", after.as_ref()?))).collect();
        news.into_iter().for_each(|news| self.news.learned(news));
    }

    fn count(&mut self, shares: Shares) {
        self.shares.add(shares);
        self.news.shares(self.shares);
    }

    fn become_relay(&mut self) {
        if self.role != Role::Relay {
            self.role = Role::Relay;
            self.news.urgent("it is a relay: miners connect to it".to_owned());
        }
    }
}
