//! Processes with a root of their own, whose configuration is a link out of it.
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use minewarden_tests::{client::STEP, process::Running};

use super::{Bench, at_least, link, none_stuck, start, url, waiting, write_config};
use crate::{
    expect::{self, Field},
    lab::Lab,
};

/// Makes its argument the root of a mount namespace of its own, and becomes the program in it.
const PIVOT: &str = r#"mount --make-rprivate / && mount --bind "$1" "$1" && cd "$1" && pivot_root . old && shift &&
    exec "$@""#;

/// A root with the program, and links of this name and target.
fn root(bench: &Bench, name: &str, outside: &Path) -> Result<PathBuf> {
    let root = bench.path(name);
    fs::create_dir_all(root.join("old"))?;
    let program = root.join("program");
    fs::write(&program, waiting(name))?;
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    link(outside, &root.join("absolute.json"))?;
    let up: PathBuf = ["..", "..", "..", ".."].iter().collect();
    link(up.join(outside.strip_prefix("/")?), &root.join("up.json"))?;
    Ok(root)
}

/// What runs in that root is told both links.
const TOLD: [&str; 5] = ["/program", "-c", "/absolute.json", "-c", "up.json"];

pub(super) fn links(lab: &Lab) -> Result<()> {
    const TEST: &str = "hostile::links";
    let bench = Bench::new()?;
    let outside = bench.path("outside.json");
    write_config(&outside)?;
    let (plain, pivoted) = (root(&bench, "plain", &outside)?, root(&bench, "pivoted", &outside)?);
    let mut command = Command::new("chroot");
    command.arg(&plain).args(TOLD).args(["-o", &url("plain")]);
    let mut plain_root = Running::spawn("chroot", &mut command)?;
    let mut command = Command::new("unshare");
    command
        .args(["-m", "--", "sh", "-c", PIVOT, "sh"])
        .arg(&pivoted)
        .args(TOLD)
        .args(["-o", &url("pivoted")]);
    let mut own_mounts = Running::spawn("pivot_root", &mut command)?;
    // The same links, of a process that shares our root: they are a miner's configuration there.
    let shared = root(&bench, "shared", &outside)?;
    let args = [Path::new("-c"), &shared.join("absolute.json")];
    let inside = start("inside", shared.join("program"), &args)?;
    expect::told(&bench.agent, inside.pid(), STEP, &[Field::Is("rules", "argv.config".into())])?;
    for process in [&mut plain_root, &mut own_mounts] {
        bench.told_by_arguments(process.pid(), vec![Field::Is("exe", exe(process.pid())?)])?;
    }
    bench.finds_a_miner(lab, TEST)?;
    for process in [&mut plain_root, &mut own_mounts] {
        ensure!(process.ended().is_none(), "it has ended\n{}", process.dump());
    }
    let counters = bench.counters(TEST, &[plain_root.pid(), own_mounts.pid()])?;
    at_least(&counters, &[("setup-refused", 4)])?;
    none_stuck(&counters)
}

/// As the agent sees it, which is not in that root.
fn exe(pid: u32) -> Result<String> {
    Ok(fs::read_link(format!("/proc/{pid}/exe"))?.display().to_string())
}
