//! Batch jobs in cgroup paths.
//!
//! Owns how workload managers name a job's cgroup. Must not know hierarchies.

/// Longest id that is taken for one.
const ID: usize = 128;

/// The job of a path, with its system: `slurm:123.0`, `pbs:12345.server`, `torque:24.server`, `htcondor:slot1_2@host`.
pub(super) fn job(parts: &[&str]) -> Option<String> {
    slurm(parts).or_else(|| pbs(parts)).or_else(|| torque(parts)).or_else(|| condor(parts))
}

/// `/slurm/uid_1000/job_123/step_0/task_0` and `/slurm_NODE/uid_...` (cgroup/v1),
/// `/system.slice/slurmstepd.scope/job_123/step_0/user/task_0` and `NODE_slurmstepd.scope` (cgroup/v2):
/// slurm.schedmd.com/cgroups.html and cgroup_v2.html. Written as `sacct` does: `123.0`, `123.batch`.
fn slurm(parts: &[&str]) -> Option<String> {
    let at = parts.iter().position(|part| part.starts_with("job_"))?;
    let above = |up: usize| at.checked_sub(up).and_then(|at| parts.get(at)).copied().unwrap_or_default();
    let second = above(1) == "slurmstepd.scope" || above(1).ends_with("_slurmstepd.scope");
    let first = above(1).starts_with("uid_") && (above(2) == "slurm" || above(2).starts_with("slurm_"));
    let id = parts.get(at)?.strip_prefix("job_").filter(|id| digits(id) && (first || second))?;
    let step = parts.get(at + 1).and_then(|part| part.strip_prefix("step_")).filter(|step| fits(step));
    Some(step.map_or_else(|| format!("slurm:{id}"), |step| format!("slurm:{id}.{step}")))
}

/// `/pbs_jobs.service/jobid/ID` (v1), `/pbs_jobs.service/jobs/ID` (v2), `/pbspro.service/jobid/ID` of older ones:
/// the `cgroup_prefix` of openpbs' pbs_cgroups hook. An array's member is `123[4].server`.
fn pbs(parts: &[&str]) -> Option<String> {
    let under = |word: &[&str]| match word {
        [service, folder, id] => {
            let prefix = matches!(*service, "pbs_jobs.service" | "pbspro.service" | "pbs.service");
            (prefix && matches!(*folder, "jobid" | "jobs") && fits(id)).then(|| format!("pbs:{id}"))
        }
        _ => None,
    };
    parts.windows(3).find_map(under)
}

/// `/torque/24.server`.
fn torque(parts: &[&str]) -> Option<String> {
    match parts {
        ["torque", id, ..] if fits(id) => Some(format!("torque:{id}")),
        _ => None,
    }
}

/// `/htcondor/condor_var_lib_condor_execute_slot1_2@host`: HTCondor's path names the slot, not the job.
fn condor(parts: &[&str]) -> Option<String> {
    let slot = |part: &&str| {
        let at = part.starts_with("condor_").then(|| part.rfind("_slot"))??;
        let slot = part.get(at + 1..).filter(|slot| fits(slot))?;
        Some(format!("htcondor:{slot}"))
    };
    parts.iter().rev().find_map(slot)
}

fn digits(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn fits(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-[]@+".contains(&byte);
    (1..=ID).contains(&id.len()) && id.bytes().all(fits)
}
