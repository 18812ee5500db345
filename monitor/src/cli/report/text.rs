//! The report for people.
//!
//! Owns its layout. Every value is fit to be shown by now. Must not know where it came from.
use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use super::{
    entry::Facts,
    host::State,
    summary::Sum,
    view::{HostRow, Now, Report, Row, is_well, rfc3339},
};
use crate::cli::table;

/// Rows of a summary; JSON has them all.
const SUMS: usize = 20;
/// Width of a name before its value.
const LABEL: usize = 10;

/// Writes it.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    headline(out, report)?;
    for row in &report.incidents {
        incident(out, row)?;
    }
    hosts(out, report)?;
    sums(out, "USER", &report.users)?;
    sums(out, "WALLET", &report.wallets)?;
    remarks(out, report)
}

fn headline(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let with = report.hosts.iter().filter(|host| host.incidents > 0).count();
    let open = report.incidents.iter().filter(|row| row.now == Now::Open).count();
    let since = report.since.map_or_else(|| "the beginning of the journal".to_owned(), short);
    writeln!(
        out,
        "{} ({open} open) on {with} of {}, from {since} to {}",
        count(report.incidents.len(), "incident"),
        count(report.counts.hosts, "host"),
        short(report.until.unwrap_or(report.generated)),
    )
}

fn incident(out: &mut impl Write, row: &Row) -> io::Result<()> {
    let incident = &row.incident;
    let facts = &incident.facts;
    let test = if incident.test { " (a self-test)" } else { "" };
    writeln!(out, "\n{} {} on {}{test}: {}", incident.level, incident.score, named(row), when(row))?;
    let text = |name| facts.text(name).map(str::to_owned);
    let with = |prefix: &str, name| facts.text(name).map(|value| format!("{prefix}{value}"));
    let number = |prefix: &str, name| facts.number(name).map(|value| format!("{prefix}{value}"));
    let login = with("logged in as ", "LOGIN_USER");
    line(out, "who", [text("USER"), number("uid ", "UID"), login, with("terminal ", "TTY")])?;
    let role = facts.text("ROLE").filter(|role| *role != "miner").map(str::to_owned);
    let (comm, script) = (with("called ", "COMM"), with("script ", "SCRIPT"));
    line(out, "what", [text("EXE"), text("EXE_STATE"), comm, script, number("pid ", "PID"), role])?;
    line(out, "command", [text("CMDLINE")])?;
    line(out, "file", [with("sha256 ", "SHA256")])?;
    place(out, facts)?;
    let (dialect, algorithm) = (with("speaks ", "DIALECT"), with("algorithm ", "ALGORITHM"));
    line(out, "pool", [text("POOL"), with("at ", "REMOTE"), dialect, algorithm, with("as ", "AGENT")])?;
    line(out, "wallet", [text("WALLET"), with("coin ", "COIN"), with("worker ", "WORKER")])?;
    line(out, "shares", [number("accepted ", "SHARES_ACCEPTED"), number("rejected ", "SHARES_REJECTED")])?;
    for seen in &facts.evidence {
        line(out, "evidence", [Some(seen.to_string())])?;
    }
    let processes =
        facts.number("PROCESSES").filter(|many| *many > 1).map(|many| format!("{many} processes"));
    line(out, "incident", [Some(facts.incident.to_string()), Some(entries(incident.entries)), processes])
}

fn place(out: &mut impl Write, facts: &Facts) -> io::Result<()> {
    let with = |prefix: &str, name| facts.text(name).map(|value| format!("{prefix}{value}"));
    let container = with("container ", "CONTAINER_NAME").or_else(|| with("container ", "CONTAINER"));
    let cgroup = with("cgroup ", "CGROUP").filter(|_| facts.text("UNIT").is_none());
    line(out, "where", [with("unit ", "UNIT"), container, with("pod ", "POD"), with("job ", "JOB"), cgroup])
}

/// `web01`, or with what is wrong about the name.
fn named(row: &Row) -> String {
    match &row.incident.hostname {
        Some(claimed) if row.contradiction => {
            format!("{} by its certificate (CONTRADICTION: its journal says {claimed})", row.host)
        }
        _ => row.host.to_string(),
    }
}

fn when(row: &Row) -> String {
    let incident = &row.incident;
    let (since, lasted) = (short(incident.since), span(row.duration()));
    match (row.now, incident.ended) {
        (Now::Ended, Some(ended)) => format!("from {since} until {} ({lasted})", short(ended)),
        (Now::Open, _) => format!("open since {since}, last told {}", short(incident.last)),
        _ => format!("since {since}, last told {}; no agent watches it any more", short(incident.last)),
    }
}

