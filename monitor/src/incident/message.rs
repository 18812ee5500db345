//! The line that a person reads.
//!
//! Owns the wording of incident notices. Must not know sinks; control characters are escaped there.
use std::time::Duration;

use super::one::Incident;
use crate::{
    enrich::processes::Process,
    event::{Container, Place},
    finding::{Family, Role, Rule},
    notice::{self, ExeState, Kind, Level},
    weigh::strongest_first,
};

/// Longest value shown whole in a message; the fields of the notice hold it whole.
const SHOWN: usize = 24;
/// The same for a path: its end says more than its beginning.
const PATH_SHOWN: usize = 64;
/// The same for what a rule saw.
const SEEN_SHOWN: usize = 160;
/// What the message of a self-test begins with.
const SELF_TEST: &str = "self-test, nothing is mined: ";
/// What stands for a script when the code is an argument.
const CODE_ARGUMENT: &str = "-c";

/// `confirmed cryptomining: python3[4121] (/tmp/m.py) of alice in session-3.scope speaks cryptonote with
/// 10.0.0.5:3333, wallet 4AB...; since 2026-01-02T12:00:01Z`.
pub(super) fn line(incident: &Incident, kind: Kind, was: Option<Level>, since: &str) -> String {
    let level = level(incident.verdict().level);
    let who = who(incident);
    let does = does(incident, kind == Kind::IncidentEnded);
    let line = match kind {
        Kind::IncidentRaised => {
            let was = was.map(|was| format!(" (was {})", self::level(was))).unwrap_or_default();
            format!("{level} cryptomining{was}: {who} {does}; since {since}")
        }
        Kind::IncidentUpdated => {
            let news = incident.news.items().join(", ");
            format!("{level} cryptomining, new: {news}; {who} {does}; since {since}")
        }
        Kind::IncidentEnded => {
            let lasted = human(incident.last.since(incident.since));
            format!("ended after {lasted}: {level} cryptomining: {who} {does}; since {since}")
        }
        _ => format!("{level} cryptomining: {who} {does}; since {since}"),
    };
    if incident.self_test { format!("{SELF_TEST}{line}") } else { line }
}

/// Why two incidents turn out to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Same {
    /// One wallet is paid through one pool.
    Payee,
    /// One process started both, and both were found the same way.
    Lineage,
    /// What was learned late of a process makes it the other's.
    Program,
}

/// `ended: incident 0123456789abcdef goes on as incident fedcba9876543210, which runs the same program at the same
/// place`.
pub(super) fn merged(younger: &str, older: &str, same: Same) -> String {
    let same = match same {
        Same::Payee => "pays the same wallet through the same pool from",
        Same::Lineage => "was started by the same process and found the same way at",
        Same::Program => "runs the same program at",
    };
    format!("ended: incident {younger} goes on as incident {older}, which {same} the same place")
}

/// In small letters.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::None => "no",
        Level::Suspicious => "suspicious",
        Level::Likely => "likely",
        Level::Confirmed => "confirmed",
    }
}

/// `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

fn who(incident: &Incident) -> String {
    let Some(shown) = &incident.shown else { return "an unknown process".to_owned() };
    let process = &shown.process;
    let name = process.image.comm.as_deref().or_else(|| process.image.path()).unwrap_or("unknown");
    let about: Vec<_> = [program(process), count(incident.processes)].into_iter().flatten().collect();
    let mut who = notice::labelled(name, process.pid());
    if !about.is_empty() {
        who.push_str(&format!(" ({})", about.join(", ")));
    }
    let place = process.who.place.as_ref().and_then(|of| place(of, process.who.container.as_ref()));
    user(process).into_iter().for_each(|user| who.push_str(&format!(" of {user}")));
    place.into_iter().for_each(|place| who.push_str(&format!(" in {place}")));
    who
}

/// What runs: the script, else the executable; a name in brackets can be anything.
fn program(process: &Process) -> Option<String> {
    let image = &process.image;
    let shebang = image.filename.as_ref().filter(|name| image.interpreter.as_ref() != Some(name));
    let path = image.script.as_deref().filter(|script| *script != CODE_ARGUMENT);
    let path = path.or_else(|| shebang.filter(|_| image.exe.is_none()).map(String::as_str)).or(image.path());
    let path = middle_cut(path.filter(|path| !path.is_empty())?, PATH_SHOWN);
    // What has no name in the file system cannot be looked at there.
    let gone =
        image.script.is_none() && ExeState::of(Some(&path), image.exe_deleted) == Some(ExeState::Deleted);
    Some(if gone { format!("{path} deleted") } else { path })
}

/// `root, logged in as alice`: the latter only where it is someone else.
fn user(process: &Process) -> Option<String> {
    let who = &process.who;
    let named = |name: &Option<String>, id: Option<u32>| name.clone().or(id.map(|id| format!("uid {id}")));
    let user = named(&who.user, who.uid)?;
    let login = named(&who.login_user, who.loginuid).filter(|_| who.loginuid != who.uid);
    Some(login.map_or(user.clone(), |login| format!("{user}, logged in as {login},")))
}

