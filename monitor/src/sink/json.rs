//! One JSON object per notice, one notice per line.
//!
//! Owns the JSON form of the field list. Must not know where the lines go.
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{
    Sink,
    fields::{Value, fields, message, priority},
    stream::Stream,
};
use crate::notice::Notice;

/// Writes JSON lines, each flushed.
pub struct Json<W> {
    stream: Stream<W>,
}

impl<W: Write> Json<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { stream: Stream::new(out) }
    }
}

impl<W: Write + Send> Sink for Json<W> {
    fn name(&self) -> &'static str {
        "json"
    }

    fn write(&mut self, notice: &Notice) -> io::Result<()> {
        self.stream.put(&notice.id, || {
            let mut line = serde_json::to_vec(&Object(notice))?;
            line.push(b'\n');
            Ok(line)
        })
    }
}

/// A notice as an object: `message`, `priority`, then the fields with lower-case names.
struct Object<'a>(&'a Notice);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("message", &message(self.0))?;
        object.serialize_entry("priority", &priority(self.0))?;
        for field in fields(self.0) {
            object.serialize_entry(&field.name.to_ascii_lowercase(), &field.value)?;
        }
        object.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Yes => serializer.serialize_bool(true),
            Self::Seconds(seconds) => {
                let fraction = f64::from(seconds.subsec_millis()) / 1_000.0;
                #[expect(clippy::cast_precision_loss, reason = "exact for 285 million years")]
                serializer.serialize_f64(seconds.as_secs() as f64 + fraction)
            }
            Self::Names(names) => names.serialize(serializer),
            Self::Repeated(texts) => texts.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Json;
    use crate::{
        event::Counters,
        notice::{Kind, Notice},
        sink::{
            Sink as _,
            fields::{fields, names},
            sample::{agent, hostile, incident},
        },
    };

    fn lines(notices: &[Notice]) -> Vec<Value> {
        let mut out = Vec::new();
        let mut sink = Json::new(&mut out);
        for notice in notices {
            sink.write(notice).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn numbers_are_numbers_and_lists_are_lists() {
        let shown = lines(&[incident()]);
        let [object] = shown.as_slice() else { panic!("{shown:?}") };
        let expected = [
            ("message", json!("kworker[4242] of alice mines with [2001:db8::7]:3333")),
            ("priority", json!(2)),
            ("event", json!("incident-opened")),
            ("pid", json!(4242)),
            ("score", json!(100)),
            ("duration", json!(12.345)),
            ("session", json!("3")),
            ("rules", json!(["stratum.session", "argv.stratum-url"])),
            (
                "evidence",
                json!([
                    "stratum.session (100): login answered with a job",
                    "argv.stratum-url (60): argument 2"
                ]),
            ),
        ];
        for (key, value) in expected {
            assert_eq!(object.get(key), Some(&value), "{key}");
        }
        let keys = object.as_object().unwrap().len();
        assert_eq!(keys, names().count() - 2 + 2, "all but counters and test, and message and priority");
        assert_eq!(object.get("test"), None);
        let mut notice = incident();
        notice.incident.as_deref_mut().unwrap().self_test = true;
        assert_eq!(lines(&[notice])[0].get("test"), Some(&json!(true)));
    }

    #[test]
    fn hostile_text_stays_one_line_with_the_journals_values() {
        let notice = hostile();
        let lines = lines(std::slice::from_ref(&notice));
        let [object] = lines.as_slice() else { panic!("{} lines", lines.len()) };
        for field in fields(&notice) {
            let value = object.get(field.name.to_ascii_lowercase()).unwrap();
            if let Some(text) = value.as_str() {
                assert_eq!(field.value.texts(), [text], "{}", field.name);
            }
        }
    }

    #[test]
    fn one_line_per_notice_in_order() {
        let counters = Counters { seen: vec![("exec".into(), 1)], lost: Vec::new() };
        let lines =
            lines(&[agent(Kind::AgentStarted, counters.clone()), agent(Kind::AgentStopped, counters)]);
        let events: Vec<_> = lines.iter().filter_map(|line| line.get("event")?.as_str()).collect();
        assert_eq!(events, ["agent-started", "agent-stopped"]);
        assert_eq!(lines[0].get("counters"), Some(&json!("exec=1")));
    }
}
