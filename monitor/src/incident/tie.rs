//! What makes two programs at one place the same incident.
//!
//! Owns [`Tie`]: miners that pack themselves anew at every start have another digest each time, so an incident is also
//! filed under whom it pays, and under who started it to be found the same way. Must not know notices, or when
//! incidents are merged.
use std::collections::BTreeSet;

use super::{
    key::{Keys, UNKNOWN_PLACE},
    one::Incident,
};
use crate::{
    enrich::{Tables, processes::Process},
    event::ProcessKey,
    finding::Found,
    weigh::SUSPICIOUS,
};

/// How far up a common ancestor is looked for: a loop in a script, and the subshell that it may start each time.
const GENERATIONS: usize = 2;
/// What stands for a script when the code is an argument: other code is another program.
const CODE_ARGUMENT: &str = "-c";

/// A link between programs at one place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tie {
    /// Who is paid, and through whom.
    Payee {
        /// Place.
        place: String,
        /// Wallet.
        wallet: String,
        /// Remote, or pool as it is named.
        pool: String,
    },
    /// Who started it, for whom, and what it was found at.
    Lineage {
        /// Place.
        place: String,
        /// Parent or grandparent.
        ancestor: ProcessKey,
        /// Real user id and who logged in: two people's miners are never one incident.
        people: (Option<u32>, Option<u32>),
        /// Path of the script, for interpreters: two scripts are two programs.
        script: Option<String>,
        /// Rule.
        rule: &'static str,
        /// Remote or pool; what the rule saw where there is neither.
        sight: String,
    },
}

/// Every tie of an incident that one finding tells, the surest first.
pub(super) fn ties(
    incident: &Incident,
    keys: &Keys,
    found: &Found,
    main: Option<ProcessKey>,
    tables: &Tables,
) -> Vec<Tie> {
    // Many programs inherit one variable, or reach a listed address: what alerts alone ties, nothing less does.
    if found.finding.rule.weight < SUSPICIOUS {
        return Vec::new();
    }
    // An incident may be filed under no key of its own: they may be another's.
    let places: BTreeSet<_> = incident.keys.iter().map(|key| &key.place).chain(&keys.places).collect();
    let places: Vec<_> = places.into_iter().filter(|place| *place != UNKNOWN_PLACE).collect();
    let remote = found.ends.map(|ends| ends.remote.to_string());
    let pools: Vec<_> = remote.into_iter().chain(found.finding.claim.pool.clone()).collect();
    let mut ties = Vec::new();
    if let Some(wallet) = found.finding.claim.wallet.as_ref().or(incident.claim.wallet.as_ref()) {
        let payee = |place: &String, pool: &String| Tie::Payee {
            place: place.clone(),
            wallet: wallet.clone(),
            pool: pool.clone(),
        };
        ties.extend(places.iter().flat_map(|place| pools.iter().map(|pool| payee(place, pool))));
    }
    let process = main.and_then(|key| tables.processes.get(key));
    let sight = pools.first().unwrap_or(&found.finding.text);
    ties.extend(process.map(|process| lineages(process, &places, found, sight, tables)).unwrap_or_default());
    ties
}

fn lineages(process: &Process, places: &[&String], found: &Found, sight: &str, tables: &Tables) -> Vec<Tie> {
    let (image, who) = (&process.image, &process.who);
    // Code without a path of its own, or of which nobody told where it lies, is known by its digest alone.
    let told = image.script.as_deref() != Some(CODE_ARGUMENT);
    if !told || (image.script.is_none() && image.script_sha256.is_some()) || who.uid.is_none() {
        return Vec::new();
    }
    let parent = |process: &Process| process.task.as_ref().map(|task| task.parent);
    let ancestors = std::iter::successors(parent(process), |key| parent(tables.processes.get(*key)?))
        // What init takes in has nothing in common.
        .take_while(|key| key.tgid > 1)
        .take(GENERATIONS);
    let tie = |ancestor: ProcessKey, place: &String| Tie::Lineage {
        place: place.clone(),
        ancestor,
        people: (who.uid, who.loginuid),
        script: image.script.clone(),
        rule: found.finding.rule.name,
        sight: sight.to_owned(),
    };
    ancestors.flat_map(|ancestor| places.iter().map(move |place| tie(ancestor, place))).collect()
}
