//! Golden replays: conversations as text become captures, the built agent judges them, and what it prints is
//! compared with what is on record. No root is needed.
//!
//! `MINEWARDEN_AGENT` names the agent's binary; without it the one beside the test is used. `UPDATE_GOLDEN=1`
//! writes what the agent prints on record; read the difference before you keep it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy.toml excepts test functions, and all helpers here are part of them"
)]
mod files;
mod general;
mod session;
mod terminal;
mod wire;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{session::Session, wire::Format};

fn agent() -> PathBuf {
    if let Some(path) = env::var_os("MINEWARDEN_AGENT") {
        return PathBuf::from(path);
    }
    let own = env::current_exe().expect("the test has a path");
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join("minewarden"));
    let mut found = beside.filter(|path| path.is_file());
    found.next().expect("no minewarden beside the test: cargo build -p monitor, or set MINEWARDEN_AGENT")
}

fn replay(options: &[&str], files: &[PathBuf]) -> Output {
    let output =
        Command::new(agent()).arg("replay").args(options).args(files).env_remove("RUST_LOG").output();
    output.expect("the agent starts")
}

fn status(output: &Output) -> Option<i32> {
    output.status.code()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("stdout is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// Writes the conversation in every format.
fn captures(session: &Session) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = Format::ALL.iter().enumerate().map(|(index, format)| {
        let path = folder.path().join(format!("{index}.capture"));
        fs::write(&path, format.write(&session.link, &session.frames)).expect("a capture is written");
        path
    });
    let files = files.collect();
    (folder, files)
}

/// What the agent says of a conversation: the same for each format, or it is an error.
fn judge(session: &Session) -> Result<Value> {
    let (_folder, files) = captures(session);
    let output = replay(&["--json", "--all"], &files);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut by_file: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mut line in lines(&output) {
        let object = line.as_object_mut().context("a line is no object")?;
        let file = object.remove("file").context("a line has no file")?;
        by_file.entry(file.as_str().unwrap_or_default().to_owned()).or_default().push(line);
    }
    ensure!(by_file.len() == files.len(), "not every format gave conversations: {by_file:?} {errors}");
    let mut told: Vec<_> = by_file.into_values().collect();
    let flows = told.pop().unwrap_or_default();
    ensure!(told.iter().all(|other| *other == flows), "the formats differ: {told:?} and {flows:?}");
    let warnings: Vec<_> = errors.lines().filter(|line| line.contains("/0.capture")).collect();
    let warnings: Vec<_> = warnings.iter().filter_map(|line| line.split_once("/0.capture: ")).collect();
    let warnings: Vec<_> = warnings.iter().map(|(_, what)| *what).collect();
    Ok(json!({ "status": status(&output), "flows": flows, "warnings": warnings }))
}

fn check(folder: &Path) -> Result<()> {
    let text = fs::read_to_string(folder.join("session.txt")).context("session.txt")?;
    let judged = judge(&session::parse(&text).context("session.txt")?)?;
    agrees(&folder.file_name().unwrap_or_default().to_string_lossy(), &judged)?;
    let record = folder.join("expected.json");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&record, format!("{judged:#}\n"))?;
        return Ok(());
    }
    let expected: Value = serde_json::from_str(&fs::read_to_string(record).context("expected.json")?)?;
    if judged != expected {
        bail!("on record:\n{expected:#}\nnow:\n{judged:#}");
    }
    Ok(())
}

/// The record is not just what the agent happens to print: a case is named after its dialect and is found, or its
/// name begins with `benign-` and nothing is.
fn agrees(name: &str, judged: &Value) -> Result<()> {
    let flows = judged["flows"].as_array().context("there are no flows")?;
    for flow in flows {
        let (status, level) = (&judged["status"], &flow["level"]);
        if name.starts_with("benign-") {
            ensure!((status, level) == (&json!(0), &json!("none")), "harmless, but judged {flow:#}");
        } else {
            let dialect = flow["dialect"].as_str().unwrap_or("none");
            ensure!(*status == json!(1) && name.starts_with(&format!("{dialect}-")), "judged {flow:#}");
        }
    }
    Ok(())
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/cases");
    let entries = fs::read_dir(folder).expect("there are cases").map(|entry| entry.expect("a case").path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

#[test]
fn conversations_are_judged_as_on_record() {
    let cases = cases();
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| check(case).err().map(|error| format!("{}: {error:#}", case.display())))
        .collect();
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
}
