//! Execs and connections, written down for investigators.
use super::*;
use crate::{
    event::Task,
    notice::ExeState,
    record::{Deed, Record, Recorded},
    testing::task,
};

const BOTH: Recorded = Recorded { exec: true, connect: true };

/// A shell of alice's makes a child that becomes a script's interpreter and connects; then sshd connects, of which
/// nothing is known.
fn story() -> Vec<Event> {
    let (shell, child) = (owner(20, 1), owner(21, 2));
    let mut script = exec(4, child, &["./m.py", "-p", "***"]);
    if let Body::Exec(exec) = &mut script.body {
        exec.task = Task {
            euid: 0,
            gid: 100,
            session: Some(3),
            tty: Some("pts3".to_owned()),
            net_namespace: 40,
            pid_namespace: 36,
            ..task("m.py", 20)
        };
        exec.filename = "./m.py".to_owned();
        exec.directory = Some("/srv".to_owned());
        exec.interpreter = "/usr/bin/python3".to_owned();
        exec.path = Some("/memfd:python".to_owned());
        exec.links = 0;
    }
    vec![
        exec(1, shell, &["bash"]),
        facts(2, shell, proc_facts("bash", "session-3.scope", "digest")),
        fork(3, owner(21, 1), 20, "bash"),
        script,
        connect(5, 1, child),
        connect(6, 2, owner(900, 1)),
        close(7, 1),
        exit(8, child),
        tick(9),
    ]
}

fn recorded(wanted: Recorded) -> Vec<Record> {
    let mut run = Run::new(Settings { recorded: wanted, ..Settings::default() });
    run.feed(&story());
    run.records
}

#[test]
fn only_what_is_wanted_is_recorded() {
    let kinds = |wanted| recorded(wanted).iter().map(|record| record.kind().name()).collect::<Vec<_>>();
    assert_eq!(kinds(Recorded::default()), [""; 0]);
    assert_eq!(kinds(Recorded { exec: true, connect: false }), ["exec", "exec"]);
    assert_eq!(kinds(Recorded { exec: false, connect: true }), ["connect", "connect"]);
    assert_eq!(kinds(BOTH), ["exec", "exec", "connect", "connect"]);
}

#[test]
fn an_exec_is_recorded_with_what_the_kernel_said_and_what_was_known_of_its_parent() {
    let records = recorded(BOTH);
    let Record { actor, deed: Deed::Exec(exec), unix_nanos, .. } = &records[1] else { panic!("{records:?}") };
    assert_eq!(*unix_nanos, host().unix_offset_nanos + 4_000_000_000);
    assert_eq!((actor.pid, actor.parent, actor.comm.as_deref()), (21, Some(20), Some("m.py")));
    assert_eq!((actor.exe.as_deref(), actor.exe_state), (Some("/memfd:python"), Some(ExeState::Memfd)));
    assert_eq!((exec.filename.as_str(), exec.directory.as_deref(), exec.links), ("./m.py", Some("/srv"), 0));
    assert_eq!(exec.interpreter.as_deref(), Some("/usr/bin/python3"));
    assert_eq!(exec.command.args, ["./m.py", "-p", "***"]);
    assert_eq!((actor.uid, actor.euid, actor.gid), (Some(1000), Some(0), Some(100)));
    assert_eq!((actor.user.as_deref(), actor.loginuid, actor.session), (Some("alice"), Some(1000), Some(3)));
    assert_eq!((actor.tty.as_deref(), actor.cgroup_id), (Some("pts3"), Some(7)));
    assert_eq!(actor.place.as_ref().and_then(|place| place.unit.as_deref()), Some("session-3.scope"));
    assert_eq!(actor.namespaces, [("net", 40), ("pid", 36)]);
    assert_eq!(actor.ancestry.as_deref(), Some("m.py[21] < bash[20] < bash[20] < sshd[10]"));
    assert_eq!(actor.started_unix_nanos, host().unix_offset_nanos + 10_000_000);
}

#[test]
fn a_connection_is_recorded_with_the_program_and_of_a_stranger_with_its_pid() {
    let records = recorded(BOTH);
    let [_, _, known, stranger] = &records[..] else { panic!("{records:?}") };
    assert_eq!(known.deed, Deed::Connect(crate::testing::ends(1)));
    assert_eq!((known.actor.comm.as_deref(), known.actor.uid), (Some("m.py"), Some(1000)));
    assert_eq!((known.actor.pid, known.actor.exe.as_deref()), (21, Some("/memfd:python")));
    assert_eq!((stranger.actor.pid, &stranger.actor.comm, stranger.actor.uid), (900, &None, None));
}

#[test]
fn the_same_events_give_the_same_records_with_ids_of_their_own() {
    assert_eq!(recorded(BOTH), recorded(BOTH));
    let ids: std::collections::BTreeSet<_> = recorded(BOTH).into_iter().map(|record| record.id).collect();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_is_recorded_asks_for_nothing_and_tells_nothing() {
    let mut run = Run::new(Settings { recorded: BOTH, ..Settings::default() });
    run.feed(&story());
    assert_eq!((run.requests.len(), run.notices.len()), (0, 0));
}
