//! The command line as users and scripts see it: what is printed, what is refused and with which status.
//! No root is needed but for `host`, whose cases are made with private namespaces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "clippy.toml excepts test functions, and all of this file's helpers are part of them"
)]
mod agent;
mod host;
mod metrics;

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Stdio};

use agent::{Ran, assert_has, is_root, minewarden, minewarden_as_nobody, ran};
use tempfile::TempDir;

/// A directory with `minewarden.toml` in it.
fn configured(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("minewarden.toml");
    fs::write(&file, text).unwrap();
    (directory, file)
}

fn check(text: &str) -> (Ran, String) {
    let (_directory, file) = configured(text);
    let name = file.to_str().unwrap().to_owned();
    (ran(&mut minewarden(&["config", "--check", &name])), name)
}

#[test]
fn version_and_help_go_to_stdout() {
    let version = ran(&mut minewarden(&["--version"])).well();
    assert!(version.starts_with("minewarden 0.") && version.contains("(eBPF object "), "{version}");
    let help = ran(&mut minewarden(&["--help"])).well();
    let commands = ["run", "scan", "selftest", "replay", "report", "doctor", "config", "rules", "explain"];
    for command in commands {
        assert_has(&help, &format!("\n  {command} "));
        assert_has(
            &ran(&mut minewarden(&[command, "--help"])).well(),
            &format!("Usage: minewarden {command}"),
        );
    }
}

#[test]
fn rules_are_listed_and_explained() {
    let list = ran(&mut minewarden(&["rules"])).well();
    for name in ["stratum.share ", "argv.stratum-url ", "xmrig ", "randomx_miner "] {
        assert_has(&list, &format!("\n{name}"));
    }
    let json: serde_json::Value =
        serde_json::from_str(&ran(&mut minewarden(&["rules", "--json"])).well()).unwrap();
    assert_eq!(json["rules"][0]["name"], "stratum.session");
    assert!(json["content"].as_array().unwrap().iter().any(|rule| rule["name"] == "cpuminer"));
    for rule in json["rules"].as_array().unwrap().iter().chain(json["content"].as_array().unwrap()) {
        let text = ran(&mut minewarden(&["explain", rule["name"].as_str().unwrap()])).well();
        assert_has(&text, "\nfalse alarms:  ");
        assert_has(&text, "\nwhat to do:    ");
    }
    assert_has(&ran(&mut minewarden(&["explain", "stratum"])).refused(), "there are stratum.session, ");
    let missing = ran(&mut minewarden(&["rules", "--rules", "/nonexistent/a.yar"])).refused();
    assert_eq!(missing, "/nonexistent/a.yar: No such file or directory (os error 2)");
}

#[test]
fn a_report_that_cannot_be_made_says_why() {
    let report = |args: &[&str]| ran(&mut minewarden(&[&["report"], args].concat())).refused();
    let empty = tempfile::tempdir().unwrap();
    let folder = empty.path().to_str().unwrap();
    assert_eq!(report(&["-D", folder]), format!("{folder}: no *.journal file in it or its subfolders"));
    assert_has(&report(&["-D", "/nonexistent"]), "/nonexistent: No such file");
    fs::write(empty.path().join("sources.toml"), "[[source]]\nadress = \"127.77.0.1\"\n").unwrap();
    assert_has(&report(&["-D", folder]), "sources.toml: TOML parse error at line 2");
    assert_has(&report(&["--silent-after", "soon"]), "no time such as 90s or 15m");
    assert_has(&report(&["--namespace", "x/y"]), "no name of a journal namespace");
    assert_has(&report(&["--sources", "x.toml"]), "--directory");
    assert_has(&report(&["--format", "html"]), "[possible values: text, json]");
}

#[test]
fn a_mistake_on_the_command_line_is_one_line() {
    assert_has(&ran(&mut minewarden(&["rum"])).refused(), "unrecognized subcommand 'rum'");
    assert_has(
        &ran(&mut minewarden(&["run", "--sink", "pigeon"])).refused(),
        "[possible values: journald, text",
    );
    assert_has(
        &ran(&mut minewarden(&["run", "--frobnicate"])).refused(),
        "unexpected argument '--frobnicate'",
    );
    assert_has(&ran(&mut minewarden(&["replay"])).refused(), "<FILE");
    let nothing = ran(&mut minewarden(&[]));
    assert_eq!((nothing.status, nothing.stdout.as_str()), (2, ""));
    assert_has(&nothing.stderr, "Usage: minewarden <COMMAND>");
}

