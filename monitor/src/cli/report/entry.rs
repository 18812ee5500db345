//! One entry of a journal as journalctl prints it: a JSON object per line.
//!
//! Owns which fields are read, what they may look like, and how much of one is kept. Nothing in an entry is believed
//! but that it was in this source: any field may be missing, repeated, of another type, or not text at all.
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::moment::from_micros;
pub(super) use crate::notice::Level;
use crate::{
    notice::Kind,
    sink::{
        escape::{CUT, escape},
        journald::entry::{IDENTIFIER, PREFIX},
    },
};

/// Texts of an incident, each shown in JSON under the same name in lower case.
pub(super) const TEXTS: [&str; 33] = [
    "ROLE",
    "RULES",
    "COMM",
    "EXE",
    "EXE_STATE",
    "SHA256",
    "SCRIPT",
    "CMDLINE",
    "STARTED",
    "ANCESTRY",
    "USER",
    "LOGIN_USER",
    "SESSION",
    "TTY",
    "UNIT",
    "SLICE",
    "JOB",
    "CONTAINER",
    "CONTAINER_NAME",
    "CONTAINER_IMAGE",
    "POD",
    "NAMESPACE",
    "CGROUP",
    "REMOTE",
    "POOL",
    "DIALECT",
    "WALLET",
    "WORKER",
    "AGENT",
    "ALGORITHM",
    "COIN",
    "DIFFICULTY",
    "EXE_FILE",
];
/// Numbers of an incident, likewise.
pub(super) const NUMBERS: [&str; 6] =
    ["PROCESSES", "PID", "UID", "LOGINUID", "SHARES_ACCEPTED", "SHARES_REJECTED"];
/// What else is read.
const OTHERS: [&str; 11] =
    ["ID", "EVENT", "TIME", "TEST", "VERSION", "INCIDENT", "LEVEL", "SCORE", "SINCE", "EVIDENCE", "COUNTERS"];
/// Fields of journald and of the entry itself. `_UID` is the sending journald's word for who wrote it.
const JOURNALS: [&str; 5] = ["_UID", "_HOSTNAME", "_MACHINE_ID", "MESSAGE", "__REALTIME_TIMESTAMP"];

/// Bytes kept of a text.
const TEXT_MAX: usize = 1_000;
/// Bytes kept of what identifies: an id, a host's name.
const NAME_MAX: usize = 255;
/// Pieces of evidence kept.
const EVIDENCE_MAX: usize = 16;

/// One entry of an agent.
#[derive(Debug)]
pub(super) struct Entry {
    /// Unique per entry; empty when the entry has none.
    pub(super) id: Box<str>,
    /// Why it was written.
    pub(super) kind: Kind,
    /// When it happened, else when it was written.
    pub(super) time: Timestamp,
    /// When the host's journald took it.
    pub(super) written: Timestamp,
    /// A self-test's.
    pub(super) test: bool,
    /// The user who wrote it.
    pub(super) uid: Option<u32>,
    /// What the journal calls the host.
    pub(super) hostname: Option<Box<str>>,
    /// The host's machine id, as the journal has it.
    pub(super) machine: Option<Box<str>>,
    /// Of the agent.
    pub(super) version: Option<Box<str>>,
    /// The entry's line, of losses.
    pub(super) message: Option<Box<str>>,
    /// Events lost since the agent started, of the agent's own entries.
    pub(super) lost: Option<u64>,
    /// Of incidents' entries.
    pub(super) facts: Option<Box<Facts>>,
}

/// What an incident's entry says of it.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Id of the incident on its host.
    pub(super) incident: Box<str>,
    /// `confirmed`, `likely`, `suspicious`, `none`.
    pub(super) level: Level,
    /// Sum of the rules' weights.
    pub(super) score: Option<u64>,
    /// When its first evidence was seen.
    pub(super) since: Option<Timestamp>,
    /// In the order of [`TEXTS`].
    pub(super) texts: [Option<Box<str>>; TEXTS.len()],
    /// In the order of [`NUMBERS`].
    pub(super) numbers: [Option<u64>; NUMBERS.len()],
    /// What was seen.
    pub(super) evidence: Vec<Box<str>>,
}

/// Why a line is no entry of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// No JSON object, or one without what an entry cannot be without.
    Malformed,
    /// It was not an agent that wrote this: an event of another kind.
    Foreign,
}

/// What journalctl is asked for.
pub(super) fn arguments() -> Vec<String> {
    let own = OTHERS.iter().chain(&TEXTS).chain(&NUMBERS).map(|name| format!("{PREFIX}{name}"));
    let fields: Vec<_> = own.chain(JOURNALS.map(str::to_owned)).collect();
    // Matches of one field are alternatives. Records of execs and connections are left out by not being named.
    let events = Kind::ALL.map(|kind| format!("{PREFIX}EVENT={}", kind.name()));
    let plain = ["--output=json", "--no-pager", "--quiet", "--utc"].map(str::to_owned);
    let fixed = [format!("--output-fields={}", fields.join(",")), format!("SYSLOG_IDENTIFIER={IDENTIFIER}")];
    plain.into_iter().chain(fixed).chain(events).collect()
}

