//! The table of hooks: which program goes where, since when, and what is lost without it.
//!
//! Owns the table and how one entry is loaded and attached. Must not know what a program reports.
use std::os::fd::BorrowedFd;

use aya::{
    Btf, Ebpf,
    programs::{BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSockAddr, Iter},
};

/// Where a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A raw tracepoint with typed arguments.
    TracePoint(&'static str),
    /// The cgroup2 root, packets that leave.
    Egress,
    /// The cgroup2 root, packets that arrive.
    Ingress,
    /// The cgroup2 root, connect(2).
    Connect,
    /// An iterator: attached for as long as one pass takes.
    Iterator(&'static str),
}

/// One row.
#[derive(Debug)]
pub struct Hook {
    /// Name of the program in the object.
    pub program: &'static str,
    /// Where it goes, for people.
    pub attach: &'static str,
    /// Where it goes.
    pub point: Point,
    /// First kernel that takes it: ring buffers and the boot clock came with 5.8, sockets' storage in programs at
    /// cgroups with 5.10.
    pub since: &'static str,
    /// The agent does not start without it.
    pub required: bool,
    /// What is lost without it.
    pub lost_without: &'static str,
}

/// Every hook, in the order in which they are attached: what names owners comes before what reports payload.
pub static HOOKS: &[Hook] = &[
    Hook {
        program: "exec",
        attach: "tp_btf/sched_process_exec",
        point: Point::TracePoint("sched_process_exec"),
        since: "5.8",
        required: true,
        lost_without: "who runs what: no process could be named",
    },
    Hook {
        program: "fork",
        attach: "tp_btf/sched_process_fork",
        point: Point::TracePoint("sched_process_fork"),
        since: "5.8",
        required: false,
        lost_without: "processes that never exec are known only from /proc",
    },
    Hook {
        program: "exit",
        attach: "tp_btf/sched_process_exit",
        point: Point::TracePoint("sched_process_exit"),
        since: "5.8",
        required: true,
        lost_without: "the end of a process: incidents would never end",
    },
    Hook {
        program: "connect4",
        attach: "cgroup/connect4",
        point: Point::Connect,
        since: "5.10",
        required: false,
        lost_without: "the owner of an IPv4 connection at once; it is searched for when its payload matters",
    },
    Hook {
        program: "connect6",
        attach: "cgroup/connect6",
        point: Point::Connect,
        since: "5.10",
        required: false,
        lost_without: "the owner of an IPv6 connection at once; it is searched for when its payload matters",
    },
    Hook {
        program: "set_state",
        attach: "tp_btf/inet_sock_set_state",
        point: Point::TracePoint("inet_sock_set_state"),
        since: "5.12",
        required: false,
        lost_without: "MPTCP subflows' owners, and the end of a flow before its process ends",
    },
    Hook {
        program: "egress",
        attach: "cgroup_skb/egress",
        point: Point::Egress,
        since: "5.10",
        required: true,
        lost_without: "what processes send: no Stratum login could be seen",
    },
    Hook {
        program: "ingress",
        attach: "cgroup_skb/ingress",
        point: Point::Ingress,
        since: "5.10",
        required: true,
        lost_without: "what pools answer: no session could be confirmed",
    },
    Hook {
        program: "sockets",
        attach: "iter/task_file",
        point: Point::Iterator("task_file"),
        since: "5.12",
        required: false,
        lost_without: "time: who holds a socket is then asked of sock_diag and of every process's /proc/PID/fd",
    },
    Hook {
        program: "established",
        attach: "iter/task_file",
        point: Point::Iterator("task_file"),
        since: "5.12",
        required: false,
        lost_without: "connections that were there before the agent, in network namespaces without a process",
    },
    Hook {
        program: "members",
        attach: "iter/task",
        point: Point::Iterator("task"),
        since: "5.8",
        required: false,
        lost_without: "with [watch] cgroup, or outside of the host's PID namespace: what ran before the agent",
    },
];

impl Hook {
    /// Loads the program: the verifier's word on it.
    ///
    /// # Errors
    /// The kernel's refusal, as one line.
    pub fn load(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), String> {
        let program = ebpf.program_mut(self.program).ok_or("the object has no such program")?;
        match self.point {
            Point::TracePoint(name) => {
                <&mut BtfTracePoint>::try_from(program).and_then(|p| p.load(name, btf))
            }
            Point::Egress | Point::Ingress => <&mut CgroupSkb>::try_from(program).and_then(CgroupSkb::load),
            Point::Connect => <&mut CgroupSockAddr>::try_from(program).and_then(CgroupSockAddr::load),
            Point::Iterator(name) => <&mut Iter>::try_from(program).and_then(|p| p.load(name, btf)),
        }
        .map_err(|error| one_line(&error))
    }

    /// Attaches a loaded program. Links belong to `ebpf`: they go when the agent does, however it ends.
    ///
    /// # Errors
    /// The kernel's refusal, as one line.
    pub fn attach(&self, ebpf: &mut Ebpf, cgroup: BorrowedFd<'_>) -> Result<(), String> {
        let program = ebpf.program_mut(self.program).ok_or("the object has no such program")?;
        // `Single` sets no flag; a link shares its hook with others in any case, and 6.18 refuses the flag.
        let mode = CgroupAttachMode::Single;
        match self.point {
            Point::TracePoint(_) => {
                <&mut BtfTracePoint>::try_from(program).and_then(|p| p.attach().map(drop))
            }
            Point::Egress | Point::Ingress => {
                let way = if self.point == Point::Egress {
                    CgroupSkbAttachType::Egress
                } else {
                    CgroupSkbAttachType::Ingress
                };
                <&mut CgroupSkb>::try_from(program).and_then(|p| p.attach(cgroup, way, mode).map(drop))
            }
            Point::Connect => {
                <&mut CgroupSockAddr>::try_from(program).and_then(|p| p.attach(cgroup, mode).map(drop))
            }
            Point::Iterator(_) => Ok(()),
        }
        .map_err(|error| one_line(&error))
    }
}

/// An error and its causes; of a verifier log only the last line that says something.
fn one_line(error: &dyn std::error::Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        parts.push(cause.to_string());
        source = cause.source();
    }
    let mut text = parts.join(": ");
    if text.contains('\n') {
        let last = text.lines().rev().find(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with("processed ") && !line.starts_with("Verifier output")
        });
        let first = text.lines().next().unwrap_or_default();
        text = format!("{first} ... {}", last.unwrap_or_default().trim());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_log_becomes_its_last_telling_line() {
        #[derive(Debug)]
        struct Refusal;
        impl std::fmt::Display for Refusal {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("load failed\n0: (b7) r0 = 0\nR3 min value is outside\nprocessed 12 insns\n")
            }
        }
        impl std::error::Error for Refusal {}
        assert_eq!(one_line(&Refusal), "load failed ... R3 min value is outside");
    }

    #[test]
    fn programs_are_named_once_and_say_what_is_lost() {
        for (index, hook) in HOOKS.iter().enumerate() {
            assert!(!hook.lost_without.is_empty());
            assert!(HOOKS.iter().skip(index + 1).all(|other| other.program != hook.program));
        }
    }
}
