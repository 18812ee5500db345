//! Readable lines for a terminal.
//!
//! Owns the layout: a headline per notice and, for an incident, an indented block that a person can act on: whole
//! when it opens or rises, later only the lines that can have changed. Counters that are zero are left out.
//! Must not know where the lines go, nor whether that is a terminal: the caller says if colour is wanted.
use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    Sink,
    fields::{Field, fields, message},
    stream::Stream,
};
use crate::notice::{Kind, Level, Notice};

/// Writes readable lines.
pub struct Text<W> {
    stream: Stream<W>,
    colour: bool,
}

impl<W: Write> Text<W> {
    /// Writes to `out`; `colour` says that it is a terminal that shows ANSI colours.
    pub const fn new(out: W, colour: bool) -> Self {
        Self { stream: Stream::new(out), colour }
    }
}

impl<W: Write + Send> Sink for Text<W> {
    fn name(&self) -> &'static str {
        "text"
    }

    fn write(&mut self, notice: &Notice) -> io::Result<()> {
        let colour = self.colour;
        self.stream.put(&notice.id, || Ok(render(notice, colour).into_bytes()))
    }
}

/// A line of the block: its label, and the fields on it, each with the words before and after its value. Fields
/// that are unknown are left out; so is a line without any.
type Line = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const BLOCK: [Line; 19] = [
    ("incident", &[("", "INCIDENT", ""), ("role ", "ROLE", ""), ("", "PROCESSES", " process(es) so far")]),
    (
        "who",
        &[
            ("", "USER", ""),
            ("uid ", "UID", ""),
            ("logged in as ", "LOGIN_USER", ""),
            ("loginuid ", "LOGINUID", ""),
            ("session ", "SESSION", ""),
            ("tty ", "TTY", ""),
        ],
    ),
    (
        "process",
        &[
            ("", "COMM", ""),
            ("pid ", "PID", ""),
            ("", "EXE", ""),
            ("", "EXE_STATE", ""),
            ("started ", "STARTED", ""),
        ],
    ),
    ("script", &[("", "SCRIPT", ""), ("sha256 ", "SCRIPT_SHA256", "")]),
    ("command", &[("", "CMDLINE", "")]),
    ("ancestry", &[("", "ANCESTRY", "")]),
    (
        "container",
        &[
            ("", "CONTAINER_NAME", ""),
            ("image ", "CONTAINER_IMAGE", ""),
            ("", "CONTAINER_ENGINE", ""),
            ("id ", "CONTAINER", ""),
        ],
    ),
    ("pod", &[("", "POD", ""), ("namespace ", "NAMESPACE", ""), ("uid ", "POD_UID", "")]),
    (
        "where",
        &[("unit ", "UNIT", ""), ("slice ", "SLICE", ""), ("job ", "JOB", ""), ("cgroup ", "CGROUP", "")],
    ),
    ("file", &[("", "EXE_FILE", ""), ("sha256 ", "SHA256", "")]),
    ("remote", &[("", "REMOTE", ""), ("dialect ", "DIALECT", ""), ("pool ", "POOL", "")]),
    ("wallet", &[("", "WALLET", "")]),
    ("worker", &[("", "WORKER", "")]),
    ("agent", &[("", "AGENT", "")]),
    ("algorithm", &[("", "ALGORITHM", ""), ("coin ", "COIN", ""), ("difficulty ", "DIFFICULTY", "")]),
    ("shares", &[("", "SHARES_ACCEPTED", " accepted"), ("", "SHARES_REJECTED", " rejected")]),
    ("since", &[("", "SINCE", ""), ("for ", "DURATION", " s")]),
    ("evidence", &[("", "EVIDENCE", "")]),
    ("sum", &[("", "SCORE", ""), ("level ", "LEVEL", "")]),
];

/// Lines of the block that say nothing new once an incident is open; the headline names the process.
const ONCE: [&str; 9] =
    ["who", "process", "script", "command", "ancestry", "container", "pod", "where", "file"];