impl Entry {
    /// Reads one line.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Refused> {
        let Ok(Value::Object(object)) = serde_json::from_slice(line) else { return Err(Refused::Malformed) };
        let fields = Fields(&object);
        let event = fields.name("EVENT").ok_or(Refused::Malformed)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == &*event).ok_or(Refused::Foreign)?;
        let written = fields.written().ok_or(Refused::Malformed)?;
        let facts = kind.is_incident().then(|| Facts::of(&fields)).transpose()?.map(Box::new);
        Ok(Self {
            id: fields.name("ID").unwrap_or_default(),
            kind,
            time: fields.moment("TIME").unwrap_or(written),
            written,
            test: fields.name("TEST").is_some_and(|test| &*test == "1"),
            uid: fields.raw("_UID").and_then(|uid| uid.parse().ok()),
            hostname: fields.raw("_HOSTNAME").and_then(|name| kept(&name, NAME_MAX)),
            machine: fields.raw("_MACHINE_ID").and_then(|id| kept(&id, NAME_MAX)),
            version: fields.name("VERSION"),
            message: (kind == Kind::Loss).then(|| kept(&fields.raw("MESSAGE")?, TEXT_MAX)).flatten(),
            lost: fields.own("COUNTERS").map(|counters| lost(&counters)),
            facts,
        })
    }
}

impl Facts {
    fn of(fields: &Fields<'_>) -> Result<Self, Refused> {
        let incident = fields.name("INCIDENT").ok_or(Refused::Malformed)?;
        let level = fields.name("LEVEL").and_then(|level| Level::of(&level)).ok_or(Refused::Malformed)?;
        Ok(Self {
            incident,
            level,
            score: fields.number("SCORE"),
            since: fields.moment("SINCE"),
            texts: TEXTS.map(|name| kept(&fields.own(name)?, TEXT_MAX)),
            numbers: NUMBERS.map(|name| fields.number(name)),
            evidence: fields.evidence(),
        })
    }

    /// A text by its name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let at = TEXTS.iter().position(|known| *known == name)?;
        self.texts.get(at)?.as_deref()
    }

    /// A number by its name.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let at = NUMBERS.iter().position(|known| *known == name)?;
        *self.numbers.get(at)?
    }

    /// Bytes of text that it holds.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.texts.iter().flatten().chain(&self.evidence).map(|text| text.len());
        size_of::<Self>() + self.incident.len() + texts.sum::<usize>()
    }
}

struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    /// One of journald's fields.
    fn raw(&self, name: &str) -> Option<String> {
        text(self.0.get(name)?)
    }

    /// One of ours.
    fn own(&self, name: &str) -> Option<String> {
        self.raw(&format!("{PREFIX}{name}"))
    }

    fn name(&self, name: &str) -> Option<Box<str>> {
        kept(&self.own(name)?, NAME_MAX)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.own(name)?.parse().ok()
    }

    fn moment(&self, name: &str) -> Option<Timestamp> {
        self.own(name)?.parse().ok()
    }

    fn written(&self) -> Option<Timestamp> {
        from_micros(self.raw("__REALTIME_TIMESTAMP")?.parse().ok()?)
    }

    fn evidence(&self) -> Vec<Box<str>> {
        let Some(value) = self.0.get(&format!("{PREFIX}EVIDENCE")) else { return Vec::new() };
        let many = match value {
            Value::Array(values) if bytes(values).is_none() => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut seen: Vec<_> =
            many.iter().filter_map(text).filter_map(|text| kept(&text, TEXT_MAX)).collect();
        // journald gives values of one name in an order of its own: the heaviest first, as the agent wrote them.
        seen.sort_by_key(|text| (std::cmp::Reverse(weight(text)), text.clone()));
        seen.truncate(EVIDENCE_MAX);
        seen
    }
}

/// The weight in `rule (weight): what was seen`.
fn weight(evidence: &str) -> u32 {
    let inside = evidence.split_once(" (").and_then(|(_, rest)| rest.split_once(')'));
    inside.and_then(|(weight, _)| weight.parse().ok()).unwrap_or(0)
}

/// A value as text: journalctl prints bytes that are no text as a list of numbers, several values of one name as a
/// list of those, and what is too large as null. Of several values the first counts.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => match bytes(values) {
            Some(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            None => values.iter().find(|value| !value.is_array()).and_then(text),
        },
        _ => None,
    }
}

