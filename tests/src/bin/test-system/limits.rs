//! Too little memory ends the agent, the journal says so, and it comes back when there is enough again.
use anyhow::{Context as _, Result, ensure};
use minewarden_tests::wait;

use super::{
    checks::Checks,
    shell::{CHANGE, UNIT, active, cursor, main_pid, property, run, said_since},
};

/// Less than the agent takes at rest.
const LITTLE: &str = "MemoryMax=6M";

pub(crate) fn checks(checks: &mut Checks) {
    checks.check("its memory is accounted and limited", || {
        let (current, max) = (property("MemoryCurrent")?, property("MemoryMax")?);
        let bytes: u64 = current.parse().with_context(|| format!("MemoryCurrent={current}"))?;
        let most: u64 = max.parse().with_context(|| format!("MemoryMax={max}"))?;
        Ok(format!("{} MiB of {} MiB", bytes >> 20, most >> 20))
    });
    checks.check("out of memory it is killed, said, and started again", starved);
}

fn starved() -> Result<String> {
    let before = main_pid().context("the service does not run")?;
    let cursor = cursor()?;
    run(&["systemctl", "set-property", "--runtime", UNIT, LITTLE, "MemoryHigh=infinity"])?;
    let killed = said_since(&cursor, &["oom-kill"]);
    // A limit that is left would starve every check that follows.
    run(&["systemctl", "revert", UNIT])?;
    let line = killed?;
    let restarts = wait::until("a restart", CHANGE, || {
        property("NRestarts").ok()?.parse::<u32>().ok().filter(|count| *count > 0)
    })?;
    let after = active(Some(before))?;
    let max = property("MemoryMax")?;
    ensure!(max != "6291456", "the limit is still there: {max}");
    Ok(format!("pid {before}, then {after}, {restarts} restarts: {line}"))
}
