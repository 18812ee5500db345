//! The list of fields of a record, in the order of `docs/output.md`.
//!
//! Owns names and order; a name that notices have too means the same here. Must not know how a sink writes them down.
use super::{
    escape::escape,
    fields::{Field, SCHEMA, Value, command_line, file, rfc3339, text},
};
use crate::{
    notice::labelled,
    record::{Deed, Executed, Record},
};

/// Syslog severity of every record: debug. journald limits the rate of each unit by severity, and debug has a limit
/// of its own (systemd `src/journal/journald-rate-limit.c`), so that records never make it drop an alert.
pub const PRIORITY: u8 = 7;

/// Characters of a command line in the message; the field has it whole.
const SHOWN: usize = 200;

/// Every field of `record` that has a value, in order.
#[must_use]
pub fn fields(record: &Record) -> Vec<Field> {
    let all = ROWS.iter().filter_map(|(name, get)| Some(Field { name, value: get(record)? }));
    all.collect()
}

/// Every name that [`fields`] can give, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.0)
}

/// `exec: xm[4121] of uid 1000: ./xm -o pool`, `connect: xm[4121] of uid 1000 to 10.0.0.5:3333`; fit to be shown.
#[must_use]
pub fn message(record: &Record) -> String {
    let actor = &record.actor;
    let uid = actor.uid.map(|uid| format!(" of uid {uid}")).unwrap_or_default();
    let who = labelled(actor.comm.as_deref().unwrap_or("unknown"), actor.pid) + &uid;
    escape(&match &record.deed {
        Deed::Exec(exec) => {
            let line: String = command_line(&exec.command).chars().take(SHOWN).collect();
            format!("exec: {who}: {line}")
        }
        Deed::Connect(ends) => format!("connect: {who} to {}", ends.remote),
    })
}

