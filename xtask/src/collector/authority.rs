//! A small certificate authority by openssl, in a folder of the operator's.
//!
//! Owns the keys and when a certificate is made anew. Keys are born with mode 0600 in a folder of mode 0700, and none
//! is ever an argument of a command. The authority's own key leaves the folder for no machine. Must not know where
//! hosts are.
use std::{
    fs::{self, DirBuilder, Permissions},
    io::Read as _,
    net::IpAddr,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{FOLDER, File, check_address, check_name};

/// Of the authority. A new one means new certificates for every host.
const AUTHORITY_DAYS: &str = "3650";
/// Of a certificate.
const DAYS: &str = "825";
/// A certificate that ends within this time, 60 days, is made anew.
const RENEW_SECONDS: &str = "5184000";
const KEY_MODE: u32 = 0o600;

/// The authority in its folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// What a certificate is for.
enum Purpose {
    /// The collector, reached by this name or address.
    Server(String),
    /// A host.
    Client,
}

impl Authority {
    /// Opens the authority in `folder`, and makes it when there is none.
    ///
    /// # Errors
    /// No openssl; a folder that others may read; a key without its certificate.
    pub fn open(folder: &Path) -> Result<Self> {
        let parent = folder.parent().context("the authority's folder has no parent")?;
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        if !folder.exists() {
            DirBuilder::new().mode(0o700).create(folder).with_context(|| folder.display().to_string())?;
        }
        let mode = fs::metadata(folder).with_context(|| folder.display().to_string())?.permissions().mode();
        ensure!(mode & 0o077 == 0, "{}: others may read it; chmod 700 it", folder.display());
        let authority = Self { folder: folder.to_owned() };
        authority.ensure()?;
        Ok(authority)
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Files of the collector: its certificate and key, the authority's certificate.
    ///
    /// # Errors
    /// When openssl cannot make them.
    pub fn server(&self, address: &str) -> Result<Vec<File>> {
        check_address(address)?;
        self.issue("server", "minewarden collector", &Purpose::Server(address.to_owned()))?;
        self.files("server", "server")
    }

    /// Files of a host, likewise.
    ///
    /// # Errors
    /// When the name cannot be a certificate's, or openssl cannot make them.
    pub fn host(&self, name: &str) -> Result<Vec<File>> {
        check_name(name)?;
        let stem = format!("host-{name}");
        self.issue(&stem, name, &Purpose::Client)?;
        self.files(&stem, "host")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn ensure(&self) -> Result<()> {
        let (key, certificate) = (self.file("ca.key"), self.certificate());
        if certificate.exists() {
            ensure!(key.exists(), "{}: its key is missing", certificate.display());
            return Ok(());
        }
        make_key(&key)?;
        openssl(|command| {
            command.args(["req", "-x509", "-new", "-sha256", "-days", AUTHORITY_DAYS]);
            command.args(["-subj", "/CN=minewarden fleet", "-key"]).arg(&key);
            command.args(["-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"]);
            command.args(["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out"]).arg(&certificate)
        })?;
        Ok(())
    }

    /// Makes key and certificate `stem`, unless there are good ones.
    fn issue(&self, stem: &str, name: &str, purpose: &Purpose) -> Result<()> {
        let (key, certificate) = (self.file(&format!("{stem}.key")), self.file(&format!("{stem}.pem")));
        if key.exists() && certificate.exists() && self.is_good(&certificate, name, purpose)? {
            return Ok(());
        }
        let (request, extensions) = (self.file(&format!("{stem}.csr")), self.file(&format!("{stem}.ext")));
        make_key(&key)?;
        let serial = serial().context("/dev/urandom")?;
        openssl(|command| {
            command.args(["req", "-new", "-sha256", "-subj", &format!("/CN={name}"), "-key"]).arg(&key);
            command.arg("-out").arg(&request)
        })?;
        fs::write(&extensions, purpose.extensions()).with_context(|| extensions.display().to_string())?;
        openssl(|command| {
            command.args(["x509", "-req", "-sha256", "-days", DAYS, "-in"]).arg(&request);
            command.arg("-CA").arg(self.certificate()).arg("-CAkey").arg(self.file("ca.key"));
            // A random number, so that no file of the last one has to be kept.
            command.args(["-set_serial", &serial]);
            command.arg("-extfile").arg(&extensions).arg("-out").arg(&certificate)
        })?;
        for file in [request, extensions] {
            fs::remove_file(&file).with_context(|| file.display().to_string())?;
        }
        Ok(())
    }

    /// By this authority, of this name, for this purpose, and not near its end.
    fn is_good(&self, certificate: &Path, name: &str, purpose: &Purpose) -> Result<bool> {
        let says = |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            command.args(["x509", "-noout", "-in"]).arg(certificate).args(arguments);
            let output = command.output().context("cannot run openssl (Debian: apt-get install openssl)")?;
            Ok::<_, anyhow::Error>((
                output.status.success(),
                String::from_utf8_lossy(&output.stdout).into_owned(),
            ))
        };
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-CAfile"]).arg(self.certificate()).arg(certificate);
        let verified = verify.output().context("cannot run openssl")?.status.success();
        let (lasting, _) = says(&["-checkend", RENEW_SECONDS])?;
        let (_, subject) = says(&["-subject", "-nameopt", "RFC2253"])?;
        let named = subject.trim() == format!("subject=CN={name}");
        let reached = match purpose {
            Purpose::Client => true,
            Purpose::Server(address) => {
                let check = if address.parse::<IpAddr>().is_ok() { "-checkip" } else { "-checkhost" };
                says(&[check, address])?.1.contains("does match")
            }
        };
        Ok(verified && lasting && named && reached)
    }

    /// `stem`'s files as the machine has them under `role`.
    fn files(&self, stem: &str, role: &str) -> Result<Vec<File>> {
        let one = |local: &str, remote: &str, mode| -> Result<File> {
            let path = self.file(local);
            let content = fs::read(&path).with_context(|| path.display().to_string())?;
            Ok(File { path: format!("{FOLDER}/{remote}"), mode, content })
        };
        Ok(vec![
            one("ca.pem", "ca.pem", 0o644)?,
            one(&format!("{stem}.pem"), &format!("{role}.pem"), 0o644)?,
            one(&format!("{stem}.key"), &format!("{role}.key"), KEY_MODE)?,
        ])
    }
}

impl Purpose {
    fn extensions(&self) -> String {
        let usage =
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=";
        match self {
            Self::Client => format!("{usage}clientAuth\n"),
            Self::Server(address) => {
                let kind = if address.parse::<IpAddr>().is_ok() { "IP" } else { "DNS" };
                format!("{usage}serverAuth\nsubjectAltName={kind}:{address}\n")
            }
        }
    }
}

/// A new key in place of an old one. The file is there with its mode before openssl writes into it.
fn make_key(key: &Path) -> Result<()> {
    let shown = || key.display().to_string();
    fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(KEY_MODE)
        .open(key)
        .with_context(shown)?;
    fs::set_permissions(key, Permissions::from_mode(KEY_MODE)).with_context(shown)?;
    openssl(|command| {
        command.args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]).arg(key)
    })?;
    let mode = fs::metadata(key).with_context(shown)?.permissions().mode();
    ensure!(mode & 0o077 == 0, "{}: others may read it", key.display());
    Ok(())
}

fn serial() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    // Positive and not zero, as RFC 5280 wants it.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(format!("0x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn openssl(prepare: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
    let mut command = Command::new("openssl");
    let output =
        prepare(&mut command).output().context("cannot run openssl (Debian: apt-get install openssl)")?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
