//! Hooks by kernel: rows are hooks, columns are kernels; once for a terminal, once as Markdown for the docs.
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::told::{Hook, State, Told};

/// A kernel that was tried.
pub(super) struct Column {
    pub(super) told: Told,
    pub(super) took: Duration,
}

/// The cells, the heads first.
fn cells(columns: &[Column]) -> Vec<Vec<String>> {
    let mut head: Vec<String> = ["hook", "attach point", "need", "since"].map(str::to_owned).into();
    head.extend(columns.iter().map(|column| column.told.release.trim_end_matches("-cloud-amd64").to_owned()));
    let mut rows = vec![head];
    for hook in hooks(columns) {
        let need = if hook.required { "required" } else { "optional" };
        let mut row = vec![hook.program.clone(), hook.attach.clone(), need.to_owned(), hook.since.clone()];
        row.extend(columns.iter().map(|column| state(column, &hook.program).to_owned()));
        rows.push(row);
    }
    rows.push(sum("live tests", columns, |column| format!("{} ok", column.told.count("ok"))));
    rows.push(sum("failed", columns, |column| column.told.count("failed").to_string()));
    rows.push(sum("seconds", columns, |column| column.took.as_secs().to_string()));
    rows
}

fn sum(name: &str, columns: &[Column], of: impl Fn(&Column) -> String) -> Vec<String> {
    let head = [name, "", "", ""].map(str::to_owned);
    head.into_iter().chain(columns.iter().map(of)).collect()
}

/// Every hook that a column has, in the agent's order.
fn hooks(columns: &[Column]) -> Vec<&Hook> {
    let mut hooks: Vec<&Hook> = Vec::new();
    for hook in columns.iter().flat_map(|column| &column.told.hooks) {
        if hooks.iter().all(|other| other.program != hook.program) {
            hooks.push(hook);
        }
    }
    hooks
}

fn state(column: &Column, program: &str) -> &'static str {
    match column.told.hooks.iter().find(|hook| hook.program == program).map(|hook| &hook.state) {
        Some(State::Attached) => "attached",
        Some(State::PerPass) => "per pass",
        Some(State::Loaded) => "only loaded",
        Some(State::Refused(_)) => "refused",
        None => "not told",
    }
}

/// What is lost where, one line for each refused hook and its kernels.
fn losses(columns: &[Column]) -> Vec<String> {
    let mut losses: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for column in columns {
        for hook in &column.told.hooks {
            if let State::Refused(why) = &hook.state {
                losses.entry((&hook.program, &hook.lost, why)).or_default().push(&column.told.release);
            }
        }
    }
    let line = |((program, lost, why), kernels): (&(&str, &str, &str), &Vec<&str>)| {
        format!("{program} on {}: lost: {lost}; the kernel says: {why}", kernels.join(", "))
    };
    losses.iter().map(line).collect()
}

/// For a terminal: padded columns, then the losses.
pub(super) fn text(columns: &[Column]) -> String {
    let rows = cells(columns);
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    for row in &rows {
        let padded: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", padded.join("  ").trim_end());
    }
    for loss in losses(columns) {
        let _ = writeln!(out, "{loss}");
    }
    out
}

/// For the docs.
pub(super) fn markdown(columns: &[Column]) -> String {
    let mut out = String::new();
    for (number, row) in cells(columns).iter().enumerate() {
        let _ = writeln!(out, "| {} |", row.join(" | "));
        if number == 0 {
            let _ = writeln!(out, "|{}", "---|".repeat(row.len()));
        }
    }
    out.push('\n');
    for loss in losses(columns) {
        let _ = writeln!(out, "- {loss}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(release: &str, states: &[State]) -> Column {
        let hook = |(program, state): (&&str, &State)| Hook {
            program: (*program).to_owned(),
            attach: "tp_btf/x".to_owned(),
            since: "5.8".to_owned(),
            required: false,
            lost: "owners".to_owned(),
            state: state.clone(),
        };
        let hooks = ["exec", "sockets"].iter().zip(states).map(hook).collect();
        let mut told = Told::default();
        (told.release, told.hooks) = (release.to_owned(), hooks);
        Column { told, took: Duration::from_secs(61) }
    }

    #[test]
    fn a_row_is_a_hook_and_a_column_a_kernel() {
        let columns = [
            column("5.10.0-32-cloud-amd64", &[State::Attached, State::Refused("EINVAL".to_owned())]),
            column("6.1.0-50-cloud-amd64", &[State::Attached, State::PerPass]),
        ];
        let text = text(&columns);
        let squeezed: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            squeezed.first().map(String::as_str),
            Some("hook attach point need since 5.10.0-32 6.1.0-50")
        );
        assert!(squeezed.contains(&"exec tp_btf/x optional 5.8 attached attached".to_owned()), "{text}");
        assert!(squeezed.contains(&"sockets tp_btf/x optional 5.8 refused per pass".to_owned()), "{text}");
        assert!(squeezed.contains(&"seconds 61 61".to_owned()), "{text}");
        assert!(text.ends_with("lost: owners; the kernel says: EINVAL\n"), "{text}");
        let markdown = markdown(&columns);
        assert!(markdown.contains("|---|---|---|---|---|---|\n| exec | tp_btf/x |"), "{markdown}");
        assert!(markdown.contains("- sockets on 5.10.0-32-cloud-amd64: lost: owners"), "{markdown}");
    }

    #[test]
    fn a_kernel_that_told_nothing_is_seen() {
        let text = text(&[column("6.1", &[State::Attached]), column("", &[])]);
        assert!(text.contains("not told"), "{text}");
    }
}
