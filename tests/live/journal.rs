//! What is in the journal is what was told, and it gets there though journald restarts.
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use minewarden_tests::{client::STEP, notice::Notice, protocol::Dialect};
use serde_json::Value;

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab, held},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("journal::entry_is_the_notice", entry_is_the_notice),
        Test::new("journal::survives_a_restart", survives_a_restart),
    ]
}

fn entry_is_the_notice(lab: &Lab) -> Result<()> {
    const TEST: &str = "journal-entry";
    let agent = lab.agent()?;
    let journald = lab.journald()?;
    let since = SystemTime::now();
    let (pool, port) = lab.pool(TEST, Dialect::Cryptonote)?;
    let miner = lab.miner(TEST, Dialect::Cryptonote, port, &[])?;
    miner.says("done", STEP)?;
    let fields = expect::python_miner(TEST, Dialect::Cryptonote, port)?;
    let notice = expect::told(&agent, miner.pid(), FOUND, &fields)?;
    let id = notice.text("id");
    ensure!(!id.is_empty(), "a notice without an id: {}", notice.value());
    let entry = held(&journald)
        .wait_for("the notice's entry", agent.pid(), since, FOUND, |entry| entry.text("id") == id)?;
    let wrong = expect::wrong(&entry, &fields);
    ensure!(wrong.is_empty(), "{}\n{:#}", wrong.join("\n"), entry.value());
    let differ = differences(&notice, &entry)?;
    ensure!(differ.is_empty(), "{}\n{:#}", differ.join("\n"), entry.value());
    let plain = |key: &str| entry.value().get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    ensure!(plain("PRIORITY") == "2", "PRIORITY is {:?} for a confirmed incident", plain("PRIORITY"));
    ensure!(plain("MESSAGE_ID").len() == 32, "MESSAGE_ID is {:?}", plain("MESSAGE_ID"));
    ensure!(
        !plain("MESSAGE").is_empty() && !plain("MESSAGE").contains('\n'),
        "MESSAGE is {:?}",
        plain("MESSAGE")
    );
    miner.finish()?;
    pool.finish()
}

fn survives_a_restart(lab: &Lab) -> Result<()> {
    const TEST: &str = "journal-restart";
    let agent = lab.agent()?;
    let journald = lab.journald()?;
    let since = SystemTime::now();
    let (pool, port) = lab.pool(TEST, Dialect::StratumV1)?;
    let miner = held(&journald).restart(|| {
        let miner = lab.miner(TEST, Dialect::StratumV1, port, &[])?;
        miner.says("done", STEP)?;
        expect::told(&agent, miner.pid(), FOUND, &[Field::Is("level", "confirmed".into())])?;
        Ok(miner)
    })?;
    held(&journald)
        .wait_for("the incident", agent.pid(), since, FOUND, |entry| entry.confirms(miner.pid()))?;
    miner.finish()?;
    pool.finish()
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// Fields of a notice that the journal has otherwise. `message` and `priority` are the journal's own fields there.
fn differences(notice: &Notice, entry: &Notice) -> Result<Vec<String>> {
    let own = |key: &str| entry.value().get(key.to_uppercase()).and_then(Value::as_str).map(str::to_owned);
    let mut differ = Vec::new();
    for (key, value) in notice.value().as_object().context("the notice is no object")? {
        let same = match key.as_str() {
            "message" | "priority" => own(key) == Some(notice.text(key)),
            "rules" => entry.rules() == notice.rules(),
            // journald gives fields of one name in the order in which it first met their values.
            "evidence" => sorted(entry.list(key)) == sorted(notice.list(key)),
            // The journal has `12.340` where JSON has the number 12.34.
            "duration" => entry.text(key).parse().ok() == value.as_f64(),
            _ => entry.text(key) == notice.text(key),
        };
        if !same {
            differ.push(format!("{key} is {value} as JSON and {:?} in the journal", entry.text(key)));
        }
    }
    Ok(differ)
}
