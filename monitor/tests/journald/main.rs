//! The journald sink against a real systemd-journald, read back with journalctl. Needs root.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a failure ends the test, a skip is said"
)]

mod journal;
mod notices;

use std::{cell::Cell, fs, num::NonZeroUsize, path::Path, process::Command, time::Instant};

use journal::{Journal, LONG, wait_until};
use monitor::{
    notice::{Kind, Notice},
    sink::{
        Delivery, Journald, Sink, Sinks, fields,
        journald::{Socket, Verify, entry},
    },
};
use notices::{hostile, numbered, whole};
use serde_json::{Value, json};

fn sink(journal: &Journal, object_pid: Option<Verify>) -> Journald {
    Journald::new(journal.socket(), object_pid).unwrap()
}

fn sinks(journal: &Journal, capacity: usize) -> Sinks {
    let capacity = NonZeroUsize::new(capacity).unwrap();
    Sinks::with_capacity(vec![Box::new(sink(journal, None))], capacity).unwrap()
}

fn delivery(sinks: &Sinks) -> Delivery {
    sinks.deliveries().remove(0)
}

fn ids(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|entry| entry["MINEWARDEN_ID"].as_str().unwrap().to_owned()).collect()
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Every field that the notice has, as the journal gives it back.
fn assert_holds(entry: &Value, notice: &Notice) {
    assert_eq!(entry["MESSAGE"], json!(fields::message(notice)));
    assert_eq!(entry["MESSAGE_ID"], json!(entry::message_id(notice.kind)));
    assert_eq!(entry["PRIORITY"], json!(fields::priority(notice).to_string()));
    assert_eq!(entry["SYSLOG_IDENTIFIER"], json!("minewarden"));
    let list = fields::fields(notice);
    for field in &list {
        let texts = field.value.texts();
        let expected = if let [text] = texts.as_slice() { json!(text) } else { json!(texts) };
        assert_eq!(entry[format!("MINEWARDEN_{}", field.name)], expected, "{}", field.name);
    }
    let ours = entry.as_object().unwrap().keys().filter(|key| key.starts_with("MINEWARDEN_")).count();
    assert_eq!(ours, list.len());
}

#[test]
fn every_field_of_an_incident_comes_back_and_journald_adds_its_own() {
    let Some(journal) = Journal::running() else { return };
    let notice = whole();
    assert_eq!(
        fields::fields(&notice).len(),
        fields::names().count() - 2,
        "all but the counters and the mark of a self-test"
    );
    sink(&journal, Some(Box::new(|_| true))).write(&notice).unwrap();
    let entries = journal.wait_for(1);
    assert_eq!(entries.len(), 1);
    assert_holds(&entries[0], &notice);
    let exe = std::env::current_exe().unwrap();
    assert_eq!(entries[0]["OBJECT_PID"], json!(std::process::id().to_string()));
    assert_eq!(entries[0]["OBJECT_EXE"], json!(exe.to_str().unwrap()));
    assert!(entries[0]["OBJECT_CMDLINE"].is_string());
}

#[test]
fn journald_copies_no_command_line_that_is_redacted_and_none_of_another_process() {
    let Some(journal) = Journal::running() else { return };
    let mut redacted = numbered(0, Kind::IncidentOpened);
    redacted.incident.as_deref_mut().unwrap().command.redacted = true;
    sink(&journal, Some(Box::new(|_| true))).write(&redacted).unwrap();
    sink(&journal, Some(Box::new(|_| false))).write(&numbered(1, Kind::IncidentOpened)).unwrap();
    sink(&journal, None).write(&numbered(2, Kind::IncidentOpened)).unwrap();
    for entry in journal.wait_for(3) {
        let object: Vec<_> =
            entry.as_object().unwrap().keys().filter(|key| key.starts_with("OBJECT_")).collect();
        assert!(object.is_empty(), "{object:?} in entry {}", entry["MINEWARDEN_ID"]);
    }
}

#[test]
fn hostile_bytes_stay_within_their_field_and_are_shown_without_all() {
    let Some(journal) = Journal::running() else { return };
    let notice = hostile();
    sink(&journal, None).write(&notice).unwrap();
    journal.wait_for(1);
    for options in [&[][..], &["--all"]] {
        let entries = journal.entries(options);
        assert_eq!(entries.len(), 1);
        assert_holds(&entries[0], &notice);
        assert_eq!(entries[0]["MINEWARDEN_LEVEL"], json!("confirmed"));
        let exe = entries[0]["MINEWARDEN_EXE"].as_str().unwrap();
        assert!(
            exe.starts_with("/tmp/kworker\u{fffd}\u{fffd}\\x00\\x1b]0;owned\\x07\\x1b[2J\\nMINEWARDEN_LEVEL")
        );
        assert!(!exe.contains(char::is_control));
    }
}

#[test]
fn entries_longer_than_a_datagram_arrive_whole() {
    let Some(journal) = Journal::running() else { return };
    let mut bytes = Vec::new();
    let long = "0123456789abcde\n".repeat(65_536);
    assert_eq!(long.len(), 1 << 20);
    for (name, value) in
        [("SYSLOG_IDENTIFIER", "minewarden"), ("MESSAGE", "long"), ("MINEWARDEN_LONG", &long)]
    {
        entry::push(&mut bytes, name, value);
    }
    Socket::open(journal.socket()).unwrap().send(&bytes).unwrap();

    let mut notice = whole();
    let view = notice.incident.as_deref_mut().unwrap();
    let rule = view.evidence[0].0;
    view.evidence = (0..64).map(|number| (rule, format!("{number} {}", "x".repeat(5_000)))).collect();
    assert!(entry::encode(&notice, None).len() > 212_992, "longer than a datagram");
    sink(&journal, None).write(&notice).unwrap();

    let entries = journal.wait_for(2);
    assert_eq!(entries[0]["MINEWARDEN_LONG"], json!(long));
    assert_holds(&entries[1], &notice);
}

