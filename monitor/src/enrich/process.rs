//! One process: what runs in it, whose it is, and who may overwrite what.
//!
//! Owns [`Process`]: an exec replaces what runs but not whose it is; facts of an older exec generation never
//! overwrite newer ones. Must not know the table it is kept in, flows or detectors.
use std::sync::Arc;

use super::lineage::{Ancestor, Lineage};
use crate::event::{
    BootTime, CommandLine, Container, Ends, Exec, FileId, Fork, Owner, Place, ProcFacts, Running, Scanned,
    Task,
};

/// What runs in a process; replaced by each exec, shared with forked children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The kernel's file of the exec, where one was seen.
    pub kernel_file: Option<FileId>,
    /// The path given to execve: may be relative, may be a script.
    pub filename: Option<String>,
    /// The program that runs it, as the kernel has it.
    pub interpreter: Option<String>,
    /// As [`ProcFacts::exe`].
    pub exe: Option<String>,
    /// As [`ProcFacts::exe_deleted`].
    pub exe_deleted: bool,
    /// As [`ProcFacts::exe_file`].
    pub exe_file: Option<FileId>,
    /// As [`ProcFacts::exe_sha256`].
    pub exe_sha256: Option<String>,
    /// As [`ProcFacts::script`].
    pub script: Option<String>,
    /// As [`ProcFacts::script_sha256`].
    pub script_sha256: Option<String>,
    /// Arguments: the kernel's at exec where they are whole, since a process can rewrite what /proc shows.
    pub command: CommandLine,
    /// Command name.
    pub comm: Option<String>,
    /// As [`ProcFacts::with_itself`].
    pub with_itself: Vec<Ends>,
}

impl Image {
    /// The path of the file that runs, best source first.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.exe.as_deref().or(self.interpreter.as_deref())
    }

    fn of_exec(exec: &Exec) -> Self {
        Self {
            kernel_file: (exec.file != FileId::default()).then_some(exec.file),
            exe: exec.path.clone(),
            exe_deleted: exec.links == 0,
            filename: Some(exec.filename.clone()),
            interpreter: Some(exec.interpreter.clone()),
            command: exec.command.clone(),
            comm: Some(exec.task.comm.clone()),
            ..Self::default()
        }
    }

    fn of_running(running: &Running) -> Self {
        Self {
            exe: running.exe.clone(),
            exe_deleted: running.exe_deleted,
            exe_file: running.exe_file,
            command: running.command.clone(),
            comm: Some(running.task.comm.clone()),
            ..Self::default()
        }
    }

    fn learn(&mut self, facts: &ProcFacts) {
        let keep_command = !self.command.args.is_empty() && !self.command.truncated;
        if !keep_command && !facts.command.args.is_empty() {
            self.command = facts.command.clone();
        }
        if facts.exe.is_some() {
            self.exe.clone_from(&facts.exe);
            self.exe_deleted = facts.exe_deleted;
            self.exe_file = facts.exe_file;
        }
        if facts.exe_sha256.is_some() {
            self.exe_sha256.clone_from(&facts.exe_sha256);
        }
        self.script.clone_from(&facts.script);
        self.script_sha256.clone_from(&facts.script_sha256);
        self.comm = Some(facts.comm.clone());
        self.with_itself.clone_from(&facts.with_itself);
    }
}

/// Whose a process is; survives exec, shared with forked children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Real user id.
    pub uid: Option<u32>,
    /// Its name.
    pub user: Option<String>,
    /// Who logged in.
    pub loginuid: Option<u32>,
    /// Their name.
    pub login_user: Option<String>,
    /// Audit session.
    pub session: Option<u32>,
    /// Where it runs; `None` when nobody told.
    pub place: Option<Place>,
    /// As [`ProcFacts::container`].
    pub container: Option<Container>,
    /// Controlling terminal.
    pub tty: Option<String>,
}

impl Who {
    fn differs(&self, task: &Task) -> bool {
        (self.uid, self.loginuid, self.session) != (Some(task.uid), task.loginuid, task.session)
            || self.tty != task.tty
    }

    fn of_task(&mut self, task: &Task) {
        if self.uid.is_some_and(|uid| uid != task.uid) {
            self.user = None;
        }
        if self.loginuid != task.loginuid {
            self.login_user = None;
        }
        self.uid = Some(task.uid);
        self.tty.clone_from(&task.tty);
        self.loginuid = task.loginuid;
        self.session = task.session;
    }

    fn learn(&mut self, facts: &ProcFacts) {
        // The kernel's uid is the initial user namespace's; /proc's is the agent's own.
        self.uid = self.uid.or(facts.uid);
        self.user.clone_from(&facts.user);
        self.loginuid = facts.loginuid;
        self.login_user.clone_from(&facts.login_user);
        self.session = facts.session;
        self.place = Some(facts.place.clone());
        self.container.clone_from(&facts.container);
        // A daemon gives its terminal up: where it came from tells more.
        self.tty = self.tty.take().or_else(|| facts.tty.clone());
    }
}

/// Whether /proc was asked about this exec generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LookUp {
    /// Not yet.
    #[default]
    Never,
    /// Asked, no answer yet.
    Asked,
    /// Answered, with facts or with an error.
    Answered,
}

