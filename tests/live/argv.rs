//! What a process that stays was told to do: a stratum URL, a miner's options, its configuration file, its environment.
//! Of one that is soon gone, of what only starts a miner, and of what cannot be read, nothing.
use std::{
    ffi::OsString,
    fs,
    os::unix::{fs::symlink, process::CommandExt},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use minewarden_tests::{
    agent::Agent,
    client::python,
    notice::Notice,
    process::{Running, Signal},
    wait,
};

use crate::{
    Test,
    expect::{self, Field},
    lab::Lab,
};

const URL: &str = "stratum+tcp://127.0.0.1:3333";
/// The rule waits 10 s.
const RULE: Duration = Duration::from_secs(30);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("argv::url_of_a_process_that_stays", stays),
        Test::new("argv::options_wallet_and_environment", options),
        Test::new("argv::configuration_file", configuration),
    ]
}

/// XMRig's donation address, which everybody has.
const WALLET: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
/// Waits until it is told to end.
const WAITS: &str = "import sys; sys.stdin.read()";
/// The same in a root of its own, which the first argument names.
const CHROOTED: &str = "import os, sys; os.chroot(sys.argv[1]); os.chdir('/'); sys.stdin.read()";

/// Under `timeout`, which stays with the same words in its own command line and is no miner.
fn options(_: &Lab) -> Result<()> {
    let agent = Agent::start(&[])?;
    let mut wrapped = Command::new("timeout");
    wrapped.arg("600").arg(python()?).args([
        "-c",
        WAITS,
        "-o",
        "127.0.0.1:3333",
        "-u",
        &format!("{WALLET}.rig1"),
    ]);
    wrapped.args(["-p", "s3cret-argv", "--donate-level", "1"]);
    wrapped.env("POOL_URL", "stratum+ssl://me:s3cret-env@pool.example:443");
    let wrapper = Running::spawn("timeout", &mut wrapped)?;
    let named =
        |notice: &Notice| !notice.names(wrapper.pid()) && notice.text("cmdline").contains("--donate-level");
    let found =
        wait::until("an incident of the miner's options", RULE, || agent.notices().into_iter().find(named))?;
    let pid = found.pid().context("no pid")?;
    let fields = [
        Field::Is("level", "suspicious".into()),
        Field::Is("score", "60".into()),
        Field::Has("rules", "argv.options".into()),
        Field::Has("rules", "argv.wallet".into()),
        Field::Has("rules", "argv.environment".into()),
        Field::Is("wallet", WALLET.into()),
        Field::Is("worker", "rig1".into()),
        Field::Is("coin", "monero".into()),
    ];
    expect::told(&agent, pid, RULE, &fields)?;
    wrapper.signal(Signal::TERM)?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    let of_wrapper = ended.about(wrapper.pid());
    ensure!(of_wrapper.is_empty(), "timeout has an incident: {of_wrapper:?}");
    ensure!(!ended.output.contains("s3cret"), "a secret was written\n{}", ended.dump);
    Ok(())
}

/// A miner's file that is removed soon after the start; beside it what must not be opened. A link that leads out of the
/// root of its process leads nowhere.
fn configuration(lab: &Lab) -> Result<()> {
    let agent = Agent::start(&[])?;
    let folder = lab.folder()?.join("argv-configuration");
    fs::create_dir_all(folder.join("root"))?;
    let miners = r#"{"donate-level": 1, // one
        "pools": [{"url": "127.0.0.1:3333", "user": "me", "pass": "s3cret-file"},],}"#;
    fs::write(folder.join("miner.json"), miners)?;
    ensure!(Command::new("mkfifo").arg(folder.join("fifo.json")).status()?.success(), "mkfifo failed");
    fs::File::create(folder.join("sparse.json"))?.set_len(10 << 30)?;
    symlink(
        Path::new("/..").join(folder.join("miner.json").strip_prefix("/")?),
        folder.join("root/link.json"),
    )?;

    let mut chrooted = Command::new(python()?);
    chrooted.args(["-c", CHROOTED]).arg(folder.join("root")).args(["--config", "/link.json"]);
    let mut chrooted = Running::spawn("chrooted", &mut chrooted)?;
    let mut miner = Command::new(python()?);
    miner.current_dir(&folder).args(["-c", WAITS, "fifo.json", "sparse.json", "--config=miner.json"]);
    let mut miner = Running::spawn("miner", &mut miner)?;
    let fields = [
        Field::Is("level", "suspicious".into()),
        Field::Is("score", "60".into()),
        Field::Is("rules", "argv.config".into()),
    ];
    let told = expect::told(&agent, miner.pid(), RULE, &fields)?;
    let evidence = told.text("evidence");
    ensure!(evidence.contains("miner.json has donate-level, pool 127.0.0.1:3333"), "evidence: {evidence}");
    chrooted.finish(RULE)?;
    miner.finish(RULE)?;
    let ended = agent.stop(Signal::TERM)?;
    let stopped = ended.stopped_well()?;
    let of_link = ended.about(chrooted.pid());
    ensure!(of_link.is_empty(), "a link led out of its root: {of_link:?}");
    ensure!(stopped.text("counters").contains("setup-refused"), "{}", stopped.text("counters"));
    ensure!(!ended.output.contains("s3cret"), "a secret was written\n{}", ended.dump);
    Ok(())
}

fn stays(lab: &Lab) -> Result<()> {
    let agent = Agent::start(&[])?;
    let notes = lab.folder()?.join("notes.txt");
    fs::write(&notes, format!("pool = {URL}\n"))?;
    let mut grep = Running::start("grep", &[OsString::from("grep"), URL.into(), notes.into()])?;
    ensure!(grep.wait(RULE)?.success(), "grep found nothing\n{}", grep.dump());
    // A name in argv[0] that hides what it is, as miners do.
    let mut hidden = Command::new(python()?);
    hidden.arg0("[kworker/0:1]").args(["-c", "import sys; sys.stdin.read()", "-o", URL]);
    let mut stays = Running::spawn("hidden", &mut hidden)?;
    let fields = [
        Field::Is("level", "suspicious".into()),
        Field::Is("score", "60".into()),
        Field::Is("rules", "argv.stratum-url".into()),
        Field::Has("cmdline", URL.into()),
        Field::Has("cmdline", "[kworker/0:1]".into()),
    ];
    // The rule's time for grep has passed when it has for the process that was started later.
    expect::told(&agent, stays.pid(), RULE, &fields)?;
    stays.finish(RULE)?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    let of_grep = ended.about(grep.pid());
    ensure!(of_grep.is_empty(), "grep has an incident: {of_grep:?}");
    Ok(())
}
