//! Which processes are watched, by a pass of the task iterator.
//!
//! Owns the pass. It answers where /proc alone cannot: who is below a cgroup that is seen by another path here, and
//! what the initial PID namespace calls a process. Must not know why someone asks.
use std::{
    io::{self, Read as _},
    sync::{Arc, Mutex},
};

use aya::Ebpf;
use monitor_ebpf::event::Identity;
use zerocopy::FromBytes as _;

use super::sockets::open;
use crate::{
    event::Ticks,
    worker::procfs::{LiveProcFs, Numbers, ProcDir, ProcFs},
};

/// Bytes of one pass: as many processes as a kernel can have at all (`PID_MAX_LIMIT`, include/linux/threads.h).
const CAP: u64 = (4 << 20) * size_of::<Identity>() as u64;

/// The live /proc, of which only what is watched is listed.
pub struct MemberTable {
    /// `None` where the kernel does not take the iterator.
    ebpf: Option<Arc<Mutex<Ebpf>>>,
}

impl MemberTable {
    pub(super) const fn new(ebpf: Option<Arc<Mutex<Ebpf>>>) -> Self {
        Self { ebpf }
    }
}

impl ProcFs for MemberTable {
    fn open(&self, pid: u32) -> io::Result<Box<dyn ProcDir>> {
        LiveProcFs.open(pid)
    }

    fn pids(&self) -> io::Result<Vec<Numbers>> {
        let lost = "the kernel did not take iter/task, by which processes are listed here";
        let ebpf = self.ebpf.as_ref().ok_or_else(|| io::Error::other(lost))?;
        let mut bytes = Vec::new();
        open(ebpf, "members")?.take(CAP).read_to_end(&mut bytes)?;
        bytes
            .chunks(size_of::<Identity>())
            .map(numbers)
            .filter(|numbers| !matches!(numbers, Ok(Numbers { pid: 0, .. })))
            .collect()
    }
}

fn numbers(chunk: &[u8]) -> io::Result<Numbers> {
    let who = Identity::read_from_bytes(chunk)
        .map_err(|_| io::Error::other("the task iterator's record is cut"))?;
    Ok(Numbers { pid: who.pid, tgid: who.tgid, start: Some(Ticks::from_nanos(who.start)) })
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes as _;

    use super::{Identity, MemberTable, Numbers, ProcFs as _, Ticks, numbers};

    #[test]
    fn a_record_has_both_numbers_and_a_cut_one_is_an_error() {
        let who = Identity { start: 25_000_000, tgid: 4711, pid: 3, generation: 1, reserved: 0 };
        let expected = Numbers { pid: 3, tgid: 4711, start: Some(Ticks(2)) };
        assert_eq!(numbers(who.as_bytes()).unwrap(), expected);
        assert!(numbers(&who.as_bytes()[1..]).is_err());
    }

    #[test]
    fn without_the_iterator_nothing_is_listed_rather_than_everything() {
        assert!(MemberTable::new(None).pids().unwrap_err().to_string().contains("iter/task"));
    }
}
