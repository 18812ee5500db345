//! An incident as a notice shows it.
//!
//! Owns the making of [`IncidentView`] and its [`Notice`]. Must not decide when one is written.
use super::{message, one::Incident};
use crate::{
    event::{BootTime, Host},
    finding::Rule,
    notice::{self, ExeState, IncidentView, Kind, Level, Notice},
    weigh::strongest_first,
};

/// Writes a notice about an incident; after that nothing about it is news.
pub(super) fn notice(incident: &mut Incident, kind: Kind, host: &Host, at: BootTime) -> Notice {
    let was: Option<Level> = incident.news.told_level();
    let line = message::line(incident, kind, was, &host.wall_text(incident.since));
    with_message(incident, kind, host, at, line)
}

/// As [`notice`], with another message.
pub(super) fn with_message(
    incident: &mut Incident,
    kind: Kind,
    host: &Host,
    at: BootTime,
    message: String,
) -> Notice {
    let level = incident.verdict().level;
    let number = incident.news.told(at, level);
    Notice {
        id: format!("{}-{number}", incident.id),
        at,
        unix_nanos: host.wall(at),
        kind,
        message,
        incident: Some(Box::new(view(incident, host, at, kind))),
        counters: None,
    }
}

fn view(incident: &Incident, host: &Host, at: BootTime, kind: Kind) -> IncidentView {
    let verdict = incident.verdict();
    let shown = incident.shown.as_ref();
    let process = shown.map(|shown| &shown.process);
    let image = process.map(|process| &process.image);
    let who = process.map(|process| &process.who);
    let until = if kind == Kind::IncidentEnded { incident.last } else { at };
    IncidentView {
        id: incident.id.clone(),
        self_test: incident.self_test,
        level: verdict.level,
        score: verdict.score,
        role: incident.role,
        evidence: evidence(incident),
        process: shown.map(|shown| shown.key),
        owner: process.and_then(|process| process.owner),
        processes: incident.processes,
        exe: image.and_then(|image| image.path()).map(str::to_owned),
        exe_state: image.and_then(|image| ExeState::of(image.path(), image.exe_deleted)),
        exe_file: image.and_then(|image| image.exe_file.or(image.kernel_file)),
        sha256: image.and_then(|image| image.exe_sha256.clone()),
        script: image.and_then(|image| image.script.clone()),
        script_sha256: image.and_then(|image| image.script_sha256.clone()),
        command: image.map(|image| image.command.clone()).unwrap_or_default(),
        comm: image.and_then(|image| image.comm.clone()),
        ancestry: ancestry(incident),
        uid: who.and_then(|who| who.uid),
        user: who.and_then(|who| who.user.clone()),
        loginuid: who.and_then(|who| who.loginuid),
        login_user: who.and_then(|who| who.login_user.clone()),
        session: who.and_then(|who| who.session),
        tty: who.and_then(|who| who.tty.clone()),
        started_unix_nanos: shown.map(|shown| host.wall(shown.key.start.boot_time())),
        place: who.and_then(|who| who.place.clone()).unwrap_or_default(),
        container: who.and_then(|who| who.container.clone()),
        ends: incident.named,
        claim: incident.claim.clone(),
        shares: incident.shares,
        since: incident.since,
        since_unix_nanos: host.wall(incident.since),
        duration: until.since(incident.since),
    }
}

fn evidence(incident: &Incident) -> Vec<(&'static Rule, String)> {
    let mut all: Vec<_> = incident.evidence.values().map(|seen| (seen.rule, seen.text())).collect();
    strongest_first(&mut all);
    all
}

fn ancestry(incident: &Incident) -> Option<String> {
    let shown = incident.shown.as_ref()?;
    let process = &shown.process;
    let name = process.image.comm.as_deref().unwrap_or("unknown");
    Some(notice::ancestry((name, process.pid()), &shown.ancestry))
}
