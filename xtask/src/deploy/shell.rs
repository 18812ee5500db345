//! Root's POSIX shell on a host, here or over ssh: runs the scripts beside this file and takes files in.
//!
//! Owns becoming root and how bytes get there. Must not know what a script does. Scripts and files go through
//! standard input: nothing of them is on a command line, where everybody on the host could read it.
use std::{collections::BTreeMap, path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    host::Host,
    interrupt::Interrupt,
    process::{self, Input, Output, safe},
    ssh::{Login, Ssh},
};
use crate::{exec, object::digest};

/// What every script may call.
const LIBRARY: &str = include_str!("scripts/library.sh");
/// For a script that only looks.
pub(crate) const LOOK: Duration = Duration::from_secs(120);
/// For one that installs or removes.
pub(crate) const CHANGE: Duration = Duration::from_secs(600);
/// For a file of some tens of megabytes over a slow line.
const UPLOAD: Duration = Duration::from_secs(1200);

/// Standard input becomes the file $1 with the mode $2. It is never there with more than that.
const PUT: &str = r#"
umask 022
mkdir -p -- "${1%/*}" || exit 1
umask 077
cat >"$1.deploy" && chmod "$2" "$1.deploy" || exit 1
if cmp -s "$1.deploy" "$1" && [ "$(stat -c %a "$1")" = "$2" ]; then
	rm -f "$1.deploy"
else
	mv -f -- "$1.deploy" "$1" && echo changed
fi
"#;

/// A shell that can be root.
pub(crate) struct Shell {
    way: Way,
    sudo: bool,
    interrupt: Interrupt,
}

enum Way {
    Local,
    Ssh(Login),
}

/// What a script said: `key=value` a line.
pub(crate) type Facts = BTreeMap<String, String>;

impl Shell {
    /// Reaches `host`; `number` is its own among all.
    pub(crate) fn open(host: &Host, number: usize, ssh: &Arc<Ssh>) -> Result<Self> {
        let (way, uid) = match host {
            Host::Local => (Way::Local, rustix::process::geteuid().as_raw()),
            Host::Ssh(address) => {
                let login = Login::new(ssh, address, number)?;
                let uid = login.uid;
                (Way::Ssh(login), uid)
            }
        };
        let shell = Self { way, sudo: uid != 0, interrupt: ssh.interrupt().clone() };
        if shell.sudo {
            let probe = shell.run(&["true"], Input::Bytes(Vec::new()), LOOK, &shell.interrupt)?;
            ensure!(
                probe.status.success(),
                "not root there (uid {uid}), and sudo -n says: {}; log in as root or allow it in sudoers",
                probe.last_line()
            );
        }
        Ok(shell)
    }

    /// Runs `script` as root with `args`. The whole is read before its first line runs, and what it starts
    /// cannot read the rest.
    pub(crate) fn script(&self, script: &str, args: &[&str], limit: Duration) -> Result<Output> {
        self.run(&[&["/bin/sh", "-s", "--"], args].concat(), whole(script), limit, &self.interrupt)
    }

    /// Runs `script`, which must succeed, and reads what it said. Its refusal is a line `refused=why`.
    pub(crate) fn facts(&self, script: &str, args: &[&str], limit: Duration) -> Result<Facts> {
        let out = self.script(script, args, limit)?;
        let facts = facts(&out.stdout);
        if let Some(why) = facts.get("refused") {
            bail!("{}", process::plain(why));
        }
        ensure!(out.status.success(), "{}", out.last_line());
        Ok(facts)
    }

    /// What is there, and what is installed.
    pub(crate) fn look(&self) -> Result<Facts> {
        self.facts(include_str!("scripts/look.sh"), &[], LOOK)
    }

