//! The system's ssh: one login per host, over which everything else goes.
//!
//! Owns the options that ssh gets, the login, and what its refusals mean. Must not know what is done over it. The
//! user's own configuration of ssh counts; only that host keys are checked cannot be turned off.
use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, ChildStdin, Command},
    str::FromStr,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};

use super::{
    host::Address,
    interrupt::Interrupt,
    process::{self, plain},
};

/// Said by the far shell when the login stands; what a host prints before it is not ours.
const READY: &str = "minewarden-deploy ready, uid ";
/// For name, TCP connection, keys and the far shell's start.
const LOGIN: Duration = Duration::from_secs(90);
/// Most that is read of what a host says before it is ready.
const GREETING_MAX: u64 = 1 << 20;
/// For a login to end by itself.
const LOGOUT: Duration = Duration::from_secs(5);
/// Longest path of a socket (unix(7)), less ssh's own temporary suffix.
const SOCKET_MAX: usize = 108 - 20;

/// What every login shares.
#[derive(Debug)]
pub(crate) struct Ssh {
    /// Read by ssh in place of the user's own configuration.
    config: Option<PathBuf>,
    options: Vec<SshOption>,
    /// Control sockets; mode 0700, gone with us.
    folder: tempfile::TempDir,
    interrupt: Interrupt,
}

/// `KEY=VALUE`, as for ssh's `-o`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SshOption(String);

