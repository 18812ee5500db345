//! Execs and connections for investigators, when the administrator wants them.
//!
//! Owns the making of [`Record`]s from events and tables: no question is asked for one. Must not know sinks.
use super::Host;
use crate::{
    enrich::{Tables, processes::Process},
    event::{Body, BootTime, Event, Exec, ProcessKey, Task},
    incident::key::short_hash,
    notice::{ExeState, ancestry},
    record::{Actor, Deed, Executed, Record, Recorded},
};

/// Makes records.
pub(crate) struct Records {
    host: Host,
    wanted: Recorded,
    /// Derived from the boot and the first event; `None` before that.
    id: Option<String>,
    made: u64,
}

impl Records {
    pub(crate) const fn new(host: Host, wanted: Recorded) -> Self {
        Self { host, wanted, id: None, made: 0 }
    }

    /// What is written down from now on.
    pub(crate) const fn want(&mut self, wanted: Recorded) {
        self.wanted = wanted;
    }

    /// The wall clock was set.
    pub(crate) const fn set_clock(&mut self, unix_offset_nanos: i128) {
        self.host.unix_offset_nanos = unix_offset_nanos;
    }

    /// The record of an event that the tables hold already, where it is one that is wanted.
    pub(crate) fn of(&mut self, event: &Event, tables: &Tables) -> Option<Record> {
        let owner = event.owner?;
        let deed = match &event.body {
            Body::Exec(exec) if self.wanted.exec => Deed::Exec(Box::new(executed(exec))),
            Body::Connect { ends, .. } if self.wanted.connect => Deed::Connect(*ends),
            _ => return None,
        };
        let task = if let Body::Exec(exec) = &event.body { Some(&exec.task) } else { None };
        let process = tables.processes.get(owner.key);
        let mut actor = actor(owner.key, process, task, tables);
        actor.pid = owner.pid;
        actor.started_unix_nanos = self.host.wall(owner.key.start.boot_time());
        Some(Record { id: self.next_id(event.at), unix_nanos: self.host.wall(event.at), actor, deed })
    }

    fn next_id(&mut self, at: BootTime) -> String {
        let boot_id = &self.host.boot_id;
        let id = self.id.get_or_insert_with(|| short_hash(&["records", boot_id, &at.0.to_string()]));
        self.made += 1;
        format!("{id}-{}", self.made)
    }
}

fn executed(exec: &Exec) -> Executed {
    Executed {
        filename: exec.filename.clone(),
        directory: exec.directory.clone(),
        interpreter: Some(&exec.interpreter).filter(|program| **program != exec.filename).cloned(),
        links: exec.links,
        command: exec.command.clone(),
    }
}

/// All but the pid and the time. An exec's own word goes before the table's.
fn actor(key: ProcessKey, process: Option<&Process>, task: Option<&Task>, tables: &Tables) -> Actor {
    let Some(process) = process else { return Actor::default() };
    let (image, who) = (&process.image, &process.who);
    let task = task.or(process.task.as_ref());
    let comm = task.map(|task| task.comm.clone()).or_else(|| image.comm.clone());
    let line = comm.as_deref().map(|comm| ancestry((comm, process.pid()), &tables.processes.ancestry(key)));
    Actor {
        parent: task
            .map(|task| parent_pid(task.parent, process.pid() == key.tgid, tables))
            .filter(|pid| *pid != 0),
        comm,
        exe: image.path().map(str::to_owned),
        exe_state: ExeState::of(image.path(), image.exe_deleted),
        exe_file: image.kernel_file.or(image.exe_file),
        ancestry: line,
        uid: task.map(|task| task.uid).or(who.uid),
        euid: task.map(|task| task.euid),
        gid: task.map(|task| task.gid),
        user: who.user.clone(),
        loginuid: task.map_or(who.loginuid, |task| task.loginuid),
        login_user: who.login_user.clone(),
        session: task.map_or(who.session, |task| task.session),
        tty: task.map_or(who.tty.clone(), |task| task.tty.clone()),
        place: who.place.clone(),
        cgroup_id: task.map(|task| task.cgroup).filter(|id| *id != 0),
        namespaces: task.map(namespaces).unwrap_or_default(),
        ..Actor::default()
    }
}

/// In the agent's PID namespace; 0 where it is not known there. Where both numbers of its child are the same (`alike`), so
/// are its own.
fn parent_pid(parent: ProcessKey, alike: bool, tables: &Tables) -> u32 {
    let known = tables.processes.get(parent).map_or(0, Process::pid);
    if known == 0 && alike { parent.tgid } else { known }
}

/// In the order of `lsns -o TYPE`, as /proc/PID/ns names them.
fn namespaces(task: &Task) -> Vec<(&'static str, u32)> {
    let all = [
        ("cgroup", task.cgroup_namespace),
        ("ipc", task.ipc_namespace),
        ("mnt", task.mount_namespace),
        ("net", task.net_namespace),
        ("pid", task.pid_namespace),
        ("user", task.user_namespace),
        ("uts", task.uts_namespace),
    ];
    all.into_iter().filter(|(_, inode)| *inode != 0).collect()
}