type Row = (&'static str, fn(&Record) -> Option<Value>);

static ROWS: [Row; 34] = [
    ("ID", |r| text(&r.id)),
    ("EVENT", |r| text(r.kind().name())),
    ("SCHEMA", |_| Some(Value::Number(SCHEMA))),
    ("VERSION", |_| text(env!("CARGO_PKG_VERSION"))),
    ("TIME", |r| Some(Value::Text(rfc3339(r.unix_nanos)))),
    ("PID", |r| number(Some(r.actor.pid).filter(|pid| *pid != 0))),
    ("PPID", |r| number(r.actor.parent)),
    ("COMM", |r| text(r.actor.comm.as_ref()?)),
    ("EXE", |r| text(r.actor.exe.as_ref()?)),
    ("EXE_STATE", |r| text(r.actor.exe_state?.name())),
    ("EXE_FILE", |r| Some(file(r.actor.exe_file?))),
    ("LINKS", |r| number(Some(exec(r)?.links))),
    ("FILENAME", |r| text(&exec(r)?.filename)),
    ("DIRECTORY", |r| text(exec(r)?.directory.as_ref()?)),
    ("SCRIPT", |r| text(&script(exec(r)?)?)),
    ("INTERPRETER", |r| text(exec(r)?.interpreter.as_ref()?)),
    ("CMDLINE", |r| text(&command_line(&exec(r)?.command))),
    ("STARTED", |r| Some(Value::Text(rfc3339(r.actor.started_unix_nanos)))),
    ("ANCESTRY", |r| text(r.actor.ancestry.as_ref()?)),
    ("UID", |r| number(r.actor.uid)),
    ("EUID", |r| number(r.actor.euid)),
    ("GID", |r| number(r.actor.gid)),
    ("USER", |r| text(r.actor.user.as_ref()?)),
    ("LOGINUID", |r| number(r.actor.loginuid)),
    ("LOGIN_USER", |r| text(r.actor.login_user.as_ref()?)),
    ("SESSION", |r| text(&r.actor.session?.to_string())),
    ("TTY", |r| text(r.actor.tty.as_ref()?)),
    ("UNIT", |r| text(r.actor.place.as_ref()?.unit.as_ref()?)),
    ("CONTAINER", |r| text(r.actor.place.as_ref()?.container.as_ref()?)),
    ("CGROUP", |r| text(&r.actor.place.as_ref()?.cgroup)),
    ("CGROUP_ID", |r| Some(Value::Number(r.actor.cgroup_id?))),
    ("LINUX_NAMESPACES", namespaces),
    ("LOCAL", local),
    ("REMOTE", remote),
];

fn number(number: Option<u32>) -> Option<Value> {
    Some(Value::Number(number?.into()))
}

const fn exec(record: &Record) -> Option<&Executed> {
    match &record.deed {
        Deed::Exec(exec) => Some(exec),
        Deed::Connect(_) => None,
    }
}

/// An absolute path where the directory is known.
fn script(exec: &Executed) -> Option<String> {
    exec.interpreter.as_ref()?;
    let relative = exec.directory.as_deref().filter(|_| !exec.filename.starts_with('/'));
    Some(match relative {
        Some(directory) => {
            let name = exec.filename.strip_prefix("./").unwrap_or(&exec.filename);
            format!("{}/{name}", directory.trim_end_matches('/'))
        }
        None => exec.filename.clone(),
    })
}

fn namespaces(record: &Record) -> Option<Value> {
    let all = record.actor.namespaces.iter().map(|(kind, inode)| format!("{kind}:{inode}"));
    text(&all.collect::<Vec<_>>().join(" "))
}

/// Left out while the kernel has not chosen a port: at the beginning of a connection it may be 0.
fn local(record: &Record) -> Option<Value> {
    let Deed::Connect(ends) = &record.deed else { return None };
    (ends.local.port() != 0).then(|| Value::Text(ends.local.to_string()))
}

fn remote(record: &Record) -> Option<Value> {
    let Deed::Connect(ends) = &record.deed else { return None };
    Some(Value::Text(ends.remote.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{fields, message, names};
    use crate::sink::{
        escape::VALUE_MAX,
        sample::{connection, execution, hostile_record},
    };

    #[test]
    fn an_exec_and_a_connection_have_every_field_between_them_in_the_stated_order() {
        let of = |record| fields(&record).iter().map(|field| field.name).collect::<Vec<_>>();
        let only = ["LOCAL", "REMOTE"];
        let expected: Vec<_> = names().filter(|name| !only.contains(name)).collect();
        assert_eq!(of(execution()), expected);
        let of_connection = of(connection());
        assert!(only.iter().all(|name| of_connection.contains(name)), "{of_connection:?}");
        assert!(!of_connection.contains(&"CMDLINE"));
    }

    #[test]
    fn the_values_of_a_record() {
        let record = execution();
        let value = |name: &str| {
            let found = fields(&record).into_iter().find(|field| field.name == name);
            found.map(|field| field.value.texts().join("|")).unwrap_or_default()
        };
        assert_eq!(value("SCRIPT"), "/srv/m.py");
        assert_eq!(value("CMDLINE"), "./m.py -o pool …");
        assert_eq!(value("LINUX_NAMESPACES"), "net:4026531840 pid:4026531836");
        assert_eq!((value("LINKS"), value("PPID")), ("1".into(), "4100".into()));
        assert_eq!(message(&record), "exec: m.py[4121] of uid 1000: ./m.py -o pool …");
        assert_eq!(message(&connection()), "connect: m.py[4121] of uid 1000 to [2001:db8::7]:3333");
    }

    #[test]
    fn hostile_text_is_escaped_and_capped_in_every_field() {
        let record = hostile_record();
        let mut cut = 0;
        for field in fields(&record) {
            for text in field.value.texts() {
                assert!(text.len() <= VALUE_MAX, "{}: {}", field.name, text.len());
                assert!(!text.contains(char::is_control), "{}: {text:?}", field.name);
                cut += usize::from(text.ends_with('…'));
            }
        }
        assert!(cut >= 10, "only {cut} fields were hostile");
        assert!(!message(&record).contains(char::is_control));
    }
}