#[test]
fn a_restart_of_journald_loses_nothing_and_keeps_the_order() {
    let Some(mut journal) = Journal::running() else { return };
    let sinks = sinks(&journal, 100);
    (0..20).for_each(|number| sinks.send(&numbered(number, Kind::IncidentOpened)));
    journal.wait_for(20);
    journal.kill();
    (20..40).for_each(|number| sinks.send(&numbered(number, Kind::IncidentUpdated)));
    wait_until("the sink notices", || delivery(&sinks).failures > 0);
    journal.start();
    assert_eq!(ids(&journal.wait_for(40)), numbers(0..40));
    let [delivery] = sinks.close(LONG).try_into().unwrap();
    assert_eq!((delivery.written, delivery.dropped, delivery.waiting), (40, 0, 0));
}

#[test]
fn what_a_killed_journald_had_not_read_survives_in_the_service_managers_socket() {
    let Some(mut journal) = Journal::socket_activated() else { return };
    let sinks = sinks(&journal, 100);
    sinks.send(&numbered(0, Kind::IncidentOpened));
    journal.wait_for(1);
    journal.freeze();
    (1..6).for_each(|number| sinks.send(&numbered(number, Kind::IncidentUpdated)));
    wait_until("all are in the socket", || delivery(&sinks).written == 6);
    journal.kill();
    sinks.send(&numbered(6, Kind::IncidentEnded));
    assert_eq!(journal.entries(&[]).len(), 1);
    journal.start();
    assert_eq!(ids(&journal.wait_for(7)), numbers(0..7));
}

#[test]
fn a_hanging_journald_blocks_no_caller_and_what_was_kept_arrives_in_order() {
    const SENT: usize = 2_000;
    const ROOM: usize = 16;
    let Some(journal) = Journal::running() else { return };
    let sinks = sinks(&journal, ROOM);
    journal.freeze();
    let sent = Cell::new(0);
    let send = || sinks.send(&numbered(sent.replace(sent.get() + 1), Kind::Heartbeat));
    // First as many as the kernel takes (`net.unix.max_dgram_qlen`), until the thread is held up in a write.
    wait_until("a write times out", || {
        (0..ROOM).for_each(|_| send());
        delivery(&sinks).failures > 0
    });
    let stalled = delivery(&sinks);
    let begun = Instant::now();
    (0..SENT).for_each(|_| send());
    let took = begun.elapsed();
    assert!(took.as_secs() < 5, "sending took {took:?}");
    let full = delivery(&sinks);
    assert!(full.dropped - stalled.dropped >= (SENT - ROOM) as u64, "{stalled:?}, then {full:?}");
    assert_eq!(full.waiting, 1 + ROOM as u64, "the queue, and the one that the thread holds");
    let last = sent.get();
    sinks.send(&numbered(last, Kind::IncidentOpened));
    assert_eq!(delivery(&sinks).dropped, full.dropped + 1, "a heartbeat made room for the incident");

    journal.thaw();
    let [delivery] = sinks.close(LONG).try_into().unwrap();
    assert_eq!(delivery.waiting, 0);
    assert_eq!(delivery.written + delivery.dropped, last as u64 + 1);
    let arrived = ids(&journal.wait_for(usize::try_from(delivery.written).unwrap()));
    let arrived: Vec<usize> = arrived.iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(arrived.len() as u64, delivery.written);
    assert!(arrived.is_sorted(), "{arrived:?}");
    assert_eq!(arrived.last(), Some(&last));
    println!("{SENT} sends to a hanging journald took {took:?}; {delivery:?}");
}

#[test]
fn a_journald_that_comes_later_gets_what_was_said_before() {
    let Some(mut journal) = Journal::absent() else { return };
    let sinks = sinks(&journal, 100);
    (0..3).for_each(|number| sinks.send(&numbered(number, Kind::IncidentOpened)));
    wait_until("the sink notices", || delivery(&sinks).failures > 1);
    assert_eq!(delivery(&sinks).waiting, 3);
    journal.start();
    assert_eq!(ids(&journal.wait_for(3)), numbers(0..3));
}

#[test]
fn the_catalog_explains_an_entry() {
    let Some(journal) = Journal::running() else { return };
    sink(&journal, None).write(&whole()).unwrap();
    journal.wait_for(1);

    let root = tempfile::tempdir().unwrap();
    let catalog = root.path().join("usr/lib/systemd/catalog");
    fs::create_dir_all(&catalog).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/minewarden.catalog");
    fs::copy(source, catalog.join("minewarden.catalog")).unwrap();
    let mut update = Command::new("journalctl");
    let output = update.arg("--update-catalog").arg("--root").arg(root.path()).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let list =
        Command::new("journalctl").arg("--list-catalog").arg("--root").arg(root.path()).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    for kind in Kind::ALL {
        assert!(list.contains(entry::message_id(kind)), "{} in {list}", kind.name());
    }

    let text = journal.explained(&root.path().join("var/lib/systemd/catalog"));
    let pid = std::process::id();
    for line in [
        "Subject: A process that mines cryptocurrency was found".to_owned(),
        format!("Process {pid} (/tmp/kworker) is judged confirmed, with a sum of"),
        "100. Role: relay. Why: stratum.session,argv.stratum-url; the fields".to_owned(),
    ] {
        // A prefix that depends on the locale stands before each line.
        assert!(text.lines().any(|shown| shown.ends_with(&line)), "{line:?} in {text}");
    }
    assert!(!text.contains("@MINEWARDEN_"), "{text}");
}
