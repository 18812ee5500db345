//! The service runs in its sandbox, finds a miner, and comes back when it is killed or hangs.
use std::{ffi::OsString, fs};

use anyhow::{Context as _, Result, ensure};
use minewarden_tests::{
    client::{Client, STEP},
    protocol::Dialect,
    wait, wallet,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    checks::Checks,
    shell::{CHANGE, active, cursor, entries, main_pid, property, run, said_since},
};

/// `CAP_SYS_ADMIN` and `CAP_SYS_MODULE` of linux/capability.h: whoever has one of them has them all.
const ALMIGHTY: u64 = 1 << 21 | 1 << 16;
/// What the test miner logs in as.
const WALLET_SEED: &str = "system";

pub(crate) fn checks(checks: &mut Checks) {
    checks.check("the service starts when the package is installed", || {
        let pid = active(None)?;
        let kind = property("Type")?;
        ensure!(kind == "notify", "Type={kind}");
        Ok(format!(
            "active, pid {pid}, Type={kind}, enabled: {}",
            run(&["systemctl", "is-enabled", "minewarden"])?
        ))
    });
    checks.check("its sandbox holds", sandbox);
    checks.check("doctor is content with the system", doctor);
    checks.check("the self-test finds the agent", || run(&["minewarden", "selftest"]));
    checks.check("a miner is found, and in journalctl -u minewarden", miner_is_found);
    checks.check("it is restarted when it is killed", killed);
    checks.check("the watchdog ends one that hangs", hangs);
}

fn sandbox() -> Result<String> {
    let pid = main_pid().context("the service does not run")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<&str> {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(str::trim).with_context(|| format!("no {name} in /proc/{pid}/status"))
    };
    let bounding = u64::from_str_radix(field("CapBnd")?, 16)?;
    ensure!(bounding & ALMIGHTY == 0, "CapBnd {bounding:x} holds CAP_SYS_ADMIN or CAP_SYS_MODULE");
    ensure!(field("NoNewPrivs")? == "1", "it could gain privileges");
    // 2 is a filter (linux/seccomp.h).
    ensure!(field("Seccomp")? == "2", "no system call filter");
    let shown =
        ["CapEff", "CapBnd", "NoNewPrivs", "Seccomp"].map(|name| field(name).map(|v| format!("{name} {v}")));
    Ok(shown.into_iter().collect::<Result<Vec<_>>>()?.join(", "))
}

fn doctor() -> Result<String> {
    let report: Value = serde_json::from_str(&run(&["minewarden", "doctor", "--json"])?)?;
    ensure!(report.get("works").and_then(Value::as_bool) == Some(true), "{report}");
    let hooks = report.get("hooks").and_then(Value::as_array).context("no hooks")?;
    let refused = hooks.iter().filter(|hook| !hook.get("error").is_none_or(Value::is_null)).count();
    ensure!(refused == 0, "{refused} hooks are refused: {report}");
    Ok(format!("works, {} hooks load", hooks.len()))
}

/// Our pool and miner talk; the confirmed incident of exactly that process comes into the journal.
pub(crate) fn miner_is_found() -> Result<String> {
    const DIALECT: Dialect = Dialect::Cryptonote;
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let pool = Client::start("pool", &words(&["/payload/test-pool", "--dialect", DIALECT.name()]))?;
    let address = format!("127.0.0.1:{}", pool.port()?);
    let wallet = wallet::address(DIALECT, WALLET_SEED);
    let miner = ["/payload/test-miner", "--dialect", DIALECT.name(), "--pool", &address, "--wallet", &wallet];
    let miner = Client::start("miner", &words(&miner))?;
    miner.says("done", STEP)?;
    let found = wait::until("the miner's incident in the journal", CHANGE, || {
        entries().ok()?.into_iter().rfind(|entry| entry.confirms(miner.pid()))
    })?;
    ensure!(found.text("wallet") == wallet && found.text("remote") == address, "{}", found.value());
    let unit = found.value().get("_SYSTEMD_UNIT").cloned().unwrap_or_default();
    ensure!(unit == "minewarden.service", "the entry is of unit {unit}");
    let message = found.value().get("MESSAGE").and_then(Value::as_str).unwrap_or_default().to_owned();
    ensure!(message.contains(&miner.pid().to_string()), "the message names no pid: {message}");
    miner.finish()?;
    pool.finish()?;
    Ok(message)
}

fn signal(signal: Signal) -> Result<u32> {
    let pid = main_pid().context("the service does not run")?;
    let raw = Pid::from_raw(i32::try_from(pid)?).context("pid 0")?;
    kill_process(raw, signal)?;
    Ok(pid)
}

fn killed() -> Result<String> {
    let cursor = cursor()?;
    let before = signal(Signal::KILL)?;
    let after = active(Some(before))?;
    let line = said_since(&cursor, &["status=9/KILL"])?;
    Ok(format!("pid {before}, then {after}: {line}"))
}

fn hangs() -> Result<String> {
    let watchdog = property("WatchdogUSec")?;
    ensure!(
        !watchdog.is_empty() && !watchdog.starts_with('0') && watchdog != "infinity",
        "WatchdogSec={watchdog}"
    );
    let cursor = cursor()?;
    let before = signal(Signal::STOP)?;
    let line = said_since(&cursor, &["atchdog timeout"])?;
    let after = active(Some(before))?;
    Ok(format!("WatchdogSec={watchdog}; pid {before}, then {after}: {line}"))
}
