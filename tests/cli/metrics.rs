//! The shipped alert rules and the example of a scrape, as promtool judges them.
use std::{fs, path::Path, process::Command};

use minewarden_tests::require::{Need, reason_to_skip};

fn promtool(test: &str, arguments: &[&str]) {
    if let Some(why) = reason_to_skip(test, &[Need::Prometheus]).unwrap() {
        eprintln!("skipped: {why}");
        return;
    }
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor/assets/prometheus");
    let output = Command::new("promtool").args(arguments).current_dir(assets).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("SUCCESS"), "{arguments:?}: {said}");
    assert!(!said.contains("FAILED"), "{said}");
}

#[test]
fn the_alert_rules_pass_their_unit_tests() {
    promtool("metrics::rules", &["check", "rules", "minewarden.rules.yml"]);
    promtool("metrics::rules", &["test", "rules", "minewarden.rules.test.yml"]);
}

#[test]
fn the_example_of_a_scrape_is_valid() {
    promtool("metrics::scrape", &["check", "config", "minewarden.scrape.yml"]);
}

#[test]
fn every_alert_has_a_unit_test_that_expects_it() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor/assets/prometheus");
    let rules = fs::read_to_string(assets.join("minewarden.rules.yml")).unwrap();
    let tests = fs::read_to_string(assets.join("minewarden.rules.test.yml")).unwrap();
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 6, "{alerts:?}");
    for alert in alerts {
        let expected = format!("alertname: {alert}\n        exp_alerts:");
        assert!(tests.contains(&expected), "no test expects {alert}");
    }
}
