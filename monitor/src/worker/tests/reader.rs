//! Facts of made-up processes: what cannot be provoked on a live host at will.
use std::collections::HashMap;

use super::fake::{FakeProcFs, FakeProcess, stat};
use crate::{
    event::{ProcFacts, ProcessKey, Ticks},
    worker::facts::FactReader,
};

fn facts(processes: impl IntoIterator<Item = (u32, FakeProcess)>, pid: u32, start: u64) -> ProcFacts {
    let procfs = FakeProcFs { processes: processes.into_iter().collect(), ..FakeProcFs::default() };
    FactReader::new(Box::new(procfs)).facts(pid, ProcessKey { tgid: pid, start: Ticks(start) })
}

fn only_error(facts: &ProcFacts) -> String {
    let error = facts.error.clone().expect("an error");
    assert_eq!(
        *facts,
        ProcFacts { error: Some(error.clone()), ..ProcFacts::default() },
        "no fact beside an error"
    );
    error
}

#[test]
fn a_pid_that_was_reused_gives_no_facts() {
    let other = FakeProcess::new("other", 1, 200);
    assert_eq!(
        only_error(&facts([(7, other)], 7, 100)),
        "process 7: another process by now (started at tick 200, not 100)"
    );
    let (first, second) = (stat("a", 1, 100), stat("b", 1, 200));
    let changes = FakeProcess::default().with("stat", &[first.as_bytes(), second.as_bytes()]);
    assert!(only_error(&facts([(7, changes)], 7, 100)).contains("another process"));
}

#[test]
fn a_process_that_ends_meanwhile_gives_no_facts() {
    let first = stat("a", 1, 100);
    let ends = FakeProcess::default().with("stat", &[first.as_bytes(), b""]);
    assert_eq!(only_error(&facts([(7, ends)], 7, 100)), "process 7 is gone");
    assert_eq!(only_error(&facts([], 8, 100)), "process 8: entity not found");
    assert!(only_error(&facts([(7, FakeProcess::new("a", 1, 1))], 0, 1)).contains("PID namespace"));
    let garbage = FakeProcess::default().with("stat", &[b"garbage"]);
    assert!(only_error(&facts([(7, garbage)], 7, 100)).starts_with("process 7: "));
}

#[test]
fn an_exec_while_reading_is_read_again() {
    let mut process =
        FakeProcess::new("miner", 0, 100).with("cmdline", &[b"bash\0run\0", b"xmrig\0-o\0h:1\0"]);
    // Asked for twice in a round: for its status and for its digest.
    process.exes = ["/bin/sh", "/bin/sh", "/proc/self/exe"].map(Into::into).into();
    let facts = facts([(7, process)], 7, 100);
    assert_eq!(facts.command.args, ["xmrig", "-o", "h:1"]);
    let own = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata("/proc/self/exe").unwrap());
    assert_eq!(facts.exe_file.unwrap().inode, own);
}

#[test]
fn ancestry_ends_at_init_at_a_reused_pid_and_at_the_cap() {
    let chain = |starts: &[u64]| -> HashMap<u32, FakeProcess> {
        let pids = 1..=u32::try_from(starts.len()).unwrap();
        pids.zip(starts)
            .map(|(pid, start)| (pid, FakeProcess::new(&format!("p{pid}"), pid - 1, *start)))
            .collect()
    };
    let names = |facts: ProcFacts| -> Vec<String> {
        assert_eq!(facts.error, None);
        facts.ancestry.into_iter().map(|(name, pid)| format!("{name}[{pid}]")).collect()
    };
    assert_eq!(names(facts(chain(&[0, 10, 20]), 3, 20)), ["p2[2]", "p1[1]"]);
    assert_eq!(names(facts(chain(&[0, 99, 20]), 3, 20)), Vec::<String>::new(), "younger than its child");
    assert_eq!(names(facts(chain(&[5; 40]), 40, 5)).len(), 16);
    let ring = [(1, FakeProcess::new("a", 2, 5)), (2, FakeProcess::new("b", 1, 5))];
    assert_eq!(names(facts(ring, 1, 5)).len(), 16, "a made-up ring ends too");
}

#[test]
fn reads_every_field() {
    let status = "Name:\ta\nState:\tS\nTgid:\t7\nPid:\t7\nPPid:\t3\nTracerPid:\t0\nUid:\t0\t1\t2\t3\nGid:\t9\t9\t9\t9\n\
        FDSize:\t64\nGroups:\t\nThreads:\t1\nSigQ:\t0/1\nSigPnd:\t0\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n\
        CapInh:\t0\nCapPrm:\t0\nCapEff:\t0\n";
    let mut process = FakeProcess::new("a", 3, 100)
        .with("status", &[&[status.as_bytes(), b"X\xff:\t1\n"].concat()])
        .with("loginuid", &[b"0"])
        .with("sessionid", &[b"12"])
        .with("cgroup", &[b"0::/system.slice/x\xff.service\n"]);
    process.links = [("exe", "/memfd:kworker (deleted)".into())].into();
    let facts = facts([(7, process)], 7, 100);
    assert_eq!((facts.uid, facts.user.as_deref()), (Some(0), Some("root")));
    assert_eq!(
        (facts.loginuid, facts.login_user.as_deref(), facts.session),
        (Some(0), Some("root"), Some(12))
    );
    assert_eq!(facts.place.unit.as_deref(), Some("x\u{fffd}.service"));
    assert_eq!((facts.exe.as_deref(), facts.exe_deleted), (Some("/memfd:kworker"), true));
    assert_eq!((facts.comm.as_str(), facts.parent_pid), ("a", 3));
    assert_eq!(facts.tty.as_deref(), Some("pts3"));
}

#[test]
fn unset_and_absent_ids_are_none() {
    let unset = FakeProcess::new("a", 0, 1).with("loginuid", &[b"4294967295"]).with("sessionid", &[b"x"]);
    let facts = facts([(7, unset)], 7, 1);
    assert_eq!((facts.uid, facts.loginuid, facts.session), (None, None, None));
    assert_eq!((facts.user, facts.login_user, facts.exe_file, facts.exe_sha256), (None, None, None, None));
}

#[test]
fn a_relative_script_of_a_chroot_is_named_from_its_root() {
    let script = |cwd: &str, root: &str, arg: &str| {
        let mut process = FakeProcess::new("a", 0, 1)
            .with("cmdline", &[[b"sh\0", arg.as_bytes(), b"\0"].concat().as_slice()]);
        process.links = [("exe", "/bin/sh"), ("cwd", cwd), ("root", root)].map(|(k, v)| (k, v.into())).into();
        facts([(7, process)], 7, 1).script.unwrap()
    };
    assert_eq!(script("/srv/jail/app", "/srv/jail", "./run.sh"), "/app/run.sh");
    assert_eq!(script("/app", "/", "a/./../run.sh"), "/app/a/../run.sh");
    assert_eq!(script("/srv/jailbird", "/srv/jail", "run.sh"), "/srv/jailbird/run.sh");
    assert_eq!(script("/app", "/", "/abs/run.sh"), "/abs/run.sh");
}
