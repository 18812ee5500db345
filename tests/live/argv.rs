//! A stratum URL as a whole argument of a process that stays is suspicious; of one that is soon gone, nothing.
use std::{ffi::OsString, fs, os::unix::process::CommandExt, process::Command, time::Duration};

use anyhow::{Result, ensure};
use minewarden_tests::{
    agent::Agent,
    client::python,
    process::{Running, Signal},
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
    vec![Test::new("argv::url_of_a_process_that_stays", stays)]
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
