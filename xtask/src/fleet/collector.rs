//! A collector among the hosts: made by `deploy --collector`, asked as its operator asks it.
use std::collections::{BTreeMap, BTreeSet};

use ::xtask::collector::{Authority, FOLDER, JOURNALS, PORT};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{rig::Rig, xtask::Xtask};

/// Export format: one entry.
const ENTRY: &str = "__REALTIME_TIMESTAMP=1700000000000000\n__MONOTONIC_TIMESTAMP=1\n\
    _BOOT_ID=0123456789abcdef0123456789abcdef\nMESSAGE=a try\nSYSLOG_IDENTIFIER=@\n\n";

/// A host that takes the journals of others.
pub(super) struct Collector<'a> {
    rig: &'a Rig,
    host: &'a str,
    /// By name, the address that each sender has there.
    sources: BTreeMap<String, String>,
}

impl<'a> Collector<'a> {
    /// Deploys to the hosts of `xtask` and makes a collector of `host`.
    pub(super) fn set_up(rig: &'a Rig, xtask: &Xtask, host: &'a str) -> Result<Self> {
        let authority = authority(rig);
        let table = xtask.deploy(rig.packages(), &["--collector", host, "--authority", &authority])?;
        table.expect_status(0)?;
        table.expect(host, "collect", "ok")?;
        for sender in xtask.hosts() {
            table.expect(sender, "install", "ok")?;
            table.expect(sender, "send", "ok")?;
        }
        rig.put_program(host)?;
        let sources = sources(&rig.ssh().run(host, &format!("cat {JOURNALS}/sources.toml"))?);
        Ok(Self { rig, host, sources })
    }

    pub(super) fn start(&self) -> Result<()> {
        self.rig.ssh().run(self.host, "systemctl start systemd-journal-remote.socket nginx").map(drop)
    }

    /// As a crash of the machine would: in the midst of what is being sent.
    pub(super) fn stop(&self) -> Result<()> {
        let units = "systemd-journal-remote.socket systemd-journal-remote.service";
        let script = format!("systemctl kill --signal=KILL nginx; systemctl stop nginx {units}");
        self.rig.ssh().run(self.host, &script).map(drop)
    }

    /// `minewarden report --directory` over what has come in, as JSON.
    pub(super) fn report(&self) -> Result<Value> {
        let text = self
            .rig
            .ssh()
            .run(self.host, &format!("minewarden report --directory {JOURNALS} --format json"))?;
        serde_json::from_str(&text).with_context(|| format!("report printed {text}"))
    }

    /// The same, as people read it.
    pub(super) fn report_text(&self) -> Result<String> {
        self.rig.ssh().run(self.host, &format!("minewarden report --directory {JOURNALS}"))
    }

