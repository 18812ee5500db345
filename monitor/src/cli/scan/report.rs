//! How a scan is shown: a table, or JSON lines.
//!
//! Owns the two forms. Must not know how anything was found. Most values were chosen by a watched process, so they
//! are escaped.
use std::io::{self, Write};

use super::Found;
use crate::{
    cli::table,
    event::Counters,
    notice::{IncidentView, Level},
    sink::{Json, Sink as _, escape::escape},
};

const COLUMNS: usize = 8;
const HEAD: [&str; COLUMNS] = ["LEVEL", "SCORE", "PID", "USER", "EXE", "WHERE", "POOL", "RULES"];
/// Digits of a container's id, as its engine shows it.
const SHORT: usize = 12;

/// Prints what was found.
pub(super) fn print(out: &mut (impl Write + Send), found: &Found, json: bool) -> io::Result<()> {
    if json {
        let mut sink = Json::new(out);
        return found.incidents.iter().try_for_each(|notice| sink.write(notice));
    }
    let views: Vec<_> = found.incidents.iter().filter_map(|notice| notice.incident.as_deref()).collect();
    table::write(out, HEAD, &views.iter().map(|view| row(view)).collect::<Vec<_>>())?;
    let mining = views.iter().filter(|view| view.level >= Level::Likely).count();
    let counted = |name| count(&found.lost, name);
    writeln!(
        out,
        "processes: {}, connections: {}, suspicious: {}, mining: {mining}",
        counted("sweep.processes"),
        counted("sweep.sockets"),
        views.len() - mining
    )?;
    out.flush()
}

fn row(view: &IncidentView) -> [String; COLUMNS] {
    let pid = view.owner.map(|owner| owner.pid).filter(|pid| *pid != 0);
    let user = view.user.clone().or(view.uid.map(|uid| uid.to_string()));
    let pool = view.claim.pool.clone().or(view.ends.map(|ends| ends.remote.to_string()));
    let rules: Vec<_> = view.evidence.iter().map(|(rule, _)| rule.name).collect();
    [
        view.level.to_string(),
        view.score.to_string(),
        or_dash(pid.map(|pid| pid.to_string())),
        or_dash(user),
        or_dash(view.exe.clone().or(view.comm.clone())),
        or_dash(place(view)),
        or_dash(pool),
        rules.join(","),
    ]
}

fn place(view: &IncidentView) -> Option<String> {
    let place = &view.place;
    let container = place.container.as_ref().map(|id| id.chars().take(SHORT).collect());
    container
        .or_else(|| place.unit.clone())
        .or_else(|| (!place.cgroup.is_empty()).then(|| place.cgroup.clone()))
}

fn or_dash(value: Option<String>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| escape(&value))
}

fn count(counters: &Counters, name: &str) -> u64 {
    counters.seen.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::sample::{hostile, incident};

    fn shown(found: &Found, json: bool) -> String {
        let mut out = Vec::new();
        print(&mut out, found, json).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn found() -> Found {
        let seen = vec![("sweep.processes".to_owned(), 84), ("sweep.sockets".to_owned(), 7)];
        Found { incidents: vec![incident()], lost: Counters { seen, lost: Vec::new() } }
    }

    #[test]
    fn the_table_names_who_and_where_and_sums_up() {
        let shown = shown(&found(), false);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 3, "{shown}");
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), HEAD);
        for part in ["confirmed", "100", "4242", "alice", "stratum.session,argv.stratum-url"] {
            assert!(lines[1].contains(part), "{part}: {}", lines[1]);
        }
        assert_eq!(lines[2], "processes: 84, connections: 7, suspicious: 0, mining: 1");
    }

    #[test]
    fn json_is_that_of_the_sink_and_nothing_is_nothing() {
        let mut line = Vec::new();
        Json::new(&mut line).write(&incident()).unwrap();
        assert_eq!(shown(&found(), true).into_bytes(), line);
        assert_eq!(shown(&Found::default(), true), "");
        assert_eq!(
            shown(&Found::default(), false),
            "processes: 0, connections: 0, suspicious: 0, mining: 0\n"
        );
    }

    #[test]
    fn hostile_text_cannot_break_a_row() {
        let shown = shown(&Found { incidents: vec![hostile()], ..Found::default() }, false);
        assert_eq!(shown.lines().count(), 3, "{shown:?}");
        assert!(!shown.replace('\n', "").contains(char::is_control), "{shown:?}");
    }
}