fn bytes(values: &[Value]) -> Option<Vec<u8>> {
    values.iter().map(|value| value.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
}

/// Fit to be shown, and no longer than `most` bytes.
fn kept(text: &str, most: usize) -> Option<Box<str>> {
    if text.is_empty() {
        return None;
    }
    let mut shown = escape(text);
    if shown.len() > most {
        let mut end = most - CUT.len_utf8();
        while !shown.is_char_boundary(end) {
            end -= 1;
        }
        shown.truncate(end);
        shown.push(CUT);
    }
    Some(shown.into_boxed_str())
}

/// Sum of the counters that begin with `lost.`.
fn lost(counters: &str) -> u64 {
    let pairs = counters.split(' ').filter_map(|pair| pair.strip_prefix("lost.")?.split_once('='));
    pairs.filter_map(|(_, count)| count.parse::<u64>().ok()).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<Entry, Refused> {
        Entry::parse(value.to_string().as_bytes())
    }

    fn opened() -> Value {
        json!({
            "__REALTIME_TIMESTAMP": "1795486506253537", "_UID": "0", "_HOSTNAME": "web01", "_MACHINE_ID": "ab",
            "MINEWARDEN_ID": "a-1", "MINEWARDEN_EVENT": "incident-opened", "MINEWARDEN_INCIDENT": "f00",
            "MINEWARDEN_LEVEL": "likely", "MINEWARDEN_SCORE": "80", "MINEWARDEN_EXE": "/tmp/x\u{1b}[2J",
            "MINEWARDEN_EVIDENCE": ["argv.url (60): b", "stratum.client (80): a"],
        })
    }

    #[test]
    fn an_incidents_entry_is_read_and_escaped() {
        let entry = parse(&opened()).unwrap();
        assert_eq!((entry.kind, entry.uid, &*entry.id), (Kind::IncidentOpened, Some(0), "a-1"));
        assert_eq!(entry.time, entry.written);
        let facts = entry.facts.unwrap();
        assert_eq!(
            (facts.level, facts.score, facts.text("EXE")),
            (Level::Likely, Some(80), Some("/tmp/x\\x1b[2J"))
        );
        assert_eq!(facts.evidence.first().map(|text| &**text), Some("stratum.client (80): a"));
        assert_eq!((facts.number("PID"), facts.text("WALLET"), facts.text("NOTHING")), (None, None, None));
    }

    #[test]
    fn every_shape_of_a_field_is_borne() {
        let huge = "w".repeat(1 << 20);
        let many: Vec<_> = (0..1_000).map(|n| format!("rule ({n}): seen")).collect();
        let cases = [
            ("MINEWARDEN_EXE", Value::Null),
            ("MINEWARDEN_EXE", json!([255, 0, 10])),
            ("MINEWARDEN_EXE", json!([[255], "a"])),
            ("MINEWARDEN_EXE", json!({"a": 1})),
            ("MINEWARDEN_EXE", json!(huge)),
            ("MINEWARDEN_EXE", json!([])),
            ("MINEWARDEN_SCORE", json!("-1")),
            ("MINEWARDEN_PID", json!(["1", "2"])),
            ("MINEWARDEN_TIME", json!("yesterday")),
            ("MINEWARDEN_SINCE", json!(["", [1]])),
            ("MINEWARDEN_EVIDENCE", json!(many)),
            ("MINEWARDEN_EVIDENCE", json!([1, 2, 3])),
            ("MINEWARDEN_EVIDENCE", json!([[7, 7], null, "x"])),
            ("_UID", json!("root")),
            ("_HOSTNAME", json!([0, 0])),
        ];
        for (field, value) in cases {
            let mut object = opened();
            object[field] = value.clone();
            let entry = parse(&object).unwrap_or_else(|why| panic!("{field}: {value}: {why:?}"));
            let facts = entry.facts.unwrap();
            assert!(facts.bytes() < 64 * 1024, "{field}");
            assert!(facts.texts.iter().flatten().all(|text| text.len() <= TEXT_MAX), "{field}");
        }
    }

    #[test]
    fn what_cannot_be_placed_is_refused() {
        for field in ["MINEWARDEN_EVENT", "MINEWARDEN_INCIDENT", "MINEWARDEN_LEVEL", "__REALTIME_TIMESTAMP"] {
            let mut object = opened();
            object[field] = Value::Null;
            assert_eq!(parse(&object).unwrap_err(), Refused::Malformed, "{field}");
        }
        let mut object = opened();
        object["MINEWARDEN_EVENT"] = json!("tamper-with-this");
        assert_eq!(parse(&object).unwrap_err(), Refused::Foreign);
        for line in ["", "[]", "{", "null", "{\"a\":"] {
            assert_eq!(Entry::parse(line.as_bytes()).unwrap_err(), Refused::Malformed, "{line}");
        }
    }

    #[test]
    fn a_cut_falls_between_characters() {
        let shown = kept(&"é".repeat(1_000), NAME_MAX).unwrap();
        assert!(shown.len() <= NAME_MAX && shown.ends_with(CUT), "{}", shown.len());
        assert_eq!(kept("", 9), None);
    }

    #[test]
    fn losses_are_summed() {
        assert_eq!(lost("exec=7 lost.exec=2 lost.tables.flows=40 flows=1 lost.x=many"), 42);
        assert_eq!(lost("lost.a=18446744073709551615 lost.b=1"), u64::MAX);
    }
}