impl FromStr for SshOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or(format!("{text:?} is not KEY=VALUE"))?;
        let is = |name: &str| key.trim().eq_ignore_ascii_case(name);
        if is("StrictHostKeyChecking") && !value.trim().eq_ignore_ascii_case("yes") {
            return Err("host keys are always checked: put the host's key into known_hosts".to_owned());
        }
        if key.trim().is_empty() || text.contains(['\n', '\0']) {
            return Err(format!("{text:?} is not KEY=VALUE"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Ssh {
    pub(crate) fn new(
        config: Option<PathBuf>,
        options: Vec<SshOption>,
        interrupt: Interrupt,
    ) -> Result<Arc<Self>> {
        let folder =
            tempfile::Builder::new().prefix("mw-").tempdir().context("a folder for ssh's sockets")?;
        if folder.path().as_os_str().len() + 8 > SOCKET_MAX {
            bail!("{}: too long for ssh's sockets; set TMPDIR to a shorter folder", folder.path().display());
        }
        Ok(Arc::new(Self { config, options, folder, interrupt }))
    }

    /// What ends a wait.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// ssh to `address` by way of `socket`.
    fn command(&self, address: &Address, socket: &str) -> Command {
        let mut command = Command::new("ssh");
        if let Some(file) = &self.config {
            command.arg("-F").arg(file);
        }
        command.args(["-a", "-x", "-T", "-oStrictHostKeyChecking=yes"]);
        // The first value of an option counts: the operator's own go before ours.
        command.args(self.options.iter().map(|option| format!("-o{}", option.0)));
        command.args(["-oBatchMode=yes", "-oConnectTimeout=15", "-oCompression=yes"]);
        command.args(["-oServerAliveInterval=15", "-oServerAliveCountMax=4", "-oClearAllForwardings=yes"]);
        command.args(["-oPermitLocalCommand=no", "-oRemoteCommand=none", "-oEscapeChar=none"]);
        command.arg(format!("-oControlPath={}", self.folder.path().join(socket).display()));
        command.args(address.port.map(|port| format!("-p{port}")));
        if let Some(user) = &address.user {
            command.args(["-l", user]);
        }
        command
    }
}

/// A login that stands.
#[derive(Debug)]
pub(crate) struct Login {
    ssh: Arc<Ssh>,
    address: Address,
    socket: String,
    master: Child,
    /// The far end of the login waits for its end of file.
    hold: Option<ChildStdin>,
    /// User id there.
    pub(crate) uid: u32,
}

impl Login {
    /// Logs in; `number` tells the control sockets apart.
    pub(crate) fn new(ssh: &Arc<Ssh>, address: &Address, number: usize) -> Result<Self> {
        let socket = number.to_string();
        let mut command = ssh.command(address, &socket);
        command.args(["-oControlMaster=yes", "--", &address.name]);
        command.arg(format!("/bin/sh -c 'echo \"{READY}$(id -u)\"; exec cat >/dev/null'"));
        let mut master = process::spawn(&mut command)?;
        let hold = master.stdin.take();
        let errors = process::collect(master.stderr.take().context("no standard error")?);
        let greeting = greeting(master.stdout.take().context("no standard output")?);
        match ready(&greeting, &mut master, &ssh.interrupt) {
            Ok(uid) => Ok(Self { ssh: Arc::clone(ssh), address: address.clone(), socket, master, hold, uid }),
            Err(error) => {
                let _ = process::end_group(&mut master);
                let said = errors.recv_timeout(LOGOUT).unwrap_or_default();
                Err(refusal(&String::from_utf8_lossy(&said)).unwrap_or(error))
            }
        }
    }

    /// ssh over this login; its arguments become one line for the far shell.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.ssh.command(&self.address, &self.socket);
        command.args(["-oControlMaster=no", "--", &self.address.name]);
        command.arg(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
        command
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.hold = None;
        let _ = process::wait(&mut self.master, LOGOUT, &Interrupt::default());
    }
}

/// Lines that a host prints until it is ready, or up to the cap.
fn greeting(stream: impl std::io::Read + Send + 'static) -> Receiver<u32> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(stream.take(GREETING_MAX)).split(b'\n').map_while(Result::ok);
        let uid = |line: Vec<u8>| String::from_utf8_lossy(&line).trim().strip_prefix(READY)?.parse().ok();
        if let Some(uid) = lines.filter_map(uid).next() {
            let _ = sender.send(uid);
        }
    });
    receiver
}

fn ready(greeting: &Receiver<u32>, master: &mut Child, interrupt: &Interrupt) -> Result<u32> {
    let end = Instant::now() + LOGIN;
    loop {
        match greeting.recv_timeout(Duration::from_millis(200)) {
            Ok(uid) => return Ok(uid),
            Err(RecvTimeoutError::Disconnected) => bail!("the login ended: {}", master.wait()?),
            Err(RecvTimeoutError::Timeout) if interrupt.aborted() => bail!("aborted"),
            Err(RecvTimeoutError::Timeout) if Instant::now() > end => {
                bail!("no login after {} s", LOGIN.as_secs())
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// What ssh's page of text means, as one line.
fn refusal(stderr: &str) -> Option<anyhow::Error> {
    if stderr.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        return Some(anyhow!(
            "its host key is not the one in known_hosts: another machine, or a new key; nothing was sent"
        ));
    }
    if stderr.contains("Host key verification failed") {
        return Some(anyhow!(
            "its host key is not in known_hosts: log in once and compare it; nothing was sent"
        ));
    }
    let last = stderr.lines().map(plain).rfind(|line| !line.is_empty())?;
    Some(anyhow!("{last}"))
}

/// One word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The program that everything goes through.
pub(crate) fn program() -> Result<PathBuf> {
    crate::exec::find("ssh").context("there is no ssh; Debian has it in openssh-client")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_turns_the_check_of_host_keys_off() {
        for option in
            ["StrictHostKeyChecking=no", "stricthostkeychecking = accept-new", "Port", "=x", "a=b\nc"]
        {
            assert!(option.parse::<SshOption>().is_err(), "{option}");
        }
        assert!("IdentityFile=id".parse::<SshOption>().is_ok());
        let ssh = Ssh::new(None, vec!["Port=7".parse().unwrap()], Interrupt::default()).unwrap();
        let command = ssh.command(&"ops@web1".parse().unwrap(), "0");
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        let place = |wanted: &str| args.iter().position(|arg| arg == wanted).unwrap();
        assert!(place("-oStrictHostKeyChecking=yes") < place("-oPort=7"));
        assert!(place("-oPort=7") < place("-oBatchMode=yes"));
        assert_eq!(args[place("-l") + 1], "ops");
    }

    #[test]
    fn a_refusal_is_one_line() {
        let of = |text| refusal(text).map(|error| error.to_string());
        let changed =
            "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@\nHost key verification failed.\n";
        assert!(of(changed).unwrap().starts_with("its host key is not the one in known_hosts"));
        let unknown = "No ED25519 host key is known for web1.\nHost key verification failed.\n";
        assert!(of(unknown).unwrap().starts_with("its host key is not in known_hosts"));
        let timeout = "ssh: connect to host web1 port 22: Connection timed out\r\n";
        assert_eq!(of(timeout).unwrap(), "ssh: connect to host web1 port 22: Connection timed out");
        assert_eq!(of("\n"), None);
    }

    #[test]
    fn a_word_stays_a_word_for_the_far_shell() {
        assert_eq!(quoted("/bin/sh"), "/bin/sh");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $(x)"), r"'it'\''s $(x)'");
        assert_eq!(quoted(""), "''");
    }
}
