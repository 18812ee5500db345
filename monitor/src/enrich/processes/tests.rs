//! The process table: generations, inheritance, the dead, the cap.
use super::*;
use crate::{
    event::{CommandLine, ProcFacts},
    testing::{connect, exec, exit, facts, fork, holders, key, no_facts, owner, proc_facts, tick},
};

fn table(events: &[Event]) -> ProcessTable {
    let mut table = ProcessTable::new(64);
    events.iter().for_each(|event| table.observe(event));
    table
}

fn unowned(mut owner: Owner) -> Owner {
    owner.generation = None;
    owner
}

#[test]
fn an_exec_replaces_what_runs_and_keeps_whose_it_is() {
    let bash = owner(100, 1);
    let table = table(&[
        exec(1, bash, &["bash"]),
        facts(1, bash, proc_facts("bash", "session-3.scope", "b")),
        exec(2, owner(100, 2), &["miner", "-o", "pool:3333"]),
    ]);
    let process = table.get(key(100)).unwrap();
    assert_eq!(process.generation(), Some(2));
    assert_eq!(process.image.path(), Some("/usr/bin/miner"));
    assert_eq!(process.image.command.args, ["miner", "-o", "pool:3333"]);
    assert_eq!((&process.image.exe_sha256, process.look_up), (&None, LookUp::Never));
    assert_eq!(process.who.user.as_deref(), Some("alice"));
    assert_eq!(process.who.place.as_ref().unwrap().key(), "session-3.scope");
}

#[test]
fn facts_of_an_older_generation_never_overwrite() {
    let table = table(&[
        exec(1, owner(100, 1), &["bash"]),
        exec(2, owner(100, 2), &["miner"]),
        facts(3, owner(100, 1), proc_facts("bash", "session-3.scope", "b")),
    ]);
    let process = table.get(key(100)).unwrap();
    assert_eq!((process.image.path(), &process.image.exe_sha256), (Some("/usr/bin/miner"), &None));
    assert_eq!(process.look_up, LookUp::Never, "the miner itself was not looked up");
    assert_eq!(process.who.user.as_deref(), Some("alice"), "whose it is did not change");
}

#[test]
fn facts_that_came_before_their_exec_stay() {
    let miner = owner(100, 2);
    let table = table(&[
        exec(1, owner(100, 1), &["bash"]),
        connect(2, 7, miner),
        facts(2, miner, proc_facts("miner", "session-3.scope", "m")),
        exec(3, miner, &["miner"]),
    ]);
    let image = &table.get(key(100)).unwrap().image;
    assert_eq!(image.exe_sha256.as_deref(), Some("m"));
    assert_eq!(image.filename.as_deref(), Some("/usr/bin/miner"));
    assert!(image.kernel_file.is_some());
}

#[test]
fn a_newer_generation_without_its_exec_makes_the_old_program_unknown() {
    let events = [exec(1, owner(100, 1), &["bash"]), connect(2, 7, owner(100, 2))];
    let process = table(&events).get(key(100)).unwrap().clone();
    assert_eq!((process.image.path(), process.look_up), (None, LookUp::Never));
    let back = [events[0].clone(), events[1].clone(), connect(3, 8, owner(100, 1))];
    assert_eq!(
        table(&back).get(key(100)).unwrap().generation(),
        Some(2),
        "an old owner record changes nothing"
    );
}

#[test]
fn the_kernels_whole_command_line_is_kept_and_a_cut_one_is_not() {
    let mut lying = proc_facts("miner", "a.service", "m");
    lying.command.args = vec!["[kworker/0:1]".to_owned()];
    let whole = table(&[exec(1, owner(100, 1), &["miner", "-o"]), facts(2, owner(100, 1), lying.clone())]);
    assert_eq!(whole.get(key(100)).unwrap().image.command.args, ["miner", "-o"]);

    let mut cut = exec(1, owner(100, 1), &["miner"]);
    if let Body::Exec(exec) = &mut cut.body {
        exec.command = CommandLine { truncated: true, ..exec.command.clone() };
    }
    let cut = table(&[cut, facts(2, owner(100, 1), lying)]);
    assert_eq!(cut.get(key(100)).unwrap().image.command.args, ["[kworker/0:1]"]);
}

#[test]
fn facts_with_an_error_answer_and_teach_nothing() {
    let table = table(&[exec(1, owner(100, 1), &["miner"]), no_facts(2, owner(100, 1))]);
    let process = table.get(key(100)).unwrap();
    assert_eq!((process.look_up, process.image.path()), (LookUp::Answered, Some("/usr/bin/miner")));
    assert_eq!(process.image.comm.as_deref(), Some("miner"));
}

