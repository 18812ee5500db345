//! An exec as the agent tells it against what the process itself says.
//!
//! Owns the rules by which one follows from the other. Must not know how the exec came about, but for what the process
//! cannot know of itself.
use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
};

use minewarden_tests::report::Report;
use monitor::event::{Exec, Owner, OwnerSource};

/// Bytes of arguments that the agent keeps.
const ARGV: usize = 4096;

/// What a process cannot know of itself, by label.
#[derive(Default)]
pub(super) struct Special {
    /// The interpreter as the script names it.
    pub(super) interpreters: HashMap<String, String>,
    /// Its path is longer than the kernel side follows.
    pub(super) deep: HashSet<String>,
}

struct Differences(Vec<String>);

impl Differences {
    fn check<T: PartialEq + Debug + Copy>(&mut self, field: &str, told: T, own: T) {
        if told != own {
            self.0.push(format!("{field} is {told:?}, should be {own:?}"));
        }
    }
}

/// All fields that are not as they should be.
pub(super) fn wrong(own: &Report, special: &Special, owner: &Owner, exec: &Exec) -> Vec<String> {
    let mut differences = Differences(Vec::new());
    differences.check("pid", owner.pid, own.pid);
    differences.check("source", owner.source, OwnerSource::Own);
    differences.check("generation", owner.generation.is_some_and(|count| count > 0), true);
    task(&mut differences, own, exec);
    file(&mut differences, own, special, exec);
    arguments(&mut differences, own, exec);
    differences.0
}

fn task(differences: &mut Differences, own: &Report, exec: &Exec) {
    let task = &exec.task;
    differences.check("parent", task.parent.tgid, own.parent);
    differences.check("parent's start", Some(task.parent.start.0), own.parent_start);
    differences.check("uid", task.uid, own.uid);
    differences.check("euid", task.euid, own.euid);
    differences.check("gid", task.gid, own.gid);
    differences.check("loginuid", task.loginuid, own.loginuid);
    differences.check("session", task.session, own.session);
    differences.check("cgroup", task.cgroup, own.cgroup);
    differences.check("comm", task.comm.as_str(), &own.comm);
    differences.check("tty", &task.tty, &own.tty);
    let namespaces = [
        ("pid", task.pid_namespace),
        ("net", task.net_namespace),
        ("mnt", task.mount_namespace),
        ("user", task.user_namespace),
        ("cgroup", task.cgroup_namespace),
        ("ipc", task.ipc_namespace),
        ("uts", task.uts_namespace),
    ];
    for (name, told) in namespaces {
        differences.check(name, Some(&told), own.namespaces.get(name));
    }
}

fn file(differences: &mut Differences, own: &Report, special: &Special, exec: &Exec) {
    differences.check("filename", &exec.filename, &own.filename);
    let interpreter = special.interpreters.get(&own.label).unwrap_or(&own.filename);
    differences.check("interpreter", &exec.interpreter, interpreter);
    differences.check("device", exec.file.device, own.device);
    differences.check("inode", exec.file.inode, own.inode);
    differences.check("links", u64::from(exec.links), own.links);
    differences.check("size", exec.size, own.size);
    differences.check("changed", exec.changed, own.changed);
    let name = if own.links == 0 { own.exe.strip_suffix(" (deleted)").unwrap_or(&own.exe) } else { &own.exe };
    let deep = special.deep.contains(&own.label);
    differences.check("path", exec.path.as_deref(), (!deep).then_some(name));
    let relative = !own.filename.starts_with('/');
    differences.check("directory", exec.directory.as_deref(), relative.then_some(own.directory.as_str()));
}

fn arguments(differences: &mut Differences, own: &Report, exec: &Exec) {
    let kept = own.cmdline.get(..ARGV).unwrap_or(&own.cmdline);
    let body = kept.strip_suffix(&[0]).unwrap_or(kept);
    let arguments: Vec<String> = body
        .split(|byte| *byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect();
    differences.check("arguments", &exec.command.args, &arguments);
    differences.check("truncated", exec.command.truncated, own.cmdline.len() > ARGV);
    differences.check("redacted", exec.command.redacted, false);
}
