//! The one list of fields of a notice, in the order of `docs/output.md`.
//!
//! Owns names, types, escaping and caps of everything a sink prints. Must not know how a sink writes them down.
use std::time::Duration;

use jiff::Timestamp;

use super::escape::{CUT, escape};
use crate::{
    event::{CommandLine, FileId},
    notice::{IncidentView, Kind, Level, Notice},
};

/// Number of this list's form; raised when a field changes its meaning or goes away.
pub const SCHEMA: u64 = 1;

/// Most values of one repeated field; a last one says how many more there were.
pub const REPEATED_MAX: usize = 64;

/// A name without prefix (`EXE`) and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Upper-case name.
    pub name: &'static str,
    /// Escaped and capped.
    pub value: Value,
}

/// A value that is fit to be shown: every text went through [`escape`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One text.
    Text(String),
    /// A count, an id, a pid.
    Number(u64),
    /// Yes; what is not so has no such field. 1 where there are no booleans.
    Yes,
    /// Seconds, to the millisecond.
    Seconds(Duration),
    /// A list of plain names, written `a,b` where there are no lists.
    Names(Vec<&'static str>),
    /// A list of texts, written as a field each where there are no lists.
    Repeated(Vec<String>),
}

impl Value {
    /// As text: one, or several for [`Value::Repeated`].
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::Number(number) => vec![number.to_string()],
            Self::Yes => vec!["1".to_owned()],
            Self::Seconds(seconds) => vec![format!("{}.{:03}", seconds.as_secs(), seconds.subsec_millis())],
            Self::Names(names) => vec![escape(&names.join(","))],
            Self::Repeated(texts) => texts.clone(),
        }
    }
}

/// Every field of `notice` that has a value, in order.
#[must_use]
pub fn fields(notice: &Notice) -> Vec<Field> {
    let common = COMMON.iter().map(|(name, get)| (*name, get(notice)));
    let view = notice.incident.as_deref();
    let incident = INCIDENT.iter().map(|(name, get)| (*name, view.and_then(get)));
    common.chain(incident).filter_map(|(name, value)| Some(Field { name, value: value? })).collect()
}

/// Every name that [`fields`] can give, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMMON.iter().map(|row| row.0).chain(INCIDENT.iter().map(|row| row.0))
}

/// The notice's line, fit to be shown.
#[must_use]
pub fn message(notice: &Notice) -> String {
    escape(&notice.message)
}

fn is_self_test(notice: &Notice) -> bool {
    notice.incident.as_deref().is_some_and(|view| view.self_test)
}

/// Syslog severity: 2 confirmed, 3 likely, 4 suspicious or loss, 6 others and whatever is a self-test's.
#[must_use]
pub fn priority(notice: &Notice) -> u8 {
    if is_self_test(notice) {
        return 6;
    }
    match (notice.kind, notice.incident.as_deref().map(|view| view.level)) {
        (Kind::Loss, _) | (_, Some(Level::Suspicious)) => 4,
        (_, Some(Level::Likely)) => 3,
        (_, Some(Level::Confirmed)) => 2,
        (_, Some(Level::None) | None) => 6,
    }
}