#[test]
fn a_child_starts_with_what_its_parent_is() {
    let table = table(&[
        exec(1, owner(100, 1), &["miner", "--daemon"]),
        facts(2, owner(100, 1), proc_facts("miner", "a.service", "m")),
        fork(3, owner(101, 1), 100, "miner"),
    ]);
    let child = table.get(key(101)).unwrap();
    assert_eq!(child.image.exe_sha256.as_deref(), Some("m"));
    assert_eq!(child.image.command.args, ["miner", "--daemon"]);
    assert_eq!(child.look_up, LookUp::Never, "its own facts are still asked for");
    let names: Vec<_> =
        table.ancestry(key(101)).into_iter().map(|(name, pid)| format!("{name}{pid}")).collect();
    assert_eq!(names, ["miner100", "bash20", "sshd10"]);
}

#[test]
fn a_child_in_another_cgroup_is_in_an_unknown_place_and_under_another_user_has_no_user_name() {
    let mut moved = fork(3, owner(101, 1), 100, "miner");
    if let Body::Fork(fork) = &mut moved.body {
        fork.task.cgroup = 8;
        fork.task.uid = 0;
    }
    let table = table(&[
        exec(1, owner(100, 1), &["miner"]),
        facts(2, owner(100, 1), proc_facts("miner", "a.service", "m")),
        moved,
    ]);
    let who = &table.get(key(101)).unwrap().who;
    assert_eq!((&who.place, &who.user, who.uid), (&None, &None, Some(0)));
}

fn names(table: &ProcessTable, pid: u32) -> Vec<String> {
    table.ancestry(key(pid)).into_iter().map(|(name, pid)| format!("{name}[{pid}]")).collect()
}

fn exec_below(seconds: u64, owner: Owner, parent: u32, name: &str) -> Event {
    let mut event = exec(seconds, owner, &[name]);
    if let Body::Exec(exec) = &mut event.body {
        exec.task.parent = key(parent);
    }
    event
}

fn facts_below(seconds: u64, owner: Owner, ancestry: &[(&str, u32)]) -> Event {
    let ancestry = ancestry.iter().map(|(name, pid)| ((*name).to_owned(), *pid)).collect();
    facts(seconds, owner, ProcFacts { ancestry, ..proc_facts("xm", "a.service", "m") })
}

#[test]
fn without_facts_ancestors_are_the_parents_seen_here() {
    let table = table(&[
        exec(1, owner(1, 1), &["init"]),
        fork(2, owner(50, 1), 1, "init"),
        exec_below(3, owner(50, 2), 1, "sh"),
        fork(4, owner(60, 2), 50, "sh"),
    ]);
    // `init` here names itself as its parent.
    assert_eq!(names(&table, 60), ["sh[50]", "init[1]"]);
}

/// sshd 900 runs bash 4100, which runs `(nohup xm &)`: 4110 makes 4121 and ends.
fn double_fork() -> Vec<Event> {
    vec![
        exec_below(1, owner(900, 1), 1, "sshd"),
        fork(2, owner(4100, 1), 900, "sshd"),
        exec_below(3, owner(4100, 2), 900, "bash"),
        fork(4, owner(4110, 2), 4100, "bash"),
        fork(5, owner(4121, 2), 4110, "bash"),
        exit(6, owner(4110, 2)),
        exec_below(7, owner(4121, 3), 1, "nohup"),
        exec_below(8, owner(4121, 4), 1, "xm"),
    ]
}

#[test]
fn a_double_forked_process_keeps_those_that_made_it() {
    let mut table = table(&double_fork());
    let made = ["bash[4110]", "bash[4100]", "sshd[900]"];
    assert_eq!(names(&table, 4121), made);
    // /proc knows init alone by now.
    table.observe(&facts_below(9, owner(4121, 4), &[("systemd", 1)]));
    assert_eq!(names(&table, 4121), made);
    for event in [exit(10, owner(4100, 2)), exit(11, owner(900, 1)), tick(100), tick(1_000)] {
        table.observe(&event);
    }
    assert!(table.get(key(4100)).is_none(), "forgotten");
    assert_eq!(names(&table, 4121), made);
    table.observe(&fork(1_001, owner(4200, 4), 4121, "xm"));
    assert_eq!(names(&table, 4200), ["xm[4121]", "bash[4110]", "bash[4100]", "sshd[900]"]);
}

