//! A flood of entries is not suppressed by journald, which suppresses the same flood of another service.
use std::{fs, process::Command};

use anyhow::{Result, ensure};
use minewarden_tests::wait;

use super::{
    checks::Checks,
    install::{CHANGE as MARK, CONFIG},
    shell::{CHANGE, active, entries, main_pid, outcome, run},
};

/// Few enough for a service without a limit of its own to pass it (journald multiplies a burst by up to 6, by the room
/// on its disk: systemd's journald-rate-limit.c).
const LIMIT: &str = "[Journal]\nRateLimitIntervalSec=1h\nRateLimitBurst=20\n";
/// For journald itself and for the namespace that takes records.
const FOLDERS: [&str; 2] = ["/etc/systemd/journald.conf.d", "/etc/systemd/journald@minewarden.conf.d"];
/// Execs, and lines of the other service.
const COUNT: usize = 1_500;

pub(crate) fn checks(checks: &mut Checks) {
    checks.check("a flood of records is not suppressed", || {
        limit(true)?;
        let told = flood();
        limit(false)?;
        told
    });
}

/// Sets a low limit for everybody, or takes it back.
fn limit(set: bool) -> Result<()> {
    for folder in FOLDERS {
        let file = format!("{folder}/zz-testbed.conf");
        if set {
            fs::create_dir_all(folder)?;
            fs::write(file, LIMIT)?;
        } else {
            fs::remove_file(file)?;
            // Ours, where nothing else is in it.
            let _ = fs::remove_dir(folder);
        }
    }
    run(&["systemctl", "restart", "systemd-journald.service"])?;
    // Not there where nothing is kept in a namespace.
    outcome(&["systemctl", "try-restart", "systemd-journald@minewarden.service"])?;
    Ok(())
}

fn flood() -> Result<String> {
    let config = fs::read_to_string(CONFIG)?;
    let section = "[journal]\n";
    ensure!(config.contains(section), "{CONFIG} has no section [journal]");
    fs::write(CONFIG, config.replacen(section, &format!("{section}{MARK}\nrecord = [\"exec\"]\n"), 1))?;
    run(&["minewarden", "config", "--check", CONFIG])?;
    let before = main_pid();
    run(&["systemctl", "restart", "minewarden.service"])?;
    active(before)?;
    for _ in 0..COUNT {
        ensure!(Command::new("/bin/true").status()?.success(), "/bin/true failed");
    }
    let records = || {
        let all = entries().ok()?;
        Some(all.iter().filter(|entry| entry.event() == "exec" && entry.text("comm") == "true").count())
    };
    let mut seen = 0;
    let all = wait::until("a record of every exec", CHANGE, || {
        seen = records()?;
        (seen >= COUNT).then_some(seen)
    });
    let control = control()?;
    ensure!(control < COUNT, "the limit limits nobody: {control} of {COUNT} lines of another service");
    ensure!(
        all.is_ok(),
        "{seen} of {COUNT} records; {control} of {COUNT} lines of a service without the setting"
    );
    Ok(format!(
        "{seen} records of {COUNT} execs; {control} of {COUNT} lines of a service without the setting"
    ))
}

/// Lines that are kept of a service that writes as many, with no setting of its own.
fn control() -> Result<usize> {
    let script = format!("i=0; while [ $i -lt {COUNT} ]; do echo line $i; i=$((i+1)); done");
    run(&["systemd-run", "--quiet", "--wait", "--unit=testbed-flood", "sh", "-c", &script])?;
    run(&["journalctl", "--sync"])?;
    let lines = run(&["journalctl", "--no-pager", "-b", "-o", "cat", "-u", "testbed-flood.service"])?;
    Ok(lines.lines().filter(|line| line.starts_with("line ")).count())
}
