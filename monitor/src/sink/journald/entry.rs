//! A notice as an entry of the journal's native protocol.
//!
//! Owns names and message ids as the journal has them. Format: <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.
//! Must not know sockets.
use crate::{
    notice::{Kind, Notice},
    record::{Record, RecordKind},
    sink::{
        fields::{Field, fields, message, priority},
        record_fields,
    },
};

/// What our own field names begin with. A name that begins with an underscore is journald's own.
pub const PREFIX: &str = "MINEWARDEN_";

/// Value of `SYSLOG_IDENTIFIER`, for `journalctl -t`.
pub const IDENTIFIER: &str = "minewarden";

/// The constant `MESSAGE_ID` of a kind; random, chosen once, explained by `assets/minewarden.catalog`.
#[must_use]
pub const fn message_id(kind: Kind) -> &'static str {
    match kind {
        Kind::AgentStarted => "db2e04eb7fa2490999df010d1f344b44",
        Kind::AgentStopped => "c2158f68df8844188545237645d9eb7c",
        Kind::Heartbeat => "5c0a8adefbc4435883147aef67b724ec",
        Kind::IncidentOpened => "d764de4363f84506991a45869b79d1e7",
        Kind::IncidentRaised => "1167a46ebc7b4a1d982897b6ca5cd631",
        Kind::IncidentUpdated => "8048a9d1cad64774a5b6e4267ab06cae",
        Kind::IncidentEnded => "2561b4ae8e984267b90dae1f95b099c1",
        Kind::Loss => "61db0571343b4ee491f1152b0fcc5b60",
    }
}

/// The same of a record.
#[must_use]
pub const fn record_message_id(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Exec => "55d1b660490ca86a37e0e7fd10689287",
        RecordKind::Connect => "88fd3f986ad520daeadf40375de359a6",
    }
}

/// The bytes of one entry.
#[must_use]
pub fn encode(notice: &Notice, object_pid: Option<u32>) -> Vec<u8> {
    let mut entry = begin(&message(notice), message_id(notice.kind), priority(notice));
    if let Some(pid) = object_pid {
        push(&mut entry, "OBJECT_PID", &pid.to_string());
    }
    push_all(&mut entry, &fields(notice));
    entry
}

/// The bytes of a record's entry.
#[must_use]
pub fn encode_record(record: &Record) -> Vec<u8> {
    let id = record_message_id(record.kind());
    let mut entry = begin(&record_fields::message(record), id, record_fields::PRIORITY);
    push_all(&mut entry, &record_fields::fields(record));
    entry
}

fn begin(message: &str, id: &str, priority: u8) -> Vec<u8> {
    let mut entry = Vec::new();
    push(&mut entry, "MESSAGE", message);
    push(&mut entry, "MESSAGE_ID", id);
    push(&mut entry, "PRIORITY", &priority.to_string());
    push(&mut entry, "SYSLOG_IDENTIFIER", IDENTIFIER);
    entry
}

fn push_all(entry: &mut Vec<u8>, fields: &[Field]) {
    for field in fields {
        for text in field.value.texts() {
            push(entry, &format!("{PREFIX}{}", field.name), &text);
        }
    }
}

/// Appends one field: as `NAME=value`, or with its length in front when the value holds a newline.
pub fn push(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::{IDENTIFIER, PREFIX, encode, push};
    use crate::sink::{
        fields::{fields, message},
        sample::{hostile, incident},
    };

    #[test]
    fn a_value_with_a_newline_carries_its_length() {
        let mut entry = Vec::new();
        push(&mut entry, "A", "b=c");
        push(&mut entry, "D", "e\nF=g");
        assert_eq!(entry, b"A=b=c\nD\n\x05\0\0\0\0\0\0\0e\nF=g\n");
    }

    #[test]
    fn an_entry_is_the_journals_own_fields_then_the_list() {
        let entry = String::from_utf8(encode(&incident(), Some(4242))).unwrap();
        let head = format!(
            "MESSAGE=kworker[4242] of alice mines with [2001:db8::7]:3333\n\
             MESSAGE_ID=d764de4363f84506991a45869b79d1e7\nPRIORITY=2\nSYSLOG_IDENTIFIER={IDENTIFIER}\n\
             OBJECT_PID=4242\nMINEWARDEN_ID=boot-1\nMINEWARDEN_EVENT=incident-opened\n"
        );
        assert!(entry.starts_with(&head), "{entry}");
        assert_eq!(entry.matches("\nMINEWARDEN_EVIDENCE=").count(), 2);
        assert!(!String::from_utf8(encode(&incident(), None)).unwrap().contains("OBJECT_PID"));
    }

    #[test]
    fn hostile_text_adds_no_field_and_no_line_reaches_the_readers_limit() {
        let notice = hostile();
        let entry = String::from_utf8(encode(&notice, None)).unwrap();
        let own: usize = fields(&notice).iter().map(|field| field.value.texts().len()).sum();
        assert_eq!(entry.lines().count(), own + 4);
        for line in entry.lines() {
            assert!(line.len() < 4_096, "{}", line.len());
            assert!(line.starts_with(PREFIX) || line.starts_with("MESSAGE") || !line.contains("LEVEL"));
        }
        assert_eq!(entry.matches("\nMINEWARDEN_LEVEL=").count(), 1);
        assert!(message(&notice).len() + "MESSAGE=".len() < 4_096);
    }
}