#[test]
fn what_proc_says_of_a_parent_is_added_to_what_was_seen() {
    // bash was there before the agent: its child starts with its name.
    let early = [fork(1, owner(4110, 2), 4100, "bash"), fork(2, owner(4121, 2), 4110, "bash")];
    let mut table = table(&early);
    assert_eq!(names(&table, 4121), ["bash[4110]", "bash[4100]"]);
    table.observe(&facts_below(3, unowned(owner(4100, 0)), &[("sshd", 900), ("systemd", 1)]));
    assert_eq!(names(&table, 4121), ["bash[4110]", "bash[4100]", "sshd[900]", "systemd[1]"]);
    let whole = [("bash", 4110), ("bash", 4100), ("sshd", 900), ("systemd", 1)];
    let mut own = self::table(&early);
    own.observe(&facts_below(3, owner(4121, 2), &whole));
    assert_eq!(names(&own, 4121), ["bash[4110]", "bash[4100]", "sshd[900]", "systemd[1]"]);
}

#[test]
fn a_process_whose_fork_was_not_seen_has_its_parent_of_now() {
    let mut table =
        table(&[exec_below(1, owner(900, 1), 1, "sshd"), exec_below(2, owner(4100, 2), 900, "bash")]);
    table.observe(&exit(3, owner(900, 1)));
    table.observe(&tick(100));
    assert_eq!(names(&table, 4100), ["sshd[900]"]);
}

#[test]
fn siblings_share_one_lineage_until_their_parent_is_another_program() {
    let lineage = |table: &ProcessTable, pid: u32| table.get(key(pid)).unwrap().lineage.clone();
    let table = table(&[
        exec_below(1, owner(50, 1), 1, "sh"),
        fork(2, owner(51, 1), 50, "sh"),
        fork(3, owner(52, 1), 50, "sh"),
        exec_below(4, owner(50, 2), 1, "make"),
        fork(5, owner(53, 2), 50, "make"),
    ]);
    assert!(std::ptr::eq(lineage(&table, 51).ancestors(), lineage(&table, 52).ancestors()));
    assert_eq!((names(&table, 52), names(&table, 53)), (vec!["sh[50]".into()], vec!["make[50]".into()]));
}

#[test]
fn a_chain_of_forks_keeps_the_nearest() {
    let chain: Vec<Event> =
        (2..200).map(|pid| fork(u64::from(pid), owner(pid, 1), pid - 1, "worm")).collect();
    let table = table(&chain);
    let ancestry = table.ancestry(key(199));
    assert_eq!(ancestry.len(), ANCESTORS);
    assert_eq!(ancestry.first(), Some(&("worm".to_owned(), 198)));
    assert_eq!(table.get(key(199)).unwrap().lineage.ancestors().len(), ANCESTORS);
}

#[test]
fn an_owner_from_proc_learns_its_generation_without_forgetting() {
    let table = table(&[
        holders(1, 7, &[unowned(owner(100, 0))]),
        facts(1, unowned(owner(100, 0)), proc_facts("miner", "a.service", "m")),
        connect(2, 8, owner(100, 5)),
    ]);
    let process = table.get(key(100)).unwrap();
    assert_eq!((process.generation(), process.image.exe_sha256.as_deref()), (Some(5), Some("m")));
}

#[test]
fn the_dead_are_kept_for_a_minute() {
    let mut table = table(&[exec(1, owner(100, 1), &["miner"]), exit(10, owner(100, 1))]);
    table.observe(&tick(69));
    assert_eq!(table.get(key(100)).unwrap().exited, Some(crate::testing::time(10)));
    table.observe(&tick(70));
    assert!(table.is_empty());
    assert_eq!(table.evicted(), 0, "that was no want of room");
}

#[test]
fn a_storm_of_short_lives_does_not_push_out_the_living() {
    let mut table = ProcessTable::new(64);
    table.observe(&exec(0, owner(1, 1), &["init"]));
    table.observe(&exec(1, owner(2, 1), &["miner"]));
    for pid in 1_000..3_000 {
        table.observe(&fork(2, owner(pid, 1), 1, "sh"));
        table.observe(&exit(2, owner(pid, 1)));
    }
    assert!(table.get(key(2)).is_some());
    assert_eq!((table.len(), table.evicted(), table.forgotten_dead()), (2 + 16, 0, 2_000 - 16));
}

