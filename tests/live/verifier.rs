//! How far the kernel programs are from what the verifier allows. Newer kernels need fewer steps for the same
//! program than older ones, so a program that comes near the limit here is refused there.
use std::{fs, path::PathBuf};

use anyhow::{Result, ensure};
use minewarden_tests::{agent::Agent, process::Signal};

use crate::{Test, lab::Lab};

/// Instructions that the verifier may walk through for one program: a quarter of the million at which it gives up
/// (`BPF_COMPLEXITY_LIMIT_INSNS`). Linux 6.1 takes the most, 178,000 for `exec`; 6.12 and later less than 100,000.
const STEPS: u64 = 250_000;
/// Programs that the agent cannot do without: exec, exit, egress, ingress.
const REQUIRED: usize = 4;

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("verifier::programs_are_easily_verified", programs_are_easily_verified).bare()]
}

fn programs_are_easily_verified(_: &Lab) -> Result<()> {
    let agent = Agent::start(&[])?;
    let programs = programs(agent.pid())?;
    ensure!(programs.len() >= REQUIRED, "the agent holds {} programs", programs.len());
    for (id, steps) in &programs {
        // The kernel tells it since 5.16.
        let Some(steps) = steps else { continue };
        ensure!(
            *steps <= STEPS,
            "program {id} took the verifier {steps} instructions, of {STEPS}: {programs:?}"
        );
    }
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

/// Id, and instructions that the verifier walked through, of each program that a process holds.
fn programs(pid: u32) -> Result<Vec<(u64, Option<u64>)>> {
    let mut programs = Vec::new();
    for entry in fs::read_dir(PathBuf::from(format!("/proc/{pid}/fdinfo")))? {
        // A descriptor may be closed meanwhile.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        let number = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok());
        if let (Some(id), Some(_)) = (number("prog_id:"), number("prog_jited:")) {
            programs.push((id, number("verified_insns:")));
        }
    }
    Ok(programs)
}