#[test]
fn check_names_file_and_line_of_an_unknown_key() {
    let (ran, name) = check("[journal]\nobject_pid = true\nobject_pdi = true\n");
    assert_eq!(
        ran.refused(),
        format!(
            "{name}:3: unknown key `journal.object_pdi`; known here: object_pid, record, record_namespace, socket"
        )
    );
}

#[test]
fn check_names_every_unknown_key() {
    let (ran, name) = check("[jornal]\nx = 1\n[agent]\npulse = \"5s\"\n");
    let error = ran.refused();
    assert_has(&error, &format!("{name}:1: unknown key `jornal`"));
    assert_has(&error, &format!("{name}:4: unknown key `agent.pulse`"));
}

#[test]
fn check_names_file_and_line_of_a_wrong_value() {
    for (text, line, why) in [
        ("[journal]\nobject_pid = \"no\"\n", 2, "expected a boolean"),
        (
            "\n\n[incident]\nend_after = 60\n",
            4,
            "invalid type: integer `60`, expected a time such as \"90s\" or \"5m\"",
        ),
        ("[agent]\nheartbeat = \"0s\"\n", 2, "a time from \"1s\" to \"365d\" is wanted"),
        ("[agent\n", 1, "]"),
        ("[agent]\nheartbeat = \"1m\"\nheartbeat = \"2m\"\n", 3, "duplicate key"),
    ] {
        let (ran, name) = check(text);
        let error = ran.refused();
        assert!(error.starts_with(&format!("{name}:{line}: ")) && error.contains(why), "{text:?}: {error}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let error = ran(&mut minewarden(&["config", "--config", "/nonexistent/a.toml"])).refused();
    assert_eq!(error, "/nonexistent/a.toml: No such file or directory (os error 2)");
    assert_has(&ran(&mut minewarden(&["config", "--check", "/"])).refused(), "/: Is a directory");
    assert_has(
        &ran(&mut minewarden(&["config", "--check", "/dev/zero"])).refused(),
        "/dev/zero: larger than",
    );
    let (directory, file) = configured("");
    let name = file.to_str().unwrap();
    fs::write(&file, b"[agent]\nheartbeat = \"\xff\"\n").unwrap();
    assert_has(
        &ran(&mut minewarden(&["config", "--check", name])).refused(),
        "minewarden.toml: not UTF-8 text",
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let error = ran(&mut minewarden_as_nobody(directory.path(), &["config", "--check", name])).refused();
    assert_eq!(error, format!("{name}: Permission denied (os error 13)"));
}

#[test]
fn what_config_prints_passes_its_own_check_and_prints_the_same_again() {
    let (_directory, file) = configured("[incident]\nend_after = \"90s\"\n[journal]\nobject_pid = false\n");
    let printed = ran(&mut minewarden(&["config", "--config", file.to_str().unwrap()])).well();
    assert_has(&printed, "end_after = \"1m 30s\"");
    assert_has(&printed, "object_pid = false");
    assert_has(&printed, "heartbeat = \"5m\"");
    let (_directory, again) = configured(&printed);
    let again = again.to_str().unwrap();
    assert_eq!(ran(&mut minewarden(&["config", "--check", again])).well(), format!("{again}: ok\n"));
    let body = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&ran(&mut minewarden(&["config", "--config", again])).well()), body(&printed));
}

#[test]
fn a_start_goes_on_past_an_unknown_key_with_a_warning() {
    let (_directory, file) = configured("[agent]\nheartbeat = \"7m\"\nfrom_a_newer_version = 1\n");
    let name = file.to_str().unwrap();
    let ran = ran(&mut minewarden(&["config", "--config", name]));
    assert_eq!(ran.status, 0);
    assert_has(&ran.stdout, "heartbeat = \"7m\"");
    assert_has(
        &ran.stderr,
        &format!("minewarden: warning: {name}:3: unknown key `agent.from_a_newer_version`"),
    );
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[test]
fn run_without_root_says_what_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let error = ran(&mut minewarden_as_nobody(directory.path(), &["run"])).refused();
    let remedy = error
        .strip_prefix("run needs root (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing): try sudo ")
        .unwrap();
    // sudo's own PATH may not have it, so by its whole path.
    assert!(remedy.starts_with('/') && remedy.ends_with("minewarden run"), "{error}");
}

#[test]
fn scan_without_root_says_what_it_needs_and_a_wrong_time_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = ran(&mut minewarden_as_nobody(directory.path(), &["scan"])).refused();
    assert!(error.starts_with("scan needs root (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing)"), "{error}");
    assert!(error.ends_with("minewarden scan"), "{error}");
    let error = ran(&mut minewarden(&["scan", "--for", "10"])).refused();
    assert_has(&error, "invalid value '10' for '--for <TIME>': time unit needed");
    assert_has(&ran(&mut minewarden(&["scan", "--for", "25h"])).refused(), "24h is the longest");
    let (_directory, file) = configured("[agent]\nheartbeat = 5\n");
    if is_root() {
        let error = ran(&mut minewarden(&["scan", "--config", file.to_str().unwrap()])).refused();
        assert_has(&error, ":2: invalid type: integer `5`");
    }
}

