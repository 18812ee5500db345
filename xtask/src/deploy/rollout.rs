//! One host from what it is to what it should be: look, check, install, verify, and take back what is not well.
//!
//! Owns the order of the steps and what each failure means. Must not know other hosts.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Result;

use super::{
    crew::{Step, seconds},
    doctor,
    host::Host,
    packages::{Agent, Package, Packages},
    plan::{self, Action, fact},
    process::plain,
    shell::{CHANGE, Facts, LOOK, Shell, digest_of},
    ssh::Ssh,
    table::{Outcome, Row},
    verify::{Expect, verify},
};

const DOCTOR: &str = include_str!("scripts/doctor.sh");
const INSTALL: &str = include_str!("scripts/install.sh");
const COMMIT: &str = include_str!("scripts/commit.sh");
const UNDO: &str = include_str!("scripts/undo.sh");
const ROLLBACK: &str = include_str!("scripts/rollback.sh");

/// What every host is to become.
pub(crate) struct Order {
    pub(crate) packages: Packages,
    /// Configuration to push, with its digest.
    pub(crate) config: Option<(PathBuf, String)>,
    pub(crate) dry_run: bool,
    /// Keep a version that is not well.
    pub(crate) keep: bool,
}

impl Order {
    /// With the configuration in `config`.
    pub(crate) fn new(packages: Packages, config: Option<&Path>, dry_run: bool, keep: bool) -> Result<Self> {
        let config =
            config.map(|file| Ok::<_, anyhow::Error>((file.to_owned(), digest_of(file)?))).transpose()?;
        Ok(Self { packages, config, dry_run, keep })
    }
}

/// An end before the last step.
type Ended = (Outcome, String);

trait Blame<T> {
    /// An error ends the host with `outcome`.
    fn blame(self, outcome: Outcome) -> Result<T, Ended>;
}

impl<T> Blame<T> for Result<T> {
    fn blame(self, outcome: Outcome) -> Result<T, Ended> {
        self.map_err(|error| (outcome, plain(&format!("{error:#}"))))
    }
}

/// Deploys to `host`.
pub(crate) fn deploy(order: &Order, number: usize, host: &Host, ssh: &Arc<Ssh>, step: &Step<'_>) -> Row {
    on(number, host, ssh, step, |shell, facts, row| Rollout { order, shell, facts, step }.run(row))
}

/// Brings the version before back on `host`.
pub(crate) fn roll_back(dry_run: bool, number: usize, host: &Host, ssh: &Arc<Ssh>, step: &Step<'_>) -> Row {
    on(number, host, ssh, step, |shell, facts, row| {
        row.action = "roll back";
        let previous = fact(facts, "previous").to_owned();
        if previous.is_empty() {
            let why = "no earlier version is kept there: deploy keeps the one that it replaces";
            return Err((Outcome::Refused, why.to_owned()));
        }
        if dry_run {
            return Ok((Outcome::Planned, format!("version {previous} would be brought back")));
        }
        step.says("rolling back");
        shell.staged(1024, |folder| shell.facts(ROLLBACK, &[folder], CHANGE)).blame(Outcome::Failed)?;
        step.says("verifying");
        let expect = Expect { fresh: true, version: Some(&previous), selftest: true };
        let proof = verify(shell, expect).blame(Outcome::Failed)?;
        row.after = proof.version;
        Ok((Outcome::Ok, proof.text))
    })
}

/// Reaches and looks at `host`, does `work`, and takes the time.
fn on(
    number: usize,
    host: &Host,
    ssh: &Arc<Ssh>,
    step: &Step<'_>,
    work: impl FnOnce(&Shell, &Facts, &mut Row) -> Result<Ended, Ended>,
) -> Row {
    let begin = Instant::now();
    let mut row = Row::new(host.label());
    let attempt = || {
        step.says("connecting");
        let shell = Shell::open(host, number, ssh).blame(Outcome::Unreachable)?;
        step.says("looking");
        let facts = shell.look().blame(Outcome::Refused)?;
        fact(&facts, "kernel").clone_into(&mut row.kernel);
        fact(&facts, "version").clone_into(&mut row.before);
        row.after.clone_from(&row.before);
        plan::objection(&facts).map_or(Ok(()), |why| Err((Outcome::Refused, why)))?;
        work(&shell, &facts, &mut row)
    };
    let (outcome, reason) = attempt().unwrap_or_else(|ended| ended);
    row.seconds = seconds(begin);
    row.ended(outcome, reason)
}

/// What this host needs of the packages.
struct Wanted {
    action: Action,
    package: Package,
    agent: Agent,
}

struct Rollout<'a> {
    order: &'a Order,
    shell: &'a Shell,
    facts: &'a Facts,
    step: &'a Step<'a>,
}

