//! The table of the hosts that run, with the memory that each takes.
use std::{fs, time::Duration};

use anyhow::Result;
use rustix::process::Pid;

use super::seconds;
use crate::testbed::{fleet::Fleet, guest::Guest, lab};

/// Prints it, and how to get in. `boot`: how long it took until all said `running`.
pub(super) fn print(fleet: &Fleet, guests: &[Guest], boot: Option<Duration>) -> Result<()> {
    println!("{:<5} {:<12} {:>8} {:>10} {:>10}", "host", "address", "pid", "processes", "memory");
    let mut total = 0;
    for guest in guests {
        let processes = guest.processes();
        let memory: u64 = processes.iter().map(|pid| resident(*pid)).sum();
        total += memory;
        let pid = guest.pid().map_or_else(|| "-".to_owned(), |pid| pid.as_raw_nonzero().to_string());
        let address = lab::address(guest.number).to_string();
        let memory = format!("{} MB", memory / 1024);
        println!("{:<5} {address:<12} {pid:>8} {:>10} {memory:>10}", guest.name(), processes.len());
    }
    let took = boot.map(|boot| format!(", all running after {}", seconds(boot))).unwrap_or_default();
    println!("{} hosts, {} MB{took}", guests.len(), total / 1024);
    if !guests.is_empty() {
        println!("ssh -F {} h1", fleet.ssh().config().display());
    }
    Ok(())
}

/// The share of a process in the memory that its pages take (PSS), in KiB; 0 when it has ended.
fn resident(pid: Pid) -> u64 {
    let path = format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero());
    pss(&fs::read_to_string(path).unwrap_or_default()).unwrap_or(0)
}

fn pss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_from_the_kernels_table() {
        assert_eq!(
            pss("00400000-7ffd ---p [rollup]\nRss:  900 kB\nPss:     123 kB\nPss_Dirty: 1 kB\n"),
            Some(123)
        );
        assert_eq!(pss(""), None);
        assert_eq!(pss("Pss: many kB\n"), None);
        let own = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(resident(own) > 100);
    }
}