#[test]
fn doctor_without_root_says_so_and_does_not_promise_anything() {
    let directory = tempfile::tempdir().unwrap();
    let ran = ran(&mut minewarden_as_nobody(directory.path(), &["doctor"]));
    assert_eq!((ran.status, ran.stderr.as_str()), (2, ""));
    assert_has(&ran.stdout, "hooks: not tried, that needs root");
    assert_has(&ran.stdout, "minewarden run does not work here, for want of: ");
    let line = ran.stdout.lines().find(|line| line.starts_with("privileges")).unwrap();
    assert_has(line, "missing   uid ");
}

#[test]
fn doctors_table_json_and_status_agree() {
    let table = ran(&mut minewarden(&["doctor"]));
    let json = ran(&mut minewarden(&["doctor", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json.stdout.lines().count(), 1);
    let checks = report["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["what"].as_str().unwrap()).collect();
    for what in ["kernel", "BTF", "lockdown", "privileges", "cgroup2", "journald", "systemd", "configuration"]
    {
        assert!(names.contains(&what), "{what} is not among {names:?}");
    }
    for check in checks {
        let (what, state) = (check["what"].as_str().unwrap(), check["state"].as_str().unwrap());
        let row = table.stdout.lines().find(|line| line.starts_with(what)).unwrap();
        assert_has(row, &format!(" {state} "));
        assert_eq!(check["lost"].as_str().unwrap().is_empty(), state == "ok", "{check}");
        assert_eq!(check["remedy"].as_str().unwrap().is_empty(), state == "ok", "{check}");
    }
    let missing = checks.iter().any(|check| check["state"] == "missing");
    assert_eq!(report["works"].as_bool(), Some(table.status == 0));
    assert!(!missing || table.status == 2, "{}", table.stdout);
    assert_eq!(table.status, json.status);
}

#[test]
fn doctor_reports_a_broken_configuration_with_its_line() {
    let (_directory, file) = configured("[agent]\nheartbeat = 5\n");
    let ran = ran(&mut minewarden(&["doctor", "--config", file.to_str().unwrap()]));
    assert_eq!(ran.status, 2);
    assert_has(&ran.stdout, &format!("{}:2: invalid type: integer `5`", file.display()));
}

#[test]
fn a_capture_that_cannot_be_read_is_named() {
    assert_has(&ran(&mut minewarden(&["replay", "/nonexistent.pcap"])).refused(), "/nonexistent.pcap: ");
    let (_directory, file) = configured("this is no capture, whatever its name says\n");
    let name = file.to_str().unwrap();
    assert_has(&ran(&mut minewarden(&["replay", name])).refused(), name);
}

#[test]
fn a_reader_that_has_left_is_no_error_and_a_full_disk_is_one() {
    for args in [&["config"][..], &["doctor"], &["--help"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let ran = ran(minewarden(args).stdout(writer).stderr(Stdio::piped()));
        assert_eq!((ran.stderr.as_str(), ran.status), ("", 0), "{args:?}");
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = output_of(minewarden(&["config"]).stdout(full)).refused();
    assert_eq!(error, "stdout: No space left on device (os error 28)");
}

/// [`ran`] for a command whose stdout goes elsewhere: `Command::output` pipes only what is not set.
fn output_of(command: &mut std::process::Command) -> Ran {
    ran(command.stderr(Stdio::piped()))
}
