//! A collector of many hosts' journals, as files: pure functions from a list of hosts to what goes where.
//!
//! Owns the paths, the names that hosts may have and the plan; [`authority`] makes the certificates. Must not know how
//! files get to a machine: `deploy` copies them and then runs the commands that are named here.
//!
//! ```text
//! let previous = /* sources.toml of the collector, if there is one */;
//! let plan = Plan::new(&settings, &hosts, previous)?;
//! let authority = Authority::open(&folder)?;
//! // on the collector: plan.collector and authority.server(&settings.address)?, then COLLECTOR_START
//! // on each host:     plan.host_files(&name)? and authority.host(&name)?, then HOST_START
//! ```
use anyhow::{Context as _, Result, ensure};

pub mod authority;
mod files;
mod sources;

pub use authority::Authority;
pub use sources::{Source, Sources};

/// Folder of certificates and keys, on collector and hosts.
pub const FOLDER: &str = "/etc/minewarden/collector";
/// Folder of the received journals, on the collector; systemd's own unit makes it.
pub const JOURNALS: &str = "/var/log/journal/remote";
/// The collector's port: systemd-journal-remote's own.
pub const PORT: u16 = 19_532;
/// Where systemd-journal-remote listens behind nginx.
pub const REMOTE: &str = "127.0.0.1:19533";
/// Journal namespace of hosts that send minewarden's entries alone.
pub const NAMESPACE: &str = "minewarden-fleet";

/// What makes a collector of a machine that has its files, one command a line. The socket takes its new address only
/// while nobody uses the old one; senders try again meanwhile.
pub const COLLECTOR_START: [&str; 7] = [
    "systemctl daemon-reload",
    "systemctl stop systemd-journal-remote.service",
    "systemctl enable systemd-journal-remote.socket",
    "systemctl restart systemd-journal-remote.socket",
    "systemctl enable --now minewarden-vacuum.timer",
    "nginx -t",
    "systemctl reload-or-restart nginx.service",
];
/// The same where only the list of hosts or a certificate has changed.
pub const COLLECTOR_RELOAD: [&str; 2] = ["nginx -t", "systemctl reload-or-restart nginx.service"];
/// What ends it, before its files are removed; the journals stay. Then `systemctl daemon-reload` and [`COLLECTOR_RELOAD`].
pub const COLLECTOR_STOP: [&str; 1] = [
    "systemctl disable --now systemd-journal-remote.socket systemd-journal-remote.service minewarden-vacuum.timer",
];
/// What a machine needs before that: a program, and the package of Debian that has it.
pub const COLLECTOR_NEEDS: [(&str, &str); 2] = [
    ("/usr/sbin/nginx", "nginx-light"),
    ("/usr/lib/systemd/systemd-journal-remote", "systemd-journal-remote"),
];
/// What makes a host send, one command a line.
pub const HOST_START: [&str; 3] = [
    "systemctl daemon-reload",
    "systemctl enable systemd-journal-upload.service",
    "systemctl restart systemd-journal-upload.service",
];
/// What ends that, before its files are removed.
pub const HOST_STOP: [&str; 1] = ["systemctl disable --now systemd-journal-upload.service"];
/// What it needs before that.
pub const HOST_NEEDS: [(&str, &str); 1] =
    [("/usr/lib/systemd/systemd-journal-upload", "systemd-journal-remote")];

/// What hosts send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    /// The whole journal of each host. Records of execs and connections, in a namespace of their own, stay there.
    Everything,
    /// Minewarden's entries alone: the agent writes to a journal namespace of its own, and that is sent.
    OwnEntries,
}

/// A collector.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name or address that hosts reach it by.
    pub address: String,
    /// What hosts send.
    pub upload: Upload,
    /// Most that the journals may take of its disk, as systemd writes sizes.
    pub max_use: String,
    /// How long they are kept, as systemd writes times.
    pub keep: String,
}

impl Settings {
    /// With 10 GB, a month, and everything that hosts have.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            upload: Upload::Everything,
            max_use: "10G".into(),
            keep: "30d".into(),
        }
    }
}

/// A host of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name in reports, and the common name of its certificate.
    pub name: String,
    /// What its journal calls it, where that is another name.
    pub hostname: Option<String>,
}

impl Host {
    /// One whose journal calls it by this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), hostname: None }
    }
}

/// A file for a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it goes.
    pub path: String,
    /// Its mode; the owner is root.
    pub mode: u32,
    /// What is in it.
    pub content: Vec<u8>,
}

impl File {
    fn text(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), mode: 0o644, content: text.into().into_bytes() }
    }
}

/// What goes where. No secret is in it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which host has which address, those included that were taken off the fleet.
    pub sources: Sources,
    /// Files of the collector.
    pub collector: Vec<File>,
    /// Files of a host, the same for each.
    host: Vec<File>,
}

impl Plan {
    /// For `hosts`. `previous` is the collector's sources.toml: hosts keep their addresses, and one that is there no
    /// more keeps its own too, since journals are named by it.
    ///
    /// # Errors
    /// A name that cannot be a certificate's, or is there twice; more hosts than addresses.
    pub fn new(settings: &Settings, hosts: &[Host], previous: Option<&str>) -> Result<Self> {
        check_address(&settings.address)?;
        let previous = previous.map(Sources::parse).transpose().context("the collector's sources.toml")?;
        let sources = Sources::assign(hosts, previous.unwrap_or_default())?;
        let collector = files::collector(settings, &sources);
        Ok(Self { sources, collector, host: files::host(settings) })
    }

    /// Files of the host of that name.
    ///
    /// # Errors
    /// When it is none of the plan's.
    pub fn host_files(&self, name: &str) -> Result<&[File]> {
        ensure!(self.sources.is_active(name), "{name} is no host of the plan");
        Ok(&self.host)
    }
}

/// A name or an address as it stands in a URL, a certificate and nginx's configuration, so that none can be anything
/// but a name there.
fn check_address(address: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    let valid = !address.is_empty() && address.len() <= 253 && address.chars().all(plain);
    ensure!(valid && !address.starts_with('-'), "{address:?} is no host name or address of a collector");
    Ok(())
}

/// Names that are the same in a certificate, in nginx and in TOML, with no quoting in any: 64 is the most that X.509
/// has for a common name.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let valid = starts_well && name.len() <= 64 && name.chars().all(plain);
    ensure!(
        valid,
        "{name:?} cannot be a certificate's name: 1 to 64 letters, digits, dots, dashes, underscores"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
