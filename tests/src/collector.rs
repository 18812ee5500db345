//! A collector on loopback: nginx and systemd-journal-remote as xtask's plan sets them up, and uploaders.
//!
//! Owns their processes and folders, and the three values in which a test's collector is not a real one: folder, ports,
//! and that nginx has no master process. Must not know what is in an entry.
use std::{
    ffi::OsString,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use xtask::collector::{self, Authority, File, Host, Plan, Settings};

use crate::{process::Running, wait};

/// systemd's receiver.
pub const REMOTE: &str = "/lib/systemd/systemd-journal-remote";
/// systemd's sender.
pub const UPLOAD: &str = "/lib/systemd/systemd-journal-upload";
const NGINX: &str = "/usr/sbin/nginx";
const START: Duration = Duration::from_secs(60);
/// How long a host's journal may take to be sent.
pub const SENT: Duration = Duration::from_secs(120);

/// Why there can be no collector here, one line; `None` when there can.
#[must_use]
pub fn missing() -> Option<String> {
    let gone = [REMOTE, UPLOAD, NGINX].into_iter().find(|program| !Path::new(program).exists());
    if let Some(program) = gone {
        return Some(format!("{program} is missing (Debian: systemd-journal-remote, nginx-light)"));
    }
    let openssl = Command::new("openssl").arg("version").output().is_ok();
    (!openssl).then(|| "openssl is not installed".to_owned())
}

/// A collector and its fleet's certificates.
pub struct Collector {
    root: TempDir,
    authority: Authority,
    ports: [u16; 2],
    nginx: Option<Running>,
    remote: Option<Running>,
}

impl Collector {
    /// Starts one for hosts of these names.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub fn start(hosts: &[&str]) -> Result<Self> {
        let root = tempfile::tempdir()?;
        let authority = Authority::open(&root.path().join("authority"))?;
        let ports = free_ports()?;
        let mut own = Self { root, authority, ports, nginx: None, remote: None };
        let hosts: Vec<_> = hosts.iter().map(|name| Host::new(name)).collect();
        let plan = Plan::new(&Settings::new("127.0.0.1"), &hosts, None)?;
        for file in plan.collector.iter().chain(&own.authority.server("127.0.0.1")?) {
            own.put(file)?;
        }
        own.receive()?;
        own.open()?;
        Ok(own)
    }

    /// Folder of the journals that it received.
    #[must_use]
    pub fn journals(&self) -> PathBuf {
        self.inside(collector::JOURNALS)
    }

    /// Journal files that it made.
    #[must_use]
    pub fn received(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.journals()).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains(".journal")).collect()
    }

    /// Where senders reach it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports[0]))
    }

    /// A file of the machine, in this test's folder.
    fn inside(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    fn put(&self, file: &File) -> Result<()> {
        let path = self.inside(&file.path);
        let content = match std::str::from_utf8(&file.content) {
            Ok(text) => self.moved(text).into_bytes(),
            Err(_) => file.content.clone(),
        };
        fs::create_dir_all(path.parent().context("no parent")?)?;
        fs::write(&path, content).with_context(|| path.display().to_string())?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?)
    }

    /// What a file of the plan says, with this test's folder and ports.
    fn moved(&self, text: &str) -> String {
        let [front, back] = self.ports;
        let folder = self.inside(collector::FOLDER).display().to_string();
        let front = format!("listen 127.0.0.1:{front} ssl;");
        let listen = format!("listen [::]:{} ipv6only=off ssl;", collector::PORT);
        text.replace(collector::FOLDER, &folder)
            .replace(&listen, &front)
            .replace(collector::REMOTE, &format!("127.0.0.1:{back}"))
    }

    /// Starts systemd-journal-remote, which must not run.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn receive(&mut self) -> Result<()> {
        let port = self.ports[1];
        fs::create_dir_all(self.journals())?;
        let argv: [OsString; 4] = [
            REMOTE.into(),
            format!("--listen-http=127.0.0.1:{port}").into(),
            "--split-mode=host".into(),
            format!("--output={}", self.journals().display()).into(),
        ];
        self.remote = Some(listening("systemd-journal-remote", &argv, port)?);
        Ok(())
    }

    /// The receiver's process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn receiver(&mut self) -> Result<&mut Running> {
        self.remote.as_mut().context("systemd-journal-remote does not run")
    }

    fn open(&mut self) -> Result<()> {
        let root = self.root.path().display();
        let conf = self.inside("/etc/nginx/conf.d/minewarden-collector.conf");
        let main = format!(
            "daemon off; master_process off; pid {root}/nginx.pid; error_log stderr;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log {root}/access.log; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n\
             fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
             include {};\n}}\n",
            conf.display()
        );
        let file = self.root.path().join("nginx.conf");
        fs::write(&file, main)?;
        let argv: [OsString; 5] = [NGINX.into(), "-e".into(), "stderr".into(), "-c".into(), file.into()];
        self.nginx = Some(listening("nginx", &argv, self.ports[0])?);
        Ok(())
    }

    /// Processor time that nginx and systemd-journal-remote have taken so far, in seconds.
    ///
    /// # Errors
    /// When one does not run.
    pub fn cpu_seconds(&mut self) -> Result<[f64; 2]> {
        let [nginx, remote] = [&self.nginx, &self.remote].map(|running| cpu_seconds(running.as_ref()?.pid()));
        Ok([nginx.context("nginx does not run")?, remote.context("systemd-journal-remote does not run")?])
    }

    /// What nginx answered, a line for each request.
    #[must_use]
    pub fn answers(&self) -> String {
        fs::read_to_string(self.root.path().join("access.log")).unwrap_or_default()
    }

    /// A folder of its own for a host, with the certificate of `name`.
    ///
    /// # Errors
    /// When the certificate cannot be made.
    pub fn host(&self, name: &str) -> Result<Sender> {
        Sender::new(self.root.path(), name, &self.authority, self.address())
    }

    /// The same with a certificate of an authority that the collector does not know.
    ///
    /// # Errors
    /// As [`Collector::host`].
    pub fn stranger(&self, name: &str) -> Result<Sender> {
        let foreign = Authority::open(&self.root.path().join("foreign"))?;
        let sender = Sender::new(self.root.path(), name, &foreign, self.address())?;
        // It believes the collector; it is the collector that must not believe it.
        fs::copy(self.authority.certificate(), sender.folder.join("ca.pem"))?;
        Ok(sender)
    }
}