    /// What came from `sender`: a line of `journalctl` with these arguments for each entry.
    pub(super) fn received(&self, sender: &str, arguments: &str) -> Result<Vec<String>> {
        let address = self.sources.get(sender).with_context(|| format!("{sender} has no address"))?;
        // A collector that was killed leaves files that end in `~`; those that were rotated have an `@`.
        let files = format!("--file='{JOURNALS}/remote-{address}[.@]*journal*'");
        let text =
            self.rig.ssh().run(self.host, &format!("journalctl --quiet --no-pager {files} {arguments}"))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Sends an entry from `sender` as curl does: with the certificate and key in `folder` there, or none. The status
    /// of the answer, and whether the entry is in the collector's journals.
    pub(super) fn offer(&self, sender: &str, folder: Option<&str>, tag: &str) -> Result<(String, bool)> {
        let certificate = folder.map(|folder| format!("--cert {folder}/host.pem --key {folder}/host.key"));
        self.rig.ssh().put(sender, "/root/entry", 0o600, ENTRY.replace('@', tag).as_bytes())?;
        let status = self.rig.ssh().run(
            sender,
            &format!(
                "curl --silent --output /dev/null --write-out '%{{http_code}}' --cacert {FOLDER}/ca.pem {} \
                 --header 'Content-Type: application/vnd.fdo.journal' --data-binary @/root/entry \
                 https://{}:{PORT}/upload",
                certificate.unwrap_or_default(),
                self.host
            ),
        )?;
        let find =
            format!("journalctl --quiet --no-pager --output=cat --directory={JOURNALS} --identifier={tag}");
        let found = self.rig.ssh().run(self.host, &find)?;
        Ok((status, !found.is_empty()))
    }

    /// Certificate and key of `name` by this fleet's authority, or by one that it does not know, into `folder` of a host.
    pub(super) fn certify(&self, name: &str, foreign: bool, host: &str, folder: &str) -> Result<()> {
        let other = self.rig.fleet().folder().join("foreign");
        let folder_of = if foreign { other } else { authority(self.rig).into() };
        let files = Authority::open(&folder_of)?.host(name)?;
        for file in files {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            self.rig.ssh().put(host, &format!("{folder}/{name}"), file.mode, &file.content)?;
        }
        Ok(())
    }

    /// Where a sender's own certificate is.
    pub(super) fn own_folder() -> &'static str {
        FOLDER
    }
}

/// Where the operator has the fleet's authority.
fn authority(rig: &Rig) -> String {
    rig.fleet().folder().join("authority").to_string_lossy().into_owned()
}

/// Name and address of each source in sources.toml.
fn sources(text: &str) -> BTreeMap<String, String> {
    let value = |line: &str, key: &str| {
        Some(line.strip_prefix(key)?.strip_prefix(" = ")?.trim_matches('"').to_owned())
    };
    let mut address = None;
    let mut sources = BTreeMap::new();
    for line in text.lines() {
        address = value(line, "address").or(address);
        if let (Some(name), Some(address)) = (value(line, "name"), &address) {
            sources.insert(name, address.clone());
        }
    }
    sources
}

/// Different lines, and how many are there again.
pub(super) fn distinct(lines: &[String]) -> (BTreeSet<&str>, usize) {
    let set: BTreeSet<&str> = lines.iter().map(String::as_str).collect();
    let again = lines.len() - set.len();
    (set, again)
}

/// A list in a report.
pub(super) fn list<'a>(report: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    report.get(name).and_then(Value::as_array).with_context(|| format!("the report has no {name}"))
}

/// A text in a row of one.
pub(super) fn field<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The state of `host` in a report.
pub(super) fn state<'a>(report: &'a Value, host: &str) -> Result<&'a str> {
    let row = list(report, "hosts")?.iter().find(|row| field(row, "host") == host);
    let row = row.with_context(|| format!("the report has no host {host}"))?;
    ensure!(row.get("certified") == Some(&Value::Bool(true)), "the name of {host} is not its certificate's");
    Ok(field(row, "state"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_repeated_lines_counted() {
        let text = "# x\n\n[[source]]\naddress = \"127.77.0.1\"\nname = \"h1\"\n\n\
                    [[source]]\naddress = \"127.77.0.2\"\nname = \"h2\"\nhostname = \"x\"\n";
        let expected =
            [("h1", "127.77.0.1"), ("h2", "127.77.0.2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(sources(text), BTreeMap::from(expected));
        let lines = ["a", "b", "a"].map(str::to_owned);
        assert_eq!(distinct(&lines), (BTreeSet::from(["a", "b"]), 1));
    }

    #[test]
    fn a_report_tells_the_state_of_a_host_by_its_certificate() {
        let report = serde_json::json!({"hosts": [{"host": "h1", "certified": true, "state": "alive"},
                                                  {"host": "h2", "certified": false, "state": "alive"}]});
        assert_eq!(state(&report, "h1").unwrap(), "alive");
        assert!(
            state(&report, "h2").is_err() && state(&report, "h3").is_err() && list(&report, "x").is_err()
        );
    }
}
