//! `minewarden doctor`: what this host offers, and each hook, as a table.
//!
//! Owns the report's look and its verdict. Must not know how a check is made.
use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use serde::Serialize;

use super::{one_line, sudo};
use crate::{
    config::{self, Config, DEFAULT_PATH},
    host::{self, Row, State, privilege},
    kernel::{
        self,
        hooks::{HOOKS, Hook},
    },
    rules::{self, Known},
};

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object instead of the tables
    #[arg(long)]
    json: bool,
    /// Read FILE instead of /etc/minewarden/minewarden.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// One hook on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookRow {
    /// Name of the program in the object.
    pub program: &'static str,
    /// Where it attaches.
    pub attach: &'static str,
    /// First kernel that it loads on.
    pub since: &'static str,
    /// Whether `run` refuses to start without it.
    pub required: bool,
    /// What is lost without it.
    pub lost_without: &'static str,
    /// Why it does not load here; `None` when it does.
    pub error: Option<String>,
}

impl HookRow {
    fn state(&self) -> State {
        match (&self.error, self.required) {
            (None, _) => State::Ok,
            (Some(_), false) => State::Degraded,
            (Some(_), true) => State::Missing,
        }
    }
}

/// Longest cause that is printed for a hook: the verifier's log can be a megabyte.
const CAUSE_MAX: usize = 300;

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    works: bool,
    checks: Vec<Row>,
    /// `None` when they could not be tried.
    hooks: Option<Vec<HookRow>>,
}

/// Prints the report; status 0 when `run` would work, perhaps with less, else 2.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (row, config) = configuration(args.config.as_deref());
    let mut checks = host::look(&config);
    checks.push(row);
    checks.push(known(&config));
    let hooks = privilege::needed_but_missing().is_empty().then(hooks);
    let report = Report::new(checks, hooks);
    let text = if args.json { serde_json::to_string(&report)? + "\n" } else { report.table() };
    io::stdout().write_all(text.as_bytes()).context("stdout")?;
    Ok(ExitCode::from(if report.works { 0 } else { 2 }))
}

/// The rules and lists.
fn known(config: &Config) -> Row {
    let (Known { rules, digests, pools }, problems) = rules::load(&config.rules.directory);
    let loaded = format!(
        "{} bundled, {} own, {} digests and {} pools in {}",
        rules.bundled,
        rules.own,
        digests.len(),
        pools.len(),
        config.rules.directory.display()
    );
    let Some(first) = problems.first() else { return Row::ok("rules", loaded) };
    let more = problems.len() - 1;
    let others = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    let found = format!("{first}{others}; loaded: {loaded}");
    Row::less(
        State::Degraded,
        "rules",
        found,
        "what is wrong there",
        "correct it; minewarden config --check lists all",
    )
}

/// Loads every program, attaches none. When the object cannot be opened at all, each row says why.
fn hooks() -> Vec<HookRow> {
    let row = |hook: &Hook, error| HookRow {
        program: hook.program,
        attach: hook.attach,
        since: hook.since,
        required: hook.required,
        lost_without: hook.lost_without,
        error,
    };
    match kernel::probe() {
        Ok(results) => results.into_iter().map(|(hook, result)| row(hook, result.err())).collect(),
        Err(error) => HOOKS.iter().map(|hook| row(hook, Some(format!("{error:#}")))).collect(),
    }
}

fn configuration(file: Option<&Path>) -> (Row, Config) {
    let name = file.unwrap_or(Path::new(DEFAULT_PATH)).display().to_string();
    let (lost, remedy) = ("the start", "correct the file; minewarden config --check says when it is right");
    match config::load(file) {
        Err(error) => {
            let row = Row::less(State::Missing, "configuration", format!("{error:#}"), lost, remedy);
            (row, Config::default())
        }
        Ok(loaded) => match loaded.unknown.first() {
            None if Path::new(&name).exists() => (Row::ok("configuration", name), loaded.config),
            None => (Row::ok("configuration", format!("defaults; there is no {name}")), loaded.config),
            Some(problem) => {
                let found = format!("{name}:{problem}");
                let lost = "this setting: a start ignores it";
                (Row::less(State::Degraded, "configuration", found, lost, remedy), loaded.config)
            }
        },
    }
}

impl Report {
    fn new(checks: Vec<Row>, hooks: Option<Vec<HookRow>>) -> Self {
        let hooks_work = hooks.iter().flatten().all(|hook| hook.state() != State::Missing);
        let works = checks.iter().all(|row| row.state != State::Missing) && hooks_work;
        Self { version: env!("CARGO_PKG_VERSION"), works, checks, hooks }
    }