/// A host that sends.
pub struct Sender {
    /// Its files.
    pub folder: PathBuf,
    collector: SocketAddr,
}

impl Sender {
    fn new(root: &Path, name: &str, authority: &Authority, collector: SocketAddr) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(root)?.keep();
        for file in authority.host(name)? {
            let path = folder.join(Path::new(&file.path).file_name().context("no name")?);
            fs::write(&path, &file.content)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
        }
        fs::create_dir(folder.join("journal"))?;
        Ok(Self { folder, collector })
    }

    /// Its own journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal/host.journal")
    }

    /// Starts systemd-journal-upload, which ends when everything is sent.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn upload(&self) -> Result<Running> {
        let option =
            |name: &str, file: &str| OsString::from(format!("--{name}={}", self.folder.join(file).display()));
        let argv = [
            UPLOAD.into(),
            format!("--url=https://{}", self.collector).into(),
            option("key", "host.key"),
            option("cert", "host.pem"),
            option("trust", "ca.pem"),
            option("directory", "journal"),
            option("save-state", "state"),
            "--follow=no".into(),
        ];
        Running::start("systemd-journal-upload", &argv)
    }

    /// Sends everything.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn send(&self) -> Result<()> {
        self.upload()?.finish(SENT)
    }
}

/// Fields 14 and 15 of /proc/PID/stat, which stand 11 and 12 after the state.
#[expect(clippy::cast_precision_loss, reason = "ticks of a test's minutes")]
fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks = stat.rsplit_once(") ")?.1.split(' ').skip(11).take(2);
    let ticks = ticks.map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Two ports of 127.0.0.1 that nobody has.
fn free_ports() -> Result<[u16; 2]> {
    let held = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let [front, back] = held.map(|listener| listener.local_addr().map(|address| address.port()));
    Ok([front?, back?])
}

fn listening(name: &str, argv: &[OsString], port: u16) -> Result<Running> {
    let mut running = Running::start(name, argv)?;
    let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    let ready = wait::until(&format!("{name} on port {port}"), START, || {
        (answers() || running.ended().is_some()).then_some(())
    });
    ready.with_context(|| running.dump())?;
    ensure!(running.ended().is_none(), "{name} ended at once\n{}", running.dump());
    Ok(running)
}
