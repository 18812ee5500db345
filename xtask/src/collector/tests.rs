//! The plan against the tools that will read it: openssl, systemd-analyze, and TOML.
use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use super::*;

fn hosts(names: &[&str]) -> Vec<Host> {
    names.iter().map(|name| Host::new(name)).collect()
}

fn plan(names: &[&str], previous: Option<&str>) -> Plan {
    Plan::new(&Settings::new("collector.example.org"), &hosts(names), previous).unwrap()
}

fn text<'a>(files: &'a [File], end: &str) -> &'a str {
    let file = files.iter().find(|file| file.path.ends_with(end)).unwrap_or_else(|| panic!("no {end}"));
    std::str::from_utf8(&file.content).unwrap()
}

#[test]
fn an_address_stays_with_its_host_for_ever() {
    let first = plan(&["web01", "web02", "db01"], None);
    let address = |plan: &Plan, name: &str| {
        plan.sources.iter().find(|source| source.name == name).map(|source| source.address.to_string())
    };
    assert_eq!(address(&first, "db01").as_deref(), Some("127.77.0.3"));
    let second = plan(&["db01", "new", "web01"], Some(&first.sources.toml()));
    assert_eq!(address(&second, "db01").as_deref(), Some("127.77.0.3"));
    assert_eq!(address(&second, "new").as_deref(), Some("127.77.0.4"));
    assert!(second.sources.iter().any(|source| source.name == "web02" && source.retired));
    assert_eq!(text(&second.collector, "sources.map").lines().count(), 3, "a retired host is refused");
    assert!(second.host_files("web02").is_err() && second.host_files("new").is_ok());
    let third = plan(&["web02"], Some(&second.sources.toml()));
    assert_eq!(address(&third, "web02").as_deref(), Some("127.77.0.2"), "and it may come back");
    assert_eq!(plan(&["db01", "new", "web01"], Some(&second.sources.toml())).sources, second.sources);
}

#[test]
fn ten_thousand_hosts_have_ten_thousand_addresses() {
    let names: Vec<_> = (0..10_000).map(|n| Host::new(&format!("host{n}"))).collect();
    let plan = Plan::new(&Settings::new("c"), &names, None).unwrap();
    let addresses: std::collections::BTreeSet<_> = plan.sources.iter().map(|source| source.address).collect();
    assert_eq!(addresses.len(), 10_000);
    assert!(addresses.iter().all(|address| address.octets().starts_with(&[127, 77])));
    let many: Vec<_> = (0..65_001).map(|n| Host::new(&format!("host{n}"))).collect();
    assert!(Plan::new(&Settings::new("c"), &many, None).is_err());
}

#[test]
fn a_name_that_means_something_elsewhere_is_refused() {
    for name in ["", "a b", "a\"; }", "~.*", "-x", "a/b", "ä", &"x".repeat(65), "a=b", "CN,O"] {
        assert!(Plan::new(&Settings::new("c"), &hosts(&[name]), None).is_err(), "{name:?}");
    }
    assert!(Plan::new(&Settings::new("c"), &hosts(&["web01", "WEB01"]), None).is_err());
    for address in ["", "a b", "a;b", "-c"] {
        assert!(Plan::new(&Settings::new(address), &hosts(&["a"]), None).is_err(), "{address:?}");
    }
    let forged = "[[source]]\naddress = \"127.77.0.1\"\nname = \"a\\\" 127.0.0.1; #\"\n";
    assert!(Plan::new(&Settings::new("c"), &hosts(&["a"]), Some(forged)).is_err());
    let twice = "[[source]]\naddress = \"127.77.0.1\"\nname = \"a\"\n[[source]]\naddress = \"127.77.0.1\"\nname = \"b\"\n";
    assert!(Plan::new(&Settings::new("c"), &hosts(&["a"]), Some(twice)).is_err());
}

