//! A Docker of the test's own: the host's daemon, if it has one, knows nothing of it.
//!
//! Owns the daemon, which lives with all its mounts in a mount namespace of its own and keeps everything in a folder of
//! the test's, and the image that is made for it. Ends the daemon by its pid.
use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    client::python,
    process::{Running, Signal},
    wait,
};

/// A runtime of the daemon's that gives a container exactly the capabilities that [`CAPABILITIES`] names.
pub const RUNTIME: &str = "named-capabilities";
/// A variable of the container's environment that the runtime takes out again: names with `CAP_`, comma-separated.
pub const CAPABILITIES: &str = "MINEWARDEN_TEST_CAPABILITIES";

/// How long the daemon may take to start or to end.
const DAEMON: Duration = Duration::from_secs(60);

/// Why there can be no daemon here; `None` when there can.
#[must_use]
pub fn missing() -> Option<String> {
    let lacks =
        |program: &&str| !Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    let program = ["dockerd", "docker", "containerd", "runc", "unshare", "tar"]
        .into_iter()
        .find(|program| lacks(program))?;
    Some(format!("`{program} --version` does not work on this host (Debian: docker.io)"))
}

/// A running daemon; containers and daemon are ended when it is dropped.
pub struct Docker {
    daemon: Option<Running>,
    containers: Vec<String>,
    folder: Option<TempDir>,
}

