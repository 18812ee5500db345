//! Whether what was found is the agent's own self-test.
//!
//! Owns the conditions, all of which must hold: whoever meets one but not the others is a miner like any other. The
//! wallet and the nonce are anybody's to say; so the program must be the agent's own executable (by device, inode and
//! digest, see `worker/own.rs`), run by root, and hold both ends of the conversation, over loopback, with nobody else
//! at either. Must not know how an incident is kept.
use crate::{
    enrich::Tables,
    event::{Ends, Owner},
    finding::{Found, Role, Subject},
    selftest,
};

/// The nonce of the self-test that this was found in.
pub(super) fn nonce(found: &Found, tables: &Tables) -> Option<String> {
    let ends = found.ends.filter(|_| matches!(found.finding.subject, Subject::Flow(_)))?;
    let finding = &found.finding;
    let says = selftest::says(&finding.claim) && finding.role == Role::Miner;
    let alone = found.owners.iter().all(|owner| speaks_with_itself(owner, ends, tables));
    finding.claim.worker.clone().filter(|_| says && alone && !found.owners.is_empty())
}

fn speaks_with_itself(owner: &Owner, ends: Ends, tables: &Tables) -> bool {
    let Some(process) = tables.processes.get(owner.key) else { return false };
    let other = Ends { local: ends.remote, remote: ends.local };
    let task_is_root = process.task.as_ref().is_none_or(|task| (task.uid, task.euid) == (0, 0));
    let over_loopback = ends.local.ip().is_loopback() && ends.remote.ip().is_loopback();
    let held = &process.image.with_itself;
    process.who.uid == Some(0)
        && task_is_root
        && over_loopback
        && held.contains(&ends)
        && held.contains(&other)
}
