//! The unit file by systemd's own measure, and against what the agent says of itself. Needs no root.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "clippy.toml excepts test functions, and all of this file's helpers are part of them"
)]
use std::{collections::BTreeSet, fs};

use minewarden_tests::{
    require::{Need, reason_to_skip},
    unit,
};
use monitor::privilege::{RUNNING, START};

/// Most that `systemd-analyze security` may find, in its own unit of 0 to 10.
const EXPOSURE: f64 = 2.8;
/// Each set of drop-ins that is shipped.
const VARIANTS: [&[&str]; 4] =
    [&[], &["metrics.conf"], &["older-hosts.conf"], &["metrics.conf", "older-hosts.conf"]];

/// `true`: it cannot run here, and it was said.
fn skipped(test: &str) -> bool {
    let why = reason_to_skip(test, &[Need::SystemdAnalyze, Need::Agent]).unwrap();
    if let Some(why) = &why {
        eprintln!("SKIPPED {test}: {why}");
    }
    why.is_some()
}

#[test]
fn systemd_has_no_remark_on_the_unit_and_its_drop_ins() {
    if skipped("unit::verify") {
        return;
    }
    for drop_ins in VARIANTS {
        let folder = tempfile::tempdir().unwrap();
        let binary = minewarden_tests::agent::binary().unwrap().canonicalize().unwrap();
        let unit = unit::install(folder.path(), &binary, drop_ins).unwrap();
        // A key that it does not know is a line on standard error and no failure.
        assert_eq!(unit::analyze(&["verify"], &unit).unwrap(), (true, String::new()), "{drop_ins:?}");
    }
}

#[test]
fn the_exposure_is_low() {
    if skipped("unit::exposure") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let binary = minewarden_tests::agent::binary().unwrap();
    let unit = unit::install(folder.path(), &binary, &[]).unwrap();
    let (_, table) = unit::analyze(&["security", "--offline=yes", "--no-pager"], &unit).unwrap();
    let line = table.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_default();
    println!("{line}");
    let exposure = line.split_once(": ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok());
    assert!(exposure.is_some_and(|exposure| exposure <= EXPOSURE), "{table}");
}

#[test]
fn every_remaining_remark_is_explained() {
    if skipped("unit::remarks") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let binary = minewarden_tests::agent::binary().unwrap();
    let unit = unit::install(folder.path(), &binary, &[]).unwrap();
    let (_, json) = unit::analyze(&["security", "--offline=yes", "--json=short"], &unit).unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert!(rows.len() > 50, "{json}");
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md");
    let page = fs::read_to_string(page).unwrap();
    let remarks = rows.iter().filter(|row| row["set"] == false && row["exposure"].as_str().is_some());
    let names: Vec<_> = remarks.filter_map(|row| row["json_field"].as_str()).collect();
    assert!(names.contains(&"UserOrDynamicUser"), "{names:?}");
    let silent: Vec<_> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(silent.is_empty(), "docs/security.md does not explain {silent:?}");
}

#[test]
fn the_unit_grants_the_capabilities_that_the_agent_says_it_uses_and_no_other() {
    let granted: BTreeSet<_> =
        unit::words(&unit::text().unwrap(), "CapabilityBoundingSet").into_iter().collect();
    let used = RUNNING.iter().chain(&START).map(|(_, name, _)| (*name).to_owned());
    assert_eq!(granted, used.collect());
}

#[test]
fn a_system_call_is_listed_once_and_in_order() {
    let listed = unit::words(&unit::text().unwrap(), "SystemCallFilter");
    let mut sorted = listed.clone();
    sorted.sort();
    sorted.dedup();
    assert!(listed.len() > 40, "{listed:?}");
    assert_eq!(listed, sorted);
}

/// An interval of 0 is told to journald as nothing, and its own limit stays.
#[test]
fn journald_is_told_a_limit_that_cannot_be_met() {
    let unit = unit::text().unwrap();
    assert_eq!(unit::words(&unit, "LogRateLimitIntervalSec"), ["1s"]);
    let burst = unit::words(&unit, "LogRateLimitBurst").concat().parse::<u32>().unwrap();
    assert!(burst >= 1_000_000, "{burst}");
}