impl Docker {
    /// Starts a daemon without networks of its own.
    ///
    /// # Errors
    /// When it does not start; with what it wrote.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("minewarden-docker-").tempdir()?;
        let option = |name: &str, path: &str| {
            let mut option = OsString::from(name);
            option.push(folder.path().join(path));
            option
        };
        // Alone in its mount namespace, so that no mount of it outlives it or hides in the folder.
        let mut argv: Vec<OsString> = ["unshare", "--mount", "--propagation", "private", "dockerd"]
            .iter()
            .map(OsString::from)
            .collect();
        argv.extend([
            option("--data-root=", "data"),
            option("--exec-root=", "exec"),
            option("--pidfile=", "pid"),
            option("--host=unix://", "socket"),
            option("--config-file=", "daemon.json"),
        ]);
        let plain = [
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--storage-driver=vfs",
            "--shutdown-timeout=5",
        ];
        argv.extend(plain.iter().map(OsString::from));
        let runtime = folder.path().join("runtime");
        fs::write(&runtime, format!("#!{}\n{}", python()?, include_str!("runtime.py")))?;
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o755))?;
        let daemon = json!({ "runtimes": { RUNTIME: { "path": runtime } } });
        fs::write(folder.path().join("daemon.json"), daemon.to_string())?;
        let daemon = Running::start("dockerd", &argv)?;
        let mut docker = Self { daemon: Some(daemon), containers: Vec::new(), folder: Some(folder) };
        docker.wait_ready()?;
        Ok(docker)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let up = wait::until("dockerd", DAEMON, || {
            let ended = self.daemon.as_mut().is_none_or(|daemon| daemon.ended().is_some());
            (ended || self.client(&["version"]).is_ok()).then_some(!ended)
        });
        match up {
            Ok(true) => Ok(()),
            _ => bail!("dockerd did not start\n{}", self.dump()),
        }
    }

    /// Makes an image of one program, with the libraries that it is linked to. The program is `/bin/NAME` in it.
    ///
    /// # Errors
    /// When the program cannot be read, or Docker refuses the tree.
    pub fn import(&self, program: &Path, image: &str) -> Result<()> {
        let tree = self.path()?.join("tree");
        let name = program.file_name().context("a program without name")?;
        copy(program, &tree.join("bin").join(name))?;
        for library in libraries(program)? {
            copy(&library, &tree.join(library.strip_prefix("/")?))?;
        }
        let mut tar = Command::new("tar")
            .arg("-C")
            .arg(&tree)
            .args(["-c", "."])
            .stdout(Stdio::piped())
            .spawn()
            .context("tar")?;
        let stream = tar.stdout.take().context("no stdout of tar")?;
        let output = self.command(&["import", "-", image])?.stdin(stream).output()?;
        ensure!(tar.wait()?.success(), "tar failed");
        ensure!(output.status.success(), "docker import: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Builds an image by a Containerfile, without a network. `program` is called `name` in its context; where it is not
    /// linked statically, the image has an image of its libraries below it (`BASE`).
    ///
    /// # Errors
    /// When Docker refuses; with what it said.
    pub fn build(&self, containerfile: &Path, program: &Path, name: &str, image: &str) -> Result<()> {
        let context = self.path()?.join("context");
        copy(program, &context.join(name))?;
        let mut base = "scratch".to_owned();
        if !libraries(program)?.is_empty() {
            base = format!("{image}-libraries");
            self.import(program, &base)?;
        }
        let mut command =
            self.command(&["build", "--network=none", "--pull=false", "--tag", image, "--build-arg"])?;
        // Debian has no buildx beside docker.io.
        command.env("DOCKER_BUILDKIT", "0").arg(format!("BASE={base}"));
        let output = command.arg("--file").arg(containerfile).arg(context).output()?;
        ensure!(output.status.success(), "docker build: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Runs a container, detached, with these arguments alone; its id.
    ///
    /// # Errors
    /// When Docker refuses; with what it said.
    pub fn run_as(&mut self, args: &[String]) -> Result<String> {
        let args: Vec<&str> =
            ["run", "--detach"].into_iter().chain(args.iter().map(String::as_str)).collect();
        let id = self.client(&args)?;
        self.containers.push(id.clone());
        Ok(id)
    }

    /// Runs a container, detached, its standard input open; its id.
    ///
    /// # Errors
    /// When Docker refuses; with what it said.
    pub fn run(&mut self, args: &[&str]) -> Result<String> {
        let id = self.client(&[&["run", "--detach", "--interactive", "--network=host"], args].concat())?;
        self.containers.push(id.clone());
        Ok(id)
    }

    /// The pid of a container's first process on the host.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self, id: &str) -> Result<u32> {
        let pid = self.client(&["inspect", "--format={{.State.Pid}}", id])?.parse()?;
        ensure!(pid != 0, "{}", self.ended(id));
        Ok(pid)
    }

    /// How a container ended, for the message of a failure: its state and all that it wrote.
    #[must_use]
    pub fn ended(&self, id: &str) -> String {
        let state = self.client(&["inspect", "--format={{json .State}}", id]).unwrap_or_default();
        let logs = self.command(&["logs", id]).and_then(|mut command| Ok(command.output()?));
        let logs = logs.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        format!("the container: {state}\n{}", String::from_utf8_lossy(&logs))
    }

    /// What the client says on its standard output.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn client(&self, args: &[&str]) -> Result<String> {
        let output = self.command(args)?.output()?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        ensure!(output.status.success(), "docker {}: {}", args.join(" "), said(&output.stderr));
        Ok(said(&output.stdout))
    }

    /// Ends containers and daemon, and removes their folder.
    ///
    /// # Errors
    /// When the daemon does not end, or a mount is left.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        for id in std::mem::take(&mut self.containers) {
            self.client(&["rm", "--force", &id])?;
        }
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        daemon.signal(Signal::TERM)?;
        daemon.wait(DAEMON)?;
        let folder = self.folder.take().context("no folder")?;
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        if mounts
            .lines()
            .any(|line| line.split(' ').nth(1).is_some_and(|at| Path::new(at).starts_with(folder.path())))
        {
            bail!("a mount is left in {}, which stays", folder.keep().display());
        }
        folder.close().context("cannot remove the folder of Docker")
    }

    fn command(&self, args: &[impl AsRef<OsStr>]) -> Result<Command> {
        let mut socket = OsString::from("unix://");
        socket.push(self.path()?.join("socket"));
        let mut command = Command::new("docker");
        // A context or a host of the developer's own would lead to another daemon.
        command.env_remove("DOCKER_CONTEXT").env_remove("DOCKER_HOST").env("DOCKER_CONFIG", self.path()?);
        command.arg("--host").arg(socket).args(args);
        Ok(command)
    }

    fn path(&self) -> Result<&Path> {
        self.folder.as_ref().map(TempDir::path).context("no folder")
    }

    fn dump(&self) -> String {
        self.daemon.as_ref().map(Running::dump).unwrap_or_default()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if self.daemon.is_some() && self.end().is_err() {
            // Processes of it may be alive: nothing is removed under them.
            let _ = self.folder.take().map(TempDir::keep);
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("no folder")?)?;
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

/// Absolute paths of the libraries and the loader, as `ldd` finds them.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    // Of a static program it says that it is none, and nothing else.
    let output = Command::new("ldd").arg(program).output().context("ldd")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect())
}
