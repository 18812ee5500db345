//! Events in any order, from few processes and flows: what must hold whatever happens.
use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// xorshift64: the same seed gives the same events.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn owner(&mut self) -> Owner {
        let (pid, generation) = (100 + self.below(12), self.below(4));
        let mut owner = owner(u32::try_from(pid).unwrap(), u32::try_from(generation).unwrap());
        if self.below(8) == 0 {
            owner.generation = None;
        }
        if self.below(8) == 0 {
            owner.pid = 0;
        }
        owner
    }

    fn facts(&mut self) -> ProcFacts {
        const NAMES: [&str; 3] = ["miner", "renamed", "python3"];
        let name = NAMES[usize::try_from(self.below(3)).unwrap()];
        let unit = if self.below(2) == 0 { "a.service" } else { "b.service" };
        let mut facts = proc_facts(name, unit, &format!("digest of {name}"));
        if self.below(3) == 0 {
            facts.script_sha256 = Some(format!("script {}", self.below(2)));
        }
        facts
    }

    fn text(&mut self) -> &'static str {
        const TEXTS: [&str; 10] = [
            "client wallet=4AAA worker=rig",
            "client wallet=4BBB agent=x",
            "client",
            "session wallet=4AAA",
            "session",
            "server",
            "share",
            "pool-session wallet=4AAA",
            "pool-client",
            "nothing",
        ];
        TEXTS[usize::try_from(self.below(10)).unwrap()]
    }

    fn event(&mut self, seconds: u64) -> Event {
        let (flow, owner) = (self.below(24), self.owner());
        match self.below(14) {
            0 => exec(seconds, owner, &["miner", "-o", "stratum+tcp://pool:3333"]),
            1 => exec(seconds, owner, &["python3"]),
            2 => fork(seconds, owner, 100 + u32::try_from(self.below(12)).unwrap(), "miner"),
            3 => exit(seconds, owner),
            4 => connect(seconds, flow, owner),
            5 => close(seconds, flow),
            6 => holders(seconds, flow, &[]),
            7 => holders(seconds, flow, &[owner, self.owner()]),
            8 => facts(seconds, owner, self.facts()),
            9 => no_facts(seconds, owner),
            10 => says(seconds, flow, None, self.text()),
            11 | 12 => says(seconds, flow, Some(owner), self.text()),
            _ => tick(seconds),
        }
    }
}

fn events(seed: u64) -> Vec<Event> {
    let mut dice = Dice(seed);
    let mut seconds = 0;
    (0..3_000)
        .map(|_| {
            // Now and then all is quiet for long enough that incidents end.
            seconds += if dice.below(200) == 0 { 90 } else { dice.below(2) };
            dice.event(seconds)
        })
        .collect()
}

fn check(run: &Run) {
    assert!(run.pipeline.incidents.is_consistent());
    let mut ids = BTreeSet::new();
    let mut levels: BTreeMap<String, Level> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for notice in &run.notices {
        assert!(ids.insert(notice.id.clone()), "{} twice", notice.id);
        let Some(view) = notice.incident.as_deref() else { continue };
        assert!(!ended.contains(&view.id), "{:?} after its end: {}", notice.kind, notice.message);
        let before = levels.insert(view.id.clone(), view.level);
        match notice.kind {
            Kind::IncidentOpened => assert_eq!(before, None, "{}", notice.message),
            Kind::IncidentRaised => assert!(before < Some(view.level), "{}", notice.message),
            Kind::IncidentUpdated => {
                assert_eq!(before, Some(view.level), "{}", notice.message);
                assert!(!notice.message.contains("new: ;"), "{}", notice.message);
            }
            Kind::IncidentEnded => {
                assert!(before.is_some());
                ended.insert(view.id.clone());
            }
            other => panic!("{other:?} with an incident"),
        }
        let sum = weigh(view.evidence.iter().map(|(rule, _)| *rule));
        assert_eq!((sum.level, sum.score), (view.level, view.score), "a reader can redo the sum");
    }
    assert!(!ended.is_empty() && ended.len() < levels.len(), "{} of {} ended", ended.len(), levels.len());
}

#[test]
fn whatever_happens_each_incident_is_opened_once_rises_and_ends_once() {
    for seed in 1..=15 {
        let events = events(seed);
        let run = Run::of(&events);
        check(&run);
        assert_eq!(run.notices, Run::of(&events).notices, "seed {seed} does not repeat");
    }
}

#[test]
fn whatever_happens_questions_are_few_and_tiny_tables_hold() {
    for seed in 1..=5 {
        let settings = Settings { processes: 3, flows: 3, incidents: 2, ..Settings::default() };
        let mut run = Run::new(settings);
        run.feed(&events(seed));
        run.finish(100_000);
        let open: BTreeSet<_> = run.ids().into_iter().collect();
        assert!(open.len() < 1_000);
        assert!(run.requests.len() < 3_000, "{}", run.requests.len());
        assert!(run.pipeline.incidents.is_consistent());
    }
}