    fn table(&self) -> String {
        let mut out = String::new();
        for row in &self.checks {
            line(&mut out, row.what, row.state, &row.found);
            detail(&mut out, row.state, &row.lost, &row.remedy);
        }
        out.push('\n');
        match &self.hooks {
            None => {
                let _ = writeln!(out, "hooks: not tried, that needs root: try {}", sudo("doctor"));
            }
            Some(hooks) => hooks.iter().for_each(|hook| hook_lines(&mut out, hook)),
        }
        out.push('\n');
        out.push_str(&self.verdict());
        out
    }

    fn verdict(&self) -> String {
        let named = |state: State| {
            let checks = self.checks.iter().filter(move |row| row.state == state).map(|row| row.what);
            let hooks = self.hooks.iter().flatten().filter(move |hook| hook.state() == state);
            checks.chain(hooks.map(|hook| hook.program)).collect::<Vec<_>>().join(", ")
        };
        let (missing, degraded) = (named(State::Missing), named(State::Degraded));
        match (missing.is_empty(), degraded.is_empty()) {
            (false, _) => format!("minewarden run does not work here, for want of: {missing}\n"),
            (true, false) => format!("minewarden run works here, with less: {degraded}\n"),
            (true, true) => "minewarden run works here\n".to_owned(),
        }
    }
}

fn hook_lines(out: &mut String, hook: &HookRow) {
    let need = if hook.required { "required" } else { "optional" };
    let found = format!("{}, {need}, Linux {} or later", hook.attach, hook.since);
    line(out, hook.program, hook.state(), &found);
    if let Some(error) = &hook.error {
        let cause = one_line(error).chars().take(CAUSE_MAX).collect::<String>();
        detail(out, hook.state(), hook.lost_without, &format!("see why it does not load: {cause}"));
    }
}

fn line(out: &mut String, what: &str, state: State, found: &str) {
    let state = match state {
        State::Ok => "ok",
        State::Degraded => "degraded",
        State::Missing => "missing",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{what:<24} {state:<9} {}", one_line(found));
}

fn detail(out: &mut String, state: State, lost: &str, remedy: &str) {
    if state != State::Ok {
        let _ = writeln!(
            out,
            "{:<24}   lost:   {}\n{:<24}   to do:  {}",
            "",
            one_line(lost),
            "",
            one_line(remedy)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{HookRow, Report};
    use crate::host::{Row, State};

    fn hook(program: &'static str, required: bool, error: Option<&str>) -> HookRow {
        HookRow {
            program,
            attach: "tp_btf sched_process_exec",
            since: "5.10",
            required,
            lost_without: "command lines",
            error: error.map(str::to_owned),
        }
    }

    fn less(state: State) -> Row {
        Row::less(state, "journald", "no socket", "journal entries", "start it")
    }

    #[test]
    fn an_optional_hook_that_does_not_load_is_less_and_a_required_one_is_the_end() {
        let ok = || vec![Row::ok("kernel", "6.1")];
        assert!(Report::new(ok(), Some(vec![hook("exec", true, None)])).works);
        assert!(Report::new(ok(), Some(vec![hook("exec", false, Some("EPERM"))])).works);
        assert!(!Report::new(ok(), Some(vec![hook("exec", true, Some("EPERM"))])).works);
        assert!(!Report::new(vec![less(State::Missing)], None).works);
        assert!(Report::new(vec![less(State::Degraded)], None).works);
    }

    #[test]
    fn the_table_says_what_is_lost_and_what_to_do() {
        let hooks = vec![hook("exec", true, None), hook("state", false, Some("load:\nverifier\u{1b} log"))];
        let table = Report::new(vec![Row::ok("kernel", "6.1"), less(State::Degraded)], Some(hooks)).table();
        let lines: Vec<_> =
            table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "kernel ok 6.1",
                "journald degraded no socket",
                "lost: journal entries",
                "to do: start it",
                "",
                "exec ok tp_btf sched_process_exec, required, Linux 5.10 or later",
                "state degraded tp_btf sched_process_exec, optional, Linux 5.10 or later",
                "lost: command lines",
                "to do: see why it does not load: load:; verifier\u{fffd} log",
                "",
                "minewarden run works here, with less: journald, state",
            ]
        );
    }

    #[test]
    fn hooks_that_were_not_tried_are_not_called_well() {
        let report = Report::new(vec![less(State::Missing)], None);
        assert!(report.table().contains("hooks: not tried, that needs root"));
        assert!(report.table().ends_with("does not work here, for want of: journald\n"));
        assert!(serde_json::to_value(&report).unwrap()["hooks"].is_null());
    }
}