/// One process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Its latest owner record, with the newest generation seen.
    pub owner: Option<Owner>,
    /// What the kernel said at its fork or last exec.
    pub task: Option<Task>,
    /// What runs.
    pub image: Arc<Image>,
    /// Whose it is.
    pub who: Arc<Who>,
    /// Who made it.
    pub lineage: Lineage,
    /// The lineage that its children get, once one was made; shared by them.
    pub(super) heirs: Option<Lineage>,
    /// When it last ran execve, where that was seen.
    pub executed: Option<BootTime>,
    /// When it ended.
    pub exited: Option<BootTime>,
    /// Whether /proc was asked about what runs now.
    pub look_up: LookUp,
}

impl Process {
    /// The exec generation that `image` is of.
    #[must_use]
    pub fn generation(&self) -> Option<u32> {
        self.owner.and_then(|owner| owner.generation)
    }

    /// Its id in the agent's PID namespace, 0 when it is invisible there or not known.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.owner.map_or(0, |owner| owner.pid)
    }

    /// As its children's lineage has it; `None` while its name is not known.
    pub(super) fn as_ancestor(&self) -> Option<Ancestor> {
        Some(Ancestor::new(self.image.comm.as_ref()?, self.pid()))
    }

    pub(super) fn meet(&mut self, owner: Owner) {
        let Some(known) = self.owner else {
            self.owner = Some(owner);
            return;
        };
        if owner.generation > known.generation && known.generation.is_some() {
            // Its exec is still on the way or was lost: what we know is of an older program.
            self.image = Arc::default();
            self.heirs = None;
            self.look_up = LookUp::Never;
        }
        let pid = if owner.pid == 0 { known.pid } else { owner.pid };
        let source = if owner.generation >= known.generation { owner.source } else { known.source };
        self.owner = Some(Owner { pid, source, generation: known.generation.max(owner.generation), ..known });
    }

    pub(super) fn exec(&mut self, owner: Owner, exec: &Exec) {
        if owner.generation.is_some() && owner.generation < self.generation() {
            return;
        }
        let answered_already = self.look_up == LookUp::Answered
            && owner.generation.is_some()
            && owner.generation == self.generation();
        self.meet(owner);
        if answered_already {
            // Facts of this very generation came first: only what the kernel alone knows is added.
            let image = Arc::make_mut(&mut self.image);
            let kernel = Image::of_exec(exec);
            image.kernel_file = kernel.kernel_file;
            image.filename = kernel.filename;
            image.interpreter = kernel.interpreter;
        } else {
            self.image = Arc::new(Image::of_exec(exec));
            self.look_up = LookUp::Never;
        }
        self.heirs = None;
        self.set_task(&exec.task);
    }

    /// Takes over from its parent what a child starts with, and what the kernel says of itself.
    pub(super) fn fork(&mut self, owner: Owner, fork: &Fork, parent: Option<&Self>) {
        self.meet(owner);
        let known = *self.image != Image::default() || self.look_up == LookUp::Answered;
        if let Some(parent) = parent.filter(|_| !known && owner.generation >= self.generation()) {
            self.image = Arc::clone(&parent.image);
            self.who = Arc::clone(&parent.who);
            self.task.clone_from(&parent.task);
        }
        if self.image.comm.is_none() {
            Arc::make_mut(&mut self.image).comm = Some(fork.task.comm.clone());
        }
        self.set_task(&fork.task);
    }

    fn set_task(&mut self, task: &Task) {
        let cgroup = self.task.as_ref().map_or(0, |known| known.cgroup);
        // 0: /proc could not tell.
        let moved = cgroup != task.cgroup && cgroup != 0 && task.cgroup != 0;
        if self.who.differs(task) || moved {
            let who = Arc::make_mut(&mut self.who);
            who.of_task(task);
            who.place = who.place.take().filter(|_| !moved);
            who.container = who.container.take().filter(|_| !moved);
        }
        self.task = Some(task.clone());
    }

    pub(super) fn learn(&mut self, owner: Owner, facts: &ProcFacts) {
        // Without a generation: asked before an exec that was seen meanwhile.
        let counted = owner.generation.is_some() || self.look_up == LookUp::Never;
        let older = counted && owner.generation < self.generation();
        self.meet(owner);
        if facts.error.is_none() {
            Arc::make_mut(&mut self.who).learn(facts);
            self.lineage.learn(&facts.ancestry);
            self.heirs = None;
            if !older {
                Arc::make_mut(&mut self.image).learn(facts);
            }
        }
        if !older {
            self.look_up = LookUp::Answered;
        }
    }

    /// What the sweep saw; what a hook or a look-up told first is better. A fork whose parent was not known told
    /// only a name.
    pub(super) fn running(&mut self, owner: Owner, running: &Running) {
        self.meet(owner);
        let told = self.executed.is_some() || self.look_up == LookUp::Answered || self.image.path().is_some();
        if !told {
            self.image = Arc::new(Image::of_running(running));
            self.heirs = None;
        }
        if self.task.is_none() {
            self.set_task(&running.task);
        }
    }

    /// The digest of what runs; a scan of an older program says nothing of this one.
    pub(super) fn scanned(&mut self, owner: Owner, scanned: &Scanned) {
        let older = owner.generation.is_some() && owner.generation < self.generation();
        if !older && scanned.sha256.is_some() && self.image.exe_sha256.is_none() {
            Arc::make_mut(&mut self.image).exe_sha256.clone_from(&scanned.sha256);
        }
    }
}