    /// Does `work` with a folder there, of root's own, with room for `kib` KiB; it is gone afterwards, also when
    /// `work` was aborted.
    pub(crate) fn staged(&self, kib: u64, work: impl FnOnce(&str) -> Result<Facts>) -> Result<Facts> {
        let staged = self.facts(include_str!("scripts/stage.sh"), &[&kib.to_string()], LOOK)?;
        let folder = staged.get("folder").context("the host names no folder")?;
        let result = work(folder);
        let words = ["/bin/sh", "-s", "--", folder];
        let out = self.run(&words, whole(include_str!("scripts/unstage.sh")), LOOK, &Interrupt::default())?;
        ensure!(out.status.success(), "{folder} is left behind: {}", out.last_line());
        result
    }

    /// Copies `file` to the path `to` there, readable by root alone, and compares the digests.
    pub(crate) fn upload(&self, file: &Path, to: &str) -> Result<()> {
        let copy = "umask 077; cat > \"$1\" && sha256sum < \"$1\"";
        let out = self.run(&["/bin/sh", "-c", copy, "sh", to], Input::File(file), UPLOAD, &self.interrupt)?;
        ensure!(out.status.success(), "copying {}: {}", file.display(), out.last_line());
        let (ours, theirs) = (digest_of(file)?, out.stdout.split_whitespace().next().unwrap_or_default());
        ensure!(ours == theirs, "copying {}: it arrived changed", file.display());
        Ok(())
    }

    /// Writes a small file there, whole or not at all, owned by root. False when it was there already.
    pub(crate) fn put(&self, content: &[u8], mode: u32, path: &str) -> Result<bool> {
        let words = ["/bin/sh", "-c", PUT, "sh", path, &format!("{mode:o}")];
        let out = self.run(&words, Input::Bytes(content.to_vec()), LOOK, &self.interrupt)?;
        ensure!(out.status.success(), "{path}: {}", out.last_line());
        Ok(out.stdout.trim() == "changed")
    }

    /// Whether the operator cut it off.
    pub(crate) fn aborted(&self) -> bool {
        self.interrupt.aborted()
    }

    fn run(
        &self,
        words: &[&str],
        input: Input<'_>,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Output> {
        let words = if self.sudo { [&["sudo", "-n", "--"], words].concat() } else { words.to_vec() };
        let mut command = match &self.way {
            Way::Ssh(login) => login.command(&words),
            Way::Local => {
                let mut words = words.iter();
                let mut command = Command::new(words.next().context("no command")?);
                command.args(words);
                command
            }
        };
        process::run(&mut command, input, limit, interrupt)
    }
}

/// A script with what it may call; its functions are read whole before the first line runs.
fn whole(script: &str) -> Input<'static> {
    let text = format!("{LIBRARY}\nmain() {{\n{script}\n}}\nmain \"$@\" </dev/null\nexit $?\n");
    Input::Bytes(text.into_bytes())
}

/// Asks for sudo's password once, at the terminal, before anything runs beside it.
pub(crate) fn authenticate(hosts: &[Host]) -> Result<()> {
    if hosts.iter().any(|host| matches!(host, Host::Ssh(_))) {
        super::ssh::program()?;
    }
    if !hosts.contains(&Host::Local) || rustix::process::geteuid().is_root() {
        return Ok(());
    }
    ensure!(exec::find("sudo").is_some(), "this machine needs root and there is no sudo");
    if Command::new("sudo").args(["-n", "true"]).output()?.status.success() {
        return Ok(());
    }
    exec::run(Command::new("sudo").arg("-v"))
}

/// SHA-256 of a file, in hexadecimal.
pub(crate) fn digest_of(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    Ok(digest::sha256(&bytes))
}

/// Lines `key=value`; others are not facts. A value may have any printable bytes.
pub(crate) fn facts(stdout: &str) -> Facts {
    let pair = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let is_key =
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
        is_key.then(|| (key.to_owned(), safe(value).collect()))
    };
    stdout.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_with_a_key_are_facts() {
        let read = facts("Welcome to web1!\nkernel=6.1.0\nPS1=x\n=y\nwhy=a=b \u{1b}[0m\n");
        let pairs: Vec<_> = read.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        assert_eq!(pairs, ["kernel:6.1.0", "why:a=b \u{fffd}[0m"]);
    }
}
