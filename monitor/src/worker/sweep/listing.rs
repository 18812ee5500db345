//! Which processes there are, parents before their children.
//!
//! Owns the first look: one line of /proc/PID/stat each. Must not know what else is read of a process.
use std::{cmp::Reverse, collections::HashMap};

use procfs_core::{FromRead as _, process::Stat};

use crate::{
    event::{ProcessKey, Ticks},
    worker::{
        procfs::{Identity, Numbers, ProcFs},
        tty,
    },
};

/// `PF_KTHREAD` in include/linux/sched.h.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// A process as its line of /proc/PID/stat has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) key: ProcessKey,
    /// Its id in the agent's PID namespace.
    pub(super) pid: u32,
    /// The parent's pid there; 0 when none is visible.
    pub(super) parent_pid: u32,
    /// Its real parent, where that was listed too.
    pub(super) parent: ProcessKey,
    pub(super) comm: String,
    /// Controlling terminal.
    pub(super) tty: Option<String>,
}

/// At most `most` of these, the youngest where there are more; and how many were left out.
pub(super) fn list(procfs: &dyn ProcFs, pids: Vec<Numbers>, most: usize) -> (Vec<Listed>, u64) {
    let mut all: Vec<_> = pids.into_iter().filter_map(|numbers| look(procfs, numbers)).collect();
    all.sort_by_key(|process| Reverse((process.key.start, process.key.tgid)));
    let over = all.len().saturating_sub(most);
    all.truncate(most);
    all.reverse();
    let keys: HashMap<u32, ProcessKey> = all.iter().map(|process| (process.pid, process.key)).collect();
    for process in &mut all {
        let parent = keys.get(&process.parent_pid).filter(|parent| parent.start <= process.key.start);
        if let Some(&parent) = parent {
            process.parent = parent;
        }
    }
    (parents_first(all), over as u64)
}

/// `None` for what is gone, also where another has its pid by now, for what has ended and waits to be reaped, and for
/// the kernel's own.
fn look(procfs: &dyn ProcFs, Numbers { pid, tgid, start }: Numbers) -> Option<Listed> {
    let line = procfs.open(pid).and_then(|process| process.read("stat", Identity::CAP)).ok()?;
    let stat = Stat::from_read(line.as_slice()).ok()?;
    let ended = matches!(stat.state, 'Z' | 'X') && stat.num_threads <= 1;
    let another = start.is_some_and(|start| start != Ticks(stat.starttime));
    if ended || another || stat.flags & KERNEL_THREAD != 0 {
        return None;
    }
    Some(Listed {
        key: ProcessKey { tgid, start: Ticks(stat.starttime) },
        pid,
        parent_pid: u32::try_from(stat.ppid).unwrap_or(0),
        parent: ProcessKey::default(),
        comm: stat.comm,
        tty: tty::name(stat.tty_nr),
    })
}

/// By start time already; within a tick pids may have wrapped, so that a child stands before its parent.
fn parents_first(sorted: Vec<Listed>) -> Vec<Listed> {
    let mut waiting: HashMap<ProcessKey, Listed> = HashMap::new();
    let order: Vec<_> = sorted.iter().map(|process| process.key).collect();
    waiting.extend(sorted.into_iter().map(|process| (process.key, process)));
    let mut out = Vec::with_capacity(order.len());
    for key in order {
        let mut line = Vec::new();
        let mut next = key;
        // Each is taken out, so that no circle can be gone round.
        while let Some(process) = waiting.remove(&next) {
            next = process.parent;
            line.push(process);
        }
        out.extend(line.into_iter().rev());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::fake::{FakeProcFs, FakeProcess};

    fn process(pid: u32, start: u64, parent: (u32, u64)) -> Listed {
        let key = |(tgid, start)| ProcessKey { tgid, start: Ticks(start) };
        Listed { key: key((pid, start)), pid, parent_pid: parent.0, parent: key(parent), ..Listed::default() }
    }

    #[test]
    fn a_process_is_read_by_its_number_here_and_known_by_the_one_of_the_host() {
        let procfs = FakeProcFs {
            processes: [
                (1, FakeProcess::new("init", 0, 10)),
                (2, FakeProcess::new("miner", 1, 20)),
                (3, FakeProcess::new("another by now", 1, 31)),
            ]
            .into(),
            ..FakeProcFs::default()
        };
        let told = [(1, 4_001, 10), (2, 4_002, 20), (3, 4_003, 30)];
        let told = told.map(|(pid, tgid, start)| Numbers { pid, tgid, start: Some(Ticks(start)) });
        let (found, over) = list(&procfs, told.into(), 10);
        let pids: Vec<_> = found.iter().map(|one| (one.pid, one.key.tgid, one.parent.tgid)).collect();
        assert_eq!((pids, over), (vec![(1, 4_001, 0), (2, 4_002, 4_001)], 0));
    }

    #[test]
    fn parents_stand_before_children_also_within_a_tick_and_circles_end() {
        let sorted = vec![
            process(1, 1, (0, 0)),
            process(5, 7, (900, 7)),
            process(900, 7, (1, 1)),
            process(6, 8, (5, 7)),
        ];
        let pids: Vec<_> = parents_first(sorted).iter().map(|process| process.key.tgid).collect();
        assert_eq!(pids, [1, 900, 5, 6]);
        let circle = vec![process(1, 1, (2, 1)), process(2, 1, (1, 1))];
        assert_eq!(parents_first(circle).len(), 2);
    }
}