type Row<T> = (&'static str, fn(&T) -> Option<Value>);

static COMMON: [Row<Notice>; 7] = [
    ("ID", |n| text(&n.id)),
    ("EVENT", |n| text(n.kind.name())),
    ("SCHEMA", |_| Some(Value::Number(SCHEMA))),
    ("VERSION", |_| text(env!("CARGO_PKG_VERSION"))),
    ("TIME", |n| Some(Value::Text(rfc3339(n.unix_nanos)))),
    ("TEST", |n| is_self_test(n).then_some(Value::Yes)),
    ("COUNTERS", |n| text(&n.counters.as_ref()?.to_string())),
];

static INCIDENT: [Row<IncidentView>; 48] = [
    ("INCIDENT", |v| text(&v.id)),
    ("LEVEL", |v| text(&v.level.to_string())),
    ("SCORE", |v| Some(Value::Number(v.score.into()))),
    ("ROLE", |v| text(&v.role.to_string())),
    ("RULES", rules),
    ("EVIDENCE", evidence),
    ("PROCESSES", |v| Some(Value::Number(v.processes))),
    ("PID", |v| Some(Value::Number(pid(v)?.into()))),
    ("COMM", |v| text(v.comm.as_ref()?)),
    ("EXE", |v| text(v.exe.as_ref()?)),
    ("EXE_STATE", |v| text(v.exe_state?.name())),
    ("EXE_FILE", |v| Some(file(v.exe_file?))),
    ("SHA256", |v| text(v.sha256.as_ref()?)),
    ("SCRIPT", |v| text(v.script.as_ref()?)),
    ("SCRIPT_SHA256", |v| text(v.script_sha256.as_ref()?)),
    ("CMDLINE", |v| text(&command_line(&v.command))),
    ("STARTED", |v| Some(Value::Text(rfc3339(v.started_unix_nanos?)))),
    ("ANCESTRY", |v| text(v.ancestry.as_ref()?)),
    ("UID", |v| Some(Value::Number(v.uid?.into()))),
    ("USER", |v| text(v.user.as_ref()?)),
    ("LOGINUID", |v| Some(Value::Number(v.loginuid?.into()))),
    ("LOGIN_USER", |v| text(v.login_user.as_ref()?)),
    ("SESSION", session),
    ("TTY", |v| text(v.tty.as_ref()?)),
    ("UNIT", |v| text(v.place.unit.as_ref()?)),
    ("SLICE", |v| text(v.place.slice.as_ref()?)),
    ("JOB", |v| text(v.place.job.as_ref()?)),
    ("CONTAINER", |v| text(v.place.container.as_ref()?)),
    ("CONTAINER_NAME", |v| text(v.container.as_ref()?.name.as_ref()?)),
    ("CONTAINER_IMAGE", |v| text(v.container.as_ref()?.image.as_ref()?)),
    ("CONTAINER_ENGINE", |v| text(&v.container.as_ref()?.engine)),
    ("POD", |v| text(v.container.as_ref()?.pod.as_ref()?)),
    ("POD_UID", |v| text(v.place.pod.as_ref()?)),
    ("NAMESPACE", |v| text(v.container.as_ref()?.namespace.as_ref()?)),
    ("CGROUP", |v| text(&v.place.cgroup)),
    ("REMOTE", |v| text(&v.ends?.remote.to_string())),
    ("POOL", |v| text(v.claim.pool.as_ref()?)),
    ("DIALECT", |v| text(v.claim.dialect.as_ref()?)),
    ("WALLET", |v| text(v.claim.wallet.as_ref()?)),
    ("WORKER", |v| text(v.claim.worker.as_ref()?)),
    ("AGENT", |v| text(v.claim.agent.as_ref()?)),
    ("ALGORITHM", |v| text(v.claim.algorithm.as_ref()?)),
    ("COIN", |v| text(v.claim.coin.as_ref()?)),
    ("DIFFICULTY", |v| text(v.claim.difficulty.as_ref()?)),
    ("SHARES_ACCEPTED", |v| shares(v, v.shares.accepted)),
    ("SHARES_REJECTED", |v| shares(v, v.shares.rejected)),
    ("SINCE", |v| Some(Value::Text(rfc3339(v.since_unix_nanos)))),
    ("DURATION", |v| Some(Value::Seconds(v.duration))),
];

pub(super) fn text(raw: &str) -> Option<Value> {
    (!raw.is_empty()).then(|| Value::Text(escape(raw)))
}

/// `major:minor:inode`, as `stat -c %Hd:%Ld:%i` prints it.
pub(super) fn file(file: FileId) -> Value {
    let (major, minor) = (file.device >> 20, file.device & 0xf_ffff);
    Value::Text(format!("{major}:{minor}:{}", file.inode))
}

/// None before the first answer: that no share was seen says nothing of how many there were.
fn shares(view: &IncidentView, count: u64) -> Option<Value> {
    (view.shares.total() > 0).then_some(Value::Number(count))
}

/// The id in the agent's PID namespace, which is the one that a reader of its journal can use. What is invisible there
/// has none: the number that it has elsewhere may be another process's here.
fn pid(view: &IncidentView) -> Option<u32> {
    view.owner.map(|owner| owner.pid).filter(|pid| *pid != 0)
}

/// The audit session, which systemd takes as name of the login session where there is one.
fn session(view: &IncidentView) -> Option<Value> {
    let audit = view.session.map(|id| Value::Text(id.to_string()));
    audit.or_else(|| text(view.place.session.as_ref()?))
}

fn rules(view: &IncidentView) -> Option<Value> {
    let mut names = Vec::new();
    for (rule, _) in &view.evidence {
        if !names.contains(&rule.name) {
            names.push(rule.name);
        }
    }
    (!names.is_empty()).then_some(Value::Names(names))
}

fn evidence(view: &IncidentView) -> Option<Value> {
    let seen = view.evidence.iter().map(|(rule, seen)| format!("{} ({}): {seen}", rule.name, rule.weight));
    let mut texts: Vec<String> = seen.take(REPEATED_MAX).map(|line| escape(&line)).collect();
    let more = view.evidence.len().saturating_sub(REPEATED_MAX);
    if more > 0 {
        texts.push(format!("{CUT} and {more} more"));
    }
    (!texts.is_empty()).then_some(Value::Repeated(texts))
}

/// Arguments joined by spaces; one that is empty or holds blanks or quotes is put in single quotes.
pub(super) fn command_line(command: &CommandLine) -> String {
    let quoted = command.args.iter().map(|arg| {
        let plain = !arg.is_empty() && !arg.contains(|c: char| c.is_whitespace() || c == '\'' || c == '"');
        if plain { arg.clone() } else { format!("'{}'", arg.replace('\'', r"'\''")) }
    });
    let mut line = quoted.collect::<Vec<_>>().join(" ");
    if command.truncated {
        line.push(' ');
        line.push(CUT);
    }
    line
}

/// UTC to the microsecond; a time outside years -9999 to 9999 is held at that end.
pub(super) fn rfc3339(unix_nanos: i128) -> String {
    let end = if unix_nanos < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let time = Timestamp::from_nanosecond(unix_nanos).unwrap_or(end);
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Field, REPEATED_MAX, Value, fields, names, priority};
    use crate::{
        detect::STRATUM_CLIENT,
        event::Counters,
        notice::{Kind, Level},
        sink::{
            escape::VALUE_MAX,
            sample::{agent, hostile, incident},
        },
    };

    fn value(fields: &[Field], name: &str) -> Option<String> {
        fields.iter().find(|field| field.name == name).map(|field| field.value.texts().join("|"))
    }

    #[test]
    fn an_incident_has_every_field_but_the_counters_in_the_stated_order() {
        let found: Vec<_> = fields(&incident()).iter().map(|field| field.name).collect();
        let expected: Vec<_> = names().filter(|name| !["COUNTERS", "TEST"].contains(name)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_self_test_is_marked_and_nobody_is_paged() {
        let mut notice = incident();
        assert_eq!((value(&fields(&notice), "TEST"), priority(&notice)), (None, 2));
        notice.incident.as_deref_mut().unwrap().self_test = true;
        assert_eq!((value(&fields(&notice), "TEST").as_deref(), priority(&notice)), (Some("1"), 6));
        assert_eq!(value(&fields(&notice), "LEVEL").as_deref(), Some("confirmed"), "reports can see it");
    }

    #[test]
    fn the_values_of_an_incident() {
        let fields = fields(&incident());
        let expected = [
            ("EVENT", "incident-opened"),
            ("SCHEMA", "1"),
            ("TIME", "2026-05-20T18:00:12.345678Z"),
            ("SINCE", "2026-05-20T18:00:00.000000Z"),
            ("DURATION", "12.345"),
            ("LEVEL", "confirmed"),
            ("RULES", "stratum.session,argv.stratum-url"),
            (
                "EVIDENCE",
                "stratum.session (100): login answered with a job|argv.stratum-url (60): argument 2",
            ),
            ("PID", "4242"),
            ("CMDLINE", "./kworker -o stratum+tcp://pool.example:3333 '--user-agent=a b' '' 'it'\\''s' …"),
            ("REMOTE", "[2001:db8::7]:3333"),
            ("SESSION", "3"),
            ("EXE_STATE", "deleted"),
            ("EXE_FILE", "253:1:131"),
            ("STARTED", "2026-05-20T17:59:00.000000Z"),
            ("CONTAINER_NAME", "web1"),
            ("POD_UID", "0b5a5cde-4a0b-4d5c-8c0c-0d8f0f6f3c11"),
        ];
        for (name, shown) in expected {
            assert_eq!(value(&fields, name).as_deref(), Some(shown), "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut notice = incident();
        let view = notice.incident.as_deref_mut().unwrap();
        view.user = None;
        view.ends = None;
        view.session = None;
        view.place.session = Some("c2".into());
        view.place.cgroup.clear();
        view.owner.as_mut().unwrap().pid = 0;
        let fields = fields(&notice);
        for absent in ["USER", "REMOTE", "CGROUP", "COUNTERS", "PID"] {
            assert_eq!(value(&fields, absent), None, "{absent}");
        }
        assert_eq!(value(&fields, "SESSION").as_deref(), Some("c2"));
    }

    #[test]
    fn the_agents_own_kinds_carry_counters() {
        let counters = Counters { seen: vec![("exec".into(), 7)], lost: vec![("exec".into(), 2)] };
        let fields = fields(&agent(Kind::Heartbeat, counters));
        assert_eq!(value(&fields, "COUNTERS").as_deref(), Some("exec=7 lost.exec=2"));
        assert_eq!(value(&fields, "INCIDENT"), None);
    }

    #[test]
    fn priorities_follow_the_level() {
        let mut notice = incident();
        for (level, expected) in
            [(Level::Confirmed, 2), (Level::Likely, 3), (Level::Suspicious, 4), (Level::None, 6)]
        {
            notice.incident.as_deref_mut().unwrap().level = level;
            assert_eq!(priority(&notice), expected);
        }
        assert_eq!(priority(&agent(Kind::Loss, Counters::default())), 4);
        assert_eq!(priority(&agent(Kind::AgentStarted, Counters::default())), 6);
    }

    #[test]
    fn hostile_text_is_escaped_and_capped_in_every_field() {
        let fields = fields(&hostile());
        let mut cut = 0;
        for field in &fields {
            for text in field.value.texts() {
                assert!(text.len() <= VALUE_MAX, "{}: {}", field.name, text.len());
                assert!(!text.contains(char::is_control), "{}: {text:?}", field.name);
                cut += usize::from(text.ends_with('…'));
            }
        }
        assert!(cut >= 18, "only {cut} fields were hostile");
    }

    #[test]
    fn repeated_values_are_capped_and_say_how_many_more() {
        let mut notice = incident();
        notice.incident.as_deref_mut().unwrap().evidence = vec![(&STRATUM_CLIENT, "again".into()); 1_000];
        let fields = fields(&notice);
        let Some(Value::Repeated(texts)) =
            fields.iter().find(|field| field.name == "EVIDENCE").map(|field| field.value.clone())
        else {
            panic!("evidence is repeated")
        };
        assert_eq!(texts.len(), REPEATED_MAX + 1);
        assert_eq!(texts.last().map(String::as_str), Some("… and 936 more"));
        assert_eq!(value(&fields, "RULES").as_deref(), Some("stratum.client"));
    }

    #[test]
    fn times_beyond_the_calendar_do_not_fail() {
        let mut notice = incident();
        notice.unix_nanos = i128::MAX;
        let view = notice.incident.as_deref_mut().unwrap();
        view.since_unix_nanos = i128::MIN;
        view.duration = Duration::MAX;
        let fields = fields(&notice);
        assert!(value(&fields, "TIME").unwrap().starts_with("9999-"));
        assert!(value(&fields, "SINCE").unwrap().starts_with("-009999-"));
    }
}