#[test]
fn nothing_is_left_to_fill_in() {
    for upload in [Upload::Everything, Upload::OwnEntries] {
        let settings = Settings { upload, ..Settings::new("2001:db8::1") };
        let plan = Plan::new(&settings, &hosts(&["web01"]), None).unwrap();
        let host = plan.host_files("web01").unwrap();
        for file in plan.collector.iter().chain(host) {
            let text = std::str::from_utf8(&file.content).unwrap();
            let left = text.lines().find(|line| !line.starts_with('#') && line.contains('@'));
            assert_eq!(left, None, "{}", file.path);
            assert!(file.path.starts_with('/') && file.mode == 0o644);
        }
        assert!(text(host, "journal-upload.conf.d/minewarden.conf").contains("https://[2001:db8::1]:19532"));
        let own = host.iter().any(|file| file.path.ends_with("fleet.conf"));
        assert_eq!(own, upload == Upload::OwnEntries);
        assert_eq!(text(host, "upload.service.d/minewarden.conf").contains("%m.minewarden-fleet"), own);
    }
}

/// The drop-ins beside the units that this machine has, as systemd reads them: any word on stderr is a mistake.
#[test]
fn systemd_has_no_remark_on_the_units() {
    const UNITS: &str = "/usr/lib/systemd/system";
    let units =
        ["systemd-journal-remote.service", "systemd-journal-remote.socket", "systemd-journal-upload.service"];
    let there = |unit: &&str| std::path::Path::new(UNITS).join(unit).exists();
    if !units.iter().all(there) || Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("skipped: systemd-journal-remote is not installed");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let plan = plan(&["web01"], None);
    let mut named = Vec::new();
    for unit in units {
        fs::copy(std::path::Path::new(UNITS).join(unit), root.path().join(unit)).unwrap();
        named.push(root.path().join(unit));
    }
    for file in plan.collector.iter().chain(plan.host_files("web01").unwrap()) {
        let Some(inside) = file.path.strip_prefix("/etc/systemd/system/") else { continue };
        let path = root.path().join(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &file.content).unwrap();
        if !inside.contains('/') {
            named.push(path);
        }
    }
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(&named)
        .env("SYSTEMD_UNIT_PATH", format!("{}:", root.path().display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Of units that are not ours nothing is said here.
    let ours: Vec<_> =
        said.lines().filter(|line| line.contains("minewarden") || line.contains("journal-")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[test]
fn the_authority_signs_what_openssl_believes_and_keeps_what_is_good() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("fleet");
    let authority = Authority::open(&folder).unwrap();
    let host = authority.host("web01").unwrap();
    let server = authority.server("127.0.0.1").unwrap();
    let modes: Vec<_> =
        host.iter().chain(&server).map(|file| (file.path.rsplit('/').next().unwrap(), file.mode)).collect();
    let expected = [
        ("ca.pem", 0o644),
        ("host.pem", 0o644),
        ("host.key", 0o600),
        ("ca.pem", 0o644),
        ("server.pem", 0o644),
        ("server.key", 0o600),
    ];
    assert_eq!(modes, expected);
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let key = entry.file_name().to_string_lossy().ends_with(".key");
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert!(!key || mode == 0o600, "{:?} has mode {mode:o}", entry.file_name());
    }
    for (purpose, stem) in [("sslclient", "host-web01"), ("sslserver", "server")] {
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-purpose", purpose, "-CAfile"]).arg(authority.certificate());
        let output = verify.arg(folder.join(format!("{stem}.pem"))).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let again = Authority::open(&folder).unwrap();
    assert_eq!(again.host("web01").unwrap(), host, "a good certificate stays");
    assert_eq!(again.server("127.0.0.1").unwrap(), server);
    assert_ne!(again.server("collector.example.org").unwrap(), server, "another name is another certificate");
    assert!(authority.host("../ca").is_err());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Authority::open(&folder).unwrap_err().to_string().contains("others may read it"));
}
