//! ssh to the guests: a key for the run, their host keys as known hosts, a configuration that anybody's ssh takes.
use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::guest::Guest;
use crate::object::toolchain::text;

/// Longest path of a socket (unix(7)), less ssh's own suffix and the name of a guest.
const SOCKET_MAX: usize = 108 - 20;

/// Makes a key pair, `path` and `path.pub`, unless it is there.
pub(super) fn make_key(path: &Path, comment: &str) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut command = Command::new("ssh-keygen");
    text(command.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path)).map(drop)
}

/// The files of a fleet that ssh reads.
#[derive(Clone, Debug)]
pub(crate) struct Ssh(PathBuf);

/// What ssh is told, `KEY VALUE` in a configuration or `KEY=VALUE` after `-o`; good for every guest by its name.
pub(crate) type SshOption = (&'static str, String);

impl Ssh {
    /// Those in `run`, there or not.
    pub(super) fn of(run: &Path) -> Self {
        Self(run.to_owned())
    }

    /// What `ssh -F` takes.
    pub(crate) fn config(&self) -> PathBuf {
        self.0.join("ssh_config")
    }

    fn identity(&self) -> PathBuf {
        self.0.join("id")
    }

    fn known_hosts(&self) -> PathBuf {
        self.0.join("known_hosts")
    }

    /// The public key that the guests let in; makes it for the run.
    pub(super) fn key(&self) -> Result<String> {
        make_key(&self.identity(), "minewarden test-bed")?;
        let path = self.identity().with_extension("pub");
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    /// Writes known hosts, from the guests' own keys, and the configuration. `proxy` is a program that this host's
    /// root runs as `PROXY fleet connect --lab LAB HOST PORT`.
    pub(super) fn write(&self, guests: &[Guest], proxy: &Path, lab: &str) -> Result<()> {
        let mut known = String::new();
        for guest in guests {
            let path = guest.host_key();
            let key = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let _ = writeln!(known, "{} {}", guest.name(), key.trim());
        }
        fs::write(self.known_hosts(), known)?;
        let mut config = "# Written by `cargo xtask fleet up`; `fleet down` removes it.\n".to_owned();
        for (key, value) in self.options(proxy, lab)? {
            let _ = writeln!(config, "{key} {value}");
        }
        fs::write(self.config(), config)?;
        // ssh refuses a configuration that others may write.
        fs::set_permissions(self.config(), Permissions::from_mode(0o644))?;
        Ok(())
    }

    /// Every guest by its name, with its host key checked. The proxy command knows the names.
    pub(crate) fn options(&self, proxy: &Path, lab: &str) -> Result<Vec<SshOption>> {
        Ok(vec![
            ("User", "root".to_owned()),
            ("IdentityFile", quoted(&self.identity())?),
            ("IdentitiesOnly", "yes".to_owned()),
            ("UserKnownHostsFile", quoted(&self.known_hosts())?),
            ("GlobalKnownHostsFile", "/dev/null".to_owned()),
            ("StrictHostKeyChecking", "yes".to_owned()),
            ("BatchMode", "yes".to_owned()),
            ("ConnectTimeout", "20".to_owned()),
            ("ProxyCommand", format!("{} fleet connect --lab {lab} %h %p", quoted(proxy)?)),
            ("ProxyUseFdpass", "yes".to_owned()),
        ])
    }

    /// An ssh into a guest; what follows the host is for the guest's shell.
    pub(crate) fn command(&self, host: &str) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(self.config()).arg(host);
        command
    }

    /// Runs `script` in a guest, whatever its exit status.
    pub(crate) fn output(&self, host: &str, script: &str) -> Result<Output> {
        let mut command = Command::new("ssh");
        command.args(self.shared()).arg("-F").arg(self.config()).args([host, script]);
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))
    }

    /// One login for many commands, where its socket's path is short enough. It ends with the guest.
    fn shared(&self) -> Vec<OsString> {
        let socket = self.0.join("login-%n");
        if socket.as_os_str().len() > SOCKET_MAX {
            return Vec::new();
        }
        let mut path = OsString::from("-oControlPath=");
        path.push(socket);
        vec!["-oControlMaster=auto".into(), "-oControlPersist=60".into(), path]
    }

    /// Standard output of `script` in a guest, trimmed; an error carries what it said on standard error.
    pub(crate) fn run(&self, host: &str, script: &str) -> Result<String> {
        let output = self.output(host, script)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{host}: `{script}`: {}: {}", output.status, said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Writes a file in a guest, with folders above it that everybody may enter. The bytes go by standard input.
    pub(crate) fn put(&self, host: &str, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        let script = format!("umask 022 && mkdir -p \"${{f%/*}}\" && install -m {mode:o} /dev/stdin \"$f\"");
        let mut command = Command::new("ssh");
        command
            .args(self.shared())
            .arg("-F")
            .arg(self.config())
            .args([host, &format!("f='{path}'; {script}")]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // What a failing end does not read is no error of ours; its own is told.
        let _ = child.stdin.take().context("no standard input")?.write_all(bytes);
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{host}: cannot write {path}: {}", said.trim());
        Ok(())
    }

    /// Copies a file of this host into a guest.
    pub(crate) fn copy(&self, from: &Path, host: &str, to: &str) -> Result<()> {
        let mut command = Command::new("scp");
        command
            .args(self.shared())
            .arg("-q")
            .arg("-F")
            .arg(self.config())
            .arg(from)
            .arg(format!("{host}:{to}"));
        text(&mut command).map(drop)
    }
}

/// A path as a word of ssh's configuration, where `%` starts a token.
fn quoted(path: &Path) -> Result<String> {
    let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    if path.contains(['"', '\'', '\\', '$', '`']) {
        bail!("{path}: a path with quotes, `$` or a backslash cannot be written into ssh's configuration");
    }
    Ok(format!("\"{}\"", path.replace('%', "%%")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_of_the_configuration() {
        assert_eq!(quoted(Path::new("/a b/50%")).unwrap(), "\"/a b/50%%\"");
        assert!(quoted(Path::new("/a/$(b)")).unwrap_err().to_string().contains("cannot be written"));
    }

    #[test]
    fn known_hosts_and_configuration_name_each_guest() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        let guests = [Guest::new(run, "mw-test", 1).unwrap(), Guest::new(run, "mw-test", 2).unwrap()];
        for guest in &guests {
            let key = guest.host_key();
            fs::create_dir_all(key.parent().unwrap()).unwrap();
            fs::write(&key, format!("ssh-ed25519 KEY{} x\n", guest.number)).unwrap();
        }
        let ssh = Ssh::of(run);
        ssh.write(&guests, Path::new("/opt/x"), "mw-test").unwrap();
        let known = fs::read_to_string(ssh.known_hosts()).unwrap();
        assert_eq!(known, "h1 ssh-ed25519 KEY1 x\nh2 ssh-ed25519 KEY2 x\n");
        let config = fs::read_to_string(ssh.config()).unwrap();
        assert!(config.contains("StrictHostKeyChecking yes"), "{config}");
        let asked = Command::new("ssh").arg("-G").arg("-F").arg(ssh.config()).arg("h2").output().unwrap();
        let asked = String::from_utf8(asked.stdout).unwrap();
        assert!(asked.contains("hostname h2\n") && asked.contains("stricthostkeychecking true"), "{asked}");
        assert!(asked.contains("proxyusefdpass yes"), "{asked}");
    }
}
