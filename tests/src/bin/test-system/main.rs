//! Tries the package on a whole system: `cargo xtask vm --image` boots one, and this program runs in it as a service.
//! Each check is told on the second serial line, `["check", name, "PASS" or "FAIL", evidence]`. The machine is
//! rebooted once; the second boot goes on where the first ended.
//!
//! Owns the order of the checks. Changes the whole system, so it starts nowhere else.
mod checks;
mod install;
mod journal;
mod limits;
mod removal;
mod service;
mod shell;

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use checks::Checks;
use minewarden_tests::serial::Serial;

/// What the disk beside the system's holds: this program, our pool and miner, two versions of the package.
const PAYLOAD: &str = "/payload";
/// Is there after the reboot.
const REBOOTED: &str = "/var/lib/testbed-rebooted";

fn main() -> Result<()> {
    let own = std::env::current_exe()?;
    ensure!(
        own.starts_with(PAYLOAD),
        "this program installs and removes packages: it runs in `cargo xtask vm --image`"
    );
    let mut checks = Checks::new(Serial::open()?);
    let last = if Path::new(REBOOTED).exists() {
        removal::checks(&mut checks);
        "poweroff"
    } else {
        first(&mut checks);
        fs::write(REBOOTED, "").context(REBOOTED)?;
        "reboot"
    };
    checks.end(last);
    ensure!(Command::new("systemctl").arg(last).status()?.success(), "systemctl {last} failed");
    Ok(())
}

fn first(checks: &mut Checks) {
    install::checks(checks);
    service::checks(checks);
    journal::checks(checks);
    limits::checks(checks);
    install::upgrade(checks);
}