const LABEL_WIDTH: usize = 11;
const RESET: &str = "\x1b[0m";

fn render(notice: &Notice, colour: bool) -> String {
    let fields = fields(notice);
    let view = notice.incident.as_deref();
    let level = view.filter(|view| !view.self_test).map(|view| view.level);
    let (on, off) = if colour { (paint(notice.kind, level), RESET) } else { ("", "") };
    let mut out = format!("{} {on}", first(&fields, "TIME").unwrap_or_default());
    let _ = writeln!(out, "{}{off}: {}", notice.kind.name(), message(notice));
    if let Some(counters) = first(&fields, "COUNTERS") {
        let counted: Vec<&str> = counters.split(' ').filter(|pair| !pair.ends_with("=0")).collect();
        line(&mut out, "counters", &counted.join(" "));
    }
    let known = matches!(notice.kind, Kind::IncidentUpdated | Kind::IncidentEnded);
    for (label, parts) in BLOCK.iter().filter(|(label, _)| !(known && ONCE.contains(label))) {
        block_line(&mut out, &fields, label, parts);
    }
    out
}

fn block_line(out: &mut String, fields: &[Field], label: &str, parts: &[(&str, &str, &str)]) {
    if let [(_, name, _)] = parts {
        for (index, text) in all(fields, name).into_iter().enumerate() {
            line(out, if index == 0 { label } else { "" }, &text);
        }
        return;
    }
    let shown = parts.iter().filter_map(|(before, name, after)| {
        let text = first(fields, name)?;
        Some(format!("{before}{text}{after}"))
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    if !shown.is_empty() {
        line(out, label, &shown);
    }
}

fn line(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "    {label:LABEL_WIDTH$}{text}");
}

fn all(fields: &[Field], name: &str) -> Vec<String> {
    fields.iter().find(|field| field.name == name).map(|field| field.value.texts()).unwrap_or_default()
}

fn first(fields: &[Field], name: &str) -> Option<String> {
    all(fields, name).into_iter().next()
}

/// The ANSI sequence for a headline: red confirmed, yellow likely and loss, cyan suspicious, dim the rest.
const fn paint(kind: Kind, level: Option<Level>) -> &'static str {
    match (kind, level) {
        (Kind::IncidentEnded, _) => "\x1b[2m",
        (_, Some(Level::Confirmed)) => "\x1b[1;31m",
        (Kind::Loss, _) | (_, Some(Level::Likely)) => "\x1b[1;33m",
        (_, Some(Level::Suspicious)) => "\x1b[36m",
        (_, Some(Level::None) | None) => "\x1b[2m",
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Text};
    use crate::{
        event::Counters,
        notice::{Kind, Notice},
        sink::{
            Sink as _, fields,
            sample::{agent, hostile, incident},
        },
    };

    fn shown(notice: &Notice, colour: bool) -> String {
        let mut out = Vec::new();
        Text::new(&mut out, colour).write(notice).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_incident_is_a_block_that_a_person_can_act_on() {
        let expected = format!(
            "\
2026-05-20T18:00:12.345678Z incident-opened: kworker[4242] of alice mines with [2001:db8::7]:3333
    incident   00c0ffee00c0ffee, role miner, 3 process(es) so far
    who        alice, uid 1000, logged in as bob, loginuid 1001, session 3, tty pts3
    process    kworker, pid 4242, /tmp/.x/kworker, deleted, started 2026-05-20T17:59:00.000000Z
    script     /srv/m.py, sha256 {}
    command    ./kworker -o stratum+tcp://pool.example:3333 '--user-agent=a b' '' 'it'\\''s' …
    ancestry   kworker[4242] < bash[4000] < sshd[900]
    container  web1, image nginx:1.25, docker, id {}
    pod        web-7d9c, namespace shop, uid 0b5a5cde-4a0b-4d5c-8c0c-0d8f0f6f3c11
    where      unit web.service, slice system.slice, job slurm:4242, cgroup /system.slice/web.service
    file       253:1:131, sha256 {}
    remote     [2001:db8::7]:3333, dialect cryptonote, pool pool.example:3333
    wallet     48wallet
    worker     rig1
    agent      XMRig/6.21.0
    algorithm  rx/0, coin monero, difficulty 10000
    shares     42 accepted, 1 rejected
    since      2026-05-20T18:00:00.000000Z, for 12.345 s
    evidence   stratum.session (100): login answered with a job
               argv.stratum-url (60): argument 2
    sum        100, level confirmed
",
            "cd".repeat(32),
            "0123".repeat(16),
            "ab".repeat(32),
        );
        assert_eq!(shown(&incident(), false), expected);
    }

    #[test]
    fn the_block_shows_every_field_of_an_incident() {
        let on_block: Vec<_> = BLOCK.iter().flat_map(|(_, parts)| parts.iter().map(|part| part.1)).collect();
        let elsewhere = ["ID", "EVENT", "SCHEMA", "VERSION", "TIME", "TEST", "COUNTERS", "RULES"];
        for name in fields::names() {
            assert!(on_block.contains(&name) != elsewhere.contains(&name), "{name}");
        }
        assert_eq!(on_block.len() + elsewhere.len(), fields::names().count());
    }

    #[test]
    fn an_update_repeats_only_what_can_have_changed() {
        let mut notice = incident();
        let labels = |text: &str| -> Vec<String> {
            let lines = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
            lines.map(str::to_owned).filter(|word| BLOCK.iter().any(|(label, _)| label == word)).collect()
        };
        assert_eq!(labels(&shown(&notice, false)), BLOCK.map(|(label, _)| label));
        for kind in [Kind::IncidentUpdated, Kind::IncidentEnded] {
            notice.kind = kind;
            let expected = [
                "incident",
                "remote",
                "wallet",
                "worker",
                "agent",
                "algorithm",
                "shares",
                "since",
                "evidence",
                "sum",
            ];
            assert_eq!(labels(&shown(&notice, false)), expected);
        }
    }

    #[test]
    fn unknown_facts_leave_no_empty_lines() {
        let mut notice = incident();
        let view = notice.incident.as_deref_mut().unwrap();
        view.claim = crate::finding::Claim::default();
        view.ends = None;
        (view.sha256, view.exe_file) = (None, None);
        let text = shown(&notice, false);
        for label in ["remote", "wallet", "file", "algorithm"] {
            assert!(!text.contains(&format!("    {label} ")), "{label} in {text}");
        }
    }

    #[test]
    fn the_agents_own_notices_are_a_headline_and_the_counters() {
        let lost = vec![("exec".into(), 0), ("flow-state".into(), 20)];
        let counters = Counters { seen: vec![("exec".into(), 1), ("connect".into(), 0)], lost };
        assert_eq!(
            shown(&agent(Kind::AgentStarted, counters), false),
            "2026-05-20T18:00:12.345678Z agent-started: this is a agent-started\n    counters   exec=1 lost.flow-state=20\n"
        );
    }

    #[test]
    fn colour_wraps_the_headlines_kind_and_nothing_else() {
        let plain = shown(&incident(), false);
        assert!(!plain.contains('\x1b'));
        let coloured = shown(&incident(), true);
        assert!(coloured.contains("Z \x1b[1;31mincident-opened\x1b[0m: kworker"), "{coloured}");
        assert_eq!(coloured.matches('\x1b').count(), 2);
    }

    #[test]
    fn hostile_text_can_neither_drive_the_terminal_nor_add_a_line() {
        let text = shown(&hostile(), false);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        assert_eq!(text.lines().count(), shown(&incident(), false).lines().count());
        assert!(text.contains("\\x1b[2J\\nMINEWARDEN_LEVEL=none\\r\\u{9b}1m\\u{202e}\\x00"));
    }
}