#[test]
fn the_table_is_bounded_and_counts() {
    let mut table = ProcessTable::new(10);
    (0..25).for_each(|pid| table.observe(&exec(1, owner(pid, 1), &["sh"])));
    assert_eq!((table.len(), table.evicted()), (10, 15));
    assert!(table.get(key(14)).is_none() && table.get(key(15)).is_some());
    table.observe(&exit(2, owner(3, 1)));
    assert_eq!(table.len(), 10, "the exit of an unknown process is not news");
    let nothing = Event {
        at: crate::testing::time(3),
        owner: None,
        body: Body::ProcFacts(Box::<ProcFacts>::default()),
    };
    table.observe(&nothing);
    assert_eq!(table.len(), 10);
}

fn running(seconds: u64, owner: Owner, name: &str, parent: u32) -> Event {
    let running = crate::event::Running {
        task: crate::testing::task(name, parent),
        exe: Some(format!("/usr/bin/{name}")),
        command: CommandLine { args: vec![name.to_owned()], ..CommandLine::default() },
        ..crate::event::Running::default()
    };
    crate::testing::event(seconds, Some(unowned(owner)), Body::Running(Box::new(running)))
}

#[test]
fn what_already_ran_has_a_program_a_user_and_ancestors() {
    let table = table(&[
        running(1, owner(1, 0), "init", 0),
        running(1, owner(50, 0), "sh", 1),
        running(1, owner(60, 0), "miner", 50),
    ]);
    let process = table.get(key(60)).unwrap();
    assert_eq!(process.image.path(), Some("/usr/bin/miner"));
    assert_eq!((process.who.uid, process.look_up), (Some(1000), LookUp::Never));
    assert_eq!(table.ancestry(key(60)), [("sh".to_owned(), 50), ("init".to_owned(), 1)]);
}

#[test]
fn an_exec_or_facts_that_came_before_the_sweep_stay() {
    let swept = running(3, owner(100, 0), "bash", 1);
    let execed = table(&[exec(2, owner(100, 4), &["miner"]), swept.clone()]);
    assert_eq!(execed.get(key(100)).unwrap().image.path(), Some("/usr/bin/miner"));
    assert_eq!(execed.get(key(100)).unwrap().generation(), Some(4));
    let told = table(&[facts(2, owner(100, 4), proc_facts("miner", "a.service", "m")), swept.clone()]);
    assert_eq!(told.get(key(100)).unwrap().image.exe_sha256.as_deref(), Some("m"));
    let later = table(&[swept, exec(4, owner(100, 4), &["miner"])]);
    assert_eq!(later.get(key(100)).unwrap().image.path(), Some("/usr/bin/miner"));
}

#[test]
fn a_child_forked_before_the_sweep_came_to_its_parent_learns_its_program() {
    let mut forked = fork(1, owner(101, 3), 100, "miner");
    if let Body::Fork(fork) = &mut forked.body {
        fork.task.cgroup = 9;
    }
    let table = table(&[forked, running(2, owner(101, 0), "miner", 100)]);
    let child = table.get(key(101)).unwrap();
    assert_eq!((child.image.path(), child.generation()), (Some("/usr/bin/miner"), Some(3)));
    assert_eq!(child.task.as_ref().unwrap().cgroup, 9, "the kernel's word");
}

#[test]
fn facts_that_were_asked_for_before_an_exec_do_not_overwrite_it() {
    let mut table = table(&[running(1, owner(100, 0), "bash", 1)]);
    table.asked(unowned(owner(100, 0)));
    table.observe(&exec(2, owner(100, 5), &["miner"]));
    table.observe(&facts(3, unowned(owner(100, 0)), proc_facts("bash", "a.service", "b")));
    let process = table.get(key(100)).unwrap();
    assert_eq!((process.image.path(), process.look_up), (Some("/usr/bin/miner"), LookUp::Never));
}

#[test]
fn a_cgroup_that_proc_could_not_tell_is_no_other_place() {
    let mut swept = running(1, owner(100, 0), "miner", 1);
    if let Body::Running(running) = &mut swept.body {
        running.task.cgroup = 0;
    }
    let table = table(&[
        swept,
        facts(2, unowned(owner(100, 0)), proc_facts("miner", "a.service", "m")),
        exec(3, owner(100, 1), &["miner"]),
    ]);
    assert_eq!(table.get(key(100)).unwrap().who.place.as_ref().unwrap().key(), "a.service");
}