/// `container web1 (nginx:1.25)`, `container app (shop:7) of pod shop/web-7d9c`, `job slurm:4242`, `web.service`.
fn place(place: &Place, told: Option<&Container>) -> Option<String> {
    if let Some(id) = &place.container {
        let name = told.and_then(|told| told.name.as_deref());
        let image = told
            .and_then(|told| told.image.as_deref())
            .map(|image| format!(" ({})", cut(image, PATH_SHOWN, 24)));
        let name = name.map_or_else(|| start(id, 12), short);
        let pod = pod(place, told).map(|pod| format!(" of pod {pod}"));
        return Some(format!("container {name}{}{}", image.unwrap_or_default(), pod.unwrap_or_default()));
    }
    let job = place.job.as_ref().map(|job| format!("job {job}"));
    let cgroup = || (!place.cgroup.is_empty()).then(|| format!("cgroup {}", place.cgroup));
    job.or_else(|| place.unit.clone()).or_else(cgroup)
}

/// `namespace/name`, else the pod's uid.
fn pod(place: &Place, told: Option<&Container>) -> Option<String> {
    let name = told.and_then(|told| told.pod.clone());
    let namespace = told.and_then(|told| told.namespace.as_ref()).map(|namespace| format!("{namespace}/"));
    name.map(|name| namespace.unwrap_or_default() + &name).or_else(|| place.pod.clone())
}

fn count(processes: u64) -> Option<String> {
    (processes > 1).then(|| format!("{processes} processes so far"))
}

fn does(incident: &Incident, past: bool) -> String {
    let mut does = acts(incident, past);
    let claim = &incident.claim;
    for (name, value) in [("wallet", &claim.wallet), ("worker", &claim.worker), ("agent", &claim.agent)] {
        if let Some(value) = value {
            does.push_str(&format!(", {name} {}", short(value)));
        }
    }
    does
}

fn acts(incident: &Incident, past: bool) -> String {
    let claim = &incident.claim;
    let Some(ends) = &incident.named else { return shows(incident, past) };
    let dialect = claim.dialect.as_deref().unwrap_or("stratum");
    let remote = ends.remote.to_string();
    let pool = claim.pool.as_deref().filter(|pool| *pool != remote).map(|pool| format!(" ({})", short(pool)));
    let to = remote.clone() + &pool.unwrap_or_default();
    match (incident.role, past) {
        (Role::Relay, false) => format!("relays {dialect} from other miners to {to}"),
        (Role::Relay, true) => format!("relayed {dialect} from other miners to {to}"),
        (_, false) => format!("speaks {dialect} with {to}"),
        (_, true) => format!("spoke {dialect} with {to}"),
    }
}

/// What is known without a conversation, by the rule that weighs most.
fn shows(incident: &Incident, past: bool) -> String {
    let mut evidence: Vec<(&'static Rule, String)> =
        incident.evidence.values().map(|seen| (seen.rule, seen.text())).collect();
    strongest_first(&mut evidence);
    let Some((rule, seen)) = evidence.first() else { return "shows nothing".to_owned() };
    let seen = cut(seen, SEEN_SHOWN, SEEN_SHOWN / 2);
    let (is, has) = if past { ("was", "had") } else { ("is", "has") };
    match (rule.family, &incident.claim.pool) {
        (Family::Binary, _) => format!("{is} a known miner by content ({seen})"),
        (Family::Argv, Some(pool)) => format!("was given the address of {}", short(pool)),
        (Family::Argv, None) => format!("{is} started as a miner is ({seen})"),
        _ => format!("{has} the marks of {}: {seen}", rule.name),
    }
}

fn start(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

/// A long value by its two ends.
fn short(value: &str) -> String {
    cut(value, SHOWN, 6)
}

fn middle_cut(value: &str, shown: usize) -> String {
    cut(value, shown, shown / 2)
}

/// At most `shown` characters, `tail` of them from its end.
fn cut(value: &str, shown: usize, tail: usize) -> String {
    let length = value.chars().count();
    if length <= shown {
        return value.to_owned();
    }
    let end: String = value.chars().skip(length - tail).collect();
    format!("{}…{end}", start(value, shown - tail - 1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{human, middle_cut, short};

    #[test]
    fn durations_read_well() {
        let texts = [0, 59, 60, 200, 3_600, 7_500, 86_400, 273_600].map(|s| human(Duration::from_secs(s)));
        let expected =
            ["0 s", "59 s", "1 min 0 s", "3 min 20 s", "1 h 0 min", "2 h 5 min", "1 d 0 h", "3 d 4 h"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn long_values_keep_both_ends() {
        assert_eq!(short("rig-1"), "rig-1");
        let wallet = format!("4{}ABCDEF", "a".repeat(88));
        assert_eq!(short(&wallet), "4aaaaaaaaaaaaaaaa…ABCDEF");
        assert_eq!(short(&"ü".repeat(95)).chars().count(), 24);
        assert_eq!(
            middle_cut(&format!("/tmp/{}/.x/kworker", "a".repeat(200)), 24),
            "/tmp/aaaaaa…a/.x/kworker"
        );
    }
}