impl Rollout<'_> {
    fn run(&self, row: &mut Row) -> Result<Ended, Ended> {
        let wanted = self.wanted().blame(Outcome::Refused)?;
        row.action = wanted.action.name();
        if wanted.action == Action::Unchanged {
            self.step.says("verifying");
            let expect = Expect {
                fresh: false,
                version: Some(self.order.packages.version()),
                selftest: !self.order.dry_run,
            };
            let proof = verify(self.shell, expect).blame(Outcome::Failed)?;
            return Ok((Outcome::Ok, proof.text));
        }
        if let Some(why) = plan::room(self.facts, wanted.package.bytes, wanted.agent.bytes) {
            return Err((Outcome::Refused, why));
        }
        let room = (wanted.package.bytes + wanted.agent.bytes) / 1024 + 1024;
        let mut ended = Err((Outcome::Refused, String::new()));
        let staged = self.shell.staged(room, |folder| {
            ended = self.staged(&wanted, folder, row);
            Ok(Facts::new())
        });
        staged.blame(Outcome::Refused)?;
        ended
    }

    fn wanted(&self) -> Result<Wanted> {
        let packages = &self.order.packages;
        let machine = fact(self.facts, "machine");
        let kind = plan::kind(self.facts);
        let kind = kind.ok_or_else(|| anyhow::anyhow!("how it installs packages is not known"))?;
        let package = packages.package(kind, machine)?;
        let agent = packages.agent(machine)?;
        let config = self.order.config.as_ref().map(|(_, digest)| digest.as_str());
        let action = plan::action(self.facts, packages.version(), &package, &agent.digest, config);
        Ok(Wanted { action, package, agent })
    }

    /// Everything that needs a folder there.
    fn staged(&self, wanted: &Wanted, folder: &str, row: &mut Row) -> Result<Ended, Ended> {
        self.step.says("checking");
        let less = self.check(wanted, folder).blame(Outcome::Refused)?;
        let less = if less.is_empty() { String::new() } else { format!("; with less: {}", less.join(", ")) };
        if self.order.dry_run {
            let version = self.order.packages.version();
            let what = match wanted.action {
                Action::Configure => "the configuration would be replaced".to_owned(),
                Action::Start => format!("version {version} would be started"),
                _ => format!("version {version} would be installed as .{}", wanted.package.kind.extension()),
            };
            return Ok((Outcome::Planned, what + &less));
        }
        let installed = self.install(wanted, folder);
        let verified = installed.and_then(|()| {
            self.step.says("verifying");
            let expect = Expect { fresh: true, version: Some(self.order.packages.version()), selftest: true };
            verify(self.shell, expect)
        });
        match verified {
            Ok(proof) => {
                self.shell.facts(COMMIT, &[], LOOK).blame(Outcome::Failed)?;
                row.after = proof.version;
                Ok((Outcome::Ok, proof.text + &less))
            }
            Err(error) => Err(self.take_back(wanted, folder, row, &plain(&format!("{error:#}")))),
        }
    }

    /// What the new agent itself says of the host.
    fn check(&self, wanted: &Wanted, folder: &str) -> Result<Vec<String>> {
        self.shell.upload(&wanted.agent.file, &format!("{folder}/minewarden"))?;
        let config = format!("{folder}/minewarden.toml");
        if let Some((file, _)) = &self.order.config {
            self.shell.upload(file, &config)?;
        }
        let out = self.shell.script(DOCTOR, &[folder, self.with_config()], LOOK)?;
        if let (Some((file, _)), Some(3)) = (&self.order.config, out.status.code()) {
            anyhow::bail!("{}", out.last_line().replace(&config, &file.display().to_string()));
        }
        // Status 2 goes with a report that says why; without one stderr does.
        if out.stdout.trim().is_empty() {
            anyhow::bail!("the agent cannot look at this host: {}", out.last_line());
        }
        doctor::judge(&out.stdout)
    }

    fn with_config(&self) -> &'static str {
        if self.order.config.is_some() { "yes" } else { "no" }
    }

    fn install(&self, wanted: &Wanted, folder: &str) -> Result<()> {
        let name = if wanted.action.installs() {
            self.step.says("copying");
            let name = format!("package.{}", wanted.package.kind.extension());
            self.shell.upload(&wanted.package.file, &format!("{folder}/{name}"))?;
            name
        } else {
            "-".to_owned()
        };
        self.step.says("installing");
        let version = self.order.packages.version();
        let args = [folder, &name, version, &wanted.package.digest, self.with_config()];
        self.shell.facts(INSTALL, &args, CHANGE).map(drop)
    }

    /// Puts back what was there, unless that is not known or not wanted.
    fn take_back(&self, wanted: &Wanted, folder: &str, row: &mut Row, why: &str) -> Ended {
        let known =
            row.before.is_empty() || !wanted.action.installs() || !fact(self.facts, "current").is_empty();
        if self.order.keep || !known {
            self.order.packages.version().clone_into(&mut row.after);
            let kept =
                if known { "kept, as asked" } else { "kept: no package of the version before is there" };
            let noted = self.shell.facts(COMMIT, &[], LOOK).err();
            let noted = noted.map(|error| plain(&format!("; {error:#}"))).unwrap_or_default();
            return (Outcome::Failed, format!("{why}; {kept}{noted}"));
        }
        if self.shell.aborted() {
            return (Outcome::Failed, "aborted while installing: deploy again".to_owned());
        }
        self.step.says("taking back");
        let undone = match self.shell.facts(UNDO, &[folder], CHANGE) {
            Ok(facts) => fact(&facts, "undone").to_owned(),
            Err(error) => {
                return (Outcome::Failed, plain(&format!("{why}; taking back failed too: {error:#}")));
            }
        };
        if undone == "untouched" {
            return (Outcome::Failed, format!("{why}; nothing was changed"));
        }
        if row.before.is_empty() {
            return (Outcome::Undone, format!("{why}; removed again"));
        }
        let expect = Expect { fresh: true, version: Some(&row.before), selftest: false };
        match verify(self.shell, expect) {
            Ok(proof) => (Outcome::Undone, format!("{why}; back on {}: {}", proof.version, proof.text)),
            Err(error) => (Outcome::Failed, plain(&format!("{why}; {} is back, but {error:#}", row.before))),
        }
    }
}