fn line<const N: usize>(out: &mut impl Write, label: &str, values: [Option<String>; N]) -> io::Result<()> {
    let values: Vec<_> = values.into_iter().flatten().collect();
    if values.is_empty() {
        return Ok(());
    }
    writeln!(out, "    {label:LABEL$} {}", values.join(", "))
}

fn hosts(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let certificates = report.hosts.iter().any(|host| host.certified);
    let told = |host: &&HostRow| !is_well(host) || host.incidents > 0;
    let rows: Vec<_> =
        report.hosts.iter().filter(told).map(|host| host_row(host, report, certificates)).collect();
    if !rows.is_empty() {
        writeln!(out)?;
        table::write(out, ["HOST", "STATE", "INCIDENTS", "LAST HEARD", "LOST", "REMARKS"], &rows)?;
    }
    let quiet = report.hosts.len() - rows.len();
    if quiet > 0 {
        writeln!(
            out,
            "\n{} alive or retired with nothing to tell",
            count(quiet, if rows.is_empty() { "host" } else { "other host" })
        )?;
    }
    Ok(())
}

fn host_row(host: &HostRow, report: &Report, certificates: bool) -> [String; 6] {
    let now = report.until.unwrap_or(report.generated);
    let last = host.last.map_or_else(|| "-".to_owned(), short);
    let state = match (host.state, host.last) {
        (State::Silent, Some(last)) => format!("SILENT for {}", span(now.duration_since(last))),
        (State::Never, _) => "NEVER HEARD".to_owned(),
        (State::Unreadable, _) => "UNREADABLE".to_owned(),
        (state, _) => state.name().to_owned(),
    };
    [
        host.host.to_string(),
        state,
        host.incidents.to_string(),
        last,
        host.lost.to_string(),
        remarks_on(host, certificates),
    ]
}

fn remarks_on(host: &HostRow, certificates: bool) -> String {
    let names: Vec<_> = host.hostnames.iter().map(|name| &**name).collect();
    let all = [
        host.contradiction.then(|| format!("CONTRADICTION: its journal says {}", names.join(", "))),
        (certificates && !host.certified).then(|| "by no certificate, by its own word".to_owned()),
        (host.unbelieved > 0).then(|| format!("{} not written by root, left out", entries(host.unbelieved))),
        host.clock_ahead.then(|| "its clock is ahead".to_owned()),
        host.last_loss.as_ref().map(ToString::to_string),
        (host.left_out > 0).then(|| format!("{} of further incidents left out", entries(host.left_out))),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn sums(out: &mut impl Write, what: &str, sums: &[Sum]) -> io::Result<()> {
    if sums.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let row = |sum: &Sum| {
        [
            sum.name.clone(),
            sum.incidents.to_string(),
            sum.open.to_string(),
            sum.hosts.to_string(),
            sum.level.clone(),
        ]
    };
    let rows: Vec<_> = sums.iter().take(SUMS).map(row).collect();
    table::write(out, [what, "INCIDENTS", "OPEN", "HOSTS", "LEVEL"], &rows)?;
    match sums.len().saturating_sub(SUMS) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more (--format json has all)"),
    }
}

fn remarks(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let counts = &report.counts;
    writeln!(
        out,
        "\n{} read, {} came again, {} malformed, {} of a kind not known here, {} not written by root; {} not shown (--all)",
        entries(counts.entries),
        counts.duplicates,
        counts.malformed,
        counts.unknown,
        counts.unbelieved,
        count(counts.hidden, "incident"),
    )?;
    for problem in &report.problems {
        writeln!(out, "problem: {problem}")?;
    }
    for limit in &report.limits {
        writeln!(out, "limit: {limit}")?;
    }
    Ok(())
}

fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn entries(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// To the second: the rest is in JSON.
fn short(at: Timestamp) -> String {
    let text = rfc3339(at);
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// `2d 3h`, `5m 12s`: the two largest units.
fn span(time: SignedDuration) -> String {
    let seconds = time.as_secs().max(0);
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, size) in units {
        let many = left / size;
        left %= size;
        if many > 0 || (unit == "s" && parts.is_empty()) {
            parts.push(format!("{many}{unit}"));
        }
    }
    parts.truncate(2);
    parts.join(" ")
}
